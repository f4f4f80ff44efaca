"""The reader of maps: every form that nm gives them, and anything else that somebody may call a map."""

from __future__ import annotations

import dataclasses
import io
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bisectsyms.errors import UserError
from bisectsyms.kallsyms import symbols
from bisectsyms.kallsyms.symbols import MOST_LINE, MOST_MAP, UNDEFINED, SymbolMap, read_map

LETTERS = "ABCDGINRSTVWabcdginprstu?-"
Row = tuple[int, str, str]


def as_nm(rows: Sequence[Row], width: int = 16) -> bytes:
    """A map as nm writes it."""
    places = (" " * width if letter in UNDEFINED else f"{address:0{width}x}" for address, letter, _ in rows)
    return "".join(f"{place} {letter} {name}\n" for place, (_, letter, name) in zip(places, rows, strict=True)).encode()


def as_map(rows: Sequence[Row]) -> SymbolMap:
    addresses, types, names = zip(*rows, strict=True)
    return SymbolMap(addresses, types, names)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (b"c0008000 T _text", (0xC0008000, "T", "_text")),
        (b"ffffffff81000000 T startup_64", (0xFFFFFFFF81000000, "T", "startup_64")),
        (b"FFFFFFFF81000000 T startup_64", (0xFFFFFFFF81000000, "T", "startup_64")),
        (b"0000000000000000 A __per_cpu_start", (0, "A", "__per_cpu_start")),
        (b"00000000 a VFP_WORK", (0, "a", "VFP_WORK")),
        (b"c0008000 W head64.c.552cf5a6", (0xC0008000, "W", "head64.c.552cf5a6")),
        (b"c0008000 V vague", (0xC0008000, "V", "vague")),
        (b"c0008000 i resolver", (0xC0008000, "i", "resolver")),
        (b"c0008000 ? who_knows", (0xC0008000, "?", "who_knows")),
        (b"c0008000 t two words.llvm.17 (of x)", (0xC0008000, "t", "two words.llvm.17 (of x)")),
        (b"c0008000 t  a blank in front", (0xC0008000, "t", " a blank in front")),
        (b"c0008000 t \x1b[31m<b>\x07&amp;\r\x0b\x85".replace(b"\x85", b"\xc2\x85"),
         (0xC0008000, "t", "\x1b[31m<b>\x07&amp;\r\x0b\x85")),
        ("c0008000 t größe\u2028".encode(), (0xC0008000, "t", "größe\u2028")),
        (b"c0008000 t $d", (0xC0008000, "t", "$d")),
        (b"         U printk", (0, "U", "printk")),
        (b"                 w optional", (0, "w", "optional")),
        (b"         v optional", (0, "v", "optional")),
        (b"c0008000 t " + b"x" * (MOST_LINE - 11), (0xC0008000, "t", "x" * (MOST_LINE - 11))),
    ],
)  # fmt: skip
def test_one_line(text: bytes, row: Row) -> None:
    assert read_map(text + b"\n", "System.map") == as_map([row])
    assert read_map(text, "System.map") == dataclasses.replace(as_map([row]), cut=True)


def test_undefined_symbols_stand_among_others() -> None:
    rows = [(0, "U", "printk"), (0, "w", "weak"), (0, "A", "zero"), (0xC0008000, "T", "_text"), (0, "U", "late")]
    for width in (8, 16):
        assert read_map(as_nm(rows, width), "vmlinux.nm") == as_map(rows)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (b"", 0, "is empty"),
        (b"\n", 1, "8 or 16 digits"),
        (b"c000800 T _text\n", 1, "8 or 16 digits"),
        (b"c00080000 T _text\n", 1, "8 or 16 digits"),
        (b"xxxxxxxx T _text\n", 1, "no address of 8 digits"),
        (b"c0008000 T\n", 1, "no address, letter and name"),
        (b"c0008000 T \n", 1, "no address, letter and name"),
        (b"c0008000 T a\n\nc0008000 T b\n", 2, "no address, letter and name"),
        (b"c0008000 T a\nc0008004 T b\n80", 3, "no address, letter and name"),
        (b"c0008000 T a\nc00080\n", 2, "no address, letter and name"),
        (b"0008000 T cut_in_front\nc0008004 T b\n", 1, "8 or 16 digits"),
        (b"08000 T a_name_that_is_long\nc0008004 T b\n", 1, "8 or 16 digits"),
        (b"c0008000 T a\nffffffff81000000 T b\n", 2, "no letter of nm behind 8 digits"),
        (b"c0008000 00000004 T sized\n", 1, "no letter of nm"),
        (b"c0008000 TT a\n", 1, "no letter of nm"),
        (b"c0008000 z a\n", 1, "no letter of nm"),
        (b"c0008000\tT a\n", 1, "8 or 16 digits"),
        (b"         T no_address\n", 1, "no address of 8 digits"),
        (b"c0008000 T a\n       8 U half\n", 2, "no address of 8 digits"),
        (b"c0008000 U a\nc00x8000 U b\n", 2, "no address of 8 digits"),
        (b"c0008000 T a\r\nc0008004 T b\r\n", 1, "as lines on Windows do"),
        (b"c0008000 T a\nc0008004 T b\r\n", 2, "as lines on Windows do"),
        (b"c0008000 T a\nc0008004 T b\0\n", 2, "NUL"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0", 1, "NUL"),
        (b"\x1f\x8b\x08", 1, "8 or 16 digits"),
        (b"c0008000 T a\nc0008004 T \xff\xfe\nc0008008 T c\n", 2, "is no text"),
        (b"vmlinux:\n\nc0008000 T a\n", 1, "8 or 16 digits"),
        (b"  LD      vmlinux\n", 1, "8 or 16 digits"),
        (b"nm: vmlinux: no symbols\n", 1, "8 or 16 digits"),
        (b"c0008000 T a\nc0008004 T " + b"x" * (MOST_LINE - 10) + b"\n", 2, "longer than 64 KiB"),
    ],
)
def test_what_is_no_map_is_refused_with_its_line(text: bytes, line: int, said: str) -> None:
    with pytest.raises(UserError) as error:
        read_map(text, "dir/System.map")
    assert error.value.message.startswith(f"dir/System.map, line {line}: " if line else "dir/System.map is empty")
    assert said in error.value.message
    assert error.value.next_step
    assert error.value.message.isprintable() and len(error.value.message) < 300


def test_the_line_is_counted_over_blocks() -> None:
    good = as_nm([(0xC0008000 + at, "t", f"symbol_{at}") for at in range(100_000)], 8)
    assert len(good) > 2 * symbols.BLOCK
    with pytest.raises(UserError, match=r"line 100001: has no letter"):
        read_map(good + b"c0008000 _ x\n" + good, "System.map")


def test_blocks_may_end_anywhere() -> None:
    rows = [(0xC0008000 + at, "t", "x" * (1 + at % 1000)) for at in range(1, 5000)]
    assert len(as_nm(rows)) > 2 * symbols.BLOCK
    assert read_map(as_nm(rows), "System.map") == as_map(rows)


class Endless(io.RawIOBase):
    """A file of so many bytes that is never in memory."""

    def __init__(self, line: bytes, size: int) -> None:
        self.left = size
        self._piece = line * ((1 << 20) // len(line))

    def read(self, size: int = -1) -> bytes:
        piece = self._piece[: min(size, self.left)]
        self.left -= len(piece)
        return piece


@pytest.mark.parametrize(
    ("line", "said"), [(b"x", "8 or 16 digits"), (b" ", "8 or 16 digits"), (b"c0008000 T a\0", "NUL")]
)
def test_two_gigabytes_of_one_line_are_not_read(line: bytes, said: str) -> None:
    stream = Endless(line, 2 << 30)
    with pytest.raises(UserError, match=said):
        read_map(stream, "System.map")  # type: ignore[arg-type]  # a RawIOBase has all of a BinaryIO that is used
    assert stream.left > (2 << 30) - (4 << 20)


def test_a_name_without_end_is_not_read() -> None:
    stream = io.BytesIO(b"c0008000 T a\nc0008004 T " + b"y" * (64 << 20))
    with pytest.raises(UserError, match="line 2: is longer than 64 KiB"):
        read_map(stream, "System.map")
    assert stream.tell() < 4 << 20


@pytest.mark.slow
def test_too_many_lines_in_bounded_memory() -> None:
    """In a process of its own, because the limit holds for all of it."""
    script = (
        "import sys; from bisectsyms.kallsyms.symbols import read_map; from tests.test_maps import Endless\n"
        "read_map(Endless(b'ffffffff81000000 T some_symbol_of_a_kernel\\n', 2 << 30), 'System.map')"
    )
    limit = 10 * MOST_MAP
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        env={"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert "more than 128 MiB" in done.stderr and "MemoryError" not in done.stderr


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\n"), min_size=1, max_size=30
).filter(lambda name: not name.endswith("\r"))  # fmt: skip


@st.composite
def maps(draw: st.DrawFn, width: int) -> list[Row]:
    addresses = st.integers(0, 16**width - 1)
    placed = st.tuples(addresses, st.sampled_from(LETTERS), NAMES)
    return draw(st.lists(st.one_of(placed, st.tuples(st.just(0), st.sampled_from("Uvw"), NAMES)), min_size=1))


@settings(deadline=None)
@given(st.sampled_from([8, 16]).flatmap(lambda width: st.tuples(st.just(width), maps(width))))
def test_what_was_written_is_read(case: tuple[int, list[Row]]) -> None:
    width, rows = case
    assert read_map(as_nm(rows, width), "System.map") == as_map(rows)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(),
        st.lists(
            st.sampled_from(
                [b"c0008000", b"ffffffff81000000", b" ", b" T ", b"\n", b"\r", b"\0", b"a b", b"\xff", b"U"]
            )
        ).map(b"".join),
    )
)
@example(b"c0008000 T a\n" * 3 + b"        ")
def test_any_bytes_are_a_map_or_a_user_error(text: bytes) -> None:
    try:
        found = read_map(text, "System.map")
    except UserError as error:
        assert error.next_step and error.message.isprintable()
    else:
        lines = text.decode().removesuffix("\n").split("\n")
        assert len(found.addresses) == len(found.types) == len(found.names) == len(lines)
        assert found.cut is not text.endswith(b"\n")
        for line, name, letter in zip(lines, found.names, found.types, strict=True):
            assert line.endswith(f" {letter} {name}")


@settings(deadline=None)
@given(st.data())
def test_a_map_cut_anywhere(data: st.DataObject) -> None:
    """A cut is seen, or what is left is true but for the end of its last name."""
    rows = data.draw(maps(8))
    whole = as_nm(rows, 8)
    at = data.draw(st.integers(0, len(whole) - 1))
    try:
        found = read_map(whole[:at], "System.map")
    except UserError:
        return
    size = len(found.names)
    assert found.cut or whole[at - 1 : at] == b"\n"
    assert tuple(found.addresses) == tuple(row[0] for row in rows[:size])
    assert tuple(found.names[:-1]) == tuple(row[2] for row in rows[: size - 1])
    assert rows[size - 1][2].startswith(found.names[-1]) and (found.cut or found.names[-1] == rows[size - 1][2])
