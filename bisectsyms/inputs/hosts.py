"""The hosts of `--cluster ssh:FILE`: a line for each, as ssh takes it, and what is different there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bisectsyms.errors import UserError
from bisectsyms.inputs.smallfile import small_text

LARGEST = 1 << 20
"""Bytes; a host is a line."""
MOST = 256
"""Workers of one host."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine that is reached by ssh."""

    name: str
    """`one`, `user@one` or `ssh://user@one:2222`, or an alias of ssh_config(5)."""
    workers: int = 1
    python: str = ""
    """Of the bisectsyms there; empty where it has the same path as here."""


def read_hosts(path: Path) -> tuple[Host, ...]:
    """One host a line, with `workers=N` and `python=PATH` after it; `#` begins a remark.

    Raises:
        UserError: see `small_text`; or it has errors (each with file and line), or names nobody.
    """
    text = small_text(path, LARGEST, what="list of hosts", next_step="--cluster ssh:FILE, with a host a line")
    hosts: dict[str, Host] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if words := line.partition("#")[0].split():
            try:
                host = _host(*words)
                if host.name in hosts:
                    raise ValueError(f"{host.name} is there already; workers=N for several")
                hosts[host.name] = host
            except ValueError as error:
                problems.append(f"{path}:{number}: {error}")
    if problems:
        raise UserError("\n".join(problems), next_step=f"edit {path}")
    if not hosts:
        raise UserError(f"{path} names no host", next_step="a line for each: one, user@two workers=2")
    return tuple(hosts.values())


def _host(name: str, *words: str) -> Host:
    if name.startswith("-") or "=" in name or not name.isprintable():
        raise ValueError(f"{name!r} is no host")
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in ("workers", "python") or not equals:
            raise ValueError(f"{word!r} is neither workers=N nor python=PATH")
        if key in given:
            raise ValueError(f"{key} is given twice")
        given[key] = value
    workers, python = given.get("workers", "1"), given.get("python", "")
    if not (workers.isascii() and workers.isdigit() and 1 <= int(workers) <= MOST):
        raise ValueError(f"workers={workers}: a number from 1 to {MOST}")
    if "python" in given and not python.startswith("/"):
        raise ValueError(f"python={python}: an absolute path")
    return Host(name, int(workers), python)
