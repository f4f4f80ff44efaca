"""What a slot last linked without the failure, so that a failure can say which inputs of its link are others.

Where they differ between two attempts at one revision with one draw of everything but the version string, what differs
names the cause: a race between compilers, a header made twice, a compiler that is not deterministic.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.inputs import Inputs

NAME = "clean-inputs"


@dataclass(frozen=True, slots=True)
class LastClean:
    """The note of one slot."""

    slot: Path

    def note(self, key: str, linked: Inputs) -> None:
        """An attempt passed; `key` stands for its revision and what was drawn."""
        with contextlib.suppress(OSError):  # a full disk costs the comparison, no more
            (self.slot / NAME).write_text(json.dumps([key, list(linked.files)]))

    def differing(self, key: str, linked: Inputs) -> Sequence[str]:
        """Inputs of a failed attempt that are not those of the last one that passed, sorted; none where none did."""
        try:
            before, files = json.loads((self.slot / NAME).read_text())
        except (OSError, ValueError, TypeError):
            return ()
        if before != key:
            return ()
        unlike = {tuple(one) for one in files} ^ set(linked.files)
        return sorted({path for _, path in unlike})
