"""Many machines, by Dask: who is there, and a call that is made on one of them. Nothing else knows of Dask.

A call is for one worker, because an objtree is warm on one. A worker that is lost takes its call with it: to whom it is
given then is for the one who gave it to say, so Dask is told to repeat nothing.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bisectsyms.effects.sshworkers import SshWorkers
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.hosts import read_address, read_hosts

PATIENCE = 20.0
"""Seconds in which a scheduler that is there answers."""
GONE = 600.0
"""Seconds that a scheduler which was there may be away, before it is given up."""
POLL = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call."""

    worker: str
    value: bytes = b""
    error: str = ""
    """Why there is no value: what the call raised, or could not be made for."""
    lost: bool = False
    """Whether there is none because the scheduler forgot the call; it may have been made."""


class Cluster:
    """Workers behind one scheduler; to be closed.

    Raises:
        UserError: Dask is not installed, this is no address, or something is wrong with the file of hosts.
        InfraError: no scheduler answers there.
    """

    def __init__(self, address: str, say: Callable[[str], None]) -> None:
        """`local:N` makes N workers on this host, and `ssh:FILE` on those that the file names; they end with us.

        `tcp://HOST:PORT` is a scheduler that runs.
        """
        self._say = say
        self._out: dict[str, Any] = {}
        self._local: Any = None
        self._address = address
        self._away_since: float | None = None
        self._ssh: SshWorkers | None = None
        self._seen = False
        where = read_address(address)
        hosts = read_hosts(where.hosts) if where.hosts else ()
        try:
            import distributed
        except ImportError as error:
            raise UserError(
                "--cluster needs Dask, which is not installed", next_step="pip install 'bisectsyms[cluster]'"
            ) from error
        self._dask: Any = distributed  # it is hardly typed, and so what comes of it is converted here
        if where.local or hosts:
            with _without_ctrl_c():  # the workers inherit that: what is interrupted is for us to say
                self._local = self._dask.LocalCluster(
                    n_workers=where.local,
                    host=None if where.local else "0.0.0.0",  # noqa: S104 - the hosts must reach it; docs/clusters.md
                    threads_per_worker=1,
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # else it wants port 8787, on all interfaces
                    silence_logs="CRITICAL",
                )
        try:
            if hosts:
                port = int(str(self._local.scheduler_address).rpartition(":")[2])
                self._ssh = SshWorkers(hosts, port, say)
            self._client: Any = self._connected()
        except BaseException:
            self._close_ours()
            raise

    @property
    def is_local(self) -> bool:
        """Whether its workers are on this host and ours."""
        return self._local is not None and self._ssh is None

    def close(self) -> None:
        """What still runs goes on to its end, unless the workers are ours."""
        with contextlib.suppress(Exception):  # it may be gone, and no answer of it is wanted any more
            self._client.close(timeout=5)
        self._close_ours()

    def _close_ours(self) -> None:
        if self._local is not None:
            self._local.close(timeout=10)
        if self._ssh is not None:
            self._ssh.close()

    def workers(self) -> frozenset[str]:
        """The addresses of those that are there now; none while the scheduler is away.

        Raises:
            InfraError: it was away for too long, or none of the hosts has ever had a worker.
        """
        if self._ssh is not None:
            self._ssh.look(known=self._seen)
        try:
            found = frozenset(map(str, self._client.nthreads()))
        except Exception as error:  # whatever a connection may run into, Dask's own and the system's
            return self._without_scheduler(error)
        if self._away_since is not None:
            self._say(f"the scheduler at {self._address} is there again")
        self._away_since = None
        self._seen = self._seen or bool(found)
        return found

    def _without_scheduler(self, error: Exception) -> frozenset[str]:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self._say(f"the scheduler at {self._address} does not answer; waiting for it")
        if self._local is not None or now - self._away_since > GONE:
            raise InfraError(
                f"the scheduler at {self._address} is gone: {error}",
                next_step="start it again, then the same command: what its workers made meanwhile is with them",
            ) from error
        self._out.clear()
        with contextlib.suppress(Exception):
            self._client.close(timeout=1)
        with contextlib.suppress(InfraError):
            self._client = self._connected(PATIENCE / 10)
        return frozenset()

    def send(self, worker: str, call: Callable[..., bytes], *arguments: object) -> None:
        """Let a worker call this; one call at a time for each. `call` is a function of a module that it has, too."""
        self._out[worker] = self._client.submit(
            call, *arguments, workers=[worker], allow_other_workers=False, pure=False, retries=0
        )

    def wait(self, seconds: float) -> list[Answer]:
        """Answers that have come, after so many seconds at most. A worker that is gone never answers."""
        until = time.monotonic() + seconds
        while not (ended := [worker for worker, future in self._out.items() if future.done()]):
            if (rest := until - time.monotonic()) <= 0:
                return []
            time.sleep(min(POLL, rest))
        return [self._answer(worker, self._out.pop(worker)) for worker in ended]

    def _answer(self, worker: str, future: Any) -> Answer:
        if future.status in ("cancelled", "lost"):
            return Answer(worker, lost=True)
        try:
            return Answer(worker, bytes(future.result(timeout=PATIENCE)))
        except Exception as error:  # anything that the call raised there, or that Dask says of it
            return Answer(worker, error=f"{type(error).__name__}: {error}")

    def forget(self, worker: str) -> None:
        """No answer is wanted of this worker any more."""
        if (future := self._out.pop(worker, None)) is not None:
            with contextlib.suppress(Exception):
                future.cancel()

    def everywhere(self, call: Callable[[], None]) -> None:
        """Have it called by every worker now, beside what it is at."""
        with contextlib.suppress(Exception):  # who cannot be reached is not to be waited for
            self._client.run(call, on_error="ignore")

    def _connected(self, patience: float = PATIENCE) -> Any:
        target: Any = self._local if self._local is not None else self._address
        try:
            return self._dask.Client(target, timeout=patience, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InfraError(
                f"no scheduler answers at {self._address}: {error}", next_step="dask scheduler, and its address"
            ) from error


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
