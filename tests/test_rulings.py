"""The sentence that goes with every way an attempt can end: it is kept, and people act on it, so it is held whole."""

from __future__ import annotations

import pytest

from bisectsyms.core.classify import LEAST_FREE_BYTES, Seen, classify
from bisectsyms.core.errorlines import ErrorLine, error_line, stable
from bisectsyms.core.loglines import clean, text
from bisectsyms.core.logscan import scan
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.model import Outcome

SIGNATURES = load_knowledge().signatures
MESSAGE = "Inconsistent kallsyms data"
STOPPED = "make: *** [vmlinux] Error 1"
COMPILE = "lib/a.c:3:1: error: no such thing"
BOTH = {"maps_fresh": True, "maps_equal": True}
GONE = {"maps_fresh": False, "maps_equal": None, "leaves_maps": False}
BEYOND = {"beyond_link": True, "image_fresh": True, **BOTH}


@pytest.mark.parametrize(
    ("log", "status", "seen", "outcome", "signature", "why"),
    [
        ("", 2, {"timed_out": True}, "TIMEOUT", "timeout", "make did not end before the deadline"),
        ("", 2, {"interrupted": True}, "INFRA", "interrupted", "the attempt was interrupted"),
        ("", None, {}, "INFRA", "never-ended", "make never ended and nobody stopped it"),
        # make passed
        ("", 0, BOTH, "CLEAN", "", "make passed, the link ran, and the two maps are equal"),
        ("", 0, {"options_lost": ("CONFIG_A", "CONFIG_B")}, "BROKEN", "kconfig:CONFIG_A",
         "the profile asks for CONFIG_A, CONFIG_B, and the .config of this revision has it otherwise"),
        ("", 0, {"kallsyms": None}, "BROKEN", "no-kallsyms", "make passed, but proves nothing: there is no .config"),
        ("", 0, {"kallsyms": False}, "BROKEN", "no-kallsyms",
         "make passed, but proves nothing: CONFIG_KALLSYMS is not set in .config"),
        ("", 0, {"maps_fresh": True}, "BROKEN", "no-link",
         "make passed, but the maps are not both there: the link did not run"),
        ("", 0, {"maps_equal": True}, "BROKEN", "no-link",
         "make passed, but the maps are older than the attempt: the link did not run"),
        ("", 0, {"maps_fresh": True, "maps_equal": False}, "BROKEN", "maps-differ-but-make-passed",
         "make passed, but the two maps differ"),
        (f"x\n{MESSAGE}", 0, BOTH, "BROKEN", "message-but-make-passed",
         f"make passed, but line 2 says `{MESSAGE}`"),
        # the machine
        ("cc1: out of memory allocating 65536 bytes", 2, {}, "INFRA", "out-of-memory",
         "make failed, and a program ran out of memory (line 1: cc1: out of memory allocating 65536 bytes)"),
        ("", 2, {"oom_kills": 2}, "INFRA", "oom-kill",
         "make failed, and the kernel killed 2 of its processes for lack of memory"),
        ("", -9, {}, "INFRA", "signal-9", "make failed, and make died of signal 9"),
        ("", 129, {}, "INFRA", "signal-1", "make failed, and make died of signal 1"),
        ("", 128, {}, "BROKEN", "unknown",
         "make failed (exit status 128) and its log holds no line that says why"),
        ("", 2, {"free_bytes": LEAST_FREE_BYTES - 1}, "INFRA", "disk-full",
         "make failed, and only 1048575 bytes are free where the objtree is"),
        ("", 2, {"free_bytes": LEAST_FREE_BYTES}, "BROKEN", "unknown",
         "make failed (exit status 2) and its log holds no line that says why"),
        (MESSAGE, 2, {"oom_kills": 1, "maps_fresh": True, "maps_equal": False}, "INFRA", "oom-kill",
         "make failed, and the kernel killed 1 of its processes for lack of memory; "
         f"line 1 says `{MESSAGE}` is no evidence beside that"),
        # the message
        (MESSAGE, 2, {"maps_fresh": True, "maps_equal": False}, "INCONSISTENT", "kallsyms",
         f"line 1 says `{MESSAGE}`, and the two maps differ"),
        (f"{MESSAGE}\n{STOPPED}", 2, GONE, "INCONSISTENT", "kallsyms",
         f"line 1 says `{MESSAGE}`, and line 2: {STOPPED}"),
        (MESSAGE, 2, GONE, "BROKEN", "message-without-link-failure",
         f"line 1 says `{MESSAGE}`, but make does not say after it that vmlinux failed"),
        (MESSAGE, 2, {"kallsyms": None}, "BROKEN", "no-kallsyms",
         f"line 1 says `{MESSAGE}`, which cannot be: there is no .config"),
        (MESSAGE, 2, BOTH, "BROKEN", "message-without-mismatch",
         f"line 1 says `{MESSAGE}`, but the two maps are equal"),
        (MESSAGE, 2, {}, "BROKEN", "message-without-maps",
         f"line 1 says `{MESSAGE}`, but the maps that such a failure leaves are not there"),
        (MESSAGE, 2, {"maps_fresh": False, "maps_equal": False}, "BROKEN", "message-without-maps",
         f"line 1 says `{MESSAGE}`, but the maps are older than the attempt"),
        (f"{MESSAGE}\n{COMPILE}", 2, BOTH, "BROKEN", "compile:lib/a.c: no such thing",
         f"line 2: {COMPILE} (line 1 says `{MESSAGE}`, but the two maps are equal)"),
        # beyond the link
        ("", 2, BEYOND, "CLEAN", "",
         "make failed at another target, but the link ran, vmlinux is there, and the two maps are equal"),
        (f"\n{COMPILE}", 2, BEYOND, "CLEAN", "",
         f"make failed at another target (line 2: {COMPILE}), but the link ran, vmlinux is there, "
         "and the two maps are equal"),
        # another failure
        (COMPILE, 2, {}, "BROKEN", "compile:lib/a.c: no such thing",
         f"make failed (exit status 2): line 1: {COMPILE}"),
        ("", 2, {"kallsyms": False}, "BROKEN", "no-kallsyms",
         "make failed (exit status 2): CONFIG_KALLSYMS is not set in .config"),
        (STOPPED, 2, {}, "BROKEN", "vmlinux-failed",
         f"make failed (exit status 2): the link of vmlinux failed (line 1: {STOPPED})"),
        (f"{STOPPED}\nld: something", 2, {}, "BROKEN", "tool:ld: something",
         "make failed (exit status 2): line 2: ld: something"),
    ],
)  # fmt: skip
def test_the_whole_ruling(
    log: str, status: int | None, seen: dict[str, object], outcome: str, signature: str, why: str
) -> None:
    found = classify(scan([log.encode()], SIGNATURES), Seen(status, **seen))  # type: ignore[arg-type]  # a table
    assert (found.outcome, found.signature, found.why) == (Outcome(outcome), signature, why)


@pytest.mark.parametrize(
    ("line", "rank", "group", "name"),
    [
        ("a.c:1: warning: error: x", None, "", ""),
        ("a.c:1:2: fatal error: x.h: gone", 0, "a.c", "compile:a.c: x.h: gone"),
        ("a.c:1:2: internal compiler error: Killed", 0, "a.c", "ice:a.c: Killed"),
        ("{standard input}:7: Error: no such instruction", 0, "{standard input}",
         "compile:{standard input}: no such instruction"),
        ("Kconfig:7: can't open file \"x\"", 0, "Kconfig", 'compile:Kconfig: can\'t open file "x"'),
        ("Kconfig:7: syntax error", 0, "Kconfig", "compile:Kconfig: syntax error"),
        ("a.c:1: error: 'x' undeclared (first use in this function); did you mean 'y'?", 0, "a.c",
         "compile:a.c: 'x' undeclared"),
        ("a.o: undefined reference to `x'", 1, "link:undefined reference to 'x'", "link:undefined reference to 'x'"),
        ("ld.lld: error: undefined hidden symbol: x", 1, "link:undefined hidden symbol: x",
         "link:undefined hidden symbol: x"),
        ('ERROR: modpost: "x" [a.ko] undefined!', 2, 'modpost:"x" [a.ko] undefined!',
         'modpost:"x" [a.ko] undefined!'),
        ('ERROR: "x" [a.ko] undefined!', 3, 'modpost:"x" [a.ko] undefined!', 'modpost:"x" [a.ko] undefined!'),
        ("/usr/bin/dtc: error: x", 4, "tool:dtc: error: x", "tool:dtc: error: x"),
        ("arm-ld: cannot find a", 5, "tool:arm-ld: cannot find a", "tool:arm-ld: cannot find a"),
        ("error[E0425]: x", 6, "tool:error[E0425]: x", "tool:error[E0425]: x"),
        ("/bin/sh: 1: bison: not found", 7, "tool:bison: not found", "tool:bison: not found"),
        ("make[2]: *** [Makefile:7: a.o] Error 1", 8, "997[Makefile:7: a.o] Error 1", "make:[Makefile: a.o] Error 1"),
        ("make: *** Waiting for unfinished jobs....", 8, "999~Waiting for unfinished jobs....",
         "make:Waiting for unfinished jobs...."),
        ("make: *** No rule to make target 'x'.  Stop.", 8, "999No rule to make target 'x'. Stop.",
         "make:No rule to make target 'x'. Stop."),
        ("nothing *** of the sort", None, "", ""),
    ],
)  # fmt: skip
def test_the_name_and_rank_of_an_error(line: str, rank: int | None, group: str, name: str) -> None:
    found = error_line(line)
    if rank is None:
        assert found is None
    else:
        assert found is not None
        assert (found.key, found.name) == ((rank, group), name)


def test_a_name_is_short_and_its_line_whole() -> None:
    found = error_line(f"a.c:1: error: {'x' * 200} y")
    assert isinstance(found, ErrorLine)
    assert found.name == f"compile:a.c: {'x' * 147}"
    assert found.text.endswith("x y")


def test_the_folder_of_the_build_is_taken_off_whatever_its_last_letter() -> None:
    assert (
        stable("/o/linuX/lib/a.c: no", ("/o/linuX",)) == stable("/o/linuX/lib/a.c: no", ("/o/linuX/",)) == "lib/a.c: no"
    )


def test_nothing_that_a_terminal_obeys_is_left_of_a_line() -> None:
    assert clean(b"\x1b[1;31mld:\x1b[m a\0b\x07\x1b]0;title\x07c\td \r") == b"ld: abc\td"
    assert text(b"a\xffb\tc") == "a\\xffb\tc"
    assert text("a\x9bb".encode()) == "a\\x9bb"
    assert text("größer".encode()) == "größer"
