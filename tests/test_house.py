"""The shape of the house: no arrow drawn backwards, a pure core, modules that can be read in one sitting."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "bisectsyms"
FLOORS = [
    "model",
    "errors",
    "core",
    "kallsyms",
    "search",
    "inputs",
    "effects",
    "smallkernel",
    "usecases",
    "render",
    "cli",
    "entry",
]
"""From the ground up: a floor imports only those before it (model and errors share one)."""
IMPURE = {"os", "subprocess", "pathlib", "time", "datetime", "random", "socket", "git", "plumbum", "psutil", "sqlite3"}
MOST_LINES = 350


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "tree" not in path.relative_to(PACKAGE).parts)


def imported(path: Path) -> Iterator[str]:
    """Every module imported anywhere in `path`, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "bisectsyms" or node.module.startswith("bisectsyms."):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


def floor(name: str) -> int:
    part = name.split(".")[1] if "." in name else ""
    return FLOORS.index(part) if part in FLOORS else 0


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_arrow_points_up(path: Path) -> None:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    mine = floor(".".join(parts))
    if parts[1:] in (("__init__",), ("__main__",)):
        assert not [name for name in imported(path) if name.startswith("bisectsyms")]
        return
    up = [name for name in imported(path) if name.startswith("bisectsyms.") and floor(name) > mine]
    assert not up, f"{path.name} must not know of {up}"


PURE = sorted(path for room in ("core", "kallsyms", "search") for path in (PACKAGE / room).glob("*.py"))


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_is_pure(path: Path) -> None:
    assert not IMPURE & {name.split(".")[0] for name in imported(path)}


def test_the_guard_needs_only_the_standard_library_to_be_imported() -> None:
    tree = ast.parse((PACKAGE / "entry.py").read_text())
    names = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    roots = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in names
        for alias in node.names
    }
    assert {root.split(".")[0] for root in roots} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_why_it_is_there_and_is_short(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "every module says why it exists"
    assert len(text.splitlines()) <= MOST_LINES


def test_no_module_hides_one_of_the_standard_library() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert not names & set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_module_knows_of_dask(path: Path) -> None:
    found = {name.split(".")[0] for name in imported(path)} & {"dask", "distributed"}
    assert not found or path.relative_to(PACKAGE) == Path("effects/cluster.py")
