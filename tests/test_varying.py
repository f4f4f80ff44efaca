"""Each variation reaches a real build of the small kernel, and an attempt is repeated exactly.

The link script of the history writes down what it sees: its environment, its umask, on how many cores it may run, and
the command lines of the processes around it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.core.factors import Place
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.needs import lacking
from bisectsyms.effects.sandbox import bwrap_works
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.inputs.variations import shipped_variations
from bisectsyms.model import Attempt, Draw, Kind, Outcome
from bisectsyms.smallkernel.causes import spot
from bisectsyms.smallkernel.history import Failure, write_history
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.workbench import Workbench
from tests.conftest import User
from tests.test_workbench import Heard

LOOKING = """\
env > .seen-env
umask > .seen-umask
nproc > .seen-cores
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\0' ' ' > .seen-beside
cat /proc/self/personality > .seen-personality 2>/dev/null || :
set -e
"""
SCRIPT = "scripts/link-vmlinux.sh"

for tool in ("make", "gcc", "git"):
    if shutil.which(tool) is None:
        pytest.skip(f"apt-get install {tool}", allow_module_level=True)


def git(repo: Path, *args: str) -> None:
    subprocess.run(["git", "-C", str(repo), "-c", "user.name=u", "-c", "user.email=u@x", *args], check=True)


def edit(repo: Path, path: str, *edits: tuple[str, str]) -> None:
    """Change a file of the history in a commit on top."""
    text = (repo / path).read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (repo / path).write_text(text)
    git(repo, "commit", "-qam", "look around")


@dataclass
class Built:
    """An attempt and what its link saw."""

    bench: Workbench
    attempt: Attempt

    def seen(self, what: str) -> str:
        return (self.bench.objtree.path / f".seen-{what}").read_text()

    def symbol(self, name: str) -> int:
        lines = (self.bench.objtree.path / "System.map").read_text().splitlines()
        return next(int(line.split()[0], 16) for line in lines if line.split()[2] == name)

    @property
    def layout(self) -> str:
        assert self.attempt.result
        return self.attempt.result.layout

    @property
    def command(self) -> str:
        return self.attempt.plan.command


Build = Callable[..., Built]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    repo = write_history(tmp_path / "linux", Failure.NONE, seed=1, commits=12, unrelated=False, broken=False).repo
    edit(repo, SCRIPT, ("set -e\n", LOOKING))
    return repo


@pytest.fixture
def open_bench(tmp_path: Path, history: Path) -> Iterator[Callable[..., Workbench]]:
    opened: list[Workbench] = []

    def build(*vary: str, profile: str = "smallkernel") -> Workbench:
        for one in opened:
            one.close()
        bench = Workbench(
            Repository.discover(history, {}),
            find_profile(profile, state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path),
            Options(slots_dir=tmp_path / "slots", toolchains=load_toolchains(tmp_path), jobs=2, vary=vary),
            os.environ,
            Heard(),
        )
        opened[:] = [bench]
        return bench

    yield build
    for bench in opened:
        bench.close()


@pytest.fixture
def build(open_bench: Callable[..., Workbench]) -> Build:
    """One attempt under a policy, of the kind that brings the objtree to the revision or that repeats the link."""

    def made(*vary: str, draw: Draw | None = None, profile: str = "smallkernel") -> Built:
        bench = open_bench(*vary, profile=profile)
        head = bench.repository.head()
        kind = bench.arrival(head) or Kind.RELINK
        attempt = bench.attempt(head, Ask(kind, "test", draw))
        assert attempt.result and attempt.result.outcome is Outcome.CLEAN, attempt.result
        return Built(bench, attempt)

    return made


def test_environment_variables_flags_and_words_reach_the_link(build: Build) -> None:
    plain = build()
    assert plain.attempt.plan.kind.is_from_scratch
    assert plain.seen("umask") == "0022\n"
    core = min(os.sched_getaffinity(0))
    varied = {
        "timezone=UTC-14": ("env", "TZ=UTC-14"),
        "locale=C.UTF-8": ("env", "LANG=C.UTF-8"),
        "host=builder": ("env", "HOSTNAME=builder"),
        "user=root": ("env", "LOGNAME=root"),
        "extra-pass": ("env", "KALLSYMS_EXTRA_PASS=1"),
        "umask=0077": ("umask", "0077"),
        "one-core": ("cores", "1"),
    }
    for vary, (what, line) in varied.items():
        built = build("pinned", vary)
        assert line in built.seen(what).splitlines(), vary
        assert built.attempt.plan.kind is Kind.RELINK, f"{vary} shares the objtree"
        assert str(built.attempt.plan.draw) == f"length=1 {vary}"
        assert built.attempt.plan.cell.variation == vary
        assert built.attempt.plan.cell.key != plain.attempt.plan.cell.key, "rates stay apart"
    assert f"taskset -c {core} make" in build("one-core").command


def test_host_user_and_time_are_in_the_banner(build: Build) -> None:
    built = build("host=a", "user=u", "time=Thu Feb 29 12:34:56 UTC 2024")
    banner = (built.bench.objtree.path / "vmlinux").read_bytes()
    assert b"(u@a)" in banner
    assert b"Thu Feb 29 12:34:56 UTC 2024" in banner


def test_jobs_are_a_multiple_of_those_of_the_cell(build: Build) -> None:
    for vary, jobs in (("jobs-one", 1), ("jobs-double", 4), ("jobs-five", 10)):
        built = build(vary)
        assert f" -j{jobs} vmlinux" in built.command
        assert built.attempt.plan.cell.jobs == 2, "the cell keeps its own"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("vary", "beside"), [("load-cpu", "while :; do :; done"), ("load-io", "dd if=/dev/zero of=")], ids=["cpu", "io"]
)
def test_load_is_there_during_the_build_and_gone_afterwards(build: Build, vary: str, beside: str) -> None:
    built = build(vary)
    assert beside in built.seen("beside")
    slot = str(built.bench.slot.path)
    left = []
    for process in psutil.process_iter():
        try:
            left += [process] if process.environ().get("BISECTSYMS_SLOT") == slot else []
        except (psutil.Error, OSError):
            continue
    assert not left


def test_load_goes_when_the_build_is_cut_short(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench("load-cpu")
    bench.builder = replace(bench.builder, timeout=0.2)
    attempt = bench.attempt(bench.repository.head(), Ask(Kind.CLEAN, "test"))
    assert attempt.result and attempt.result.outcome is Outcome.TIMEOUT
    slot = str(bench.slot.path)
    for process in psutil.process_iter():
        try:
            assert process.environ().get("BISECTSYMS_SLOT") != slot
        except (psutil.Error, OSError):
            continue


def test_addresses_are_not_random_under_freeze(build: Build) -> None:
    built = build("freeze")
    assert " -j1 " in built.command and "setarch -R make" in built.command
    assert built.seen("cores") == "1\n"
    if personality := built.seen("personality"):
        assert int(personality, 16) & 0x0040000, "ADDR_NO_RANDOMIZE, sys/personality.h"
    assert "PYTHONHASHSEED=0" in built.seen("env").splitlines()
    assert built.attempt.plan.draw == Draw(1, (("freeze", ""),))


def test_shuffle_is_refused_by_an_old_make(open_bench: Callable[..., Workbench], tmp_path: Path) -> None:
    said = subprocess.run(["make", "--version"], capture_output=True, text=True, check=True).stdout
    if said.split()[2] >= "4.4":
        pytest.skip("this make has --shuffle")
    with pytest.raises(UserError, match=r"shuffle needs GNU make 4\.4 or later; here is GNU Make") as caught:
        open_bench("shuffle")
    assert "bisectsyms variations" in caught.value.next_step


@pytest.mark.slow
def test_what_recompiles_has_an_objtree_of_its_own(build: Build) -> None:
    plain = build()
    etext = plain.symbol("_etext")
    aligned = build("align-functions=128")
    assert aligned.attempt.plan.kind.is_from_scratch, "nothing was there"
    assert "KCFLAGS=" in aligned.command and "-falign-functions=128" in aligned.command
    assert aligned.bench.objtree.path != plain.bench.objtree.path
    assert aligned.symbol("_etext") != etext
    assert build("align-functions=128").attempt.plan.kind is Kind.RELINK
    assert build().attempt.plan.kind is Kind.RELINK, "the other one was left as it was"


def test_the_path_is_another_one(build: Build) -> None:
    if not bwrap_works():
        pytest.skip("bubblewrap does not work here (apt-get install bubblewrap, or a container refuses it)")
    built = build("path=b")
    assert "/slots/b/" in built.command and "/slots/build/" not in built.command


def test_an_attempt_is_repeated_exactly(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench("sweep:4", "umask", "jobs-double")
    head = bench.repository.head()
    bench.attempt(head, Ask(Kind.CLEAN, "test"))
    made = [bench.attempt(head, Ask(Kind.RELINK, "test")) for _ in range(3)]
    assert len({one.plan.draw for one in made}) == 3
    again = [bench.again(one) for one in made]
    assert [one.plan.draw for one in again] == [one.plan.draw for one in made]
    assert [one.plan.command for one in again] == [one.plan.command for one in made]
    assert [one.result and one.result.layout for one in again] == [one.result and one.result.layout for one in made]


SECTIONS = (("_stext", "_etext"), ("__start_rodata", "error_end"), ("_sdata", "_edata"), ("__bss_start", "__bss_stop"))


def ends(built: Built) -> list[int]:
    """Where each section ends, from its own beginning."""
    return [built.symbol(end) - built.symbol(begin) for begin, end in SECTIONS]


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["smallkernel", "smallkernel-arm"])
def test_a_pad_moves_the_end_of_every_section(build: Build, profile: str) -> None:
    if profile == "smallkernel-arm" and shutil.which("arm-linux-gnueabi-gcc") is None:
        pytest.skip("apt-get install gcc-arm-linux-gnueabi")
    plain = build("pinned", profile=profile)
    before, layout = ends(plain), plain.layout
    padded = build("pad=64", profile=profile)
    assert padded.attempt.plan.kind is Kind.RELINK, "nothing is compiled for it"
    assert [after - old for after, old in zip(ends(padded), before, strict=True)] == [64, 64, 64, 64]
    assert padded.layout != layout
    assert "BISECTSYMS_PAD=" in padded.command
    assert build("pinned", profile=profile).layout == layout, "and nothing of it is left"


def test_a_pad_is_there_in_a_build_from_scratch_and_in_a_replay(
    open_bench: Callable[..., Workbench], history: Path
) -> None:
    bench = open_bench("pad:2")
    head = bench.repository.head()
    layouts = {}
    for kind in (Kind.CLEAN, Kind.RELINK, Kind.REPLAY):
        for size in ("4", "8"):
            attempt = bench.attempt(head, Ask(kind, "test", Draw(1, (("pad", size),))))
            assert outcome(attempt) is Outcome.CLEAN, attempt.result
            assert attempt.result and attempt.result.inputs
            layouts[kind, size] = (attempt.result.layout, attempt.result.inputs)
    for size in ("4", "8"):
        assert layouts[Kind.CLEAN, size] == layouts[Kind.RELINK, size] == layouts[Kind.REPLAY, size]
    assert layouts[Kind.CLEAN, "4"][0] != layouts[Kind.CLEAN, "8"][0]
    assert layouts[Kind.CLEAN, "4"][1] != layouts[Kind.CLEAN, "8"][1], "what was joined is an input of the link"


def test_a_replay_has_its_own_draw_and_nothing_of_the_one_that_was_caught(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench("timezone:2", "host:2", "extra-pass", "umask:2")
    head = bench.repository.head()
    first = Draw(1, (("extra-pass", ""), ("host", "a"), ("timezone", "UTC"), ("umask", "0022")))
    assert outcome(bench.attempt(head, Ask(bench.arrival(head) or Kind.RELINK, "test", first))) is Outcome.CLEAN
    second = Draw(1, (("host", "builder"), ("timezone", "UTC-14"), ("umask", "0077")))
    made = bench.attempt(head, Ask(Kind.REPLAY, "test", second))
    assert outcome(made) is Outcome.CLEAN
    seen = Built(bench, made)
    env = seen.seen("env").splitlines()
    assert {"TZ=UTC-14", "HOSTNAME=builder"} <= set(env)
    assert not [line for line in env if line.startswith("KALLSYMS_EXTRA_PASS") or "EXTRA_PASS" in line]
    assert seen.seen("umask") == "0077\n"
    assert b"@builder)" in (bench.objtree.path / "vmlinux").read_bytes()

    bench.attempt(head, Ask(Kind.REPLAY, "test", Draw(3)))
    env = seen.seen("env").splitlines()
    assert not [line for line in env if line.startswith(("TZ=", "HOSTNAME="))]
    assert b"@bisectsyms)" in (bench.objtree.path / "vmlinux").read_bytes()


def test_another_ld_links_the_passes(open_bench: Callable[..., Workbench], tmp_path: Path) -> None:
    bench = open_bench("pinned")
    mine = bench.slot.path / "other-ld"
    mine.write_text(f'#!/bin/sh\necho "$@" >> {bench.builder.view.obj}/used\nexec ld.bfd "$@"\n')
    mine.chmod(0o755)
    factor = replace(
        bench.builder.factors["ld-bfd"], environment=(("BISECTSYMS_LD", f"{bench.builder.view.src.parent}/other-ld"),)
    )
    bench.builder = replace(bench.builder, factors={"ld-bfd": factor})
    made = bench.attempt(bench.repository.head(), Ask(Kind.CLEAN, "test", Draw(1, (("ld-bfd", ""),))))
    assert outcome(made) is Outcome.CLEAN
    outputs = [line.partition("-o ")[2].split()[0] for line in (bench.objtree.path / "used").read_text().splitlines()]
    assert outputs == [".tmp_vmlinux.kallsyms1", ".tmp_vmlinux.kallsyms2", "vmlinux"]


@pytest.mark.slow
@pytest.mark.parametrize(("vary", "package"), [("ld-bfd", "binutils"), ("ld-gold", "binutils"), ("ld-lld", "lld")])
def test_the_linkers_that_are_here_link_it(build: Build, vary: str, package: str) -> None:
    if lacks := lacking(shipped_variations()[vary], Place()):
        pytest.skip(f"apt-get install {package} ({lacks})")
    assert build(vary).attempt.plan.cell.variation == vary


@pytest.mark.slow
def test_the_order_of_targets_is_drawn_where_make_can(history: Path, open_bench: Callable[..., Workbench]) -> None:
    """GNU make 4.4 and later; elsewhere nobody may believe that it was varied."""
    if lacks := lacking(shipped_variations()["shuffle"], Place()):
        with pytest.raises(UserError, match=r"4\.4"):
            open_bench("shuffle")
        assert "4.4" in lacks
        return
    bench = open_bench("shuffle")
    head = bench.repository.head()
    bench.attempt(head, Ask(bench.from_nothing, "arrival"))
    made = [bench.attempt(head, Ask(Kind.RELINK, "shuffle")) for _ in range(3)]
    assert {outcome(one) for one in made} == {Outcome.CLEAN}
    assert len({one.plan.draw for one in made}) == 3
    assert all(f"--shuffle={dict(one.plan.draw.factors)['shuffle']} " in one.plan.command for one in made)


def rare(history: Path, build: Build, *, length: int) -> None:
    """A commit on top whose link fails at this length of eight."""
    odd = spot(build("pinned").symbol("error_end") + length - 1)
    edit(history, odd.path, (odd.old, odd.new))


@pytest.mark.slow
def test_a_sweep_shows_what_unaided_builds_hardly_ever_do(
    history: Path, build: Build, open_bench: Callable[..., Workbench]
) -> None:
    """1 of the 8 lengths of a period fails; a build of one's own counts up .version, so it has length 1 or 2."""
    rare(history, build, length=5)
    bench = open_bench("pinned")
    head = bench.repository.head()
    bench.attempt(head, Ask(Kind.INCREMENTAL, "arrival"))
    unaided = [bench.attempt(head, Ask(Kind.RELINK, "unaided", Draw(len(str(n))))) for n in range(1, 21)]
    assert sum(one.result is not None and one.result.outcome.is_failure for one in unaided) <= 1

    bench = open_bench("sweep:8")
    made = list[Attempt]()
    while not made or not outcome(made[-1]).is_failure:
        made.append(bench.attempt(head, Ask(Kind.RELINK, "sweep")))
    assert len(made) <= 8
    again = [bench.again(made[-1]) for _ in range(5)]
    assert {outcome(one) for one in again} == {Outcome.INCONSISTENT}, "every repeat of that draw fails"
    assert {one.plan.draw for one in again} == {made[-1].plan.draw} == {Draw(5)}


@pytest.mark.slow
def test_an_exhausted_period_is_told(history: Path, user: User) -> None:
    done = user.run(*user.step("HEAD", "--sweep", "2", "--vary", "umask", "--rate", "0.25"), cwd=history)
    assert done.returncode == 0, done.stderr
    assert "clean attempts (relink, all 4 draws): " in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("attempt ")]
    assert all(f"length={length} umask={mask}" in done.stderr for length in (1, 2) for mask in ("0022", "0077"))

    again = user.run("bisectsyms", "again", "3", "--slots-dir", str(user.slots), cwd=history)
    assert again.returncode == 0, again.stderr
    assert "in another cell" not in again.stderr, "it is repeated under the policy of then"
    draw = lines[2].partition("relink")[2].partition("CLEAN")[0]
    assert "umask=" in draw and draw in again.stderr


@pytest.mark.slow
def test_a_frozen_step_says_whether_the_revision_is_deterministic(history: Path, user: User) -> None:
    done = user.run(*user.step("HEAD", "--vary", "freeze", "--rate", "0.5"), cwd=history)
    assert done.returncode == 0, done.stderr
    assert "(relink), one layout, all CLEAN: deterministic" in done.stderr


@pytest.mark.slow
def test_a_shell_has_what_the_attempt_had(history: Path, user: User) -> None:
    made = user.run(*user.step("HEAD", "--vary", "pad=64", "--vary", "timezone=UTC-14", "--rate", "0.9"), cwd=history)
    assert made.returncode == 0, made.stderr
    (pad,) = user.slots.glob("*/*/pad")
    shutil.rmtree(pad)
    looks = 'test -e "$BISECTSYMS_PAD" && test "$TZ" = UTC-14 && eval "$BISECTSYMS_COMMAND"'
    shell = user.run("bisectsyms", "shell", "2", "--slots-dir", str(user.slots), "--", "sh", "-c", looks, cwd=history)
    assert shell.returncode == 0, shell.stderr


def outcome(attempt: Attempt) -> Outcome:
    assert attempt.result
    return attempt.result.outcome
