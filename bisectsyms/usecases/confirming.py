"""After the search has an answer and before it is told: the culprit and its parents once more, and what follows.

A person who reads the answer will blame somebody's commit. So it has to fail again, its parents have to pass by as
many attempts as that takes, a clean build has to show the failure, and taken back on top of the bad end it should
be gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace

from bisectsyms.core.belief import Belief, Sample
from bisectsyms.core.confirming import (
    Known,
    Meaning,
    alike,
    build_files,
    by_layout,
    equal_inputs,
    failing_kinds,
    few,
    from_scratch,
    meaning,
    once_more,
    rated,
)
from bisectsyms.core.decide import Decision, judge
from bisectsyms.core.words import percent
from bisectsyms.effects.reverting import revert_on_top
from bisectsyms.model import Kind, Revision, Verdict, Word
from bisectsyms.usecases.blaming import Blame, blame
from bisectsyms.usecases.judging import Judging, Rule
from bisectsyms.usecases.withoutaid import found_by

OPPOSITE = {Verdict.BAD: Verdict.GOOD, Verdict.GOOD: Verdict.BAD}


@dataclass(frozen=True, slots=True)
class Searched:
    """What was searched, as far as the answer depends on it."""

    newest: str
    """The newer end, a full id."""
    failing: str
    """The end that fails; the older one where the fix is looked for."""
    confidence: float
    in_range: Container[str]
    """Ids of the commits that were searched."""
    first_parent: bool = False
    find_fix: bool = False
    """The commit is looked for that stopped the failure: its parents are the ones that fail."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A revision looked at once more at the end."""

    revision: Revision
    verdict: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Revert:
    """The culprit taken back on top of the bad end."""

    commit: str
    """Of ours; empty if there is none."""
    verdict: str
    """GOOD: the failure is gone. BAD: it stays. SKIP: not known."""
    rationale: str


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an answer besides its probability."""

    meaning: Meaning
    means: str
    warnings: tuple[str, ...] = ()
    likely_wrong: bool = False
    clean: Confirmed | None = None
    """Clean builds of the revision that fails; None where they are not asked for."""
    revert: Revert | None = None
    again: str = ""
    """The command that repeats the last failing attempt."""
    blame: Blame | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What becomes of an answer."""

    ending: str
    """culprit, artefact (only cheaper kinds of attempts fail) or undecided."""
    why: str = ""
    """Why it is not the culprit."""
    confirmed: tuple[Confirmed, ...] = ()
    """The culprit and its parents."""
    about: About | None = None


class Confirming:
    """One answer after the other, on the bench of the search."""

    def __init__(
        self,
        judging: Judging,
        kind: Kind,
        searched: Searched,
        over: Callable[[], str],
        *,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`kind` is that of the search; `over` says why no more attempts may be made."""
        self.judging = judging
        self.bench = judging.bench
        self.kind = kind
        self.searched = searched
        self.stopped = ""
        """Why no more attempts are made; the answer is not confirmed then."""
        self._limit = over
        self._environ = environ
        self._decisions: dict[str, Decision] = {}

    def conclude(self, culprit: Revision, stands: Callable[[], bool]) -> Conclusion | None:
        """Look at it and its parents; `stands` says whether the search still names it after that. None if not.

        Raises:
            UserError, InfraError: see `Bench`.
        """
        confirmed = self._look_again(culprit)
        if not self.stopped and not stands():
            self.bench.reporter.say(f"{culprit} does not stand: {confirmed[-1].revision}: {confirmed[-1].rationale}")
            return None
        return replace(self._concluded(culprit, confirmed), confirmed=confirmed)

    def _look_again(self, culprit: Revision) -> tuple[Confirmed, ...]:
        """The culprit and each parent, by as many attempts as a verdict takes; up to the first that contradicts."""
        belief, _ = self.judging.learnt_from_failures(self.kind)
        parents, expected = self._parents(culprit), Verdict.GOOD if self.searched.find_fix else Verdict.BAD
        share = (1.0 - self.searched.confidence) / max(1, len(parents))
        self.bench.reporter.say(
            f"{culprit} ({culprit.title}) is the likeliest: looking at it and its parents once more"
        )
        confirmed = []
        for revision in (culprit, *parents):
            due = expected if revision is culprit else OPPOSITE[expected]
            decision = self._decide(revision, belief, self.kind, share, once_more if due is Verdict.BAD else judge)
            self._decisions[revision.commit] = decision
            confirmed.append(Confirmed(revision, decision.verdict.name, decision.rationale))
            if self.stopped or decision.verdict is OPPOSITE[due]:
                break
        return tuple(confirmed)

    def _concluded(self, culprit: Revision, confirmed: tuple[Confirmed, ...]) -> Conclusion:
        """What becomes of an answer by which the search stands."""
        if why := self._refuted(culprit, confirmed):
            return Conclusion("undecided", why)
        parents = self._parents(culprit)
        failing = parents[0] if self.searched.find_fix else culprit
        clean = self._clean_builds(failing)
        if self.stopped:
            return Conclusion("undecided", f"{self.stopped}, and {culprit} is not confirmed by a clean build yet")
        artefact = clean is not None and clean.verdict == Verdict.GOOD.name
        revert = None if artefact else self._reverted(culprit, parents)
        means, text = self._meaning(culprit, parents, revert)
        warnings, likely_wrong = self._warnings(culprit, parents)
        before = self.stopped
        if not artefact and (aided := found_by(self.bench, failing, self.kind, self._over)):
            warnings += (aided,)
        self.stopped = before  # it is no condition of the answer
        if clean is not None and not artefact and clean.verdict != Verdict.BAD.name:
            warnings += (f"no clean build of {failing} tells: {clean.rationale}",)
        about = About(means, text, warnings, likely_wrong, clean, revert, self._again(failing))
        if artefact:
            kinds = failing_kinds(self.bench.seen(failing))
            return Conclusion("artefact", f"only {kinds} attempts fail at {failing}, and no clean build", about=about)
        told = blame(self.bench, culprit, self.searched.newest, self._environ, fixed=self.searched.find_fix)
        return Conclusion("culprit", about=replace(about, blame=told))

    def _refuted(self, culprit: Revision, confirmed: tuple[Confirmed, ...]) -> str:
        """Why this is no culprit although the search stands by it; empty if it is one."""
        if self.stopped:
            return f"{self.stopped}, and {culprit} is not confirmed yet"
        expected = Verdict.GOOD if self.searched.find_fix else Verdict.BAD
        if confirmed[0].verdict != expected.name:
            return f"{culprit} is the likeliest, but: {confirmed[0].rationale}"
        parents = self._parents(culprit)
        if len(parents) == 1 and self.bench.known(parents[0]).tree == self.bench.known(culprit).tree:
            return f"{culprit} is likely wrong: it has the tree of its parent, so it changes nothing"
        for one in confirmed[1:]:
            if one.verdict == expected.name and one.revision.commit not in self.searched.in_range:
                return f"its parent {one.revision} is like it ({one.rationale}) and was not searched: without --path?"
        return ""

    def _clean_builds(self, failing: Revision) -> Confirmed | None:
        """Whether a build from scratch shows it, too; None where that is not asked for."""
        if Kind.CLEAN not in self.bench.kinds or self.judging.told(failing):
            return None
        belief, _ = self.judging.learnt_from_failures(self.kind)
        if not any(one.kind is Kind.CLEAN and one.outcome.is_failure for one in self.bench.seen(failing)):
            self.bench.reporter.say(f"does a clean build of {failing} fail, too? If none does, it is no culprit")
        decision = self._decide(failing, belief, Kind.CLEAN, 1.0 - self.searched.confidence, from_scratch)
        return Confirmed(failing, decision.verdict.name, decision.rationale)

    def _meaning(self, culprit: Revision, parents: tuple[Revision, ...], revert: Revert | None) -> tuple[Meaning, str]:
        if self.searched.find_fix:
            return Meaning.FIX, "the first commit that does not fail any more"
        belief, _ = self.judging.learnt_from_failures(self.kind)
        layouts, decided = self._hangs_on_layout(belief, culprit), self._decisions
        risen = self._risen(parents)
        without = decided.get(revert.commit) if revert else None
        weak = [one for one in parents if one.commit in decided and few(decided[one.commit], without)]
        means, text = meaning(
            Known(
                again=f"{rated(self._sample(culprit))} attempts at it failed",
                layouts=layouts,
                risen=f"{risen}: {rated(self._sample(risen))} attempts" if risen else "",
                older=self._older(parents),
                thin="; ".join(f"{one}: {decided[one.commit].rationale}" for one in weak),
                missed=", ".join(
                    f"{one}: {percent(decided[one.commit].miss)}"
                    for one in parents
                    if one.commit in decided and decided[one.commit].weak
                ),
                goes_on=revert is not None and revert.verdict == Verdict.BAD.name,
            )
        )
        if not layouts and self.judging.draws > 1 and belief.layout_weight > 1.0 - self.searched.confidence:
            text += f"; whether it hangs on the layout is not known ({percent(belief.layout_weight)})"
        return means, text

    def _risen(self, parents: tuple[Revision, ...]) -> Revision | None:
        """A parent that fails as well."""
        return next((one for one in parents if self._sample(one).failed), None)

    def _reverted(self, culprit: Revision, parents: tuple[Revision, ...]) -> Revert | None:
        """Build the bad end without it, and see whether the failure goes; None where that would prove nothing."""
        belief, _ = self.judging.learnt_from_failures(self.kind)
        if self.searched.find_fix or (self._risen(parents) and not self._hangs_on_layout(belief, culprit)):
            return None
        made = revert_on_top(self.bench.repository, culprit, self.searched.newest, self.bench.aside / "revert")
        if made.revision is None:
            return Revert("", Verdict.SKIP.name, f"not tried: {made.why}")
        self.bench.reporter.say(f"does the failure go when {culprit} is taken back on top of the bad end?")
        share, before = 1.0 - self.searched.confidence, self.stopped
        decision = self._decide(made.revision, belief, self.kind, share)
        self.stopped = before  # it is no condition of the answer
        self._decisions[made.revision.commit] = decision
        clean = "not seen any more, but " if decision.weak and decision.miss else ""
        return Revert(made.revision.commit, decision.verdict.name, clean + decision.rationale)

    def _warnings(self, culprit: Revision, parents: tuple[Revision, ...]) -> tuple[tuple[str, ...], bool]:
        """What speaks against it, in words, and whether it is likely wrong."""
        warnings, wrong = list[str](), False
        belief, _ = self.judging.learnt_from_failures(self.kind)
        layouts, known = self._hangs_on_layout(belief, culprit), self.bench.known
        for parent in parents:
            decision = self._decisions.get(parent.commit)
            if decision is not None and decision.verdict not in OPPOSITE and not decision.weak:
                warnings.append(f"its parent {parent} cannot be tested ({decision.rationale}): it could be that one")
            if known(parent).tree == known(culprit).tree:
                warnings.append(f"it has the tree of its parent {parent}: no attempt tells the two apart")
                wrong = True
                continue
            shared = alike(self.bench.seen(culprit), self.bench.seen(parent))
            if shared.equal:
                changed = build_files(self.bench.repository.changed(parent.commit, culprit.commit))
                text, likely = equal_inputs(shared, str(parent), layouts=layouts, build=changed)
                warnings.append(text)
                wrong = wrong or likely
        return tuple(warnings), wrong

    def _older(self, parents: tuple[Revision, ...]) -> str:
        """A commit before the parents that failed, with its counts; empty if the ledger has none."""
        for revision in self.bench.ledger.revisions(self.bench.cell.key):
            told, sample = self.bench.told(revision), self._sample(revision)
            if not sample.failed or (told and told.word is not Word.FAILED):
                continue
            if revision.commit in {parent.commit for parent in parents}:
                continue
            if any(self.bench.repository.contains(parent.commit, revision.commit) for parent in parents):
                return f"{revision}: {rated(sample)} attempts"
        return ""

    def _again(self, failing: Revision) -> str:
        """The command that repeats the last attempt that failed there."""
        ledger = self.bench.ledger
        made = ledger.attempts(tree=self.bench.known(failing).tree, cell=self.bench.cell.key)
        failed = [one.number for one in made if one.result and one.result.outcome.is_failure]
        counted = [number for number in failed if ledger.exclusion(number) is None]
        return f"bisectsyms again {counted[-1]}" if counted else ""

    def _hangs_on_layout(self, belief: Belief, culprit: Revision) -> bool:
        bad = self.bench.repository.resolve(self.searched.failing)
        return self.judging.draws > 1 and by_layout(belief, [self._sample(one) for one in (culprit, bad)])

    def _sample(self, revision: Revision) -> Sample:
        seen = self.bench.seen(revision)
        return Sample.of(one for one in seen if one.kind is self.kind or one.outcome.is_failure)

    def _decide(self, revision: Revision, belief: Belief, kind: Kind, share: float, rule: Rule = judge) -> Decision:
        """As `Judging.judge`; `stopped` says so where the limits of the search end it."""
        return self.judging.judge(revision, belief, kind, share, self._over, rule)

    def _over(self) -> str:
        self.stopped = self._limit()
        return self.stopped

    def _parents(self, culprit: Revision) -> tuple[Revision, ...]:
        """Of the culprit: all of them, or the first."""
        found = self.bench.repository.parents(culprit.commit)[: 1 if self.searched.first_parent else None]
        return tuple(self.bench.repository.resolve(parent) for parent in found)
