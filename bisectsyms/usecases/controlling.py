"""The positive control of a search: attempts at a commit known to fail, before clean ones may decide.

Where the failure has gone, the clean attempts since it was last seen are taken out of the evidence, in the ledger and
with the reason: so they stay out after a restart, `status` names them, and `exclude --undo` takes them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bisectsyms.core.belief import Belief, Sample
from bisectsyms.core.control import has_fallen, is_due, unvouched
from bisectsyms.core.decide import CONTROL_FAILURES, Ask, Decision, GaugeRules, depends_on_layout, steady, watch
from bisectsyms.core.words import count, percent
from bisectsyms.model import Draw, Observation, Outcome, Revision, Seen
from bisectsyms.usecases.judging import Judging
from bisectsyms.usecases.learning import Learning
from bisectsyms.usecases.limits import Limits

NEXT_STEP = "give the machine the load it had when the failure showed"
FEW = 3
"""Clean attempts that never need a control: no rate below 1 misses so many failures."""


@dataclass(frozen=True, slots=True)
class Controlling:
    """Controls of one search."""

    judging: Judging
    learning: Learning
    commits: tuple[str, ...]
    limits: Limits

    def is_due(self, *, answering: bool) -> bool:
        """Whether clean attempts must not decide before a control; never where the rate cannot drift."""
        cleans = len(self._unvouched())
        if cleans < FEW or self._where() is None:
            return False
        belief = self._belief()
        return self._may_drift(belief) and is_due(cleans, belief.expected_rate(), answering=answering)

    def run(self) -> str:
        """Look whether the failure still shows; why the search cannot go on, or the empty string."""
        where, before, belief = self._where(), self._unvouched(), self._belief()
        assert where is not None
        bench, lowest, window = self.judging.bench, belief.interval()[0], list[Seen]()
        revision = bench.repository.resolve(self.commits[where])
        while not (said := self.limits.over()):
            rules = GaugeRules(self.judging.draws, bench.arrival(revision), lowest_rate=lowest)
            answer = self._watch(window, rules)
            if isinstance(answer, Sample):
                self._judge(revision, answer, before, lowest)
                return ""
            if isinstance(answer, Decision):
                why = f"the failure had gone: {answer.rationale}"
                self._set_aside([*before, *window], f"control at {revision}: {why}")
                return f"control at {revision}: {answer.rationale}; {NEXT_STEP}"
            if answer.kind is self.learning.kind:
                answer = replace(answer, draw=self._draw(where))
            for attempt in bench.at_once(revision, answer):
                if (observed := attempt.observation()) is not None:
                    window.append(Seen(attempt.number, revision, observed))
                if isinstance(self._watch(window, rules), Sample):
                    break  # the rate is told by how many it took: those beside the last failure were not needed
        return said

    def _watch(self, window: Sequence[Seen], rules: GaugeRules) -> Ask | Sample | Decision:
        return watch([one.observation for one in window], rules, self.learning.kind)

    def _judge(self, revision: Revision, shown: Sample, before: Iterable[Seen], lowest: float) -> None:
        seen = f"{shown.failed} of {count(shown.failed + shown.clean, 'attempt')} failed"
        if has_fallen(shown, lowest):
            self._set_aside(before, f"control at {revision}: only {seen}, the rate was {percent(lowest)} or more")
        else:
            self.judging.bench.reporter.say(f"control at {revision}: {seen}, so clean attempts of this time count")

    def _set_aside(self, cleans: Iterable[Seen], why: str) -> None:
        """Take them out of the evidence, and say so."""
        ledger, numbers = self.judging.bench.ledger, list[int]()
        for one in cleans:
            attempt = ledger.get(one.number)
            if attempt is not None and one.observation.outcome is Outcome.CLEAN:
                ledger.exclude(attempt, why)
                numbers.append(one.number)
        self.learning.forget()
        self.judging.bench.reporter.say(
            f"{why}. {count(len(numbers), 'clean attempt')} since the last failure count no more"
            + (f" ({numbers[0]} to {numbers[-1]}); bisectsyms exclude NUMBER --undo takes one back" if numbers else "")
        )

    def _unvouched(self) -> list[Seen]:
        inside = [seen for commit, seen in self.learning.evidence if commit is not None]
        return unvouched(inside, self.learning.kind)

    def _where(self) -> int | None:
        """The commit nearest to the slot that has failed often enough to be known for it, else one that has failed."""
        failing = {one: times for one, times in self.learning.failing().items() if not self.learning.is_left(one)}
        known = {one for one, times in failing.items() if times >= CONTROL_FAILURES}
        here = self.learning.ways.here
        return min(
            known or failing, key=lambda one: (abs(one - here) if here is not None else 0, -failing[one]), default=None
        )

    def _draw(self, commit: int) -> Draw:
        """One that failed there: as good as any for a race, and where the layout decides the failure comes at once."""
        return next(one.draw for one in self._of_the_kind(commit) if one.outcome.is_failure)

    def _belief(self) -> Belief:
        return self.judging.learnt_from_failures(self.learning.kind)[0]

    def _may_drift(self, belief: Belief) -> bool:
        """As in a step: the rate of a race depends on the load; that of a layout, or one near 1, does not."""
        mine = [one for commit in self.learning.failing() for one in self._of_the_kind(commit)]
        return not steady(belief) and not depends_on_layout(belief, Sample.of(mine))

    def _of_the_kind(self, commit: int) -> list[Observation]:
        return [one for one in self.learning.seen(commit) if one.kind is self.learning.kind]
