"""The answer of a search as lines of `git bisect log`, so that `git bisect replay` comes to the same commit or set.

Only what leads to the answer is in it: git believes every line, and a search under noise has no other certain ones.
The form is that of git's builtin/bisect.c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Commits as full ids."""

    new: str
    """The end as the user named it."""
    olds: tuple[str, ...]
    newest: str
    """The commit that was found, or one that has all suspects among its ancestors."""
    before: tuple[str, ...]
    """Parents of suspects that are none themselves."""
    between: tuple[str, ...] = ()
    """Suspects that git is to skip; empty where one commit was found."""
    first_parent: bool = False
    paths: tuple[str, ...] = ()
    old_term: str = "good"
    new_term: str = "bad"


def log_lines(answer: Answer, title: Callable[[str], str]) -> list[str]:
    """The lines of a file that `git bisect replay` accepts; `title` gives the subject of a commit."""

    def said(word: str, commit: str) -> list[str]:
        return [f"# {word}: [{commit}] {title(commit)}", f"git bisect {word} {commit}"]

    old, new = answer.old_term, answer.new_term
    start = [f"--term-old={old}", f"--term-new={new}"] if (old, new) != ("good", "bad") else []
    start += ["--first-parent"] if answer.first_parent else []
    paths = ["--", *answer.paths] if answer.paths else []
    words = [*start, answer.new, *answer.olds, *paths]
    lines = [f"git bisect start {' '.join(_quoted(word) for word in words)}"]
    if answer.newest != answer.new:
        lines += said(new, answer.newest)
    for commit in answer.before:
        if commit not in answer.olds:
            lines += said(old, commit)
    for commit in answer.between:
        lines += said("skip", commit)
    if not answer.between:
        lines.append(f"# first {new} commit: [{answer.newest}] {title(answer.newest)}")
    return lines


def _quoted(word: str) -> str:
    """As git's sq_quote_buf: `git bisect replay` passes over a line of start in which a word has no quotes."""
    return "'" + word.replace("'", "'\\''") + "'"


def suspects_answer(
    suspects: Sequence[int], parents: Sequence[Sequence[int]], new: int
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """(newest, before, between) for a set of suspects, as indices in topological order.

    Whatever lies between two suspects becomes one: git knows only ranges.
    """
    oldest, wanted = min(suspects), set(suspects)
    newest = max(suspects)
    if not wanted <= _ancestors(newest, parents, oldest):
        newest = new
    # Commits above a suspect and below the newest one.
    above = set(wanted)
    below = _ancestors(newest, parents, oldest)
    for commit in range(oldest, newest + 1):
        if commit in below and any(parent in above for parent in parents[commit]):
            above.add(commit)
    hull = above & below
    before = sorted({parent for commit in hull for parent in parents[commit]} - hull)
    return newest, tuple(before), tuple(sorted(hull - {newest}))


def _ancestors(commit: int, parents: Sequence[Sequence[int]], oldest: int) -> set[int]:
    """The commit and its ancestors that do not stand before `oldest`."""
    found, waiting = set[int](), [commit]
    while waiting:
        at = waiting.pop()
        if at not in found and at >= oldest:
            found.add(at)
            waiting.extend(parents[at])
    return found
