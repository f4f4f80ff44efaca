"""Reads a build log once, in bounded memory, and keeps the few lines that say what happened.

A log is hundreds of megabytes under V=1 and holds any bytes at all. So only a line that begins without a
margin (kbuild's commands have one) and holds one of some literals is cleaned and matched. A line that
merely quotes (a compiler showing source, a shell trace, git log, a mail) is never a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bisectsyms.core.errorlines import NEEDLES, ErrorLine, error_line
from bisectsyms.core.loglines import MOST_LINE, QUOTED, blocks, clean, text
from bisectsyms.model import Outcome

MOST_TEXT = 300
MOST_ERRORS = 10_000
"""Error lines that are compared for the smallest; what follows them is only searched for signatures. The end of a build
that prints more has been told, and a gigabyte of them would take minutes."""


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
        self._lines = 0
        self._plan()

    def _plan(self) -> None:
        """What to look for from here on; of the errors the smallest is kept."""
        self._tests = [
            (one, _compiled(one.pattern), tuple(needle.encode() for needle in one.needles)) for one in self._wanted
        ]
        glued = [one for one in self._tests if one[0].glued]
        self._glued = {needle for _, _, needles in glued for needle in needles}
        self._each_line = any(not needles for _, _, needles in self._tests)
        literals = {needle for test in self._tests for needle in test[2]}
        errors = set(NEEDLES) if self._errors < MOST_ERRORS else set()
        self._of_signatures = _any_of(literals, every=self._each_line)
        self._of_any = _any_of(literals | errors, every=self._each_line)

    def take(self, block: bytes) -> None:
        number, counted = self._lines + 1, 0
        for start in sorted(self._suspects(block)):
            number += block.count(b"\n", counted, start)
            counted = start
            end = block.find(b"\n", start)
            self._look(block[start : min(end if end >= 0 else len(block), start + MOST_LINE)], number)
        self._lines += block.count(b"\n") + (not block.endswith(b"\n") and bool(block))

    def _suspects(self, block: bytes) -> set[int]:
        """Where the lines begin that are worth a look."""
        starts = set()
        for at, stop in [(0, len(block))] if self._each_line else _without_margin(block):
            while at < stop and (hit := self._of_any.search(block, at, stop)):
                starts.add(block.rfind(b"\n", at, hit.start()) + 1 or at)
                end = block.find(b"\n", hit.start(), stop)
                at = end + 1 if end >= 0 else stop
        for needle in self._glued:
            at = block.find(needle)
            while at >= 0:
                starts.add(block.rfind(b"\n", 0, at) + 1)
                end = block.find(b"\n", at)
                at = block.find(needle, end) if end >= 0 else -1
        return starts

    def _look(self, raw: bytes, number: int) -> None:
        line = clean(raw)
        if QUOTED.match(line):
            return
        margin = raw.startswith((b" ", b"\t"))
        suspect = self._of_signatures.search(line) is not None
        for signature, pattern, _ in self._tests if suspect else ():
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
        if margin or self._errors == MOST_ERRORS:
            return
        if error := error_line(text(line[: 4 * MOST_TEXT]), self._roots):
            self._errors += 1
            if self._error is None or error.key < self._error.key:
                self._error, self._error_number = error, number
            if self._errors == MOST_ERRORS:
                self._plan()

    def digest(self) -> Digest:
        findings = tuple(self._found[one.id] for one in self._all if one.id in self._found)
        if self._error is None:
            return Digest(findings, "", self._lines)
        first = self._error.text[:MOST_TEXT]
        return Digest(findings, first, self._lines, self._error.name, self._error_number)


_WITHOUT_MARGIN = re.compile(rb"\n[^ \t\n]")
_MARGIN = re.compile(rb"\n[ \t]")


def _without_margin(block: bytes) -> Iterator[tuple[int, int]]:
    """Where lines without a margin begin and end, as many at once as follow each other."""
    at = 0
    while at < len(block):
        if block.startswith((b" ", b"\t"), at):
            first = _WITHOUT_MARGIN.search(block, at)
            if first is None:
                return
            at = first.start() + 1
        after = _MARGIN.search(block, at)
        stop = after.start() + 1 if after else len(block)
        yield at, stop
        at = stop


def _any_of(literals: set[bytes], *, every: bool) -> re.Pattern[bytes]:
    """One of them, of none: nothing; with `every` each line, the empty one too."""
    return re.compile(b"" if every else _branches(literals) or b"(?!)")


def _branches(literals: Iterable[bytes]) -> bytes:
    """A pattern that parts where the literals do: at each place re tries every branch, and these are fewer."""
    tails: dict[bytes, list[bytes]] = {}
    for one in sorted(literals):
        tails.setdefault(one[:1], []).append(one[1:])
    if b"" in tails:  # one of them ends here, and every longer one begins with it
        return b""
    parts = [re.escape(first) + _branches(rest) for first, rest in tails.items()]
    return parts[0] if len(parts) == 1 else b"(?:" + b"|".join(parts) + b")" if parts else b""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode(), re.MULTILINE)
