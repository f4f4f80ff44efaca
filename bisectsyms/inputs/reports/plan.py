"""A plan to reproduce a report: what was understood, as a file that people edit and that is checked when it comes back.

Every value passes the same gate as one that is read out of a report, because plans are mailed around like reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from bisectsyms.core.kconfig import foreign
from bisectsyms.core.reportfields import FIELDS, through_the_gate
from bisectsyms.inputs.reportknowledge import report_knowledge
from bisectsyms.inputs.reports.attached import LONGEST_KCONFIG
from bisectsyms.inputs.reports.reading import Report
from bisectsyms.inputs.yamlfile import load_model


def _gate(name: str) -> AfterValidator:
    def check(value: str) -> str:
        if not value:
            return value
        let_in = through_the_gate(name, value)
        if let_in is None:
            raise ValueError(f"{value!r} does not look like one")
        return let_in

    return AfterValidator(check)


class ReproducePlan(BaseModel):
    """What to build and how, as a report says or as people made of it; an empty value is one that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    plan: Literal["reproduce"]
    """What the file is a plan of."""
    revision: Annotated[str, _gate("revision")] = ""
    """Yours; it wins over what the report says of the revision."""
    tree: Annotated[str, _gate("tree")] = ""
    """Address of the reporter's git repository; it is shown, and fetched from only with --fetch."""
    branch: Annotated[str, _gate("branch")] = ""
    """Of that repository."""
    commit: Annotated[str, _gate("commit")] = ""
    """Id, as the report has it."""
    describe: Annotated[str, _gate("describe")] = ""
    """As git describe says it, or a tag."""
    subject: Annotated[str, _gate("subject")] = ""
    """Of the commit; it may begin with a dash: never a word of its own behind git."""
    author: Annotated[str, _gate("author")] = ""
    """Of the commit, where it is named by its subject."""
    kernel_version: Annotated[str, _gate("kernel_version")] = ""
    """As `make kernelversion` says it."""
    introduced: Annotated[str, _gate("introduced")] = ""
    """What the report calls the first bad commit."""
    arch: Annotated[str, _gate("arch")] = ""
    """ARCH=."""
    defconfig: Annotated[str, _gate("defconfig")] = ""
    """Targets of make, joined by spaces."""
    toolchain: Annotated[str, _gate("toolchain")] = ""
    """gcc, gcc-13.2.0, clang-17: a family and a version, not yet a compiler of this machine."""
    jobs: Annotated[int, Field(ge=1, le=1024)] | None = None
    """make -jN."""
    make_variables: dict[str, str] = {}
    """Of the known ones that a report may set."""
    message: Annotated[str, _gate("message")] = ""
    """The line that says how it failed."""
    fresh_tree: Annotated[str, _gate("fresh_tree")] = ""
    """Whether the failure was reported for builds from an empty tree."""
    date: Annotated[str, _gate("date")] = ""
    """Of the report."""
    link: Annotated[str, _gate("link")] = ""
    """Its Message-ID or address."""
    reporter: Annotated[str, _gate("reporter")] = ""
    """Who wrote it, for the answer."""
    kconfig_lines: tuple[str, ...] = ()
    """Laid over the .config."""
    kconfig: Annotated[str, Field(max_length=LONGEST_KCONFIG + 1)] = ""
    """A whole .config, in place of defconfig."""

    @field_validator("make_variables")
    @classmethod
    def _variables(cls, variables: dict[str, str]) -> dict[str, str]:
        known = report_knowledge().variables
        for name, value in variables.items():
            if not known.lets_in(name, value):
                raise ValueError(f"{name}={value}: {known.reason(name)}")
            if known.known[name].field:
                raise ValueError(f"{name} has a key of its own")
        return variables

    @field_validator("kconfig_lines")
    @classmethod
    def _kconfig_lines(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        refused = foreign(lines).refused
        if refused:
            raise ValueError(f"{refused[0][0]}: {refused[0][1]}")
        if len(foreign(lines).lines) < len(lines):
            raise ValueError("a line is neither `CONFIG_X=y` nor `# CONFIG_X is not set`")
        return lines

    @field_validator("kconfig")
    @classmethod
    def _kconfig(cls, text: str) -> str:
        made = foreign(text.split("\n"))
        if made.refused:
            raise ValueError(f"{made.refused[0][0]}: {made.refused[0][1]}")
        return "\n".join([*made.lines, ""]) if made.lines else ""

    @model_validator(mode="after")
    def _one_base(self) -> Self:
        if self.kconfig and self.defconfig:
            raise ValueError("`kconfig` and `defconfig` both say where .config comes from: give one of the two")
        return self


@dataclass(frozen=True, slots=True)
class Missing:
    """A field that has no value."""

    field: str
    needed: bool
    """Whether nothing can be tried without it."""
    what: str
    """What is not known, and what happens without it."""
    option: str


def load_plan(path: Path) -> ReproducePlan:
    """The plan in a file.

    Raises:
        UserError: it cannot be read or holds what it should not; with file, line, column and key.
    """
    return load_model(path, ReproducePlan)


def plan_of(report: Report) -> ReproducePlan:
    """What a report says, as a plan. Of several builds it is the first; an attached .config wins over a defconfig."""
    known = report_knowledge().variables.known
    values = {name: understood.value for name, understood in report.fields.items()}
    kconfig = "\n".join([*report.kconfig.lines, ""]) if report.kconfig else ""
    if kconfig:
        values.pop("defconfig", None)
    return ReproducePlan(
        plan="reproduce",
        make_variables={name: value for name, value, _ in report.variables if not known[name].field},
        kconfig_lines=tuple(line for line, _ in report.kconfig_lines),
        kconfig=kconfig,
        **values,  # type: ignore[arg-type]  # jobs is a text here, which pydantic reads
    )


def missing(plan: ReproducePlan) -> tuple[Missing, ...]:
    """What a plan lacks, the needed first, each with the option that gives it."""
    lacks: list[Missing] = []
    if not (plan.revision or plan.commit or plan.describe or plan.subject or plan.kernel_version):
        what = "which commit was built"
        if plan.date:
            what += f"; the newest of that day: git rev-list -1 --before={plan.date} origin/master"
        lacks.append(Missing("revision", True, what, FIELDS["revision"].option))
    if not plan.arch:
        lacks.append(Missing("arch", True, "for which ARCH", FIELDS["arch"].option))
    if not (plan.defconfig or plan.kconfig):
        what = "where .config comes from"
        lacks.append(Missing("defconfig", True, what, f"{FIELDS['defconfig'].option} or --config FILE"))
    if not plan.toolchain:
        lacks.append(Missing("toolchain", False, "with which compiler; gcc is taken", FIELDS["toolchain"].option))
    if not plan.jobs:
        lacks.append(Missing("jobs", False, "make -jN; the number of CPUs is taken", FIELDS["jobs"].option))
    return tuple(lacks)
