"""Where parts of a kallsyms table contradict each other: a kernel that was linked with it looks symbols up wrongly.

An object of the right size and with other contents passes the kernel's own check where nothing moved
(Rust-for-Linux 502: only markers and tokens were off).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from bisectsyms.core.words import plain
from bisectsyms.kallsyms.memory import Memory, sizes
from bisectsyms.kallsyms.symbols import SymbolMap

BLOCK, SMALL_BLOCK = 256, 16
"""Names from one marker to the next, in the kernel and in the small one."""
MOST = 5
"""Of a kind are named."""
UNREADABLE = "\ufffd"
"""In a name that is no UTF-8, and cannot be put in order."""
LTO_ENDS = (b"", b".llvm.", b".")
"""Names are sorted without what clang's LTO has appended, which has been told in three ways since 6.2."""


def contradictions(
    memory: Memory,
    found: Mapping[str, int],
    symbols: SymbolMap,
    places: Sequence[int],
    tokens: Sequence[bytes],
    *,
    linked: bool,
) -> Iterator[str]:
    """In words, one for each part that is wrong.

    `found` are the labels of the parts, `places` the distance of each name from kallsyms_names. Addresses are compared
    where the table is `linked`: distances from _text are in no order.

    Raises:
        UserError: a part is cut.
    """
    if linked:
        yield from _order(symbols)
    yield from _markers(memory, found, places[:: BLOCK if tokens else SMALL_BLOCK])
    yield from _tokens(memory, found, tokens)
    yield from _sequence(memory, found, symbols.names)


def _order(symbols: SymbolMap) -> Iterator[str]:
    """Addresses only go up."""
    steps = zip(pairwise(symbols.addresses), symbols.names[1:], strict=True) if symbols.names else ()
    if wrong := [plain(name) for (before, after), name in steps if after < before]:
        yield f"kallsyms table: addresses are not in order at {_first(wrong)}"


def _markers(memory: Memory, found: Mapping[str, int], true: Sequence[int]) -> Iterator[str]:
    """A marker is where a block of names begins; four bytes, to 4.19 as many as a pointer."""
    label = "kallsyms_markers"
    if label not in found:
        return
    room = dict(sizes(found, memory.end))[label]
    widths = [4, 8] if memory.bits == 64 and room >= 8 * len(true) else [4]
    wrong = min((_differences(memory.numbers(found[label], len(true), width), true) for width in widths), key=len)
    if wrong:
        yield f"{label}: {_first(wrong)}"


def _tokens(memory: Memory, found: Mapping[str, int], tokens: Sequence[bytes]) -> Iterator[str]:
    """The index says where each token begins, and tokens follow each other."""
    if not tokens:
        return
    true = [0]
    for token in tokens[:-1]:
        true.append(true[-1] + len(token) + 1)
    if wrong := _differences(memory.numbers(found["kallsyms_token_index"], len(tokens), 2), true):
        yield f"kallsyms_token_index: {_first(wrong[:1])}"


def _sequence(memory: Memory, found: Mapping[str, int], names: Sequence[str]) -> Iterator[str]:
    """The numbers of the symbols in the order of their names: each once, and sorted (since 6.2)."""
    label = "kallsyms_seqs_of_names"
    if label not in found:
        return
    every = [*range(len(names))]
    data = memory.read(found[label], 3 * len(names))
    order = [
        high << 16 | middle << 8 | low for high, middle, low in zip(data[::3], data[1::3], data[2::3], strict=True)
    ]
    if sorted(order) != every and dict(sizes(found, memory.end))[label] >= 4 * len(names):
        order = list(memory.numbers(found[label], len(names), 4))  # as the first kernels that had it
    if sorted(order) != every:
        yield f"{label}: not every symbol once"
        return
    if any(UNREADABLE in name for name in names):
        return
    texts = [name.encode() for name in names]
    for end in LTO_ENDS:
        keys = [texts[number].split(end)[0] if end else texts[number] for number in order]
        if all(before <= after for before, after in pairwise(keys)):
            return
    yield f"{label}: not in the order of the names"


def _differences(said: Sequence[int], true: Sequence[int]) -> list[str]:
    pairs = enumerate(zip(said, true, strict=True))
    return [f"[{index}] is {one}, should be {two}" for index, (one, two) in pairs if one != two]


def _first(wrong: Sequence[str]) -> str:
    more = len(wrong) - MOST
    return ", ".join(wrong[:MOST]) + (f" and {more} more" if more > 0 else "")
