"""What a report says of a ledger, while it is written to, and what its forms make of foreign text."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bisectsyms.core.rated import rated
from bisectsyms.core.report import Report, Word, rate_text, time_line
from bisectsyms.core.words import percent, visible
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.reading import Reading
from bisectsyms.errors import UserError
from bisectsyms.model import Kind, Outcome, Plan, Result, Revision
from bisectsyms.model import Word as Said
from bisectsyms.render.page.grid import grid_of
from bisectsyms.render.reports.forms import COLUMNS, FORMS
from bisectsyms.usecases.failures import TAIL_LINES, Cause
from bisectsyms.usecases.report import ReportOptions, columns_of, report
from tests.conftest import User
from tests.ledgers import CELL, CLANG, CLEAN, FAILED, first_version, plan
from tests.made_reports import HOSTILE, made_report

BROKEN = replace(CLEAN, outcome=Outcome.BROKEN, signature="compile", why="error: x")


@pytest.fixture
def repository(tmp_path: Path, user: User) -> Repository:
    top = tmp_path / "linux"
    top.mkdir()
    for words in (["init", "-q"], ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "1", "--allow-empty"]):
        assert user.run("git", *words, cwd=top).returncode == 0
    return Repository.discover(top, dict(user.env))


def fill(repository: Repository, *made: tuple[Plan, Result, int]) -> None:
    with Ledger.open(repository.state_dir) as ledger:
        ledger._db.execute("pragma synchronous = off")  # three hundred attempts, and none to lose
        for one, result, times in made:
            for _ in range(times):
                ledger.finish(ledger.begin(one), result)


def spot(found: Report, revision: str, cell: Any = CELL) -> Any:
    (one,) = [each for each in found.spots if each.revision == revision and each.cell == cell.key]
    return one


def test_spots_have_the_words_and_rates_of_a_hunt(repository: Repository) -> None:
    fill(
        repository,
        (plan(1), CLEAN, 150),
        (plan(2), FAILED, 30),
        (plan(2), CLEAN, 90),
        (plan(3), CLEAN, 3),
        (plan(4), BROKEN, 1),
        (plan(4, kind=Kind.CLEAN), BROKEN, 1),
        (plan(1, cell=CLANG), FAILED, 60),
    )
    found = report(repository)
    assert spot(found, "v1").word is Word.GOOD and "below 2 %" in spot(found, "v1").verdict
    assert spot(found, "v2").word is Word.FLAKY
    assert (spot(found, "v2").rate.failed, spot(found, "v2").rate.attempts) == (30, 120)
    assert spot(found, "v2").rate.low < 30 / 120 < spot(found, "v2").rate.high
    assert spot(found, "v3").word is Word.OPEN
    assert spot(found, "v1", CLANG).word is Word.BAD
    assert found.answer == "2 of 5 combinations fail"
    assert "clang-15" in found.details[1], "the worst is named"
    assert (found.attempts, found.failed) == (335, 90)
    assert found.time_line.attempts == 335
    assert {column.label for column in found.columns} == {"arm/gcc-12", "arm/clang-15"}
    assert found.common == "-j8 sweep:7 (s3c)"


def test_what_makes_the_difference_is_told_of_a_matrix_that_stands_still(repository: Repository) -> None:
    alone = replace(CELL, jobs=1)
    fill(
        repository,
        (plan(1), FAILED, 20),
        (plan(1), CLEAN, 20),
        (plan(1, cell=alone), CLEAN, 40),
        (plan(2), CLEAN, 40),
        (plan(2, cell=alone), CLEAN, 3),
    )
    told = "\n".join(report(repository).details)
    assert "-j and revision make a difference, each by itself (2 of 2 comparisons)" in told
    assert f"-j: -j{CELL.jobs} failed 20 of 40 times, -j1 0 of 40 (p under 0.01 %), both with v1" in told
    with Ledger.open(repository.state_dir) as ledger:
        ledger.begin(plan(2))
        assert "difference" not in "\n".join(report(repository).details)
        ledger._db.execute("update attempts set pid_started = 1 where ended is null")  # its pid is another's now
        found = report(repository)
        assert "difference" in "\n".join(found.details)
        assert "its driver died" in found.running[0]


def test_the_revisions_of_one_cell_are_a_history_and_no_matrix(repository: Repository) -> None:
    fill(repository, (plan(1), FAILED, 40), (plan(2), CLEAN, 40))
    assert "difference" not in "\n".join(report(repository).details)


def test_what_people_said_and_took_out_is_told_and_not_counted(repository: Repository) -> None:
    fill(repository, (plan(1), CLEAN, 3), (plan(2), FAILED, 1))
    with Ledger.open(repository.state_dir) as ledger:
        attempt = ledger.get(4)
        assert attempt
        ledger.exclude(attempt, "wrong board")
        ledger.tell(plan(1).revision, CELL, Said.UNTESTABLE, "hangs")
    found = report(repository)
    assert (spot(found, "v1").word, spot(found, "v1").told != "") == (Word.TOLD, True)
    assert (spot(found, "v2").word, spot(found, "v2").excluded, spot(found, "v2").rate.failed) == (Word.OPEN, 1, 0)
    assert not found.failures and not found.failed
    assert found.answer.startswith("No failure was seen in 2 combinations")


def test_a_kind_that_somebody_insisted_on_is_told(repository: Repository) -> None:
    fill(repository, (plan(1, kind=Kind.CLEAN), CLEAN, 5))
    one = spot(report(repository), "v1")
    assert (one.kind, one.rate.attempts) == (Kind.CLEAN, 5)


def test_it_is_read_while_somebody_writes_and_writes_nothing(repository: Repository) -> None:
    fill(repository, (plan(1), CLEAN, 2))
    with Ledger.open(repository.state_dir) as writer:
        running = writer.begin(plan(2))
        writer._db.execute("begin immediate")  # as in the middle of a write
        found = report(repository)
        writer._db.execute("rollback")
        assert found.attempts == 2 and len(found.running) == 1 and f"attempt {running}" in found.running[0]
        with Reading.open(repository.state_dir) as ledger:
            before = ledger.count()
            writer.begin(plan(3))
            assert ledger.count() == before, "one snapshot"
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                ledger._db.execute("delete from attempts")


def test_nobody_waits_for_a_reader_on_a_network_file_system(repository: Repository) -> None:
    fill(repository, (plan(1), CLEAN, 2))
    with Ledger.open(repository.state_dir, fs_type=lambda path: "nfs4") as writer:
        with Reading.open(repository.state_dir) as ledger:
            assert ledger.count() == 2
            writer._db.execute("pragma busy_timeout = 0")
            writer.begin(plan(2))
        assert len(report(repository).running) == 1


def test_no_ledger_and_an_old_one_have_a_next_step(repository: Repository) -> None:
    with pytest.raises(UserError, match="no attempt"):
        report(repository)
    assert not (repository.state_dir / "ledger.sqlite").exists()
    first_version(repository.state_dir, [plan(1)], FAILED)
    with pytest.raises(UserError, match="bisectsyms status"):
        report(repository)


def test_only_what_is_meant(repository: Repository) -> None:
    fill(repository, (plan(1), CLEAN, 2), (plan(2), FAILED, 2), (plan(1, cell=CLANG), FAILED, 1))
    only = {(plan(1).revision.tree, CELL.key)}
    found = report(repository, ReportOptions(only=only))
    assert [one.revision for one in found.spots] == ["v1"] and len(found.columns) == 1
    assert (found.attempts, found.failed, found.failures) == (2, 0, ())
    assert not report(repository, ReportOptions(since=1e12)).spots


def test_a_failure_is_told_with_its_log_its_cause_and_how_to_repeat_it(repository: Repository, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"line %d \xff %s\n" % (n, b"x" * 5000 * (n == 39)) for n in range(40)))
    kept = EvidenceStore(repository.state_dir / "evidence").keep([("log", log)])
    lost = replace(FAILED, evidence=(("log", "ab" * 32),))
    fill(repository, (plan(1), replace(FAILED, evidence=kept), 5), (plan(2), lost, 1))
    found = report(repository, look=lambda _, number: Cause(f"cause of {number}", "__stop_x"))
    assert [one.attempt for one in found.failures] == [6, 5, 4, 3], "each spot's newest first, and three of a spot"
    newest = found.failures[1]
    assert len(newest.tail) == TAIL_LINES and newest.tail[0].startswith("line 28")
    assert len(newest.tail[-1]) < 500 and newest.tail[-1].endswith("[…]")
    assert (newest.cause, newest.symbol) == ("cause of 5", "__stop_x")
    assert (newest.again, newest.command) == ("bisectsyms again 5", "make -j8 vmlinux")
    assert found.failures[0].tail == (), "the store has given it up"
    assert [one.attempt for one in report(repository, ReportOptions(failures=1)).failures] == [6]


def test_labels_tell_cells_apart() -> None:
    other = replace(CELL, targets=("all",))
    _, columns = columns_of({one.key: one for one in (CELL, other)})
    assert len({column.label for column in columns}) == 2, "by key, where words do not do"
    common, (single,) = columns_of({CELL.key: CELL})
    assert single.label == common == "arm/gcc-12 -j8 sweep:7 (s3c)"
    assert columns_of({}) == ("", ())


@pytest.mark.parametrize(("span", "attempts"), [(0.0, 1), (3600.0, 60), (86400.0 * 400, 500), (1e9, 50)])
def test_a_time_line_has_few_bins_and_loses_nothing(span: float, attempts: int) -> None:
    moments = [(1e9 + span * n / attempts, (True, False, None)[n % 3]) for n in range(attempts)]
    line = time_line(moments)
    assert line.attempts == attempts
    assert len(line.bins) <= 72
    assert all(
        later.begun - sooner.begun >= line.width for sooner, later in zip(line.bins, line.bins[1:], strict=False)
    )
    assert not time_line([]).bins


def test_text_that_hides_is_written_out() -> None:
    assert visible("a\u202eb\u200bc\x1b[31md\ud800") == "a<U+202E>b<U+200B>cd<U+D800>"
    assert visible("grün, 漢字, שלום") == "grün, 漢字, שלום"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_no_form_lets_foreign_text_through(form: str, seed: int) -> None:
    text = FORMS[form](made_report(seed=seed, hostile=True))
    assert not {"\x1b", "\x00", "\x07", "\r", "\u202e", "\u200b", "\ud800"} & set(text)
    text.encode()
    if form == "html":
        assert "<script>document" not in text and "<img" not in text and "<iframe" not in text
        assert "{{ 7 * 7 }}" in text, "as it was written, not 49"


def test_the_mail_is_one_that_can_be_sent() -> None:
    text = FORMS["mail"](replace(made_report(hostile=True), answer=HOSTILE[7]))
    message = email.message_from_string(text, policy=email.policy.default)
    assert set(message.keys()) == {"Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert "Bcc: all@evil.example" in str(message["Subject"]), "as a word of the subject"
    plainly = email.message_from_string(FORMS["mail"](made_report()), policy=email.policy.default)
    body = plainly.get_content()
    assert "Inconsistent kallsyms data" in body and "again: bisectsyms again 1" in body
    assert all(len(line) <= 72 for line in body.splitlines() if "make -C" not in line)


def test_markdown_is_no_markup_of_others() -> None:
    text = FORMS["md"](made_report(hostile=True))
    outside = [line for line in text.splitlines() if line.startswith(("#", "*", "|"))]
    assert not [line for line in outside if "](javascript" in line.replace(r"\]", "").replace(r"\(", "")]
    assert not [line for line in outside if "<b>" in line.replace(r"\<b\>", "")]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.replace(r"\|", "").count("|") for line in rows}) <= 3, "a table for each number of columns"
    fenced = text.split("```")
    assert len(fenced) % 2 == 1, "every block ends"


def test_csv_and_junit_and_json_can_be_read() -> None:
    made = made_report(hostile=True)
    rows = list(csv.DictReader(io.StringIO(FORMS["csv"](made))))
    assert len(rows) == len(made.spots) and tuple(rows[0]) == COLUMNS
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    suite = ElementTree.fromstring(FORMS["junit"](made))
    cases = suite.findall("testcase")
    assert len(cases) == len(made.spots) == int(suite.attrib["tests"])
    failing = [one for one in made.spots if one.word.is_failing]
    assert len(suite.findall("testcase/failure")) == len(failing) == int(suite.attrib["failures"])
    passed = [case for case in cases if case.find("failure") is None and case.find("skipped") is None]
    assert len(passed) == sum(one.word is Word.GOOD for one in made.spots), "what may still fail has not passed"
    assert json.loads(FORMS["json"](made))["answer"] == made.answer


def test_an_empty_report_has_every_form(repository: Repository) -> None:
    Ledger.open(repository.state_dir).close()
    found = report(repository)
    assert found.answer == "Nothing was tried yet"
    assert "git bisect run bisectsyms --profile NAME" in found.details[0]
    for form in FORMS.values():
        assert form(found)


def test_the_verb(repository: Repository, user: User) -> None:
    fill(repository, (plan(1), CLEAN, 3), (plan(2), FAILED, 2))
    top = repository.top
    done = user.run("bisectsyms", "report", cwd=top)
    assert done.returncode == 0 and done.stdout.startswith("# 1 of 2 combinations fails"), done.stderr
    done = user.run("bisectsyms", "report", "--html", "out.html", cwd=top)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (top / "out.html").read_text().startswith("<!doctype html>")
    assert json.loads(user.run("bisectsyms", "report", "--json", cwd=top).stdout)["failed"] == 2
    done = user.run("bisectsyms", "report", "--since", "1s", "--format", "csv", cwd=top)
    assert done.returncode in (0, 3) and done.stdout.startswith("revision,")
    assert user.run("bisectsyms", "report", "--html", "/nowhere/x.html", cwd=top).returncode == 128


def test_a_revision_of_two_trees_is_two_spots() -> None:
    """A commit with and without fixups has one name and two trees; neither hides the other in the matrix."""
    made = made_report(2, 2)
    double = replace(made.spots[0], tree="f" * 40)
    grid = grid_of(replace(made, spots=(*made.spots, double)))
    shown = [square for row in grid.squares for square in row if square]
    assert len(shown) == len(made.spots) + 1


def test_revisions_come_from_the_ledger_as_last_named(repository: Repository) -> None:
    first = plan(1)
    renamed = replace(first, revision=Revision(first.revision.commit, first.revision.tree, "title", "v6.1"))
    fill(repository, (first, CLEAN, 1), (renamed, CLEAN, 1))
    (one,) = report(repository).spots
    assert (one.revision, one.rate.attempts) == ("v6.1", 2)


def test_what_a_hunt_has_not_tried_yet_is_told(repository: Repository) -> None:
    one = plan(1)
    fill(repository, (one, FAILED, 1))
    tried = (one.revision.tree, one.cell.key)
    told = report(repository, ReportOptions(only={tried, ("another", one.cell.key)})).details
    assert told[-1] == "not tried yet: 1 of the 2 that the hunt is to try"
    assert not any("not tried" in line for line in report(repository, ReportOptions(only={tried})).details)


def test_a_cause_is_looked_for_once_and_for_a_few(repository: Repository) -> None:
    asked: list[int] = []

    def look(_: Repository, number: int) -> Cause:
        asked.append(number)
        if number == 2:
            raise UserError("no maps")
        return Cause(f"cause {number}")

    fill(repository, *((plan(number), FAILED, 1) for number in range(1, 13)))
    first = report(repository, look=look)
    assert first.details[-1] == "cause, of 1 of the 8 failures that were diagnosed: cause 12"
    assert asked == list(range(12, 4, -1)), "the newest, and no more than that"
    assert [one.cause for one in first.failures[:2]] == ["cause 12", "cause 11"]
    assert not first.failures[-1].cause
    second = report(repository, look=look)
    assert asked == list(range(12, 0, -1)), "what is known is not asked again"
    assert [one.cause for one in second.failures][-2:] == ["", "cause 1"], "nothing could be read of 2"
    fill(repository, (plan(12), CLEAN, 1))
    report(repository, look=look)
    assert asked[12:] == [12], "twice as much is known there now"
    (repository.state_dir / "causes.json").write_text('{"software": 1, "causes": []}')
    report(repository, look=look)
    assert len(asked) == 13 + 8, "a damaged file spares no work, and costs nothing else"


def test_a_rate_is_told_by_what_is_sure_of_it() -> None:
    assert rate_text(rated(0, 0)) == "no evidence"
    assert rate_text(rated(0, 40)) == "0 of 40 failed (below 7.2 %)"
    low = percent(rated(9, 0).low)
    assert rate_text(rated(9, 0)) == f"9 of 9 failed (above {low})", "nine failures do not mean that it always fails"
    assert re.fullmatch(r"9 of 40 failed, 22 % \(\d+ % to \d+ %\)", rate_text(rated(9, 31)))
