"""Twins and reverts, from real histories: git's patch-ids decide, titles and trailers only say where to look."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bisectsyms.core.kinship import AFFORDED, MOST_ALIKE, Kin, alike, plain_title
from bisectsyms.core.prior import Change
from bisectsyms.effects.changes import FOLDER, read_changes
from bisectsyms.effects.dag import find_ends, read_range
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.kinship import read_kin


class Story:
    """A history that is told step by step; commits are tagged with their names."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        repo.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write("base", {"a": "".join(f"{number}\n" for number in range(20)), "b": "b\n"})

    def git(self, *args: str) -> str:
        words = ["git", "-c", "user.name=a", "-c", "user.email=a@kernel.invalid", "-C", str(self.repo), *args]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    def write(self, tag: str, files: dict[str, str], *, title: str = "") -> None:
        for name, text in files.items():
            (self.repo / name).write_text(text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", title or tag)
        self.git("tag", tag)

    def edit(self, tag: str, line: int, text: str, *, title: str = "") -> None:
        """Another text in one line of file a."""
        lines = (self.repo / "a").read_text().splitlines()
        lines[line] = text
        self.write(tag, {"a": "\n".join(lines) + "\n"}, title=title)

    def did(self, tag: str, *args: str) -> None:
        """A commit that git itself makes."""
        self.git(*args)
        self.git("tag", tag)

    def kin(self, bad: str = "main") -> tuple[list[list[str]], list[tuple[str, str]]]:
        """Twins and reverts by their tags."""
        repository = Repository.discover(self.repo, {})
        ends = find_ends(repository, "base", bad)
        commits = read_range(repository, ends)
        found = read_kin(repository, commits, read_changes(repository, commits))
        assert read_kin(repository, commits, read_changes(repository, commits)) == found, "as kept"
        names = [self.git("tag", "--points-at", commit) for commit in commits.commits]
        twins = [[names[one] for one in group] for group in found.twins]
        return twins, [(names[revert], names[one]) for revert, one in found.reverts]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


def test_a_backport_merged_beside_its_original_is_its_twin(story: Story) -> None:
    story.git("checkout", "-q", "-b", "topic")
    story.edit("original", 3, "three")
    story.git("checkout", "-q", "main")
    story.edit("other", 15, "fifteen", title="original")  # the same title, another patch
    story.did("backport", "cherry-pick", "original")
    story.did("merge", "merge", "-q", "--no-ff", "-m", "original", "topic")
    assert story.kin() == ([["original", "backport"]], []) or story.kin() == ([["backport", "original"]], [])


def test_a_trailer_names_a_twin_of_another_title(story: Story) -> None:
    story.git("checkout", "-q", "-b", "topic")
    story.edit("original", 3, "three")
    upstream = story.git("rev-parse", "original")
    story.git("checkout", "-q", "main")
    story.did("picked", "cherry-pick", "--no-commit", "original")
    story.git("tag", "-d", "picked")
    story.write("picked", {}, title=f"stable: three\n\n[ Upstream commit {upstream} ]\ncommit {upstream} upstream.")
    story.edit("between", 10, "ten")
    story.did("merge", "merge", "-q", "--no-ff", "-m", "merge", "topic")
    twins, _ = story.kin()
    assert [sorted(group) for group in twins] == [["original", "picked"]]


def test_a_revert_ends_what_it_takes_back_and_its_own_revert_is_a_twin(story: Story) -> None:
    story.edit("original", 3, "three")
    story.edit("between", 15, "fifteen")
    story.did("back", "revert", "--no-edit", "original")
    story.edit("later", 12, "twelve")
    story.did("again", "revert", "--no-edit", "back")
    twins, reverts = story.kin()
    assert twins == [["original", "again"]]
    assert reverts == [("back", "original"), ("again", "back")]


def test_a_revert_under_a_title_of_its_own_is_named_by_its_message(story: Story) -> None:
    story.edit("original", 3, "three")
    reverted = story.git("rev-parse", "original")
    story.edit("back", 3, "3", title=f"sched: count again\n\nThis reverts commit {reverted[:12]}.")
    assert story.kin() == ([], [("back", "original")])


def test_a_revert_that_does_something_else_ends_nothing(story: Story) -> None:
    story.edit("original", 3, "three")
    story.edit("back", 3, "drei", title='Revert "original"')
    assert story.kin() == ([], [])


def test_a_revert_takes_back_nothing_that_it_does_not_contain(story: Story) -> None:
    story.git("checkout", "-q", "-b", "topic")
    story.edit("original", 3, "three")
    story.git("checkout", "-q", "main")
    story.edit("early", 17, "seventeen")
    story.did("twin", "cherry-pick", "original")
    story.did("back", "revert", "--no-edit", "twin")
    story.edit("between", 10, "ten")
    story.did("merge", "merge", "-q", "--no-ff", "-m", "merge", "-s", "ours", "topic")
    twins, reverts = story.kin()
    assert [sorted(group) for group in twins] == [["original", "twin"]]
    assert reverts == [("back", "twin")]


def test_patches_that_say_too_little_are_no_twins(story: Story) -> None:
    """Without a hunk the reverse of a patch may have the id of the patch: modes, empty files, binaries."""
    (story.repo / "b").chmod(0o755)
    story.write("mode", {}, title="b")
    (story.repo / "b").chmod(0o644)
    story.write("mode-back", {}, title='Revert "b"')
    (story.repo / "bin").write_bytes(b"\0\1")
    story.write("binary", {}, title="bin")
    (story.repo / "bin").write_bytes(b"\0\2")
    story.write("binary-other", {}, title="bin")
    story.did("empty", "commit", "-q", "--allow-empty", "-m", "e")
    story.did("empty-too", "commit", "-q", "--allow-empty", "-m", "e")
    assert story.kin() == ([], [])


def test_nothing_is_fetched_for_it_in_a_partial_clone(story: Story) -> None:
    story.edit("original", 3, "three")
    story.did("back", "revert", "--no-edit", "original")
    assert story.kin()[1]
    story.git("config", "remote.origin.promisor", "true")
    assert story.kin() == ([], [])


def test_what_git_said_of_a_range_is_kept_and_the_oldest_dropped(story: Story) -> None:
    for number in range(12):
        story.edit(f"c{number}", number, "x")
        story.kin(f"c{number}")
    assert len(list((story.repo / ".git/bisectsyms" / FOLDER).iterdir())) == 8


def test_changes_of_merges_first_parents_and_pathspecs(story: Story) -> None:
    story.git("checkout", "-q", "-b", "topic")
    story.write("side", {"ü\tb": "1\n"}, title="")
    story.git("checkout", "-q", "main")
    story.edit("main-1", 1, "one")
    story.git("mv", "b", "moved")
    story.write("moved", {})
    story.did("merge", "merge", "-q", "--no-ff", "-m", "merge", "topic")
    repository = Repository.discover(story.repo, {})
    ends = find_ends(repository, "base", "main")

    def touched(*, first_parent: bool = False, paths: tuple[str, ...] = ()) -> dict[str, tuple[str, ...] | None]:
        commits = read_range(repository, ends, first_parent=first_parent, paths=paths)
        changes = read_changes(repository, commits, first_parent=first_parent, paths=paths)
        names = [story.git("tag", "--points-at", commit) for commit in commits.commits]
        return {name: one.paths if one else None for name, one in zip(names, changes, strict=True)}

    plain = {"base": None, "side": ("ü\tb",), "main-1": ("a",), "moved": ("b", "moved"), "merge": ()}
    assert touched() == plain
    assert touched(first_parent=True) == {**{k: plain[k] for k in ("base", "main-1", "moved")}, "merge": ("ü\tb",)}
    assert touched(paths=("moved",)) == {"base": None, "moved": ("b", "moved"), "merge": None}, "all that it touches"


def test_a_merge_has_what_was_written_in_it(story: Story) -> None:
    story.git("checkout", "-q", "-b", "topic")
    story.edit("side", 3, "three")
    story.git("checkout", "-q", "main")
    story.edit("main-1", 15, "fifteen")
    story.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    repository = Repository.discover(story.repo, {})
    ends = find_ends(repository, "base", "main")
    commits = read_range(repository, ends)
    merge = read_changes(repository, commits)[-1]
    assert merge is not None
    assert (merge.paths, merge.merge, merge.title) == (("a",), True, "merge")


# The pure parts


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("x", ("x", False)),
        ('Revert "x"', ("x", True)),
        ('Revert "Revert "x""', ("x", False)),
        ('Reapply "x"', ("x", False)),
        ('Revert "Reapply "x""', ("x", True)),
        ('Revert "x" and more', ('Revert "x" and more', False)),
    ],
)
def test_a_title_without_its_reverts(title: str, plain: tuple[str, bool]) -> None:
    assert plain_title(title) == plain


def test_a_search_follows_what_is_still_there_in_the_newer_end() -> None:
    """1 is taken back by 2; 3, by 4, and made again by 5, which takes 4 back; 6 and 8 are one change."""
    kin = Kin(twins=((3, 5), (6, 8)), reverts=((2, 1), (4, 3), (5, 4)))
    assert kin.taken_back() == {1, 4}
    assert kin.in_effect(100) == Kin(((3, 5), (6, 8)), ((4, 3),))
    assert kin.in_effect(AFFORDED) == Kin(((3, 5),), ((4, 3),)), "too many: what was gone for a while matters most"
    half = Kin(twins=((1, 2),), reverts=((3, 2),))
    assert half.taken_back() == frozenset(), "the other one is still there"
    assert half.in_effect(100) == half
    assert Kin().in_effect(100) == Kin()


def test_a_habit_is_not_compared_but_one_mail_applied_twice_is() -> None:
    many = [Change("a", number, "update", ("MAINTAINERS",)) for number in range(MOST_ALIKE + 5)]
    twice = [Change("a", 3, "update", ("MAINTAINERS",))]
    ids = [f"{number:040x}" for number in range(100)]
    assert alike(many, ids, {}).commits == ()
    assert alike(many + twice, ids, {}).commits == (3, len(many))
    assert alike(many[:2], ids, {}).commits == (0, 1)
    assert alike([many[0], Change("a", 0, "update", ("CREDITS",))], ids, {}).commits == (), "other files"
