"""What the ledger and people know of a range, told to a search.

The ledger is the truth. The search is kept while only attempts are added, in whichever order they end, and is made
anew when what was known has changed: by a word, an exclusion, an import.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bisectsyms.core.decide import Decision
from bisectsyms.core.direction import Terms
from bisectsyms.core.layouts import Layouts
from bisectsyms.core.pace import Pace
from bisectsyms.core.prior import Rules
from bisectsyms.core.probing import probe
from bisectsyms.core.sametree import same_trees
from bisectsyms.effects.dag import Range
from bisectsyms.effects.ledger.queries import Queries
from bisectsyms.errors import UserError
from bisectsyms.model import Cell, Draw, Kind, Observation, Outcome, Revision, Seen, Word
from bisectsyms.search import Costs, Search
from bisectsyms.search.history import History
from bisectsyms.usecases.climbing import Climbing
from bisectsyms.usecases.desk import Place
from bisectsyms.usecases.following import Following
from bisectsyms.usecases.ways import Between, Seconds, Ways


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
    skipped: frozenset[int] = frozenset()
    """Commits that are never tested, as indices of the range."""
    terms: Terms = field(default_factory=Terms)
    prior: Rules = field(default_factory=Rules)
    """Of which commits are likelier than others."""


class Beforehand(Protocol):
    """What is known of the commits before the first attempt, as indices of the range."""

    @property
    def prior(self) -> Sequence[float] | None:
        """Weights of the commits; another object once more is known."""

    @property
    def between(self) -> Between | None:
        """What each move takes."""

    @property
    def twins(self) -> Sequence[Sequence[int]]:
        """Commits of one change."""

    @property
    def reverts(self) -> Sequence[tuple[int, int]]:
        """(revert, what it takes back)."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is known beforehand."""

    prior: Sequence[float] | None = None
    between: Between | None = None
    twins: Sequence[Sequence[int]] = ()
    reverts: Sequence[tuple[int, int]] = ()


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Basis:
    """Whose attempts they are: a bench has all of it, but it takes none to read the ledger."""

    ledger: Queries
    cell: Cell
    kinds: tuple[Kind, ...]
    """Of attempts whose clean results count, cheapest first."""
    draws: int
    """How many different draws the variation has."""
    known: Callable[[Revision], Revision]
    """A revision as the ledger has it in this cell."""


class Learning:
    """A search over one range that knows what the ledger knows."""

    def __init__(self, basis: Basis, commits: Range, options: SearchOptions, beforehand: Beforehand = NOTHING) -> None:
        self._basis = basis
        self._range = commits
        self._options = options
        self._beforehand = beforehand
        self._index = commits.index()
        self._ids: dict[int, str] = {}
        self._places: dict[str, list[int]] = {}
        for number, tree in enumerate(commits.trees):
            self._places.setdefault(tree, []).append(number)
        history = History(commits.parents)
        ids = [self._id(at) if len(self._places[tree]) > 1 else tree for at, tree in enumerate(commits.trees)]
        self._same = same_trees(ids, history.ancestors, beforehand.twins)
        self.kind = basis.kinds[0]
        """The kind of attempt worked with."""
        self.climbing = Climbing.of(basis.kinds, options.min_rate)
        self._tried_at = -1
        """The bad end where the kind is looked for."""
        self._search: Search | None = None
        self._prior: Sequence[float] | None = None
        self._following = Following(basis.ledger, basis.cell.key)
        self._free: Sequence[Place] = ()
        self._begin()

    def search(self) -> Search:
        """The search, told everything there is."""
        ended, anew = self._following.fresh()
        if anew:
            self._begin()
        fresh = [self._noted(one) for one in ended]
        self.evidence += fresh
        kind = self._climb()
        if self._search is None or kind is not self.kind or self._beforehand.prior is not self._prior:
            self.kind = kind
            self._search = self._made()
            fresh = self.evidence
        for commit, seen in fresh:
            self._tell(self._search, commit, seen.observation)
        for commit in {commit for commit, _ in fresh if commit is not None}:
            if self._breaks(commit):
                self._leave(self._search, commit)
        return self._search

    def _climb(self) -> Kind:
        """The kind to work with by what was shown at the bad ends."""
        bads = {*self._range.bads, *(commit for commit, word in self._words.items() if word is Word.FAILED)}
        there = {self.stand_in(commit) for commit in bads}
        self._tried_at = self.stand_in(max(bads))
        return self.climbing.look([seen.observation for commit, seen in self.evidence if commit in there])

    def next(self, places: Sequence[Place] = (), out: Sequence[int] = ()) -> int | None:
        """The commit to test next; None when the search has ended, or nothing that is left can be tested.

        `places` are those of the slots that are free, by default that of the last attempt; `out` are the commits at
        which tests run.
        """
        search, again = self.search(), set[int]()
        search.expect(out)
        self._free = places
        if self.climbing.wants(out.count(self._tried_at)) and not self.is_left(self._tried_at):
            return self._tried_at
        while (commit := search.next()) is not None and commit not in again:
            if not self.is_left(commit):
                return commit
            # It is told so once. Asked for again it stays a test that is out, and another one is chosen beside it.
            if commit in self._left:
                again.add(commit)
            self._leave(search, commit)
        return None

    def forget(self) -> None:
        """The next search is made anew: something but an attempt has changed."""
        self._following.forget()

    def is_stale(self) -> bool:
        """Whether somebody has changed since what was known: by a word, an exclusion, an import."""
        return self._following.is_stale()

    def seen(self, commit: int) -> Sequence[Observation]:
        """All attempts at the tree of a commit."""
        return self._observed.get(self.stand_in(commit), ())

    def stand_in(self, commit: int) -> int:
        """The commit that stands for this one, because it has the same tree; mostly itself."""
        return self._same.stands_for.get(commit, commit)

    def is_left(self, commit: int) -> bool:
        """Whether it is not tested, or not any more: --skip, a word, another one stands for it, it does not build."""
        if self._is_spoken_for(commit) or commit in self._options.skipped:
            return True
        return self.stand_in(commit) != commit or self._breaks(commit)

    def draw_for(self, commit: int) -> Draw | None:
        """What the test of a commit that was just chosen should repeat; None for the next draw of the variation."""
        if commit == self._tried_at and self.climbing.wants(0):
            return self.climbing.draw
        layout = self.search().repeat_of(commit)
        return None if layout is None else self._layouts.draw_of(commit, str(layout))

    @property
    def pace(self) -> Pace:
        """What attempts have cost."""
        return self.ways.pace

    def failing(self) -> dict[int, int]:
        """Commits that failed in the kind worked with, and how often; in the order of the first failure."""
        found: dict[int, int] = {}
        for commit, seen in self.evidence:
            one = seen.observation
            shown = one.outcome.is_failure and one.kind is self.kind
            if shown and commit is not None and not self._is_spoken_for(commit):
                found[commit] = found.get(commit, 0) + 1
        return found

    def _begin(self) -> None:
        """Read everything again."""
        self._search, self.ways = None, Ways()
        self.climbing.forget()
        self.evidence: list[tuple[int | None, Seen]] = []
        """Every attempt in its order, and the commit it is told of; None for one outside the range."""
        self._observed: dict[int, list[Observation]] = {}
        self._words: dict[int, Word] = {}
        for told in self._basis.ledger.all_told(self._basis.cell.key):
            mine = self._where(told.revision)
            ends = self._range.bads if told.word is Word.FAILED else self._range.good
            if told.word is Word.UNTESTABLE or not set(ends) & set(
                mine
            ):  # what the command line says, too, adds nothing
                self._words.update(dict.fromkeys(mine, told.word))

    def _noted(self, seen: Seen) -> tuple[int | None, Seen]:
        """Take an attempt in; it is told of one commit only, however many have its tree."""
        mine = self._where(seen.revision)
        made_at = self._index.get(seen.revision.commit)
        commit = self.stand_in(made_at if made_at in mine else mine[-1]) if mine else None
        if commit is not None:
            self._observed.setdefault(commit, []).append(seen.observation)
        self.ways.note(seen, commit)
        return commit, seen

    def _where(self, revision: Revision) -> tuple[int, ...]:
        """The commits of the range that are, to a test, this revision of the ledger."""
        own = self._index.get(revision.commit)
        tree = revision.tree if own is None else self._range.trees[own]
        return tuple(number for number in self._places.get(tree, ()) if self._id(number) == revision.tree)

    def _id(self, number: int) -> str:
        """What the ledger has the tree of a commit by."""
        if not self._basis.cell.fixups:
            return self._range.trees[number]
        if number not in self._ids:
            revision = Revision(self._range.commits[number], self._range.trees[number], "")
            self._ids[number] = self._basis.known(revision).tree
        return self._ids[number]

    def _made(self) -> Search:
        """A search that knows the ends, people's words, and what is never tested."""
        words = {word: [commit for commit, mine in self._words.items() if mine is word] for word in Word}
        given = self._prior = self._beforehand.prior
        prior = np.ones(len(self._range.commits)) if given is None else np.asarray(given, dtype=np.float64)
        try:
            search = Search(
                self._range.parents,
                good=sorted({*self._range.good, *words[Word.CLEAN]}),
                bad=sorted({*self._range.bads, *words[Word.FAILED]}),
                confidence=self._options.confidence,
                # `move` is for the very first attempt, which has to come to wherever it is made.
                costs=Costs(move=self.pace.move(self.kind) / self.pace.repeat(self.kind), between=self._repeats_to),
                min_rate=self._options.min_rate,
                prior=np.where(self._same.impossible, 0.0, prior).tolist(),
                layouts=self._basis.draws if self._basis.draws > 1 else None,
                twins=self._beforehand.twins,
                reverts=self._beforehand.reverts,
                find_fix=self._range.find_fix,
            )
        except ValueError as error:
            raise self._no_candidate(words[Word.CLEAN] + words[Word.FAILED]) from error
        self._linked: dict[tuple[Draw, str], list[int]] = {}
        """Commits that had one layout under the same draw."""
        self._left: set[int] = set()
        self._layouts = Layouts()
        for commit in sorted({*self._options.skipped, *words[Word.UNTESTABLE]}):
            self._leave(search, commit)
        return search

    def _no_candidate(self, told: Sequence[int]) -> UserError:
        if not told:
            return UserError("both ends have the same tree, so no commit can be it", next_step="name other ends")
        named = " and ".join(f"bisectsyms tell {self._range.commits[one][:12]} nothing" for one in told)
        return UserError("people's words leave no commit that could be it", next_step=f"{named} takes them back")

    def _tell(self, search: Search, commit: int | None, one: Observation) -> None:
        """As in a step: a failure is proof in whichever kind, a clean attempt only in the kind worked with."""
        if commit is None or self._is_spoken_for(commit):
            return
        layout = self._layouts.name(commit, one) if self._basis.draws > 1 else None
        if one.outcome.is_failure:
            search.tell(commit, "failed", one.seconds, str(one.kind), layout)
        elif one.outcome is Outcome.CLEAN and self.kind in (one.kind, Kind.TEST):
            search.tell(commit, "clean", one.seconds, str(one.kind), layout)
        if layout is not None and one.layout:
            linked = self._linked.setdefault((one.draw, one.layout), [])
            if commit not in linked:
                linked.append(commit)
                search.alike(linked[0], commit)

    def _is_spoken_for(self, commit: int) -> bool:
        """Whether a word stands in place of its attempts.

        One that is failed by a word is an end, like one of the command line: attempts there cannot change that, and
        tell how often it fails here.
        """
        return self._words.get(commit) in (Word.CLEAN, Word.UNTESTABLE)

    def _leave(self, search: Search, commit: int) -> None:
        if commit not in self._left:
            self._left.add(commit)
            search.tell(commit, "untestable", seconds=0.0)

    def _breaks(self, commit: int) -> bool:
        return isinstance(probe(self.seen(commit), self.kind, None), Decision)

    def seconds_to(self, commit: int, place: Place) -> float:
        """What it takes a slot to come from a place to a commit."""
        return float(self.ways.seconds_to(np.array([commit]), self.kind, [place], self._beforehand.between)[0])

    def _repeats_to(self, _last_told: int, commits: NDArray[np.int64]) -> Seconds:
        """What each move costs, in repeats: from the nearest slot that is free."""
        seconds = self.ways.seconds_to(commits, self.kind, self._free, self._beforehand.between)
        return seconds / self.pace.repeat(self.kind)
