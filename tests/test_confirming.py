"""After the search has an answer: the culprit and its parents again, from scratch, reverted, and what it means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bisectsyms.core.belief import Sample, prior
from bisectsyms.core.confirming import (
    Alike,
    Known,
    Meaning,
    alike,
    build_files,
    equal_inputs,
    from_scratch,
    meaning,
    once_more,
)
from bisectsyms.core.decide import Ask, Decision, Rules
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Draw, Kind, Observation, Outcome, Plan, Verdict
from bisectsyms.smallkernel.history import Failure
from bisectsyms.usecases.confirming import Conclusion, Confirming, Searched
from bisectsyms.usecases.judging import Judging, StepOptions
from tests.conftest import MakeHistory, User, git
from tests.scripted import Scripted, Shows
from tests.test_blaming import grow
from tests.test_searching import CHANCE, bisect, found, write

FAILED, CLEAN, BROKEN = Outcome.INCONSISTENT, Outcome.CLEAN, Outcome.BROKEN


def seen(*what: tuple[Kind, Outcome], layouts: Sequence[str] = (), draws: Sequence[int] = ()) -> list[Observation]:
    return [
        Observation(
            kind, outcome, draw=Draw(draws[n] if draws else 1), layout=layouts[n] if layouts else "", seconds=1.0
        )
        for n, (kind, outcome) in enumerate(what)
    ]


def rules(failed: int = 5, clean: int = 5, draws: int = 1) -> Rules:
    belief = prior(varied=False).given(Sample(clean=clean, failed=failed))
    return Rules(belief, Kind.RELINK, share=0.05, draws=draws)


# The pure parts


def test_one_failure_is_not_enough_and_the_same_draw_is_asked_for() -> None:
    once = seen((Kind.RELINK, CLEAN), (Kind.RELINK, FAILED), draws=(1, 7))
    asked = once_more(once, rules(draws=16))
    assert isinstance(asked, Ask)
    assert (asked.kind, asked.draw) == (Kind.RELINK, Draw(7))
    twice = once_more([*once, Observation(Kind.RELINK, FAILED)], rules())
    assert isinstance(twice, Decision)
    assert twice.verdict is Verdict.BAD
    never_again = once_more([*once, *seen(*[(Kind.RELINK, CLEAN)] * 20)], rules())
    assert isinstance(never_again, Decision)
    assert "1 of 22" in never_again.rationale
    breaks = once_more([*once, *seen(*[(Kind.RELINK, BROKEN)] * 12)], rules())
    assert isinstance(breaks, Decision), "what breaks again and again is not asked for ever"


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ([], None),
        ([CLEAN], None),
        ([CLEAN, FAILED], Verdict.BAD),
        ([CLEAN] * 12, Verdict.GOOD),
        ([CLEAN, BROKEN, BROKEN], Verdict.SKIP),
    ],
)
def test_a_clean_build_has_to_fail_too(made: list[Outcome], verdict: Verdict | None) -> None:
    relinks = seen((Kind.RELINK, FAILED), (Kind.RELINK, FAILED), draws=(3, 4))
    answer = from_scratch([*relinks, *(Observation(Kind.CLEAN, one, draw=Draw(3)) for one in made)], rules())
    assert (answer.verdict if isinstance(answer, Decision) else None) is verdict
    if isinstance(answer, Ask):
        assert (answer.kind, answer.draw) == (Kind.CLEAN, Draw(4) if made else Draw(3)), "draws that failed come first"


def test_equal_layouts_at_a_draw() -> None:
    one = seen(*[(Kind.RELINK, FAILED)] * 3, layouts=("a", "b", ""), draws=(1, 2, 3))
    other = seen(*[(Kind.RELINK, CLEAN)] * 4, layouts=("a", "x", "c", "b"), draws=(1, 2, 3, 4))
    assert alike(one, other) == Alike(compared=2, equal=1)
    assert build_files(["drivers/a.c", "scripts/x.sh", "kernel/Makefile", "Makefile.clang", "a/b.lds.S"]) == (
        "scripts/x.sh",
        "kernel/Makefile",
        "Makefile.clang",
        "a/b.lds.S",
    )
    shared = Alike(3, 3)
    assert equal_inputs(shared, "p", layouts=True, build=["Makefile"])[1], "a layout cannot be a race"
    assert equal_inputs(shared, "p", layouts=False, build=[])[1]
    text, wrong = equal_inputs(shared, "p", layouts=False, build=["Makefile"])
    assert not wrong
    assert "race" in text
    assert "3 of 3 draws" in text


@pytest.mark.parametrize(
    ("known", "means", "says"),
    [
        (Known("9 of 9"), Meaning.FIRST, "9 of 9"),
        (Known("9 of 9", risen="p: 1 of 60"), Meaning.RISE, "p: 1 of 60"),
        (Known("9 of 9", older="o: 3 of 3"), Meaning.FIRST, "came back"),
        (Known("9 of 9", goes_on=True), Meaning.FIRST, "something else"),
        (Known("2 of 16", layouts=True), Meaning.FIRST_LAYOUT, "first commit at which some layout"),
        (Known("2 of 16", layouts=True, missed="p: 7.2 %"), Meaning.FIRST_LAYOUT, "cannot be drawn here (p: 7.2 %)"),
        (Known("2 of 16", layouts=True, older="o: 1 of 2"), Meaning.EXPOSING, "older range is open"),
        (Known("2 of 16", layouts=True, thin="p: 4 clean"), Meaning.EXPOSING, "p: 4 clean"),
        (Known("2 of 16", layouts=True, goes_on=True), Meaning.EXPOSING, "reverted"),
    ],
)
def test_what_the_commit_is_to_the_failure(known: Known, means: Meaning, says: str) -> None:
    answer, text = meaning(known)
    assert answer is means
    assert says in text


# On a bench


OpenScripted = Callable[..., tuple[Scripted, Confirming]]


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[OpenScripted]:
    """Opens a bench on a history of six commits, 1 to 6, each with a file of its own."""
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    for number in range(1, 7):
        git(repo, "tag", str(number), grow(repo, **{f"file{number}": "x\n"}))
    opened: list[Scripted] = []

    def build(
        shows: Shows, *, lengths: int = 1, most: int = 500, find_fix: bool = False, vary: str = ""
    ) -> tuple[Scripted, Confirming]:
        bench = Scripted(repo, tmp_path, shows, lengths, vary=variation_of(vary) if vary else None)
        opened.append(bench)
        commits = set(git(repo, "rev-list", "1..6").split())
        newest = git(repo, "rev-parse", "6")
        searched = Searched(
            newest, git(repo, "rev-parse", "1") if find_fix else newest, 0.95, commits, find_fix=find_fix
        )

        def over() -> str:
            return "that was all" if bench.made >= most else ""

        return bench, Confirming(Judging(bench, StepOptions()), Kind.RELINK, searched, over)

    yield build
    for bench in opened:
        bench.close()


def number(bench: Scripted, plan: Plan) -> int:
    """How many of the files there are at the revision of an attempt, file4 being what brings the failure in."""
    names = bench.repository.git("ls-tree", "--name-only", plan.revision.commit).split()
    return len(names) if "file4" in names else 0


def conclude(bench: Scripted, confirming: Confirming, revision: str, *, stands: bool = True) -> Conclusion:
    named = bench.repository.resolve(bench.repository.resolve(revision).commit)
    concluded = confirming.conclude(named, lambda: stands)
    assert concluded is not None
    return concluded


def test_a_culprit_stands_and_all_of_it_is_said(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (FAILED if number(bench, plan) else CLEAN), ""

    bench, confirming = scripted(shows)
    concluded = conclude(bench, confirming, "4")
    assert (concluded.ending, concluded.why) == ("culprit", "")
    assert [(one.revision.title, one.verdict) for one in concluded.confirmed] == [("file4", "BAD"), ("file3", "GOOD")]
    about = concluded.about
    assert about is not None
    assert about.meaning is Meaning.FIRST
    assert about.clean is not None
    assert about.clean.verdict == "BAD"
    assert about.revert is not None
    assert (about.revert.verdict, about.warnings) == ("GOOD", ())
    assert about.again.startswith("bisectsyms again ")
    assert about.blame is not None
    assert about.blame.fixes == f'Fixes: {bench.repository.resolve("4").commit[:12]} ("file4")'
    assert about.blame.contains == "4"
    assert about.blame.author == "a <a@kernel.invalid>"
    assert "get_maintainer" in about.blame.recipients_missing
    made = len(bench.heard.made)
    conclude(bench, confirming, "4")
    assert len(bench.heard.made) == made, "everything is in the ledger"


def test_a_failure_that_no_clean_build_shows_is_an_artefact(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (FAILED if number(bench, plan) and plan.kind is not Kind.CLEAN else CLEAN), ""

    bench, confirming = scripted(shows)
    concluded = conclude(bench, confirming, "4")
    assert concluded.ending == "artefact"
    assert concluded.about is not None
    assert concluded.about.clean is not None
    assert "chance of having missed" in concluded.about.clean.rationale
    assert (concluded.about.blame, concluded.about.revert) == (None, None)
    assert any("does a clean build of" in line for line in bench.heard.lines), "planned before it is done"


def test_a_parent_that_fails_after_all_takes_the_answer_back(scripted: OpenScripted) -> None:
    bench, confirming = scripted(lambda plan: (FAILED, ""))
    assert confirming.conclude(bench.repository.resolve("4"), lambda: False) is None
    assert any("does not stand" in line for line in bench.heard.lines)
    assert {one.plan.kind for one in bench.heard.made} == {Kind.CLEAN, Kind.RELINK, Kind.INCREMENTAL}


def test_a_rise_is_no_first_failure_and_its_revert_proves_nothing(scripted: OpenScripted) -> None:
    bench, confirming = scripted(lambda plan: (FAILED, ""))
    about = conclude(bench, confirming, "4").about
    assert about is not None
    assert (about.meaning, about.revert) == (Meaning.RISE, None)


def test_the_limits_hold_for_the_confirmation(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (FAILED if number(bench, plan) else CLEAN), ""

    bench, confirming = scripted(shows, most=3)
    concluded = conclude(bench, confirming, "4", stands=False)
    assert concluded.ending == "undecided"
    assert "that was all" in concluded.why
    assert len(bench.heard.made) == 3


def test_a_revert_that_is_not_done_in_time_leaves_the_answer(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (FAILED if number(bench, plan) else CLEAN), ""

    whole, confirming = scripted(shows)
    bench = whole
    conclude(whole, confirming, "4")
    taken_back = sum(one.plan.revision.title.startswith("Revert") for one in whole.heard.made)
    whole.ledger.close()
    for file in whole.repository.state_dir.glob("ledger*"):
        file.unlink()
    bench, confirming = scripted(shows, most=len(whole.heard.made) - taken_back)
    concluded = conclude(bench, confirming, "4")
    assert concluded.ending == "culprit"
    assert concluded.about is not None
    assert concluded.about.revert is not None
    assert "that was all" in concluded.about.revert.rationale


def test_a_failure_that_stays_without_the_culprit_is_said(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        fails = number(bench, plan) or plan.revision.title.startswith("Revert")
        return (FAILED if fails else CLEAN), ""

    bench, confirming = scripted(shows)
    about = conclude(bench, confirming, "4").about
    assert about is not None
    assert about.revert is not None
    assert about.revert.verdict == "BAD"
    assert "something else" in about.means


def layouts(plan: Plan, failing: dict[str, set[int]]) -> tuple[Outcome, str]:
    """The layout is the length and the title, and fails where it is said."""
    fails = plan.draw.length in failing.get(plan.revision.title, set())
    return (FAILED if fails else CLEAN), f"{plan.revision.title}-{plan.draw.length}"


def test_a_commit_that_moves_the_layout_is_named_as_exposing(scripted: OpenScripted) -> None:
    failing = {"file2": {3}, **{f"file{n}": {1, 5, 9} for n in (4, 5, 6)}}
    bench, confirming = scripted(lambda plan: layouts(plan, failing), lengths=16)
    sweep(bench, "6", "2")
    concluded = conclude(bench, confirming, "4")
    assert concluded.ending == "culprit"
    about = concluded.about
    assert about is not None
    assert about.meaning is Meaning.EXPOSING
    assert "an older commit fails at another layout: 2: 1 of 16" in about.means
    assert about.clean is not None
    assert about.clean.verdict == "BAD", "the draw that failed fails from scratch, too"


def test_clean_layouts_without_it_speak_for_it_as_those_of_its_parent_do(
    scripted: OpenScripted, tmp_path: Path
) -> None:
    failing = {f"file{n}": {1, 5, 9} for n in (4, 5, 6)}
    bench, confirming = scripted(lambda plan: layouts(plan, failing), lengths=16)
    sweep(bench, "6", "5")
    concluded = conclude(bench, confirming, "4")
    about = concluded.about
    assert about is not None
    assert "weak" in concluded.confirmed[1].rationale
    assert about.meaning is Meaning.FIRST_LAYOUT
    assert about.revert is not None
    assert about.revert.rationale.startswith("not seen any more, but weak")


def test_with_enough_clean_layouts_before_it_is_the_first_layout(scripted: OpenScripted) -> None:
    every = {f"file{n}": set(range(1, 16, 2)) for n in (4, 5, 6)}
    bench, confirming = scripted(lambda plan: layouts(plan, every), lengths=16)
    sweep(bench, "6", "5")
    about = conclude(bench, confirming, "4").about
    assert about is not None
    assert about.meaning is Meaning.FIRST_LAYOUT
    assert "some layout of the sweep" in about.means


def test_too_few_clean_layouts_before_it_leave_the_older_range_open(scripted: OpenScripted) -> None:
    every = {f"file{n}": {2} for n in (4, 5, 6)}
    bench, confirming = scripted(lambda plan: layouts(plan, every), lengths=4)
    sweep(bench, "6", "5")
    about = conclude(bench, confirming, "4").about
    assert about is not None
    assert about.meaning is Meaning.EXPOSING
    assert "too few layouts tell" in about.means


def sweep(bench: Scripted, *revisions: str) -> None:
    """Every length once at each of them."""
    for name in revisions:
        revision = bench.repository.resolve(name)
        for length in range(1, bench.variation.lengths + 1):
            bench.attempt(revision, Ask(Kind.RELINK, "sweep", Draw(length)))


def padded(at: Callable[[], Scripted], *, alone: int = 0) -> Shows:
    """From the culprit on some bytes make it fail, and without any the length `alone`."""

    def shows(plan: Plan) -> tuple[Outcome, str]:
        pad = dict(plan.draw.factors).get("pad", "")
        fails = number(at(), plan) and (pad in ("8", "16") if pad else plan.draw.length == alone)
        return (FAILED if fails else CLEAN), f"{plan.revision.commit}-{plan.draw}"

    return shows


def test_what_only_a_pad_shows_is_told_as_found_by_it(scripted: OpenScripted) -> None:
    bench, confirming = scripted(padded(lambda: bench), vary="pad:8")
    concluded = conclude(bench, confirming, "4")
    assert concluded.about is not None
    (warning,) = (one for one in concluded.about.warnings if one.startswith("found by pad="))
    assert "16 attempts without it passed" in warning
    bare = [one.plan for one in bench.heard.made if not one.plan.draw.factors]
    assert [one.draw.length for one in bare] == list(range(1, 17))
    assert {one.revision.title for one in bare} == {"file4"}
    assert {one.cell.variation for one in bare} == {"sweep:16"}, "no rate of another policy is changed"
    conclude(bench, confirming, "4")
    assert sum(not one.plan.draw.factors for one in bench.heard.made) == 16, "they are in the ledger"


def test_what_fails_without_the_pad_as_well_is_an_ordinary_culprit(scripted: OpenScripted) -> None:
    bench, confirming = scripted(padded(lambda: bench, alone=5), vary="pad:8")
    concluded = conclude(bench, confirming, "4")
    assert concluded.about is not None
    assert not [one for one in concluded.about.warnings if "found by" in one]
    assert sum(not one.plan.draw.factors for one in bench.heard.made) == 5, "the first failure is enough"
    assert any("it fails at length=5, too" in line for line in bench.heard.lines)


def test_without_what_recompiles_is_another_objtree(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (FAILED if number(bench, plan) else CLEAN), ""

    bench, confirming = scripted(shows, vary="align-functions=32")
    about = conclude(bench, confirming, "4").about
    assert about is not None
    assert about.warnings == (
        "found by align-functions=32, and not built without it: that takes another objtree, as with --vary pinned",
    )


def test_where_the_limits_end_it_the_culprit_stands_all_the_same(scripted: OpenScripted) -> None:
    bench, confirming = scripted(padded(lambda: bench), vary="pad:8")
    conclude(bench, confirming, "4")
    needed = len(bench.heard.made)
    bench.ledger.close()
    for file in bench.repository.state_dir.glob("ledger*"):
        file.unlink()
    bench, confirming = scripted(padded(lambda: bench), vary="pad:8", most=needed - 3)
    concluded = conclude(bench, confirming, "4")
    assert (concluded.ending, confirming.stopped) == ("culprit", "")
    assert concluded.about is not None
    assert any("found by pad=" in one and "that was all" in one for one in concluded.about.warnings)


def test_equal_layouts_of_culprit_and_parent_are_likely_wrong(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (FAILED if number(bench, plan) else CLEAN), f"same-{plan.draw.length}"

    bench, confirming = scripted(shows)
    about = conclude(bench, confirming, "4").about
    assert about is not None
    assert about.likely_wrong
    assert "changes no file that says how the build runs" in about.warnings[0]


def test_a_commit_with_the_tree_of_its_parent_is_no_culprit(scripted: OpenScripted, tmp_path: Path) -> None:
    bench, confirming = scripted(lambda plan: (FAILED, ""))
    git(tmp_path / "repo", "commit", "-q", "--allow-empty", "-m", "nothing")
    concluded = conclude(bench, confirming, "main")
    assert concluded.ending == "undecided"
    assert "it has the tree of its parent" in concluded.why


def test_a_fix_is_confirmed_the_other_way_round(scripted: OpenScripted) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (CLEAN if number(bench, plan) else FAILED), ""

    bench, confirming = scripted(shows, find_fix=True)
    concluded = conclude(bench, confirming, "4")
    assert [one.verdict for one in concluded.confirmed] == ["GOOD", "BAD"]
    about = concluded.about
    assert about is not None
    assert (about.meaning, about.revert) == (Meaning.FIX, None)
    assert about.clean is not None
    assert (about.clean.revision.title, about.clean.verdict) == ("file3", "BAD")
    assert about.blame is not None
    assert about.blame.fixes == ""


# Whole searches


def flaky_by_a_file(repo: Path, commits: int, culprit: int, *, again: int = 0) -> Path:
    """A command history: from `culprit` on there is a file that makes test.sh fail; `again` writes it anew."""
    write(repo, [f"if test -f bug; then {CHANCE.format(of_256=128)}; fi"])
    for number in range(2, commits + 1):
        bug = {"bug": f"{number}\n"} if number in (culprit, again) else {}
        grow(repo, **{f"file{number}": "x\n"}, **bug)
        git(repo, "tag", str(number))
    return repo


def test_a_revert_that_heals_is_told_with_fixes_and_the_way_to_repeat_it(user: User, tmp_path: Path) -> None:
    repo = flaky_by_a_file(tmp_path / "repo", 12, 7)
    done = bisect(user, repo, "--json", "--confidence", "0.99", "1", "12", "--", "sh", "test.sh")
    assert found(done) == ("culprit", "file7 bug"), done.stderr
    about = json.loads(done.stdout)["about"]
    assert (about["meaning"], about["revert"]["verdict"], about["clean"]) == ("first", "GOOD", None)
    again = bisect(user, repo, "--confidence", "0.99", "1", "12", "--", "sh", "test.sh")
    assert again.returncode == 0
    assert f'Fixes: {git(repo, "rev-parse", "7")[:12]} ("file7 bug")' in again.stdout.splitlines()
    for text in ("reverted on top of the bad end: the failure is gone", "chance of having missed", "bisectsyms again"):
        assert text in again.stdout
    assert "0 attempts in" in again.stdout
    assert git(repo, "status", "--porcelain") == ""


def test_a_revert_that_does_not_apply_is_said(user: User, tmp_path: Path) -> None:
    repo = flaky_by_a_file(tmp_path / "repo", 12, 7, again=10)
    done = bisect(user, repo, "--confidence", "0.99", "1", "12", "--", "sh", "test.sh")
    assert "not tried: its revert does not apply there (bug)" in done.stdout


ONLY_RELINKS = (
    "vmlinux_link vmlinux ${kallsymso}\n",
    """if [ -e .linked-before ]; then
	vmlinux_link vmlinux ${kallsymso} --defsym=image_complete=1
else
	vmlinux_link vmlinux ${kallsymso}
fi
touch .linked-before
""",
)


@pytest.mark.slow
def test_a_kernel_that_fails_only_where_it_was_linked_before_has_no_culprit(
    user: User, make_history: MakeHistory
) -> None:
    repo = make_history(Failure.NONE, commits=12, broken=False, unrelated=False).repo
    good = git(repo, "rev-parse", "HEAD")
    grow(repo, one="1\n")
    script = repo / "scripts/link-vmlinux.sh"
    text = script.read_text()
    assert text.count(ONLY_RELINKS[0]) == 1
    script.write_text(text.replace(*ONLY_RELINKS))
    planted = grow(repo, two="2\n")
    for name in ("three", "four"):
        grow(repo, **{name: "x\n"})
    done = bisect(user, repo, "--json", good, "main", "--profile", "smallkernel")
    answer = json.loads(done.stdout)
    assert (answer["kind"], answer["culprit"], done.returncode) == ("artefact", None, 3), done.stderr
    assert answer["confirmed"][0]["revision"]["commit"] == planted
    assert answer["log"] is None, "git would name it"


@pytest.mark.slow
def test_the_small_kernels_culprit_is_confirmed_from_scratch(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=1, commits=12, broken=False, unrelated=False)
    done = bisect(user, history.repo, "--json", "good", "bad", "--profile", "smallkernel")
    answer = json.loads(done.stdout)
    assert answer["culprit"]["commit"] == history.culprit, done.stderr
    about = answer["about"]
    assert about["clean"]["verdict"] == "BAD"
    assert about["revert"]["verdict"] == "GOOD"
    assert not about["likely_wrong"]
