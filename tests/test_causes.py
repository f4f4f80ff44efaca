"""Every rule on facts made by hand: what it must be named for, and what it must not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.core.nature import Nature
from bisectsyms.errors import UserError
from bisectsyms.inputs.causes import load_causes
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.kallsyms.causes import CAUSES
from bisectsyms.kallsyms.compare import compare
from bisectsyms.kallsyms.difference import Difference, Divergence, Shift, Swap
from bisectsyms.kallsyms.evidence import Axis, Sure
from bisectsyms.kallsyms.facts import Facts, Image, LogFacts, Section, TableSizes, Tried
from bisectsyms.kallsyms.listing import stripped, unlisted
from bisectsyms.kallsyms.naming import Diagnosis, State, diagnose
from bisectsyms.kallsyms.passes import section_changes
from bisectsyms.kallsyms.symbols import SymbolMap, read_map
from bisectsyms.model import Outcome
from tests.adding import complete

EQUAL = Difference(None, (), (), (), (), (), 0, 3)
MOVED = replace(EQUAL, first=Divergence(9, "banner", "banner", 8), shifts=(Shift("banner", 40, 8),), moved=40)
"""Something in the middle grew, and nobody knows why."""
TEXT, DATA = Section(".text", 0x8000, 64, 4, "AX"), Section(".data", 0x9000, 64, 4, "WA")
NOTE, DEBUG = Section(".notes", 0x9100, 32, 4, "A"), Section(".debug_info", 0, 999, 1, "")
IMAGE = Image("vmlinux", "ARM", 32, (TEXT, DATA), frozenset(("start", "printk")))
TEMPORARY = replace(IMAGE, name=".tmp_vmlinux2")
CHANGED = "init/version-timestamp.o changed between .tmp_vmlinux2 and vmlinux"
WRITTEN = "lib/crc32table.h was written after .tmp_vmlinux1 had begun"
VERSION = "init/version-timestamp.o"


def swapped(before: tuple[str, ...], moved: int = 0) -> Difference:
    swap = Swap(0xC0008000, before, before[::-1])
    shifts = (Shift("kallsyms_names", moved, 8),) if moved else ()
    return replace(EQUAL, first=Divergence(5, before[0], before[-1], None), swaps=(swap,), shifts=shifts, moved=moved)


def reordered(before: tuple[str, ...], after: tuple[str, ...]) -> Difference:
    """At addresses of their own."""
    swap = Swap(0xC0008000, before, after, tied=False)
    return replace(EQUAL, first=Divergence(5, before[0], after[0], None), swaps=(swap,), moved=len(before))


REORDERED = reordered(("one", "two", "three", "four"), ("three", "four", "one", "two"))
JUMPED = reordered(("one", "two", "three"), ("two", "three", "one"))
BOUNDARY_PASSED = reordered(("_edata", "one", "__bss_start", "two"), ("one", "__bss_start", "two", "_edata"))
FIRST = Divergence(5, "one", "three", None)


def appeared(*names: str) -> Difference:
    return replace(MOVED, first=Divergence(5, "printk", names[0], None), appeared=names)


def table(number: int, size: int, **parts: int) -> TableSizes:
    return TableSizes(f".tmp_kallsyms{number}.o", size, tuple((f"kallsyms_{name}", parts[name]) for name in parts))


TABLE_MOVED = replace(
    EQUAL, first=Divergence(20, "kallsyms_markers", "kallsyms_markers", 8), shifts=(Shift("kallsyms_markers", 2, 8),)
)
PARTS = (table(1, 4096, names=100, markers=8), table(2, 4096, names=108, markers=8))
STEADY = (table(1, 4096, names=100), table(2, 4096, names=100))
RESTLESS = (table(1, 4096, names=100), table(2, 4104, names=108), table(3, 4096, names=100))

NAMED = [
    ("tie", Sure.CERTAIN, Facts("", swapped(("_edata", "__bss_start")))),
    ("tie", Sure.CERTAIN, Facts("", swapped(("alias_b", "alias_a")))),
    ("tie", Sure.LIKELY, Facts("", swapped(("__end_rodata", "__stop___modver"), 40), tables=RESTLESS)),
    ("tie", Sure.LIKELY, Facts("", swapped(("swapper_pg_end", "__init_begin"), 40))),
    ("stubs", Sure.CERTAIN, Facts("", appeared("__memcpy_veneer"))),
    ("stubs", Sure.CERTAIN, Facts("", appeared("__printk_from_arm", "00000000.long_branch.start"))),
    ("stubs", Sure.CERTAIN, Facts("", appeared("__ThumbV7PILongThunk_printk"), tables=RESTLESS)),
    ("stubs", Sure.POSSIBLE, Facts("", appeared("__x_veneer", "stranger"))),
    (
        "stubs",
        Sure.LIKELY,
        Facts("", MOVED, temporary=TEMPORARY, image=replace(IMAGE, symbols=IMAGE.symbols | {"__f_veneer"})),
    ),
    ("stubs", Sure.LIKELY, Facts("", MOVED, passes=(MOVED, appeared("__ARMv5ABSLongThunk_far_67")), tables=RESTLESS)),
    ("generated", Sure.CERTAIN, Facts("", appeared("head64.c.552cf5a6"))),
    ("generated", Sure.CERTAIN, Facts("", appeared("__efistub_memcpy", "__pi_strlen", "__kcfi_typeid_x", "L0\x01"))),
    ("generated", Sure.LIKELY, Facts("", replace(MOVED, retyped=("head64.c.552cf5a6",)))),
    (
        "generated",
        Sure.CERTAIN,
        Facts("", replace(MOVED, shifts=(Shift("_SDA_BASE_", 1, 8), Shift("next", 1, 0)), moved=1)),
    ),
    ("filter", Sure.CERTAIN, Facts("", appeared("aL0"), unlisted=("aL0",))),
    ("filter", Sure.LIKELY, Facts("", TABLE_MOVED, in_table=("kallsyms_seqs_of_names",))),
    ("order", Sure.CERTAIN, Facts("", REORDERED, passes=(REORDERED,), watched=True)),
    ("order", Sure.LIKELY, Facts("", REORDERED, passes=(REORDERED,), tables=STEADY)),
    ("order", Sure.LIKELY, Facts("", replace(EQUAL, first=FIRST, strayed=("one", "two")), passes=(REORDERED,))),
    ("order", Sure.POSSIBLE, Facts("", replace(REORDERED, appeared=("stranger",)), passes=(REORDERED,), watched=True)),
    ("inner-layout", Sure.CERTAIN, Facts("", TABLE_MOVED, tables=PARTS)),
    ("oscillation", Sure.CERTAIN, Facts("", MOVED, passes=(appeared("kallsyms_names"), MOVED), tables=RESTLESS)),
    ("oscillation", Sure.POSSIBLE, Facts("", MOVED, tables=RESTLESS[:2])),
    (
        "temporary-differs",
        Sure.LIKELY,
        Facts("", MOVED, temporary=TEMPORARY, image=replace(IMAGE, sections=(TEXT, DATA, NOTE))),
    ),
    (
        "temporary-differs",
        Sure.CERTAIN,
        Facts(
            "",
            appeared("image_complete"),
            temporary=TEMPORARY,
            image=replace(IMAGE, symbols=IMAGE.symbols | {"image_complete"}),
            watched=True,
        ),
    ),
    ("temporary-differs", Sure.LIKELY, Facts("", MOVED, tables=STEADY, watched=True)),
    ("temporary-differs", Sure.LIKELY, Facts("", MOVED, stripped=("one", "two"))),
    ("race", Sure.CERTAIN, Facts("", MOVED, watched=True, moved=(CHANGED,))),
    ("race", Sure.LIKELY, Facts("", MOVED, watched=True, moved=(WRITTEN,))),
    ("race", Sure.LIKELY, Facts("", MOVED, log=LogFacts(twice=("CC init/version.o",)))),
    ("race", Sure.LIKELY, Facts("", None, log=LogFacts(damaged=("ld: lib/lib.a: file truncated",)))),
    ("race", Sure.LIKELY, Facts("", MOVED, tried=(Tried("same", 6, 6), Tried("jobs=1", 0, 20)))),
    ("version-string", Sure.LIKELY, Facts("", MOVED, unlike=(VERSION,), watched=True)),
    ("version-string", Sure.LIKELY, Facts("", MOVED, nature=Nature.LAYOUT, nature_why=("length=4 failed 5 of 5",))),
    ("version-string", Sure.LIKELY, Facts("", MOVED, tried=(Tried("length=4", 5, 0), Tried("length=5", 0, 5)))),
    ("stale", Sure.LIKELY, Facts("", MOVED, tried=(Tried("incremental", 6, 0), Tried("clean", 0, 6)))),
    ("toolchain", Sure.LIKELY, Facts("", MOVED, tried=(Tried("same", 6, 0), Tried("ld=lld", 0, 6)))),
    ("compiler", Sure.CERTAIN, Facts("", MOVED, tried=(Tried("recompile", 1, 4),))),
    ("environment", Sure.LIKELY, Facts("", MOVED, tried=(Tried("host=a", 6, 0), Tried("host=b", 0, 6)))),
    (
        "infrastructure",
        Sure.LIKELY,
        Facts("", replace(EQUAL, first=Divergence(9, "a", "", None), vanished=tuple("abcde"))),
    ),
    ("infrastructure", Sure.CERTAIN, Facts("", MOVED, outcome=Outcome.INFRA, outcome_why="cc1 was killed")),
]

UNEXPLAINED = [
    Facts("", MOVED),
    Facts("", MOVED, tables=STEADY, temporary=TEMPORARY, image=IMAGE),
    Facts("", MOVED, temporary=TEMPORARY, image=IMAGE, watched=True),
    Facts("", appeared("stranger"), temporary=TEMPORARY),
    Facts("", MOVED, temporary=replace(TEMPORARY, sections=(TEXT, DATA, DEBUG)), image=IMAGE),
    Facts("", appeared("stranger")),
    Facts("", replace(appeared("stranger"), vanished=("another",))),
    Facts("", swapped(("one", "other"), 12)),
    Facts("", REORDERED, watched=True),  # of the last link only
    Facts("", REORDERED, passes=(MOVED,), watched=True),
    Facts("", JUMPED, passes=(JUMPED,), watched=True),  # one symbol by itself
    Facts("", BOUNDARY_PASSED, passes=(BOUNDARY_PASSED,), watched=True),
    Facts("", TABLE_MOVED),
    Facts("", replace(EQUAL, first=Divergence(9, "_end", "", None), vanished=("_end",))),
    Facts("", replace(MOVED, retyped=("printk",))),
    Facts("", MOVED, tried=(Tried("same", 1, 1), Tried("jobs=1", 0, 1), Tried("clean", 0, 1))),
    Facts("", MOVED, unlike=("kernel/fork.o",), incremental=True),
    Facts("", MOVED, log=LogFacts(shuffle="42")),
]
"""None of these shows the whole signature of anything."""


def a_map(*lines: str) -> SymbolMap:
    return read_map("".join(f"{line}\n" for line in lines).encode(), "map")


def test_a_name_is_unlisted_where_its_image_has_it_and_its_map_has_not() -> None:
    names = load_causes().names
    whole = a_map("c0008000 T start", "c0008010 R __crc_one", "c0008020 t two", "c0008030 T three")
    less = a_map("c0008000 T start", "c0008020 t two", "c0008030 T three")
    image = replace(TEMPORARY, symbols=frozenset(("start", "__crc_one", "two", "three")))
    assert unlisted(less, whole, compare(less, whole), image, None, names) == ("__crc_one",)
    assert unlisted(whole, less, compare(whole, less), image, None, names) == ("__crc_one",), "its room is still there"
    without = replace(image, symbols=image.symbols - {"__crc_one"})
    assert unlisted(less, whole, compare(less, whole), without, None, names) == ()
    assert unlisted(whole, less, compare(whole, less), image, without, names) == (), "vmlinux says that it has it not"
    moved = a_map("c0008000 T start", "c0008018 t two", "c0008030 T three")
    assert unlisted(whole, moved, compare(whole, moved), image, None, names) == ()


def test_a_name_that_is_there_more_often_is_not_unlisted() -> None:
    once, twice = a_map("c0008000 t $d"), a_map("c0008000 t $d", "c0008010 t $d")
    image = replace(TEMPORARY, symbols=frozenset(("$d",)))
    assert unlisted(once, twice, compare(once, twice), image, None, load_causes().names) == ()
    assert unlisted(twice, once, compare(twice, once), image, None, load_causes().names) == ()


def test_an_image_without_any_local_symbol_was_stripped() -> None:
    whole = a_map("c0008000 T start", "c0008010 t one", "c0008020 t two")
    for less, gone in ((whole, ()), (a_map("c0008000 T start"), ("one", "two"))):
        assert stripped(whole, less, compare(whole, less)) == gone
    some = a_map("c0008000 T start", "c0008010 t one")
    assert stripped(whole, some, compare(whole, some)) == ()


def named(facts: Facts) -> Diagnosis:
    known = load_causes()
    return diagnose(facts, known.names, known.upstream)


@pytest.mark.parametrize(("cause", "sure", "facts"), NAMED, ids=lambda one: one if isinstance(one, str) else "")
def test_a_cause_is_named_first_and_as_sure_as_it_is(cause: str, sure: Sure, facts: Facts) -> None:
    told = named(facts)
    best = told.named[0] if len(told.named) == 1 else next(one for one in told.named if one.id == cause)
    assert (best.id, best.sure) == (cause, sure), told
    assert best.evidence_for
    assert told.state is State.EXPLAINED
    assert cause in told.summary


def test_every_cause_has_a_case() -> None:
    complete(
        {cause for cause, _, _ in NAMED},
        {one.id for one in CAUSES},
        "{}: facts that it must be named for, in NAMED of tests/test_causes.py; what looks like it, in UNEXPLAINED",
        "{}: is in NAMED of tests/test_causes.py, and is no cause of bisectsyms/kallsyms",
    )


def test_the_field_guide_has_every_cause() -> None:
    guide = (Path(__file__).parent.parent / "docs/causes.md").read_text()
    told = re.findall(r"^### ([a-z-]+): ", guide, re.MULTILINE)
    complete(told, {one.id for one in CAUSES}, "{}: a section `### {}: …` in docs/causes.md", "{}: is no cause")


@pytest.mark.parametrize("facts", UNEXPLAINED)
def test_what_only_fits_in_part_is_not_named(facts: Facts) -> None:
    told = named(facts)
    assert told.state is State.UNEXPLAINED
    assert not told.named


def test_no_failure_is_said_and_not_explained() -> None:
    told = named(Facts("", EQUAL, log=LogFacts(twice=("CC x.o",))))
    assert told.state is State.NO_FAILURE
    assert not told.named


def test_without_maps_nothing_is_said_of_the_mechanism() -> None:
    assert named(Facts("", None)).state is State.NO_EVIDENCE
    assert "compile" in named(Facts("", None, outcome=Outcome.BROKEN, outcome_why="it does not compile")).summary


def test_what_the_machine_spoilt_is_no_evidence_whatever_the_maps_show() -> None:
    told = named(Facts("", swapped(("_edata", "__bss_start")), outcome=Outcome.INFRA, outcome_why="killed"))
    assert told.mechanism is None
    assert told.trigger is not None
    assert told.trigger.id == "infrastructure"


def test_no_mechanism_is_certain_where_the_link_was_given_other_files() -> None:
    told = named(Facts("", TABLE_MOVED, tables=PARTS, watched=True, moved=(CHANGED,), writers=(f"FPRINT {VERSION}",)))
    assert told.trigger is not None
    assert told.mechanism is not None
    assert told.trigger.sure is Sure.CERTAIN
    assert told.mechanism.sure is Sure.LIKELY
    assert any("FPRINT" in text for text in told.trigger.evidence_for)
    assert told.summary.startswith("trigger race")


def test_the_next_best_comes_with_what_speaks_against_it() -> None:
    told = named(Facts("", swapped(("_edata", "__bss_start"), 40), tables=RESTLESS))
    assert told.mechanism is not None
    assert told.mechanism.id == "tie"
    second = told.others[0]
    assert second.id == "oscillation"
    assert any("_edata" in text for text in second.evidence_against)


def test_what_is_not_certain_comes_with_the_experiment_that_would_settle_it() -> None:
    told = named(Facts("", MOVED, tried=(Tried("incremental", 6, 0), Tried("clean", 0, 6))))
    assert told.experiment == "clean-tree"
    assert named(Facts("", TABLE_MOVED)).experiment == "extra-pass"
    assert named(Facts("", MOVED, watched=True, moved=(CHANGED,))).experiment == ""
    stubs = Facts("", appeared("__x_veneer"), passes=(appeared("__y_veneer"),) * 2, tables=RESTLESS)
    assert named(stubs).experiment == "", "what is second cannot settle what is certain"


def test_a_further_pass_is_no_experiment_where_the_third_was_made() -> None:
    """KALLSYMS_EXTRA_PASS asks for that one, and there is no fourth."""
    two, three = (Facts("", appeared("strange"), tables=tables) for tables in (RESTLESS[:2], RESTLESS))
    assert [one.mechanism.id for one in (named(two), named(three)) if one.mechanism] == ["oscillation"] * 2
    assert named(two).experiment == "extra-pass"
    assert named(three).experiment != "extra-pass"


def test_one_job_that_fails_speaks_against_a_race() -> None:
    told = named(Facts("", MOVED, moved=(WRITTEN,), tried=(Tried("same", 6, 6), Tried("jobs=1", 3, 3))))
    assert told.trigger is not None
    assert told.trigger.sure is Sure.POSSIBLE


@pytest.mark.parametrize("cause", CAUSES, ids=lambda one: one.id)
def test_a_cause_says_what_it_is_and_what_mends_it(cause: object) -> None:
    one = next(each for each in CAUSES if each is cause)
    assert one.title
    assert one.signature
    assert one.mend
    assert bool(one.experiment) == bool(one.proof)
    assert [each.id for each in CAUSES].count(one.id) == 1
    assert one.axis in Axis


def test_a_bug_in_linux_is_of_a_cause_that_there_is(tmp_path: Path) -> None:
    text = (configs_dir() / "knowledge/causes.yaml").read_text()
    (tmp_path / "causes.yaml").write_text(text.replace("- cause: tie", "- cause: knot", 1))
    with pytest.raises(UserError, match="knot is no cause"):
        load_causes(tmp_path)


def test_sections_that_are_not_known_are_no_difference() -> None:
    text = Section(".text", 0x1000, 64, 16, "AX")
    known = Image("vmlinux", "ARM", 32, (text,), frozenset())
    unknown = replace(known, sections=())  # its file stayed on the host where the attempt was made
    assert section_changes(known, replace(known, sections=(replace(text, align=32),)))
    assert section_changes(known, unknown) == section_changes(unknown, known) == []
