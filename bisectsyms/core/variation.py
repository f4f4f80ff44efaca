"""What is varied on purpose between attempts, and in which order.

The length of the version string is the cheapest knob on the layout. A repeat of the same draw shows the
same layout, so every draw is taken once before one is taken twice, in an order that depends on
the revision alone: the same revision is always swept in the same way. Other factors (core/factors.py) are
varied one at a time, unless a policy joins them by `+`.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from bisectsyms.core.factors import NOTHING, Factor, Factors
from bisectsyms.model import Draw

PINNED, SWEEP = "pinned", "sweep"
LONGEST = 64
"""Characters: UTS_VERSION, which the length is part of, is cut at 64 bytes."""
UNAIDED = 16
"""Lengths at which something is built without what it was found by; ten gave four maps of 6.1 for s3c6400."""
MOST_DRAWS = 4096
"""More cannot be exhausted in a night, so none would ever be told as clean."""
TERM = re.compile(r"(?P<name>[a-z][a-z0-9-]*)(?::(?P<count>[1-9]\d{0,5})|=(?P<value>[^+]*))?")


@dataclass(frozen=True, slots=True)
class Part:
    """A factor of a policy, and the values that are drawn from."""

    factor: Factor
    values: tuple[str, ...]

    @property
    def draws(self) -> bool:
        """Whether attempts differ in it."""
        return len(self.values) > 1

    def __str__(self) -> str:
        """`pad:8` for eight values, `pad=64` for one, `jobs-double` where there is none."""
        name = self.factor.name
        if len(self.values) > 1:
            return f"{name}:{len(self.values)}"
        return f"{name}={self.values[0]}" if self.values[0] else name


@dataclass(frozen=True, slots=True)
class Variation:
    """A policy: how many lengths of the version string an attempt may draw from, and which factors beside it."""

    lengths: int = 1
    parts: tuple[Part, ...] = ()

    @classmethod
    def parse(cls, text: str, factors: Factors) -> Variation:
        """What a cell calls it, and what people write.

        Raises:
            ValueError: it is no policy; the message says why.
        """
        lengths, parts = 1, dict[str, Part]()
        for term in text.split("+"):
            match = TERM.fullmatch(term)
            name = match["name"] if match else ""
            if match is None or (name not in (PINNED, SWEEP) and name not in factors):
                raise ValueError(f"{term!r} is neither `pinned`, nor `sweep:N`, nor one of bisectsyms variations")
            if name in parts or (name == SWEEP and lengths > 1):
                raise ValueError(f"{name} is there twice")
            if name == SWEEP:
                lengths = _lengths(match)
            elif name != PINNED:
                parts[name] = _part(factors[name], match)
            elif term != PINNED:
                raise ValueError(f"{term!r}: pinned has no value")
        made = cls(lengths, tuple(parts[name] for name in sorted(parts)))
        if alone := [part.factor.name for part in made.parts if part.factor.alone and text != part.factor.name]:
            raise ValueError(f"{alone[0]} cannot be combined: it pins what the others vary")
        if made.draws > MOST_DRAWS:
            raise ValueError(f"{made} has {made.draws} draws, more than {MOST_DRAWS}: draw from fewer, as pad:8")
        return made

    def __str__(self) -> str:
        terms = [f"{SWEEP}:{self.lengths}"] if self.lengths > 1 else []
        return "+".join([*terms, *map(str, self.parts)]) or PINNED

    @property
    def draws(self) -> int:
        """How many different draws there are."""
        return self.lengths * prod(len(part.values) for part in self.parts)

    @property
    def layouts(self) -> int:
        """How many draws may be layouts of their own: 1 where nothing that is drawn moves any symbol.

        Seeds of make's order, say, are many draws of a race and one layout, however often it is repeated.
        """
        moving = (part.factor.moves_the_layout or part.factor.moves_the_string for part in self.parts if part.draws)
        return self.draws if self.lengths > 1 or any(moving) else 1

    @property
    def freezes(self) -> bool:
        """Whether all is pinned that can be."""
        return any(part.factor.alone for part in self.parts)

    @property
    def compiling(self) -> tuple[tuple[str, str], ...]:
        """What needs an objtree of its own."""
        return tuple((part.factor.name, part.values[0]) for part in self.parts if part.factor.recompiles)

    @property
    def moving(self) -> tuple[str, ...]:
        """What moves the layout further than the length of the version string can."""
        return tuple(part.factor.name for part in self.parts if part.factor.moves_the_layout)

    def unaided(self, draw: Draw) -> Draw:
        """The draw without what moves the layout so far."""
        return Draw(draw.length, tuple(one for one in draw.factors if one[0] not in self.moving))

    def of(self, draw: Draw, factors: Factors | None = None) -> Variation:
        """The policy that `draw` is of: this one, or one that reaches as far: without factors left out, longer.

        What it has besides is added, each with the value drawn; `factors` are those that are known.
        """
        values = dict(draw.factors)
        kept = tuple(part for part in self.parts if part.factor.name in values)
        added = [Part(factors[name], (value,)) for name, value in draw.factors if factors and name in factors]
        more = [part for part in added if part.factor.name not in {one.factor.name for one in kept}]
        if kept == self.parts and draw.length <= self.lengths:
            lengths = self.lengths
        else:
            lengths = max(self.lengths, UNAIDED, draw.length)
        if kept == self.parts and lengths == self.lengths and not more:
            return self
        return Variation(lengths, tuple(sorted((*kept, *more), key=lambda part: part.factor.name)))

    def next_draw(self, tree: str, drawn: Iterable[Draw], others: Iterable[Draw] = ()) -> Draw:
        """The draw for the next attempt at the revision with this tree id, given those made there.

        `others` were drawn for attempts of other kinds: their layouts have been seen, so they come after those that
        have not.
        """
        times, seen = Counter(drawn), Counter(others)

        def rank(draw: Draw) -> tuple[int, int, str]:
            name = str(draw) if draw.factors else str(draw.length)
            return times[draw], seen[draw], hashlib.sha256(f"{tree}:{name}".encode()).hexdigest()

        values = ([(part.factor.name, value) for value in part.values] for part in self.parts)
        every = list(itertools.product(*values))
        return min((Draw(length, one) for length in range(1, self.lengths + 1) for one in every), key=rank)


def _lengths(match: re.Match[str]) -> int:
    lengths = int(match["count"] or 0)
    if not 2 <= lengths <= LONGEST:
        raise ValueError(f"{match[0]!r} is neither `pinned` nor `sweep:N` with N from 2 to {LONGEST}")
    return lengths


def _part(factor: Factor, match: re.Match[str]) -> Part:
    name, value, many = factor.name, match["value"], match["count"]
    if value is not None:
        if not value or not factor.takes(value):
            listed = f"one of {', '.join(factor.values)}" if factor.values != NOTHING else "nothing"
            raise ValueError(f"{match[0]!r}: {name} takes {listed}")
        return Part(factor, (value,))
    values = factor.values[: int(many)] if many else factor.values
    if many and int(many) > len(values):
        raise ValueError(f"{match[0]!r}: {name} has {len(values)} to draw from")
    if factor.recompiles and len(values) > 1:
        raise ValueError(f"{name} recompiles everything, so one value is built at a time, as {name}={values[0]}")
    return Part(factor, values)
