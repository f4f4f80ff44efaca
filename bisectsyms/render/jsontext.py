"""Results for scripts: any frozen dataclass as one JSON object with a schema number."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

SCHEMA = 1
"""Counts up when a field changes its meaning or goes away, not when one is added."""

PLAIN = {str, int, float, bool, type(None)}
"""Most of what there is to write."""


def document(result: object) -> str:
    """`result` as the text of one JSON object."""
    plain = _plain(result)
    body = plain if isinstance(plain, dict) else {"result": plain}
    return json.dumps({"schema": SCHEMA} | body, indent=2)


def _plain(value: Any) -> Any:
    """Enums of text by their text, other enums by their name, paths as text, sets sorted, numpy left out."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, enum.StrEnum):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        items = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: _plain(item) for name, item in items if not type(item).__module__.startswith("numpy")}
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(_plain(item) for item in value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
