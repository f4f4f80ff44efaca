"""The verb simulate."""

from __future__ import annotations

import json

import pytest

from bisectsyms.cli import run


def test_simulate_answers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "--n", "32", "--new", ".5", "--trials", "12", "--seed", "3", "--move", "5", "--json"]
    assert run(words) == (0, False)
    answer = json.loads(capsys.readouterr().out)
    assert answer["right"] >= 0.75 and answer["named"] == 1.0
    assert answer["cost"] == pytest.approx(answer["attempts"] + 5 * answer["moves"])
    assert answer["bound"] < answer["attempts"]
    assert sum(line["answers"] for line in answer["calibration"]) == 12


@pytest.mark.parametrize("more", [["--layouts", "4"], ["--merges", ".08"], ["--at-once", "4"]])
def test_simulate_answers_people(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--n", "40", "--new", ".6", "--trials", "4", *more]) == (0, False)
    said = capsys.readouterr().out
    assert "4 trials from seed 1" in said and "attempts:" in said
    assert ("bound:" in said) == ("--layouts" not in more), "nothing is known of the bound for layouts"
    assert ("rounds:" in said) == ("--at-once" in more)
