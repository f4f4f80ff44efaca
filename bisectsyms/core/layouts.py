"""The layouts that a search has seen, commit by commit, and what they are called."""

from __future__ import annotations

from collections import defaultdict

from bisectsyms.model import Draw, Observation


class Layouts:
    """What the outcome of an attempt may be a function of, beside its commit."""

    def __init__(self) -> None:
        self._draws = defaultdict[int, dict[str, Draw]](dict)
        """Commit -> the name of each layout that was seen there, and its first draw."""
        self._keys = defaultdict[int, dict[str, str]](dict)
        """Commit -> each layout key that was seen there, and the name of the layout."""

    def name(self, commit: int, one: Observation) -> str:
        """That of the layout of an attempt at `commit`: the first draw that gave it.

        Two draws with one layout key are one layout. One draw that gave now this key and now that is one layout as
        well: what is linked is then left to chance, and the outcome is no function of it.
        """
        name = str(one.draw)
        draws, keys = self._draws[commit], self._keys[commit]
        if name not in draws:
            name = keys.get(one.layout, name) if one.layout else name
            draws.setdefault(name, one.draw)
        if one.layout:
            keys.setdefault(one.layout, name)
        return name

    def draw_of(self, commit: int, name: str) -> Draw | None:
        """A draw that gave this layout there."""
        return self._draws[commit].get(name)
