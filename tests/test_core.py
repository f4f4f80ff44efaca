"""The small pure rooms: words, the order of draws, and which variables a build may see."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from bisectsyms.core.belief import known
from bisectsyms.core.determinism import determinism
from bisectsyms.core.environment import for_build
from bisectsyms.core.fixups import known_as
from bisectsyms.core.variation import Variation
from bisectsyms.core.words import count, duration, percent, seconds_in
from bisectsyms.model import Draw, Fixup, Kind, Observation, Outcome, Verdict
from bisectsyms.render.jsontext import document


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.25, "25 %"),
        (0.0549, "5.5 %"),
        (0.0012, "0.12 %"),
        (0.00001, "under 0.01 %"),
        (0.99999, "over 99.99 %"),
        (0.9951, "99.51 %"),
        (0.999, "99.90 %"),
    ],
)
def test_percent_never_rounds_to_nothing_or_to_everything(share: float, text: str) -> None:
    assert percent(share) == text


def test_counts_and_durations() -> None:
    assert (count(1, "attempt"), count(2, "attempt")) == ("1 attempt", "2 attempts")
    assert [duration(s) for s in (2.84, 231, 7300)] == ["2.8 s", "3 min 51 s", "2 h 01 min"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("45", 45), ("0.5", 0.5), ("90m", 5400), ("1h30m", 5400), ("2h", 7200), ("1h5s", 3605)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "18:00", "soon", "-5", "5 s", "1m1h", "1d"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds_in(text)


def test_a_sweep_takes_each_length_once_before_any_twice() -> None:
    policy, drawn = Variation(8), list[Draw]()
    for _ in range(16):
        drawn.append(policy.next_draw("tree", drawn))
    assert {draw.length for draw in drawn[:8]} == set(range(1, 9))
    assert drawn[:8] == drawn[8:], "in the same order again"
    assert [policy.next_draw(tree, ()) for tree in "abcdefgh"].count(drawn[0]) < 8, "another tree, another order"


def test_what_another_kind_of_attempt_has_drawn_comes_last() -> None:
    policy = Variation(4)
    first = policy.next_draw("tree", ())
    drawn: list[Draw] = []
    for _ in range(4):
        drawn.append(policy.next_draw("tree", drawn, others=[first]))
    assert drawn[-1] == first
    assert len(set(drawn)) == 4, "a sweep of this kind is still whole"
    busy = [first, *(Draw(length) for length in range(1, 5))]
    assert policy.next_draw("tree", drawn, others=busy) != first


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([], ""),
        (["a"], ""),
        (["a", "a", "a"], "3 attempts (relink), one layout, all CLEAN: deterministic, as far as they show"),
        (["a", "a", "b"], "3 attempts (relink), 2 layouts, 3 CLEAN: not deterministic"),
        (["a", "a!"], "2 attempts (relink), 1 layout, 1 CLEAN, 1 INCONSISTENT: not deterministic"),
    ],
)
def test_frozen_attempts_tell_whether_a_revision_is_deterministic(made: list[str], says: str) -> None:
    outcomes = {"": Outcome.CLEAN, "!": Outcome.INCONSISTENT}
    seen = [Observation(Kind.RELINK, outcomes[one[1:]], layout=one[0]) for one in made]
    seen += [Observation(Kind.CLEAN, Outcome.CLEAN, layout="c"), Observation(Kind.RELINK, Outcome.BROKEN)]
    told = determinism(seen if made else [])
    assert says in told and bool(says) == bool(told)


def test_a_tree_with_fixups_is_known_by_another_id() -> None:
    tree, one, two = "0" * 40, Fixup("a" * 64), Fixup("b" * 40, since="c" * 40, before="b" * 40)
    assert known_as(tree, ()) == tree
    ids = {known_as(of, fixups) for of in (tree, "1" * 40) for fixups in ((one,), (two,), (one, two), (two, one))}
    assert len(ids) == 8, "the order is part of it"
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in ids), "it looks like an id wherever ids are checked"
    assert known_as(tree, (two,)) == known_as(tree, (Fixup(two.patch),)), "for which revisions it is does not matter"


def test_a_draw_sets_the_length_of_the_version_string() -> None:
    assert [Draw(length).build_version for length in (1, 2, 5)] == ["1", "10", "10000"]
    assert (str(Variation(1)), str(Variation(32))) == ("pinned", "sweep:32")


def test_a_build_sees_what_it_needs_and_what_the_profile_names() -> None:
    caller = {
        "PATH": "/bin",
        "HOME": "/root",
        "KCFLAGS": "-O3",
        "KALLSYMS_EXTRA_PASS": "1",
        "LC_ALL": "de_DE.UTF-8",
        "SSH_AUTH_SOCK": "/tmp/x",
        "CCACHE_DIR": "/ccache",
        "MAKEFLAGS": "-j8",
        "W": "1",
    }
    env, dropped = for_build(caller, {"W": "2"})
    assert env["W"] == "2"
    assert env["LC_ALL"] == "C"
    assert env["LANGUAGE"] == ""
    assert env["CCACHE_DIR"] == "/ccache"
    assert "SSH_AUTH_SOCK" not in env
    assert dropped == ("KALLSYMS_EXTRA_PASS", "KCFLAGS", "MAKEFLAGS"), "only what would have mattered is named"


@dataclass(frozen=True)
class _Result:
    outcome: Outcome
    verdict: Verdict
    where: Path
    share: float
    parts: tuple[int, ...]


def test_json_is_one_object_with_a_schema() -> None:
    text = document(_Result(Outcome.CLEAN, Verdict.GOOD, Path("/a"), 0.5, (1, 2)))
    assert json.loads(text) == {
        "schema": 1,
        "outcome": "CLEAN",
        "verdict": "GOOD",
        "where": "/a",
        "share": 0.5,
        "parts": [1, 2],
    }
    assert json.loads(document([1])) == {"schema": 1, "result": [1]}
    json.loads(document(known(0.5)))
