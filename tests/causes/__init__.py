"""Builds of the small kernel that go wrong by each of the known causes, made with the real compiler, ld and nm."""

from __future__ import annotations

from types import ModuleType

from tests.causes import (
    compiler,
    environment,
    filters,
    generated,
    infrastructure,
    inner,
    order,
    oscillation,
    race,
    stale,
    stubs,
    temporary,
    ties,
    toolchain,
    version,
)
from tests.causes.case import Case, build, missing

__all__ = ["CASES", "Case", "build", "missing", "variants"]

_MODULES: tuple[ModuleType, ...] = (
    ties,
    stubs,
    generated,
    filters,
    order,
    inner,
    oscillation,
    temporary,
    version,
    race,
    stale,
    toolchain,
    compiler,
    environment,
    infrastructure,
)
_OF: dict[str, ModuleType] = {case.id: module for module in _MODULES for case in module.CASES}

CASES: list[Case] = [case for module in _MODULES for case in module.CASES]


def variants(case: Case) -> list[Case]:
    """At least ten further builds that fail by the cause of this one, of whatever family of it."""
    found: list[Case] = _OF[case.id].variants(case)
    return found
