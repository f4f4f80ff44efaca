"""Names that one of two maps does not list although its image has them: make deletes vmlinux, so they are inferred."""

from __future__ import annotations

from collections import Counter

from bisectsyms.kallsyms.difference import Difference
from bisectsyms.kallsyms.evidence import Names, among
from bisectsyms.kallsyms.facts import Image
from bisectsyms.kallsyms.symbols import SymbolMap

ABSOLUTE = "aA"
"""Letters of nm(1) for symbols that lie nowhere."""
FEWEST = 2
"""Local symbols that have to be gone before that is called stripping."""


def unlisted(
    before: SymbolMap,
    after: SymbolMap,
    difference: Difference,
    temporary: Image | None,
    image: Image | None,
    names: Names,
) -> tuple[str, ...]:
    """Names in one of the two maps only that both images have.

    Of the temporary image that is seen. vmlinux is mostly gone: then a symbol that the later map lacks is still there
    if the earlier map has room for it, and nothing has moved into that room.
    """
    if temporary is None:
        return ()
    listed, later = frozenset(before.names), frozenset(after.names)  # a name may be there more than once
    found = [name for name in difference.appeared if name in temporary.symbols and name not in listed]
    gone = [name for name in difference.vanished if name in temporary.symbols and name not in later]
    if image is not None:
        found = [name for name in found if name in image.symbols]
        found += [name for name in gone if name in image.symbols]
    elif not (difference.moved or difference.appeared or difference.ends_early or stripped(before, after, difference)):
        families = among(gone, (*names.generated, *names.stub))
        found += [name for name in gone if name not in families and _has_room(before, name)]
    return tuple(found)


def stripped(before: SymbolMap, after: SymbolMap, difference: Difference) -> tuple[str, ...]:
    """Local symbols that vanished, where the later map has none at all: its image was stripped of them."""
    local = {name for name, letter in zip(before.names, before.types, strict=True) if letter.islower()}
    gone = tuple(name for name in difference.vanished if name in local)
    if len(gone) < FEWEST or any(letter.islower() for letter in after.types):
        return ()
    return gone


def _has_room(symbols: SymbolMap, name: str) -> bool:
    """Whether a symbol stands alone at its address and something follows, so that it has a size."""
    at = next(place for place, one in enumerate(symbols.names) if one == name)
    alone = Counter(symbols.addresses)[symbols.addresses[at]] == 1
    return alone and symbols.types[at] not in ABSOLUTE and at + 1 < len(symbols.names)
