"""Bytes of a kernel by address, and the labels of its kallsyms table: what object, image and source have alike."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from bisectsyms.errors import UserError

PARTS = tuple(
    f"kallsyms_{part}"
    for part in (
        *("addresses", "offsets", "relative_base", "num_syms", "names"),
        *("markers", "token_table", "token_index", "seqs_of_names"),
    )
)
"""Labels of the parts of the table, in all generations."""
AGAIN = "build it again: the file is cut, or is none of a kernel"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes from the address `start` on."""

    start: int
    data: bytes
    bits: int
    """32 or 64."""
    big_endian: bool = False

    @property
    def end(self) -> int:
        """The address behind the last byte."""
        return self.start + len(self.data)

    def read(self, address: int, size: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            UserError: they are not all there.
        """
        begin = address - self.start
        if begin < 0 or size < 0 or begin + size > len(self.data):
            raise UserError(f"the kallsyms table is cut: no {size} bytes at {address:#x}", next_step=AGAIN)
        return self.data[begin : begin + size]

    def numbers(self, address: int, count: int, size: int, *, signed: bool = False) -> tuple[int, ...]:
        """`count` integers of `size` bytes (2, 4 or 8)."""
        letter = {2: "H", 4: "I", 8: "Q"}[size]
        order = ">" if self.big_endian else "<"
        return struct.unpack(f"{order}{count}{letter.lower() if signed else letter}", self.read(address, count * size))


def sizes(labels: Mapping[str, int], end: int) -> tuple[tuple[str, int], ...]:
    """(label, bytes) from each label of a part to the next one, the last up to `end`; in the order of the addresses."""
    known = sorted((address, name) for name, address in labels.items() if name in PARTS)
    ends = [address for address, _ in known[1:]] + [end]
    return tuple((name, max(0, stop - address)) for (address, name), stop in zip(known, ends, strict=False))
