"""A real scheduler and workers of Dask on this machine, each worker with a home of its own as if on another host."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import User


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Lab:
    """One cluster; to be closed."""

    user: User
    folder: Path
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def scheduler(self) -> subprocess.Popen[bytes]:
        return self._start("scheduler", {}, "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")

    def worker(self, name: str, path: str = "") -> subprocess.Popen[bytes]:
        """One more; of a name that was there before, the same host once more. `path` comes before its PATH."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        env = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
        env |= {"PATH": f"{path}{os.pathsep}{self.user.env['PATH']}"} if path else {}
        words = (self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name)
        return self._start("worker", env, *words)

    def _start(self, what: str, env: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{what}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / "dask"), what, *words],
                cwd=self.folder,
                env=self.user.env | env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def builds(self, name: str) -> bool:
        """Whether a worker makes an attempt just now."""
        return any(attempts(ledger, "where ended is null") for ledger in self.ledgers(name))

    def ledgers(self, name: str) -> list[Path]:
        """Those that a worker keeps."""
        return [*(self.folder / name / "cache" / "bisectsyms" / "away").glob("*/*/.git/bisectsyms/ledger.sqlite")]


def attempts(ledger: Path, condition: str = "") -> int:
    """How many a ledger has, which may be being made."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db,
    ):
        return int(db.execute(f"select count(*) from attempts {condition}").fetchone()[0])
    return 0
