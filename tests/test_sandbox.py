"""The sandbox for builds of strangers, under real bubblewrap: a real build tries each door, and finds it shut.

One build tries them all (tests/doors.py), started by the Makefile of a revision; each door is then asserted.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.effects.closing import ETC, SCRATCH_BYTES, SYSTEM, closed_works, needed
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Draw, Kind, Outcome
from bisectsyms.smallkernel.history import Failure, write_history
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.workbench import NO_HOME, Workbench
from tests.doors import OUTLIVES, SAID

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not closed_works(), reason="bubblewrap does not work here: apt-get install bubblewrap"),
]
SECRET = "a-secret-of-the-user"
PROBE = """
$(shell /usr/bin/python3 {doors} {told} >&2)
"""


class Quiet:
    """A reporter that nobody listens to."""

    def say(self, text: str) -> None:
        """Nothing."""

    @contextlib.contextmanager
    def running(self, number: int, plan: object, why: str) -> Iterator[None]:
        yield

    def ended(self, attempt: object) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Tried:
    """What the build found, and where."""

    doors: dict[str, str]
    outcome: Outcome
    log: str
    folder: Path
    slot: Path
    survivors: list[int]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("doors")
    history = write_history(folder / "linux", Failure.NONE, seed=1, commits=12, broken=False, unrelated=False)
    key = folder / "home/.ssh/id_rsa"
    key.parent.mkdir(parents=True)
    key.write_text(SECRET)
    slots, mount = folder / "slots", folder / "slots/build"
    with socket.socket() as inet, socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as named:
        inet.bind(("127.0.0.1", 0))
        abstract.bind(f"\0bisectsyms-doors-{os.getpid()}")
        named.bind(str(folder / "socket"))
        for one in (inet, abstract, named):
            one.listen()
        told = {
            "slot": str(mount), "git": str(history.repo / ".git"), "slots": str(slots), "pid": str(os.getpid()),
            "key": str(key), "port": str(inet.getsockname()[1]), "abstract": f"bisectsyms-doors-{os.getpid()}",
            "socket": str(folder / "socket"),
        }  # fmt: skip
        repository = Repository.discover(history.repo, {})
        (history.repo / "scripts/doors.py").write_text((Path(__file__).parent / "doors.py").read_text())
        (history.repo / "scripts/told.json").write_text(json.dumps(told))
        with (history.repo / "Makefile").open("a") as makefile:
            makefile.write(PROBE.format(doors=mount / "src/scripts/doors.py", told=mount / "src/scripts/told.json"))
        me = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        repository.git("add", "--all")
        repository.git(*me, "commit", "--quiet", "--message", "try every door")
        repository.git("config", "remote.origin.url", f"https://me:{SECRET}@example.org/linux")
        shipped = find_profile("smallkernel", state_dir=folder, xdg_config_home=folder, cwd=folder).path.read_text()
        (folder / "strangers.yaml").write_text(f"{shipped}\nsandbox: required\n")
        loaded = find_profile("./strangers.yaml", state_dir=folder, xdg_config_home=folder, cwd=folder)
        options = Options(slots_dir=slots, toolchains=load_toolchains(folder))
        environ = {**os.environ, "API_TOKEN": SECRET, "HOME": str(folder / "home")}
        with Workbench(repository, loaded, options, environ, Quiet()) as bench:
            attempt = bench.attempt(repository.head(), Ask(Kind.CLEAN, "test", Draw(9)))
            assert attempt.result is not None
            log = bench.builder.log.read_text()
            survivors = [one.pid for one in psutil.process_iter(["cmdline"]) if OUTLIVES in (one.info["cmdline"] or [])]
            lines = [line for line in log.splitlines() if line.startswith(SAID)]
            assert lines, log[-3000:]
            doors = json.loads(lines[-1].removeprefix(SAID))
            yield Tried(doors, attempt.result.outcome, log, folder, bench.slot.path, survivors)


def test_what_is_closed_off_still_builds(tried: Tried) -> None:
    assert tried.outcome is Outcome.CLEAN, tried.log[-3000:]


@pytest.mark.parametrize(
    "door",
    [
        "home", "home of root", "/run", "write /", "write /dev", "write /usr", "write home", "write git", "write log",
        "write lock", "write wrapper", "write source", "write .git", "rename .git", "rename source", "ledger",
        "inet", "abstract", "socket file", "signal", "ptrace", "sysctl", "remount", "keyring",
    ],
)  # fmt: skip
def test_a_door_holds(tried: Tried, door: str) -> None:
    assert tried.doors[door].startswith("held: "), tried.doors[door]


def _names(tried: Tried, door: str) -> set[str]:
    assert tried.doors[door].startswith("OPEN: "), tried.doors[door]
    return set(json.loads(tried.doors[door].removeprefix("OPEN: ")))


def test_nothing_is_seen_but_the_system_and_the_build(tried: Tried) -> None:
    ours = {tried.folder.parts[1], "proc", "dev", "tmp", "var", "etc"}
    assert _names(tried, "/") <= {path.lstrip("/") for path in SYSTEM} | ours
    assert _names(tried, "/etc") <= {name.partition("/")[0] for name in ETC}
    assert _names(tried, "/var") == {"tmp"}
    named = tried.slot.parent.name
    seen = {name for name in _names(tried, "slots") if not name.startswith("build/")}
    assert seen <= {f"{named}/reports"}, "the cache is its own"
    assert _names(tried, "state") == set()


def test_secrets_are_nowhere_in_what_it_saw(tried: Tried) -> None:
    assert SECRET not in tried.log
    assert "API_TOKEN" not in tried.doors["environment"]
    assert SECRET not in tried.doors["environment of init"] and NO_HOME in tried.doors["environment of init"]
    assert tried.doors["git config"].startswith("OPEN: ") and "remote" not in tried.doors["git config"]


def test_it_has_a_network_of_its_own_with_nothing_in_it(tried: Tried) -> None:
    assert _names(tried, "netlink") == {"lo"}
    assert tried.doors["net"] != f"OPEN: {Path('/proc/self/ns/net').readlink()}"


def test_it_ends_with_its_attempt(tried: Tried) -> None:
    assert tried.doors["outlive"] == "OPEN: started"
    assert tried.survivors == []


def test_it_sees_no_other_process(tried: Tried) -> None:
    assert int(tried.doors["processes"].removeprefix("OPEN: ")) < 5000
    assert str(os.getpid()) not in tried.doors["processes"]


def test_it_has_no_capability(tried: Tried) -> None:
    assert int(tried.doors["capabilities"].removeprefix("OPEN: "), 16) == 0


def test_it_makes_no_user_namespace(tried: Tried) -> None:
    told = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=True).stdout
    if "--disable-userns" not in told:
        pytest.skip("bubblewrap 0.8: apt-get install bubblewrap")
    assert tried.doors["user namespace"].startswith("held: "), tried.doors["user namespace"]


def test_shared_memory_is_its_own_and_bounded(tried: Tried) -> None:
    assert int(tried.doors["shared memory"].removeprefix("OPEN: ")) <= SCRATCH_BYTES
    assert tried.doors["write shared memory"].startswith("OPEN: ")
    assert not Path("/dev/shm/was-here").exists()
    assert tried.doors["ipc"] != f"OPEN: {Path('/proc/self/ns/ipc').readlink()}"


def test_the_files_that_close_it_off_are_not_for_others(tried: Tried) -> None:
    for name in ("no-keyring.bpf", "git-config"):
        assert not stat.S_IMODE((tried.slot / name).stat().st_mode) & 0o022


def test_a_home_is_never_needed(tmp_path: Path) -> None:
    """A compiler in ~/bin is seen, and what is beside that folder is not."""
    home = tmp_path / "home"
    for name in ("bin/gcc-9", "x-tools/gcc-12/bin/gcc-12", "gcc-8"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("#!/bin/sh\n")
        (home / name).chmod(0o755)
    path = os.pathsep.join((str(home / "bin"), str(home / "x-tools/gcc-12/bin"), str(home), "/usr/bin"))
    assert needed(("gcc-9",), path, home) == (home / "bin",)
    assert needed(("gcc-12",), path, home) == (home / "x-tools/gcc-12",)
    assert needed(("gcc-8", "sh", "none"), path, home) == ()
