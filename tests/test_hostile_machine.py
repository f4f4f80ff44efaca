"""What a machine in trouble must not become: a verdict, a bug report, a wrong rebuild, or a wait without end.

The long ones, whole commands on small disks and beside other gits, are in tests/torture/machine.py.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from bisectsyms.core.classify import CLOCK, Seen, classify
from bisectsyms.core.decide import untestable
from bisectsyms.core.logscan import Digest
from bisectsyms.core.trouble import NO_TEMPORARY, passing, trouble
from bisectsyms.effects import slots
from bisectsyms.effects.ccache import Ccache
from bisectsyms.effects.gitrepo import RefusedError, Repository
from bisectsyms.effects.logfile import to_keep
from bisectsyms.effects.machine import Health
from bisectsyms.effects.objtree import BUILT, Objtree
from bisectsyms.effects.runner import Command, run
from bisectsyms.effects.slots import Slot
from bisectsyms.errors import InfraError
from bisectsyms.model import Kind, Observation, Outcome
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory
from tests.torture.machine import ELSEWHERE

ROOT = Path(__file__).parents[1]
NOTHING = Digest((), "", 0)
HOUR = 3600.0


@pytest.fixture
def history(make_history: MakeHistory) -> History:
    return make_history(Failure.NONE, commits=12)


@pytest.fixture
def repository(history: History) -> Repository:
    return Repository.discover(history.repo, {})


def python(code: str, *args: object, before: tuple[str, ...] = (), env: dict[str, str] | None = None) -> str:
    """What a process of its own prints that runs `code`, started by the words `before`."""
    words = [*before, sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Errors of the operating system


@pytest.mark.parametrize(
    ("error", "says", "step"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: No space left on device", "free space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/a"), "/a: Disk quota exceeded", "quota"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: Read-only file system", "writable"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "Resource temporarily", "ulimit -u"),
        (FileNotFoundError(errno.ENOENT, f"{NO_TEMPORARY} found in ['/tmp']"), NO_TEMPORARY, "free space"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied", "yours to write"),
        (MemoryError(), "out of memory", "free memory"),
    ],
)
def test_the_machines_errors_say_what_to_do(error: BaseException, says: str, step: str) -> None:
    told = trouble(error)
    assert told is not None
    assert (says in told.message, step in told.next_step) == (True, True), told
    assert bool(passing(error)) is not isinstance(error, PermissionError), "what never passes is not waited for"


@pytest.mark.parametrize("error", [ValueError("x"), FileNotFoundError(errno.ENOENT, "No such file"), KeyError(28)])
def test_a_bug_of_ours_stays_one(error: Exception) -> None:
    assert trouble(error) is None


def test_a_process_that_cannot_be_started_is_no_fault_of_the_users(tmp_path: Path) -> None:
    printed = python(
        """
        import resource, sys
        from pathlib import Path
        from bisectsyms.effects.runner import Command, run
        from bisectsyms.errors import InfraError
        folder = Path(sys.argv[1])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (5, hard))
        try:
            run(Command(("true",), folder, {"PATH": "/usr/bin:/bin"}), log=folder / "log", timeout=60)
        except InfraError as error:
            print(error)
        """,
        tmp_path,
    )
    assert "Too many open files" in printed and "ulimit -n" in printed


# Clocks


@pytest.mark.parametrize("status", [0, 2])
def test_a_clock_that_is_set_back_spoils_the_attempt(status: int) -> None:
    before, after = Health(0, 0, 0.0, clock=1000.0), Health(0, 0, 0.0, clock=940.0)
    seen = Seen(exit_status=status, maps_fresh=True, maps_equal=status == 0, clock_set_back=before.set_back(after))
    ruling = classify(NOTHING, seen)
    assert (ruling.outcome, ruling.signature) == (Outcome.INFRA, CLOCK)
    assert "60.00 s" in ruling.why
    assert after.set_back(before) == 0.0, "a machine that slept is ahead, and old files stay old"
    assert before.set_back(Health(0, 0, 0.0, clock=999.999)) == 0.0


def test_what_was_built_in_the_future_is_not_built_upon(tmp_path: Path) -> None:
    """Make would take it for newer than sources that are checked out now."""
    objtree = Objtree(tmp_path / "obj")
    with objtree.in_use():
        (objtree.path / "string.o").touch()
    objtree.arrived("tree")
    objtree.repair()
    assert objtree.at() == "tree"
    ahead = (objtree.path / BUILT).stat().st_mtime + HOUR
    os.utime(objtree.path / BUILT, (ahead, ahead))
    objtree.repair()
    assert not objtree.path.exists()


def test_files_that_were_checked_out_in_the_future_are_checked_out_again(
    repository: Repository, history: History, tmp_path: Path
) -> None:
    slot = slots.acquire(tmp_path / "slots", repository)
    slot.move_to(repository.resolve(history.good))
    (index,) = history.repo.glob(".git/worktrees/*/index")
    ahead = index.stat().st_mtime + HOUR
    os.utime(index, (ahead, ahead))
    with (slot.src / "Makefile").open() as first:  # while it is open, nobody is given its number again
        slot.move_to(repository.resolve(history.good))
        assert (slot.src / "Makefile").stat().st_ino != os.fstat(first.fileno()).st_ino
    assert index.stat().st_mtime < ahead
    slot.release()


# Logs


def test_a_build_that_never_stops_printing_is_ended(tmp_path: Path) -> None:
    flood = Command(("sh", "-c", "while :; do head -c 65536 /dev/zero; sleep 0.01; done"), tmp_path, dict(os.environ))
    ended = run(flood, log=tmp_path / "log", timeout=600, most_log=1 << 18)
    assert (ended.flooded, ended.timed_out) == (True, True)
    ruling = classify(NOTHING, Seen(exit_status=None, timed_out=True, flooded=True))
    assert (ruling.outcome, ruling.signature) == (Outcome.TIMEOUT, "endless-log")


@pytest.mark.parametrize(("size", "kept"), [(0, 10), (10, 10), (11, 10), (5000, 64)])
def test_of_a_long_log_both_ends_are_kept(tmp_path: Path, size: int, kept: int) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(n % 251 for n in range(size)))
    short = to_keep(log, kept).read_bytes()
    if size <= kept:
        assert short == log.read_bytes()
    else:
        whole, half = log.read_bytes(), kept // 2
        assert short.startswith(whole[:half]) and short.endswith(whole[-half:])
        assert f"{size - 2 * half} bytes of this log are left out".encode() in short
        assert len(short) < kept + 80


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: apt-get install strace")
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("call", ["pwrite64", "ftruncate"])
def test_a_ledger_whose_first_look_fails_is_told_with_its_next_step(tmp_path: Path, call: str, error: str) -> None:
    code = """
        import sys
        from pathlib import Path
        from bisectsyms.effects.ledger import Ledger
        from bisectsyms.errors import InfraError
        try:
            Ledger.open(Path(sys.argv[1])).close()
        except InfraError as error:
            print(error, error.next_step)
        """
    assert not python(code, tmp_path)
    before = ("strace", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when=1+")
    printed = python(code, tmp_path, before=before)
    assert "ledger.sqlite" in printed and "space" in printed


# Locks and gits


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: apt-get install strace")
def test_a_disk_without_locks_is_told_from_a_slot_in_use(history: History, tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from bisectsyms.effects import slots
        from bisectsyms.effects.gitrepo import Repository
        from bisectsyms.errors import InfraError
        try:
            slots.acquire(Path(sys.argv[1]), Repository.discover(Path(sys.argv[2]), {}))
        except InfraError as error:
            print(error)
        """
    before = ("strace", "-qq", "-o", os.devnull, "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK")
    printed = python(code, tmp_path / "slots", history.repo, before=before)
    assert "No locks available" in printed and "--slots-dir" in printed


@pytest.mark.parametrize("left", ["locked", "HEAD.lock"])
def test_a_slot_of_which_git_has_a_lock_left(
    repository: Repository, history: History, tmp_path: Path, left: str
) -> None:
    slot: Slot = slots.acquire(tmp_path / "slots", repository)
    slot.move_to(repository.resolve(history.good))
    (admin,) = history.repo.glob(".git/worktrees/*")
    (admin / left).touch()
    if left == "locked":
        shutil.rmtree(slot.src)
    slot.move_to(repository.resolve(history.bad))
    assert repository.git("rev-parse", "HEAD", cwd=slot.src) == history.bad
    slot.release()


def test_a_lock_of_a_git_that_died_is_named(repository: Repository, history: History) -> None:
    lock = history.repo / ".git/refs/heads/x.lock"
    lock.touch()
    with pytest.raises(InfraError) as caught:
        repository.git("update-ref", "refs/heads/x", history.good)
    assert not isinstance(caught.value, RefusedError)
    assert f"rm {lock}" in caught.value.next_step
    lock.unlink()
    repository.git("update-ref", "refs/heads/x", history.good)


@pytest.mark.parametrize("dies", ["kill -9 $$", "echo fatal: Out of memory, malloc failed >&2; exit 128"])
def test_a_git_that_dies_has_answered_nothing(history: History, tmp_path: Path, dies: str) -> None:
    """Or a commit would be said not to contain its ancestor, and be built without the fixup that it needs."""
    (tmp_path / "git").write_text(f"#!/bin/sh\n{dies}\n")
    (tmp_path / "git").chmod(0o755)
    printed = python(
        """
        import os, sys
        from pathlib import Path
        from bisectsyms.effects.gitrepo import RefusedError, Repository
        from bisectsyms.errors import InfraError
        repository = Repository.discover(Path(sys.argv[1]), {})
        os.environ["PATH"] = f"{sys.argv[2]}:{os.environ['PATH']}"
        asked = [
            lambda: repository.contains(*sys.argv[3:5]),
            lambda: repository.merge_bases(*sys.argv[3:5]),
            lambda: repository.text(sys.argv[3], "Makefile"),
            lambda: repository.resolve("HEAD"),
        ]
        for ask in asked:
            try:
                print(ask())
            except InfraError as error:
                print("no answer" if not isinstance(error, RefusedError) and error.next_step else repr(error))
        """,
        history.repo, tmp_path, history.bad, history.good,
    )  # fmt: skip
    assert printed.splitlines() == ["no answer"] * 4


def test_a_repository_that_was_moved_away_meanwhile(repository: Repository, history: History) -> None:
    history.repo.rename(history.repo.with_name("elsewhere"))
    for ask in (repository.head, repository.is_partial):
        with pytest.raises(InfraError, match="is gone") as caught:
            ask()
        assert "where the repository is now" in caught.value.next_step


# ccache


def a_file(folder: Path) -> None:
    folder.touch()


def nowhere(folder: Path) -> None:
    folder.symlink_to("/proc/self/nowhere")


@pytest.mark.skipif(not shutil.which("ccache"), reason="ccache is not installed: apt-get install ccache")
@pytest.mark.parametrize("spoil", [a_file, nowhere])
def test_a_cache_that_cannot_be_written_is_left_out(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    told: list[str] = []
    spoil(tmp_path / "cache")
    env = {"PATH": os.environ["PATH"], "CCACHE_DIR": str(tmp_path / "cache")}
    assert Ccache.of(tmp_path, env, say=told.append) == Ccache()
    assert len(told) == 1 and "cache: " in told[0], told


def test_a_ccache_that_fails_is_left_out(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "ccache").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "ccache").chmod(0o755)
    assert Ccache.of(tmp_path / "slots", {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, say=told.append) == Ccache()
    assert told[0].endswith("--version ends with 1: broken")


def test_time_outs_of_a_machine_that_is_well_again_can_be_taken_back() -> None:
    hung = [Observation(Kind.RELINK, Outcome.TIMEOUT, "timeout")] * 2
    ended = untestable(hung)
    assert ended is not None and "bisectsyms exclude" in ended.rationale


# The long ones


def test_the_tests_that_the_torture_points_at_are_there() -> None:
    for name in (one for tests in ELSEWHERE.values() for one in tests):
        file, _, test = name.partition("::")
        assert f"def {test}" in (ROOT / "tests" / file).read_text(), name
