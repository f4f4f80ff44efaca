"""Reads what is known about reports from configs/knowledge: what names in them mean, and which make variables pass.

Patterns are compiled when they are read, so that a typing error in the data stops before a report is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bisectsyms.core.compilers import Names
from bisectsyms.core.makeline import MakeVariable, MakeVariables
from bisectsyms.inputs.knowledge import Pattern, Strict, compiles, distinct
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.toolchains import shipped_toolchains
from bisectsyms.inputs.yamlfile import load_model

FIELDS = ("", "arch", "cross_compile", "compiler", "llvm")
"""Where a variable can go to instead of to make."""


class VariableEntry(Strict):
    """A variable as it stands in the file."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
    pattern: Pattern
    field: str = ""

    @model_validator(mode="after")
    def _known(self) -> VariableEntry:
        if self.field not in FIELDS:
            raise ValueError(f"field is none of {', '.join(FIELDS[1:])}")
        return self


class RefusedEntry(Strict):
    """Names with the one reason why they are not taken."""

    names: tuple[str, ...]
    why: Annotated[str, Field(min_length=1)]


class MakeVarsFile(Strict):
    """makevars.yaml."""

    variables: tuple[VariableEntry, ...]
    refused: tuple[RefusedEntry, ...]
    targets: tuple[str, ...]

    @model_validator(mode="after")
    def _once(self) -> MakeVarsFile:
        distinct([one.name for one in self.variables] + [name for one in self.refused for name in one.names])
        return self


Patterns = Annotated[str, AfterValidator(lambda text: [compiles(one) for one in text.split()] and text)]


class ReportsFile(Strict):
    """reports.yaml."""

    arches: dict[str, tuple[str, ...]]
    options: dict[Annotated[str, Field(pattern=r"^\w+$")], str]
    defconfigs: dict[str, Patterns]
    trees: dict[str, str]
    lists: dict[str, str]

    @model_validator(mode="after")
    def _of_an_arch(self) -> ReportsFile:
        named = {*self.options.values(), *self.defconfigs, *self.lists.values()}
        if strange := sorted(named - set(self.arches)):
            raise ValueError(f"{strange[0]} is none of `arches`")
        return self


@dataclass(frozen=True, slots=True)
class ReportKnowledge:
    """What a reader of reports knows."""

    names: Names
    variables: MakeVariables


@cache
def report_knowledge() -> ReportKnowledge:
    """What is shipped.

    Raises:
        UserError: a file is missing or holds what it should not; with file, line and key.
    """
    folder = configs_dir() / "knowledge"
    variables = load_model(folder / "makevars.yaml", MakeVarsFile)
    named = load_model(folder / "reports.yaml", ReportsFile)
    names = Names(
        arches={word: arch for arch, words in named.arches.items() for word in words},
        known_arches=frozenset(named.arches),
        options=named.options,
        defconfigs={pattern: arch for arch, text in named.defconfigs.items() for pattern in text.split()},
        trees={name: url for key, url in named.trees.items() for name in key.split("|")},
        lists=named.lists,
        prefixes={prefix: entry.arch for entry in shipped_toolchains().arches for prefix in entry.prefixes},
    )
    known = {entry.name: MakeVariable(**dict(entry)) for entry in variables.variables}
    refused = {name: entry.why for entry in variables.refused for name in entry.names}
    return ReportKnowledge(names, MakeVariables(known, refused, frozenset(variables.targets)))
