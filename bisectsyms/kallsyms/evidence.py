"""How a rule speaks: what it saw for its cause and against it, by weight, and how sure that makes us."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bisectsyms.core.words import listed
from bisectsyms.kallsyms.facts import Facts

MOST = 4
"""Names in one sentence."""


class Axis(enum.StrEnum):
    """A failure has one cause on each: how the maps come to differ, and what made this build one that fails."""

    MECHANISM = "mechanism"
    TRIGGER = "trigger"


class Sure(enum.StrEnum):
    """How sure a cause is. Words with a rule behind them, because nobody has counted how often they are right."""

    CERTAIN = "certain"
    """Something was seen that nothing else leaves, and nothing speaks against it."""
    LIKELY = "likely"
    """The whole signature was seen, and nothing speaks against it; or such a proof, and something does."""
    POSSIBLE = "possible"
    """The whole signature was seen, and something speaks against it."""


RANK = {Sure.CERTAIN: 0, Sure.LIKELY: 1, Sure.POSSIBLE: 2, None: 3}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule saw, each a sentence."""

    proofs: Sequence[str] = ()
    """Nothing else leaves this."""
    signs: Sequence[str] = ()
    """The signature of the cause."""
    hints: Sequence[str] = ()
    """It fits, and fits others, too: never enough for a name."""
    against: Sequence[str] = ()

    @property
    def sure(self) -> Sure | None:
        """None: the cause is not to be named."""
        if self.proofs:
            return Sure.LIKELY if self.against else Sure.CERTAIN
        if self.signs:
            return Sure.POSSIBLE if self.against else Sure.LIKELY
        return None

    @property
    def speaks_for(self) -> tuple[str, ...]:
        """Everything in favour, the heaviest first, each once."""
        return tuple(dict.fromkeys((*self.proofs, *self.signs, *self.hints)))


@dataclass(frozen=True, slots=True)
class Names:
    """Which symbols and files are of a kind that a cause is known by (configs/knowledge/causes.yaml)."""

    boundary: Sequence[re.Pattern[str]]
    stub: Sequence[re.Pattern[str]]
    generated: Sequence[re.Pattern[str]]
    table: Sequence[re.Pattern[str]]
    version: Sequence[re.Pattern[str]]
    """Of files."""


def among(names: Iterable[str], patterns: Sequence[re.Pattern[str]]) -> tuple[str, ...]:
    """Those that one of the patterns matches, each once and in their order."""
    return tuple(dict.fromkeys(name for name in names if any(one.search(name) for one in patterns)))


def few(names: Iterable[str]) -> str:
    """As a sentence has them: each once, the first few and how many more there are."""
    return listed(tuple(dict.fromkeys(names)), MOST)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A bug of the kind in Linux itself."""

    cause: str
    what: str
    year: int | None = None
    commit: str = ""
    """What mended it, or brought what finds it; empty where none is known."""
    url: str = ""


Rule = Callable[[Facts, Names], Evidence]


@dataclass(frozen=True, slots=True)
class Cause:
    """One known cause and how it is told."""

    id: str
    axis: Axis
    title: str
    signature: str
    """What the rule looks for, in words."""
    experiment: str
    """Name of the experiment that would prove it; empty where one failing link proves it or nothing can."""
    proof: str
    """What that experiment has to show."""
    mend: str
    rule: Rule
