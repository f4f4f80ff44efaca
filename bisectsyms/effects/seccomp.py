"""A filter of system calls for builds of strangers: no keyring, which no namespace of the kernel holds.

Keys belong to a user id and to a session, and both are ours inside a sandbox as well: a build could link the keyring of
the user by its number (keyrings(7)) and read what ssh, a file system or a mail client has put there. bubblewrap loads
the filter from a descriptor; its program is written here, for want of a maintained library that is on PyPI.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

SYSCALLS = {
    0xC000003E: (248, 249, 250, 0x400000F8, 0x400000F9, 0x400000FA),  # x86_64, and x32
    0x40000003: (286, 287, 288),  # i386
    0xC00000B7: (217, 218, 219),  # aarch64
    0x40000028: (309, 310, 311),  # arm
    0xC00000F3: (217, 218, 219),  # riscv64
    0xC0000102: (217, 218, 219),  # loongarch64
    0xC0000015: (269, 270, 271),  # ppc64le
    0x80000015: (269, 270, 271),  # ppc64
    0x80000016: (278, 279, 280),  # s390x
}
"""add_key, request_key and keyctl by AUDIT_ARCH_* (linux/audit.h; arch/*/entry/syscalls, asm-generic/unistd.h)."""
LOAD, EQUAL, ANSWER = 0x20, 0x15, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K (linux/bpf_common.h)."""
NUMBER, ARCH = 0, 4
"""Offsets in struct seccomp_data (linux/seccomp.h)."""
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
"""SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO."""


def no_keyring() -> bytes:
    """The program, as `bwrap --seccomp` reads it: an array of struct sock_filter of this machine.

    An arch that is not in the table keeps its keyrings.
    """
    return b"".join(struct.pack("=HBBI", *one) for one in _program())


def _program() -> Iterator[tuple[int, int, int, int]]:
    """(code, instructions to skip where it holds, and where not, value)."""
    yield LOAD, 0, 0, ARCH
    for arch, numbers in SYSCALLS.items():
        yield EQUAL, 0, len(numbers) + 3, arch
        yield LOAD, 0, 0, NUMBER
        yield from ((EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers))
        yield ANSWER, 0, 0, ALLOW
        yield ANSWER, 0, 0, REFUSE
    yield ANSWER, 0, 0, ALLOW
