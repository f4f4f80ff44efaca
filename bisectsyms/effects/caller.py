"""Who called us: under git bisect run, a 0 of any verb that judges nothing would be read as "good"."""

from __future__ import annotations

from pathlib import Path

import psutil

SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "fish", "busybox", "env", "nice", "ionice", "time", "timeout", "git")


def called_by_bisect_run() -> bool:
    """Whether `git bisect run` started this process, directly or through shells."""
    try:
        process = psutil.Process().parent()
        for _ in range(8):
            if process is None:
                return False
            words = process.cmdline()
            if any("bisect" in word for word in words[:4]) and ("run" in words or "--bisect-run" in words):
                return True
            if not words or Path(words[0]).name.lstrip("-") not in SHELLS:
                return False
            process = process.parent()
    except psutil.Error:
        pass
    return False
