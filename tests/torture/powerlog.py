"""What a command does to one folder, in order: strace's log read back into writes, syncs and names.

strace names the file behind every descriptor (-y) and shows all bytes (-xx), so nothing has to be guessed. What is
written through memory maps is not seen; here that is SQLite's -shm alone, which is made anew after a crash
(sqlite.org/walformat.html).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "openat,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,sendfile,copy_file_range,"
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,fsync,fdatasync,"
    "sync_file_range,exit_group"
)
NEVER = frozenset(
    [
        "writev",
        "pwritev",
        "pwritev2",
        "truncate",
        "fallocate",
        "sendfile",
        "copy_file_range",
        "sync_file_range",
        "symlink",
        "symlinkat",
    ]
)
"""Not met so far, so not modelled: whoever uses one is told, and nothing is taken for fine that was not seen."""
CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
BEGUN = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
EXIT = re.compile(r"^(\d+) +exit_group\((\d+)\)")
FD = re.compile(r"^(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Write:
    path: str
    data: bytes
    offset: int | None
    """None: at its end."""


@dataclass(frozen=True, slots=True)
class Create:
    path: str
    truncate: bool


@dataclass(frozen=True, slots=True)
class Truncate:
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Rename:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Link:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Unlink:
    path: str


@dataclass(frozen=True, slots=True)
class Mkdir:
    path: str


@dataclass(frozen=True, slots=True)
class Sync:
    path: str
    """A file, or a folder: then its names."""


@dataclass(frozen=True, slots=True)
class Told:
    """People were told something, or git was: the state must now be durable."""

    text: str
    status: int | None = None
    """Of a process that had written to the folder, at its end."""


Event = Write | Create | Truncate | Rename | Link | Unlink | Mkdir | Sync | Told


def record(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, output: Path) -> int:
    """Run a command under strace, with all that it says in the file `output`; its exit status."""
    strace = ("strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 24), "-e", f"trace={CALLS}", "-o", str(log))
    with output.open("wb") as out:
        return subprocess.run(
            (*strace, *words), cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False
        ).returncode


def events(log: Path, folder: Path, output: Path) -> Iterator[Event]:
    """What happened to `folder` and below, and what was said into `output`; paths are relative to the folder."""
    writers = set[str]()
    for pid, call, arguments, result in _calls(log):
        if call == "exit_group":
            if pid in writers:
                yield Told("", result)
            continue
        event = _event(call, arguments, result, str(folder), str(output))
        if event is not None:
            if isinstance(event, Write):
                writers.add(pid)
            yield event


def _calls(log: Path) -> Iterator[tuple[str, str, str, int]]:
    """(process, call, arguments, result) of each that went well, in the order of their ends."""
    begun: dict[str, str] = {}
    with log.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if found := EXIT.match(line):
                yield found[1], "exit_group", "", int(found[2])
                continue
            if found := BEGUN.match(line):
                begun[found[1]] = line.removesuffix(" <unfinished ...>")
                continue
            if found := RESUMED.match(line):
                line = begun.pop(found[1], "") + found[2]
            if (found := CALL.match(line)) and int(found[4]) >= 0:
                yield found[1], found[2], found[3], int(found[4])


def _event(call: str, arguments: str, result: int, folder: str, output: str) -> Event | None:
    texts = [_bytes(text) for text in TEXT.findall(arguments)]
    fd = FD.match(arguments)
    at = _bytes(fd[2]).decode() if fd else ""
    if call in ("write", "pwrite64") and at == output:
        return Told(texts[0][:result].decode(errors="replace"))
    if call in ("write", "pwrite64", "ftruncate", "fsync", "fdatasync") or call in NEVER:
        if (path := _inside(at, folder)) is None:
            return None
        if call in NEVER:
            raise NotImplementedError(f"{call} in {at}: the model of the disk does not know it")
        last = arguments.rpartition(", ")[2]
        match call:
            case "write":
                return Write(path, texts[0][:result], None)
            case "pwrite64":
                return Write(path, texts[0][:result], int(last))
            case "ftruncate":
                return Truncate(path, int(last, 0))
        return Sync(path)
    base = at if (fd and fd[1] == "AT_FDCWD") or call.endswith("at") else ""
    paths = [_inside(str(Path(base or "/", text.decode(errors="surrogateescape"))), folder) for text in texts]
    if not paths or all(path is None for path in paths):
        return None
    match call, paths:
        case "openat", [str(path)]:
            return Create(path, "O_TRUNC" in arguments) if "O_CREAT" in arguments else None
        case (("mkdir" | "mkdirat"), [str(path)]):
            return Mkdir(path)
        case (("unlink" | "unlinkat" | "rmdir"), [str(path)]):
            return Unlink(path)
        case (("rename" | "renameat" | "renameat2"), [str(old), str(new)]):
            return Rename(old, new)
        case (("link" | "linkat"), [str(old), str(new)]):
            return Link(old, new)
    raise NotImplementedError(f"{call}({arguments[:300]})")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _inside(path: str, folder: str) -> str | None:
    """Relative to the folder, "." for itself; None outside. SQLite's -shm is left out."""
    if path == folder:
        return "."
    if not path.startswith(f"{folder}/") or path.endswith("-shm"):
        return None
    return path.removeprefix(f"{folder}/")
