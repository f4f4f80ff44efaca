"""A report, or a plan made of one, to what is to be tried here. Nothing of a report is run or fetched for it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bisectsyms.core.kconfig import foreign
from bisectsyms.core.reportfields import FIELDS, through_the_gate
from bisectsyms.errors import UserError
from bisectsyms.inputs.kconfigfile import LARGEST
from bisectsyms.inputs.reportknowledge import report_knowledge
from bisectsyms.inputs.reports.attached import LONGEST_KCONFIG
from bisectsyms.inputs.reports.plan import Missing, ReproducePlan, load_plan, missing, plan_of
from bisectsyms.inputs.reports.reading import Report, read_report
from bisectsyms.inputs.smallfile import small_text

STANDARD = "-"
"""A name that stands for standard input."""
_PLAN = re.compile(rb"\s*(?:#[^\n]*\n\s*)*plan:")


@dataclass(frozen=True, slots=True)
class Understanding:
    """What to try, where it comes from, and what is not known."""

    plan: ReproducePlan
    name: str
    """Of the report or plan."""
    report: Report | None
    """None for a plan, which is words of the user's."""
    given: tuple[str, ...]
    """Fields that options gave."""
    missing: tuple[Missing, ...]


def understand(
    file: str, given: Mapping[str, str] | None = None, *, config: Path | None = None, stdin: BinaryIO | None = None
) -> Understanding:
    """Read a report or a plan; `given` are fields by name that win over it, `config` a .config in place of its own.

    Raises:
        UserError: it cannot be read; a plan has errors; an option gives what is none of its kind.
    """
    with _source(file, stdin) as source:
        head = source.peek(1 << 16)
        if _PLAN.match(head):
            if file == STANDARD:
                raise UserError("a plan is not read from a pipe", next_step="write it to a file and name that")
            report, plan = None, load_plan(Path(file))
        else:
            report = read_report(source, "standard input" if file == STANDARD else file, report_knowledge())
            plan = plan_of(report)
    changes: dict[str, object] = {name: _checked(name, value) for name, value in (given or {}).items()}
    if config is not None:
        changes |= {"kconfig": _config(config), "defconfig": ""}
    elif "defconfig" in changes:
        changes["kconfig"] = ""
    plan = ReproducePlan.model_validate(plan.model_dump() | changes)
    return Understanding(plan, file, report, tuple(changes), missing(plan))


def _checked(name: str, value: str) -> str:
    let_in = through_the_gate(name, value)
    if let_in is None:
        raise UserError(f"{value!r} is no {FIELDS[name].what}", next_step=f"mend {FIELDS[name].option.split()[0]}")
    return let_in


def _config(path: Path) -> str:
    given = small_text(path, LARGEST, what=".config", next_step="mend --config", errors="replace")
    made = foreign(given.split("\n"))
    text = "\n".join([*made.lines, ""])
    if not made.lines or len(text) > LONGEST_KCONFIG:
        raise UserError(f"{path} sets no option, or too many for a plan", next_step="mend --config")
    return text


@contextlib.contextmanager
def _source(file: str, stdin: BinaryIO | None) -> Iterator[io.BufferedReader]:
    if file == STANDARD:
        given = stdin or sys.stdin.buffer
        yield given if isinstance(given, io.BufferedReader) else io.BufferedReader(given)  # type: ignore[arg-type]  # a pipe has readinto
        return
    try:
        with Path(file).open("rb") as source:
            yield source
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{file}: {reason}", next_step="name a mail, an mbox, the text of a page, or a plan") from error
