"""Reads what the causes are told by from configs/knowledge/causes.yaml; another name of a family touches no Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from bisectsyms.inputs.knowledge import Pattern, Strict, Text
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.yamlfile import load_model
from bisectsyms.kallsyms.causes import CAUSES
from bisectsyms.kallsyms.evidence import Names, Upstream

Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class KnownCauses:
    """What the rules are given beside the facts."""

    names: Names
    upstream: tuple[Upstream, ...]


def load_causes(folder: Path | None = None) -> KnownCauses:
    """What is in `folder`, else what is shipped.

    Raises:
        UserError: with file, line and key, when the file is missing or holds what it should not.
    """
    file = load_model((folder or configs_dir() / "knowledge") / "causes.yaml", CauseFile)
    families = {name: tuple(re.compile(one) for one in patterns) for name, patterns in dict(file.names).items()}
    names = Names(**families, version=tuple(re.compile(one) for one in file.version))
    return KnownCauses(names, tuple(Upstream(**dict(entry)) for entry in file.upstream))


@cache
def shipped_causes() -> KnownCauses:
    """What comes with bisectsyms."""
    return load_causes()


class NamesEntry(Strict):
    """Families of symbols."""

    boundary: Patterns
    stub: Patterns
    generated: Patterns
    table: Patterns


class UpstreamEntry(Strict):
    """A bug as it stands in the file."""

    cause: Text
    what: Text
    year: Annotated[int, Field(ge=2004)] | None = None
    commit: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{12,40})?$")] = ""
    url: Annotated[str, Field(pattern=r"^(?:https?://\S+)?$")] = ""


class CauseFile(Strict):
    """causes.yaml."""

    names: NamesEntry
    version: Patterns
    upstream: tuple[UpstreamEntry, ...]

    @model_validator(mode="after")
    def _known(self) -> CauseFile:
        known = {cause.id for cause in CAUSES}
        if strange := sorted({entry.cause for entry in self.upstream} - known):
            raise ValueError(f"{strange[0]} is no cause; there are {', '.join(sorted(known))}")
        return self
