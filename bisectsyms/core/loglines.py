"""The lines of a build log, of any size and any bytes: cut in pieces, cleaned, and which of them are only quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MOST_LINE = 64 * 1024
"""Bytes of a line that are looked at; what follows up to its end is dropped."""
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROLS = bytes(set(range(32)) - {9} | {127})
QUOTED = re.compile(
    rb" *\d* \|"  # gcc, and clang since 16, showing a line of source
    rb"|\++ "  # sh -x
    rb"|\s*echo "  # make or a script showing what it is about to print
    rb"|[-+>]"  # a diff, a mail
    rb"|    "  # git log, and source shown without a margin
    rb"|(?:commit )?[0-9a-f]{7,40} |HEAD is now at |Subject: "  # titles of commits
    rb"|[^\s:]+[:-]\d+[:-](?:Inconsistent|.*\becho )"  # grep -n
)
"""Begins a line that merely quotes: it is never a finding."""


def blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, several at a time, of chunks cut anywhere; a line that grows past MOST_LINE loses the rest."""
    open_line = bytearray()
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            first = chunk.find(b"\n") + 1 if open_line else 0
            if first:
                open_line += chunk[: min(first - 1, MOST_LINE)]
                yield bytes(open_line) + b"\n"
                open_line.clear()
            yield chunk[first:end]
        open_line += chunk[end : end + max(0, MOST_LINE - len(open_line))]
    if open_line:
        yield bytes(open_line)


def clean(raw: bytes) -> bytes:
    """Without colours, other escapes, NUL bytes and carriage returns."""
    if b"\x1b" in raw:
        raw = _ESCAPES.sub(b"", raw)
    return raw.translate(None, _CONTROLS).rstrip()


def text(line: bytes) -> str:
    """Printable: what is no UTF-8, and C1 control characters, as backslash escapes."""
    decoded = line.decode("utf-8", "backslashreplace")
    if decoded.isprintable():
        return decoded
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in decoded)
