"""What people say decides at once, spends nothing, teaches nothing, and is always named."""

from __future__ import annotations

import pytest

from bisectsyms.core.decide import Decision
from bisectsyms.core.people import decide, given_words, naming, without
from bisectsyms.core.words import plain
from bisectsyms.model import Consistency, Exclusion, Revision, Told, Verdict, Word

REVISION = Revision("ab" * 20, "cd" * 20, "title")


@pytest.mark.parametrize(
    ("word", "verdict"), [(Word.FAILED, Verdict.BAD), (Word.CLEAN, Verdict.GOOD), (Word.UNTESTABLE, Verdict.SKIP)]
)
def test_a_word_is_a_verdict_with_a_name_and_a_time(word: Word, verdict: Verdict) -> None:
    decision = decide(Told(REVISION, "cell", word, "seen \x1b[2Jelsewhere", "ann@host", 0.0), "2026-01-31 12:00")
    text = f"told: {word}, by ann@host on 2026-01-31 12:00 (seen elsewhere); nothing was measured"
    assert decision == Decision(verdict, Consistency.UNKNOWN, text, miss=0.0)


def test_what_was_left_out_is_named() -> None:
    decision = Decision(Verdict.GOOD, Consistency.GOOD, "9 clean attempts", 0.01)
    one, two = Exclusion(7, "wrong toolchain", "ann@host", 1.0), Exclusion(9, "fan died", "bob@host", 2.0)
    assert naming(decision, []) == decision
    named = naming(decision, [one]).rationale
    assert named == "9 clean attempts (1 attempt excluded: attempt 7, wrong toolchain)"
    assert without([one, two]) == " (2 attempts excluded: attempt 7, wrong toolchain; attempt 9, fan died)"


def test_a_confidence_says_what_it_rests_on() -> None:
    assert given_words(0) == ""
    assert given_words(2) == ", given what you told about 2 revisions"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[1;31mred\x1b[0m b", "ared b"),
        ("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\y", "xy"),
        ("\x1b]0;without an end\nnext line", "\nnext line"),
        ("\x1bcreset \x1b(B and\x1b", "reset  and"),
        ("bell\x07 back\x08 return\r\n\ttab \x9b31m ä", "bell back return\n\ttab 31m ä"),
    ],
)
def test_nothing_moves_the_terminal(text: str, shown: str) -> None:
    assert plain(text) == shown
