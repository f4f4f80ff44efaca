"""What a hostile build tries, run by make inside the sandbox: each door, and what was behind it.

A real Makefile of the small kernel starts it (tests/test_sandbox.py), with the python of the system. It prints one line
of JSON: name of a door to what happened there, `held: REASON` or `OPEN: WHAT`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

SAID = "DOORS "
OUTLIVES = "doors-outlives"
PTRACE_ATTACH = 16
CLONE_NEWUSER = 0x10000000
MS_REMOUNT, MS_BIND = 32, 4096
KEYCTL_GET_KEYRING_ID, USER_KEYRING = 0, -4
KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280, "armv7l": 311}
LIBC = ctypes.CDLL(None, use_errno=True)


def written(name: str) -> str:
    with Path(name).open("a") as file:
        file.write("was here")
    return f"{name} was written"


def read(name: str) -> str:
    with Path(name).open("rb") as file:
        return repr(file.read(1 << 16))


def listed(name: str) -> str:
    return json.dumps(sorted(one.name for one in Path(name).iterdir()))


def replaced(name: str) -> str:
    Path(name).rename(f"{name}.aside")
    return f"{name} was renamed"


def connected(family: int, address: object) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(5)
        one.connect(address)  # type: ignore[arg-type]  # of either family
    return f"connected to {address!r}"


def called(*words: int) -> str:
    """A system call by its number."""
    if LIBC.syscall(*(ctypes.c_long(word) for word in words)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return f"syscall {words} passed"


def answered(result: int, what: str) -> str:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return what


def outlives() -> str:
    """A child in a session of its own that would sleep on when make has ended."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for stream in (0, 1, 2):
                os.close(stream)
            os.execv("/bin/sh", ["sh", "-c", "sleep 3000; :", OUTLIVES])
        os._exit(0)
    os.wait()
    return "started"


def killed(pid: int) -> str:
    os.kill(pid, signal.SIGCONT)
    return f"{pid} was signalled"


def capabilities() -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("CapEff:"))


def opened_to_write(name: str) -> str:
    """Not written: what if it is open?"""
    os.close(os.open(name, os.O_WRONLY))
    return f"{name} can be written"


def doors(told: dict[str, str]) -> dict[str, Callable[[], str]]:
    slot, git, slots, pid = Path(told["slot"]), told["git"], told["slots"], int(told["pid"])
    src = str(slot / "src")
    machine = os.uname().machine
    return {
        "/": lambda: listed("/"),
        "/etc": lambda: listed("/etc"),
        "/var": lambda: listed("/var"),
        "home": lambda: read(told["key"]),
        "home of root": lambda: listed("/root"),
        "/run": lambda: listed("/run"),
        "write /": lambda: written("/was-here"),
        "write /dev": lambda: written("/dev/was-here"),
        "write /usr": lambda: written("/usr/was-here"),
        "write home": lambda: written(told["key"]),
        "write git": lambda: written(f"{git}/HEAD"),
        "write log": lambda: written(str(slot / "log")),
        "write lock": lambda: written(str(slot / "lock")),
        "write wrapper": lambda: written(str(slot / "tools/ld")),
        "write source": lambda: written(f"{src}/Makefile"),
        "write .git": lambda: written(f"{src}/.git"),
        "rename .git": lambda: replaced(f"{src}/.git"),
        "rename source": lambda: replaced(src),
        "git config": lambda: read(f"{git}/config"),
        "ledger": lambda: read(f"{git}/bisectsyms/ledger.sqlite"),
        "state": lambda: listed(f"{git}/bisectsyms"),
        "slots": lambda: json.dumps(sorted(str(one.relative_to(slots)) for one in Path(slots).glob("*/*"))),
        "inet": lambda: connected(socket.AF_INET, ("127.0.0.1", int(told["port"]))),
        "abstract": lambda: connected(socket.AF_UNIX, "\0" + told["abstract"]),
        "socket file": lambda: connected(socket.AF_UNIX, told["socket"]),
        "netlink": lambda: json.dumps(sorted(name for _, name in socket.if_nameindex())),
        "outlive": outlives,
        "signal": lambda: killed(pid),
        "ptrace": lambda: answered(LIBC.ptrace(PTRACE_ATTACH, pid, None, None), "attached"),
        "processes": lambda: str(max(int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())),
        "environment": lambda: json.dumps(sorted(os.environ)),
        "environment of init": lambda: read("/proc/1/environ"),
        "capabilities": capabilities,
        "sysctl": lambda: opened_to_write("/proc/sys/kernel/core_pattern"),
        "remount": lambda: answered(LIBC.mount(None, b"/usr", None, MS_REMOUNT | MS_BIND, None), "remounted"),
        "user namespace": lambda: answered(LIBC.unshare(CLONE_NEWUSER), "made"),
        "keyring": lambda: called(KEYCTL[machine], KEYCTL_GET_KEYRING_ID, USER_KEYRING, 0),
        "shared memory": lambda: str(os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize),
        "write shared memory": lambda: written("/dev/shm/was-here"),
        "ipc": lambda: str(Path("/proc/self/ns/ipc").readlink()),
        "net": lambda: str(Path("/proc/self/ns/net").readlink()),
    }


def main() -> None:
    """Try each; never fail, because a build that breaks shows nothing."""
    found = {}
    for name, door in doors(json.loads(Path(sys.argv[1]).read_text())).items():
        try:
            found[name] = f"OPEN: {door()}"
        except (OSError, KeyError) as error:
            found[name] = f"held: {error}"
    sys.stderr.write(f"{SAID}{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
