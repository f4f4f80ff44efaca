"""The guard: whatever happens in this process, git must never read it as a verdict by accident.

git bisect run takes exit status 1 to 124 as "bad" (git-bisect(1)). An ImportError ends Python with 1,
a usage error with 2, a stdout that cannot be flushed with 120: each would name a commit. So this module
imports nothing but the standard library, everything else happens inside `main`, output is flushed
here, and the process leaves through `os._exit` with a status that somebody chose.
"""

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

ABORT = 128
INTERRUPTED = 130
OTHERS_WRITE = 0o022
"""What nobody else may write to: a link that he puts among our files would be followed as ours."""
STEP_STATUSES = (0, 1, 125, ABORT, INTERRUPTED)
OTHER_STATUSES = (0, 3, ABORT, INTERRUPTED)


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived; unwinds like KeyboardInterrupt so that nothing is left running."""


def main() -> NoReturn:
    """The console script. Never returns and never raises."""
    status = ABORT
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _terminate)
        os.umask(os.umask(0o077) | OTHERS_WRITE)
        status = _guarded(sys.argv[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED
        _say("interrupted; every attempt that ended is in the ledger, run the same command to go on")
    except Terminated:
        _say("terminated; every attempt that ended is in the ledger, run the same command to go on")
    except BaseException as error:  # the last door: nothing may pass it
        status = ABORT
        _report(error)
    finally:
        try:
            os._exit(_leaving(status))
        finally:  # a signal came before we were deaf to it: what it raises would end Python with 1
            os._exit(ABORT)


def _guarded(argv: list[str]) -> int:
    """Run the command line and return one of the documented exit statuses."""
    from bisectsyms.cli import run

    status, is_step = run(argv)
    return status if status in (STEP_STATUSES if is_step else OTHER_STATUSES) else ABORT


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody listens: the status still tells
        sys.stderr.write(f"bisectsyms: {text}\n")


def _report(error: BaseException) -> None:
    """Say what went wrong; a bug of ours comes with a traceback to paste, never as a verdict."""
    try:
        from bisectsyms.core.trouble import trouble
        from bisectsyms.core.words import visible
        from bisectsyms.errors import BisectsymsError

        known = error if isinstance(error, BisectsymsError) else trouble(error)
        if known is not None:
            _say(visible(f"{known}"))  # it may quote what a stranger wrote
            return
    except BaseException as second:
        _say(f"while reporting: {second!r}")
    import traceback

    where = "".join(traceback.format_exception(error))
    printable = "".join(one if one.isprintable() or one == "\n" else f"<U+{ord(one):04X}>" for one in where)
    _say(f"internal error, nothing was judged (exit status {ABORT}). Please report this:\n{printable}")


def _leaving(status: int) -> int:
    """The status to leave with; from here on nothing interrupts us."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return status if _flushed() else ABORT


def _flushed() -> bool:
    """Close stdout and stderr now, while a failure can still change the exit status."""
    fine = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            fine = False
    return fine
