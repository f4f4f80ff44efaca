"""What a report says of a search: that of `bisect` by its attempts, that of git bisect by its verdicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.core.searchanswer import SearchAnswer
from bisectsyms.core.words import percent
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.question import Question, write_question
from bisectsyms.model import Cell, Draw, Kind, Word
from bisectsyms.render.reports.forms import FORMS
from bisectsyms.render.searching import last_lines
from bisectsyms.smallkernel.history import Failure
from bisectsyms.usecases.lastsearch import last_search
from bisectsyms.usecases.report import ReportOptions, report
from tests.conftest import MakeHistory, User
from tests.ledgers import CELL, CLEAN, FAILED, plan

PLAIN = replace(CELL, variation="sweep:64")
SUBJECT = "<b>5</b> & \u202eco"


@pytest.fixture
def repository(tmp_path: Path, user: User) -> Repository:
    """Eight commits; the subject of number 5 means harm."""
    top = tmp_path / "linux"
    top.mkdir()
    me = ("-c", "user.name=A", "-c", "user.email=a@b")
    assert user.run("git", "init", "-q", cwd=top).returncode == 0
    for number in range(8):
        (top / "file").write_text(f"{number}\n")
        user.run("git", "add", "file", cwd=top)
        subject = SUBJECT if number == 5 else str(number)
        assert user.run("git", *me, "commit", "-qm", subject, cwd=top).returncode == 0
        assert user.run("git", "tag", f"c{number}", cwd=top).returncode == 0
    return Repository.discover(top, dict(user.env))


def fill(repository: Repository, first_bad: int, cell: Cell = PLAIN, at: tuple[int, ...] = (0, 4, 5, 7)) -> None:
    with Ledger.open(repository.state_dir) as ledger:
        ledger._db.execute("pragma synchronous = off")
        for number in at:
            revision = repository.resolve(f"c{number}")
            for length in range(1, 25):
                one = replace(plan(cell=cell, kind=Kind.REPLAY, draw=Draw(length)), revision=revision)
                result = replace(FAILED if number >= first_bad else CLEAN, layout=f"{number} {length}")
                ledger.finish(ledger.begin(one), result)


def ask(repository: Repository) -> None:
    repository.state_dir.mkdir(exist_ok=True)
    good, bad = (repository.resolve(name).commit for name in ("c0", "c7"))
    write_question(repository.state_dir, Question(good, bad, cell=PLAIN.key))


def test_the_commit_is_the_answer_with_its_subject(repository: Repository) -> None:
    ask(repository)
    fill(repository, first_bad=5)
    found = report(repository)
    culprit = repository.resolve("c5").commit
    assert found.search is not None and found.search.kind == "culprit"
    assert found.answer.startswith(f"The failure came with {culprit[:12]} (") and "by the attempts" in found.answer
    assert found.details[0] == "2 of 4 combinations fail", "what would else be the answer comes second"
    (first, *_) = found.search.candidates
    assert (first.commit, first.failed, first.clean) == (culprit, 24, 0)
    assert abs(sum(one.probability for one in found.search.places) + sum(
        chance for kind, chance in found.search.endings if kind != "culprit") - 1.0) < 1e-6  # fmt: skip
    tested = [(one.index, one.failed, one.clean) for one in found.search.places if one.failed or one.clean]
    assert tested == [(0, 0, 24), (4, 0, 24), (5, 24, 0), (7, 24, 0)]
    text = FORMS["html"](found)
    assert "&lt;b&gt;5&lt;/b&gt; &amp; &lt;U+202E&gt;co" in text and "<b>5" not in text


@pytest.mark.parametrize(
    ("changes", "says", "note"),
    [
        ({}, "; the first commit that fails", ""),
        ({"host": "night"}, "; the first commit that fails (answered on night)", ""),
        ({"host": "night", "likely_wrong": True}, "by the attempts (answered on night)", ""),
        ({"warnings": ("no clean build tells",)}, "; the first commit that fails", "no clean build tells"),
        ({"warnings": ("it has the tree of its parent",), "likely_wrong": True}, "LIKELY WRONG: ", "the tree of its"),
        ({"ending": "artefact", "commit": ""}, "an artefact of the attempts", ""),
        ({"ending": "undecided", "commit": ""}, "was not looked at once more yet", ""),
        (None, "was not looked at once more yet", ""),
    ],
)
def test_what_the_search_told_of_its_commit_is_told_again(
    repository: Repository, changes: dict[str, Any] | None, says: str, note: str
) -> None:
    ask(repository)
    fill(repository, first_bad=5)
    good, culprit, bad = (repository.resolve(name).commit for name in ("c0", "c5", "c7"))
    told = SearchAnswer(
        cell=PLAIN.key,
        good=(good,),
        bad=bad,
        find_fix=False,
        ending="culprit",
        commit=culprit,
        probability=0.97,
        means="the first commit that fails",
        exposing=False,
        warnings=(),
        likely_wrong=False,
        reverted="GOOD",
        reverted_why="5 clean attempts",
        when=1.0,
    )
    with Ledger.open(repository.state_dir) as ledger:
        ledger.answer(replace(told, likely_wrong=True, when=0.5))  # an older one, which no longer counts
        if changes is None:
            ledger._db.execute("delete from answers")
        else:
            ledger.answer(replace(told, **changes))
            assert ledger.search_answer(PLAIN.key, (good,), bad) == replace(told, **changes)
            assert ledger.search_answer(PLAIN.key, (good,), bad, find_fix=True) is None
    found = report(repository)
    assert says in found.answer
    assert any(note in one for one in found.notes) if note else not found.notes


def answer(repository: Repository, **changes: Any) -> None:
    """What a search has told of the attempts that are there now."""
    good, culprit, bad = (repository.resolve(name).commit for name in ("c0", "c5", "c7"))
    with Ledger.open(repository.state_dir) as ledger:
        ((last,),) = ledger._db.execute("select max(ended) from attempts").fetchall()
        told = SearchAnswer(PLAIN.key, (good,), bad, False, "culprit", culprit, 0.97, "it came in there", False, (),
                            False, "GOOD", "5 clean attempts", last)  # fmt: skip
        ledger.answer(replace(told, **changes))


def told_by_status(repository: Repository) -> str:
    with Ledger.open(repository.state_dir) as ledger:
        last = last_search(repository, ledger)
    return "\n".join(last_lines(last)) if last else ""


def test_an_answer_that_nothing_was_added_to_is_told_as_it_was(repository: Repository) -> None:
    ask(repository)
    fill(repository, first_bad=5)
    answer(repository)
    culprit = repository.resolve("c5").commit[:12]
    assert f"culprit: {culprit} ({SUBJECT}), 97 % sure\n  it came in there" in told_by_status(repository)
    assert "since" not in told_by_status(repository)
    found = report(repository)
    assert found.search is not None and found.search.since == ""


@pytest.mark.parametrize(
    ("commit", "first_bad", "says"),
    [
        ("c4", 5, "24 attempts since: the answer stands by the attempts, and its commit was not looked at again"),
        ("c4", 4, "24 attempts since: the answer would now be: The search is undecided: "),
        ("c3", 9, "24 attempts since: the answer stands by the attempts"),
    ],
)
def test_what_came_since_is_weighed_against_the_answer(
    repository: Repository, commit: str, first_bad: int, says: str
) -> None:
    ask(repository)
    fill(repository, first_bad=5)
    answer(repository)
    fill(repository, first_bad, at=(int(commit[1:]),))
    found = report(repository)
    assert found.search is not None
    assert found.details[0] == found.search.since
    assert "bisect has answered: culprit: " in found.search.since and says in found.search.since
    assert "24 attempts since: bisectsyms report tells what the answer would be now" in told_by_status(repository)
    for form in ("md", "mail", "html"):
        assert "24 attempts since" in " ".join(FORMS[form](found).split())


def test_a_word_since_is_counted_too(repository: Repository) -> None:
    ask(repository)
    fill(repository, first_bad=5)
    answer(repository)
    with Ledger.open(repository.state_dir) as ledger:
        ledger.tell(repository.resolve("c4"), PLAIN, Word.FAILED, "seen on a board")
    found = report(repository)
    assert found.search is not None
    assert "words or an import about 1 revision since: the answer would now be: " in found.search.since


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ending": "undecided", "commit": ""}, "it goes on with: bisectsyms bisect; who is in question: bisectsyms "),
        ({"ending": "artefact", "commit": ""}, "an artefact of the attempts, no culprit"),
        ({"ending": "predates", "commit": ""}, "the failure was there before GOOD (97 % sure)"),
        ({"ending": "not-reproduced", "commit": ""}, "the failure does not show here (97 % sure)"),
        ({"likely_wrong": True, "warnings": ("the tree of its parent",)}, "LIKELY WRONG"),
        ({"warnings": ("the tree of its parent",)}, "  warning: the tree of its parent"),
    ],
)
def test_every_ending_is_told_by_status(repository: Repository, changes: dict[str, Any], says: str) -> None:
    ask(repository)
    assert told_by_status(repository) == "", "no attempt yet"
    fill(repository, first_bad=5)
    assert "has given no answer yet; it goes on with: bisectsyms bisect;" in told_by_status(repository)
    answer(repository, **changes)
    assert says in told_by_status(repository)


def test_an_undecided_search_is_not_the_answer(repository: Repository) -> None:
    ask(repository)
    fill(repository, first_bad=5, at=(0, 7))
    found = report(repository)
    assert found.search is not None and found.search.kind == "undecided"
    assert len(found.search.candidates) == 7
    held = sum(one.probability for one in found.search.candidates)
    assert found.search.sentence == f"The search is undecided: 7 commits hold {percent(held)}"
    assert found.answer == "1 of 2 combinations fails"


def test_a_search_of_another_matter_is_left_out(repository: Repository) -> None:
    ask(repository)
    fill(repository, first_bad=5)
    assert report(repository, ReportOptions(search=False)).search is None
    fill(repository, first_bad=9, cell=CELL, at=(3,))
    only = {(repository.resolve("c3").tree, CELL.key)}
    found = report(repository, ReportOptions(only=only))
    assert found.search is None and found.answer.startswith("No failure")


def test_a_search_that_cannot_be_read_is_a_note(repository: Repository) -> None:
    fill(repository, first_bad=5, at=(0, 7))
    write_question(repository.state_dir, Question("f" * 40, "e" * 40, cell=PLAIN.key))
    found = report(repository)
    assert found.search is None and len(found.notes) == 1 and "no such commit" in found.notes[0]
    (repository.state_dir / "search.json").write_text("{")
    assert "damaged" in report(repository).notes[0]


@pytest.mark.slow
def test_a_real_bisect_and_a_hunt_with_its_page(make_history: MakeHistory, user: User) -> None:
    history = make_history(Failure.ALWAYS, commits=12, broken=False, unrelated=False)
    done = user.bisect(history)
    assert done.returncode == 0, done.stderr
    said = user.run("bisectsyms", "report", "--html", "night.html", "--format", "md", cwd=history.repo)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(f"# git bisect names the first bad commit {history.culprit[:12]}")
    text = (history.repo / "night.html").read_text()
    assert "Inconsistent kallsyms data" in text and "bisectsyms again" in text

    words = ("hunt", "--rev", f"{history.bad},{history.good}", "--profile", "smallkernel", "--kind", "relink")
    more = ("--max-attempts", "4", "--page", "hunt.html", "--slots-dir", str(user.slots))
    hunted = user.run("bisectsyms", *words, *more, cwd=history.repo)
    assert hunted.returncode in (0, 3), hunted.stderr
    text = (history.repo / "hunt.html").read_text()
    assert "<h1>1 of 2 combinations fails</h1>" in text, "that of the hunt, and not of the bisect before it"
