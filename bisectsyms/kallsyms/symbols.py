"""A map of symbols, as `nm -n` and scripts/mksysmap write it: one type for System.map and the maps of all passes.

The maps of a failure are foreign input: one cut short by a full disk, a vmlinux in its place, a line of two gigabytes.
Whatever is no map is refused with its line and what to do about it, and no more than a block of it is ever looked at.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from bisectsyms.errors import UserError

MOST_MAP = 128 << 20
"""Bytes. An s3c6400 kernel has 1, one with everything built in some 10 to 30."""
MOST_LINE = 64 << 10
"""Bytes; a name of the kernel has 512 at most (KSYM_NAME_LEN), in the map itself nothing limits it."""
BLOCK = 1 << 20
"""Bytes read at a time."""
MOST_QUOTE = 60
"""Bytes of a line that is no line of a map which are told."""
NO_MAP = (
    "give a map as `nm -n` writes it, such as System.map or .tmp_vmlinux.kallsyms2.syms; "
    "if the link or a full disk cut this one short, build again"
)
UNDEFINED = frozenset("Uvw")
"""Letters of nm(1) for what has no place in the image and is printed without an address."""


@dataclass(frozen=True, slots=True)
class SymbolMap:
    """The symbols of one image in the order of the file: three columns of equal length."""

    addresses: Sequence[int]
    """0 for what is undefined (letters U, v, w): nm prints none. mksysmap leaves these out, plain nm does not."""
    types: Sequence[str]
    """The letters of nm(1)."""
    names: Sequence[str]
    """Not unique; may hold spaces where LTO made them, and control characters where somebody means ill."""
    cut: bool = False
    """The file ends without a newline, which nm and sed never leave out: its last name may not be whole."""


def read_map(source: bytes | BinaryIO, name: str) -> SymbolMap:
    """The map in `source`: its content, or a file that is open in binary mode; `name` is what errors call it.

    32 and 64 bit, every letter of nm, names with spaces and repeated ones. Raises UserError with the line and the next
    step for anything that is no whole map but for the end of its last line.
    """
    columns = _Columns(name)
    for block in _blocks(BytesIO(source) if isinstance(source, bytes) else source):
        columns.take(block)
    if not columns.names:
        raise UserError(f"{name} is empty", next_step=NO_MAP)
    return SymbolMap(tuple(columns.addresses), tuple(columns.types), tuple(columns.names), columns.cut)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Whole lines, about BLOCK of them at a time; the last may lack its newline, and so does one without end."""
    rest = b""
    while chunk := stream.read(BLOCK):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = b""
        rest += chunk[end:]
        if len(rest) > MOST_LINE:
            break
    if rest:
        yield rest


class _Columns:
    """Takes block after block. The addresses of one map are of one width, so a column is a slice of each line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._width = 0
        self._size = 0
        self.addresses: list[int] = []
        self.types: list[str] = []
        self.names: list[str] = []
        self.cut = False

    def take(self, block: bytes) -> None:
        """Add the symbols of some whole lines."""
        self._size += len(block)
        if self._size > MOST_MAP:
            raise UserError(f"{self._name} has more than {MOST_MAP >> 20} MiB: it is no map", next_step=NO_MAP)
        self.cut = not block.endswith(b"\n")
        if self.cut:
            block += b"\n"
        width = self._width = self._width or _width(block)
        addresses = self._checked(block)
        try:
            lines = block.decode().split("\n")
        except UnicodeDecodeError as error:
            raise self._error(block, "is no text", error.start) from error
        lines.pop()
        self.addresses += np.frombuffer(binascii.unhexlify(addresses), f">u{width // 2}").tolist()
        self.types += [line[width + 1] for line in lines]
        self.names += [line[width + 3 :] for line in lines]

    def _checked(self, block: bytes) -> bytes:
        """The addresses of all lines, as hex digits; raises UserError for the first line that is none of a map."""
        if (at := block.find(b"\0")) >= 0:
            raise self._error(block, "holds a NUL byte", at)
        if (at := block.find(b"\r\n")) >= 0:
            raise self._error(block, "ends as lines on Windows do", at, f"sed -i 's/\\r$//' {self._name}")
        width = self._width
        if width not in (8, 16):
            raise self._error(block, "does not begin with an address of 8 or 16 digits")
        characters = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(characters == ord("\n"))
        starts = np.concatenate(([0], ends[:-1] + 1))
        lengths = ends - starts
        self._all(lengths <= MOST_LINE, block, starts, f"is longer than {MOST_LINE >> 10} KiB")
        self._all(lengths > width + 3, block, starts, "has no address, letter and name")
        heads = np.lib.stride_tricks.sliding_window_view(characters, width + 3)[starts]
        digits, letters = heads[:, :width], heads[:, width + 1]
        spaced = (heads[:, width] == ord(" ")) & (heads[:, width + 2] == ord(" ")) & _LETTERS[letters]
        self._all(spaced, block, starts, f"has no letter of nm behind {width} digits")
        blank = _PLACELESS[letters] & (digits == ord(" ")).all(axis=1)
        self._all(blank | _DIGITS[digits].all(axis=1), block, starts, f"has no address of {width} digits")
        return np.where(blank[:, None], np.uint8(ord("0")), digits).tobytes()

    def _all(self, good: npt.NDArray[np.bool_], block: bytes, starts: npt.NDArray[np.int64], why: str) -> None:
        if not good.all():
            raise self._error(block, why, int(starts[np.argmin(good)]))

    def _error(self, block: bytes, why: str, at: int = 0, next_step: str = NO_MAP) -> UserError:
        """What is wrong with the line around `at`, which is quoted as far as it is short."""
        number = len(self.names) + block.count(b"\n", 0, at) + 1
        start = block.rfind(b"\n", 0, at) + 1
        line = block[start : start + MOST_QUOTE + 1].split(b"\n")[0]
        quoted = ascii(line[:MOST_QUOTE].decode("latin-1")) + "…" * (len(line) > MOST_QUOTE)
        return UserError(f"{self._name}, line {number}: {why}: {quoted}", next_step=next_step)


def _width(block: bytes) -> int:
    """Digits of the address of the first line; of an undefined symbol nm prints as many blanks."""
    digits = block.find(b" ")
    return digits or len(block) - len(block.lstrip(b" ")) - 1


def _any_of(characters: str) -> npt.NDArray[np.bool_]:
    """A table: whether a byte is one of these."""
    table = np.zeros(256, bool)
    table[list(characters.encode())] = True
    return table


_DIGITS = _any_of("0123456789abcdefABCDEF")
_LETTERS = _any_of("ABCDGINRSTUVWabcdginprstuvw?-")
"""Those of nm(1)."""
_PLACELESS = _any_of("".join(UNDEFINED))
