"""A plan as YAML to edit: every value with where it comes from, what disagrees, what is missing, what was refused."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator

from bisectsyms.core.findings import Understood
from bisectsyms.core.reportfields import FIELDS, Confidence, shown
from bisectsyms.render.console import echo
from bisectsyms.usecases.reproduce import Understanding

WIDTH = 110
MOST_OTHERS = 4
_PLAIN = re.compile(r"(?!(?:null|Null|NULL)$)[A-Za-z0-9][\w./+-]*")
"""Scalars that YAML and people read alike without quotation marks."""


def show_plan(found: Understanding) -> None:
    """The YAML on stdout, and nothing else."""
    echo(plan_text(found), nl=False)


def plan_text(found: Understanding) -> str:
    """The YAML; `bisectsyms reproduce` reads it back to the same plan."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Understanding) -> Iterator[str]:
    name = shown(found.name, 100)
    yield from _comment(f"What is understood of {name}. Edit it, then: bisectsyms reproduce PLAN.yaml")
    yield "plan: reproduce"
    for one in found.missing:
        yield ""
        how = "MISSING, and needed" if one.needed else "not known"
        yield from _comment(f"{how}: {one.what} ({one.option})")
        yield f"#{one.field}:"
    for field in FIELDS:
        value = getattr(found.plan, field)
        if value not in ("", None):
            yield ""
            yield from _origin(found, field)
            yield f"{field}: {_scalar(str(value))}"
    yield from _variables(found)
    yield from _kconfig(found)
    yield from _notes(found)


def _origin(found: Understanding, field: str) -> Iterator[str]:
    """Comments that say where a value is from, and what else was said."""
    if field in found.given:
        yield from _comment(f"given by {FIELDS[field].option}")
    elif found.report is None:
        yield from _comment(f"{FIELDS[field].what}, from {shown(found.name, 100)}")
    elif field in found.report.fields:
        yield from _said(found.report.fields[field])


def _said(one: Understood) -> Iterator[str]:
    source, note = one.finding.source, one.finding.note
    line = f': "{source.text}"' if source.text else ""
    sure = "A GUESS" if one.confidence is Confidence.GUESSED else str(one.confidence)
    yield from _comment(f"{sure}, {source.where}{line}" + (f" ({shown(note, 160)})" if note else ""))
    if len(one.values) > 1:
        yield from _comment(f"also {', '.join(one.values[1:12])}: one plan is for one of them")
    for other in one.others[:MOST_OTHERS]:
        yield from _comment(f"or {other.value}: {other.confidence}, {other.source.where}")
    if len(one.others) > MOST_OTHERS:
        yield from _comment(f"or one of {len(one.others) - MOST_OTHERS} more")


def _variables(found: Understanding) -> Iterator[str]:
    if not found.plan.make_variables:
        return
    places = {name: source for name, _, source in found.report.variables} if found.report else {}
    yield from ("", "make_variables:")
    for name, value in found.plan.make_variables.items():
        if name in places:
            yield f"  # stated, {places[name].where}"
        yield f"  {name}: {_scalar(value)}"


def _kconfig(found: Understanding) -> Iterator[str]:
    plan = found.plan
    if plan.kconfig_lines:
        yield from ("", "# laid over the .config", "kconfig_lines:")
        yield from (f"  - {_scalar(line)}" for line in plan.kconfig_lines)
    if plan.kconfig:
        yield ""
        where = f"{found.report.kconfig.source.where}; " if found.report and found.report.kconfig else ""
        where = "--config; " if "kconfig" in found.given else where
        yield from _comment(f"{where}the whole .config, without what make or a shell would run")
        yield "kconfig: |"
        yield from (f"  {line}" for line in plan.kconfig.splitlines())


def _notes(found: Understanding) -> Iterator[str]:
    if found.report is None:
        return
    if found.report.refused:
        yield from ("", "# Not passed on:")
        for refused, source in found.report.refused:
            yield from _comment(f"- {refused.what}: {refused.why} ({source.where})")
    if found.report.addresses:
        yield from ("", "# Kept elsewhere; nothing was fetched:")
        for address in found.report.addresses:
            yield from _comment(f"- {address.what}: {address.url}")
    for note in found.report.notes:
        yield from _comment(note)


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        shown(text, 1200),
        WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
