"""What is wrong with a value that people wrote, in our words: one sentence for every kind of error of a schema.

pydantic speaks to programmers: "Input should be a valid integer, unable to parse string as an integer". Every kind that
one of our files can reach is in SENTENCES; tests/test_mistakes.py looks for one that is not.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from bisectsyms.inputs.typewords import Part, Place, at, example, in_words

SENTENCES: Mapping[str, str] = {
    "missing": "this key is missing",
    "extra_forbidden": "no such key",
    "value_error": "{error}",
    "int_parsing": "{given} is no whole number",
    "int_parsing_size": "{given} is too large a number",
    "int_type": "{given} is no whole number",
    "float_type": "{given} is no number",
    "bool_parsing": "{given} is neither true nor false",
    "bool_type": "{given} is neither true nor false",
    "greater_than": "{given} is not more than {gt:g}",
    "greater_than_equal": "{given} is less than {ge:g}",
    "less_than_equal": "{given} is more than {le:g}",
    "string_type": "{given} is no text",
    "string_too_short": "it is empty",
    "string_too_long": "it is longer than {max_length} characters",
    "string_pattern_mismatch": "{given} does not have the form of one",
    "literal_error": "{given} is none of its values",
    "enum": "{given} is none of its values",
    "path_type": "{given} is no path",
    "tuple_type": "{given} is no list",
    "too_short": "the list is empty",
    "too_long": "the list is longer than {max_length}",
    "dict_type": "{given} is no mapping",
    "model_type": "{given} is no mapping",
}
"""Type of an error (docs.pydantic.dev/latest/errors/validation_errors) -> what is said of it."""
SAY_ALL = {
    "missing",
    "extra_forbidden",
    "value_error",
    "string_too_short",
    "string_too_long",
    "string_pattern_mismatch",
    "too_short",
    "too_long",
}
"""After these nobody asks for the type that is expected."""
NO_EXAMPLE = {"extra_forbidden", "value_error", "string_too_long", "too_long"}
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Mistake:
    """One value that does not fit."""

    place: Place
    what: str
    expected: str
    """In words; empty where `what` says it, or nothing is known."""
    example: str
    """A value that would do, as YAML; empty where none is known."""

    def said(self, before: str) -> str:
        """The sentence; `before` is what is written before a value: `jobs: `, or `-j `."""
        expected = f"; expected: {self.expected}" if self.expected else ""
        leads = ", as" if self.expected else "; for example"
        return f"{self.what}{expected}" + (f"{leads} `{before}{self.example}`" if self.example else "")


def mistakes(error: ValidationError, model: type[BaseModel]) -> Iterator[Mistake]:
    """All that is wrong with what should have been a `model`."""
    schema = _schema(model)
    for problem in error.errors(include_url=False):
        kind, place = problem["type"], tuple(problem["loc"])
        wanted = at(schema, place)
        words = {"given": _given(problem["input"])} | dict(problem.get("ctx", {}))
        what = SENTENCES[kind].format(**words) if kind in SENTENCES else problem["msg"]
        if kind == "extra_forbidden":
            what += _meant(str(place[-1]), at(schema, place[:-1]))
        yield Mistake(
            place,
            what,
            "" if kind in SAY_ALL else in_words(wanted),
            "" if kind in NO_EXAMPLE else example(at(schema, _key(place))),
        )


@cache
def _schema(model: type[BaseModel]) -> Part:
    return model.model_json_schema()


def _key(place: Place) -> Place:
    """The key in whose list a value stands."""
    while place and isinstance(place[-1], int):
        place = place[:-1]
    return place


def _meant(name: str, among: Part) -> str:
    known = list(among.get("properties", ()))
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are: {', '.join(known)}" if known else ""


def _given(value: Any) -> str:
    """A value in few words."""
    match value:
        case None:
            return "nothing"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
