"""A ledger as JSON lines, for another host: a header, cells, attempts, words of people, answers, verdicts, an end.

Whoever wrote the file, each line is checked here before a row is made of it, and the whole file before
the first row is written. Ids must look like ids and names like names, because later they become
arguments of git and parts of paths; nothing in the file is ever executed. It is read a line at a time, and never held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from bisectsyms import __version__
from bisectsyms.core.words import plain, visible
from bisectsyms.effects.ledger import rows
from bisectsyms.effects.ledger.rows import Row
from bisectsyms.effects.ledger.schema import MIGRATIONS
from bisectsyms.errors import UserError
from bisectsyms.model import Cell, Consistency, Kind, Outcome, Word

LONGEST = 1 << 22
"""Bytes of a line; an attempt takes about two thousand."""
LARGEST = 2**63 - 1
"""What SQLite can store as an integer."""
LATEST = 253_370_764_800.0
"""Seconds since the epoch: the year 9999. No calendar goes further, and no report of a later time could be made."""

ID = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
Id = Annotated[str, Field(pattern=ID)]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=0, le=LARGEST)]
FactorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
FactorValue = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")]
"""Whether the factor takes it is asked before it is built with (core/factors.py)."""
Flag = Annotated[int, Field(ge=0, le=1)]
Time = Annotated[float, Field(ge=0.0, le=LATEST)]


class Line(BaseModel):
    """What all lines have in common: `record` tells them apart, no other key than these, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Header(Line):
    """The first line. What a newer one may have beside this is passed over, so that its version can be told."""

    model_config = ConfigDict(extra="ignore")

    record: Literal["ledger"]
    program: str
    schema_version: Annotated[int, Field(ge=1)]
    host: str


class CellLine(Line):
    record: Literal["cell"]
    key: Key
    cell: Cell

    @field_validator("cell")
    @classmethod
    def _no_path(cls, cell: Cell) -> Cell:
        """`again` looks the profile up by this name; a path could lead it into the tree under test."""
        if "/" in cell.profile or cell.profile.endswith((".yaml", ".yml")):
            raise ValueError(f"{cell.profile!r} is no name of a profile")
        return cell

    @field_validator("cell")
    @classmethod
    def _no_word_of_git(cls, cell: Cell) -> Cell:
        """Which revisions a fixup is for is asked of git, with these ids in the command."""
        for one in cell.fixups:
            for text in (one.patch, one.since, one.before):
                if text and not re.fullmatch(ID, text):
                    raise ValueError(f"{text!r} is no id of a fixup or commit")
        return cell


class AttemptLine(Line):
    """An attempt that has ended, its fields named as the columns of the ledger."""

    record: Literal["attempt"]
    uuid: Uuid
    begun: Time
    host: str
    boot: str
    pids: str
    pid: Number
    pid_started: float
    revision: Id
    tree: Id
    title: str
    name: str
    cell: Key
    kind: Kind
    draw_length: Annotated[int, Field(ge=1, le=64)]
    draw_factors: tuple[tuple[FactorName, FactorValue], ...] = ()
    slot: str
    paths: str
    from_scratch: Flag
    command: str
    dropped: tuple[str, ...]
    ended: Time
    buried: Flag
    outcome: Outcome
    signature: str
    why: str
    exit_status: Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | None
    layout: str
    kernel_release: str
    seconds: Time
    cpu_seconds: Time
    peak_rss: Number
    load: Time
    slots_in_use: Number
    vanished: tuple[str, ...] = ()
    inputs: str | None = None
    evidence: tuple[tuple[str, Digest], ...]

    def row(self) -> Row:
        """The columns of the table of attempts."""
        lists = {name: json.dumps(getattr(self, name)) for name in rows.LISTS}
        return self.model_dump(mode="json", exclude={"record", "evidence", *rows.LISTS}) | lists


class ExclusionLine(Line):
    record: Literal["exclusion"]
    attempt: Uuid
    said: Time
    who: str
    why: str
    excluded: Flag


class ToldLine(Line):
    record: Literal["told"]
    cell: Key
    tree: Id
    said: Time
    who: str
    word: Word
    why: str
    revision: Id
    title: str
    name: str


class AnswerLine(Line):
    """What a search has told there; the fields are those of `core.searchanswer.SearchAnswer`."""

    record: Literal["answer"]
    told: Time
    cell: Key
    good: tuple[Id, ...]
    bad: Id
    find_fix: Flag
    ending: Literal["culprit", "artefact", "predates", "not-reproduced", "undecided"]
    revision: Id | Literal[""]
    probability: Annotated[float, Field(ge=0.0, le=1.0 + 1e-6)]
    """A sum of many, which may end a hair above 1."""
    means: str
    exposing: Flag
    warnings: tuple[str, ...]
    likely_wrong: Flag
    reverted: Literal["", "GOOD", "BAD", "SKIP", "ABORT"]
    reverted_why: str
    host: str
    """Whose search it was; empty: of the host that has exported it."""

    def row(self) -> Row:
        """The columns of the table of answers."""
        lists = {name: json.dumps(getattr(self, name)) for name in rows.ANSWER_LISTS}
        return self.model_dump(mode="json", exclude={"record", *rows.ANSWER_LISTS}) | lists


class VerdictLine(Line):
    """What was said there; it is for other readers, and never taken over."""

    record: Literal["verdict"]
    judged: Time
    revision: Id
    cell: Key
    kind: Kind
    verdict: Literal["GOOD", "BAD", "SKIP", "ABORT"]
    consistency: Consistency
    rationale: str
    miss: Time


class EndLine(Line):
    """The last line, so that a file which was cut short is known for one."""

    record: Literal["end"]
    lines: Number


Body = CellLine | AttemptLine | ExclusionLine | ToldLine | AnswerLine | VerdictLine | EndLine
ANY: TypeAdapter[Body] = TypeAdapter(Annotated[Body, Field(discriminator="record")])


@dataclass(frozen=True, slots=True)
class Batch:
    """A file that was read to its end and fits together."""

    host: str
    source: IO[bytes]
    name: str
    start: int

    def lines(self) -> Iterator[Body]:
        """What follows the header, read and checked anew: the file may be changed meanwhile, and is not held.

        Raises:
            UserError: as `read`.
        """
        self.source.seek(self.start)
        return _Reading(self.name).lines(self.source)


def write(host: str, records: Iterable[dict[str, object]]) -> Iterator[bytes]:
    """The lines of a file: what `Merging.records` gives, between a header and an end."""
    header = {
        "record": "ledger",
        "program": f"bisectsyms {__version__}",
        "schema_version": len(MIGRATIONS),
        "host": host,
    }
    number = 0
    for number, record in enumerate(chain((header,), records), 1):  # noqa: B007 - its last value is used
        yield _text(record)
    yield _text({"record": "end", "lines": number})


def _text(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def read(source: IO[bytes], name: str, aside: IO[bytes] | None = None) -> Batch:
    """Read and check a whole file; `name` stands in errors, with the number of the line.

    A `source` that can be read only once is copied to `aside` on the way, line by line as each is found to be right.

    Raises:
        UserError: it is no export, of a newer version, damaged, or does not fit together.
    """
    reading = _Reading(name)
    kept = source if aside is None else aside
    start = kept.tell()
    for _ in reading.lines(source, aside):
        pass
    return Batch(reading.host, kept, name, start)


class _Reading:
    """How far it was read, and what later lines may refer to."""

    def __init__(self, name: str) -> None:
        self.host = ""
        self._name = name
        self._number = 1
        self._keys: set[str] = set()
        self._uuids: set[str] = set()
        self._ended = False

    def lines(self, source: IO[bytes], aside: IO[bytes] | None = None) -> Iterator[Body]:
        text = source.readline(LONGEST)
        self.host = self._header(text)
        while True:
            if aside is not None:
                aside.write(text)
            if not (text := source.readline(LONGEST)):
                break
            yield self._line(text)
        if not self._ended:
            raise self._error("the file ends before its end: it was cut short")

    def _header(self, line: bytes) -> str:
        try:
            header = Header.model_validate_json(line)
        except ValidationError as error:
            raise self._error("this is no ledger that bisectsyms has exported") from error
        if header.schema_version > len(MIGRATIONS):
            raise UserError(
                f"{self._name}:1: written by {plain(header.program)}: its ledger is of version "
                f"{header.schema_version}, and this bisectsyms {__version__} knows versions up to {len(MIGRATIONS)}; "
                "nothing was taken over",
                next_step="pip install --upgrade bisectsyms",
            )
        return header.host

    def _line(self, text: bytes) -> Body:
        self._number += 1
        if self._ended:
            raise self._error("there is more after the end")
        try:
            line = ANY.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            said = f"{place}: {first['msg']}" if place else first["msg"]
            raise self._error(visible(" ".join(said.split()))) from error
        if problem := self._problem(line):
            raise self._error(problem)
        return line

    def _problem(self, line: Body) -> str:
        """What does not fit to the lines before it; empty if all does."""
        match line:
            case CellLine():
                self._keys.add(line.key)
                return "" if line.cell.key == line.key else f"cell {line.key} has other contents than its key says"
            case AttemptLine() | ToldLine() | AnswerLine() | VerdictLine() if line.cell not in self._keys:
                return f"its cell {line.cell} is not in the lines before"
            case AttemptLine():
                twice = line.uuid in self._uuids
                self._uuids.add(line.uuid)
                return f"attempt {line.uuid} is here twice" if twice else ""
            case ExclusionLine() if line.attempt not in self._uuids:
                return f"its attempt {line.attempt} is not in the lines before"
            case EndLine():
                self._ended = True
                missing = line.lines != self._number - 1
                return f"{line.lines} lines were written, {self._number - 1} are here" if missing else ""
        return ""

    def _error(self, what: str) -> UserError:
        return UserError(
            f"{self._name}:{self._number}: {what}; nothing was taken over",
            next_step="export it again: bisectsyms ledger export FILE",
        )
