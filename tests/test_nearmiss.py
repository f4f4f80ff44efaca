"""How close a passing build came: each measure on maps, tables and sections made for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bisectsyms.errors import UserError
from bisectsyms.kallsyms.facts import Image, Section, TableSizes
from bisectsyms.kallsyms.nearmiss import (
    Flip,
    Growth,
    Slack,
    Tie,
    close,
    flips,
    growth,
    is_boundary,
    near_miss,
    reach,
    slack,
    ties,
)
from bisectsyms.kallsyms.symbols import SymbolMap, read_map
from bisectsyms.model import Outcome
from bisectsyms.render.nearmiss import lines
from bisectsyms.smallkernel.history import Failure
from bisectsyms.usecases.nearmiss import measure, measure_revision
from tests.conftest import MakeHistory, User
from tests.scripted import Scripted
from tests.test_searching import write

MAP = """\
c0008000 T _text
c0008000 T stext
c0008100 t one
c0008100 t one_alias
c0008200 T _etext
c0009000 D kallsyms_offsets
c0009100 D kallsyms_token_index
c0009300 d behind
c0009400 D __start___ksymtab
c0009400 D __stop___ksymtab
c0009400 d object
c000a000 D __end_rodata
"""
TABLE = TableSizes("K2", 2000, (("kallsyms_offsets", 0x100), ("kallsyms_token_index", 0x200)))


def symbols(text: str = MAP) -> SymbolMap:
    return read_map(text.encode(), "System.map")


def image(machine: str = "ARM", text: int = 0x200, wrong: tuple[str, ...] = ()) -> Image:
    sections = (
        Section(".text", 0xC0008000, text, 32, "AX"),
        Section(".rodata", 0xC0009000, 0x3FE, 4096, "A"),
        Section("__ksymtab", 0xC0009400, 0x10, 4, "A"),
        Section(".comment", 0, 100, 1, "MS"),
        Section(".empty", 0xC0009800, 0, 1, "A"),
        Section("__ex_table", 0xC000A000, 0x20, 4096, "A"),
    )
    return Image("vmlinux", machine, 32, sections, frozenset(), wrong)


def test_ties_are_what_a_boundary_shares_its_address_with() -> None:
    assert list(ties(symbols())) == [
        Tie(0xC0008000, ("_text", "stext"), 0),
        Tie(0xC0009400, ("__start___ksymtab", "__stop___ksymtab"), 1),
    ]


@pytest.mark.parametrize("name", ["_edata", "__bss_start", "_end", "__end_rodata", "__init_begin", "__per_cpu_start",
                                  "__stop___modver", "__start_notes", "_etext", "__sched_class_highest"])  # fmt: skip
def test_boundaries_are_told_by_their_names(name: str) -> None:
    assert is_boundary(name)


@pytest.mark.parametrize("name", ["sys_start", "end", "start_kernel", "__do_softirq", "_endless", "bendy", ""])
def test_what_only_sounds_like_one_is_none(name: str) -> None:
    assert not is_boundary(name)


def test_an_order_that_changed_between_two_passes_is_seen_and_a_shift_is_not() -> None:
    swapped = MAP.replace(
        "D __start___ksymtab\nc0009400 D __stop___ksymtab", "D __stop___ksymtab\nc0009400 D __start___ksymtab"
    )
    shifted = MAP.replace("c000", "c001")
    names = ("__start___ksymtab", "__stop___ksymtab", "object")
    found = list(flips(("P1", symbols()), ("P2", symbols(swapped))))
    assert found == [Flip(names, (names[1], names[0], names[2]), ("P1", "P2"))]
    assert list(flips(("P1", symbols()), ("P2", symbols(shifted)))) == []


def test_tables_that_grow_from_pass_to_pass() -> None:
    other = TableSizes("K1", 1990, (("kallsyms_offsets", 0x100), ("kallsyms_names", 3)))
    assert list(growth(other, TABLE)) == [Growth("kallsyms_names", 3, 0), Growth("kallsyms_token_index", 0, 0x200)]
    assert list(growth(TABLE, TABLE)) == []


LABELS = {"kallsyms_offsets": 0xC0009000, "kallsyms_token_index": 0xC0009100}


def test_slack_is_the_padding_in_front_of_the_next_page() -> None:
    found = slack(symbols(), TABLE, image(), LABELS)
    assert found == Slack(".rodata", "__ex_table", 0xC000A000 - 0xC0009410, 4)
    assert slack(symbols(), TABLE, image(), {}) is None, "a file that has lost its symbols"
    assert slack(symbols(), TableSizes("K2", 2000, ()), image(), LABELS) is None
    assert slack(symbols(), TABLE, image(), {"kallsyms_offsets": 0}) is None, "outside of every section"


@pytest.mark.parametrize(
    ("machine", "thumb", "branch"),
    [
        *(("ARM", False, 32), ("ARM", True, 16), ("AARCH64", False, 128)),
        *(("PPC64", False, 32), ("PPC", False, 32), ("X86_64", False, None)),
    ],
)
def test_the_reach_of_a_branch(machine: str, thumb: bool, branch: int | None) -> None:
    found = reach(image(machine), thumb=thumb)
    if branch is None:
        assert found is None
    else:
        assert found is not None
        assert (found.text, found.branch, found.left) == (0x200, branch << 20, (branch << 20) - 0x200)


def test_a_quiet_build_is_close_to_nothing() -> None:
    near = near_miss(symbols(), [("P1", symbols()), ("P2", symbols())], [TABLE, TABLE], image())
    assert (near.symbols, near.passes, near.settled, near.third_pass, near.growth) == (12, 3, True, False, ())
    assert list(close(near)) == []


def test_what_has_happened_is_said() -> None:
    odd = TableSizes("K1", 1990, (("kallsyms_offsets", 0x100), ("kallsyms_token_index", 0x1F8)))
    full = image(text=31 << 20, wrong=("schedule: table 1, image 2",))
    swapped = MAP.replace("T _text\nc0008000 T stext", "T stext\nc0008000 T _text")
    near = near_miss(symbols(), [("P1", symbols(swapped))], [odd, TABLE], full)
    said = list(close(near))
    assert len(said) == 5
    assert "kallsyms_token_index +8" in said[2]
    assert said[0].endswith("schedule: table 1, image 2")


def test_what_is_not_there_counts_for_nothing() -> None:
    near = near_miss(symbols())
    assert (near.flips, near.growth, near.settled, near.third_pass, near.slack, near.reach) == (
        (),
        (),
        None,
        None,
        None,
        None,
    )
    assert list(close(near)) == []


def test_a_folder_without_a_finished_link_is_sent_to_diagnose(tmp_path: Path) -> None:
    (tmp_path / ".tmp_vmlinux.kallsyms2.syms").write_text(MAP)
    with pytest.raises(UserError, match=r"no System\.map") as refused:
        measure(tmp_path)
    assert "diagnose" in str(refused.value.next_step)
    with pytest.raises(UserError, match="nothing that a link"):
        measure(tmp_path.parent)


def test_two_maps_alone_are_measured_as_far_as_they_go(tmp_path: Path) -> None:
    for name in (".tmp_vmlinux.kallsyms1.syms", ".tmp_vmlinux.kallsyms2.syms", "System.map"):
        (tmp_path / name).write_text(MAP)
    measured = measure(tmp_path)
    assert (measured.passed, measured.near.passes, measured.near.slack, measured.close) == (True, 3, None, ())
    assert any("no image" in line for line in lines(measured))
    (tmp_path / "System.map").write_text(MAP.replace("object", "subject"))
    assert any("did not pass" in line for line in lines(measure(tmp_path)))


@pytest.mark.parametrize(
    ("outcome", "says"), [(Outcome.INCONSISTENT, "no near miss"), (Outcome.BROKEN, "cannot be measured")]
)
def test_a_revision_that_does_not_pass_is_none(tmp_path: Path, outcome: Outcome, says: str) -> None:
    repo = write(tmp_path / "repo", ["true"])
    with Scripted(repo, tmp_path, lambda plan: (outcome, "")) as bench:
        with pytest.raises(UserError, match=says):
            measure_revision(bench, bench.repository.resolve("1"))
        assert bench.made == 1


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "bits"), [("smallkernel", 64), ("smallkernel-arm", 32)])
def test_a_real_link_is_measured(user: User, make_history: MakeHistory, profile: str, bits: int) -> None:
    compiler = "gcc" if profile == "smallkernel" else "arm-linux-gnueabi-gcc"
    if shutil.which(compiler) is None:
        pytest.skip(f"apt-get install {'gcc' if profile == 'smallkernel' else 'gcc-arm-linux-gnueabi'}")
    history = make_history(Failure.ALWAYS, commits=12)
    words = ("bisectsyms", "near-miss", history.good, "--profile", profile, "--slots-dir", str(user.slots), "--json")
    done = user.run(*words, cwd=history.repo)
    assert done.returncode == 0, done.stderr
    near = json.loads(done.stdout)["near"]
    assert (near["passes"], near["settled"], near["third_pass"], near["flips"]) == (3, True, False, [])
    assert near["slack"]["free"] < 4096
    assert near["table_wrong"] == []
    assert {"_text", "_stext"} == set(near["ties"][0]["labels"])
    failed = user.run("bisectsyms", "near-miss", history.bad, *words[3:], cwd=history.repo)
    assert failed.returncode == 128
    assert "no near miss" in failed.stderr
