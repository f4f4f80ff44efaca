"""YAML with positions: every error names file, line, column and key, and all errors of a file at once.

Scalars stay text until the schema types them, because YAML 1.1 makes 1080 minutes of 18:00, false of no,
and another number of 0123456. Keys given twice are errors: YAML would silently take the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bisectsyms.errors import UserError
from bisectsyms.inputs.mistakes import mistakes
from bisectsyms.inputs.smallfile import small_text
from bisectsyms.inputs.typewords import Place

M = TypeVar("M", bound=BaseModel)
LARGEST = 1 << 20
"""Bytes; a profile is a page of text."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What escapes of YAML can say, and no name of a file, no environment and no UTF-8 can hold."""


def load_model(path: Path, model: type[M]) -> M:
    """Read `path` as a `model`.

    Raises:
        UserError: it cannot be read, is no YAML mapping, or does not fit; with every place where.
    """
    node = _composed(small_text(path, LARGEST, what="profile", next_step="name a file that can be read"), path)
    if not isinstance(node, MappingNode):
        raise UserError(f"{path}:1:1: this is no mapping of `key: value` lines", next_step=f"edit {path}")
    plain = _Plain(path)
    value = plain.build(node, ())
    if plain.problems:
        raise UserError("\n".join(plain.problems), next_step=f"edit {path}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = sorted(_explain(error, plain, model))
        problems = [f"{path}:{line}:{column}: {message}" for line, column, message in lines]
        raise UserError("\n".join(problems), next_step=f"edit {path}") from error


def where(path: Path, place: Place) -> str:
    """`plan.yaml:2:18: revisions.1`: where a value stands in a file that was read before, or the key that has it.

    Raises:
        UserError: it cannot be read any more.
    """
    node = _composed(small_text(path, LARGEST, what="profile", next_step="name a file that can be read"), path)
    plain = _Plain(path)
    if node is not None:
        plain.build(node, ())
    while place and place not in plain.places:
        place = place[:-1]
    line, column = plain.places.get(place, (1, 1))
    return ": ".join(filter(None, (f"{path}:{line}:{column}", ".".join(map(str, place)))))


def _composed(text: str, path: Path) -> Node | None:
    mark: Mark | None = None
    try:
        loader = yaml.SafeLoader(text)
        try:
            return loader.get_single_node()
        finally:
            mark = loader.get_mark()
    except yaml.MarkedYAMLError as error:
        mark, said = error.problem_mark or error.context_mark, error.problem or error.context
    except (yaml.YAMLError, RecursionError) as error:
        mark, said = None, str(error).splitlines()[0]
    except (ValueError, OverflowError):  # PyYAML makes numbers of escapes and versions without asking how large
        said = "a number here is larger than YAML knows"
    where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
    raise UserError(f"{path}:{where}: {said}", next_step=f"edit {path}")


class _Plain:
    """Turns nodes into dicts, lists and texts, and remembers where each value stands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[str] = []
        self.places: dict[Place, tuple[int, int]] = {}

    def build(self, node: Node, place: Place) -> object:
        self.places.setdefault(place, _position(node))
        if len(self.places) > LARGEST // 16 or len(place) > 50:
            self._problem(node, "too deep or too large (are there aliases of aliases?)")
            return None
        if isinstance(node, MappingNode):
            return dict(self._items(node, place))
        if isinstance(node, SequenceNode):
            return [self.build(child, (*place, index)) for index, child in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag.endswith(":null"):
            return None
        if isinstance(node.value, str) and _NO_TEXT.search(node.value):
            self._problem(node, "NUL and halves of surrogate pairs are no text")
            return None
        return node.value

    def _items(self, node: MappingNode, place: Place) -> Iterator[tuple[str, object]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                self._problem(key_node, "a key must be a plain word")
                continue
            if _NO_TEXT.search(key):
                self._problem(key_node, "NUL and halves of surrogate pairs are no text")
                continue
            if key in seen:
                self._problem(key_node, f"{key}: this key is here twice")
                continue
            seen.add(key)
            self.places[*place, key] = _position(key_node)
            value = self.build(value_node, (*place, key))
            if value is not None:  # an empty value is a key left at its default
                yield key, value

    def _problem(self, node: Node, what: str) -> None:
        line, column = _position(node)
        if len(self.problems) < 20:
            self.problems.append(f"{self._path}:{line}:{column}: {what}")


def _position(node: Node) -> tuple[int, int]:
    """Line and column, counted from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def _explain(error: ValidationError, plain: _Plain, model: type[BaseModel]) -> Iterator[tuple[int, int, str]]:
    for one in mistakes(error, model):
        place = one.place
        key = ".".join(str(part) for part in place)
        named = next((f"{part}: " for part in reversed(place) if isinstance(part, str)), "")
        while place and place not in plain.places:
            place = place[:-1]
        said = one.said(named)
        yield *plain.places.get(place, (1, 1)), f"{key}: {said}" if key else said
