"""Fixups: which revisions get them, what is built with them, and that they are taken back.

Real git, real builds of the small kernel. OLD is what an old kernel has and a new compiler refuses.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.core.fixups import known_as
from bisectsyms.effects.fixups import resolve
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Attempt, Kind, Outcome, Word
from bisectsyms.smallkernel.history import Failure, write_history
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.shell import shell
from bisectsyms.usecases.tell import tell
from bisectsyms.usecases.workbench import Workbench
from tests.conftest import MakeHistory, User, named
from tests.test_workbench import Heard

OLD = "\nint only_for_old_compilers(void)\n{\n\treturn not_declared;\n}\n"
FILE = "init/main.c"
PROFILE = "arch: x86\ndefconfig: smallkernel_defconfig\ntimeout: 2m\nvariation: pinned\nhosttools: no\njobs: 1\n"


def git(repo: Path, *words: str, env: dict[str, str] | None = None, stdin: str = "") -> str:
    who = {f"GIT_{role}_{what}": "x@y" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    when = {f"GIT_{role}_DATE": "1700000000 +0000" for role in ("AUTHOR", "COMMITTER")}
    done = subprocess.run(
        ["git", *words],
        cwd=repo,
        env=os.environ | who | when | (env or {}),
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(repo: Path, parent: str, title: str, files: dict[str, str | None]) -> str:
    """A child of `parent` with these files changed, or removed where there is no text."""
    env = {"GIT_INDEX_FILE": str(repo / ".git" / "made-by-a-test")}
    git(repo, "read-tree", parent, env=env)
    for path, text in files.items():
        if text is None:
            git(repo, "update-index", "--force-remove", path, env=env)
        else:
            blob = git(repo, "hash-object", "-w", "--stdin", stdin=text)
            git(repo, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
    return git(repo, "commit-tree", git(repo, "write-tree", env=env), "-p", parent, "-m", title)


def text_of(repo: Path, commit: str, path: str = FILE) -> str:
    return git(repo, "show", f"{commit}:{path}") + "\n"


@dataclass(frozen=True)
class Line:
    """Three commits on the base: `old` does not build, `mended` does, `reverted` takes that back."""

    repo: Path
    base: str
    old: str
    mended: str
    reverted: str


@pytest.fixture
def line(tmp_path: Path) -> Line:
    base = write_history(tmp_path / "linux", Failure.NONE, seed=1, commits=12, unrelated=False, broken=False)
    main = text_of(base.repo, base.good)
    old = commit(base.repo, base.good, "1", {FILE: main + OLD, "lib/odd.c": "int odd;\n"})
    mended = commit(base.repo, old, "2", {FILE: main, "lib/odd.c": None, "scripts/made/new.txt": "new\n"})
    reverted = commit(
        base.repo, mended, "3", {FILE: main + OLD, "lib/odd.c": "int odd;\n", "scripts/made/new.txt": None}
    )
    for number, one in enumerate((old, mended, reverted), 1):
        git(base.repo, "tag", f"t{number}", one)
    return Line(base.repo, base.good, old, mended, reverted)


OpenBench = Callable[..., Workbench]


@pytest.fixture
def open_bench(tmp_path: Path, line: Line) -> Iterator[OpenBench]:
    """Opens a bench with these fixups in its profile, one at a time on one slot."""
    opened: list[Workbench] = []

    def build(fixups: str = "", more: str = "") -> Workbench:
        for bench in opened:
            bench.close()
        path = tmp_path / "mine.yaml"
        path.write_text(PROFILE + more + (f"fixups:\n{fixups}" if fixups else ""))
        bench = Workbench(
            Repository.discover(line.repo, {}),
            find_profile(str(path), state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path),
            Options(slots_dir=tmp_path / "slots", toolchains=load_toolchains(tmp_path)),
            os.environ,
            Heard(),
        )
        opened.append(bench)
        return bench

    yield build
    for bench in opened:
        bench.close()


def heard(bench: Workbench) -> str:
    assert isinstance(bench.reporter, Heard)
    return "\n".join(bench.reporter.lines)


def built(bench: Workbench, commit: str, kind: Kind = Kind.INCREMENTAL) -> Attempt:
    return bench.attempt(bench.repository.resolve(commit), Ask(kind, "test"))


def outcome(attempt: Attempt) -> tuple[Outcome, str]:
    assert attempt.result is not None
    return attempt.result.outcome, attempt.result.signature


def source(bench: Workbench) -> Path:
    return bench.builder.src


def test_which_revisions_get_it_goes_by_ancestry_and_not_by_the_tree(open_bench: OpenBench, line: Line) -> None:
    """A commit and the revert of its child have one tree; only the first gets the fixup."""
    bench = open_bench("  - commit: t2\n")
    assert git(line.repo, "rev-parse", f"{line.old}^{{tree}}") == git(
        line.repo, "rev-parse", f"{line.reverted}^{{tree}}"
    )
    assert outcome(built(bench, line.old))[0] is Outcome.CLEAN
    assert f"{line.old[:12]}: with fixup {line.mended[:12]}" in heard(bench)
    assert not (source(bench) / "lib/odd.c").exists()
    assert (source(bench) / "scripts/made/new.txt").read_text() == "new\n"
    assert git(source(bench), "rev-parse", "HEAD") == line.old
    assert outcome(built(bench, line.reverted))[0] is Outcome.BROKEN
    assert (source(bench) / "lib/odd.c").exists()
    assert not (source(bench) / "scripts/made").exists()
    assert not git(source(bench), "status", "--porcelain")
    assert [one.outcome for one in bench.seen(bench.repository.resolve(line.old))] == [Outcome.CLEAN]
    assert [one.outcome for one in bench.seen(bench.repository.resolve(line.reverted))] == [Outcome.BROKEN]
    ids = {one: bench.known(bench.repository.resolve(one)) for one in (line.old, line.mended, line.reverted)}
    assert ids[line.mended] == bench.repository.resolve(line.mended), "nothing applies, nothing differs"
    assert ids[line.reverted] == bench.repository.resolve(line.reverted)
    assert ids[line.old].tree == known_as(ids[line.reverted].tree, bench.cell.fixups)
    assert bench.known(ids[line.old]) == ids[line.old], "twice does no harm"


@pytest.mark.parametrize(
    ("keys", "applies"),
    [
        ("", (True, True, True, True)),
        ("from: t1", (False, True, True, True)),
        ("before: t2", (True, True, False, False)),
        ("from: t1, before: t3", (False, True, True, False)),
        ("from: t3, before: t1", (False, False, False, False)),
    ],
)
def test_the_range_of_a_patch(
    open_bench: OpenBench, line: Line, tmp_path: Path, keys: str, applies: tuple[bool, ...]
) -> None:
    (tmp_path / "new.patch").write_text("--- /dev/null\n+++ b/NEW\n@@ -0,0 +1 @@\n+new\n")
    bench = open_bench(f"  - {{patch: new.patch, {keys}}}\n")
    commits = (line.base, line.old, line.mended, line.reverted)
    assert tuple(bool(bench.fixups.prepare(one).tree) for one in commits) == applies
    trees = [bench.repository.resolve(one).tree for one in commits]
    assert tuple(bench.known(bench.repository.resolve(one)).tree not in trees for one in commits) == applies


def test_two_fixups_build_on_each_other_in_their_order(open_bench: OpenBench, line: Line, tmp_path: Path) -> None:
    (tmp_path / "one.patch").write_text("--- /dev/null\n+++ b/NEW\n@@ -0,0 +1 @@\n+one\n")
    (tmp_path / "two.patch").write_text("--- a/NEW\n+++ b/NEW\n@@ -1 +1 @@\n-one\n+two\n")
    both = open_bench("  - patch: one.patch\n  - patch: two.patch\n")
    prepared = both.fixups.move_to(both.repository.resolve(line.base))
    assert prepared.names == ("one.patch", "two.patch")
    assert (source(both) / "NEW").read_text() == "two\n"
    wrong = open_bench("  - patch: two.patch\n  - patch: one.patch\n")
    reject = wrong.fixups.prepare(line.base).reject
    assert reject is not None
    assert "fixup two.patch does not apply: NEW: does not exist in index" in reject.why


def test_another_profile_on_the_same_slot_gets_the_tree_without(open_bench: OpenBench, line: Line) -> None:
    with_fixup = open_bench("  - commit: t2\n")
    assert outcome(built(with_fixup, line.old))[0] is Outcome.CLEAN
    without = open_bench("")
    assert without.builder.slot == with_fixup.builder.slot
    assert without.cell.key != with_fixup.cell.key
    assert without.builder.objtree.path != with_fixup.builder.objtree.path
    assert not without.seen(without.repository.resolve(line.old))
    assert outcome(built(without, line.old))[0] is Outcome.BROKEN
    assert not git(source(without), "status", "--porcelain")
    again = open_bench("  - commit: t2\n")
    assert [one.outcome for one in again.seen(again.repository.resolve(line.old))] == [Outcome.CLEAN]
    assert again.arrival(again.repository.resolve(line.old)) is None, "its objtree was left alone"


def test_a_worktree_that_is_built_in_gives_them_back_as_well(open_bench: OpenBench, line: Line) -> None:
    bench = open_bench("  - commit: t2\n", "in_tree: yes\n")
    assert outcome(built(bench, line.old))[0] is Outcome.CLEAN
    assert (source(bench) / "vmlinux").exists(), "this is where it was built"
    other = open_bench("  - commit: t2\n")
    assert source(other) != source(bench)
    assert outcome(built(other, line.mended))[0] is Outcome.CLEAN
    bench = open_bench("  - commit: t2\n", "in_tree: yes\n")
    assert outcome(built(bench, line.reverted))[0] is Outcome.BROKEN
    assert (source(bench) / "lib/odd.c").exists()
    assert not (source(bench) / "scripts/made/new.txt").exists()
    assert outcome(built(bench, line.old))[0] is Outcome.CLEAN


def test_the_version_of_the_kernel_is_the_same_with_a_fixup(open_bench: OpenBench, line: Line) -> None:
    """An index that differs from HEAD could make it -dirty, six bytes longer, which is another layout."""
    bench = open_bench("  - commit: t2\n")
    fixed, plain = built(bench, line.old).result, built(bench, line.mended).result
    assert fixed is not None
    assert plain is not None
    assert fixed.kernel_release == plain.kernel_release != ""


def test_one_that_does_not_apply_ends_the_attempt_before_make_and_its_log_is_the_reject(
    open_bench: OpenBench, line: Line, tmp_path: Path
) -> None:
    main = text_of(line.repo, line.base)
    first = main.splitlines()[0]
    wrong = f"--- a/{FILE}\n+++ b/{FILE}\n@@ -1,2 +1,2 @@\n-{first} once\n+mended\n {main.splitlines()[1]}\n"
    (tmp_path / "wrong.patch").write_text(wrong)
    bench = open_bench("  - patch: wrong.patch\n")
    attempt = built(bench, line.base, Kind.CLEAN)
    assert outcome(attempt) == (Outcome.BROKEN, "fixup:wrong.patch")
    assert attempt.result is not None
    assert attempt.result.why == f"fixup wrong.patch does not apply: patch failed: {FILE}:1"
    assert attempt.result.exit_status is None, "no make was run"
    assert not bench.builder.objtree.path.exists()
    with bench.store.open(dict(attempt.result.evidence)["log"]) as file:
        log = file.read().decode()
    assert f"does not apply to {line.base}" in log
    assert f"{FILE}.rej:\n" in log
    assert f"-{first} once\n+mended\n" in log
    assert not list(bench.builder.slot.rglob("*.rej"))
    assert not git(source(bench), "status", "--porcelain")
    assert bench.dry_run(bench.repository.resolve(line.base))[1:] == [f"# {attempt.result.why}; nothing is built"]
    ids = {bench.known(bench.repository.resolve(line.base)).tree, bench.repository.resolve(line.base).tree}
    assert len(ids) == 2, "this failure says nothing of the tree without the fixup"


def test_what_is_there_already_is_said_to_be(open_bench: OpenBench, line: Line) -> None:
    patch = git(line.repo, "diff", line.old, line.mended)
    (line.repo.parent / "mend.patch").write_text(patch + "\n")
    bench = open_bench("  - patch: mend.patch\n")
    reject = bench.fixups.prepare(line.mended).reject
    assert reject is not None
    assert "it is there already" in reject.why.replace("all of it", "it")
    assert "`before:`" in reject.why


def test_what_git_cannot_read_says_nothing_about_the_patch(open_bench: OpenBench, line: Line, tmp_path: Path) -> None:
    """git apply ends with the same status; a SKIP for it would stand in the ledger for good."""
    (tmp_path / "mend.patch").write_text(git(line.repo, "diff", line.old, line.mended) + "\n")
    bench = open_bench("  - {patch: mend.patch, before: t2}\n")
    blob = git(line.repo, "rev-parse", f"{line.old}:{FILE}")
    (line.repo / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(InfraError, match=r"fixup mend\.patch"):
        built(bench, line.old)
    assert bench.ledger.count() == 0


def test_the_users_settings_do_not_decide_what_applies(open_bench: OpenBench, line: Line, tmp_path: Path) -> None:
    (tmp_path / "tabs.patch").write_text(
        "--- a/Kbuild\n+++ b/Kbuild\n@@ -1,2 +1,2 @@\n"
        + "".join(f"-{text}  \n" for text in text_of(line.repo, line.base, "Kbuild").splitlines()[:2])
        + "+a\n+b\n"
    )
    git(line.repo, "config", "apply.ignoreWhitespace", "change")
    git(line.repo, "config", "diff.noprefix", "true")
    bench = open_bench("  - patch: tabs.patch\n    before: t1\n  - commit: t2\n")
    assert bench.fixups.prepare(line.base).reject is not None
    assert bench.fixups.prepare(line.old).tree == git(line.repo, "rev-parse", f"{line.mended}^{{tree}}")


def test_a_shell_and_a_dry_run_have_the_fixups(open_bench: OpenBench, line: Line, tmp_path: Path) -> None:
    bench = open_bench("  - commit: t2\n")
    assert f"# with fixup {line.mended[:12]}" in bench.dry_run(bench.repository.resolve(line.old))
    attempt = built(bench, line.old)
    script = f"""
        cd "$(echo "$BISECTSYMS_COMMAND" | sed 's/^make -C \\([^ ]*\\).*/\\1/')" || exit
        test ! -e lib/odd.c && test -e scripts/made/new.txt && ! grep only_for_old {FILE}
    """
    words = ("sh", "-c", script)
    assert shell(bench, attempt, words, os.environ).exit_status == 0
    assert outcome(bench.again(attempt))[0] is Outcome.CLEAN


def test_a_word_is_about_the_tree_with_its_fixups(open_bench: OpenBench, line: Line) -> None:
    """Also where the word is told without the profile, to the only cell of the ledger."""
    bench = open_bench("  - commit: t2\n")
    built(bench, line.mended)
    repository = bench.repository
    told = tell(repository, "t1", Word.CLEAN, "", None).told
    assert told.revision == replace(bench.known(repository.resolve(line.old)), name="t1")
    assert bench.told(repository.resolve(line.old)) == told
    assert bench.told(repository.resolve(line.reverted)) is None, "the same git tree, and no fixup"
    with Ledger.open(repository.state_dir) as ledger:
        assert ledger.cells()[0].fixups == bench.cell.fixups


@pytest.mark.parametrize(
    ("fixups", "says", "next_step"),
    [
        ("  - commit: t9\n", "mine.yaml: fixups.0.commit: t9: no such commit here", "git fetch"),
        ("  - commit: t1\n  - {commit: t2, from: t9}\n", "fixups.1.from: t9: no such commit", "git fetch"),
        ("  - {commit: t2, before: --all}\n", "fixups.0.before: --all: no such commit", "git fetch"),
        ("  - commit: merge\n", "fixups.0.commit: merge is a merge", "git diff merge^1 merge"),
        ("  - commit: empty\n", "fixups.0.commit: empty changes nothing", "take it out"),
        ("  - patch: cut.patch\n", "fixups.0.patch: cut.patch: git cannot read this patch: corrupt patch", "anew"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_bench_opens(
    open_bench: OpenBench, line: Line, tmp_path: Path, fixups: str, says: str, next_step: str
) -> None:
    tree = git(line.repo, "rev-parse", "t1^{tree}")
    git(line.repo, "tag", "merge", git(line.repo, "commit-tree", tree, "-p", line.old, "-p", line.base, "-m", "m"))
    git(line.repo, "tag", "empty", git(line.repo, "commit-tree", tree, "-p", line.old, "-m", "e"))
    (tmp_path / "cut.patch").write_text("diff --git a/A b/A\n--- a/A\n+++ b/A\n@@ -1,5 +1,5 @@\n a\n")
    with pytest.raises(UserError) as caught:
        open_bench(fixups)
    assert says in caught.value.message
    assert next_step in caught.value.next_step


def test_the_identity_is_what_a_patch_says_and_for_which_commits(line: Line, tmp_path: Path) -> None:
    repository = Repository.discover(line.repo, {})

    def resolved(fixups: str, patch: str = "a") -> object:
        for name in ("one.patch", "two.patch"):
            (tmp_path / name).write_text(f"--- /dev/null\n+++ b/N\n@@ -0,0 +1 @@\n+{patch}\n")
        path = tmp_path / "mine.yaml"
        path.write_text(f"{PROFILE}fixups:\n{fixups}")
        return resolve(repository, find_profile(str(path), state_dir=path, xdg_config_home=path, cwd=tmp_path).fixups)

    one = resolved("  - patch: one.patch\n")
    assert one == resolved("  - patch: two.patch\n"), "not what the file is called"
    assert one != resolved("  - patch: one.patch\n", "b")
    assert one != resolved("  - {patch: one.patch, from: t1}\n")
    assert resolved("  - commit: t2\n") == resolved(f"  - {{commit: {line.mended[:12]}, before: {line.mended}}}\n")


def test_a_shallow_clone_does_not_guess(line: Line, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "t3", f"file://{line.repo}", "shallow")
    git(tmp_path / "shallow", "fetch", "-q", "--depth", "1", "origin", "tag", "t1")
    shallow = Repository.discover(tmp_path / "shallow", {})
    assert shallow.contains(line.old, line.old)
    with pytest.raises(UserError, match="shallow") as caught:
        shallow.contains(line.reverted, line.old)
    assert "--unshallow" in caught.value.next_step
    whole = Repository.discover(line.repo, {})
    assert whole.contains(line.reverted, line.old)
    assert not whole.contains(line.old, line.reverted)
    assert not whole.contains(line.old, "0" * 39 + "1"), "what is not here is in no whole history"


@dataclass(frozen=True)
class Aged:
    """A line of commits that all fail from `culprit` on, and of which those before `mend` need a fixup to build."""

    repo: Path
    commits: tuple[str, ...]
    culprit: str
    mend: str
    """Empty if that is all of them."""


def aged(make_history: MakeHistory, mend_at: int = 99, drift: range = range(0)) -> Aged:
    """A history of one line and 13 commits, number 10 the culprit: OLD before `mend_at`, spelt otherwise in `drift`."""
    history = make_history(Failure.ALWAYS, seed=5, commits=16, broken=False)
    repo = history.repo
    before = git(repo, "rev-list", "--first-parent", "--reverse", f"{history.good}..{history.bad}").split()
    commits, culprit = [history.good], ""
    for number, one in enumerate([history.good, *before]):
        main = text_of(repo, one)
        odd = OLD.replace("not_declared", "not_declared_either") if number in drift else OLD
        git(repo, "tag", f"was{number}", one)
        made = commit(repo, one, f"{number}", {FILE: main + odd if number < mend_at else main})
        tree = git(repo, "rev-parse", f"{made}^{{tree}}")
        commits.append(git(repo, "commit-tree", tree, "-p", commits[-1], "-m", f"{number}"))
        contains = (
            subprocess.run(["git", "merge-base", "--is-ancestor", history.culprit, one], cwd=repo).returncode == 0
        )
        culprit = culprit or (commits[-1] if contains else "")
    return Aged(repo, tuple(commits[1:]), culprit, commits[1 + mend_at] if mend_at < 99 else "")


def bisect(user: User, aged: Aged, profile: Path) -> tuple[str, str]:
    """The commit that git names, and all output."""
    user.run("git", "bisect", "start", aged.commits[-1], aged.commits[0], cwd=aged.repo)
    step = ("bisectsyms", "--profile", str(profile), "--slots-dir", str(user.slots), "--confidence", ".99")
    done = user.run("git", "bisect", "run", *step, cwd=aged.repo)
    return named(done.stdout), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("how", "mend_at"), [("commit", 7), ("patch", 11)])
def test_a_bisect_whose_older_part_needs_a_fixup_names_the_culprit(
    user: User, make_history: MakeHistory, tmp_path: Path, how: str, mend_at: int
) -> None:
    line = aged(make_history, mend_at)
    # As in life, the mending commit does more than mend: what is picked is the patch for it alone.
    parent = git(line.repo, "rev-parse", f"{line.mend}^")
    mend = commit(line.repo, parent, "mend", {FILE: text_of(line.repo, line.mend)})
    git(line.repo, "tag", "mend", mend)
    (tmp_path / "mend.patch").write_text(git(line.repo, "diff", f"{mend}^", mend) + "\n")
    profile = tmp_path / "mine.yaml"
    what = "commit: mend" if how == "commit" else "patch: mend.patch"
    profile.write_text(f"{PROFILE}fixups:\n  - {{{what}, before: {line.mend}}}\n")
    found, output = bisect(user, line, profile)
    assert found == line.culprit, output
    assert "BROKEN" not in output
    status = json.loads(user.run("bisectsyms", "status", "--json", "--rejudge", cwd=line.repo).stdout)
    assert status["culprit"] == line.culprit
    assert status["confidence"] >= 0.99
    assert ", 1 fixup)" in user.run("bisectsyms", "status", cwd=line.repo).stdout
    rows = {row["revision"]["commit"]: row for row in status["cells"][0]["rows"]}
    assert {row["verdict"] for row in rows.values()} <= {"GOOD", "BAD"}, "--rejudge finds the attempts again"
    assert any(len(row["revision"]["tree"]) == 64 for row in rows.values())
    assert any(len(row["revision"]["tree"]) == 40 for row in rows.values())

    without = tmp_path / "without.yaml"
    without.write_text(PROFILE)
    user.run("git", "bisect", "reset", cwd=line.repo)
    found, output = bisect(user, line, without)
    assert not found, "the good end does not build without it"


@pytest.mark.slow
def test_revisions_to_which_a_fixup_does_not_apply_are_skipped(
    user: User, make_history: MakeHistory, tmp_path: Path
) -> None:
    line = aged(make_history, drift=range(5, 8))
    assert len(line.commits) == 13, "so that git asks about number 6 first"
    main = text_of(line.repo, line.commits[0])
    mend = commit(line.repo, line.commits[0], "mend", {FILE: main.removesuffix(OLD)})
    (tmp_path / "mend.patch").write_text(git(line.repo, "diff", f"{mend}^", mend) + "\n")
    profile = tmp_path / "mine.yaml"
    profile.write_text(f"{PROFILE}fixups:\n  - patch: mend.patch\n")
    found, output = bisect(user, line, profile)
    assert found == line.culprit, output
    assert "SKIP: fixup mend.patch does not apply" in output
    step = ("bisectsyms", "step", line.commits[6], "--profile", str(profile), "--slots-dir", str(user.slots))
    skipped = user.run(*step, cwd=line.repo)
    assert skipped.returncode == 125, skipped.stderr
    assert "SKIP: fixup mend.patch does not apply" in skipped.stderr
    number = skipped.stderr.rpartition("bisectsyms again ")[2].split()[0]
    log = user.run("bisectsyms", "log", number, cwd=line.repo).stdout
    assert f"error: patch failed: {FILE}:" in log
    assert "-\treturn not_declared;" in log
    once_more = user.run(*step, cwd=line.repo)
    assert once_more.returncode == 125
    assert "attempt " not in once_more.stderr.replace(f"the last attempt: bisectsyms again {number}", ""), (
        "once is enough"
    )
