"""How much of the log of an attempt is kept as evidence: of a very long one its beginning and its end.

What it was is read from the whole; but a compiler that never stops to complain must not fill the store.
"""

from __future__ import annotations

import shutil
from pathlib import Path

KEPT = 256 << 20
"""Bytes of a log that is kept whole; V=1 on all of a kernel prints about as much."""

CHUNK = 1 << 20


def to_keep(log: Path, kept: int = KEPT) -> Path:
    """The file to keep in place of `log`: itself, or beside it a shorter one of `kept` bytes and a line of ours.

    Raises:
        OSError: the shorter one cannot be written.
    """
    size = log.stat().st_size if log.exists() else 0
    if size <= kept:
        return log
    short, half = log.with_name(f"{log.name}.short"), kept // 2
    with log.open("rb") as source, short.open("wb") as out:
        for _ in range(0, half, CHUNK):
            out.write(source.read(min(CHUNK, half - out.tell())))
        out.write(f"\n[bisectsyms: {size - 2 * half} bytes of this log are left out]\n".encode())
        source.seek(size - half)
        shutil.copyfileobj(source, out)
    return short
