"""The search by itself, `bisectsyms bisect`: from two ends to a culprit, or to another true ending.

The loop holds no judgement and no state: before every attempt the search is made anew from the ledger, so it goes on
where it was after anything, and a word or an import of people's counts at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bisectsyms.core.bisectlog import Answer, log_lines, suspects_answer
from bisectsyms.core.decide import Decision
from bisectsyms.core.prior import Rules
from bisectsyms.core.probing import ladder, probe
from bisectsyms.core.words import count, listed, percent
from bisectsyms.effects.dag import Ends, Range
from bisectsyms.errors import UserError
from bisectsyms.model import Kind, Observation, Outcome, Revision, Word
from bisectsyms.search import Costs, Result, Search
from bisectsyms.usecases.before import Before, Foreknown
from bisectsyms.usecases.confirming import About, Conclusion, Confirmed, Confirming, Searched
from bisectsyms.usecases.judging import Judging

LOG = "bisect.log"
MOVE = 10.0
"""A move is taken to cost so many repeats until both have been seen."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """When to stop, and what is searched."""

    confidence: float = 0.95
    min_rate: float = 0.01
    """A failure that shows more seldom than this is not looked for."""
    deadline: float | None = None
    """Seconds since the epoch."""
    max_attempts: int | None = None
    """Of this call."""
    first_parent: bool = False
    paths: tuple[str, ...] = ()
    prior: Rules = field(default_factory=Rules)
    """Of which commits are likelier than others."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit of the credible set."""

    revision: Revision
    probability: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of `bisectsyms bisect`."""

    kind: str
    """culprit, artefact (only cheaper kinds of attempts fail), predates, not-reproduced or undecided."""
    culprit: Revision | None
    probability: float
    confidence: float
    """That was asked for."""
    suspects: tuple[Suspect, ...]
    """The fewest commits that reach the confidence together, the likeliest first."""
    endings: dict[str, float]
    candidates: int
    attempts: int
    """In this call."""
    seconds: float
    confirmed: tuple[Confirmed, ...]
    """The culprit and its parents, looked at once more."""
    about: About | None
    """What else is known of the culprit."""
    stopped: str
    """Why it ended without an answer; empty if it did not."""
    log: Path | None
    """For git bisect replay."""
    before: Foreknown
    """What was known before the first attempt."""

    @property
    def answered(self) -> bool:
        return self.kind in ("culprit", "predates")


class Searching:
    """One search on one bench."""

    def __init__(
        self, judging: Judging, ends: Ends, commits: Range, options: SearchOptions, now: Callable[[], float] = time.time
    ) -> None:
        self.judging = judging
        self.bench = judging.bench
        self.ends = ends
        self.range = commits
        self.options = options
        self.now = now
        self._index = commits.index()
        self._begun = now()
        self._attempts = 0
        self._here: int | None = None
        self._before = Before(
            self.bench, commits, options.prior, first_parent=options.first_parent, paths=options.paths
        )

    def run(self) -> Found:
        """Search until there is an answer, or until time or attempts are over.

        Raises:
            UserError: see `Workbench`.
            InfraError: the machine stopped us; the same command goes on.
        """
        concluded: Conclusion | None = None
        self._say(f"{count(self.range.candidates, 'commit')} in searched, {percent(self.options.confidence)} wanted")
        if self.judging.draws > 1:
            self._say(
                "should the failure hang on the layout, a stated 95 % is rather 89 % as yet (docs/search.md): "
                "git bisect run bisectsyms is slower and surer"
            )
        while True:
            search = self.search()
            if stopped := self._out_of() or self._nothing_to_test():
                break
            commit = search.next()
            if commit is None:
                if search.result.commit is None:
                    break
                if concluded := self._conclude(search.result.commit):
                    break
                self._say("the search goes on with what that showed")
                continue
            if commit != self._here:
                self._tell_move(commit, search.result)
            self._attempt(commit, search)
        return self._found(self.search().result, concluded, stopped)

    def search(self) -> Search:
        """A search that has been told all that the ledger and people know of these commits."""
        known = [one for one in self.bench.ledger.revisions(self.bench.cell.key) if one.commit in self._index]
        seen = {revision.commit: self.bench.seen(revision) for revision in known}
        words = {one.revision.commit: one.word for one in self.bench.ledger.all_told(self.bench.cell.key)}
        good = {number for commit, number in self._index.items() if words.get(commit) is Word.CLEAN}
        bad = {number for commit, number in self._index.items() if words.get(commit) is Word.FAILED}
        try:
            search = Search(
                self.range.parents,
                good=sorted({*self.range.good, *good}),
                bad=sorted({self.range.bad, *bad}),
                confidence=self.options.confidence,
                costs=self._before.costed(self._costs()),
                min_rate=self.options.min_rate,
                layouts=self.judging.draws if self.judging.draws > 1 else None,
                prior=self._before.prior,
                twins=self._before.twins,
                reverts=self._before.reverts,
            )
        except ValueError as error:
            raise UserError(
                f"{error}: people's words leave no candidate", next_step="bisectsyms tell REV nothing takes one back"
            ) from error
        kind = self._kind()
        for revision in known:
            number = self._index[revision.commit]
            if words.get(revision.commit) is Word.UNTESTABLE or self._is_untestable(revision):
                search.tell(number, "untestable", seconds=0.0)
            for one in seen[revision.commit]:
                # As in a step: a failure is proof in whichever kind, a clean attempt only in the kind worked with.
                if one.outcome.is_failure:
                    search.tell(number, "failed", one.seconds, str(one.kind), self._layout(one))
                elif one.outcome is Outcome.CLEAN and kind in (one.kind, Kind.TEST):
                    search.tell(number, "clean", one.seconds, str(one.kind), self._layout(one))
        return search

    def _layout(self, one: Observation) -> str | None:
        return (one.layout or str(one.draw)) if self.judging.draws > 1 else None

    def _kind(self) -> Kind:
        bad = self._revision(self.range.bad)
        return ladder(self.bench.seen(bad), self.bench.kinds, self.options.min_rate)

    def _is_untestable(self, revision: Revision) -> bool:
        return isinstance(probe(self.bench.seen(revision), self._kind(), None), Decision)

    def _costs(self) -> Costs:
        """Seconds per repeat, and per move on top of it, as they were here."""
        kind, repeats, moves, before = self._kind(), list[float](), list[float](), ""
        for one in self.bench.ledger.attempts(cell=self.bench.cell.key):
            if one.result is None or not one.result.outcome.is_evidence:
                continue
            moved, before = one.plan.revision.tree != before, one.plan.revision.tree
            if not moved and one.plan.kind is kind:
                repeats.append(one.result.measured.seconds)
            elif moved and not one.plan.from_scratch:
                moves.append(one.result.measured.seconds)
        repeat = max(sum(repeats) / len(repeats), 1e-3) if repeats else 1.0
        move = sum(moves) / len(moves) - (repeat if kind is Kind.TEST else 0.0) if moves else MOVE * repeat
        return Costs(repeat=repeat, move=0.0 if kind is Kind.CLEAN else max(0.0, move))

    def _attempt(self, commit: int, search: Search) -> None:
        """One attempt of the kind worked with, and what brings the objtree there before."""
        revision, wanted, kind = self._revision(commit), search.repeat_of(commit), self._kind()
        self._here = commit
        while not self._out_of():
            seen = self.bench.seen(revision)
            draw = next((one.draw for one in seen if wanted is not None and self._layout(one) == wanted), None)
            ask = probe(seen, kind, self.bench.arrival(revision), draw)
            if isinstance(ask, Decision):
                return
            made = self.bench.attempt(revision, ask)
            self._attempts += 1
            if made.result is None or ask.kind is kind or made.result.outcome.is_failure:
                return

    def _conclude(self, commit: int) -> Conclusion | None:
        """Put the answer to the proof; None if it does not stand."""
        options, before = self.options, self.bench.made
        searched = Searched(self.ends.bad, self.ends.bad, options.confidence, self._index, options.first_parent)
        confirming = Confirming(self.judging, self._kind(), searched, lambda: self._out_of(self.bench.made - before))
        concluded = confirming.conclude(self._revision(commit), lambda: self.search().result.commit == commit)
        self._attempts += self.bench.made - before
        return concluded

    def _found(self, result: Result, concluded: Conclusion | None, stopped: str) -> Found:
        kind = "undecided" if stopped else concluded.ending if concluded else result.kind
        culprit = self._revision(result.commit) if result.commit is not None and kind == "culprit" else None
        suspects = tuple(Suspect(self._revision(one), probability) for one, probability in result.credible)
        return Found(
            kind=kind,
            culprit=culprit,
            probability=result.probability,
            confidence=self.options.confidence,
            suspects=suspects,
            endings=result.endings,
            candidates=self.range.candidates,
            attempts=self._attempts,
            seconds=self.now() - self._begun,
            confirmed=concluded.confirmed if concluded else (),
            about=concluded.about if concluded else None,
            stopped=concluded.why if concluded else stopped,
            log=None if concluded and concluded.why else self._write_log(result),
            before=self._before.foreknown(),
        )

    def _write_log(self, result: Result) -> Path | None:
        """Lines that bring git bisect to the same commit, or to the same set; None where no commit is suspected."""
        repository = self.bench.repository
        if result.kind in ("predates", "not-reproduced") or not result.credible:
            return None
        names = self.range.commits
        if result.commit is not None:
            newest, between = names[result.commit], tuple[str, ...]()
            before = self._parents(newest)
        else:
            at, outside, inside = suspects_answer(
                [one for one, _ in result.credible], self.range.parents, self.range.bad
            )
            newest, between = names[at], tuple(names[one] for one in inside)
            before = tuple(names[one] for one in outside)
        answer = Answer(
            bad=self.ends.bad,
            good=self.ends.good,
            newest=newest,
            before=tuple(before),
            between=between,
            first_parent=self.options.first_parent,
            paths=self.options.paths,
        )
        path = repository.state_dir / LOG
        part = path.with_name(f"{LOG}.part")
        part.write_text("\n".join(log_lines(answer, lambda commit: repository.resolve(commit).title)) + "\n")
        return part.rename(path)

    def _out_of(self, more: int = 0) -> str:
        """What is over, or the empty string; `more` attempts were made that are not counted yet."""
        if self.options.deadline is not None and self.now() >= self.options.deadline:
            return "the time is over"
        if self.options.max_attempts is not None and self._attempts + more >= self.options.max_attempts:
            return f"--max-attempts {self.options.max_attempts}"
        return ""

    def _nothing_to_test(self) -> str:
        """Said where every commit in searched was found untestable; attempts at the good end would go on for ever."""
        good = {self.range.commits[one] for one in self.range.good}
        tried = {one.commit: one for one in self.bench.ledger.revisions(self.bench.cell.key)}
        if len(tried) < self.range.candidates:
            return ""
        left = (commit for commit in self.range.commits if commit not in good)
        if all(commit in tried and self._is_untestable(tried[commit]) for commit in left):
            return "none of the commits in searched can be tested"
        return ""

    def _tell_move(self, commit: int, result: Result) -> None:
        revision = self._revision(commit)
        likely = [f"{self.range.commits[one][:12]} {percent(share)}" for one, share in result.credible[:3]]
        self._say(
            f"{revision} ({revision.title}): {count(len(result.credible), 'suspect')} of {self.range.candidates}, "
            f"the likeliest {listed(likely)}"
        )

    def _parents(self, commit: str) -> tuple[str, ...]:
        """That have to be clean: all of them, or the first."""
        return self.bench.repository.parents(commit)[: 1 if self.options.first_parent else None]

    def _revision(self, commit: int) -> Revision:
        return self.bench.repository.resolve(self.range.commits[commit])

    def _say(self, text: str) -> None:
        self.bench.reporter.say(text)
