"""The words of the project as types: what an attempt, an outcome, a cell and a verdict are.

Everything here is frozen and pure. No stage passes a dict or a Namespace to the next one.
"""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any


class Kind(enum.StrEnum):
    """What an attempt repeats, from cheap to dear. Rates of different kinds are never pooled."""

    REPLAY = "replay"
    """The link script alone, as make vmlinux last ran it here, without make."""
    RELINK = "relink"
    """Remove what the link made, `make vmlinux`."""
    INCREMENTAL = "incremental"
    """As relink, after moving the source tree to another revision: what changed is compiled."""
    CACHED = "cached"
    """From an empty objtree, with what ccache has; only a clean build is proof that one from scratch shows it."""
    CLEAN = "clean"
    """From an empty objtree."""
    TEST = "test"
    """A command of the user's, after its setup if it is the first at this revision."""

    @property
    def is_from_scratch(self) -> bool:
        """Whether it begins with an empty objtree."""
        return self in (Kind.CACHED, Kind.CLEAN)

    @property
    def is_link_alone(self) -> bool:
        """Whether it needs an objtree that is at its revision already."""
        return self in (Kind.REPLAY, Kind.RELINK)


class Outcome(enum.StrEnum):
    """What one attempt showed. Only CLEAN and the two failures are evidence about the revision."""

    CLEAN = "CLEAN"
    """The link ran, its check passed, and our own comparison of the two maps agrees."""
    INCONSISTENT = "INCONSISTENT"
    """This very failure: the last temporary map and System.map differ."""
    FAILED = "FAILED"
    """The failure that a command of the user's looks for."""
    BROKEN = "BROKEN"
    """Another build error, or a build that proves nothing (no KALLSYMS, no maps)."""
    TIMEOUT = "TIMEOUT"
    INFRA = "INFRA"
    """The machine's fault: out of memory, disk full, a signal."""

    @property
    def is_evidence(self) -> bool:
        """Whether it says something of the revision."""
        return self is Outcome.CLEAN or self.is_failure

    @property
    def is_failure(self) -> bool:
        """Whether it is the failure that is looked for."""
        return self in (Outcome.INCONSISTENT, Outcome.FAILED)


class Verdict(enum.Enum):
    """What `step` tells git; the value is the exit status (git-bisect(1), "bisect run")."""

    GOOD = 0
    BAD = 1
    SKIP = 125
    ABORT = 128


class Consistency(enum.StrEnum):
    """Whether all attempts at a revision agree."""

    GOOD = "consistently good"
    BAD = "consistently bad"
    FLAKY = "flaky"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Draw:
    """What the variation drew for one attempt; with it the attempt can be repeated.

    `length` is the number of characters of KBUILD_BUILD_VERSION; it sets the length of the version
    string and through it the layout of what follows it in the image.
    """

    length: int = 1
    factors: tuple[tuple[str, str], ...] = ()
    """What else was drawn, each by name (configs/knowledge/variations.yaml); the value is empty where there is none."""

    @property
    def build_version(self) -> str:
        """KBUILD_BUILD_VERSION: a 1 followed by zeros, `length` characters long."""
        return "1" + "0" * (self.length - 1)

    def __str__(self) -> str:
        return " ".join(
            [f"length={self.length}", *(f"{name}={value}" if value else name for name, value in self.factors)]
        )


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The identity of a compiler and its binutils: another version is another cell."""

    name: str
    compiler: str
    """First line of `cc --version`."""
    linker: str
    digest: str
    """sha256 over path, size, mtime and version line of the compiler, its cc1, ld, nm and make."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Fixup:
    """A patch for a range of revisions, applied before they are built and taken back after."""

    patch: str
    """sha256 of its text, or the id of the commit that is picked."""
    since: str = ""
    """Id of a commit: only revisions that contain it; empty for all."""
    before: str = ""
    """Id of a commit: only revisions that do not contain it; empty for all."""


LATER = frozenset(("in_tree", "fixups"))
"""Fields of a cell that ledgers of before do not know."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Toolchain x kconfig x -j x variation policy. A failure rate belongs to a cell and a kind."""

    profile: str
    arch: str
    toolchain: Toolchain
    kconfig: str
    """Digest of defconfig name and fragments (what was asked for, not the .config that came of it)."""
    jobs: int
    targets: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    variation: str
    """The policy: `pinned`, `sweep:N` for N lengths of the version string, `pad:8` …, joined by `+`."""
    in_tree: bool = False
    """Built in the source tree itself, without O=."""
    fixups: tuple[Fixup, ...] = ()
    """In the order in which they are applied."""

    @property
    def fields(self) -> dict[str, Any]:
        """Every field for JSON; one that came later only where it is given, so that older ledgers keep their keys."""
        return {name: value for name, value in asdict(self).items() if value or name not in LATER}

    @property
    def key(self) -> str:
        """A stable id of 12 hex digits over every field but the profile's name, which builds nothing."""
        return _key(self)

    def __str__(self) -> str:
        return f"{self.arch}/{self.toolchain}"


@lru_cache(maxsize=1024)  # asked for of every attempt, and there are few cells
def _key(cell: Cell) -> str:
    fields = {name: value for name, value in cell.fields.items() if name != "profile"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Observation:
    """What the pure core needs of an attempt that has ended."""

    kind: Kind
    outcome: Outcome
    signature: str = ""
    """Why: the id of the signature that matched, or the first error line of a BROKEN build."""
    draw: Draw = field(default_factory=Draw)
    layout: str = ""
    """Layout key: 16 hex digits of the sha256 of the map of the last temporary link, empty where there was none.

    Equal keys are one layout, whatever was drawn for it."""
    from_scratch: bool = False
    """The objtree was empty when the attempt began."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit under test."""

    commit: str
    tree: str
    """What attempts are known by: its git tree, or that and the fixups that apply to it (core/fixups.py)."""
    title: str
    name: str = ""
    """How people call it: a tag, a describe string, or the abbreviated commit."""

    def __str__(self) -> str:
        return self.name or self.commit[:12]


@dataclass(frozen=True, slots=True)
class Plan:
    """An attempt about to begin: written to the ledger before make starts."""

    revision: Revision
    cell: Cell
    kind: Kind
    draw: Draw
    slot: str
    """Which slot it runs in."""
    paths: str
    """`bwrap` where source and O= look the same in every slot, else `prefix-map`."""
    from_scratch: bool
    command: str
    """The exact make line, to be pasted into a shell."""
    dropped: tuple[str, ...] = ()
    """Names of variables of the caller's environment that would have mattered and were not passed on."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one finished attempt cost and under which conditions it ran."""

    seconds: float
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    """Largest resident set of any one process, bytes (getrusage(2), ru_maxrss)."""
    load: float = 0.0
    """One-minute load average when it began (getloadavg(3))."""
    slots_in_use: int = 1
    """Slots of the repository that were locked when it began: so many attempts may have run at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended."""

    outcome: Outcome
    signature: str
    why: str
    """One sentence: what in the log or the maps decided."""
    measured: Measured
    exit_status: int | None = None
    """Exit status of make; negative for a signal, as subprocess has it; None if it never ended."""
    layout: str = ""
    """As in `Observation`."""
    kernel_release: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    """(file name, sha256) of what was kept, the log included."""
    vanished: tuple[str, ...] = ()
    """Options that were asked for by name and are not in .config, CONFIG_X."""
    inputs: str = ""
    """Digest of the inputs of its link, those with the version string included; empty where no link was seen."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the ledger: a plan and, once it has ended, its result."""

    number: int
    plan: Plan
    begun: float
    """Seconds since the epoch."""
    result: Result | None
    """None while it runs, or when it died with whatever ran it."""

    def observation(self) -> Observation | None:
        """What the pure core may know of it; None for an attempt that has not ended."""
        if self.result is None:
            return None
        return Observation(
            kind=self.plan.kind,
            outcome=self.result.outcome,
            signature=self.result.signature,
            draw=self.plan.draw,
            layout=self.result.layout,
            from_scratch=self.plan.from_scratch,
            seconds=self.result.measured.seconds,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """An attempt that has ended, as a search needs it."""

    number: int
    revision: Revision
    observation: Observation
    slot: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it was given, with what it spent of the error budget."""

    commit: str
    cell: str
    kind: Kind
    verdict: Verdict
    consistency: Consistency
    rationale: str
    miss: float
    """Probability that a revision with this failure would have shown what was seen (0 unless GOOD)."""
    when: float


class Word(enum.StrEnum):
    """What people may tell of a revision."""

    FAILED = "failed"
    CLEAN = "clean"
    UNTESTABLE = "untestable"
    NOTHING = "nothing"
    """Takes back what was told before."""


@dataclass(frozen=True, slots=True)
class Told:
    """A human's word about a revision in one cell; it counts instead of attempts and teaches no rate."""

    revision: Revision
    cell: str
    word: Word
    why: str
    who: str
    """user@host"""
    when: float


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A human's word that an attempt is no evidence."""

    attempt: int
    why: str
    who: str
    when: float
