"""A hostile machine: disks, memory, processes, clocks, compilers and gits that fail, with the small kernel on it.

    python -m tests.torture machine [--rounds N] [--seed N]
    unshare -rm python -m tests.torture.machine NAME SEED ROUNDS     one of them, told as JSON

Each case types the same command during the trouble and after it. During: the true verdict, or 128 with a next step;
never another verdict, never a traceback. After: the true verdict, no attempt lost, the ledger sound, nothing running.
What is not here is a test already; `ELSEWHERE` says which.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bisectsyms.effects.ledger.file import NAME
from tests.torture.outcome import Options, Row
from tests.torture.yard import STOPPED, TRUTH, Told, Yard, template

ROOT = Path(__file__).parents[2]
ROUNDS = 12
"""Calls of the kernel that fail, by default."""
REVS = tuple(TRUTH)
Case = Callable[[Yard, Options], None]
ELSEWHERE = {
    "a full disk under the ledger or the evidence": (
        "test_ledger_file.py::test_a_full_disk_costs_no_row_that_was_written",
        "test_ledger_file.py::test_no_room_for_a_new_ledger",
        "test_evidence.py::test_a_full_disk_leaves_nothing_half_written_and_the_attempt_can_end",
        "test_workbench.py::test_a_full_disk_is_waited_for_with_growing_pauses",
        "test_workbench.py::test_a_disk_that_stays_full_stops_without_a_verdict",
    ),
    "a folder of the state that cannot be written, a network file system": (
        "test_ledger_file.py::test_a_folder_that_cannot_be_written",
        "test_ledger_file.py::test_no_wal_on_a_network_file_system",
    ),
    "runaways, time-outs, Ctrl-C": ("test_runner.py",),
    "a slot that was damaged, index.lock in it": ("test_slots.py::test_a_slot_moves_whatever_happened_to_it",),
    "sparse, with submodules, partial, sha256, filters, hooks": ("test_repositories.py",),
    "ledgers of older and newer versions": ("test_migrations.py",),
    "two processes in one ledger, two runs and one slot": (
        "test_ledger_file.py::test_two_processes_use_one_ledger_from_its_making_on",
        "test_slots.py::test_a_locked_slot_is_left_to_its_owner",
    ),
    "what of all this takes less than two seconds": ("test_hostile_machine.py",),
}
"""Tests of `make test`, each by where it is in tests/; they are not run once more."""


# Disks


def no_room_for_slots(yard: Yard, options: Options) -> None:
    """Slots on disks of different sizes, from one that takes no lock to one that takes nearly all of a build."""
    for number, size in enumerate(("8k", "96k", "200k", "400k", "700k", "1200k", "1700k")):
        rev, yard.words = REVS[number % 2], ()
        small = yard.folder / f"slots-{size}"
        yard.small_disk(small, size)
        yard.words = ("--slots-dir", str(small))
        yard.step(rev)
        yard.remount(small, "size=200m")
        yard.goes_on(rev)


def no_room_for_the_state(yard: Yard, options: Options) -> None:
    """Ledger, evidence and log on disks of different sizes."""
    for number, size in enumerate(("4k", "64k", "160k", "224k")):
        rev = REVS[number % 2]
        yard.small_disk(yard.state, size)
        yard.step(rev)
        yard.remount(yard.state, "size=200m")
        yard.goes_on(rev)
        subprocess.run(["umount", str(yard.state)], check=True)


def no_room_in_the_repository(yard: Yard, options: Options) -> None:
    """All of .git on a disk that is full but for a little."""
    for number, left in enumerate((0, 24, 96, 200)):
        rev, git = REVS[number % 2], yard.repo / ".git"
        aside = yard.folder / "git"
        git.rename(aside)
        yard.small_disk(git, "200m")
        subprocess.run(["cp", "-a", f"{aside}/.", str(git)], check=True)
        filesystem = os.statvfs(git)
        used = (filesystem.f_blocks - filesystem.f_bfree) * filesystem.f_frsize // 1024
        yard.remount(git, f"size={used + left}k")
        yard.step(rev)
        yard.remount(git, "size=200m")
        yard.goes_on(rev)
        subprocess.run(["umount", str(git)], check=True)
        git.rmdir()
        aside.rename(git)


def calls_that_fail(yard: Yard, options: Options) -> None:
    """From the Nth on, calls that write fail in our own process: no space, quota, read-only, an I/O error."""
    rng = random.Random(f"calls {options.seed}")
    calls = "mkdir,rename,fsync,fdatasync,pwrite64,ftruncate,link,unlink,flock"
    for number in range(options.rounds or ROUNDS):
        error = ("ENOSPC", "EDQUOT", "EROFS", "EIO")[number % 4]
        first = rng.randint(1, 120)
        inject = f"inject={calls}:error={error}:when={first}+"
        yard.step(REVS[number // 4 % 2], "strace", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject)
    for rev in REVS:
        yard.goes_on(rev)


def state_read_only(yard: Yard, options: Options) -> None:
    """The state on a disk that was remounted, as ext4 does after an error."""
    yard.small_disk(yard.state, "100m")
    yard.step("bad")
    yard.remount(yard.state, "ro")
    if yard.step("good") != STOPPED:
        yard.lost("a step that cannot be written down has ended with a verdict")
    yard.remount(yard.state, "rw")
    yard.goes_on("good")


# Compilers

DAEMONS = "(setsid env -i YARD={yard} sleep 900 &) ; setsid env -i YARD={yard} sleep 900 &"


def compiler(lines: str, *outcomes: str, profile: str = "", refused: tuple[str, ...] = ()) -> Case:
    """A case in which the compiler does this, and no attempt may end otherwise than with one of `outcomes`."""

    def case(yard: Yard, options: Options) -> None:
        order = yard.obedient()
        for name in refused:
            yard.tool(name, "exit 1")
        if profile:
            own = yard.folder / "mine.yaml"
            shipped = (ROOT / "configs/smallkernel.yaml").read_text()
            own.write_text(f"{shipped.replace('timeout: 2m', '')}\n{profile}\n")
            yard.words = ("--profile", str(own))
        order(lines.format(yard=yard.folder))
        code = yard.step("bad", may_skip=True)
        if wrong := set(yard.outcomes()) - set(outcomes):
            yard.lost(f"outcomes {wrong}, not one of {outcomes}")
        if "\x1b" in yard.last or "\0" in yard.last:
            yard.lost("escape sequences reached the terminal")
        yard.told.note = f"{', '.join(dict.fromkeys(yard.outcomes()))}; ended with {code}"
        order("")
        yard.sound()
        if code == STOPPED:
            yard.goes_on("bad")

    return case


def two_at_once(yard: Yard, options: Options) -> None:
    """Two on one repository, at two revisions, from the making of the ledger on."""
    started = [yard.start(rev) for rev in REVS]
    for rev, one in zip(REVS, started, strict=True):
        output, _ = one.communicate()
        yard.told.times += 1
        del yard.open[rev]
        if one.returncode != TRUTH[rev]:
            yard.lost(f"{rev} ended with {one.returncode} beside another: {output[-1500:]}")
    yard.goes_on("good")


def other_gits(yard: Yard, options: Options) -> None:
    """While a step runs the user commits, checks out, fetches, prunes worktrees and collects garbage without end."""
    yard.run("git", "clone", "-q", "--bare", ".", str(yard.folder / "upstream"))
    yard.run("git", "remote", "add", "up", str(yard.folder / "upstream"))
    busy = (
        "while :; do git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x; git fetch -q up; "
        "git checkout -q good; git worktree prune; git gc -q --prune=now; git checkout -q main; done"
    )
    for rev in REVS:
        with subprocess.Popen(["sh", "-c", busy], cwd=yard.repo, env=yard.env, start_new_session=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:  # fmt: skip
            try:
                yard.step(rev)
            finally:
                os.killpg(other.pid, 9)
        for lock in yard.repo.glob(".git/**/*.lock"):
            lock.unlink()  # of the git that we have just killed
        yard.goes_on(rev)


def locks_left(yard: Yard, options: Options) -> None:
    """Locks of gits that died, in the user's tree, in the slot's and on refs; and a slot that somebody has locked."""
    yard.goes_on("bad")
    (yard.repo / ".git/index.lock").touch()
    (yard.repo / ".git/HEAD.lock").touch()
    yard.goes_on("good")
    for admin in yard.repo.glob(".git/worktrees/*"):
        for name in ("index.lock", "HEAD.lock", "locked"):
            (admin / name).touch()
    yard.step("bad")
    yard.goes_on("bad")
    lock = yard.repo / ".git/packed-refs.lock"
    lock.touch()
    commit = yard.run("git", "rev-parse", yard.name("good")).stdout
    (yard.repo / f".git/refs/bisectsyms/{commit[:12]}.lock").touch()
    if yard.step("good") != STOPPED or "rm " not in yard.last:
        yard.lost(f"a lock that was left is not named: {yard.last[-500:]}")
    for left in yard.repo.glob(".git/refs/bisectsyms/*.lock"):
        left.unlink()
    lock.unlink()
    yard.goes_on("good")


def moved(yard: Yard, options: Options) -> None:
    """The repository is called otherwise, a worktree of ours is gone, and then all slots are."""
    yard.goes_on("bad")
    before = len(yard.outcomes())
    other = yard.folder / "other"
    yard.repo.rename(other)
    other.rename(yard.folder / "linux")  # and back: what git has of the worktrees is as it was
    subprocess.run(["sh", "-c", f"rm -rf {yard.slots}/*/*/src"], check=True)
    yard.goes_on("good")
    subprocess.run(["sh", "-c", f"rm -rf {yard.slots}/*"], check=True)
    yard.goes_on("bad")
    yard.repo.rename(other)
    done = yard.run(*yard.command(yard.name("good")), cwd=other)
    yard.told.times += 1
    if done.returncode != TRUTH["good"]:
        yard.lost(f"does not go on where it was moved to: {done.returncode}: {done.stderr[-1500:]}")
    other.rename(yard.repo)
    if len(yard.outcomes()) < before:
        yard.lost("attempts are gone")


def clones(yard: Yard, options: Options) -> None:
    """sha256, shallow, partial with all blobs at a local server, and with a submodule: the whole command."""
    whole = yard.repo.rename(yard.folder / "whole")
    for name, value in (("uploadpack.allowFilter", "true"), ("uploadpack.allowAnySHA1InWant", "true")):
        yard.run("git", "config", name, value, cwd=whole)
    url = f"file://{whole}"
    mine = "git -C linux -c user.name=a -c user.email=a@b -c protocol.file.allow=always"
    ways = {
        "sha256": f"git init -q --object-format=sha256 linux; git -C {whole} fast-export --all"
        " | git -C linux fast-import --quiet; git -C linux reset -q --hard main",
        "shallow": f"git clone -q --depth 3 {url} linux; {mine} fetch -q --depth 1 origin tag good tag bad",
        "partial": f"git clone -q --filter=blob:none {url} linux",
        "submodule": f"git clone -q {url} linux; {mine} submodule --quiet add {url} sub; {mine} commit -qm sub;"
        " git -C linux tag -f bad",
    }
    yard.fresh = {side: itertools.repeat(side) for side in TRUTH}  # each has a ledger of its own
    for name, line in ways.items():
        made = yard.run("sh", "-c", line, cwd=yard.folder)
        if made.returncode:
            yard.lost(f"{name} could not be made: {made.stderr}")
            continue
        for rev in REVS:
            yard.goes_on(rev)
        yard.repo.rename(yard.folder / name)


def clock_set_back(yard: Yard, options: Options) -> None:
    """An hour: all that was built and checked out before is of the future. Then a clock of ours that runs otherwise."""
    yard.goes_on("good")
    ahead = [
        "find",
        str(yard.slots),
        str(yard.repo / ".git/worktrees"),
        "-newermt",
        "-1 day",
        "-exec",
        "touch",
        "-h",
        "-d",
        "+1 hour",
        "{}",
        "+",
    ]
    for rev in ("bad", "good"):
        subprocess.run(ahead, check=True)
        yard.goes_on(rev)
    if "INFRA" in yard.outcomes():
        yard.lost("make was left with files of the future")
    if not shutil.which("faketime"):
        yard.told.note = "without faketime: apt-get install faketime"
    for shift in ("-3h", "+3h") if shutil.which("faketime") else ():
        if yard.step("good", "faketime", "-f", shift) != TRUTH["good"]:
            yard.lost(f"a clock that differs from the disk's by {shift} has stopped it")
    yard.goes_on("bad")


def versions(yard: Yard, options: Options) -> None:
    """State of a newer version in every file that has one: a clear stop, or as if it were not there."""
    yard.goes_on("bad")
    with contextlib.closing(sqlite3.connect(yard.state / NAME, isolation_level=None)) as db:
        version = db.execute("pragma user_version").fetchone()[0]
        db.execute("pragma user_version = 999")
    if yard.step("bad") != STOPPED:
        yard.lost("a ledger of a newer version was used")
    with contextlib.closing(sqlite3.connect(yard.state / NAME, isolation_level=None)) as db:
        db.execute(f"pragma user_version = {version}")
    readers = {"search.json": ("bisect",), "hunt.json": ("hunt", "--resume"), "slots.json": ("status",)}
    for name, words in readers.items():
        for text in ('{"schema": 999}', "{", "null", "\0"):
            (yard.state / name).write_text(text)
            done = yard.run("bisectsyms", *words)
            yard.told.times += 1
            if "Traceback" in done.stderr or done.returncode not in (0, STOPPED):
                yard.lost(f"{name} {text!r}: {words} ends with {done.returncode}: {done.stderr[-800:]}")
        (yard.state / name).unlink()
    yard.goes_on("good")


def caches(yard: Yard, options: Options) -> None:
    """ccache: its folder is a file, is full, cannot be written; the program fails, or is no program."""
    folder = yard.folder / "cache"
    folder.touch()
    yard.environ["CCACHE_DIR"] = str(folder)
    yard.goes_on("bad")
    folder.unlink()
    yard.small_disk(folder, "16k")
    yard.goes_on("good")
    yard.environ["CCACHE_DIR"] = "/proc/self/ccache"
    yard.goes_on("bad")
    del yard.environ["CCACHE_DIR"]
    for body in ("exit 1", "echo ccache: error: broken >&2; exit 1", "case $1 in --version) exit 0;; esac; exit 1"):
        yard.tool("ccache", body)
        yard.slots.rename(yard.folder / f"slots-{yard.told.times}")
        yard.slots.mkdir()
        yard.step("good")
    (yard.tools / "ccache").unlink()
    yard.goes_on("good")


def few_processes(yard: Yard, options: Options) -> None:
    """A cgroup with few processes, where one can be made (pids, of either version)."""
    for controller in ("pids", ""):
        limited(yard, controller, "pids.max", ("6", "12", "24"))


def little_memory(yard: Yard, options: Options) -> None:
    """A cgroup with little memory, where one can be made: whoever is largest is killed."""
    limits = (str(60 << 20), str(100 << 20))
    limited(yard, "memory", "memory.limit_in_bytes", limits)
    limited(yard, "", "memory.max", limits)


def limited(yard: Yard, controller: str, name: str, limits: tuple[str, ...]) -> None:
    """Steps in a cgroup with each of these limits."""
    group = Path("/sys/fs/cgroup") / controller / f"bisectsyms-torture-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        return
    with contextlib.ExitStack() as undo:
        undo.callback(group.rmdir)
        if not (group / name).exists():
            return
        yard.told.note += f"{name} = {', '.join(limits)}. "
        for number, limit in enumerate(limits):
            (group / name).write_text(limit)
            yard.step(REVS[number % 2], "sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh")
            yard.goes_on(REVS[number % 2])


CASES: dict[str, tuple[str, Case]] = {
    "slots-full": ("no room for slots: seven sizes of disk", no_room_for_slots),
    "state-full": ("no room for ledger and evidence: four sizes", no_room_for_the_state),
    "repository-full": ("no room in .git: four sizes", no_room_in_the_repository),
    "calls-fail": ("calls that write fail from one on (ENOSPC, EDQUOT, EROFS, EIO)", calls_that_fail),
    "read-only": ("state remounted read-only", state_read_only),
    "few-processes": ("fork fails (pids.max)", few_processes),
    "little-memory": ("memory limit of a cgroup", little_memory),
    "hangs": ("a compiler that hangs", compiler("sleep 1000", "TIMEOUT", profile="timeout: 3s")),
    "killed": ("a compiler that is killed", compiler("kill -9 $$", "INFRA", "BROKEN")),
    "no-memory": ("a compiler with 40 MB of memory", compiler("ulimit -v 40000", "INFRA", "BROKEN")),
    "floods": (
        "a compiler that never stops printing",
        compiler("yes 'warning: of nothing' | head -c 10000000000", "TIMEOUT", profile="ccache: no"),
    ),
    "escapes": (
        "a compiler that prints NUL and escape sequences",
        compiler(r"printf '\000\033[2J\033]0;owned\007a.c:1:1: error: \033[31mno\000\n'; exit 1", "BROKEN"),
    ),
    "daemons": ("a compiler that leaves daemons behind, without their environment", compiler(DAEMONS, "INCONSISTENT")),
    "daemons-seen": ("the same where bubblewrap is refused", compiler(DAEMONS, "INCONSISTENT", refused=("bwrap",))),
    "ccache": ("ccache is broken in six ways", caches),
    "other-gits": ("commit, checkout, fetch, prune and gc at the same moment", other_gits),
    "locks": ("locks of gits that died", locks_left),
    "moved": ("the repository is moved, worktrees and slots are removed", moved),
    "clones": ("sha256, shallow, partial, with a submodule", clones),
    "clock": ("the clock is set back", clock_set_back),
    "two": ("two runs at once", two_at_once),
    "versions": ("state of another version, and damaged", versions),
}


def run(options: Options) -> list[Row]:
    """Every case in a mount namespace of its own; then which tests stand for the others."""
    rows = []
    for name in CASES:
        words = [sys.executable, "-m", "tests.torture.machine", name, str(options.seed), str(options.rounds or ROUNDS)]
        done = subprocess.run(["unshare", "-rm", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        told = Told(**json.loads(done.stdout)) if done.returncode == 0 else Told(lost=["the torture itself failed"])
        rows.append(row(name, told))
        print(f"  {name}: {rows[-1]}", *told.lost, sep="\n    ", file=sys.stderr, flush=True)
    elsewhere = (Row(what, len(tests), "tests", note=", ".join(tests)) for what, tests in ELSEWHERE.items())
    return [*rows, *elsewhere]


def row(name: str, told: Told) -> Row:
    """What one case did, as a row of the page."""
    note = f"{told.stopped} of them stopped with a next step. {told.note}".strip() if told.stopped else told.note
    return Row(CASES[name][0], told.times, "commands", len(told.lost), len(told.lost), note)


def alone(name: str, options: Options) -> Told:
    """One case in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bisectsyms-torture-") as folder:
        template(Path(folder) / "template")
        yard = Yard.at(Path(folder) / "yard", Path(folder) / "template")
        CASES[name][1](yard, options)
        subprocess.run(["sh", "-c", f"umount -l {folder}/yard/* {folder}/yard/linux/.git/* 2>/dev/null"], check=False)
        return yard.told


if __name__ == "__main__":
    print(json.dumps(asdict(alone(sys.argv[1], Options(seed=int(sys.argv[2]), rounds=int(sys.argv[3]))))))
