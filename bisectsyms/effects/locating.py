"""The revision of a report in this repository: looked for by everything that the report says, the surest first.

Nothing is fetched. Where it is not here, the line that would fetch it is for people to run. What a report says of a
commit never becomes an option of git: names have passed their gate, subjects and authors are compared and not matched.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bisectsyms.core.words import count
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError
from bisectsyms.model import Revision

LATEST_DAYS = 60
"""Without a commit, the newest before a report's day is taken; an older one than this was not its kernel."""
BRANCHES = ("origin/master", "origin/main", "origin/HEAD", "master", "main", "HEAD")
STABLE = "https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git"
NEXT = "https://git.kernel.org/pub/scm/linux/kernel/git/next/linux-next.git"
FETCHED = "refs/bisectsyms/fetched/"
"""What effects/fetching.py has fetched for a report, by its id or tag; no name of the user's means one of them."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(-rc\d+)?(.*)")
_NEXT_DAY = re.compile(r"next-20\d{6}")
_IN_RELEASE = re.compile(r"-g([0-9a-f]{7,40})(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Clues:
    """What a report says of its commit; empty where it says nothing."""

    revision: str = ""
    """The user's own word: nothing else counts beside it."""
    commit: str = ""
    describe: str = ""
    kernel_version: str = ""
    subject: str = ""
    author: str = ""
    date: str = ""
    """Of the report, ISO day."""
    tree: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """The revision."""

    revision: Revision
    how: str
    """By what it was found, for people."""
    sure: bool
    """Whether that names one commit and no other."""


def locate(repository: Repository, clues: Clues) -> Located:
    """The revision that is meant.

    Raises:
        UserError: it is not here; with the line that fetches it where one is known.
    """
    if clues.revision:
        return Located(repository.resolve(clues.revision), "by --rev", sure=True)
    for name, how in _names(clues):
        if found := _resolved(repository, name):
            return Located(found, how, sure=True)
    if clues.commit or clues.describe.startswith("next-"):  # another commit in its place would be another kernel
        raise _absent(clues)
    if clues.subject and (located := _by_subject(repository, clues)):
        return located
    if clues.describe or clues.kernel_version or clues.subject:
        raise _absent(clues)
    if clues.date:
        return _by_day(repository, clues.date)
    raise UserError("the report does not say which commit was built", next_step="--rev REV")


def _names(clues: Clues) -> Iterator[tuple[str, str]]:
    """What git may know, and how it is told."""
    if clues.commit:
        yield clues.commit, f"by its id {clues.commit}"
    for text, what in ((clues.describe, "git describe"), (clues.kernel_version, "version")):
        if not text:
            continue
        if match := _IN_RELEASE.search(text):
            yield match[1], f"by the id in its {what} {text}"
            continue
        if match := _NEXT_DAY.search(text):
            yield match[0], f"by the tag {match[0]} in its {what} {text}"
            continue
        for named in (text, f"v{text}"):
            yield named, f"by its {what} {text}"
        if match := _VERSION.fullmatch(text):
            named = _tag(match)
            if not match[5].strip("+"):
                yield named, f"by the tag {named}, which its {what} {text} names"


def _resolved(repository: Repository, name: str) -> Revision | None:
    for known in (name, f"{FETCHED}{name}"):
        try:
            found = repository.resolve(known)
            break
        except UserError:
            continue
    else:
        return None
    # An id, and no branch or tag that happens to be called so.
    is_id = re.fullmatch(r"[0-9a-f]{7,64}", name)
    return None if is_id and not found.commit.startswith(name) else found


def _by_subject(repository: Repository, clues: Clues) -> Located | None:
    """The newest commit with exactly this subject, and this author where one is named."""
    words = [
        "log",
        f"--exclude={FETCHED}*",
        "--all",
        "--no-show-signature",
        "--fixed-strings",
        f"--grep={clues.subject}",
    ]
    out = repository.git(*words, "--format=%H%x00%an%x00%ae%x00%s", "-50")
    found = []
    for line in out.splitlines():
        commit, name, address, title = line.split("\0", 3)
        by = not clues.author or name in clues.author or address in clues.author
        if title == clues.subject and by:
            found.append(commit)
    if not found:
        return None
    how = "by its subject" + (" and author" if clues.author else "")
    if len(found) > 1:
        how += f", the newest of {count(len(found), 'commit')} that have it"
    return Located(repository.resolve(found[0]), how, sure=len(found) == 1)


def _by_day(repository: Repository, day: str) -> Located:
    """The newest commit of the main branch at the end of that day."""
    branch = next((one for one in BRANCHES if _resolved(repository, one)), "HEAD")
    commit = repository.git("rev-list", "-1", "--first-parent", f"--before={day}T23:59:59Z", branch, "--")
    if not commit:
        raise UserError(
            f"the report does not say which commit was built, and {branch} has none as old as {day}",
            next_step=f"--rev REV; or git fetch --unshallow {STABLE} --tags",
        )
    made = repository.git("log", "-1", "--no-show-signature", "--format=%cs", commit)
    age = (date.fromisoformat(day) - date.fromisoformat(made)).days
    if age > LATEST_DAYS:
        raise UserError(
            f"the report of {day} does not say which commit was built; the newest here before it is of {made}",
            next_step=f"--rev REV; or git fetch {STABLE} --tags",
        )
    how = f"the report names no commit: the newest of {branch} on its day, {day}, is taken"
    return Located(repository.resolve(commit), how, sure=False)


def _absent(clues: Clues) -> UserError:
    what = clues.commit or clues.describe or clues.kernel_version or f"a commit {clues.subject!r}"
    return UserError(f"{what} is not in this repository", next_step=fetch_line(clues))


def fetch_line(clues: Clues) -> str:
    """The command that fetches what is missing, every word quoted; from the report's tree where it names one."""
    return (
        shlex.join(("git", "fetch", *fetch_words(clues)))
        + "; then the same command again, or with --fetch; or --rev REV"
    )


def fetch_words(clues: Clues) -> tuple[str, ...]:
    """(repository, what) for git fetch: a branch, `tag NAME`, an id, or HEAD.

    A tag is asked of kernel.org alone: that of a stranger's tree may be another commit.
    """
    if clues.describe.startswith("next-"):
        return NEXT, "tag", clues.describe
    tree = clues.tree or STABLE
    if clues.branch:
        return tree, clues.branch
    if len(clues.commit) >= 40:
        return tree, clues.commit
    if not clues.commit and (tag := _release(clues)):
        return STABLE, "tag", tag
    return tree, "HEAD"


def _release(clues: Clues) -> str:
    """The tag of the release that is named; empty where the name is of a commit after it, or of no release."""
    for text in filter(None, (clues.describe, clues.kernel_version)):
        match = _VERSION.fullmatch(text)
        if match and not match[5].strip("+"):
            return _tag(match)
    return ""


def _tag(match: re.Match[str]) -> str:
    major, minor, patch, candidate, _ = match.groups()
    return f"v{major}.{minor}" + (f".{patch}" if patch and int(patch) else "") + (candidate or "")
