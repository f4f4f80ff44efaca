"""The plan of a hunt: what is to be crossed with what, until when and what then, from a YAML file or from options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from bisectsyms.core.throughput import MOST_SLOTS
from bisectsyms.core.variation import Variation
from bisectsyms.core.words import time_of_day
from bisectsyms.errors import UserError
from bisectsyms.inputs.mistakes import mistakes
from bisectsyms.inputs.profile import Duration
from bisectsyms.inputs.typewords import Place
from bisectsyms.inputs.variations import shipped_variations
from bisectsyms.inputs.yamlfile import load_model, where


def _alone(value: Any) -> Any:
    """One word in place of a list of one."""
    return (value,) if isinstance(value, str | int) else value


def _policy(text: str) -> str:
    return str(Variation.parse(text, shipped_variations()))


def _time(text: str) -> str:
    time_of_day(text)
    return text


Word = Annotated[str, Field(min_length=1)]
WORDS = WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}})
NUMBER = {"minimum": 1, "maximum": 1024}
NUMBERS = WithJsonSchema({"type": ["integer", "array"], **NUMBER, "items": {"type": "integer", **NUMBER}})
AFTER = {"enum": ["isolate", "bisect"]}
THEN = WithJsonSchema({"anyOf": [AFTER, {"type": "array", "items": AFTER}]})
Words = Annotated[tuple[Word, ...], BeforeValidator(_alone), WORDS]
Jobs = Annotated[int, Field(ge=1, le=1024)]
Policy = Annotated[str, AfterValidator(_policy)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Exclude(_Strict):
    """Cells to leave out: all that are given must fit."""

    revision: str | None = None
    """As in `revisions`."""
    profile: str | None = None
    """As in `profiles`."""
    toolchain: str | None = None
    """As in `toolchains`."""
    jobs: Jobs | None = None
    """As in `jobs`."""
    variation: Policy | None = None
    """As in `variations`."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("this would leave out everything")
        return self


class HuntPlan(_Strict):
    """What to cross with what. One of `profiles` and `defconfigs` must be given; a list of one needs no brackets."""

    plan: Literal["hunt"]
    """What the file is a plan of."""
    revisions: Annotated[Words, Field(min_length=1, examples=[["v6.1", "v6.0"]])]
    """Whatever git knows."""
    profiles: Annotated[Words, Field(examples=[["s3c6400"]])] = ()
    """Names, or paths; what else a profile says (fixups, environment, timeout) holds."""
    defconfigs: Annotated[Words, Field(examples=[["multi_v7_defconfig"]])] = ()
    """In place of profiles: each stands for the profile that builds it."""
    toolchains: Annotated[Words, Field(examples=[["gcc-12", "arm-llvm"]])] = ()
    """`gcc-12`, or with the arch that it is for: `arm-gcc-12`, `arm-llvm`; by default each profile's own."""
    jobs: Annotated[tuple[Jobs, ...], BeforeValidator(_alone), NUMBERS, Field(examples=[[1, 5]])] = ()
    """make -jN; by default each profile's."""
    variations: Annotated[
        tuple[Policy, ...], BeforeValidator(_alone), WORDS, Field(examples=[["pinned", "sweep:32"]])
    ] = ()
    """Policies, each a cell of its own; by default each profile's."""
    exclude: Annotated[tuple[Exclude, ...], Field(examples=[[{"profile": "s3c6400", "jobs": 1}]])] = ()
    """Cells to leave out."""
    until: Annotated[Annotated[str, AfterValidator(_time)] | None, Field(examples=["08:00"])] = None
    """Stop at this time of day, as 08:00. This key and the following are what options of their names say, which win;
    `--resume` keeps them."""
    lasting: Annotated[Duration | None, Field(alias="for")] = None
    """Stop after so long, as 8h; with `until`, at the earlier of the two."""
    kind: Literal["replay", "relink", "clean"] | None = None
    """This kind of attempt alone; by default what shows the failure."""
    slots: Annotated[int, Field(ge=1, le=MOST_SLOTS)] = 1
    """Attempts at once, all of one cell."""
    then: Annotated[tuple[Literal["isolate", "bisect"], ...], BeforeValidator(_alone), THEN] = ()
    """What to go on with: isolate, bisect, or both."""
    good: Annotated[Word | None, Field(examples=["v6.0"])] = None
    """For `then: bisect`: the good end."""
    bad: Annotated[Word | None, Field(examples=["v6.1"])] = None
    """For `then: bisect`: the bad end; by default where the worst cell failed."""
    notify: Annotated[Word | None, Field(examples=["mail -s hunt me@example.org"])] = None
    """A command that is run at the first failure and at the end."""
    page: Annotated[Path | None, Field(examples=["report.html"])] = None
    """Keep a page of the hunt here, relative to this file, while it goes on."""

    @model_validator(mode="after")
    def _builds_something(self) -> Self:
        if not (self.profiles or self.defconfigs):
            raise ValueError("one of the keys profiles, defconfigs must say what to build")
        return self


OPTIONS = {
    "revisions": "--rev",
    "profiles": "--profile",
    "defconfigs": "--defconfig",
    "toolchains": "--toolchains",
    "jobs": "-j",
    "variations": "--vary",
}
"""Key of the plan -> the option that says the same."""


def load_plan(path: Path) -> HuntPlan:
    """Read a plan.

    Raises:
        UserError: it cannot be read or has errors; each with file, line, column and key.
    """
    plan = load_model(path, HuntPlan)
    return plan.model_copy(update={"page": path.absolute().parent / plan.page}) if plan.page else plan


class PlanError(UserError):
    """What a plan names is not here, or fits nothing: only the repository and the machine could tell."""

    def __init__(self, place: Place, error: UserError) -> None:
        """`place` is where in the plan that stands, as ("revisions", 1)."""
        super().__init__(error.message, next_step=error.next_step)
        self.place = place


@contextmanager
def at_key(*place: str | int) -> Iterator[None]:
    """What goes wrong in here is about this place of the plan.

    Raises:
        PlanError: in place of a UserError.
    """
    try:
        yield
    except UserError as error:
        raise PlanError(place, error) from error


@contextmanager
def told_where(path: Path | None, *, typed: bool) -> Iterator[None]:
    """Say of a PlanError where its place was written: in the file `path`, in the option where options were `typed`.

    Else it was in the plan of the last hunt, whose file is not known any more.

    Raises:
        UserError: in place of a PlanError, with that.
    """
    try:
        yield
    except PlanError as error:
        if path is not None:
            place = where(path, error.place)
        elif typed:
            place = OPTIONS[str(error.place[0])]
        else:
            place = f"the last hunt: {'.'.join(map(str, error.place))}"
        raise UserError(f"{place}: {error.message}", next_step=error.next_step) from error


def plan_of(words: Mapping[str, Sequence[str]]) -> HuntPlan:
    """The plan that options say; a value may be several with commas, which no name of git or of a toolchain has.

    Raises:
        UserError: something does not fit; the message names the option.
    """
    split = {key: [word for text in texts for word in text.split(",") if word] for key, texts in words.items()}
    try:
        return HuntPlan.model_validate({"plan": "hunt"} | {key: value for key, value in split.items() if value})
    except ValidationError as error:
        problems = []
        for one in mistakes(error, HuntPlan):
            option = OPTIONS.get(str(one.place[0]), "") if one.place else "--profile"
            typed = replace(
                one, what=one.what.removeprefix("this key "), example=one.example.strip("[]").replace(", ", ",")
            )
            problems.append(f"{option}: {typed.said(f'{option} ')}")
        raise UserError("\n".join(problems), next_step="bisectsyms hunt --help, or give the path of a plan") from error
