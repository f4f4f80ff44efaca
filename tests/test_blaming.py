"""A culprit taken back on top of another commit, and who should hear of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bisectsyms.effects.closing import closed_works
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.recipients import recipients
from bisectsyms.effects.reverting import revert_on_top
from tests.conftest import git
from tests.test_searching import write


def grow(repo: Path, **files: str) -> str:
    """One more commit that writes these files, its title the names of them."""
    for name, text in files.items():
        (repo / name).write_text(text)
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", " ".join(files))
    return git(repo, "rev-parse", "HEAD")


def test_a_revert_is_a_commit_that_is_the_same_each_time(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"])
    first = grow(repo, a="1\n2\n3\n")
    culprit = grow(repo, a="1\n2\nbad\n3\n", b="new\n")
    grow(repo, c="c\n")
    repository = Repository.discover(repo, {})
    head, status = git(repo, "rev-parse", "HEAD"), git(repo, "status", "--porcelain")
    one, other = (revert_on_top(repository, repository.resolve(culprit), head, tmp_path / "aside") for _ in range(2))
    assert one == other
    assert one.revision is not None
    assert git(repo, "show", f"{one.revision.commit}:a") == "1\n2\n3"
    assert git(repo, "ls-tree", "--name-only", one.revision.commit).split() == ["a", "c", "test.sh"]
    assert repository.parents(one.revision.commit) == (head,)
    assert git(repo, "log", "-1", "--format=%B", one.revision.commit).startswith('Revert "a b"\n\nThis reverts commit')
    assert (git(repo, "rev-parse", "HEAD"), git(repo, "status", "--porcelain")) == (head, status)
    assert first != one.revision.commit


def test_a_revert_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"])
    grow(repo, a="1\n")
    culprit = grow(repo, a="2\n")
    grow(repo, a="3\n")
    git(repo, "commit", "-q", "--allow-empty", "-m", "empty")
    repository = Repository.discover(repo, {})

    def why(commit: str, top: str) -> str:
        made = revert_on_top(repository, repository.resolve(commit), top, tmp_path / "aside")
        assert made.revision is None
        return made.why

    assert why(culprit, "HEAD") == "its revert does not apply there (a)"
    assert why("HEAD", "HEAD") == "it changes nothing"
    git(repo, "checkout", "-q", culprit)
    git(repo, "revert", "--no-edit", "HEAD")
    assert why(culprit, "HEAD") == "it is taken back there already"
    assert why("1", "HEAD") == "it has no parent"


def test_of_a_merge_its_side_branch_is_taken_back(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"])
    git(repo, "checkout", "-q", "-b", "topic")
    grow(repo, side="x\n")
    git(repo, "checkout", "-q", "main")
    grow(repo, own="y\n")
    git(repo, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    repository = Repository.discover(repo, {})
    made = revert_on_top(repository, repository.resolve("main"), "main", tmp_path / "aside")
    assert made.revision is not None
    assert git(repo, "ls-tree", "--name-only", made.revision.commit).split() == ["own", "test.sh"]


# Recipients


SCRIPT = """use strict;
my $patch = $ARGV[-1];
open(my $in, '<', $patch) or die;
my $text = join('', <$in>);
open(my $who, '<', 'MAINTAINERS') or die;
print while <$who>;
print "subject\\@kernel.invalid\\n" if $text =~ /^\\+\\+\\+ b\\/a$/m;
print "some warning without an address\\n";
"""


def maintained(repo: Path, script: str, who: str) -> str:
    (repo / "scripts").mkdir()
    (repo / "scripts/get_maintainer.pl").write_text(script)
    grow(repo, MAINTAINERS=who)
    return grow(repo, a="a\n")


def test_recipients_are_the_scripts_own_stripped_of_what_a_terminal_obeys(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"])
    culprit = maintained(repo, SCRIPT, "Ann \x1b[31mB\x1b[0m <ann@kernel.invalid>\nlist@kernel.invalid\n")
    repository = Repository.discover(repo, {})
    asked = recipients(repository, culprit, "HEAD", tmp_path / "aside", os.environ)
    assert asked.addresses == ("Ann B <ann@kernel.invalid>", "list@kernel.invalid", "subject@kernel.invalid")
    assert not asked.missing
    assert not (tmp_path / "aside").exists()


@pytest.mark.parametrize(
    ("script", "path", "says"),
    [("", "", "there is no scripts/get_maintainer.pl"), ("exit 3;", "", "ended with 3"), (SCRIPT, "/none", "perl")],
)
def test_without_recipients_it_is_said_why(tmp_path: Path, script: str, path: str, says: str) -> None:
    repo = write(tmp_path / "repo", ["true"])
    culprit = maintained(repo, script, "")
    environ = {"PATH": path} if path else dict(os.environ)
    asked = recipients(Repository.discover(repo, {}), culprit, "HEAD", tmp_path / "aside", environ)
    assert asked.addresses == ()
    assert says in asked.missing


@pytest.mark.skipif(not closed_works(), reason="bubblewrap does not work here: apt-get install bubblewrap")
def test_the_script_is_closed_off(tmp_path: Path) -> None:
    """It is the tree's, and in a bisect of a stranger's report the tree may be his."""
    (tmp_path / "secret").write_text("s@ecret.example\n")
    script = f'open(F, "<", "{tmp_path}/secret") and print(<F>); print "a\\@b.example\\n" if !-e "{tmp_path}/secret";'
    repo = write(tmp_path / "repo", ["true"])
    (repo / "scripts").mkdir()
    culprit = grow(repo, **{"scripts/get_maintainer.pl": script})
    found = recipients(Repository.discover(repo, {}), culprit, culprit, tmp_path / "aside", os.environ)
    assert found.addresses == ("a@b.example",)
