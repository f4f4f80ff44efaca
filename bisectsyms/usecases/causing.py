"""The cause of a failure in one line, kept beside the ledger: reports ask again, and an answer takes a second.

Only so many are looked for at a time. What is kept is looked at anew once the ledger knows twice as many attempts at
that revision, because the cause of a failure rests on the others, too.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from bisectsyms import __version__
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.newfile import replace_file
from bisectsyms.errors import InfraError, UserError
from bisectsyms.kallsyms.naming import State
from bisectsyms.model import Attempt
from bisectsyms.usecases import diagnose
from bisectsyms.usecases.failures import Cause

NAME = "causes.json"


def look_into(repository: Repository, number: int) -> Cause:
    """What `bisectsyms diagnose` says of an attempt, in one line.

    Raises:
        UserError: what is kept of it is not enough.
    """
    found = diagnose.of_attempt(repository, number)
    final = found.facts.final
    first = final.first if final is not None else None
    text = "" if found.diagnosis.state is State.NO_EVIDENCE else found.diagnosis.summary
    return Cause(text, (first.before or first.after) if first is not None else "")


class KeptCauses:
    """Says the cause of an attempt; `look` finds it out, `known` tells how many attempts there are at its revision."""

    def __init__(
        self, state_dir: Path, look: Callable[[int], Cause], known: Callable[[Attempt], int], *, most: int
    ) -> None:
        self._path, self._look, self._known, self._left = state_dir / NAME, look, known, most
        self._kept = self._read()
        self._fresh = False

    def __call__(self, attempt: Attempt) -> Cause:
        """What is kept or found; empty where nobody has looked yet, or nothing could be read."""
        key, known = str(attempt.number), self._known(attempt)
        kept = self._kept.get(key)
        if kept is not None and (known < 2 * kept[0] or not self._left):
            return Cause(kept[1], kept[2])
        if not self._left:
            return Cause()
        self._left -= 1
        try:
            found = self._look(attempt.number)
        except InfraError:
            return Cause()  # of this moment, and so not kept
        except UserError:
            found = Cause()
        self._kept[key] = (known, found.text, found.symbol)
        self._fresh = True
        return found

    def keep(self) -> None:
        """Write down what was found; a report is no worse if that cannot be."""
        if self._fresh:
            text = json.dumps({"software": __version__, "causes": self._kept})
            with contextlib.suppress(InfraError):
                replace_file(self._path, f"{text}\n".encode())
            self._fresh = False

    def _read(self) -> dict[str, tuple[int, str, str]]:
        """What another report of this version has found; a damaged file is as none, it is only spared work."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if found["software"] != __version__:
                return {}
            return {str(key): (int(one[0]), str(one[1]), str(one[2])) for key, one in found["causes"].items()}
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return {}
