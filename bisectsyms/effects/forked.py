"""A process of ours that works beside us and ends with us, told and heard through a pipe.

Builds are started in processes and not in threads: whoever starts one adopts and reaps what it leaves behind, and is
who gets Ctrl-C (runner), and neither can be shared. A worker hears Ctrl-C from us alone, once, and so it has the time
to end what it started and to write it down; and it hears if we die.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import connection
from types import FrameType
from typing import Any, TypeVar, cast

from bisectsyms.core.trouble import AGAIN, trouble
from bisectsyms.effects.runner import shielded
from bisectsyms.errors import BisectsymsError, InfraError

Answer = TypeVar("Answer")
Pipe = connection.Connection
Work = Callable[[Pipe], None]

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""
ENDING = (signal.SIGTERM, signal.SIGHUP)
HELD = (signal.SIGINT, *ENDING)
PATIENCE = 60.0
"""Seconds in which a worker that was told to end has to have ended."""


class Stopped(BaseException):
    """We were told to end; unwinds like KeyboardInterrupt so that nothing is left running."""


class Worker:
    """A process that does some work."""

    def __init__(self, work: Work, before: Sequence[Worker] = (), *, together: bool = False) -> None:
        """Begin it; `before` are those that were begun earlier, whose pipes are none of its business.

        One that is `together` with us in our process group is stopped by Ctrl-Z as we are, and what it starts there
        hears Ctrl-C; it does not itself.

        Raises:
            InfraError: the system allows no more processes.
        """
        self.pipe, other = multiprocessing.Pipe()
        arguments = (work, other, [self.pipe, *(worker.pipe for worker in before)], os.getpid(), together)
        context = multiprocessing.get_context("fork")  # what is to be done need not be written down, as with spawn
        self._process = context.Process(target=_work, args=arguments, daemon=True)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)  # until it has handlers of its own
        try:
            self._process.start()
        except OSError as error:
            self.pipe.close()
            step = "free memory, or look at `ulimit -u`; or fewer at once"
            raise InfraError(f"no further process: {error.strerror}", next_step=step) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            other.close()

    def stop(self) -> None:
        """Tell it to end, and do not wait."""
        self._process.terminate()

    def join(self) -> None:
        """Wait until it has ended; one that does not is killed."""
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()


def stop_all(workers: Sequence[Worker]) -> None:
    """End them, and wait for what they have to write down. A second Ctrl-C does not interrupt that."""
    with shielded():
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()


def heard(workers: Sequence[Worker]) -> list[int]:
    """Wait until some of them say something, or have ended; their indices."""
    ready = set[Any](connection.wait([worker.pipe for worker in workers]))
    return [number for number, worker in enumerate(workers) if worker.pipe in ready]


def ends_with_parent(parent: int) -> None:
    """From now on a signal unwinds us, by `Stopped` and once, and we get one when our parent dies.

    Raises:
        Stopped: it has died already.
    """
    for number in ENDING:
        signal.signal(number, _stop)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # before we could ask to be told
        raise Stopped


def call(work: Callable[[], Answer]) -> Answer:
    """What `work` answers, from a process together with us: it cleans up after itself even where we are killed.

    Raises:
        InfraError: that process was killed.
        Exception: what `work` raised, or a RuntimeError with its traceback where it is a bug of ours.
    """
    worker = Worker(partial(_answered, work), together=True)
    try:
        answer = worker.pipe.recv()
    except EOFError as error:
        raise InfraError("the process that did it was killed", next_step=AGAIN) from error
    finally:
        stop_all([worker])
    if isinstance(answer, Exception):
        raise answer
    return cast(Answer, answer)


def _answered(work: Callable[[], object], pipe: Pipe) -> None:
    try:
        answer = work()
    except BisectsymsError as error:
        answer = error
    except Exception as error:
        answer = trouble(error) or RuntimeError(traceback.format_exc())
    with contextlib.suppress(OSError):  # nobody listens any more
        pipe.send(answer)


def _work(work: Work, pipe: Pipe, others: Sequence[Pipe], parent: int, together: bool) -> None:
    # The terminal's Ctrl-C is for the one who began us.
    if together:
        signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which what we start would inherit
    else:
        os.setpgrp()
    for other in others:
        other.close()
    with contextlib.suppress(Stopped, KeyboardInterrupt):
        ends_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        try:
            work(pipe)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def _stop(number: int, frame: FrameType | None) -> None:
    for one in ENDING:  # once is enough: what would be interrupted now is the cleaning up
        signal.signal(one, lambda *_: None)
    raise Stopped
