"""The shape of the house: no arrow drawn backwards, a pure core, modules that can be read in one sitting."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adding import complete

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


def test_every_room_has_a_floor_and_a_line_in_the_picture() -> None:
    plain = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    rooms = plain | {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    page = (PACKAGE.parent / "docs/architecture.md").read_text()
    there = {name for name in FLOORS if f"`{name}`" in page or f"`{name}/`" in page}
    complete(FLOORS, rooms, "{}: its floor, in FLOORS of tests/test_house.py", "{}: in FLOORS of tests/test_house.py")
    complete(there, rooms, "{}: a line in the table of docs/architecture.md", "{}: is no room")


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
    assert len(text.splitlines()) <= MOST_LINES, f"{path.name}: what of it is a thing of its own?"


def test_no_module_hides_one_of_the_standard_library() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert not names & set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_module_knows_of_dask(path: Path) -> None:
    found = {name.split(".")[0] for name in imported(path)} & {"dask", "distributed"}
    assert not found or path.relative_to(PACKAGE) == Path("effects/cluster.py")


Offered = ast.FunctionDef | ast.ClassDef


def public(scope: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, ast.ClassDef | None, Offered]]:
    """(name, class that it is in, node) of all that is offered to others: no name on the way begins with `_`."""
    for node in scope.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", scope if isinstance(scope, ast.ClassDef) else None, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}{node.name}.")


CLASSES = {
    node.name: node
    for path in modules()
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ClassDef)
}


def said(owner: ast.ClassDef | None, node: Offered) -> str:
    """Its docstring, else that of the base class of ours which it fills in."""
    if text := ast.get_docstring(node):
        return text
    heirs = node if isinstance(node, ast.ClassDef) else owner
    for base in heirs.bases if heirs else ():
        ancestor = CLASSES.get(ast.unparse(base))
        if ancestor is None:
            continue
        if isinstance(node, ast.ClassDef):
            return said(None, ancestor)
        same = next((one for one in ancestor.body if isinstance(one, ast.FunctionDef) and one.name == node.name), node)
        if text := said(ancestor, same):
            return text
    return ""


def raised(node: ast.AST) -> Iterator[str]:
    """Classes of our errors that are raised right here, not in a function within."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
            yield ast.unparse(child.exc.func)
        yield from raised(child)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_offered_says_what_it_gives_and_which_of_our_errors_it_raises(path: Path) -> None:
    offered = [(name, said(owner, node), node) for name, owner, node in public(ast.parse(path.read_text()))]
    silent = [name for name, text, _ in offered if not text]
    assert not silent, "a docstring says what it gives back: shape, unit, order, source of a formula"
    secret = [
        (name, error)
        for name, text, node in offered
        if isinstance(node, ast.FunctionDef) and not any(".command" in ast.unparse(one) for one in node.decorator_list)
        for error in {"UserError", "InfraError"} & set(raised(node))
        if error not in text and "BisectsymsError" not in text
    ]
    assert not secret, "and its Raises: section names the errors that it raises itself; help of a verb is for people"
