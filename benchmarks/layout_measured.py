"""What the builds of benchmarks/kernel_layout.py showed: the truth by make alone, and what each way of searching named.

Kept in the folder after every build, so that a run that was stopped goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.layout_history import History
from benchmarks.plain_build import PlainBuild

LENGTHS = range(1, 33)
"""Those of the sweep."""
AGAIN = 3
"""How often a draw is repeated to see that it ends alike."""


@dataclass(frozen=True, slots=True)
class Way:
    """What a way of searching came to."""

    commit: str
    """That it named; empty if none."""
    good: tuple[str, ...] = ()
    """Commits that git was told to be good."""
    attempts: int = 0
    sure: str = ""
    """How sure it was, and of what."""
    twice: int = 0
    """Draws that were made more than once."""
    differed: int = 0
    """Those of them that did not end alike."""
    load: float = 0.0
    """Mean over its attempts, where a ledger has it."""


@dataclass(slots=True)
class Measured:
    """All that is known so far; commits by their number."""

    path: Path
    natural: dict[str, bool] = field(default_factory=dict)
    """Whether a commit fails at the natural string."""
    sweeps: dict[str, dict[str, bool]] = field(default_factory=dict)
    """Whether a commit fails, by length."""
    again: dict[str, list[bool]] = field(default_factory=dict)
    """Draws of the culprit, by length, each AGAIN times."""
    ways: dict[str, Way] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """What the ways have taken so far."""

    @classmethod
    def load(cls, folder: Path) -> Measured:
        path = folder / "measured.json"
        if not path.exists():
            return cls(path)
        told = json.loads(path.read_text())
        ways = {name: Way(**way | {"good": tuple(way["good"])}) for name, way in told.pop("ways").items()}
        return cls(path, ways=ways, **told)

    def save(self) -> None:
        told = asdict(self)
        del told["path"]
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(told, indent=2))
        part.rename(self.path)

    def bad_end(self, found: History) -> int:
        """The newest commit that fails at the natural string, as a bisect begins with a failure."""
        return max(number for number in range(found.culprit, len(found.commits)) if self.natural[str(number)])

    def failing(self, number: int) -> list[int]:
        """The lengths at which a commit that was swept fails."""
        return [length for length in LENGTHS if self.sweeps[str(number)][str(length)]]


def measure(found: History, build: PlainBuild, measured: Measured, deadline: Callable[[], bool]) -> bool:
    """Build what is not measured yet; False if the deadline came first."""
    for number in range(found.culprit - 1, len(found.commits)):
        if str(number) not in measured.natural:
            if deadline():
                return False
            measured.natural[str(number)] = build.fails(found.commits[number])
            measured.save()
    for number in (found.culprit - 1, found.culprit):
        sweep = measured.sweeps.setdefault(str(number), {})
        for length in LENGTHS:
            if str(length) not in sweep:
                if deadline():
                    return False
                sweep[str(length)] = build.fails(found.commits[number], length)
                measured.save()
    for length in _twice(found, measured):
        made = measured.again.setdefault(str(length), [])
        while len(made) < AGAIN:
            if deadline():
                return False
            made.append(build.fails(found.commits[found.culprit], length))
            measured.save()
    return True


def _twice(found: History, measured: Measured) -> Iterable[int]:
    """Lengths that are tried again: the first and the last that fail, the first and the last that do not."""
    failing = measured.failing(found.culprit)
    clean = [length for length in LENGTHS if length not in failing]
    return dict.fromkeys(one for lengths in (failing, clean) for one in (lengths[:1] + lengths[-1:]))
