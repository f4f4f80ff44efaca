"""A call made in a Python of its own, which is told all at once and answers once.

For threads of somebody else's program, such as a worker of Dask: no build can be made in one, because whoever starts a
build becomes the reaper of what it leaves behind, and is who hears the signals (runner). It ends with whoever
began it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from subprocess import PIPE
from typing import Any, NoReturn

from plumbum import local

from bisectsyms.effects.forked import Stopped, ends_with_parent
from bisectsyms.errors import InfraError

LAST = 2000
"""Characters of what it said that are told, where it did not answer."""
_running: set[Any] = set()
_lock = threading.Lock()


def ask(module: str, order: bytes) -> bytes:
    """What the function `main` of a module answers to `order`, through `answer`.

    Raises:
        InfraError: it ended without an answer.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
    # -P: the folder that we happen to be in is no place to import from.
    process: Any = local[sys.executable].popen(
        ["-P", "-c", code, str(os.getpid())], stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    with _lock:
        _running.add(process)
    try:
        out, said = process.communicate(order)
    finally:
        with _lock:
            _running.discard(process)
    if process.returncode:
        text = os.fsdecode(said)[-LAST:].strip()
        raise InfraError(f"it ended with {process.returncode} and no answer: {text}")
    return bytes(out)


def end_all() -> None:
    """End those that run, from another thread; each has the time to write down what it is at."""
    with _lock:
        for process in _running:
            with contextlib.suppress(OSError):
                process.terminate()


def answer(work: Callable[[bytes], bytes]) -> NoReturn:
    """The other side of `ask`: do the work, and leave. Whatever is printed meanwhile is no answer."""
    status = 1
    try:
        out = os.dup(1)
        os.dup2(2, 1)
        ends_with_parent(int(sys.argv[1]))
        os.setpgrp()  # the terminal's Ctrl-C is for the one who began us
        answered = work(sys.stdin.buffer.read())
        with os.fdopen(out, "wb") as pipe:
            pipe.write(answered)
        status = 0
    except (Stopped, KeyboardInterrupt):
        pass
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)
