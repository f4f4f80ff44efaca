"""Git histories of the small kernel in which one commit brings in a failure of the kallsyms link.

Every commit after `good` adds a function; its number is in its title. Beside the culprit a history has
what real ones have: a run of commits that do not compile, a merged topic branch, plain work on the build
system, and a compiler that is killed now and then. Nothing in the repository says which is which.
"""

from __future__ import annotations

import enum
import os
import random
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import git

from bisectsyms.smallkernel.causes import ALWAYS, HEADER, LAYOUT, RACE
from bisectsyms.smallkernel.edits import DYING_COMPILER, GENTLE_COMPILER
from bisectsyms.smallkernel.plan import FEWEST, Plan, draw_plan

TREE = Path(__file__).parent / "tree"
_BEGIN = 1_690_000_000
_BROKEN = "\nint string_checksum(void)\n{\n\treturn string_sum_of_all;\n}\n"
_WHO = "Small Kernel <small@kernel.invalid>"
_VERBS = ("count", "scale", "fold", "check", "weigh", "mix", "probe", "round", "trim", "rate")
_NOUNS = ("load", "slots", "pages", "area", "depth", "window", "events", "budget", "quota", "delta", "hits")
_SOURCES = ("drivers/", "fs/", "kernel/", "lib/", "mm/")


class Failure(enum.StrEnum):
    """What the culprit of a history brings in."""

    RACE = "race"
    """A second writer of a link input beside the link: fails at about every other link, never at -j1."""
    LAYOUT = "layout"
    """A table whose size follows from the addresses: the length of the version string decides."""
    HEADER = "header"
    """Two objects race for a generated header: three builds from scratch of four fail, and no other."""
    ALWAYS = "always"
    NONE = "none"


_CAUSES = {Failure.RACE: RACE, Failure.LAYOUT: LAYOUT, Failure.HEADER: HEADER, Failure.ALWAYS: ALWAYS}


@dataclass(frozen=True, slots=True)
class History:
    """A repository and the answer that it does not contain."""

    repo: Path
    good: str
    bad: str
    culprit: str
    """Empty for Failure.NONE."""
    broken: tuple[str, ...]
    """Commits that do not compile."""
    numbers: dict[str, int]
    """Commit to the number in its title; `good` is 0."""


def write_history(
    folder: Path, failure: Failure, *, seed: int, commits: int = 40, unrelated: bool = True, broken: bool = True
) -> History:
    """Write a repository at `folder`, new or empty, with tags `good` and `bad`, `commits` commits apart.

    The same arguments give the same commit ids. `unrelated` adds the compiler that dies in one link of
    32, `broken` the run of commits that do not compile.

    Raises:
        ValueError: `commits` is less than FEWEST.
        FileExistsError: the folder is there and not empty.
    """
    if commits < FEWEST:
        raise ValueError(f"commits must be {FEWEST} or more, not {commits}")
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} exists and is not empty")
    rng = random.Random(f"smallkernel {failure} {seed}")  # noqa: S311 - reproducible, not secret
    plan = draw_plan(rng, _CAUSES.get(failure), commits, unrelated=unrelated, broken=broken)
    ids = _import(folder, _stream(rng, plan))
    return History(
        repo=folder,
        good=ids[0],
        bad=ids[commits],
        culprit=ids[plan.culprit] if failure is not Failure.NONE else "",
        broken=tuple(ids[n] for n in plan.broken),
        numbers={commit: n for n, commit in ids.items()},
    )


def _stream(rng: random.Random, plan: Plan) -> bytes:
    """The history in the language of git-fast-import(1); commit n has the mark n + 1."""
    base = {p.relative_to(TREE).as_posix(): p.read_text() for p in sorted(TREE.rglob("*")) if p.is_file()}
    sources = [path for path in base if path.endswith(".c") and path.startswith(_SOURCES)]
    added = {n: _function(rng, n, rng.choice(sources)) for n in range(1, plan.commits + 1) if n != plan.merge}
    blobs: dict[str, int] = {}
    head: list[str] = []
    tail: list[str] = []
    for n in range(plan.commits + 1):
        files = _files(base, plan, added, n)
        for text in files.values():
            if text not in blobs:
                blobs[text] = 1_000_000 + len(blobs)
                head.append(f"blob\nmark :{blobs[text]}\n{_data(text)}")
        branch = "topic" if plan.topic <= n < plan.merge else "main"
        who = f"{_WHO} {_BEGIN + 3600 * n} +0000"
        tail.append(f"commit refs/heads/{branch}\nmark :{n + 1}\nauthor {who}\ncommitter {who}\n")
        tail.append(_data(_title(plan, added, n)))
        if n:
            first, *others = plan.parents(n)
            tail.append(f"from :{first + 1}\n" + "".join(f"merge :{other + 1}\n" for other in others))
        tail.append("deleteall\n")
        for path, text in files.items():
            mode = "100755" if text.startswith("#!") else "100644"
            tail.append(f"M {mode} :{blobs[text]} {path}\n")
    tail.append(f"reset refs/tags/good\nfrom :1\n\nreset refs/tags/bad\nfrom :{plan.commits + 1}\n\n")
    return "".join([*head, *tail, "done\n"]).encode()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _function(rng: random.Random, n: int, path: str) -> tuple[str, str, str]:
    """A new function for commit `n`: its file, its name, its text."""
    name = f"{Path(path).stem}_{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}"
    body = f"(value << {rng.randint(1, 7)}) + {rng.randint(1, 999)}"
    if rng.random() < 0.5:
        body = f"value > {rng.randint(1, 99)} ? {body} : value"
    return path, name, f"\nu32 {name}_{n}(u32 value)\n{{\n\treturn {body};\n}}\n"


def _files(base: dict[str, str], plan: Plan, added: dict[int, tuple[str, str, str]], n: int) -> dict[str, str]:
    """The tree of commit `n`: the base with all that its ancestry did, a merge being the union."""
    files = dict(base)
    for at in plan.ancestry(n):
        if at in plan.changes:
            for edit in plan.changes[at].edits:
                edit.apply(files)
            if plan.changes[at] is DYING_COMPILER:
                files.update([GENTLE_COMPILER])
        if at in added:
            path, _, text = added[at]
            files[path] += text
    if n in plan.broken:
        files["lib/string.c"] += _BROKEN
    return files


def _title(plan: Plan, added: dict[int, tuple[str, str, str]], n: int) -> str:
    if n == 0:
        return "Small kernel 6.1"
    if n == plan.merge:
        return f"Merge branch 'topic' at {n}"
    if n in plan.changes:
        return plan.changes[n].title.format(n=n)
    path, name, _ = added[n]
    return f"{path.split('/')[0]}: {n} add {name.replace('_', ' ')} to {Path(path).name}"


def _import(folder: Path, stream: bytes) -> dict[int, str]:
    """Make the repository and check out main; the number of each commit with its id."""
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "-q", "-b", "main", "--template=", "--object-format=sha1", ".")
    with tempfile.TemporaryDirectory(prefix="bisectsyms-") as aside:
        marks, script = Path(aside, "marks"), Path(aside, "stream")
        script.write_bytes(stream)
        _git(folder, "fast-import", "--quiet", "--done", f"--export-marks={marks}", stdin=script)
        _git(folder, "reset", "-q", "--hard", "refs/heads/main")
        lines: Iterable[list[str]] = (line.split() for line in marks.read_text().splitlines())
        return {int(mark[1:]) - 1: commit for mark, commit in lines if int(mark[1:]) < 1_000_000}


def _git(folder: Path, *args: str, stdin: Path = Path(os.devnull)) -> None:
    """Run git with nothing of the caller's: no GIT_* variable, no configuration, no hook.

    GitPython adds to the environment and cannot take from it; env(1) can.
    """
    clean = ["env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}", "LC_ALL=C", "HOME=/nonexistent"]
    clean += ["GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"]
    with stdin.open("rb") as source:
        git.Git(folder).execute([*clean, "git", *args], istream=source)
