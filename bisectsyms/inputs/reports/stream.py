"""The bytes of a report, whatever their size: as much of each part as a report can need, in bounded memory.

A mail may carry a log of 100 MB or a gzip bomb. Lines are read one after another; of a run of lines without a
boundary of a mail only the first ones are kept, and that something was left out is said.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from bisectsyms.errors import UserError

MOST_OF_A_PART = 4 << 20
"""Bytes; the .config of allmodconfig is a third of a megabyte, in base64 half of one."""
MOST = 24 << 20
"""Bytes that are kept of all."""
MOST_LINES = 400_000
MOST_READ = 2 << 30
"""Bytes that are read (after gunzip) before the rest is given up."""
LONGEST_LINE = 64 << 10
FROM = re.compile(rb"From \S+.*\d\d:\d\d(?::\d\d)?.* \d{4}")
"""Begins a mail of an mbox, as b4, mutt and lore write it."""
_GZIP = b"\x1f\x8b"
_BOUNDARY = re.compile(rb"--\S")
_LEFT_OUT = b"[...]\n"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of one mail or page."""

    content: bytes
    cut: bool
    """Whether something was left out."""


def read_mails(source: io.BufferedReader, name: str) -> list[Kept]:
    """The mails of an mbox, or the one mail or page that it is. gzip is told by its first bytes.

    The standard library's mailbox is not used for this: it needs a file that can be sought, reads lines of any
    length, and ends a mail at every line that begins with From.

    Raises:
        UserError: there is nothing in it, it cannot be read, or it is damaged gzip.
    """
    try:
        mails = list(_mails(_lines(_gunzipped(source))))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{name}: this gzip is damaged: {error}", next_step="fetch the report again") from error
    except OSError as error:
        raise UserError(
            f"{name}: {error.strerror}", next_step="name a file that can be read, or - for a pipe"
        ) from error
    if not any(mail.content.strip() for mail in mails):
        raise UserError(f"{name} is empty", next_step="name a mail, an mbox or the text of an archive's page")
    return [mail for mail in mails if mail.content.strip()]


def gunzip(content: bytes) -> tuple[bytes, bool]:
    """At most MOST_OF_A_PART bytes of what is packed, and whether there was more; what is damaged ends early."""
    unpacked = bytearray()
    try:
        with gzip.open(io.BytesIO(content)) as file:
            while len(unpacked) <= MOST_OF_A_PART and (part := file.read(1 << 16)):
                unpacked += part
    except (EOFError, zlib.error, OSError):
        return bytes(unpacked[:MOST_OF_A_PART]), True
    return bytes(unpacked[:MOST_OF_A_PART]), len(unpacked) > MOST_OF_A_PART


def is_gzip(content: bytes) -> bool:
    """By its first bytes; a name proves nothing."""
    return content.startswith(_GZIP)


def _gunzipped(source: io.BufferedReader) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(source) if is_gzip(source.peek(2)) else source


def _lines(stream: gzip.GzipFile | io.BufferedReader) -> Iterator[bytes]:
    """Lines, or pieces of very long ones."""
    read = 0
    while read < MOST_READ and (line := stream.readline(LONGEST_LINE)):
        read += len(line)
        yield line


def _mails(lines: Iterator[bytes]) -> Iterator[Kept]:
    content = bytearray()
    part = kept = counted = 0
    cut = False
    after_empty = True
    for line in lines:
        if after_empty and FROM.match(line):
            if content:
                yield Kept(bytes(content), cut)
            content, cut, part = bytearray(), False, 0
        elif kept > MOST or counted > MOST_LINES or (part > MOST_OF_A_PART and not _BOUNDARY.match(line)):
            if not cut:
                content += _LEFT_OUT
            cut = True
        else:
            part = len(line) + (0 if _BOUNDARY.match(line) else part)
            kept += len(line)
            counted += 1
            content += line
        after_empty = line in (b"\n", b"\r\n")
    if content:
        yield Kept(bytes(content), cut)
