"""Two ledgers made one: every attempt counts once, words agree, and a file that is not whole changes nothing."""

from __future__ import annotations

import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.core.belief import known
from bisectsyms.core.decide import Ask, Decision, Rules, judge
from bisectsyms.core.searchanswer import SearchAnswer
from bisectsyms.effects.ledger import Ledger, exchange
from bisectsyms.effects.ledger.exchange import AnswerLine, AttemptLine, ToldLine, read, write
from bisectsyms.effects.ledger.merge import Merged
from bisectsyms.errors import UserError
from bisectsyms.model import Draw, Fixup, Kind, Outcome, Result, Verdict, Word
from tests.ledgers import CELL, CLANG, CLEAN, FAILED, digest, judged, plan
from tests.manyattempts import Shape, records

Lines = list[dict[str, Any]]
CELLS = "select json from cells"
GOOD, BAD, NAMED = ("1" * 40,), "9" * 40, "5" * 40
ANSWER = SearchAnswer(
    cell=CELL.key,
    good=GOOD,
    bad=BAD,
    find_fix=False,
    ending="culprit",
    commit=NAMED,
    probability=0.97,
    means="the first commit that fails",
    exposing=True,
    warnings=("no clean build tells", "\x1b[31m"),
    likely_wrong=False,
    reverted="GOOD",
    reverted_why="5 clean attempts",
    when=1000.0,
)


def made(ledger: Ledger, *results: Result, revision: int = 1) -> None:
    for result in results:
        ledger.finish(ledger.begin(plan(revision)), result)


def exported(ledger: Ledger, host: str = "other") -> bytes:
    return b"".join(write(host, ledger.records()))


def merge(ledger: Ledger, content: bytes) -> Merged:
    return ledger.take_over(read(io.BytesIO(content), "file"))


def counts(ledger: Ledger, revision: int = 1) -> tuple[int, int]:
    """(failed, clean) attempts at a revision."""
    outcomes = [one.outcome for one in ledger.observations(plan(revision).revision.tree, CELL.key)]
    return outcomes.count(Outcome.INCONSISTENT), outcomes.count(Outcome.CLEAN)


def test_two_ledgers_merged_both_ways_count_the_same_and_derive_the_same_verdict(tmp_path: Path) -> None:
    rules = Rules(known(0.5), Kind.RELINK, share=0.05, draws=1)
    tree = plan().revision.tree
    with Ledger.open(tmp_path / "one") as one, Ledger.open(tmp_path / "two") as two:
        made(one, CLEAN, CLEAN, replace(CLEAN, outcome=Outcome.INFRA))
        made(two, CLEAN, CLEAN, CLEAN)
        made(two, FAILED, revision=2)
        two.begin(plan(3, cell=CLANG))
        two.judge(judged(plan(2).revision.commit, Verdict.GOOD), CELL)
        assert isinstance(judge(one.observations(tree, CELL.key), rules), Ask)
        assert isinstance(judge(two.observations(tree, CELL.key), rules), Ask)

        assert merge(one, exported(two)) == Merged("other", attempts=4, known=0, words=0)
        assert merge(two, exported(one)) == Merged("other", attempts=3, known=4, words=0)

        for ledger in (one, two):
            assert counts(ledger) == (0, 5)
            assert counts(ledger, 2) == (1, 0)
            together = judge(ledger.observations(tree, CELL.key), rules)
            assert isinstance(together, Decision)
            assert together.verdict is Verdict.GOOD
        assert one.verdicts() == [], "what was said there is not taken over"
        assert one.attempts(commit=plan(3).revision.commit) == [], "what still runs there has not ended"
        assert one.origins() == {socket.gethostname(): 4}
        content = exported(one)
        for _ in range(2):
            assert merge(one, content).attempts == 0
        assert one.begin(plan()) == 8, "numbers go on without a gap"


def test_what_came_over_is_as_it_was(tmp_path: Path) -> None:
    odd = replace(
        FAILED, why="at \udce4 \x1b[31m", exit_status=-9, evidence=(("log", digest(1)), (".config", digest(2)))
    )
    with Ledger.open(tmp_path / "one") as one, Ledger.open(tmp_path / "two") as two:
        made(two, replace(odd, exit_status=None))
        two.finish(two.begin(plan(draw=Draw(5, (("jobs-double", ""), ("pad", "64"))))), odd)
        made(one, CLEAN)
        merge(one, exported(two))
        got = one.attempts()[1:]
        assert [replace(attempt, number=attempt.number - 1) for attempt in got] == two.attempts()
        assert [bool(one.origin(number)) for number in (1, 2, 3)] == [False, True, True]
        assert one.evidence_by_value().precious == frozenset(), "what is not here cannot be precious"


def test_the_newest_word_counts_on_both_sides(tmp_path: Path) -> None:
    clock = iter(range(1000, 2000))

    def now() -> float:
        return float(next(clock))

    revision = plan().revision
    with Ledger.open(tmp_path / "one", now=now) as one, Ledger.open(tmp_path / "two", now=now) as two:
        made(one, FAILED, CLEAN)
        one.exclude(one.attempts()[0], "wrong toolchain")
        one.tell(revision, CELL, Word.CLEAN, "")
        assert merge(two, exported(one)) == Merged("other", attempts=2, known=0, words=2)
        assert counts(one) == counts(two) == (0, 1)
        told = two.told(revision.tree, CELL.key)
        assert told == one.told(revision.tree, CELL.key)
        assert told and told.word is Word.CLEAN
        assert [one.why for one in two.excluded(revision.tree, CELL.key)] == ["wrong toolchain"]

        two.exclude(two.attempts()[0], "it was the right one", undo=True)
        two.tell(revision, CELL, Word.NOTHING, "")
        assert merge(one, exported(two)).words == 2
        merge(two, exported(one))
        assert counts(one) == counts(two) == (1, 1)
        assert one.told(revision.tree, CELL.key) is two.told(revision.tree, CELL.key) is None


def test_an_import_and_a_word_make_older_verdicts_outdated(tmp_path: Path) -> None:
    tree = plan().revision.tree
    with Ledger.open(tmp_path / "one") as one, Ledger.open(tmp_path / "two") as two:
        made(one, CLEAN)
        assert one.revised(tree, CELL.key) == 0.0
        made(two, CLEAN)
        merge(one, exported(two))
        first = one.revised(tree, CELL.key)
        assert first > 0.0
        merge(one, exported(two))
        assert one.revised(tree, CELL.key) == first, "nothing new came"
        one.exclude(one.attempts()[0], "why")
        assert one.revised(tree, CELL.key) > first
        assert one.revised(plan(2).revision.tree, CELL.key) == 0.0


def test_a_guessed_end_gives_way_to_the_end_that_was_seen(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "one") as one, Ledger.open(tmp_path / "two") as two:
        made(two, FAILED)
        content = exported(two)
        two._db.execute("update attempts set buried = 1, outcome = 'INFRA'")
        merge(one, exported(two))
        assert counts(one) == (0, 0)
        assert merge(one, content).attempts == 1
        assert merge(one, content).attempts == 0
        assert counts(one) == (1, 0)


def test_a_cell_with_fixups_goes_to_another_ledger_and_back(tmp_path: Path) -> None:
    cell = replace(CELL, fixups=(Fixup("a" * 64, since="b" * 40), Fixup("c" * 40, before="c" * 40)))
    assert len({CELL.key, cell.key, replace(cell, fixups=cell.fixups[::-1]).key}) == 3, "another order, another cell"
    with Ledger.open(tmp_path / "one") as one, Ledger.open(tmp_path / "two") as two:
        made(one, CLEAN)
        one.finish(one.begin(plan(cell=cell)), FAILED)
        assert merge(two, exported(one)) == Merged("other", attempts=2, known=0, words=0)
        assert two.cells() == one.cells() == [CELL, cell]
        assert merge(one, exported(two)).attempts == 0


def test_a_cell_without_fixups_is_written_and_known_as_before_there_were_any(tmp_path: Path) -> None:
    assert CELL.key == "94d6349f011d", "or every ledger begins with no evidence"
    with Ledger.open(tmp_path) as ledger:
        made(ledger, CLEAN)
        line = json.loads(exported(ledger).splitlines()[1])
        assert "fixups" not in line["cell"]
        assert "fixups" not in json.loads(sqlite3.connect(tmp_path / "ledger.sqlite").execute(CELLS).fetchone()[0])


def test_an_answer_goes_over_once_and_the_newest_counts_whoever_told_it(tmp_path: Path) -> None:
    later = replace(ANSWER, ending="artefact", commit="", when=2000.0)
    with Ledger.open(tmp_path / "one") as one, Ledger.open(tmp_path / "two") as two:
        made(one, CLEAN)
        made(two, CLEAN)
        one.answer(later)
        two.answer(ANSWER)
        two.answer(replace(ANSWER, find_fix=True, when=1500.0))
        merged = merge(one, exported(two))
        assert (merged.attempts, merged.answers) == (1, 2)
        assert merge(one, exported(two)).answers == 0
        assert one.search_answer(CELL.key, GOOD, BAD) == later, "what was told before it came afterwards"
        assert merge(two, exported(one, "third")).answers == 1, "its own do not come back"
        assert two.search_answer(CELL.key, GOOD, BAD) == replace(later, host="third")
        assert two.search_answer(CELL.key, GOOD, BAD, own=True) == ANSWER
        assert one.search_answer(CELL.key, GOOD, BAD, find_fix=True, own=True) is None
        with Ledger.open(tmp_path / "three") as three:
            assert merge(three, exported(one, "third")).answers == 3
            hosts = three._db.execute("select host from answers order by told").fetchall()
            assert [host for (host,) in hosts] == ["other", "other", "third"], "whose it was, whichever way it came"


@pytest.mark.parametrize("version", range(1, 9))
def test_an_export_of_an_older_version_is_taken_over(tmp_path: Path, version: int) -> None:
    """What came since: lists of options and factors, the digest of the inputs, answers."""
    with Ledger.open(tmp_path / "two") as two:
        made(two, CLEAN, FAILED)
        lines: Lines = [json.loads(line) for line in exported(two).splitlines()]
    lines[0]["schema_version"] = version
    for line in lines:
        for name, since in (("vanished", 3), ("inputs", 4), ("draw_factors", 5)):
            if version < since:
                line.pop(name, None)
    with Ledger.open(tmp_path / "one") as one:
        merge(one, "".join(json.dumps(line) + "\n" for line in lines).encode())
        assert counts(one) == (1, 1)


def test_an_export_says_that_an_older_bisectsyms_cannot_read_it(tmp_path: Path) -> None:
    """Version 8 knows no answers: it must say so, and not that the file is damaged."""
    with Ledger.open(tmp_path) as ledger:
        assert json.loads(exported(ledger).splitlines()[0])["schema_version"] > 8


MANY = 20_000
PEAKS = """
import re, sys
from pathlib import Path
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.exchange import read, write

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) << 10

source, copy = Path("many.jsonl").open("rb"), Path("copy.jsonl").open("wb")
with Ledger.open(Path("one")) as ledger:
    before = peak()
    taken = ledger.take_over(read(source, "file")).attempts
    between = peak()
    copy.writelines(write("night", ledger.records()))
    print(taken, between - before, peak() - between)
"""


@pytest.mark.slow
def test_an_export_and_an_import_hold_a_line_at_a_time(tmp_path: Path) -> None:
    """Of each attempt only its uuid is kept while a file is read; a whole attempt takes several thousand bytes."""
    with (tmp_path / "many.jsonl").open("wb") as out:
        out.writelines(write("night", records(Shape(MANY), [plan(number).revision for number in range(20)])))
    done = subprocess.run([sys.executable, "-c", PEAKS], cwd=tmp_path, capture_output=True, text=True, check=True)
    taken, importing, exporting = map(int, done.stdout.split())
    assert taken == MANY
    assert (tmp_path / "copy.jsonl").stat().st_size > 700 * MANY
    assert importing < 800 * MANY
    assert exporting < 100 * MANY


def test_what_can_be_read_only_once_is_read_and_taken_over_from_a_copy(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "two") as two:
        made(two, CLEAN, FAILED)
        content = exported(two)
    for cut, attempts in ((len(content), 2), (len(content) // 2, 0)):
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as out:
            out.write(content[:cut])  # less than a pipe takes
        with (
            Ledger.open(tmp_path / f"one-{cut}") as one,
            os.fdopen(reading, "rb") as source,
            (tmp_path / f"aside-{cut}").open("w+b") as aside,
        ):
            if attempts:
                assert one.take_over(read(source, "pipe", aside)).attempts == attempts
            else:
                with pytest.raises(UserError, match="pipe:"):
                    read(source, "pipe", aside)
            assert one.count() == attempts


def test_a_file_that_is_changed_after_it_was_read_changes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "two") as two, Ledger.open(tmp_path / "one") as one:
        made(two, CLEAN, FAILED)
        source = io.BytesIO(exported(two))
        batch = read(source, "file")
        source.truncate(len(source.getvalue()) - 10)
        with pytest.raises(UserError, match="nothing was taken over"):
            one.take_over(batch)
        assert one.count() == 0
        assert one.cells() == []


def test_every_column_is_carried_over(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    for table, line, own in (
        ("attempts", AttemptLine, {"number", "imported"}),
        ("told", ToldLine, set[str]()),
        ("answers", AnswerLine, {"number"}),
    ):
        columns = {row[1] for row in db.execute(f"pragma table_info({table})")}
        assert columns - own == line.model_fields.keys() - {"record", "evidence"}
    db.close()


def _set(line: int, **changes: object) -> Callable[[Lines], None]:
    return lambda lines: lines[line].update(changes)


def _fixup(lines: Lines) -> None:
    lines[1]["cell"]["fixups"] = [{"patch": "a" * 64, "since": "--upload-pack=evil", "before": ""}]


def _profile(lines: Lines) -> None:
    lines[1]["cell"]["profile"] = "./trap.yaml"


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (_set(0, record="something"), "file:1: this is no ledger"),
        (_set(0, schema_version=99, new="key"), "file:1: written by bisectsyms"),
        (_set(1, key="0" * 12), "file:2: cell 000000000000 has other contents"),
        (_profile, "file:2: .*no name of a profile"),
        (_fixup, "file:2: .*no id of a fixup"),
        (_set(2, revision="--upload-pack=evil"), "file:3: attempt.revision: String should match"),
        (_set(2, evidence=[["log", "../../../etc/passwd"]]), "file:3: attempt.evidence"),
        (_set(2, pid="12"), "file:3: attempt.pid"),
        (_set(2, cell="f" * 12), "file:3: its cell f+ is not in the lines before"),
        (_set(2, seconds=float("nan")), "file:3: attempt.seconds"),
        (_set(2, begun=1e300), "file:3: attempt.begun"),  # no calendar has it, so no report could be made any more
        (_set(2, draw_length=10**9), "file:3: attempt.draw_length"),
        (_set(2, draw_factors=[["pad", "64\n"]]), "file:3: attempt.draw_factors"),
        (_set(2, draw_factors=[["../pad", "64"]]), "file:3: attempt.draw_factors"),
        (_set(2, surprise=1), "file:3: attempt.surprise"),
        (lambda lines: lines[3].update(uuid=lines[2]["uuid"]), "file:4: attempt .* is here twice"),
        (_set(4, attempt="0" * 8 + "-0000-0000-0000-" + "0" * 12), "file:5: its attempt .* is not in the lines"),
        (_set(5, bad="--upload-pack=evil"), "file:6: answer.bad: String should match"),
        (_set(5, good=["HEAD"]), "file:6: answer.good.0: String should match"),
        (_set(5, revision="x"), "file:6: answer.revision"),
        (_set(5, ending="certain"), "file:6: answer.ending"),
        (_set(5, probability=1.5), "file:6: answer.probability"),
        (_set(5, cell="f" * 12), "file:6: its cell f+ is not in the lines before"),
        (lambda lines: lines.pop(), "file:6: the file ends before its end"),
        (lambda lines: lines.pop(3), "file:6: 6 lines were written, 5 are here"),
        (lambda lines: lines.append(lines[2]), "file:8: there is more after the end"),
    ],
)
def test_a_file_that_is_not_right_changes_nothing(
    tmp_path: Path, damage: Callable[[Lines], object], error: str
) -> None:
    with Ledger.open(tmp_path / "two") as two:
        made(two, CLEAN, FAILED)
        two.exclude(two.attempts()[0], "why")
        two.answer(ANSWER)
        lines: Lines = [json.loads(line) for line in exported(two).splitlines()]
    damage(lines)
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    with Ledger.open(tmp_path / "one") as one:
        with pytest.raises(UserError, match=error) as caught:
            merge(one, content)
        assert "nothing was taken over" in caught.value.message
        assert caught.value.next_step
        assert one.count() == 0


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"[]\n", b"SQLite format 3\0", b"[" * 100_000])
def test_a_foreign_file_is_told_apart(tmp_path: Path, content: bytes) -> None:
    with Ledger.open(tmp_path) as ledger, pytest.raises(UserError, match="no ledger that bisectsyms has exported"):
        merge(ledger, content)


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        start = exported(ledger).splitlines(keepends=True)[0]
        source = io.BytesIO(start + b" " * (3 * exchange.LONGEST))
        with pytest.raises(UserError, match="file:2"):
            read(source, "file")
        assert source.tell() <= len(start) + exchange.LONGEST
