"""`--cluster ssh:FILE` through a real sshd of the test, with a key, a port and a host key of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bisectsyms.effects.cluster import Cluster
from bisectsyms.effects.sshworkers import AGAIN, SshWorkers
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.hosts import Host, read_hosts
from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory, User

PATIENCE = 1800.0
"""Seconds; a worker takes two where the machine has nothing else to do."""


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["hosts names no host"]),
        ("# nobody\n\n", ["hosts names no host"]),
        ("one\none\n", ["hosts:2: one is there already"]),
        ("one two\n", ["hosts:1: 'two' is neither workers=N nor python=PATH"]),
        ("one workers=0\n\ntwo workers=x\n", ["hosts:1: workers='0'", "hosts:3: workers='x'"]),
        ("one python=python3\n", ["hosts:1: python='python3' is no absolute path; for example `python=/"]),
        ("one workers=1 workers=2\n", ["hosts:1: workers is given twice"]),
        ("-oProxyCommand=x\n", ["hosts:1: '-oProxyCommand=x' is no host"]),
        ("workers=2\n", ["hosts:1: 'workers=2' is no host"]),
        ("$(x)\nme@two;x\n", ["hosts:1: '$(x)' is no host", "hosts:2: 'me@two;x' is no host"]),
        ("one python=/opt/\0b\n", ["hosts:1: python='/opt/\\x00b' is no absolute path"]),
        ("one workers=\x1b[31m\n", ["hosts:1: workers='\\x1b[31m' is no number"]),
        (f"one workers={'9' * 5000}\n", ["9…' is no number from 1 to 256"]),
    ],
)
def test_what_is_wrong_in_a_file_of_hosts_is_told_with_its_line(tmp_path: Path, text: str, problems: list[str]) -> None:
    (tmp_path / "hosts").write_text(text)
    with pytest.raises(UserError) as error:
        read_hosts(tmp_path / "hosts")
    lines = str(error.value).splitlines()
    assert all(any(problem in line for line in lines) for problem in problems), lines


def test_a_file_of_hosts(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("# ours\none\nme@two  workers=2 python=/opt/b/bin/python # the fast one\n")
    assert read_hosts(tmp_path / "hosts") == (Host("one"), Host("me@two", 2, "/opt/b/bin/python"))
    (tmp_path / "hosts").write_bytes(b"\xff")
    with pytest.raises(UserError, match="UTF-8"):
        read_hosts(tmp_path / "hosts")
    with pytest.raises(UserError, match="larger than 1 MiB, which no list of hosts is"):
        read_hosts(Path("/dev/zero"))
    with pytest.raises(UserError, match="No such file"):
        Cluster(f"ssh:{tmp_path / 'none'}", print)


@dataclass
class Door:
    """An sshd on this machine, and the ssh that has its key."""

    folder: Path
    port: int

    @property
    def env(self) -> dict[str, str]:
        """In which `ssh` is ours: it goes by the home of the password file, whatever HOME says."""
        return {
            "PATH": os.pathsep.join((str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
        }

    @property
    def host(self) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    def hosts(self, *lines: str) -> str:
        path = self.folder / "hosts.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        return f"ssh:{path}"


@pytest.fixture
def door(user: User, tmp_path: Path) -> Iterator[Door]:
    pytest.importorskip("distributed", reason="pip install 'bisectsyms[cluster]'")
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if sshd is None or shutil.which("ssh") is None:
        pytest.skip("apt-get install openssh-server")
    folder = tmp_path / "door"
    folder.mkdir(mode=0o700)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it locks up who has not logged in yet
    for name in ("host", "key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    key = (folder / "host.pub").read_text().split()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {key[0]} {key[1]}\n")
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/key.pub\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        f"SetEnv XDG_CACHE_HOME={user.home}/cache\n"
    )
    (folder / "config").write_text(
        f"IdentityFile {folder}/key\nUserKnownHostsFile {folder}/known\nIdentitiesOnly yes\n"
    )
    ours = folder / "bin" / "ssh"
    ours.parent.mkdir()
    ours.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
    ours.chmod(0o755)
    with (folder / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([sshd, "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log)
    try:
        until = time.monotonic() + PATIENCE
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert daemon.poll() is None, (folder / "sshd.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.1)
        yield Door(folder, port)
    finally:
        daemon.terminate()
        daemon.wait()


@pytest.mark.slow
def test_a_hunt_by_workers_that_ssh_has_started(door: Door, user: User, make_history: MakeHistory) -> None:
    """And beside a host that is not there; afterwards nothing of it runs any more."""
    repo = make_history(Failure.RACE, broken=False, unrelated=False).repo
    cluster = door.hosts("ssh://nobody@127.0.0.1:1", f"{door.host} workers=2 python={sys.executable}")
    words = ("hunt", "--rev", "good,bad", "--profile", "smallkernel", "--kind", "relink", "--vary", "pinned", "-j", "1")
    more = ("--cluster", cluster, "--max-attempts", "6", "--no-nice", "--floor", "1M")
    running = user.start("bisectsyms", *words, *more, "--slots-dir", str(user.slots), cwd=repo, env=door.env)
    said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode in (0, 3), said
    assert "nobody@127.0.0.1:1: its worker has ended: ssh: connect to host 127.0.0.1 port 1" in said
    with contextlib.closing(sqlite3.connect(repo / ".git" / "bisectsyms" / "ledger.sqlite")) as db:
        rows = db.execute("select uuid, outcome, imported from attempts").fetchall()
    assert len(rows) == len({uuid for uuid, *_ in rows}) == 6
    assert {outcome for _, outcome, _ in rows} <= {"CLEAN", "INCONSISTENT"}
    (door.folder / "hosts.txt").unlink()
    again = user.run("bisectsyms", "hunt", "--resume", cwd=repo)
    assert f"on the cluster {cluster}, as before" in again.stderr
    assert f"{door.folder / 'hosts.txt'}: No such file" in again.stderr
    until = time.monotonic() + PATIENCE
    while left := _workers():
        assert time.monotonic() < until, left
        time.sleep(0.2)


def _workers() -> list[str]:
    """Command lines of Dask's workers on this machine that have us for their Python."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"distributed.cli.dask_worker" in words and words[0] == os.fsencode(sys.executable):
                found.append(b" ".join(words).decode())
    return found


@pytest.mark.slow
def test_where_no_host_has_a_worker_it_is_said_why(door: Door, user: User, make_history: MakeHistory) -> None:
    repo = make_history(Failure.RACE, broken=False, unrelated=False).repo
    cluster = door.hosts(f"{door.host} python=/usr/bin/false-python", "ssh://nobody@127.0.0.1:1")
    words = ("bisectsyms", "hunt", "--rev", "good", "--profile", "smallkernel", "--cluster", cluster)
    done = user.run(*words, cwd=repo, env=door.env)
    assert done.returncode == 128
    assert "no worker could be started" in done.stderr
    assert "/usr/bin/false-python: not found" in done.stderr
    assert "Connection refused" in done.stderr
    assert "ssh HOST must work without a question" in done.stderr


def test_a_host_that_was_lost_is_tried_again_and_said_once(tmp_path: Path) -> None:
    """By an ssh that notes how often it was asked and has nobody at its other end."""
    if shutil.which("ssh") is None:
        pytest.skip("apt-get install openssh-client")
    now, said = [0.0], list[str]()
    workers = SshWorkers([Host("host.invalid")], 1, said.append, now=lambda: now[0])
    try:
        until = time.monotonic() + PATIENCE
        while not said:
            workers.look(known=True)
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(InfraError, match=r"host\.invalid: ssh: Could not resolve"):
            workers.look(known=False)
        now[0] += AGAIN
        workers.look(known=True)  # begun once more
        with contextlib.suppress(InfraError):
            workers.look(known=False)
    finally:
        workers.close()
    assert len(said) == 1
