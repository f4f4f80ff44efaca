"""The search by itself, `bisectsyms bisect`: from two ends to a culprit, or to another true ending.

The loop holds no judgement and no state: `learning` knows what the ledger knows, so a search goes on where it was after
anything, and a word or an import of people's counts at once. Where several slots work, each is given another test as
soon as it is free; before there is an answer, all that runs is waited for, because attempts that fail may end sooner.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bisectsyms.core.decide import Ask
from bisectsyms.core.ladder import Choice, Try, Unseen
from bisectsyms.core.probing import probe
from bisectsyms.core.words import count, duration, listed, percent, side_by_side
from bisectsyms.effects.dag import Ends, Range
from bisectsyms.model import Attempt, Draw, Kind, Revision
from bisectsyms.search import Result
from bisectsyms.usecases.answering import Found, answer_of, suspects_of, write_log
from bisectsyms.usecases.before import Before
from bisectsyms.usecases.confirming import Conclusion, Confirming, Searched
from bisectsyms.usecases.controlling import Controlling
from bisectsyms.usecases.desk import Place
from bisectsyms.usecases.judging import Judging
from bisectsyms.usecases.learning import Basis, Learning, SearchOptions
from bisectsyms.usecases.limits import Limits
from bisectsyms.usecases.planning import Standing, outlook

NAMES = {Kind.CLEAN: "clean build", Kind.CACHED: "cached build"}
FAILURES_TO_PLAN = 3
TELL_AGAIN = 600.0
"""Seconds after which it is said once more how long it will take."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a slot is busy with: one attempt that is evidence, and what brings the objtree there before."""

    commit: int
    revision: Revision
    kind: Kind
    draw: Draw | None


class Searching:
    """One search at one desk."""

    def __init__(
        self,
        judging: Judging,
        ends: Ends,
        commits: Range,
        options: SearchOptions,
        now: Callable[[], float] = time.time,
        *,
        made: int = 0,
    ) -> None:
        """`made` is how many attempts of this call were made before the search began."""
        self.judging = judging
        self.bench = judging.bench
        self.ends = ends
        self.range = commits
        self.options = options
        self.now = now
        bench = self.bench
        basis = Basis(bench.ledger, bench.cell, bench.kinds, judging.draws, bench.known)
        self._before = Before(basis, bench.repository, commits, options, objtree=bench.objtree, say=bench.reporter.say)
        self.learning = Learning(basis, commits, options, self._before)
        self.limits = Limits(options.deadline, options.max_attempts, lambda: made + bench.made, now)
        self.controlling = Controlling(judging, self.learning, commits.commits, self.limits)
        self._begun = now()
        self._running: dict[int, Asked] = {}
        """By slot."""
        self._at: dict[int, int] = {}
        """Slot -> the commit of its last test."""
        self._told = self._kind = ""
        self._planned = 0.0

    def run(self) -> Found:
        """Search until there is an answer, or until time or attempts are over.

        Raises:
            UserError: see `Desk`.
            InfraError: the machine stopped us; the same command goes on.
        """
        concluded: Conclusion | None = None
        if others := {slots: made for slots, made in self._side_by_side().items() if slots != self.bench.slots}:
            self._say(f"known are {side_by_side(others)}: beside more or fewer a race has another rate")
        self._say(f"{count(self.range.candidates, 'commit')} in question, {percent(self.options.confidence)} wanted")
        while True:
            search = self.learning.search()
            self._tell_kind()
            stopped = self.limits.over() or self._nothing_to_test()
            between = not stopped and self.controlling.is_due(answering=False)
            more = not (stopped or between) and self._start_tests()
            if self._running:
                self._take_in(*self.bench.wait())
                continue
            if stopped:
                break
            if more or self.learning.search() is not search:  # or somebody has spoken meanwhile
                continue
            if between or self.controlling.is_due(answering=True):
                if stopped := self.controlling.run():
                    break
                continue
            if search.result.commit is None:
                break
            if concluded := self._conclude(search.result.commit):
                break
            self._say("the search goes on with what that showed")
        return self._found(self.learning.search().result, concluded, stopped)

    def _start_tests(self) -> bool:
        """Give every free slot a test; whether the search has more to ask for."""
        while (places := self._places()) and not self.limits.over():
            out = [test.commit for test in self._running.values()]
            if (commit := self.learning.next(list(places.values()), out)) is None:
                return False
            slot = min(places, key=lambda number: self.learning.seconds_to(commit, places[number]))
            if commit != self._at.get(slot):
                self._tell_move(slot, commit, self.learning.search().result)
            self._at[slot] = commit
            draw = self.learning.draw_for(commit)
            self._go_on(slot, Asked(commit, self._revision(commit), self.learning.kind, draw))
        return True

    def _places(self) -> dict[int, Place]:
        """The slots that are free; where every attempt is a clean build none waits to become a copy."""
        return self.bench.places() if self.learning.kind.is_from_scratch else self.bench.ready()

    def _go_on(self, slot: int, test: Asked) -> None:
        """The next attempt of a test; none where the commit cannot be tested."""
        if (place := self.bench.places().get(slot)) is None:  # it is gone, or rests: the search will ask again
            return
        arrival = self.bench.arrival_from(place, test.revision)
        ask = probe(self.bench.seen(test.revision), test.kind, arrival, test.draw)
        if isinstance(ask, Ask):
            self._running[slot] = test
            self.bench.start(slot, test.revision, ask)

    def _take_in(self, slot: int, made: Attempt | None) -> None:
        """Go on with the test to which an attempt belonged, unless it was the one that is evidence."""
        test = self._running.pop(slot)
        if made is None:  # lost with its slot: what it was to show is still to be asked
            return
        outcome = made.result and made.result.outcome
        if outcome and outcome.is_evidence and (made.plan.kind is test.kind or outcome.is_failure):
            return
        if not self.limits.over() and not self.learning.is_stale():
            self._go_on(slot, test)

    def _conclude(self, commit: int) -> Conclusion | None:
        """Put the answer to the proof; None if it does not stand."""
        searched = Searched(
            newest=self.ends.new,
            failing=self.ends.bad,
            confidence=self.options.confidence,
            in_range=self.range.index(),
            first_parent=self.options.first_parent,
            find_fix=self.range.find_fix,
        )
        confirming = Confirming(self.judging, self.learning.kind, searched, self.limits.over)
        return confirming.conclude(self._revision(commit), lambda: self.learning.search().result.commit == commit)

    def _found(self, result: Result, concluded: Conclusion | None, stopped: str) -> Found:
        kind = "undecided" if stopped else concluded.ending if concluded else result.kind
        named = result.commit is not None and kind == "culprit"
        why = concluded.why if concluded else stopped
        repository = self.bench.repository
        found = Found(
            kind=kind,
            culprit=self._revision(result.commit) if named and result.commit is not None else None,
            probability=result.probability,
            confidence=self.options.confidence,
            suspects=suspects_of(repository, self.range, result),
            endings=result.endings,
            candidates=self.range.candidates,
            attempts=self.limits.made(),
            seconds=self.now() - self._begun,
            confirmed=concluded.confirmed if concluded else (),
            about=concluded.about if concluded else None,
            stopped=why,
            log=write_log(repository, self.ends, self.range, self.options, result, decided=not why),
            terms=self.options.terms,
            before=self._before.foreknown(),
            side_by_side=self._side_by_side(),
        )
        if self.bench.ledger.cell(self.bench.cell.key):  # or no attempt was begun
            self.bench.ledger.answer(answer_of(found, self.bench.cell.key, self.ends, self.now()))
        return found

    def _nothing_to_test(self) -> str:
        """Said where attempts would go on for ever: nothing in question can be tested, or shows what was seen."""
        olds = set(self.range.olds)
        if all(commit in olds or self.learning.is_left(commit) for commit in range(len(self.range.commits))):
            return "none of the commits in question can be tested"
        standing = self.learning.climbing.standing
        if isinstance(standing, Unseen) and standing.artefact and not self.learning.failing():
            return f"{self._revision(self.range.index()[self.ends.bad])} {standing.why}"
        return ""

    def _tell_kind(self) -> None:
        """Which kind of attempt is worked with and why, when that has been found."""
        standing = self.learning.climbing.standing
        text = "" if isinstance(standing, Try) or len(self.bench.kinds) == 1 else standing.why
        if text and text != self._kind:
            bad = self._revision(self.range.index()[self.ends.bad])
            self._say(f"{bad}, by {standing.kind}: {text}" if isinstance(standing, Choice) else f"{bad} {text}")
        self._kind = text

    def _tell_move(self, slot: int, commit: int, result: Result) -> None:
        """What was learnt at the commit that is left, what is suspected, where it goes on, and how long it takes."""
        learnt, at = "", self._at.get(slot)
        if at is not None and (seen := [one for one in self.learning.seen(at) if one.outcome.is_evidence]):
            failed = sum(one.outcome.is_failure for one in seen)
            learnt = f"{failed} of {count(len(seen), 'attempt')} failed at {self.range.commits[at][:12]}; "
        likely = [f"{self.range.commits[one][:12]} {percent(share)}" for one, share in result.credible[:3]]
        revision = self._revision(commit)
        text = (
            f"{learnt}{count(len(result.credible), 'suspect')} of {self.range.candidates}, the likeliest "
            f"{listed(likely)}; now {revision} ({revision.title})"
        )
        if text != self._told:  # another slot goes there, too
            self._say(text)
        self._told = text
        if self.now() - self._planned >= TELL_AGAIN and (plan := self._plan(result)):
            self._planned = self.now()
            self._say(plan)

    def _plan(self, result: Result) -> str:
        """`rate 0.22 (0.11-0.36): about 60 relinks and 9 moves, 50 minutes`; empty until that can be told."""
        learning, kind = self.learning, self.learning.kind
        failing = learning.failing()
        shown = [one for commit in failing for one in learning.seen(commit) if one.kind is kind]
        failed = sum(one.outcome.is_failure for one in shown)
        if failed < FAILURES_TO_PLAN or not learning.pace.is_known(kind):
            return ""
        belief, _ = self.judging.learnt_from_failures(kind)
        repeat, move = learning.pace.repeat(kind), learning.pace.move(kind)
        passed = [one for end in self.range.good for one in learning.seen(end) if one.kind is kind]
        ahead = outlook(
            Standing(
                suspects=len(result.credible),
                rate=belief.expected_rate(),
                failed=failed,
                clean=len(shown) - failed,
                passed=sum(not one.outcome.is_failure for one in passed),
                move=move / repeat,
                confidence=self.options.confidence,
                min_rate=self.options.min_rate,
                layouts=self.judging.draws if belief.layout_weight > 0.5 else None,
                at_once=self.bench.slots,
            )
        )
        low, high = belief.interval()
        seconds = (ahead.repeats * repeat + ahead.moves * move) / self.bench.slots
        side = f", {self.bench.slots} at once" if self.bench.slots > 1 else ""
        more = " more" if self._planned else ""
        rate = f"rate {belief.expected_rate():.2g} ({low:.2g}-{high:.2g})"
        repeats = count(ahead.repeats, NAMES.get(kind, kind.value))
        return f"{rate}: about {repeats} and {count(ahead.moves, 'move')}{more}{side}, {duration(seconds)}"

    def _side_by_side(self) -> dict[int, int]:
        return self.bench.ledger.side_by_side(self.bench.cell.key)

    def _revision(self, commit: int) -> Revision:
        return self.bench.repository.resolve(self.range.commits[commit])

    def _say(self, text: str) -> None:
        self.bench.reporter.say(text)
