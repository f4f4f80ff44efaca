"""Bisects with this checkout's bisectsyms, on the terminal and in a log, until a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click

BIN = Path(sys.executable).parent


def git(repo: Path, *words: str) -> None:
    """Run git in `repo`; CalledProcessError if it fails."""
    subprocess.run(["git", *words], cwd=repo, check=True, stdout=subprocess.DEVNULL)


def bisect_run(repo: Path, words: Sequence[str], log: Path, *, hide: Path, seconds: float | None = None) -> int:
    """The exit status of `git bisect run bisectsyms WORDS` in `repo`."""
    return logged(["git", "bisect", "run", "bisectsyms", *words], repo, log, hide=hide, seconds=seconds)


def logged(
    argv: Sequence[str], repo: Path, log: Path, *, hide: Path, seconds: float | None = None, result: Path | None = None
) -> int:
    """The exit status of `argv` in `repo`, with this checkout's bisectsyms on PATH.

    Every line goes to the terminal and, without where `hide` is on this machine, to the end of `log`; stdout
    alone to `result` instead, if given. After `seconds` it is interrupted as by Ctrl-C: every attempt that ended
    is kept, and another run goes on.
    """
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    log.parent.mkdir(exist_ok=True)
    # A session of its own, so that an interrupt reaches git and bisectsyms alike, and at once.
    with (
        log.open("a") as out,
        result.open("w") if result else nullcontext(subprocess.PIPE) as stdout,
        subprocess.Popen(
            argv,
            cwd=repo,
            env=env,
            stdout=stdout,
            stderr=subprocess.PIPE if result else subprocess.STDOUT,
            text=True,
            bufsize=1,
            start_new_session=True,
        ) as process,
    ):
        timer = threading.Timer(seconds, _interrupt, [process]) if seconds is not None else None
        if timer:
            timer.start()
        try:
            lines = process.stderr if result else process.stdout
            assert lines is not None
            for line in lines:
                out.write(line.replace(str(hide), "FOLDER"))
                out.flush()
                click.echo(line, nl=False)
            return process.wait()
        except KeyboardInterrupt:
            _interrupt(process)
            raise
        finally:
            if timer:
                timer.cancel()


def _interrupt(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
