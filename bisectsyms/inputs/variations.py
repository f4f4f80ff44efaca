"""Reads what attempts can be varied by from configs/knowledge/variations.yaml; a new factor touches no Python."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bisectsyms.core.factors import NEXT, NOTHING, Factor, Needs, Place
from bisectsyms.core.variation import PINNED, SWEEP, Variation
from bisectsyms.errors import UserError
from bisectsyms.inputs.knowledge import Id, Pattern, Strict, Text, distinct
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.yamlfile import load_model

FILLED = frozenset(("value", "jobs", "cpu", "cpus", "cross"))
LARGEST_PAD = 1 << 20
"""Bytes; a megabyte moves every section end there is."""


def _filled(text: str) -> str:
    unknown = sorted(set(re.findall(r"\{(\w+)\}", text)) - FILLED)
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is none of {', '.join(sorted(FILLED))}")
    return text


def _pairs(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, dict) else value


Template = Annotated[str, AfterValidator(_filled)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
Pairs = Annotated[tuple[tuple[Name, Template], ...], BeforeValidator(_pairs)]
Value = Annotated[str, Field(pattern=r"^[^+\n]+$")]
"""A plus joins the terms of a policy."""
Count = Annotated[int, Field(ge=1, le=1024)]


class SizesEntry(Strict):
    """Multiples of `step`."""

    step: Annotated[int, Field(ge=1, le=4096)]
    count: Count


class DrawsEntry(Strict):
    """What is drawn, in one of three ways."""

    one_of: tuple[Value, ...] = ()
    sizes: SizesEntry | None = None
    seeds: Count | None = None
    others: Pattern | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(map(bool, (self.one_of, self.sizes, self.seeds))) != 1:
            raise ValueError("give one of one_of, sizes and seeds")
        return self

    def values(self) -> tuple[str, ...]:
        """All that can be drawn, in order: `pad:8` is the first eight."""
        if self.sizes:
            return tuple(str(self.sizes.step * number) for number in range(1, self.sizes.count + 1))
        return tuple(str(seed) for seed in range(1, self.seeds + 1)) if self.seeds else self.one_of

    def pattern(self) -> str:
        """A regular expression of what else can be given: any number where numbers are drawn; empty for nothing."""
        return self.others or ("" if self.one_of else "[1-9][0-9]{0,5}")


class NeedsEntry(Strict):
    """See `core.factors.Needs`."""

    runs: tuple[Template, ...] = ()
    make: Annotated[str, Field(pattern=r"^(\d+\.\d+)?$")] = ""
    package: str = ""


class FactorEntry(Strict):
    """A factor as it stands in the file."""

    name: Id
    why: Text
    draws: DrawsEntry | None = None
    words: tuple[Template, ...] = ()
    flags: tuple[Annotated[Template, Field(pattern="^-")], ...] = ()
    jobs: Annotated[str, Field(pattern=r"^([1-9]\d{0,2}|x[1-9])?$")] = ""
    variables: Pairs = ()
    append: Pairs = ()
    environment: Pairs = ()
    pad: Template = ""
    mount: Template = ""
    needs: NeedsEntry = NeedsEntry()
    recompiles: bool = False
    moves_the_layout: bool = False
    moves_the_string: bool = False
    alone: bool = False

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.name in (PINNED, SWEEP):
            raise ValueError(f"{self.name} is the length of the version string")
        changes = (self.words, self.flags, self.jobs, self.variables, self.append, self.environment, self.pad)
        if not any(changes) and not self.mount:
            raise ValueError(f"{self.name} changes nothing")
        numbers = [Place().fill(self.pad, value) for value in self._values()] if self.pad else []
        if not all(number.isdigit() and int(number) <= LARGEST_PAD for number in numbers):
            raise ValueError(f"pad is a number of bytes up to {LARGEST_PAD}")
        return self

    def _values(self) -> tuple[str, ...]:
        return self.draws.values() if self.draws else NOTHING

    def factor(self) -> Factor:
        """The same as the core has it."""
        return Factor(
            name=self.name,
            why=" ".join(self.why.split()),
            values=self._values(),
            others=self.draws.pattern() if self.draws else "",
            words=self.words,
            flags=self.flags,
            jobs=self.jobs,
            variables=self.variables,
            append=self.append,
            environment=self.environment,
            pad=self.pad,
            mount=self.mount,
            needs=Needs(**dict(self.needs)),
            recompiles=self.recompiles,
            moves_the_layout=self.moves_the_layout,
            moves_the_string=self.moves_the_string,
            alone=self.alone,
        )


class VariationsFile(Strict):
    """variations.yaml."""

    variations: tuple[FactorEntry, ...]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        distinct([entry.name for entry in self.variations])
        return self


def load_variations(folder: Path | None = None) -> dict[str, Factor]:
    """What is in `folder`, else what is shipped, by name.

    Raises UserError with file, line and key when the file is missing or holds what it should not.
    """
    path = (folder or configs_dir() / "knowledge") / "variations.yaml"
    return {entry.name: entry.factor() for entry in load_model(path, VariationsFile).variations}


def variation_of(text: str) -> Variation:
    """A policy as people type it.

    Raises:
        UserError: it is none.
    """
    try:
        return Variation.parse(text, shipped_variations())
    except ValueError as error:
        raise UserError(str(error), next_step=NEXT) from error


@cache
def shipped_variations() -> dict[str, Factor]:
    """Those that are shipped, read once."""
    return load_variations()
