"""The verb that names the cause: of an attempt in the ledger, of any build directory, or of two maps."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from bisectsyms.core.experiments import EXPERIMENTS, Design
from bisectsyms.core.nature import Nature, nature
from bisectsyms.core.words import listed, plain
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.evidence.store import FOLDER
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.inputs import FLAGS
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.linkfiles import find
from bisectsyms.errors import UserError
from bisectsyms.inputs.causes import shipped_causes
from bisectsyms.inputs.variations import variation_of
from bisectsyms.kallsyms.conditions import ONE_JOB, tried, with_provenance
from bisectsyms.kallsyms.facts import Answered, Facts
from bisectsyms.kallsyms.naming import Diagnosis
from bisectsyms.kallsyms.naming import diagnose as name_it
from bisectsyms.model import Attempt, Outcome
from bisectsyms.usecases.again import find as find_attempt
from bisectsyms.usecases.experiment import Conducted
from bisectsyms.usecases.experiment import find as find_experiment
from bisectsyms.usecases.gathering import Gathered, of_link, of_maps, with_log
from bisectsyms.usecases.onejob import one_job_seen

NEXT = "next"
"""In place of the name of an experiment: the one that would tell most."""
LOG = "log"
"""Name of a build's log among the evidence."""


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """The answer of `bisectsyms diagnose`."""

    of: str
    """What was looked at."""
    attempt: int | None
    maps: tuple[str, str]
    """Names of the two that were compared, the earlier first."""
    symbols: int
    """Of the later map."""
    facts: Facts
    """Without the names of all symbols."""
    diagnosis: Diagnosis
    notes: tuple[str, ...]
    """What could not be read, or was not there."""
    repeat: str
    """The command that makes it again; empty where none is known."""
    conducted: Conducted | None = None
    """The experiment that was made just now."""


def last_failure(repository: Repository) -> int:
    """The number of the newest attempt that failed in this way, else of the newest that is no evidence.

    Raises:
        UserError: there is neither.
    """
    with Ledger.open(repository.state_dir) as ledger:
        for outcome in (Outcome.INCONSISTENT, Outcome.INFRA):
            if found := ledger.last(outcome):
                return found.number
    raise UserError(
        "no build of the ledger has failed with inconsistent kallsyms data",
        next_step="name a build directory: bisectsyms diagnose DIR, or two maps: --maps BEFORE AFTER",
    )


def of_two_maps(before: Path, after: Path, log: Path | None = None) -> Diagnosed:
    """What two maps alone say.

    Raises:
        UserError: one of them is no map.
    """
    found = of_maps(before, after)
    if log:
        found = replace(found, facts=with_log(found.facts, log))
    return _answer(f"{before} and {after}", found)


def of_folder(folder: Path, log: Path | None = None) -> Diagnosed:
    """What a build directory says, whoever built there; or the log of a build that never came to its link.

    Raises:
        UserError: it is none, or its maps cannot be read.
    """
    try:
        left = find(folder)
    except UserError as error:
        if log is None:
            raise
        return _answer(str(folder), Gathered(with_log(Facts("", None), log), ("", ""), 0, (error.message,)))
    return _answer(str(folder), of_link(left, log, folder))


def experiment_for(answer: Diagnosed, name: str) -> str:
    """The experiment that is meant: by its name, or the next one where that is NEXT; empty if none would tell more.

    Raises:
        UserError: there is none of that name, or it is not made by attempts.
    """
    wanted = answer.diagnosis.experiment if name == NEXT else name
    if not wanted:
        return ""
    if wanted not in runnable() and wanted in EXPERIMENTS:
        raise UserError(
            f"{wanted} is made by hand: {EXPERIMENTS[wanted].question}",
            next_step=f"bisectsyms shell {answer.attempt}, and the object's own command twice",
        )
    return find_experiment(wanted).name


def runnable() -> tuple[str, ...]:
    """Names of the experiments that are made by attempts."""
    return tuple(name for name, one in EXPERIMENTS.items() if one.design is not Design.RECOMPILE)


def of_attempt(repository: Repository, number: int, conducted: Conducted | None = None) -> Diagnosed:
    """What is kept of an attempt says, the other attempts at its revision, and an experiment if one was made.

    Raises:
        UserError: there is no such attempt, it has not ended, or what is kept of it is no map.
    """
    attempt = find_attempt(repository, number)
    if attempt.result is None:
        raise UserError(f"attempt {number} has not ended", next_step="the same command when it has")
    with tempfile.TemporaryDirectory(prefix="bisectsyms-") as name:
        folder = Path(name)
        gone = _export(repository, attempt, folder)
        found = _of_evidence(folder)
        facts = _watched(found.facts, folder)
    facts = replace(facts, outcome=attempt.result.outcome, outcome_why=plain(attempt.result.why))
    facts = _with_others(repository, attempt, facts)
    if conducted and conducted.answered:
        text = f"{conducted.experiment}: {conducted.why}: {conducted.meaning}"
        facts = replace(facts, answered=[Answered(text, conducted.speaks_for, conducted.speaks_against)])
    plan = attempt.plan
    of = f"attempt {number}: {attempt.result.outcome}, {plan.revision} ({plan.revision.title}), {plan.kind} {plan.draw}"
    found = replace(
        found, facts=facts, notes=(*gone, *found.notes) if attempt.result.outcome.is_failure else tuple(gone)
    )
    answer = _answer(f"{of}, {plan.cell}", found, number, f"bisectsyms again {number}")
    return replace(answer, conducted=conducted)


def _answer(of: str, found: Gathered, attempt: int | None = None, repeat: str = "") -> Diagnosed:
    known = shipped_causes()
    facts = found.facts
    diagnosis = name_it(facts, known.names, known.upstream)
    temporary, image = (one and replace(one, symbols=frozenset()) for one in (facts.temporary, facts.image))
    small = replace(facts, temporary=temporary, image=image)
    return Diagnosed(of, attempt, found.maps, found.symbols, small, diagnosis, found.notes, repeat)


def _export(repository: Repository, attempt: Attempt, folder: Path) -> list[str]:
    """Put what is kept of an attempt into `folder`; what is not there any more, in words."""
    assert attempt.result is not None, "it has ended"
    store, gone = EvidenceStore(repository.state_dir / FOLDER), []
    for name, digest in attempt.result.evidence:
        try:
            store.export([(name, digest)], folder)
        except UserError:
            gone.append(name)
    if not gone:
        return []
    with Ledger.open(repository.state_dir) as ledger:
        origin = ledger.origin(attempt.number)
    where = f"stayed on {plain(origin)}, where it was made" if origin else "is not kept any more"
    return [f"{listed(gone)} {where}"]


def _of_evidence(folder: Path) -> Gathered:
    try:
        left = find(folder)
    except UserError:
        return Gathered(Facts("", None), ("", ""), 0, ("nothing of its link is kept",))
    found = of_link(left, None)
    return replace(found, notes=tuple(note.replace(f"{folder}/", "") for note in found.notes))


def _watched(facts: Facts, folder: Path) -> Facts:
    """What was noted of the inputs while the link ran, and who wrote those that moved."""
    log = folder / LOG
    given = _lines(folder / "link-inputs")
    facts = replace(
        facts,
        moved=_lines(folder / "link-moved"),
        unlike=_lines(folder / "link-unlike"),
        watched=any(line.endswith(FLAGS) for line in given),
    )
    return with_log(facts, log) if log.exists() else facts


def _lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(errors="replace").splitlines())
    except OSError:
        return ()


def _with_others(repository: Repository, attempt: Attempt, facts: Facts) -> Facts:
    """What the other attempts at this revision say, none of them that was excluded."""
    tree, cell = attempt.plan.revision.tree, attempt.plan.cell
    with Ledger.open(repository.state_dir) as ledger:
        made = [one for one in ledger.attempts(tree=tree) if ledger.exclusion(one.number) is None]
        hosts = {one.number: origin for one in made if (origin := ledger.origin(one.number))}
    if attempt.number not in {one.number for one in made}:
        made.append(attempt)
    mine = [one.observation() for one in made if one.plan.cell.key == cell.key and one.plan.kind is attempt.plan.kind]
    seen = [one for one in mine if one is not None]
    beside = [one for one in seen if (ONE_JOB, "") not in one.draw.factors]
    alone = one_job_seen(made, cell, attempt.plan.kind, beside)
    shown = nature(attempt.plan.kind, beside, variation_of(cell.variation).layouts, cell.jobs, alone)
    known = shown.nature is not Nature.UNKNOWN
    provenance = {one.number: came for one, came in with_provenance(made)}.get(attempt.number, "")
    return replace(
        facts,
        tried=tried(attempt, made, hosts),
        nature=shown.nature if known else None,
        nature_why=shown.experiments if known else (),
        incremental={"incremental": True, "clean": False}.get(provenance),
    )
