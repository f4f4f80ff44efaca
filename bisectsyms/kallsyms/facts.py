"""What is known of one link before anyone reasons about it: what the rules of the causes are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.nature import Nature
from bisectsyms.kallsyms.difference import Difference
from bisectsyms.model import Outcome


@dataclass(frozen=True, slots=True)
class TableSizes:
    """One kallsyms object of the link (K1, K2, K3)."""

    name: str
    """Its file."""
    size: int
    """Bytes of the object file, as the kernel's script compares them (`stat -c %s`); 0: it is not there."""
    parts: tuple[tuple[str, int], ...]
    """(kallsyms_* label, bytes up to the next one), in the order of the object."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of an image, as its header says."""

    name: str
    address: int
    size: int
    align: int
    flags: str
    """The letters of readelf -S."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a linked image says of itself."""

    name: str
    machine: str
    """As e_machine is called in elf.h, without EM_: ARM, AARCH64, X86_64, PPC64 …"""
    bits: int
    sections: tuple[Section, ...]
    symbols: frozenset[str]
    """Every name of its symbol table, those too that mksysmap leaves out."""
    table_wrong: tuple[str, ...] = ()
    """Symbols at which the kallsyms table inside it is not true to it: `name: table …, image …`; the first few."""


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What the build's own log tells of its order."""

    twice: tuple[str, ...] = ()
    """Files that go into vmlinux and were made more than once by one make: `CC init/version-timestamp.o`, or where two
    rules write one file `FPRINT and CC init/version-timestamp.o`."""
    late: tuple[str, ...] = ()
    """Such files that were made when a pass of the link had begun: `CC lib/x.o after LD .tmp_vmlinux.kallsyms1`."""
    shuffle: str = ""
    """Seed of make --shuffle, from its error line."""
    damaged: tuple[str, ...] = ()
    """Lines that say that a file was read while it was written: `file truncated`, `file format not recognized`."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What attempts at this revision showed under one condition: for the causes that one failing link cannot tell."""

    condition: str
    """`same` (as this attempt), `clean`, `incremental`, `jobs=1`, `ld=lld`, `toolchain=…`, `host=…`, `length=…`,
    `extra-pass`; of `recompile` an object that differed has failed."""
    failed: int
    clean: int


@dataclass(frozen=True, slots=True)
class Answered:
    """An experiment that has been made and was decided."""

    text: str
    speaks_for: Sequence[str]
    """Causes, by their ids."""
    speaks_against: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. What could not be found out is None or empty, which is never evidence of anything."""

    era: str
    final: Difference | None
    """Map of the last temporary link against System.map."""
    passes: Sequence[Difference] = ()
    """P1 against P2, P2 against P3."""
    tables: Sequence[TableSizes] = ()
    temporary: Image | None = None
    """The last temporary image."""
    image: Image | None = None
    """vmlinux."""
    unlisted: Sequence[str] = ()
    """Names that both images have and only one of the two maps (kallsyms/listing.py)."""
    stripped: Sequence[str] = ()
    """Local symbols of the earlier map, where the later map has no local symbol at all."""
    moved: Sequence[str] = ()
    """Inputs of the link that changed between two passes, in words (effects/inputs.py)."""
    watched: bool = False
    """Whether anybody looked: only then says an empty `moved` that none changed."""
    unlike: Sequence[str] = ()
    """Inputs that are not those of the last attempt that passed here."""
    in_table: Sequence[str] = ()
    """Labels of the kallsyms table that it lists among the symbols, which it should leave out."""
    writers: Sequence[str] = ()
    """What the log shows of targets that write what moved: `FPRINT init/version-timestamp.o`."""
    log: LogFacts = LogFacts()
    tried: Sequence[Tried] = ()
    answered: Sequence[Answered] = ()
    incremental: bool | None = None
    """Whether the objtree held an older build."""
    nature: Nature | None = None
    """What the failure is a function of, where attempts have shown it."""
    nature_why: Sequence[str] = ()
    outcome: Outcome | None = None
    """Of the attempt, or as its log says; None where nobody judged it."""
    outcome_why: str = ""
    """What decided that."""
