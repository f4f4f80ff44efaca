"""Pairs of maps that differ in a way that no known cause explains: whoever names one here names too much.

The maps are those of real links; what is done to the second one no link does.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Line = tuple[int, str, str]
"""Address, letter, name."""
Bend = Callable[[list[Line]], list[Line]]
CORPUS = Path(__file__).parent.parent / "corpus"


@dataclass(frozen=True, slots=True)
class Pair:
    """The map of the last temporary image, and System.map."""

    id: str
    before: str
    after: str


def _moved(names: dict[str, int]) -> Bend:
    """Each of the symbols by its own distance, the lines in the order of addresses as nm has them."""
    return lambda lines: sorted((address + names.get(name, 0), letter, name) for address, letter, name in lines)


def _without(name: str) -> Bend:
    return lambda lines: [line for line in lines if line[2] != name]


def _renamed(old: str, new: str) -> Bend:
    return lambda lines: [(address, letter, new if name == old else name) for address, letter, name in lines]


def _retyped(name: str, letter: str) -> Bend:
    return lambda lines: [(line[0], letter if line[2] == name else line[1], line[2]) for line in lines]


def _exchanged(one: str, other: str) -> Bend:
    names = {one: other, other: one}
    return lambda lines: [(address, letter, names.get(name, name)) for address, letter, name in lines]


def _again(name: str, address: int) -> Bend:
    return lambda lines: sorted([*lines, *((line[0] + address, line[1], name) for line in lines if line[2] == name)])


def _backwards(first: str, last: str) -> Bend:
    """The names of a stretch in the other order, at the same addresses."""

    def bend(lines: list[Line]) -> list[Line]:
        names = [line[2] for line in lines]
        begin, end = names.index(first), names.index(last) + 1
        middle = zip(lines[begin:end], reversed(names[begin:end]), strict=True)
        return [*lines[:begin], *((line[0], line[1], name) for line, name in middle), *lines[end:]]

    return bend


def _scattered(lines: list[Line]) -> list[Line]:
    """Every third variable somewhere else, by chance."""
    rng = random.Random("scattered")
    chosen = [line[2] for line in lines if line[1] in "bBdD" and not line[2].startswith("_")][::3]
    return _moved({name: rng.randrange(-0x400, 0x400, 4) for name in chosen})(lines)


BENDS: tuple[tuple[str, str, Bend], ...] = (
    ("a-function-is-gone", "arm", _without("slab_free")),
    ("a-function-has-another-name", "x86", _renamed("string_compare", "string_difference")),
    ("a-function-is-local", "arm", _retyped("fork_task", "t")),
    ("one-variable-moved-alone", "x86", _moved({"sched_cost": 24})),
    ("two-functions-changed-places", "arm", _exchanged("memory_map", "tty_put")),
    ("a-function-is-there-twice", "x86", _again("bus_register", 16)),
    ("variables-run-backwards", "arm", _backwards("sched_spent", "inode_cache")),
    ("variables-are-scattered", "x86", _scattered),
    (
        "some-functions-in-the-middle-moved",
        "arm",
        _moved(dict.fromkeys(("slab_alloc", "slab_free", "memory_page_used"), 8)),
    ),
    ("a-function-is-far-away", "x86", _moved({"namei_hash": 0x1234560})),
)


def _read(arch: str) -> list[Line]:
    lines = (line.split() for line in (CORPUS / f"smallkernel-{arch}.map").read_text().splitlines())
    return [(int(address, 16), letter, name) for address, letter, name in lines]


def _text(lines: list[Line], digits: int) -> str:
    return "".join(f"{address:0{digits}x} {letter} {name}\n" for address, letter, name in lines)


def pairs() -> list[Pair]:
    """All ten."""
    found = []
    for name, arch, bend in BENDS:
        lines, digits = _read(arch), 8 if arch == "arm" else 16
        found.append(Pair(name, _text(lines, digits), _text(bend(lines), digits)))
    return found
