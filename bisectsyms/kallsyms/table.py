"""The table of symbols inside a kernel, decoded: what it says, and where it contradicts itself.

One decoder for all generations, which are told apart by the labels that are there (scripts/kallsyms.c of 2.6.7 to 7.x):

* kallsyms_addresses: the addresses, to 4.5, and later where the kernel's arch wanted them.
* kallsyms_offsets and kallsyms_relative_base: since 4.6 (2213e9a66bb8); on x86-64 SMP a part of them is absolute.
* kallsyms_offsets alone: in 7.x distances from the entry itself, or addresses where a 32-bit kernel cannot be moved;
  in the small kernel distances from _text.
* kallsyms_names: lengths and tokens, and a length from 128 on has two bytes since 6.1. Without kallsyms_token_table
  raw text; without kallsyms_markers too each name is what it adds to the one before it, to 2.6.9.

The order of the parts differs, and means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bisectsyms.errors import UserError
from bisectsyms.kallsyms.contradictions import contradictions
from bisectsyms.kallsyms.memory import AGAIN, PARTS, Memory, sizes
from bisectsyms.kallsyms.symbols import SymbolMap

TOKENS = 256
MOST_TOKEN = 512
"""Bytes: of a name, KSYM_NAME_LEN since 6.1."""
MOST_NAMES = 1 << 27
"""Bytes of all names. The largest kernels have a tenth: damaged tokens make names out of nothing."""
FIRST_RELATIVE = 0xFFFFFFFF
"""Offset of the base itself where some symbols are absolute: base - address - 1. Else nothing is so far from it."""
ANCHORS = ("_text", "_stext")


@dataclass(frozen=True, slots=True)
class Table:
    """What a table says."""

    symbols: SymbolMap
    """In its order. Types are empty where the table has none (to 2.6.9)."""
    wrong: tuple[str, ...]
    """Where parts of it contradict each other, in words."""


def decode(memory: Memory, labels: Mapping[str, int], anchors: Mapping[str, int]) -> Table:
    """Decode the table with these `labels` (name to address); `memory` has all of it, and may go on behind it.

    `anchors` has the addresses of _text and _stext. Without them _text is at 0, as for an object that is not linked:
    addresses are distances from it then, but for absolute ones. Time and memory go by what is there, whatever the
    table says of its size.

    Raises:
        UserError: there is no table, or it is cut.
    """
    found = {name: labels[name] for name in PARTS if name in labels}
    if not {"kallsyms_num_syms", "kallsyms_names"} <= found.keys() or not {PARTS[0], PARTS[1]} & found.keys():
        raise UserError("there is no kallsyms table in it", next_step="look at an image with CONFIG_KALLSYMS=y")
    room = dict(sizes(found, memory.end))
    count = _count(memory, found, room)
    if count > room["kallsyms_names"]:
        raise UserError(f"the kallsyms table is cut: {count} symbols are not all there", next_step=AGAIN)
    tokens = _tokens(memory, found)
    data = memory.read(found["kallsyms_names"], room["kallsyms_names"])
    stems = not tokens and "kallsyms_markers" not in found
    entries = list(_stems(data, count) if stems else _names(data, count, tokens))
    names = [name for _, _, name in entries]
    symbols = SymbolMap(_addresses(memory, found, anchors, names), [letter for _, letter, _ in entries], names)
    wrong = contradictions(memory, found, symbols, [place for place, _, _ in entries], tokens, linked=bool(anchors))
    return Table(symbols, tuple(wrong))


def _count(memory: Memory, found: Mapping[str, int], room: Mapping[str, int]) -> int:
    """Number of symbols: four bytes, to 4.19 as long as a pointer."""
    place = found["kallsyms_num_syms"]
    count = memory.numbers(place, 1, 4)[0]
    if memory.bits == 64 and memory.big_endian and count == 0 and room["kallsyms_num_syms"] >= 8:
        return memory.numbers(place, 1, 8)[0]
    return count


def _names(data: bytes, count: int, tokens: Sequence[bytes]) -> Iterator[tuple[int, str, str]]:
    """(distance from kallsyms_names, type letter, name) of each symbol; raw text where there are no tokens."""
    place, total = 0, 0
    try:
        for _ in range(count):
            at, length = place, data[place]
            place += 1
            if tokens and length > 0x7F:
                length = (length & 0x7F) | data[place] << 7
                place += 1
            packed = data[place : place + length]
            if len(packed) < length:
                raise IndexError
            place += length
            text = b"".join(map(tokens.__getitem__, packed)) if tokens else packed
            total += len(text)
            if total > MOST_NAMES:
                raise UserError("the kallsyms table is damaged: its names have no end", next_step=AGAIN)
            yield at, _text(text[:1]), _text(text[1:])
    except IndexError:
        raise UserError(f"the kallsyms table is cut: names end before {count} symbols", next_step=AGAIN) from None


def _stems(data: bytes, count: int) -> Iterator[tuple[int, str, str]]:
    """As `_names`, to 2.6.9: how many bytes of the name before it, and the rest up to a NUL."""
    place, name = 0, b""
    for _ in range(count):
        stop = data.find(b"\0", place + 1)
        if stop < 0:
            raise UserError(f"the kallsyms table is cut: names end before {count} symbols", next_step=AGAIN)
        name = name[: data[place]] + data[place + 1 : stop]
        yield place, "", _text(name)
        place = stop + 1


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _tokens(memory: Memory, found: Mapping[str, int]) -> Sequence[bytes]:
    """What each byte of a packed name stands for; empty where names are not packed."""
    if "kallsyms_token_table" not in found:
        return ()
    if "kallsyms_token_index" not in found:
        raise UserError("the kallsyms table has tokens but no kallsyms_token_index", next_step=AGAIN)
    table = found["kallsyms_token_table"]
    data = memory.read(table, min(memory.end - table, 1 << 17))  # the index has 16 bits
    tokens = []
    for place in memory.numbers(found["kallsyms_token_index"], TOKENS, 2):
        stop = data.find(b"\0", place, place + MOST_TOKEN)
        if stop < 0:
            raise UserError("the kallsyms table is cut: a token has no end", next_step=AGAIN)
        tokens.append(data[place:stop])
    return tokens


def _addresses(
    memory: Memory, found: Mapping[str, int], anchors: Mapping[str, int], names: Sequence[str]
) -> Sequence[int]:
    count, full = len(names), (1 << memory.bits) - 1
    if "kallsyms_addresses" in found:
        return memory.numbers(found["kallsyms_addresses"], count, memory.bits // 8)
    place = found["kallsyms_offsets"]
    offsets = memory.numbers(place, count, 4)
    if "kallsyms_relative_base" in found:
        base = memory.numbers(found["kallsyms_relative_base"], 1, memory.bits // 8)[0]
        if FIRST_RELATIVE not in offsets:
            return [base + offset & full for offset in offsets]
        return [offset if offset < 1 << 31 else base - 1 - (offset - (1 << 32)) & full for offset in offsets]
    if "kallsyms_token_table" not in found:
        return [anchors.get("_text", 0) + offset & full for offset in offsets]
    signed = memory.numbers(place, count, 4, signed=True)
    near = [place + 4 * index + offset & full for index, offset in enumerate(signed)]
    if memory.bits == 32 and not _hits(near, names, anchors) and _hits(offsets, names, anchors):
        return offsets
    return near


def _hits(addresses: Sequence[int], names: Sequence[str], anchors: Mapping[str, int]) -> bool:
    """Whether, read in this way, the table knows where the kernel begins."""
    return any(anchors.get(name) == address for name, address in zip(names, addresses, strict=True) if name in ANCHORS)
