"""What is found fast in a log is what its plain definition finds, a line at a time: for any log, cut anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bisectsyms.core import logscan
from bisectsyms.core.errorlines import NEEDLES, ErrorLine, error_line
from bisectsyms.core.loglines import MOST_LINE, QUOTED, clean, text
from bisectsyms.core.logscan import MOST_ERRORS, MOST_TEXT, Digest, Finding, Signature, scan
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.model import Outcome

SIGNATURES = load_knowledge().signatures
LITERALS = sorted({needle.encode() for one in SIGNATURES for needle in one.needles} | set(NEEDLES))


def plain(log: bytes, signatures: Sequence[Signature]) -> Digest:
    """Every line that holds a literal of what is still wanted; behind a margin only what may be glued."""
    found: dict[str, Finding] = {}
    smallest: tuple[int, ErrorLine | None] = (0, None)
    errors = vain = 0
    lines = log.split(b"\n")
    for number, raw in enumerate(lines if lines[-1] else lines[:-1], 1):
        raw, margin = raw[:MOST_LINE], raw.startswith((b" ", b"\t"))
        wanted = [one for one in signatures if one.id not in found and (one.glued or not margin)]
        literals = {needle.encode() for one in wanted for needle in one.needles}
        names = errors < MOST_ERRORS and vain < logscan.MOST_VAIN
        literals |= set(NEEDLES) if names and not margin else set()
        line = clean(raw)
        if QUOTED.match(line) or not any(literal in raw for literal in literals):
            continue
        for one in wanted:
            if logscan._compiled(one.pattern).search(line):
                said = text(line)[:MOST_TEXT]
                found[one.id] = Finding(one.id, one.outcome, said, number, one.why, one.even_if_passed)
        if margin or not names:
            continue
        if error := error_line(text(line[: 4 * MOST_TEXT])):
            errors += 1
            if smallest[1] is None or error.key < smallest[1].key:
                smallest = (number, error)
        else:
            vain += 1
    findings = tuple(found[one.id] for one in signatures if one.id in found)
    return _digest(findings, len(lines) - (not lines[-1]), *smallest)


def _digest(findings: tuple[Finding, ...], lines: int, number: int, error: ErrorLine | None) -> Digest:
    if error is None:
        return Digest(findings, "", lines)
    return Digest(findings, error.text[:MOST_TEXT], lines, error.name, number)


def cut(log: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({0, len(log), *(place % (len(log) + 1) for place in places)})
    return [log[a:b] for a, b in pairwise(at)]


SHOWN = [
    b"Inconsistent kallsyms data", b"a.c:1:2: error: x", b"b.c:3: fatal error: y", b"make: *** [vmlinux] Error 1",
    b"make[2]: *** [Makefile:9: a.o] Error 1", b"a.o: in f: undefined reference to `g'", b"ld: cannot find -lx",
    b"Killed", b"a.c:1: warning: error: none", b"sh: 1: gcc: not found", b"cc1: out of memory allocating 65536 bytes",
    b"cp: a: No space left on device", b"kallsyms failure: relative symbol value", b"x: file truncated",
    b"Failed to generate BTF for vmlinux", b"ERROR: modpost: \"f\" [a.ko] undefined!", b"Bus error",
]  # fmt: skip
MARGINS = [b"", b"", b"", b" ", b"\t", b"  CC      a.o", b"   3 | ", b"+ ", b"\x1b[1m", b"\0"]
ENDS = [b"", b"", b"", b"\r", b"\x1b[m", b" ", b"\0", b"x"]
piece = st.one_of(
    st.sampled_from(SHOWN),
    st.sampled_from(LITERALS),
    st.sampled_from(LITERALS).flatmap(lambda one: st.integers(0, len(one)).map(lambda at: one[:at])),
    st.sampled_from([b"\x1b[31m", b"\0", b"\xff", b": ", b"'", b"\t"]),
    st.binary(max_size=6),
)
line = st.builds(
    lambda margin, pieces, end: margin + b"".join(pieces) + end,
    st.sampled_from(MARGINS),
    st.lists(piece, max_size=4),
    st.sampled_from(ENDS),
)
lines_of_logs = st.lists(st.tuples(line, st.sampled_from([1, 1, 1, 2, 5])), max_size=20)
logs = st.builds(
    lambda lines, end: b"\n".join(one for one, times in lines for _ in range(times)) + end,
    lines_of_logs,
    st.sampled_from([b"", b"\n"]),
)


@settings(max_examples=400, deadline=None)
@given(logs, st.lists(st.integers(0, 4000), max_size=8))
@example(b"Killed\nerr\0or: x\nKilled a.c:1: err\0or: y\n", [])  # once Killed is found, that line is of no interest
@example(b"Killed\n a.c:1: error: x\n", [7])
def test_the_scan_says_what_its_plain_definition_says(log: bytes, places: list[int]) -> None:
    assert scan(cut(log, places), SIGNATURES) == plain(log, SIGNATURES)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(LITERALS), st.integers(-20, 5), st.lists(st.integers(0, MOST_LINE + 100), max_size=3))
def test_a_literal_at_the_end_of_what_is_read_of_a_line(literal: bytes, at: int, places: list[int]) -> None:
    log = b"a.c:1: err\0or: " + b"x" * (MOST_LINE - 15 + at) + literal + b"x\nb\n"
    assert scan(cut(log, places), SIGNATURES) == plain(log, SIGNATURES)


OVERLAPPING = (
    Signature("one", Outcome.BROKEN, "abcd", "", ("abcd",)),
    Signature("two", Outcome.BROKEN, "bc", "", ("bc",)),
    Signature("three", Outcome.BROKEN, "cde", "", ("cde",), glued=True),
)
"""Where the literals of one overlap those of another, none hides another."""


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e", b" ", b"\n"]), max_size=40).map(b"".join))
@example(b" abcde\n")
@example(b"abcde")
def test_literals_that_overlap(log: bytes) -> None:
    assert scan([log], OVERLAPPING) == plain(log, OVERLAPPING)


@pytest.mark.parametrize("before", [MOST_ERRORS - 1, MOST_ERRORS])
def test_errors_are_compared_up_to_a_number(before: int) -> None:
    log = b"b.c:1: error: x\n" * before + b"a.c:1: error: y\nKilled a.c:1: error: z\nKilled\n"
    assert scan([log], SIGNATURES) == scan(cut(log, range(0, len(log), 999)), SIGNATURES) == plain(log, SIGNATURES)


@settings(max_examples=200, deadline=None)
@given(logs, st.lists(st.integers(0, 4000), max_size=4), st.integers(1, 6))
def test_words_of_errors_that_are_none_are_looked_at_up_to_a_number(log: bytes, places: list[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logscan, "MOST_VAIN", most)
        assert scan(cut(log, places), SIGNATURES) == plain(log, SIGNATURES)


def test_the_message_is_found_behind_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a log was full of, and whether an error is looked for any more."""
    monkeypatch.setattr(logscan, "MOST_VAIN", 1000)
    for flood in (b"*** so many words\n", b"ld: warning: no size of x\n", b"+ echo Inconsistent kallsyms data\n"):
        digest = scan([flood * 700, flood * 700, b"a.c:1: error: y\nInconsistent kallsyms data\n"], SIGNATURES)
        assert [(one.signature, one.number) for one in digest.findings] == [("kallsyms", 1402)]
        assert digest.first_error == ("a.c:1: error: y" if flood.startswith(b"+") else "")
