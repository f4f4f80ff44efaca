"""What the pages in docs/ tell to type is typed, in bash, block by block; README.md has its own in test_readme.py.

Every block is typed in a history of the small kernel that has the names it speaks of: v6.1 is a tag there, s3c6400 a
profile. What is replaced beforehand is in `REPLACED` and in the scene; a block without a scene fails the test.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.smallkernel.history import Failure, write_history
from tests.conftest import User, git
from tests.dasklab import Lab
from tests.test_readme import PAGES, README, ROOT

pytestmark = pytest.mark.slow
TYPED = re.compile(r"^(?:\w*\$ +|(?=bisectsyms |pip install ))(.*)$", re.MULTILINE)
"""A line behind a prompt, or one of an indented block that begins with us."""
REPLACED = {"--until 08:00": "--for 20s", "--for 2h": "--for 60s", "--for 8h": "--for 20s"}
"""Hours are made seconds."""
TOLD = """trap 'echo "ended with $?: $BASH_COMMAND" >&2' ERR"""
"""Each command that does not end with 0 says so, those in the middle of a block as well."""
ELSEWHERE = {
    "make setup": "the targets: test_targets_of_make_are_there",
    "pip install 'bisectsyms[cluster]'": "test_packaging.py; with a scheduler: test_the_cluster_that_is_shown",
    "dask scheduler": "test_the_cluster_that_is_shown",
}
"""First command of a block -> where it is tried in another way."""


@dataclass
class Place:
    """A user with a clone `linux` of a small kernel, and whatever else a block needs beside it."""

    user: User
    folder: Path
    culprit: str
    good: str
    bad: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def linux(self) -> Path:
        return self.folder / "linux"

    def tag(self, **revisions: str) -> None:
        for name, revision in revisions.items():
            git(self.linux, "tag", "--force", name.replace("_", "."), revision)

    def type(self, script: str, where: Path | None = None) -> subprocess.CompletedProcess[str]:
        """As somebody who goes on after what ends with another status than 0."""
        return self.user.run("bash", "-c", script, cwd=where or self.linux, env=self.env)

    def build(self, revision: str) -> int:
        """A plain build of ../obj, its output in make.log; the status of make."""
        words = "O=../obj ARCH=x86"
        done = self.type(
            f"git checkout -q {revision} && mkdir -p ../obj && make -s {words} smallkernel_defconfig &&"
            f" make -j2 {words} >make.log 2>&1"
        )
        return done.returncode

    def failed(self) -> str:
        """Number of an attempt that failed, of a step at the bad end."""
        self.tag(v6_3=self.bad)
        assert self.type("bisectsyms step v6.3 --profile s3c6400").returncode == 1
        outcomes = [one["outcome"] for one in self.user.attempts(self.linux)]
        return str(1 + outcomes.index("INCONSISTENT"))


@pytest.fixture
def place(tmp_path: Path, user: User) -> Place:
    history = write_history(tmp_path / "linux", Failure.ALWAYS, seed=16, commits=12, unrelated=False, broken=False)
    state = history.repo / ".git/bisectsyms"
    state.mkdir()
    shutil.copy(configs_dir() / "smallkernel.yaml", state / "s3c6400.yaml")
    return Place(user, tmp_path, history.culprit, history.good, history.bad)


@dataclass(frozen=True)
class Scene:
    """What a block needs, and what must come of it."""

    says: tuple[str, ...]
    """Each of these is in what is printed."""
    ends: tuple[int, ...] = (0,)
    """With one of them the last command ends."""
    prepare: Callable[[Place], dict[str, str] | None] = lambda place: None
    """Makes the place ready; what else is to be replaced in the block."""
    where: str = "."


def _ends(place: Place) -> None:
    place.tag(v6_1=place.good, v6_3=place.bad)


def _fixed(place: Place) -> dict[str, str]:
    """The culprit is taken back after the bad end."""
    git(place.linux, "checkout", "-q", place.bad)
    git(place.linux, "revert", "--no-edit", place.culprit)
    place.tag(v6_1=place.bad, v6_2="HEAD")
    return {}


def _fixed_since(place: Place) -> dict[str, str]:
    _fixed(place)
    place.tag(v6_2=place.bad, v6_3="HEAD")
    return {}


def _flaky(place: Place) -> dict[str, str]:
    """Another project: a test that fails from its fourth commit on; and v6.1 to v6.3 of this one."""
    for number in range(8):
        (place.linux / "flaky-test.sh").write_text(f"#!/bin/sh\ntest -f built || exit 125\nexit {int(number > 3)}\n")
        (place.linux / "flaky-test.sh").chmod(0o755)
        (place.linux / "Makefile").write_text(f"all:\n\ttouch built # {number}\n")
        git(place.linux, "add", ".")
        git(place.linux, "commit", "-q", "-m", f"flaky: {number}")
        if number == 0:
            place.tag(v1_0="HEAD")
    _ends(place)
    return {}


def _attempt(place: Place) -> dict[str, str]:
    """A failed one takes the place of number 37; ../obj is a failed build, and its maps are here, too."""
    number = place.failed()
    assert place.build(place.bad), "a build that fails"
    for name in (".tmp_vmlinux.kallsyms2.syms", "System.map"):
        shutil.copy(place.folder / "obj" / name, place.linux / name)
    return {" 37": f" {number}"}


def _failed_build(place: Place) -> None:
    assert place.build(place.bad), "a build that fails"


def _passing_build(place: Place) -> None:
    place.tag(v6_1=place.good)
    assert place.build(place.good) == 0, (place.linux / "make.log").read_text()


def _plan(place: Place) -> None:
    (place.linux / "plan.yaml").write_text("plan: hunt\nrevisions: v6.1\nprofiles: s3c6400\njobs: [1, 2]\n")
    _ends(place)


def _failed_and_plan(place: Place) -> None:
    _plan(place)
    place.failed()


def _matrix(place: Place) -> dict[str, str]:
    """s3c6400_defconfig is of ARM; the compiler that not everybody has is left out."""
    git(place.linux, "checkout", "-q", place.bad)
    configs = place.linux / "arch/arm/configs"
    shutil.copy(configs / "smallkernel_defconfig", configs / "s3c6400_defconfig")
    git(place.linux, "add", "arch")
    git(place.linux, "commit", "-q", "-m", "ARM: s3c6400")
    text = (configs_dir() / "smallkernel-arm.yaml").read_text().replace("smallkernel_def", "s3c6400_def")
    (place.linux / ".git/bisectsyms/s3c6400.yaml").write_text(text)
    _plan(place)
    place.tag(v6_1="HEAD")
    return {"arm-gcc-11,": ""}


def _report(place: Place) -> dict[str, str]:
    number = place.failed()
    (place.linux / "report.eml").write_text(
        "From: A B <a@example.org>\nTo: l@example.org\nMessage-ID: <1@example.org>\n"
        "Subject: Inconsistent kallsyms data\n"
        "Date: Tue, 02 Aug 2011 12:00:00 +0200\n\n"
        f"with smallkernel_defconfig and make -j2 on x86 the build stops:\n\nInconsistent kallsyms data\n\n"
        f"HEAD is {place.bad}, gcc version 12.2.0.\n"
    )
    return {"report.eml --plan": "report.eml --plan >plan.yaml", " 37": f" {number}"}


def _ledger(place: Place) -> None:
    place.failed()


def _two_hosts(place: Place) -> None:
    """The other host is a folder, and what ssh gives it a shell there."""
    place.failed()
    tools = place.folder / "tools"
    tools.mkdir()
    (tools / "ssh").write_text(f'#!/bin/sh\nshift\ncd {place.folder}/fast && exec sh -c "$*"\n')
    (tools / "ssh").chmod(0o755)
    place.env["PATH"] = f"{tools}{os.pathsep}{place.user.env['PATH']}"
    git(place.folder, "clone", "-q", "linux", "fast/linux")


def _evidence(place: Place) -> dict[str, str]:
    """The two maps of the attempt."""
    place.failed()
    with contextlib.closing(sqlite3.connect(place.linux / ".git/bisectsyms/ledger.sqlite")) as db:
        maps = [
            digest for name, digest in db.execute("select name, digest from evidence") if "ap" in name or "syms" in name
        ]
    first, second = (f"{digest[:2]}/{digest[2:]}.gz" for digest in maps[:2])
    return {"5b/12fa….gz": first, "87/4b2f….gz": second}


SCENES = {
    "git bisect start --term-old broken --term-new fixed v6.2 v6.1": Scene(
        ("is the first fixed commit",), prepare=_fixed
    ),
    "bisectsyms bisect v6.1 v6.3 --profile s3c6400 --until 08:00": Scene(
        ("culprit: ", "flaky: 4"), (0, 3), prepare=_flaky
    ),
    "bisectsyms bisect v6.1 v6.3 --profile s3c6400 -j4 --slots 3": Scene(("culprit: ",), prepare=_ends),
    "bisectsyms bisect --find-fix v6.3 v6.2 --profile s3c6400": Scene(("Revert",), prepare=_fixed_since),
    "bisectsyms calibrate v6.3 --profile s3c6400 --for 2h": Scene(("kind: replay",), prepare=_ends),
    "bisectsyms calibrate --profile smallkernel bad": Scene(("kind: replay", "failures per hour")),
    "A=.tmp_vmlinux.kallsyms2.syms B=System.map": Scene(
        ("differ: ", ".tmp_vmlinux.kallsyms1.o", "kallsyms_names"), (0, 1), prepare=_failed_build, where="../obj"
    ),
    "bisectsyms diagnose": Scene(("mechanism temporary-differs", "no experiment would tell more"), prepare=_attempt),
    "bisectsyms hunt plan.yaml --until 08:00": Scene(("of 2 settled", "of 6 settled"), (0, 3), prepare=_matrix),
    "sqlite3 -box .git/bisectsyms/ledger.sqlite 'select * from rates'": Scene(("│ v6.3",), prepare=_ledger),
    "sqlite3 -box .git/bisectsyms/ledger.sqlite 'select * from spots_view'": Scene(("│ x86",), prepare=_ledger),
    "bisectsyms ledger export - | ssh fast 'cd linux && bisectsyms ledger import -'": Scene(
        ("1 new attempt, ", "0 attempts known already"), prepare=_two_hosts
    ),
    "cd .git/bisectsyms/evidence": Scene(("image_complete",), prepare=_evidence),
    "bisectsyms near-miss v6.1 --profile s3c6400": Scene(("ties",), prepare=_passing_build),
    "bisectsyms report --html report.html": Scene(("of 2 settled",), (0, 3), prepare=_failed_and_plan),
    "bisectsyms reproduce report.eml": Scene(("Subject: Re: ", "Inconsistent"), prepare=_report),
    "bisectsyms variations": Scene(("pad", "culprit: "), prepare=_ends),
}
"""By the first command of a block."""


def blocks() -> Iterator[tuple[str, list[str]]]:
    """(page, commands) of every block that shows some: `console` fences, and what is indented."""
    for page in PAGES:
        for text in _texts(page) if page != README else ():
            commands = [_bare(line) for line in TYPED.findall(textwrap.dedent(text))]
            if commands:
                yield page.relative_to(ROOT).as_posix(), commands


def _texts(page: Path) -> Iterator[str]:
    fence, lines = "", list[str]()
    for line in (*page.read_text(encoding="utf-8").splitlines(), ""):
        if line.lstrip().startswith("```"):
            if fence == "```console":
                yield "\n".join(lines)
            fence, lines = "" if fence else line.strip(), []
        elif fence or line.startswith("    "):
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []


def _bare(line: str) -> str:
    """Without what is said beside it."""
    return re.sub(r"\s{2,}#.*$", "", line).rstrip()


@pytest.mark.parametrize(("page", "commands"), [pytest.param(*one, id=f"{one[0]}: {one[1][0]}") for one in blocks()])
def test_what_is_shown_can_be_typed(page: str, commands: list[str], place: Place) -> None:
    if commands[0] in ELSEWHERE:
        return
    scene = SCENES[commands[0]]
    replaced = REPLACED | (scene.prepare(place) or {})
    script = "\n".join(commands)
    for old, new in replaced.items():
        script = script.replace(old, new)
    done = place.type(f"{TOLD}\n{script}", (place.linux / scene.where).resolve())
    printed = done.stdout + done.stderr
    assert done.returncode in scene.ends, printed
    assert not re.findall(r"^ended with 1[2-9]\d: .*", printed, re.MULTILINE), printed
    for words in scene.says:
        assert words in printed
    assert "Traceback" not in printed
    assert "command not found" not in printed


def test_every_scene_is_of_a_block() -> None:
    assert {*SCENES, *ELSEWHERE} == {commands[0] for _, commands in blocks()}


def test_targets_of_make_are_there() -> None:
    lines = [line for page, commands in blocks() if page == "CONTRIBUTING.md" for line in commands]
    assert len(lines) > 5
    for line in lines:
        if target := re.search(r"\bmake (\w[\w-]*)", line):
            asked = subprocess.run(("make", "-n", target[1]), cwd=ROOT, capture_output=True, text=True, check=False)
            assert asked.returncode == 0, asked.stderr
        if module := re.search(r"python -m (\S+)", line):
            words = (sys.executable, "-m", module[1], "--help")
            assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0, line


def test_the_cluster_that_is_shown(place: Place) -> None:
    pytest.importorskip("distributed", reason="pip install 'bisectsyms[cluster]'")
    shown = {commands[0]: commands for page, commands in blocks() if page == "docs/clusters.md"}
    scheduler, *workers = shown["dask scheduler"]
    _, hunt, bisect = shown["pip install 'bisectsyms[cluster]'"]
    _plan(place)
    lab = Lab(place.user, place.folder)
    try:
        for line in (scheduler, *workers):
            what, *words = line.replace("boss:8786", f"127.0.0.1:{lab.port}").split()[1:]
            more = ("--host", "127.0.0.1", "--port", str(lab.port)) if what == "scheduler" else ()
            lab._start(what, {}, *words, *more, "--no-dashboard")
        line = hunt.replace("tcp://boss:8786", lab.address).replace("--until 08:00", "--for 60s --max-attempts 9")
        done = place.type(line)
        searched = place.type(bisect.replace("ssh:hosts.txt", lab.address))  # by ssh: test_cluster_ssh.py
    finally:
        lab.close()
    assert done.returncode in (0, 3), done.stderr
    assert "of 2 settled" in done.stdout
    assert searched.returncode == 0, searched.stderr
    assert f"culprit: {place.culprit[:12]}" in searched.stdout
