"""Between the model and the ledger's columns, both ways, so that no row leaves the ledger.

What is read back equals what was written. The one exception: bytes of a log that were no UTF-8 come
back as backslash escapes, because an odd byte must not cost an attempt.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict

from bisectsyms.core.searchanswer import SearchAnswer
from bisectsyms.effects.ledger.owner import Owner
from bisectsyms.model import (
    Attempt,
    Cell,
    Consistency,
    Draw,
    Exclusion,
    Fixup,
    Judged,
    Kind,
    Measured,
    Observation,
    Outcome,
    Plan,
    Result,
    Revision,
    Told,
    Toolchain,
    Verdict,
    Word,
)

Value = str | int | float | None
Row = dict[str, Value]
LISTS = ("dropped", "vanished", "draw_factors")
"""Columns of an attempt that hold JSON."""
ANSWER_LISTS = ("good", "warnings")
"""Those of an answer."""


def writable(row: Mapping[str, Value]) -> Row:
    """The row with every text such that SQLite can store it (UTF-8, no lone surrogate)."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in row.items()
    }


def cell_row(cell: Cell) -> Row:
    """A row of `cells`: all of it is in `json`, the other columns are for people."""
    return {
        "key": cell.key,
        "profile": cell.profile,
        "arch": cell.arch,
        "toolchain": cell.toolchain.name,
        "compiler": cell.toolchain.compiler,
        "linker": cell.toolchain.linker,
        "kconfig": cell.kconfig,
        "jobs": cell.jobs,
        "variation": cell.variation,
        "json": json.dumps(cell.fields, sort_keys=True),
    }


def plan_row(plan: Plan, owner: Owner) -> Row:
    """What `attempts` has of one before make starts, but for its number, uuid and time."""
    revision = plan.revision
    return {
        "host": owner.host,
        "boot": owner.boot,
        "pids": owner.pids,
        "pid": owner.pid,
        "pid_started": owner.started,
        "revision": revision.commit,
        "tree": revision.tree,
        "title": revision.title,
        "name": revision.name,
        "cell": plan.cell.key,
        "kind": plan.kind.value,
        "draw_length": plan.draw.length,
        "draw_factors": json.dumps(plan.draw.factors),
        "slot": plan.slot,
        "paths": plan.paths,
        "from_scratch": int(plan.from_scratch),
        "command": plan.command,
        "dropped": json.dumps(plan.dropped),
    }


def result_row(result: Result) -> Row:
    """What `attempts` has of one when it has ended, but for the time; its evidence has a table of its own."""
    return {
        "outcome": result.outcome.value,
        "signature": result.signature,
        "why": result.why,
        "exit_status": result.exit_status,
        "layout": result.layout,
        "kernel_release": result.kernel_release,
        "vanished": json.dumps(result.vanished),
        "inputs": result.inputs,
        **asdict(result.measured),
    }


def verdict_row(judged: Judged) -> Row:
    """A row of `verdicts`, but for its number."""
    return {
        "judged": judged.when,
        "revision": judged.commit,
        "cell": judged.cell,
        "kind": judged.kind.value,
        "verdict": judged.verdict.name,
        "consistency": judged.consistency.value,
        "rationale": judged.rationale,
        "miss": judged.miss,
    }


def answer_row(answer: SearchAnswer) -> Row:
    """A row of `answers`; lists as JSON."""
    return {
        "told": answer.when,
        "cell": answer.cell,
        "good": json.dumps(answer.good),
        "bad": answer.bad,
        "find_fix": int(answer.find_fix),
        "ending": answer.ending,
        "revision": answer.commit,
        "probability": answer.probability,
        "means": answer.means,
        "exposing": int(answer.exposing),
        "warnings": json.dumps(answer.warnings),
        "likely_wrong": int(answer.likely_wrong),
        "reverted": answer.reverted,
        "reverted_why": answer.reverted_why,
        "host": answer.host,
    }


def told_row(told: Told) -> Row:
    """A row of `told`."""
    revision = told.revision
    return {
        "cell": told.cell,
        "tree": revision.tree,
        "said": told.when,
        "who": told.who,
        "word": told.word.value,
        "why": told.why,
        "revision": revision.commit,
        "title": revision.title,
        "name": revision.name,
    }


def exclusion_row(exclusion: Exclusion, *, excluded: bool) -> Row:
    """A row of `exclusions`; with `excluded` false it takes an earlier one back."""
    return {
        "attempt": exclusion.attempt,
        "said": exclusion.when,
        "who": exclusion.who,
        "why": exclusion.why,
        "excluded": int(excluded),
    }


def to_told(row: sqlite3.Row) -> Told:
    """From a row of `told`."""
    return Told(to_revision(row), row["cell"], Word(row["word"]), row["why"], row["who"], row["said"])


def to_exclusion(row: sqlite3.Row) -> Exclusion:
    """From a row of `exclusions`, or of the view `excluded`."""
    return Exclusion(row["attempt"], row["why"], row["who"], row["said"])


def to_owner(row: sqlite3.Row) -> Owner:
    """Who drives the attempt of a row."""
    return Owner(row["host"], row["boot"], row["pids"], row["pid"], row["pid_started"])


def to_cell(text: str) -> Cell:
    """A cell from its JSON."""
    fields = json.loads(text)
    fields["toolchain"] = Toolchain(**fields["toolchain"])
    fields["targets"] = tuple(fields["targets"])
    for name in ("variables", "environment"):
        fields[name] = tuple((key, value) for key, value in fields[name])
    fields["fixups"] = tuple(Fixup(**one) for one in fields.get("fixups", ()))
    return Cell(**fields)


def to_attempt(row: sqlite3.Row, cell: Cell, evidence: tuple[tuple[str, str], ...]) -> Attempt:
    """From a row of `attempts`, its cell and its evidence, (name, sha256); without a result while it runs."""
    plan = Plan(
        revision=to_revision(row),
        cell=cell,
        kind=Kind(row["kind"]),
        draw=to_draw(row),
        slot=row["slot"],
        paths=row["paths"],
        from_scratch=bool(row["from_scratch"]),
        command=row["command"],
        dropped=tuple(json.loads(row["dropped"])),
    )
    if row["ended"] is None:
        return Attempt(row["number"], plan, row["begun"], None)
    result = Result(
        outcome=Outcome(row["outcome"]),
        signature=row["signature"],
        why=row["why"],
        measured=Measured(row["seconds"], row["cpu_seconds"], row["peak_rss"], row["load"], row["slots_in_use"]),
        exit_status=row["exit_status"],
        layout=row["layout"],
        kernel_release=row["kernel_release"],
        evidence=evidence,
        vanished=tuple(json.loads(row["vanished"] or "[]")),
        inputs=row["inputs"] or "",
    )
    return Attempt(row["number"], plan, row["begun"], result)


def to_observation(row: sqlite3.Row) -> Observation:
    """As Attempt.observation, without the cell and the evidence, which the core does not ask for."""
    return Observation(
        kind=Kind(row["kind"]),
        outcome=Outcome(row["outcome"]),
        signature=row["signature"],
        draw=to_draw(row),
        layout=row["layout"],
        from_scratch=bool(row["from_scratch"]),
        seconds=row["seconds"],
    )


def to_draw(row: sqlite3.Row) -> Draw:
    """What was drawn for the attempt of a row; rows of before there were factors have none."""
    factors = json.loads(row["draw_factors"] or "[]")
    return Draw(row["draw_length"], tuple((name, value) for name, value in factors))


def to_revision(row: sqlite3.Row) -> Revision:
    """The revision of a row that has `revision`, `tree`, `title` and `name`."""
    return Revision(row["revision"], row["tree"], row["title"], row["name"])


def to_judged(row: sqlite3.Row) -> Judged:
    """From a row of `verdicts`."""
    return Judged(
        commit=row["revision"],
        cell=row["cell"],
        kind=Kind(row["kind"]),
        verdict=Verdict[row["verdict"]],
        consistency=Consistency(row["consistency"]),
        rationale=row["rationale"],
        miss=row["miss"],
        when=row["judged"],
    )


def to_answer(row: sqlite3.Row) -> SearchAnswer:
    """From a row of `answers`."""
    return SearchAnswer(
        cell=row["cell"],
        good=tuple(json.loads(row["good"])),
        bad=row["bad"],
        find_fix=bool(row["find_fix"]),
        ending=row["ending"],
        commit=row["revision"],
        probability=row["probability"],
        means=row["means"],
        exposing=bool(row["exposing"]),
        warnings=tuple(json.loads(row["warnings"])),
        likely_wrong=bool(row["likely_wrong"]),
        reverted=row["reverted"],
        reverted_why=row["reverted_why"],
        when=row["told"],
        host=row["host"],
    )
