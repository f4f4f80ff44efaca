"""Verdicts that git already acts on, looked at again when what they rest on has changed.

An excluded attempt, a word, an import, or an attempt that fails later can take the ground from under a verdict
that git bisect was told long ago. git does not ask twice, so each step does, before it builds on such a verdict.
"""

from __future__ import annotations

from bisectsyms.core.direction import BisectState
from bisectsyms.core.gauging import Gauge
from bisectsyms.errors import UserError
from bisectsyms.model import Judged, Verdict
from bisectsyms.usecases.desk import Desk
from bisectsyms.usecases.judging import Judging


def recheck(judging: Judging, state: BisectState, measured: Gauge, share: float) -> int:
    """Judge again what was revised since it was judged; how many verdicts that were, all confirmed.

    Raises:
        UserError: one does not hold any more. git has searched in the wrong part since, so the bisect
            has to be started again; the attempts are all kept.
    """
    again = outdated(judging, state)
    for old in again:
        revision = judging.bench.repository.resolve(old.commit)
        decision = judging.judge(revision, measured.belief, measured.kind, share)
        if decision.verdict is not old.verdict:
            raise UserError(
                f"{revision} was judged {old.verdict.name} ({old.rationale}), but what is known of it has changed, "
                f"and now it is {decision.verdict.name}: {decision.rationale}",
                next_step="git bisect reset, and start it again as before: every attempt is kept, so it is quick",
            )
        judging.write_down(revision, decision, measured.kind)
    return len(again)


def outdated(judging: Judging, state: BisectState) -> list[Judged]:
    """Our verdicts that stand in git and were given before people or an import changed what is known.

    And each GOOD at whose revision an attempt, of `again` or of another verb, has failed since.
    The failing end as the user named it is not among them: it is measured in every step.
    """
    bench = judging.bench
    stand = {commit: verdict for commit, verdict in state.held.items() if commit != state.failing_end}
    given = bench.ledger.latest_verdicts(cell=bench.cell.key, commits=stand)
    return [one for one in given if one.verdict is stand[one.commit] and _changed(bench, one) > one.when]


def _changed(bench: Desk, one: Judged) -> float:
    """When what the verdict rests on has changed last."""
    place = bench.known(bench.repository.resolve(one.commit)).tree, bench.cell.key
    failed = bench.ledger.failed_at(*place) if one.verdict is Verdict.GOOD else 0.0
    return max(bench.ledger.revised(*place), failed)
