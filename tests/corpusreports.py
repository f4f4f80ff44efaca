"""How the reader of reports compares with what a careful person took from the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisectsyms.core.reportfields import Confidence
from bisectsyms.inputs.reportknowledge import report_knowledge
from bisectsyms.inputs.reports.reading import Report, read_report

REPORTS = Path(__file__).parent / "corpus" / "reports"
FORMS = (".eml", ".mbox", ".mbox.gz", ".txt")
NOT_VALUES = ("message", "link", "date", "reporter")


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of one report."""

    report: str
    field: str
    asked: Any
    got: tuple[str, ...]
    right: bool
    sure: bool
    """Whether it is wrong and not even called a guess."""


def read(path: Path) -> Report:
    with path.open("rb") as source:
        return read_report(source, path.name, report_knowledge())


def form(name: str) -> Path:
    return next(path for ending in FORMS if (path := REPORTS / f"{name}{ending}").exists())


def compare(name: str, said: dict[str, Any], report: Report) -> Iterator[Compared]:
    """Every field that the answer asks, and every value that it forbids and the reader gave all the same."""
    for field, asked in said["fields"].items():
        got, sure = taken(report, field)
        right = agrees(field, asked, got)
        yield Compared(name, field, asked, got, right, bool(got) and sure and not right)
    for field, guess in said.get("unsure", {}).items():
        got, sure = taken(report, field)
        if got and not agrees(field, guess, got):
            yield Compared(name, field, guess, got, False, sure)
    for field in said.get("missing", []):
        got, sure = taken(report, field)
        if field == "toolchain":
            got = tuple(one for one in got if "-" in one)
        yield Compared(name, field, "missing", got, not (got and sure), bool(got) and sure)
    for field, values in said.get("not", {}).items():
        got, sure = taken(report, field)
        stated = {one.partition("=")[0] for one in got} if field == "make_variables" else set(got)
        if bad := stated & {str(one) for one in values}:
            yield Compared(name, field, f"not {sorted(bad)}", got, False, sure)
    refused = [one.what for one, _ in report.refused]
    for what in said.get("refused", []):
        named = any(one.startswith(f"{what}=") or (what == ";" and ";" in one) for one in refused)
        yield Compared(name, "refused", what, tuple(refused), named, not named)


def taken(report: Report, field: str) -> tuple[tuple[str, ...], bool]:
    """(values, whether it is more than a guess)."""
    if field == "make_variables":
        return tuple(f"{name}={value}" for name, value, _ in report.variables), True
    if field == "kconfig":
        return (("attached",), True) if report.kconfig else ((), False)
    if field not in report.fields:
        return (), False
    understood = report.fields[field]
    return understood.values, understood.confidence > Confidence.GUESSED


def agrees(field: str, asked: Any, got: tuple[str, ...]) -> bool:
    if field == "make_variables":
        return set(got) == {f"{name}={value}" for name, value in asked.items()}
    if field == "defconfig":
        return [word for one in got for word in one.split()] == list(asked)
    if not got:
        return False
    one, wanted = got[0], str(asked)
    match field:
        case "toolchain":
            return f"{one}.".startswith(f"{wanted}.") or (f"{wanted}.".startswith(f"{one}.") and "-" in one)
        case "kernel_version":
            return _version(one) == _version(wanted)
        case "commit":
            return one.startswith(wanted) or wanted.startswith(one)
        case "link":
            return one.strip("<>") == wanted
        case "reporter":
            return wanted in one
        case "fresh_tree":
            return one == ("yes" if asked else "no")
        case "message":
            return one.casefold().startswith(wanted.casefold()) or wanted.casefold().startswith(one.casefold())
    return one.rstrip("/") == wanted.rstrip("/")


def _version(text: str) -> str:
    return text.removeprefix("v").replace(".0-rc", "-rc")
