"""What a worker on another host is told, and what is heard of it: bytes on the way, and only between equal versions."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.decide import Ask
from bisectsyms.errors import BisectsymsError
from bisectsyms.inputs.plan import HuntPlan
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.model import Draw, Kind, Observation, Revision
from bisectsyms.usecases.desk import Place
from bisectsyms.usecases.matrix import Build


@dataclass(frozen=True, slots=True)
class Home:
    """Where a worker works for a repository, and how."""

    key: str
    """Of the repository, see `effects.copies`."""
    name: str
    slots_dir: Path | None
    """None for its own."""
    nice: bool
    floor: int
    """Bytes of its disk that are to stay free."""
    disk: int | None
    """Bytes for all its objtrees; None for no budget."""
    keep_evidence: int
    infra_wait: float


@dataclass(frozen=True, slots=True)
class Join:
    """Be ready to build these commits, and say what you are."""

    home: Home
    plan: HuntPlan
    profiles: Mapping[str, LoadedProfile]
    commits: tuple[str, ...]
    source: str
    """A path or URL to fetch from; empty where a bundle will be sent."""
    bundle: bytes = b""


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker is there."""

    host: str
    clock: float
    """Seconds since the epoch, as told there."""
    missing: tuple[str, ...]
    """Commits that it does not have."""
    have: tuple[str, ...]
    """Commits that it got earlier."""
    builds: tuple[Build, ...]
    """The cells of the plan as it has them."""
    notes: tuple[str, ...]
    """What it lacks."""
    records: tuple[dict[str, object], ...]
    """All that has ever ended there, as `ledger export` has it: an answer of before may have been lost."""


@dataclass(frozen=True, slots=True)
class Stint:
    """Make attempts at a spot: one for each draw, or as many as there is time for."""

    home: Home
    build: Build
    profile: LoadedProfile
    revision: Revision
    kind: Kind
    why: str
    draws: tuple[Draw, ...]
    seen: tuple[Observation, ...]
    """What is known of the spot, wherever it was made."""
    slot: int
    """The one that is warm."""
    most: int
    """Attempts, with those that bring the objtree there."""
    seconds: float
    """No attempt is begun after so many."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Open a bench in this cell, and make one attempt there if one is asked for."""

    home: Home
    build: Build
    profile: LoadedProfile
    slot: int
    """As of a stint."""
    revision: Revision | None = None
    ask: Ask | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it; whatever it ended with, the attempts that were made are in the records."""

    clock: float
    records: tuple[dict[str, object], ...]
    evidence: Mapping[str, bytes]
    """Digest -> content, gzip'd."""
    left_out: tuple[str, ...]
    """Names of files that were too large to be sent; they are kept there."""
    said: tuple[str, ...]
    from_nothing: Kind = Kind.CLEAN
    place: Place | None = None
    """Where the objtree is now; None where no bench could be opened."""
    left: str = ""
    """Why the spot takes no attempt any more."""
    trouble: str = ""
    """Why the machine is to be left alone for a while; then nothing was made."""
    error: BisectsymsError | None = None


def pack(message: object) -> bytes:
    """A message as bytes, for `unpack` on the other side."""
    return pickle.dumps(message)


def unpack(message: bytes) -> object:
    """Only of those who may run anything here anyway: who reaches a scheduler of Dask may do that."""
    return pickle.loads(message)  # noqa: S301 - see above
