"""The source of a kallsyms table, assembled: the few directives that scripts/kallsyms.c of any generation writes.

So there is one decoder for sources, objects and images. The source does not say how large a pointer is, and the
addresses in it are distances from _text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bisectsyms.errors import UserError
from bisectsyms.kallsyms.memory import Memory

LINE = re.compile(r"\s*(?:(?P<label>[.\w$]+)\s*:)?\s*(?P<word>[.\w]+)?\s*(?P<rest>.*)", re.DOTALL)
NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
TERM = re.compile(r"([-+]?)\s*\(?\s*(?:([-+]?)\s*(0[xX][0-9a-fA-F]+|[0-9]+)|(_s?text|\.))\s*\)?\s*")
ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-fA-F]+|.)", re.DOTALL)
LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
COMMENT = re.compile(r"/\*.*?\*/")
WIDTH = {".long": 4, ".quad": 8, ".short": 2, ".byte": 1}
MOST_BYTES = 1 << 27
"""Of what is assembled: alignment can make much of little."""
IGNORED = {None, ".globl", ".section", ".size", ".type", ".previous"}
NEXT = "the object beside it says the same: look at that"


def assemble(lines: Iterable[str], bits: int) -> tuple[Memory, Mapping[str, int]]:
    """The bytes and labels of a source of a kallsyms table, little-endian and from address 0 on, as _text is.

    `bits` is the size of a pointer in the kernel, 32 or 64. Memory goes by the length of the source.

    Raises:
        UserError: a line is none that the kernel's scripts write; it is named.
    """
    data, labels = bytearray(), dict[str, int]()
    pointer = ".quad" if bits == 64 else ".long"
    for number, text in enumerate(lines, 1):
        if text.startswith("#"):
            continue
        statements = text.split(" ; ") if " ; ." in text else [text]  # of 2.5 and early 2.6
        for statement in statements:
            try:
                _statement(statement.rstrip("\r\n"), data, labels, bits, pointer)
            except (ValueError, OverflowError) as error:
                raise UserError(f"line {number} is none of a kallsyms table: {error}", next_step=NEXT) from None
    return Memory(0, bytes(data), bits), labels


def _statement(text: str, data: bytearray, labels: dict[str, int], bits: int, pointer: str) -> None:
    found = LINE.fullmatch(text)
    if found is None:
        raise ValueError(repr(text[:80]))
    label, word, rest = found["label"], found["word"], found["rest"]
    if label:
        labels[label] = len(data)
    word = {"PTR": pointer, ".align": ".balign"}.get(word, word)
    if word in IGNORED and not (word is None and COMMENT.sub("", rest).strip()):
        return
    if word == "ALGN":
        _align(data, bits // 8)
    elif word == ".balign":
        _align(data, int(rest.split(",")[0], 0))
    elif word in (".ascii", ".asciz"):
        data += _string(rest) + (b"\0" if word == ".asciz" else b"")
    elif word in WIDTH:
        _numbers(COMMENT.sub("", rest), WIDTH[word], data)
    else:
        raise ValueError(repr(text[:80]))


def _align(data: bytearray, size: int) -> None:
    if not 0 < size <= 4096:
        raise ValueError(f"alignment to {size} bytes")
    if len(data) > MOST_BYTES:
        raise ValueError("too large")
    data += bytes(-len(data) % size)


def _string(rest: str) -> bytes:
    """What is between the outer quotes: the kernel writes names as they are, with a quote in them or not."""
    begin, end = rest.find('"'), rest.rfind('"')
    if begin < 0 or end <= begin:
        raise ValueError(f"{rest[:80]!r} is no string")
    return ESCAPE.sub(_escaped, rest[begin + 1 : end]).encode(errors="surrogateescape")


def _escaped(found: re.Match[str]) -> str:
    text = found[1]
    if text[0] in "01234567":
        return chr(int(text, 8) & 0xFF)
    if text[0] == "x" and len(text) > 1:
        return chr(int(text[1:], 16) & 0xFF)
    return LETTERS.get(text, text)


def _numbers(rest: str, size: int, data: bytearray) -> None:
    for word in rest.split(","):
        value = _value(word.strip(), len(data))
        data += (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _value(text: str, here: int) -> int:
    """A number, or a sum of numbers, `_text` (0) and `.` (here)."""
    if NUMBER.fullmatch(text):
        return int(text, 16 if text[1:2] in ("x", "X") else 10)
    total, place = 0, 0
    while place < len(text):
        found = TERM.match(text, place)
        if found is None or (place and not found[1]):
            raise ValueError(f"{text[:80]!r} is no number")
        sign, inner, number, name = found.groups()
        value = int(number, 16 if number[1:2] in ("x", "X") else 10) if number else here if name == "." else 0
        total += -value if (sign == "-") != (inner == "-") else value
        place = found.end()
    if not text:
        raise ValueError("a number is missing")
    return total
