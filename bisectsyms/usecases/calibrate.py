"""The verb that measures a failure where it is known to show: which kind of attempt, how often, of which class.

All it learns is in the ledger, where `bisect` and `step` find it; called again it makes only what is missing. They
measure in the same way when nobody has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bisectsyms.core.belief import Sample
from bisectsyms.core.decide import Ask, Decision, GaugeRules, before
from bisectsyms.core.gauging import Gauge, fresh, gauge
from bisectsyms.core.ladder import LOOK_FURTHER, Choice, Try, Unseen, climb
from bisectsyms.core.nature import Circumstance, Nature, Shown, alone_wanted, follows, nature, one_job_not_asked
from bisectsyms.core.rated import Rate, rated
from bisectsyms.model import Kind, Observation, Outcome, Revision
from bisectsyms.usecases.desk import Desk
from bisectsyms.usecases.judging import Judging
from bisectsyms.usecases.limits import Limits


@dataclass(frozen=True, slots=True)
class OfKind:
    """One kind of attempt at the revision."""

    kind: Kind
    seen: Rate
    seconds: float | None
    """Of one attempt; None where none was made."""
    per_hour: float | None
    """Failures, expected."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The answer of `bisectsyms calibrate`."""

    revision: Revision
    profile: str
    cell: str
    jobs: int
    variation: str
    kinds: tuple[OfKind, ...]
    chosen: Kind | None
    why: str
    """Why that kind; or why none is."""
    selected: Rate | None
    """What the chosen kind had shown when it was chosen."""
    fresh: Rate | None
    """And since then: the best of several looks better than it is."""
    nature: Nature
    experiments: tuple[str, ...]
    """By which the class was seen."""
    circumstances: str
    """What the rate follows, as far as is seen."""
    alone: Rate | None
    """With one job of make."""
    attempts: int
    """Of this call."""
    stopped: str
    """Why it ended before the rate was known; empty if it did not."""
    next_step: str

    @property
    def answered(self) -> bool:
        """Whether a kind was found and its rate measured to the end."""
        return self.chosen is not None and not self.stopped


def calibrate(judging: Judging, revision: Revision, limits: Limits) -> Calibrated:
    """Make the attempts at `revision` that are missing, until the rate and the class are known, or the limits are over.

    Raises:
        UserError, InfraError: see `Desk`.
    """
    bench, options = judging.bench, judging.options
    while True:
        rules = GaugeRules(
            draws=judging.draws,
            arrival=bench.arrival(revision),
            failures=options.failures,
            lowest_rate=options.lowest_rate,
            max_attempts=options.max_attempts,
            kinds=bench.kinds,
        )
        answer = gauge(bench.seen(revision), rules)
        stopped = limits.over() if isinstance(answer, Ask) else ""
        if stopped or not isinstance(answer, Ask):
            return _calibrated(judging, revision, answer, stopped)
        bench.at_once(revision, answer)


def _calibrated(judging: Judging, revision: Revision, answer: Ask | Gauge | Decision, stopped: str) -> Calibrated:
    bench = judging.bench
    seen = bench.seen(revision)
    standing = climb(seen, bench.kinds, judging.options.lowest_rate)
    choice = standing if isinstance(standing, Choice) else None
    when = [one for one in seen[: choice.at] if one.kind is choice.kind] if choice else []
    since = fresh(seen, choice) if choice else []
    shown = Shown(Nature.UNKNOWN, ())
    if choice:
        shown = nature(choice.kind, [*when, *since], judging.draws, bench.cell.jobs)
    return Calibrated(
        revision=revision,
        profile=bench.cell.profile,
        cell=str(bench.cell),
        jobs=bench.cell.jobs,
        variation=bench.cell.variation,
        kinds=_kinds(bench.kinds, seen),
        chosen=choice.kind if choice else None,
        why=answer.rationale if isinstance(answer, Decision) else standing.why,
        selected=rate_seen(when) if when else None,
        fresh=rate_seen(since) if since else None,
        nature=shown.nature,
        experiments=shown.experiments,
        circumstances=follows(_circumstances(judging, revision, choice.kind)) if choice else "",
        alone=None,
        attempts=bench.made,
        stopped=stopped,
        next_step=_next_step(standing, stopped),
    )


def chosen(desk: Desk, calibrated: Calibrated) -> list[Observation]:
    """The evidence of the chosen kind."""
    seen = desk.seen(calibrated.revision)
    return [one for one in seen if one.kind is calibrated.chosen and one.outcome.is_evidence]


def one_job_tells(calibrated: Calibrated, mine: Sequence[Observation]) -> int:
    """How many attempts with -j1 would tell more of the class; 0 where none do, or where they are not cheap."""
    if calibrated.chosen is None or calibrated.stopped:
        return 0
    shown = Shown(calibrated.nature, calibrated.experiments)
    return alone_wanted(shown, calibrated.chosen, calibrated.jobs, mine)


def untold(calibrated: Calibrated) -> str:
    """Why it is not known whether -j1 fails, too; empty where it is, or where that is no question."""
    if calibrated.chosen is None or calibrated.alone is not None:
        return ""
    shown = Shown(calibrated.nature, calibrated.experiments)
    if why := one_job_not_asked(shown, calibrated.chosen):
        return why
    asked = shown.nature is Nature.SCHEDULE and calibrated.chosen is not Kind.TEST
    return "whether it fails with -j1, too, is not known: bisectsyms diagnose --experiment jobs=1 asks" if asked else ""


def with_one_job(judging: Judging, calibrated: Calibrated, mine: Sequence[Observation], limits: Limits) -> Calibrated:
    """The same with what attempts under -j1 show: `judging` is of the cell that differs by that alone.

    None are made where the objtree would have to be built from nothing: it is one experiment more, no condition.
    """
    bench, revision, wanted = judging.bench, calibrated.revision, one_job_tells(calibrated, mine)
    shown = Shown(calibrated.nature, calibrated.experiments)
    draw = next((one.draw for one in mine if one.outcome.is_failure), None)
    alone = chosen(bench, calibrated)
    while calibrated.chosen and len(alone) < wanted and not any(one.outcome.is_failure for one in alone):
        arrival = before(calibrated.chosen, bench.arrival(revision))
        if limits.over() or bench.made > 2 * wanted or arrival in (Kind.CLEAN, Kind.CACHED):
            break
        if arrival:
            bench.at_once(revision, Ask(arrival, "arrival, to ask whether -j1 fails, too"))
            continue
        why = f"does -j1 fail, too? {len(alone)} of up to {wanted} clean"
        bench.at_once(revision, Ask(calibrated.chosen, why, draw))
        alone = chosen(bench, calibrated)
    if calibrated.chosen:
        shown = nature(calibrated.chosen, mine, judging.draws, calibrated.jobs, alone)
    return replace(
        calibrated,
        nature=shown.nature,
        experiments=shown.experiments,
        alone=rate_seen(alone) if alone else None,
        attempts=calibrated.attempts + bench.made,
    )


def rate_seen(seen: Sequence[Observation]) -> Rate:
    """Of attempts of one kind under one condition; those that are no evidence are left out."""
    sample = Sample.of(seen)
    return rated(sample.failed, sample.clean)


def _kinds(kinds: Sequence[Kind], seen: Sequence[Observation]) -> tuple[OfKind, ...]:
    """Those that can be repeated, and what else was made."""
    found = []
    for kind in Kind:
        mine = [one for one in seen if one.kind is kind and one.outcome.is_evidence]
        if not mine and kind not in kinds:
            continue
        rate = rate_seen(mine)
        seconds = sum(one.seconds for one in mine) / len(mine) if mine else None
        found.append(OfKind(kind, rate, seconds, 3600 * rate.rate / seconds if seconds else None))
    return tuple(found)


def _circumstances(judging: Judging, revision: Revision, kind: Kind) -> list[Circumstance]:
    ledger, bench = judging.bench.ledger, judging.bench
    found = []
    for one in ledger.attempts(tree=bench.known(revision).tree, cell=bench.cell.key):
        result = one.result
        if one.plan.kind is kind and result and result.outcome.is_evidence and ledger.exclusion(one.number) is None:
            measured = result.measured
            found.append(Circumstance(measured.slots_in_use, measured.load, result.outcome is not Outcome.CLEAN))
    return found


def _next_step(standing: Try | Choice | Unseen, stopped: str) -> str:
    if stopped:
        return "the same command goes on"
    if isinstance(standing, Unseen) and standing.artefact:
        return "bisectsyms clean --yes, and the same command again: stale objects may have failed"
    if not isinstance(standing, Choice):
        return LOOK_FURTHER
    if standing.kind.is_from_scratch:
        return (
            f"bisectsyms bisect GOOD BAD; each attempt is a {standing.kind} build, so --slots, and --until for a night"
        )
    return "bisectsyms bisect GOOD BAD, or git bisect run bisectsyms: both know what was measured here"
