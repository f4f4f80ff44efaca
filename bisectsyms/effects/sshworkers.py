"""Workers of Dask that are started by ssh, as by hand: `dask worker ADDRESS` on each host, for as long as we are there.

By the user's own ssh, so that his keys, agent, aliases and jump hosts are what they are for git. A host that is
not there is named and tried again later; the others work meanwhile. (Dask's SSHCluster starts all or none, and does not
say why.)
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT, TimeoutExpired
from typing import Any

from plumbum import CommandNotFound, local

from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.hosts import Host

OPTIONS = ("BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=4")
"""Nobody is there to be asked, and a host that does not answer for a minute is lost."""
AGAIN = 120.0
"""Seconds after which a host whose worker ended is tried once more."""
LAST = 5.0
"""Seconds in which ssh ends when it is told to."""
DEATH = 60
"""Seconds after which a worker that finds no scheduler ends."""
START = """\
here=${SSH_CLIENT%% *}
case $here in *:*) here="[$here]" ;; esac
exec "$1" -P -m distributed.cli.dask_worker "tcp://$here:$2" --nthreads 1 --no-nanny --no-dashboard --death-timeout "$3"
"""
"""For sh over there, whatever the login shell is: we are reached at the address that ssh came from."""


@dataclass
class _Session:
    """One ssh, and the worker at its other end."""

    host: Host
    log: Path
    process: Any = None
    again: float = 0.0
    """When it is to be begun, if it does not run."""
    ended: str = ""
    """Why the last one ended."""


class SshWorkers:
    """Workers on these hosts for the scheduler at a port of ours; to be closed."""

    def __init__(
        self, hosts: Sequence[Host], port: int, say: Callable[[str], None], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin them; whether they come is seen at the scheduler.

        Raises:
            UserError: there is no ssh.
        """
        self._port, self._say, self._now = port, say, now
        self._said = set[str]()
        self._folder = tempfile.TemporaryDirectory(prefix="bisectsyms-ssh-")
        logs = (Path(self._folder.name) / f"{number}.log" for number in range(sum(one.workers for one in hosts)))
        self._sessions = [_Session(host, next(logs)) for host in hosts for _ in range(host.workers)]
        try:
            for session in self._sessions:
                self._begin(session)
        except BaseException:
            self.close()
            raise

    def look(self, *, known: bool) -> None:
        """See which have ended, say why, and begin again those whose time it is. `known`: a worker has been there.

        Raises:
            InfraError: all have ended, and none has ever been there.
        """
        for session in self._sessions:
            if session.process is not None and session.process.poll() is not None:
                self._ended(session)
            elif session.process is None and known and self._now() >= session.again:
                self._begin(session)
        if not known and all(session.process is None for session in self._sessions):
            reasons = dict.fromkeys(f"{session.host.name}: {session.ended}" for session in self._sessions)
            raise InfraError(
                "no worker could be started:\n" + "\n".join(reasons),
                next_step="ssh HOST must work without a question, and python= name a Python with bisectsyms[cluster]",
            )

    def close(self) -> None:
        """End every ssh; the workers have ended with their scheduler, or will when they miss it."""
        running = [session.process for session in self._sessions if session.process is not None]
        for process in running:
            with contextlib.suppress(OSError):
                process.terminate()
        for process in running:
            try:
                process.wait(LAST)
            except TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()

    def _begin(self, session: _Session) -> None:
        host, words = session.host, ("-c", START, "sh", session.host.python or sys.executable)
        remote = shlex.join(("exec", "sh", *words, str(self._port), str(DEATH)))
        options = [word for option in OPTIONS for word in ("-o", option)]
        try:
            with session.log.open("wb") as log:
                session.process = local["ssh"].popen(
                    [*options, "-T", "--", host.name, remote],
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=STDOUT,
                    start_new_session=True,  # the terminal's Ctrl-C is for us: workers finish what they are at
                )
        except CommandNotFound as error:
            raise UserError("--cluster ssh: needs ssh", next_step="apt-get install openssh-client") from error

    def _ended(self, session: _Session) -> None:
        session.ended = next(_told(session.log), f"ssh ended with {session.process.returncode}")
        session.process, session.again = None, self._now() + AGAIN
        text = f"{session.host.name}: its worker has ended: {session.ended}"
        if text not in self._said:  # of several of a host, and of each time more
            self._said.add(text)
            self._say(text)


def _told(log: Path) -> Iterator[str]:
    """What was said there, the last line first."""
    with contextlib.suppress(OSError):
        lines = os.fsdecode(log.read_bytes()[-4096:]).splitlines()
        yield from (line.strip() for line in reversed(lines) if line.strip())
