"""Reads what is known about logs and eras from configs/knowledge, where a new fact touches no Python.

Patterns are compiled when they are read: a typing error in the data stops before anything is built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bisectsyms.core.classify import LINK_FAILED
from bisectsyms.core.eras import Clue, Era
from bisectsyms.core.logscan import Signature
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.yamlfile import load_model
from bisectsyms.model import Outcome


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the classifier knows."""

    signatures: tuple[Signature, ...]
    eras: tuple[Era, ...]


def load_knowledge(folder: Path | None = None) -> Knowledge:
    """The knowledge in `folder`, else what is shipped.

    Raises UserError with file, line and key when a file is missing or holds what it should not.
    """
    folder = folder or configs_dir() / "knowledge"
    signatures = load_model(folder / "signatures.yaml", SignatureFile)
    eras = load_model(folder / "eras.yaml", EraFile)
    return Knowledge(
        signatures=tuple(Signature(**dict(entry)) for entry in signatures.signatures),
        eras=tuple(
            Era(**{**dict(entry), "clues": tuple(Clue(**dict(clue)) for clue in entry.clues)}) for entry in eras.eras
        ),
    )


def compiles(pattern: str) -> str:
    """The pattern, if it is a regular expression; ValueError otherwise, as pydantic wants it."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return pattern


def _in_objtree(pattern: str) -> str:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/") or set(pattern) <= set("*?./"):
        raise ValueError("must name files inside the objtree")  # outputs are removed
    return pattern


Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(compiles)]
Glob = Annotated[str, AfterValidator(_in_objtree)]
Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """A frozen part of a data file, in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SignatureEntry(Strict):
    """A signature as it stands in the file; what the fields mean says `core.logscan.Signature`."""

    id: Id
    outcome: Outcome
    pattern: Pattern
    needles: Annotated[tuple[Text, ...], Field(min_length=1)]
    why: Text
    glued: bool = False
    even_if_passed: bool = False


class SignatureFile(Strict):
    """signatures.yaml."""

    signatures: tuple[SignatureEntry, ...]

    @model_validator(mode="after")
    def _complete(self) -> SignatureFile:
        distinct([entry.id for entry in self.signatures])
        outcomes = {entry.outcome for entry in self.signatures}
        if not outcomes <= {Outcome.INCONSISTENT, Outcome.INFRA, Outcome.BROKEN}:
            raise ValueError("a log line can say INCONSISTENT, INFRA or BROKEN only")
        if Outcome.INCONSISTENT not in outcomes:
            raise ValueError("no signature says INCONSISTENT")
        if LINK_FAILED not in {entry.id for entry in self.signatures}:
            raise ValueError(f"the signature {LINK_FAILED} is missing, which the kallsyms line is checked by")
        return self


class ClueEntry(Strict):
    """A clue as it stands in the file."""

    file: Text
    pattern: Pattern
    absent: bool = False


class EraEntry(Strict):
    """An era as it stands in the file; what the fields mean says `core.eras.Era`."""

    id: Id
    kernels: Text
    clues: Annotated[tuple[ClueEntry, ...], Field(min_length=1)]
    before: Annotated[tuple[Text, ...], Field(min_length=1)]
    after: Text
    outputs: Annotated[tuple[Glob, ...], Field(min_length=1)]
    leaves_maps: bool
    passes: tuple[Glob, ...]
    images: Annotated[tuple[Glob, ...], Field(min_length=1)]
    leaves_out: Annotated[str, AfterValidator(compiles)] = ""


class EraFile(Strict):
    """eras.yaml."""

    eras: tuple[EraEntry, ...]

    @model_validator(mode="after")
    def _complete(self) -> EraFile:
        distinct([entry.id for entry in self.eras])
        for entry in self.eras:
            if not entry.leaves_out and not any(name.endswith(".syms") for name in entry.passes):
                raise ValueError(f"{entry.id}: without maps of the passes, leaves_out says how they are made")
        return self


def distinct(ids: list[str]) -> None:
    """Make sure that no id is there twice.

    Raises:
        ValueError: one is; as pydantic wants it.
    """
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise ValueError(f"given twice: {', '.join(twice)}")
