"""Reads a build log once, in bounded memory, and keeps the few lines that say what happened.

A log is hundreds of megabytes under V=1 and holds any bytes at all. So only a line that holds one of some
literals, which are looked for all at once (Aho and Corasick), is cleaned and matched; behind a margin (kbuild's
commands have one) only for what may be glued to a command. A line that merely quotes (a compiler showing source,
a shell trace, git log, a mail) is never a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import BytesAhoCorasick

from bisectsyms.core.errorlines import NEEDLES, WARNING, ErrorLine, error_line
from bisectsyms.core.loglines import MOST_LINE, QUOTED, blocks, clean, text
from bisectsyms.model import Outcome

MARGIN = (b" ", b"\t")
NO_ERROR = WARNING.encode()
MOST_TEXT = 300
MOST_ERRORS = 10_000
"""Error lines that are compared for the smallest; what follows them is only searched for signatures. The end of a build
that prints more has been told, and a gigabyte of them would take minutes."""
MOST_VAIN = 500_000
"""Lines that hold a word of an error, and tell none, after which no error is looked for any more: as above."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A kind of line that says how an attempt ended (configs/knowledge/signatures.yaml)."""

    id: str
    outcome: Outcome
    pattern: str
    """Regular expression over the bytes of one line, escapes and control characters removed."""
    why: str
    needles: tuple[str, ...] = ()
    """Literals of which every matching line holds one; none: each line is tried, which is slow."""
    glued: bool = False
    """It may stand behind the command of another job that has not ended its line yet."""
    even_if_passed: bool = False
    """It spoils an attempt whose make ended with 0, too."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first line that matched a signature."""

    signature: str
    outcome: Outcome
    line: str
    number: int
    """Counted from 1."""
    why: str = ""
    even_if_passed: bool = False


@dataclass(frozen=True, slots=True)
class Digest:
    """All that is kept of a log."""

    findings: tuple[Finding, ...]
    """The first of each signature, in the order of the signatures, which is their precedence."""
    first_error: str
    """The error line that stands for the failure, stable between two runs; empty without one."""
    lines: int
    error_name: str = ""
    """Short and stable name of `first_error`, without line numbers; see `errorlines.ErrorLine`."""
    error_number: int = 0


def scan(chunks: Iterable[bytes], signatures: Sequence[Signature], *, roots: Sequence[str] = ()) -> Digest:
    """Digest a log given as chunks cut anywhere; never raises on content.

    `roots` are the paths of O= and of the source as the build saw them; errors are named relative to them.
    """
    scanner = _Scanner(signatures, roots)
    for block in blocks(chunks):
        scanner.take(block)
    return scanner.digest()


class _Scanner:
    def __init__(self, signatures: Sequence[Signature], roots: Sequence[str]) -> None:
        self._all = signatures
        self._roots = roots
        self._wanted = list(signatures)
        self._found: dict[str, Finding] = {}
        self._error: ErrorLine | None = None
        self._error_number = 0
        self._errors = 0
        self._vain = 0
        self._times = 1
        self._lines = 0
        self._plan()

    def _plan(self) -> None:
        """What to look for from here on; of the errors the smallest is kept."""
        self._tests = [(one, _compiled(one.pattern)) for one in self._wanted]
        self._glued = tuple({needle.encode() for one in self._wanted if one.glued for needle in one.needles})
        self._each_line = any(not one.needles for one in self._wanted)
        literals = {needle.encode() for one in self._wanted for needle in one.needles}
        self._of_signatures = BytesAhoCorasick(literals)
        self._of_any = BytesAhoCorasick(literals.union(NEEDLES) if self._names_errors else literals)

    @property
    def _names_errors(self) -> bool:
        return self._errors < MOST_ERRORS and self._vain < MOST_VAIN

    def take(self, block: bytes) -> None:
        number, counted = self._lines + 1, 0
        for start, raw in self._suspects(block):
            number += block.count(b"\n", counted, start)
            counted = start
            self._look(raw, number)
        self._lines += block.count(b"\n") + (not block.endswith(b"\n") and bool(block))

    def _suspects(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        """Lines that are worth a look by what is wanted when each is reached, and where they begin."""
        if self._each_line:
            yield from _lines(block)
            return
        planned, end = self._of_any, -1
        for _, at, stop in planned.find_matches_as_indexes(block):
            if at < end:  # in the line before
                continue
            start, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
            end = len(block) if end < 0 else end
            raw = block[start : min(end, start + MOST_LINE)]
            self._times = 1
            if block.startswith(raw, end + 1):  # what floods a log repeats a line
                self._times = _times(block, start, end)
                end += (self._times - 1) * (end + 1 - start)
            if raw.startswith(MARGIN):
                wanted = any(needle in raw for needle in self._glued)
            elif self._of_any is planned:
                wanted = stop <= start + MOST_LINE
            else:
                wanted = bool(self._of_any.find_matches_as_indexes(raw))
            if wanted:
                yield start, raw

    def _look(self, raw: bytes, number: int) -> None:
        line, margin = clean(raw), raw.startswith(MARGIN)
        suspect = self._each_line or bool(self._of_signatures.find_matches_as_indexes(line))
        if QUOTED.match(line):
            return
        for signature, pattern in self._tests if suspect else ():
            if (signature.glued or not margin) and pattern.search(line):
                self._found[signature.id] = Finding(
                    signature.id,
                    signature.outcome,
                    text(line)[:MOST_TEXT],
                    number,
                    signature.why,
                    signature.even_if_passed,
                )
                self._wanted = [one for one in self._wanted if one.id not in self._found]
        if len(self._wanted) < len(self._tests):
            self._plan()
        if margin or not self._names_errors:
            return
        said = line[: 4 * MOST_TEXT]
        # A linker may warn of every section of every object.
        if error := None if NO_ERROR in said else error_line(text(said), self._roots):
            self._errors += self._times
            if self._error is None or error.key < self._error.key:
                self._error, self._error_number = error, number
        else:
            self._vain += self._times
        if not self._names_errors:
            self._plan()

    def digest(self) -> Digest:
        findings = tuple(self._found[one.id] for one in self._all if one.id in self._found)
        if self._error is None:
            return Digest(findings, "", self._lines)
        first = self._error.text[:MOST_TEXT]
        return Digest(findings, first, self._lines, self._error.name, self._error_number)


def _times(block: bytes, start: int, end: int) -> int:
    """How often the line from `start` to `end` stands there, one after the other."""
    line, at = block[start : end + 1], end + 1
    while block.startswith(line, at):
        at += len(line)
    return (at - start) // len(line)


def _lines(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each line begins, and what of it is looked at."""
    at = 0
    while at < len(block):
        end = block.find(b"\n", at)
        end = len(block) if end < 0 else end
        yield at, block[at : min(end, at + MOST_LINE)]
        at = end + 1


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode(), re.MULTILINE)
