"""The views of the ledger that people browse, as the sqlite3 tool shows them."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.effects.ledger import Ledger
from bisectsyms.model import Draw, Outcome
from tests.ledgers import CLANG, CLEAN, FAILED, plan

LOG = "ab" * 32


def shown(state_dir: Path, query: str) -> list[dict[str, Any]]:
    tool = shutil.which("sqlite3")
    if tool is None:
        pytest.skip("apt-get install sqlite3")
    words = [tool, "-readonly", "-json", str(state_dir / "ledger.sqlite"), query]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout or "[]")  # type: ignore[no-any-return]  # what a tool prints


def test_the_views_say_what_is_there_in_words(tmp_path: Path) -> None:
    drawn = Draw(7, (("pad", "8"), ("freeze", "")))
    with Ledger.open(tmp_path) as ledger:
        for one, result in (
            (plan(1), CLEAN),
            (plan(2, draw=drawn), replace(FAILED, evidence=(("log", LOG),))),
            (plan(2), FAILED),
            (plan(2, cell=CLANG), replace(FAILED, outcome=Outcome.BROKEN)),
        ):
            ledger.finish(ledger.begin(one), result)
        ledger.begin(plan(3))
        wrong = ledger.get(3)
        assert wrong
        ledger.exclude(wrong, "wrong board")

    attempts = shown(tmp_path, "select * from attempts_view")
    assert [one["attempt"] for one in attempts] == [5, 4, 3, 2, 1]
    assert (attempts[0]["outcome"], attempts[2]["excluded"]) == ("running", "wrong board")
    second = attempts[3]
    assert (second["revision"], second["title"], second["toolchain"], second["jobs"]) == (
        "v2",
        "title 2",
        "gcc-12",
        "-j8",
    )
    assert (second["length"], second["drawn"], second["repeat"]) == (7, "pad=8 freeze", "bisectsyms again 2")

    (worst, *_) = shown(tmp_path, "select * from spots_view")
    assert (worst["revision"], worst["failed"], worst["clean"], worst["excluded"], worst["rate"]) == (
        "v2",
        1,
        0,
        1,
        1.0,
    )
    (failure,) = shown(tmp_path, "select * from failures_view")
    assert (failure["attempt"], failure["log"]) == (2, f"evidence/ab/{LOG[2:]}.gz")
    hours = shown(tmp_path, "select * from hours_view")
    assert [sum(one[what] for one in hours) for what in ("attempts", "failed", "clean", "no_evidence")] == [4, 2, 1, 1]
