"""The members of a thin archive, read here: `ar t` would open each of them, wherever a build says that it is.

The form is that of binutils (bfd/archive.c) and of LLVM (llvm/Object/Archive.h): headers of 60 bytes as in ar(5), data
only behind the tables, names of members as offsets into the table `//`, from the folder of the archive.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import BinaryIO

THIN = b"!<thin>\n"
"""How an archive begins that only names its members (binutils 2.19 and later)."""
HEADER = 60
END = b"`\n"
NAMES = b"//"
SYMBOLS = (b"/", b"/SYM64/")
OFFSET = re.compile(rb"/(\d+)")
MOST = 1 << 26
"""Bytes of the table of names: vmlinux.a of an allyesconfig has under 2 MB."""


def members(file: BinaryIO, path: str) -> list[str] | None:
    """Paths of the members of the archive `path`, from where that path begins; None for what is no thin archive.

    Of a file that is damaged, those before the damage.
    """
    if file.read(len(THIN)) != THIN:
        return None
    folder, names, found = PurePosixPath(path).parent, b"", list[str]()
    while len(header := file.read(HEADER)) == HEADER and header.endswith(END):
        name, size = header[:16].rstrip(b" "), header[48:58].strip()
        if not size.isdigit():
            break
        if name == NAMES and int(size) <= MOST:
            names = file.read(int(size))
            file.seek(int(size) % 2, os.SEEK_CUR)
        elif name in SYMBOLS:
            file.seek(int(size) + int(size) % 2, os.SEEK_CUR)
        elif member := _name(name, names):
            found.append(os.path.normpath(folder / os.fsdecode(member)))
        else:
            break
    return found


def _name(name: bytes, names: bytes) -> bytes:
    """What a header stands for; binutils may leave more behind the digits of an offset."""
    if not name.startswith(b"/"):
        return name.removesuffix(b"/")
    offset = OFFSET.match(name)
    return names[int(offset[1]) :].partition(b"\n")[0].removesuffix(b"/") if offset else b""
