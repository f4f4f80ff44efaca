"""The one seam through which builds are started: own session, log to a file, deadline, nothing left.

`make -jN` is all grandchildren, so a child is never just waited for: it leads a session of its own, and
at a time-out or Ctrl-C the whole group goes, and then whoever left the group but carries our mark.
plumbum starts the process; waiting is done on a pidfd, because plumbum's own time-out leaves orphans.

We are the reaper of our descendants (prctl(2), PR_SET_CHILD_SUBREAPER): what outlives its parent comes to
us instead of to init, so it is found and ended, and its CPU time is counted. bubblewrap needs this too: it
leaves before the init of its PID namespace does, and the time of the whole build is in that one's account.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT
from typing import Any

import psutil
from plumbum import CommandNotFound, local

from bisectsyms.core.trouble import passing, trouble
from bisectsyms.errors import UserError

MARK = "BISECTSYMS_SLOT"
"""Variable of the environment by which processes of a slot are found again."""
GRACE_SECONDS = 5.0
REAP_SECONDS = 0.5
MOST_LOG = 4 << 30
"""Bytes. A kernel's log with V=1 has some hundred million; what goes on printing never ends."""
LOG_SECONDS = 0.25
"""Between two looks at how long the log has become."""
EXECUTED_SECONDS = 0.01
KERNEL = (0, 2)
"""Parents of threads of the kernel, which never have an environment."""
PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start: exactly these arguments, in this folder, with exactly this environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]

    def pasteable(self) -> str:
        """One line that repeats it in any POSIX shell."""
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in sorted(self.env.items()))
        return f"cd {shlex.quote(str(self.cwd))} && env -i {settings} {shlex.join(self.argv)}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended and what it took, its waited-for descendants included."""

    exit_status: int | None
    """None if its deadline passed; negative for a signal."""
    seconds: float
    cpu_seconds: float
    peak_rss: int
    """Bytes, of the largest of its processes."""
    flooded: bool = False
    """Whether it was ended because its log was full."""

    @property
    def timed_out(self) -> bool:
        """Whether its deadline passed."""
        return self.exit_status is None

    @property
    def killed(self) -> bool:
        """Whether a signal ended it, its time-out's included: half an output may be left that looks whole."""
        return self.exit_status is None or self.exit_status < 0


def run(
    command: Command, *, log: Path, timeout: float, grace: float = GRACE_SECONDS, most_log: int = MOST_LOG
) -> Ended:
    """Run `command`, append its output to `log`, wait at most `timeout` seconds and for `most_log` bytes there.

    Whatever ends this function, an exception included, no process of the command's session is left.

    Raises:
        UserError: the program does not exist or cannot be executed.
    """
    adopt()
    with log.open("ab") as out:
        begun = time.monotonic()
        process = _start(command, stdin=DEVNULL, stdout=out, stderr=STDOUT, new_session=True)
        pid = int(process.pid or 0)
        try:
            status, usage, flooded = _attend(pid, timeout, lambda: os.fstat(out.fileno()).st_size > most_log)
        except BaseException:
            end_group(pid, grace)
            _reap()
            raise
        finally:
            process.returncode = 0  # reaped here: Popen must not wait for the pid again
        if status is None:
            usage = end_group(pid, grace)
        seconds = time.monotonic() - begun
    account = [*([usage] if usage else []), *_reap()]
    cpu = sum(one.ru_utime + one.ru_stime for one in account)
    return Ended(status, seconds, cpu, max((one.ru_maxrss for one in account), default=0) * 1024, flooded)


def attend(command: Command) -> int:
    """Run `command` for a person at our own terminal; its exit status, negative for a signal.

    Ctrl-C is for the command alone. Nothing that it started is left running.

    Raises:
        UserError: the program does not exist or cannot be executed.
    """
    adopt()
    # Not SIG_IGN, which the command would inherit.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        process = _start(command, stdin=None, stdout=None, stderr=None, new_session=False)
        return int(process.wait())
    finally:
        _reap()
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(command: Command, **streams: Any) -> Any:
    """Start it, with plumbum's process as the answer."""
    try:
        with local.env():
            local.env.clear()  # or plumbum would lay ours over the whole environment of the caller
            local.env.update(command.env)
            program = command.argv[0]
            if "/" in program:  # plumbum would look for it from our folder, not from the command's
                program = str(command.cwd / program)
            return local[program].popen(command.argv[1:], cwd=str(command.cwd), **streams)
    except (CommandNotFound, OSError) as error:
        if (known := trouble(error)) and passing(error):  # no process, or no memory for it
            raise known from error
        raise UserError(f"cannot run {command.argv[0]}: {error}", next_step="bisectsyms doctor") from error


def adopt() -> None:
    """Become the reaper of all descendants; elsewhere than on Linux nothing happens."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(grace: float = GRACE_SECONDS) -> None:
    """End all that descends from us, if we have adopted it: SIGTERM, so that each can write down what it did."""
    with shielded():
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.terminate()
        _reap(grace)


def _reap(seconds: float = REAP_SECONDS) -> list[resource.struct_rusage]:
    """Collect what came to us, and end what still runs after so many seconds: builds leave nothing behind."""
    account: list[resource.struct_rusage] = []
    patience = time.monotonic() + seconds
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return account
        if pid:
            account.append(usage)
        elif time.monotonic() < patience:
            time.sleep(0.002)
        else:
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
            time.sleep(0.002)  # one that waits for a dead disk does not go at once


def _attend(
    pid: int, timeout: float, full: Callable[[], bool]
) -> tuple[int | None, resource.struct_rusage | None, bool]:
    """As `_wait`, but at most until `full`, which is looked at every LOG_SECONDS; whether it was."""
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        status, usage = _wait(pid, max(0.0, min(left, LOG_SECONDS)))
        if status is not None or left <= LOG_SECONDS:
            return status, usage, False
        if full():
            return None, None, True


def _wait(pid: int, timeout: float) -> tuple[int | None, resource.struct_rusage | None]:
    """Wait for `pid` without polling; (None, None) when `timeout` seconds have passed."""
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(timeout * 1000):
            return None, None
    finally:
        os.close(fd)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage


def end_group(pid: int, grace: float) -> resource.struct_rusage | None:
    """End the session that `pid` leads: SIGTERM so that make deletes half-made targets, then SIGKILL; what it used."""
    with shielded():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
        _, usage = _wait(pid, grace)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if usage is None:
            with contextlib.suppress(ChildProcessError):
                _, _, usage = os.wait4(pid, 0)
        return usage


def end_marked(slot: str) -> int:
    """Kill every process that carries the mark of `slot`, and return how many there were.

    For what left its session (setsid), and for what a driver that died by SIGKILL left behind.
    """
    found, bare = 0, list[psutil.Process]()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if not process.environ() and process.ppid() not in KERNEL:
                bare.append(process)
            found += _end_if_marked(process, slot)
    if bare:  # a process that is just being executed shows no environment for a moment
        time.sleep(EXECUTED_SECONDS)
    for process in bare:
        with contextlib.suppress(psutil.Error, OSError):
            found += _end_if_marked(process, slot)
    return found


def _end_if_marked(process: psutil.Process, slot: str) -> bool:
    marked = process.pid != os.getpid() and process.environ().get(MARK) == slot
    if marked:
        process.kill()
    return marked


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """A second Ctrl-C must not interrupt the cleaning up after the first."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
