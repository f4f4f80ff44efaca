"""A corpus of logs, one per case and named for it, and what must hold for any bytes at all."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from bisectsyms.core.classify import Ruling, Seen, classify
from bisectsyms.core.errorlines import stable
from bisectsyms.core.loglines import MOST_LINE
from bisectsyms.core.logscan import MOST_ERRORS, Digest, scan
from bisectsyms.errors import UserError
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.model import Outcome
from tests.adding import complete

LOGS = Path(__file__).parent / "corpus" / "logs"
CASES = sorted(path.stem for path in LOGS.glob("*.log"))
SIGNATURES = load_knowledge().signatures
MESSAGE = b"Inconsistent kallsyms data"
PROVEN = Seen(exit_status=2, maps_fresh=True, maps_equal=False)
GONE = Seen(exit_status=2, maps_fresh=False, maps_equal=None, leaves_maps=False)
FAILURE = MESSAGE + b"\nmake: *** [vmlinux] Error 1\n"


def digest(log: bytes, size: int = 0) -> Digest:
    return scan(_cut(log, size or len(log) or 1), SIGNATURES)


def _cut(log: bytes, size: int) -> Iterator[bytes]:
    return (log[at : at + size] for at in range(0, len(log), size))


def _expected(case: str) -> tuple[Seen, Outcome, str]:
    said = yaml.safe_load((LOGS / f"{case}.yaml").read_text(encoding="utf-8"))
    return Seen(**said["seen"]), Outcome(said["outcome"]), said["signature"]


@pytest.mark.parametrize("case", CASES)
def test_corpus(case: str) -> None:
    seen, outcome, signature = _expected(case)
    ruling = classify(digest((LOGS / f"{case}.log").read_bytes()), seen)
    assert (ruling.outcome, ruling.signature) == (outcome, signature), ruling.why
    assert ruling.why and "\n" not in ruling.why and ruling.why.isprintable()


@pytest.mark.parametrize("case", CASES)
def test_needles_only_make_it_faster(case: str) -> None:
    log = (LOGS / f"{case}.log").read_bytes()
    slow = [dataclasses.replace(signature, needles=()) for signature in SIGNATURES]
    assert scan([log], slow) == digest(log)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_chunks_of_a_case(case: str, size: int) -> None:
    log = (LOGS / f"{case}.log").read_bytes()
    assert digest(log, size) == digest(log)


def test_every_signature_has_a_log() -> None:
    met = {one.signature for case in CASES for one in digest((LOGS / f"{case}.log").read_bytes()).findings}
    complete(
        met,
        {one.id for one in SIGNATURES},
        "{}: a log that shows it, tests/corpus/logs/NAME.log, and NAME.yaml with the answer; or a signature above "
        "it in configs/knowledge/signatures.yaml takes its line",
        "{}: is no signature of configs/knowledge/signatures.yaml",
    )


def _ruled(log: bytes, seen: Seen) -> Ruling:
    return classify(digest(log), seen)


@pytest.mark.parametrize(
    ("kallsyms", "fresh", "equal", "outcome", "signature"),
    [
        (True, True, True, Outcome.CLEAN, ""),
        (True, True, False, Outcome.BROKEN, "maps-differ-but-make-passed"),
        (True, True, None, Outcome.BROKEN, "no-link"),
        (True, False, True, Outcome.BROKEN, "no-link"),
        (True, None, True, Outcome.BROKEN, "no-link"),
        (True, False, None, Outcome.BROKEN, "no-link"),
        (False, True, True, Outcome.BROKEN, "no-kallsyms"),
        (None, True, True, Outcome.BROKEN, "no-kallsyms"),
    ],
)
def test_clean_needs_every_proof(
    kallsyms: bool | None, fresh: bool | None, equal: bool | None, outcome: Outcome, signature: str
) -> None:
    seen = Seen(exit_status=0, kallsyms=kallsyms, maps_fresh=fresh, maps_equal=equal)
    ruling = _ruled(b"  LD      vmlinux\n", seen)
    assert (ruling.outcome, ruling.signature) == (outcome, signature)


@pytest.mark.parametrize(
    ("leaves", "fresh", "equal", "signature"),
    [
        (True, True, False, "kallsyms"),
        (True, True, True, "message-without-mismatch"),
        (True, False, None, "message-without-maps"),
        (True, None, None, "message-without-maps"),
        (True, False, False, "message-without-maps"),
        (True, None, False, "message-without-maps"),
        (False, False, None, "kallsyms"),
        (False, None, None, "kallsyms"),
        (False, True, False, "kallsyms"),
        (False, None, False, "kallsyms"),
        (False, False, False, "message-without-maps"),
        (False, True, True, "message-without-mismatch"),
        (False, False, True, "message-without-mismatch"),
    ],
)
def test_message_needs_what_its_era_leaves(
    leaves: bool, fresh: bool | None, equal: bool | None, signature: str
) -> None:
    ruling = _ruled(FAILURE, Seen(2, leaves_maps=leaves, maps_fresh=fresh, maps_equal=equal))
    assert ruling.signature == signature
    assert (ruling.outcome is Outcome.INCONSISTENT) is (signature == "kallsyms")


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"timed_out": True}, Outcome.TIMEOUT),
        ({"timed_out": True, "interrupted": True, "exit_status": -9}, Outcome.TIMEOUT),
        ({"interrupted": True}, Outcome.INFRA),
        ({"exit_status": None}, Outcome.INFRA),
        ({"exit_status": -9}, Outcome.INFRA),
        ({"exit_status": 137}, Outcome.INFRA),
        ({"oom_kills": 1}, Outcome.INFRA),
        ({"free_bytes": 0}, Outcome.INFRA),
        ({"free_bytes": 1 << 30}, Outcome.INCONSISTENT),
        ({"kallsyms": False}, Outcome.BROKEN),
        ({"kallsyms": None}, Outcome.BROKEN),
        ({"exit_status": 0}, Outcome.BROKEN),
        ({}, Outcome.INCONSISTENT),
    ],
)
@pytest.mark.parametrize("seen", [PROVEN, GONE], ids=["maps kept", "maps deleted"])
def test_what_beats_the_message(seen: Seen, change: dict[str, Any], outcome: Outcome) -> None:
    ruling = _ruled(FAILURE, dataclasses.replace(seen, **change))
    assert ruling.outcome is outcome
    if outcome is Outcome.INFRA and not change.get("interrupted") and change.get("exit_status", 2):
        assert "no evidence beside that" in ruling.why


def test_passing_survives_an_oom_kill_elsewhere_and_a_full_disk() -> None:
    seen = Seen(0, oom_kills=3, free_bytes=0, maps_fresh=True, maps_equal=True)
    assert _ruled(b"", seen).outcome is Outcome.CLEAN


def test_make_must_fail_on_vmlinux_after_the_message() -> None:
    before = b"make: *** [vmlinux] Error 1\n" + MESSAGE + b"\n"
    assert _ruled(before, GONE).signature == "message-without-link-failure"
    boot = MESSAGE + b"\nmake[2]: *** [arch/arm/boot/compressed/vmlinux] Error 1\n"
    assert _ruled(boot, GONE).signature == "message-without-link-failure"


@pytest.mark.parametrize(
    ("change", "log", "outcome"),
    [
        ({}, b"drivers/a.c:3:1: error: no\n", Outcome.CLEAN),
        ({}, b"", Outcome.CLEAN),
        ({"exit_status": -2}, b"", Outcome.INFRA),
        ({"beyond_link": False}, b"", Outcome.BROKEN),
        ({"image_fresh": False}, b"", Outcome.BROKEN),
        ({"maps_fresh": False}, b"", Outcome.BROKEN),
        ({"maps_equal": None}, b"", Outcome.BROKEN),
        ({"maps_equal": False}, b"", Outcome.BROKEN),
        ({"kallsyms": None}, b"", Outcome.BROKEN),
        ({}, b"make[1]: *** [Makefile:1162: vmlinux] Error 1\n", Outcome.BROKEN),
        ({}, FAILURE, Outcome.BROKEN),
        ({"maps_equal": False, "image_fresh": False}, FAILURE, Outcome.INCONSISTENT),
        ({}, b"cc1: out of memory allocating 65536 bytes\n", Outcome.INFRA),
    ],
)
def test_where_more_than_vmlinux_was_made_the_link_alone_counts(
    change: dict[str, Any], log: bytes, outcome: Outcome
) -> None:
    passed = Seen(exit_status=2, beyond_link=True, image_fresh=True, maps_fresh=True, maps_equal=True)
    assert _ruled(log, dataclasses.replace(passed, **change)).outcome is outcome


@pytest.mark.parametrize("status", [0, 2])
def test_a_clock_that_was_set_back_spoils_whatever_came_of_it(status: int) -> None:
    why = "the clock was set back by 3.50 s meanwhile: make cannot tell old files from new"
    ruling = _ruled(b"Inconsistent kallsyms data\n", Seen(exit_status=status, clock_set_back=3.5))
    assert ruling == Ruling(Outcome.INFRA, "clock-set-back", why)


def test_of_folders_in_one_another_the_inner_one_goes() -> None:
    """O= may lie in the source, and be named before it or after it."""
    for roots in (["/src", "/src/out"], ["/src/out", "/src"]):
        assert stable("/src/out/a.o and /src/b.c", roots) == "a.o and b.c"


def test_why_quotes_the_line_and_its_number() -> None:
    ruling = _ruled(b"  LD      vmlinux\n" + FAILURE, PROVEN)
    assert "line 2 says `Inconsistent kallsyms data`" in ruling.why
    ruling = _ruled(b"\n\nlib/a.c:3:1: error: no\n", Seen(2))
    assert ruling.why.endswith("line 3: lib/a.c:3:1: error: no")


@pytest.mark.parametrize(
    ("line", "text", "name"),
    [
        ("/o/../src/lib/a.c:1:2: error: x", "lib/a.c:1:2: error: x", "compile:lib/a.c: x"),
        ("/s/lib/a.c:1: error: in /tmp/ccAb3Xyz.s", "lib/a.c:1: error: in cc*.s",
         "compile:lib/a.c: in cc*.s"),
        ("make[1]: *** [/s/Makefile:12: a.o] Error 1 shuffle=77", "make[1]: *** [Makefile:12: a.o] Error 1",
         "make:[Makefile: a.o] Error 1"),
    ],
)  # fmt: skip
def test_errors_are_stable(line: str, text: str, name: str) -> None:
    read = scan([line.encode()], SIGNATURES, roots=("/o/../src", "/s/", ""))
    assert (read.first_error, read.error_name) == (text, name)


def test_order_of_jobs_does_not_matter() -> None:
    blocks = [
        b"%c.c:%d:1: error: first of %c\n%c.c:99:1: error: second\nmake[2]: *** [%c.o] Error 1\n" % (c, c, c, c, c)
        for c in b"dacb"
    ]
    random.seed(1)
    names = set()
    for _ in range(20):
        random.shuffle(blocks)
        names.add(digest(b"".join(blocks) + b"make[1]: *** [lib] Error 2\n").error_name)
    assert names == {"compile:a.c: first of a"}


def test_more_errors_than_are_compared() -> None:
    errors = b"b.c:1: error: x\n" * MOST_ERRORS
    found = digest(errors + b"a.c:1: error: y\n" + b"Inconsistent kallsyms data\n")
    assert found.first_error == "b.c:1: error: x"
    assert [(one.signature, one.number) for one in found.findings] == [("kallsyms", MOST_ERRORS + 2)]
    assert digest(errors[16:] + b"a.c:1: error: y\n").first_error == "a.c:1: error: y"


def test_long_lines_and_counting() -> None:
    long = b"x" * (3 * MOST_LINE)
    log = long + b"\n" + long + FAILURE
    assert digest(log, 1000) == digest(log)
    assert digest(log).lines == 3
    assert not [one for one in digest(log).findings if one.outcome is Outcome.INCONSISTENT]
    read = digest(b"\n" * 5 + FAILURE)
    assert (read.findings[0].number, read.lines) == (6, 7)
    assert digest(b"").lines == 0
    assert digest(b"a\r\nb").lines == 2


_PIECES = st.sampled_from(
    [
        MESSAGE, b"\n", b"\r\n", b"+ echo ", b"  CC      a.o", b"   3 | ", b" ", b"\t", b'"', b"\x1b[31m", b"\x1b[m",
        b"\0", b"\xff", b"No space left on device", b": ", b"make: *** [vmlinux] Error 1", b"a.c:1:2: error: x",
        b"Killed", b"kallsyms failure: ", b"undefined reference to `", b"*** ", b"x" * 5000, b"Inconsistent kallsyms",
    ]
)  # fmt: skip
_LOGS = st.one_of(st.binary(max_size=2000), st.lists(_PIECES, max_size=60).map(b"".join))
_SEEN = st.builds(
    Seen,
    exit_status=st.one_of(st.none(), st.integers(-20, 260)),
    timed_out=st.booleans(),
    interrupted=st.booleans(),
    oom_kills=st.integers(0, 2),
    free_bytes=st.one_of(st.none(), st.integers(0, 1 << 40)),
    kallsyms=st.sampled_from([True, False, None]),
    maps_fresh=st.sampled_from([True, False, None]),
    maps_equal=st.sampled_from([True, False, None]),
    leaves_maps=st.booleans(),
)


@settings(max_examples=400, print_blob=True, deadline=None)
@given(_LOGS, _SEEN)
@example(FAILURE, PROVEN)
def test_any_bytes(log: bytes, seen: Seen) -> None:
    ruling = classify(digest(log), seen)
    note(f"{ruling}")
    assert ruling.why.isprintable()
    if ruling.outcome is Outcome.INCONSISTENT:
        plain = log.translate(None, b"\0\r").replace(b"\x1b[31m", b"").replace(b"\x1b[m", b"")
        assert MESSAGE in plain and seen.exit_status and not seen.maps_equal and seen.kallsyms
    if ruling.outcome is Outcome.CLEAN:
        assert seen.exit_status == 0 and seen.maps_equal and seen.maps_fresh and seen.kallsyms


@settings(max_examples=300, print_blob=True, deadline=None)
@given(_LOGS, st.lists(st.integers(0, 2000), max_size=8))
def test_chunk_boundaries_do_not_matter(log: bytes, cuts: list[int]) -> None:
    at = sorted({0, len(log), *(cut for cut in cuts if cut < len(log))})
    chunks = [log[a:b] for a, b in pairwise(at)]
    assert scan(chunks, SIGNATURES) == digest(log)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("signatures: [{id: a, outcome: INFRA, pattern: '(', needles: [x], why: y}]", "regular expression"),
        ("signatures: [{id: a, outcome: CLEAN, pattern: x, needles: [x], why: y}]", "only"),
        ("signatures: [{id: a, outcome: INFRA, pattern: x, needles: [x], why: y}]", "INCONSISTENT"),
        ("signatures: [{id: a, outcome: INFRA, pattern: x, needles: [], why: y}]", "needles"),
        ("signatures: [{id: a, outcome: INFRA, patern: x, needles: [x], why: y}]", "patern"),
    ],
)
def test_knowledge_that_is_wrong_stops(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "signatures.yaml").write_text(text)
    with pytest.raises(UserError, match=says):
        load_knowledge(tmp_path)
