"""What `--cluster` is given: workers on this host, hosts that a file names, or a scheduler that runs."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path

from bisectsyms.errors import UserError
from bisectsyms.inputs.smallfile import small_text

LARGEST = 1 << 20
"""Bytes; a host is a line."""
MOST = 256
"""Workers of one host."""
EXAMPLE = "--cluster local:4, ssh:hosts.txt, or tcp://HOST:8786"
LOCAL = re.compile(r"local:([1-9][0-9]{0,2})")
SSH = re.compile(r"ssh:(.+)")
SCHEDULER = re.compile(
    r"(?:tcp|tls|ws|wss)://(?:[A-Za-z0-9._-]+|\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)\]):([0-9]{1,5})"
)
"""As Dask takes it: an address of IPv6 in brackets."""
FORBIDDEN = frozenset("'`\"$\\;&<>|(){},")
"""ssh takes them in no host since OpenSSH 9.6 (valid_hostname and valid_ruser in ssh.c, CVE-2023-51385): the %h of a
ProxyCommand is put into a line for a shell."""
FORBIDDEN_USER = FORBIDDEN - set("$\\,")
"""Those of a user's name, which may be `DOMAIN\\user`."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine that is reached by ssh."""

    name: str
    """`one`, `user@one` or `ssh://user@one:2222`, or an alias of ssh_config(5)."""
    workers: int = 1
    python: str = ""
    """Of the bisectsyms there; empty where it has the same path as here."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where workers are: one of the three."""

    local: int = 0
    """So many on this host."""
    hosts: Path | None = None
    """On those that this file names."""
    scheduler: str = ""
    """Those of this one, in Dask's words."""


def read_address(text: str) -> Address:
    """`local:N`, `ssh:FILE` or `tcp://HOST:PORT`.

    Raises:
        UserError: it is none of these.
    """
    if text.isprintable():
        if local := LOCAL.fullmatch(text):
            return Address(local=int(local[1]))
        if ssh := SSH.fullmatch(text):
            return Address(hosts=Path(ssh[1]))
        if (scheduler := SCHEDULER.fullmatch(text)) and 1 <= int(scheduler[2]) < 1 << 16:
            with contextlib.suppress(ValueError):
                IPv6Address(scheduler[1] or "::")
                return Address(scheduler=text)
    raise UserError(f"--cluster {_shown(text)}: no address", next_step=EXAMPLE)


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
    user, _, host = name.rpartition("@")
    for_shells = FORBIDDEN & set(host) or FORBIDDEN_USER & set(user)
    if name.startswith("-") or "=" in name or not name.isprintable() or for_shells:
        raise ValueError(f"{_shown(name)} is no host; for example `user@two workers=2`")
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in ("workers", "python") or not equals:
            raise ValueError(f"{_shown(word)} is neither workers=N nor python=PATH")
        if key in given:
            raise ValueError(f"{key} is given twice")
        given[key] = value
    workers, python = given.get("workers", "1"), given.get("python", "")
    if not re.fullmatch("[0-9]{1,3}", workers) or not 1 <= int(workers) <= MOST:
        raise ValueError(f"workers={_shown(workers)} is no number from 1 to {MOST}; for example `workers=2`")
    if "python" in given and not (python.startswith("/") and python.isprintable()):
        raise ValueError(
            f"python={_shown(python)} is no absolute path; for example `python=/opt/bisectsyms/bin/python`"
        )
    return Host(name, int(workers), python)


def _shown(text: str, most: int = 80) -> str:
    """In quotes, of a length that a terminal can show."""
    return repr(text if len(text) <= most else f"{text[:most]}…")
