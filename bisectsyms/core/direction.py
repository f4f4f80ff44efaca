"""Which way a bisect looks: for the commit that brought the failure in, or for the one that fixed it.

git knows only old and new. Verdicts and the ledger speak of the failure alone, so attempts serve a search
in either direction; this module is the one place where both are brought together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bisectsyms.errors import UserError
from bisectsyms.model import Verdict

FAILING = frozenset(("bad", "broken", "buggy", "fail", "failing", "fails", "inconsistent", "unfixed"))
CLEAN = frozenset(("clean", "consistent", "fixed", "good", "ok", "pass", "passes", "passing", "working", "works"))
"""Words that tell which end fails; `old` and `new` (git-bisect(1), "Alternate terms") do not."""
RESERVED = frozenset(("help", "start", "skip", "next", "reset", "visualize", "view", "replay", "log", "run", "terms"))
"""git bisect's own verbs, which it takes as no term (builtin/bisect.c, check_term_format)."""
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Terms:
    """The words for both sides of a search of our own, and where the failure is."""

    old: str = "good"
    new: str = "bad"
    find_fix: bool = False
    """The failure is at the old end."""


def search_terms(given: str | None, *, find_fix: bool) -> Terms:
    """From `OLD,NEW` as typed and from --find-fix, which wins over what the words tell.

    Raises:
        UserError: git bisect would not take these words.
    """
    if given is None:
        return Terms("broken", "fixed", find_fix=True) if find_fix else Terms()
    old, comma, new = given.partition(",")
    fits = comma and old != new and all(_TERM.fullmatch(word) and word not in RESERVED for word in (old, new))
    # git keeps the sides of its own words: builtin/bisect.c, check_term_format.
    if not fits or old in ("bad", "new") or new in ("good", "old"):
        raise UserError(
            f"--terms {given}: git bisect takes no such words", next_step="two different ones, as --terms broken,fixed"
        )
    return Terms(old, new, find_fix or bool(terms_tell(old, new)))


@dataclass(frozen=True, slots=True)
class BisectState:
    """What git knows of the bisect that runs in this worktree; commits as full ids."""

    old_term: str
    new_term: str
    new: str
    """Commit of the current new end."""
    news: tuple[str, ...]
    """Every commit that was called new, in that order; the first is the end as the user named it."""
    olds: tuple[str, ...]
    """Every commit that is called old, in that order."""
    culprit: str
    """What git has already found, or the empty string."""
    find_fix: bool
    """The failure is at the old end, and the commit looked for is the one that fixed it."""
    first_parent: bool = False
    paths: tuple[str, ...] = ()
    """Pathspecs that the bisect is limited to."""
    merge_bases_passed: bool = False
    """git has compared the merge bases of both ends, or there was no need to."""

    @property
    def failing_term(self) -> str:
        """git's word in this bisect for a commit that fails."""
        return self.old_term if self.find_fix else self.new_term

    @property
    def clean_term(self) -> str:
        """git's word in this bisect for a commit that passes."""
        return self.new_term if self.find_fix else self.old_term

    @property
    def failing_end(self) -> str:
        """Where the user first saw the failure: there its rate is measured."""
        return self.olds[0] if self.find_fix else self.news[0]

    @property
    def nearest_failing(self) -> str:
        """The revision found failing last."""
        return self.olds[-1] if self.find_fix else self.new

    @property
    def clean_ends(self) -> tuple[str, ...]:
        """Every commit that git holds for one without the failure."""
        return self.news if self.find_fix else self.olds

    @property
    def held(self) -> dict[str, Verdict]:
        """What git holds of the commits that bound its search: commit -> our word for it."""
        failing = self.olds if self.find_fix else (self.new,)
        return dict.fromkeys(self.clean_ends, Verdict.GOOD) | dict.fromkeys(failing, Verdict.BAD)

    @property
    def ends(self) -> tuple[str, ...]:
        """The commits that bound git's search."""
        return tuple(self.held)

    def tells(self, verdict: Verdict) -> int:
        """The exit status that says `verdict` to git bisect run: 0 is old, 1 is new."""
        turned = {Verdict.GOOD: Verdict.BAD, Verdict.BAD: Verdict.GOOD} if self.find_fix else {}
        return turned.get(verdict, verdict).value

    def term(self, verdict: Verdict) -> str:
        """git's word for `verdict`; empty where git has none."""
        return {Verdict.GOOD: self.clean_term, Verdict.BAD: self.failing_term}.get(verdict, "")

    def assumption(self) -> str:
        """Which end is taken for the failing one, in one line; empty where git's own words say it."""
        if (self.old_term, self.new_term, self.find_fix) == ("good", "bad", False):
            return ""
        what = "fixed it" if self.find_fix else "brought the failure in"
        text = (
            f"looking for the commit that {what}: the {self.failing_term} end fails, the {self.clean_term} end passes"
        )
        if not self.find_fix and terms_tell(self.old_term, self.new_term) is None:
            text += "; if it is the other way round: --find-fix"
        return text


def terms_tell(old: str, new: str) -> bool | None:
    """Whether these terms are those of a search for the fix; None if they do not tell."""
    fix = old in FAILING or new in CLEAN
    cause = old in CLEAN or new in FAILING
    return fix if fix != cause else None
