"""The loop that asks the pure core what to do next and does it, until there is a decision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bisectsyms.core import people
from bisectsyms.core.belief import Belief, Sample, prior
from bisectsyms.core.decide import Ask, Decision, Rules, judge
from bisectsyms.core.words import count, duration
from bisectsyms.model import Consistency, Judged, Kind, Observation, Outcome, Revision, Verdict, Word
from bisectsyms.usecases.desk import Desk
from bisectsyms.usecases.following import Following

Rule = Callable[[Sequence[Observation], Rules], Ask | Decision]
"""Decides about a revision by its attempts, or asks for one more."""


@dataclass(frozen=True, slots=True)
class StepOptions:
    """How sure, and how long."""

    confidence: float = 0.95
    """Wanted for the whole bisect."""
    rate: float | None = None
    """At which the failure shows; None where it is measured."""
    lowest_rate: float = 0.05
    """Rates from here up are looked for at the failing end."""
    failures: int = 8
    """Wanted there before the rate counts as known."""
    max_attempts: int = 300
    """At one revision."""
    max_time: float | None = None
    """Seconds for one step."""
    classify: int = 0
    """As in `Rules` of core.decide, and `flaky` too."""
    flaky: Verdict = Verdict.BAD


def moment(when: float) -> str:
    """Seconds since the epoch as people write a time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))


class Judging:
    """Decisions about revisions, at one desk, under one set of options."""

    def __init__(self, bench: Desk, options: StepOptions, now: Callable[[], float] = time.time) -> None:
        self.bench = bench
        self.options = options
        self.now = now
        self._following: Following | None = None
        self._seen: dict[str, list[Observation]] = {}
        """By tree, in the order in which these were first tried."""

    @property
    def draws(self) -> int:
        """How many different draws the variation has; 1 where none moves the layout."""
        return self.bench.variation.layouts

    def judge(
        self,
        revision: Revision,
        belief: Belief,
        kind: Kind,
        share: float,
        over: Callable[[], str] = str,
        rule: Rule = judge,
    ) -> Decision:
        """Ask and tell until there is a decision by `rule`; what people told is one at once.

        `over` says why no more attempts may be made; empty as long as they may.
        """
        bench = self.bench
        begun, told = self.now(), False
        while True:
            if (decision := self.told(revision)) is not None:  # asked each time: they may speak meanwhile
                return decision
            rules = self.rules(revision, belief, kind, share, self.now() - begun)
            answer = rule(bench.seen(revision), rules)
            if isinstance(answer, Decision):
                return people.naming(answer, bench.excluded(revision))
            if said := over():
                return Decision(Verdict.SKIP, Consistency.UNKNOWN, f"not looked at to the end: {said}", weak=True)
            if not told:
                bench.reporter.say(f"{revision} ({revision.title}): {self._outlook(revision, rules)}")
                told = True
            bench.at_once(revision, answer)

    def told(self, revision: Revision) -> Decision | None:
        """What people's word makes of the revision; None if they said nothing."""
        told = self.bench.told(revision)
        return people.decide(told, moment(told.when)) if told else None

    def write_down(self, revision: Revision, decision: Decision, kind: Kind) -> None:
        """Put the verdict into the ledger, with what it spent of the error budget."""
        self.bench.ledger.judge(
            Judged(
                commit=revision.commit,
                cell=self.bench.cell.key,
                kind=kind,
                verdict=decision.verdict,
                consistency=decision.consistency,
                rationale=decision.rationale,
                miss=decision.miss if decision.verdict is Verdict.GOOD else 0.0,
                when=self.now(),
            ),
            self.bench.cell,
        )

    def rests_on_words(self, commits: Iterable[str]) -> int:
        """How many of these commits are what they are by somebody's word."""
        trees = {told.revision.tree for told in self.bench.ledger.all_told(self.bench.cell.key)}
        known, resolve = self.bench.known, self.bench.repository.resolve
        return sum(known(resolve(commit)).tree in trees for commit in commits) if trees else 0

    def _outlook(self, revision: Revision, rules: Rules) -> str:
        """How many attempts a GOOD will take from here, and how long that is at the pace so far."""
        done = sum(one.outcome is Outcome.CLEAN and one.kind is rules.kind for one in self.bench.seen(revision))
        needed = rules.belief.attempts_for(rules.share, layouts=self.draws)
        if needed is None:
            return "as many attempts as there are layouts"
        text = f"up to {count(max(1, needed - done), 'attempt')} ({rules.kind})"
        pace = self.bench.ledger.mean_seconds(self.bench.cell.key, rules.kind)
        return f"{text}, about {duration(pace * (needed - done) / self.bench.slots)}" if pace else text

    def rules(self, revision: Revision, belief: Belief, kind: Kind, share: float, taken: float = 0.0) -> Rules:
        """What a decision about a revision depends on now; `taken` are the seconds that were spent on it."""
        options = self.options
        return Rules(
            belief=belief,
            kind=kind,
            share=share,
            draws=self.draws,
            arrival=self.bench.arrival(revision),
            max_attempts=options.max_attempts,
            out_of_time=options.max_time is not None and taken >= options.max_time,
            classify=options.classify,
            flaky=options.flaky,
            failure=self.bench.failure,
        )

    def learnt_from_failures(self, kind: Kind) -> tuple[Belief, int]:
        """What all trees that failed in this cell teach together, and how many they are.

        Where people said that it did not fail, what was seen was another thing.
        """
        belief, failing = prior(varied=self.draws > 1), 0
        words = {told.revision.tree: told.word for told in self.bench.ledger.all_told(self.bench.cell.key)}
        for tree, seen in self._all_seen().items():
            if words.get(tree, Word.FAILED) is not Word.FAILED:
                continue
            sample = Sample.of(one for one in seen if one.kind is kind)
            if sample.failed:
                belief, failing = belief.given(sample), failing + 1
        return belief, failing

    def _all_seen(self) -> dict[str, list[Observation]]:
        """Every attempt of this cell that counts, by tree: two commits with one tree have the same attempts."""
        if self._following is None:
            self._following = Following(self.bench.ledger, self.bench.cell.key)
        fresh, anew = self._following.fresh()
        if anew:
            self._seen.clear()
        for one in fresh:
            self._seen.setdefault(one.revision.tree, []).append(one.observation)
        return self._seen
