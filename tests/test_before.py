"""What a search is given before its first attempt, from real histories and from what a build leaves in its objtree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bisectsyms.core.prior import Rules, rules
from bisectsyms.effects.dag import find_ends, read_range
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.madefrom import made_from
from bisectsyms.effects.objtree import Objtree
from bisectsyms.model import Kind, Plan, Revision
from bisectsyms.usecases.before import Before
from bisectsyms.usecases.learning import Basis, SearchOptions
from tests.conftest import User, git
from tests.ledgers import CELL, CLEAN, plan
from tests.test_searching import bisect, found, write

TREE = {
    "Makefile": "all:\n",
    "MAINTAINERS": "\n",
    "arch/arm/mm/init.c": "arm\n",
    "arch/x86/mm/init.c": "x86\n",
    "drivers/tty/tty_io.c": "tty\n",
    "include/linux/mm.h": "mm\n",
    "include/linux/tty.h": "tty\n",
    "kernel/fork.c": "fork\n",
    "kernel/rcu/tiny.c": "tiny\n",
}
MADE = {
    "kernel/fork.o": ("kernel/fork.c", ["include/linux/mm.h"]),
    "arch/arm/mm/init.o": ("arch/arm/mm/init.c", ["include/linux/mm.h"]),
    "init/version.o": ("init/version.c", []),
    "scripts/mod/modpost": ("scripts/mod/modpost.c", []),
}
"""Target -> its source and the headers; version.c is not in the tree, as if it had been removed since."""


def lists(objtree: Path, src: str) -> None:
    """What fixdep leaves behind, in the form of 6.1."""
    for target, (source, headers) in MADE.items():
        path = objtree / target
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"cmd_{target} := gcc -Wp,-MMD,{target}.d -c -o {target} {src}{source}", "", f"source_{target} := "]
        lines[-1] += f"{src}{source}"
        lines += ["", f"deps_{target} := \\", "    $(wildcard include/config/SMP) \\"]
        lines += [f"  {src}{header} \\" for header in [*headers, *headers]]
        lines += ["  include/generated/autoconf.h \\", "  /usr/lib/gcc/stdarg.h \\"]
        lines += ["", f"{target}: $(deps_{target})", "", f"$(deps_{target}):", ""]
        path.with_name(f".{path.name}.cmd").write_text("\n".join(lines))
    (objtree / ".vmlinux.cmd").write_text("cmd_vmlinux := sh link-vmlinux.sh\n")


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A history with the layout of the kernel's tree: one file is changed in each commit, a merge is the last."""
    repo = tmp_path / "linux"
    for name, text in TREE.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "0")
    for number, name in enumerate(sorted(TREE), 1):
        if number == len(TREE):
            git(repo, "checkout", "-q", "-b", "topic")
        with (repo / name).open("a") as file:
            file.write("more\n")
        git(repo, "commit", "-q", "-a", "-m", f"{number} {name}")
    git(repo, "checkout", "-q", "main")
    git(repo, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    return repo


@pytest.mark.parametrize("src", ["/build/src/", "../../src/", ""])
def test_the_lists_of_fixdep_are_read_wherever_the_sources_are(kernel: Path, tmp_path: Path, src: str) -> None:
    lists(tmp_path / "obj", src)
    objects = made_from(tmp_path / "obj", Repository.discover(kernel, {}), "main")
    assert objects is not None
    assert objects.sources == {"kernel/fork.c": 1, "arch/arm/mm/init.c": 1, "include/linux/mm.h": 2}
    assert objects.targets == frozenset(MADE)
    assert objects.leaves_out("kernel/rcu/tiny.c")
    assert not objects.leaves_out("init/version.c")


def test_an_objtree_without_lists_says_nothing(kernel: Path, tmp_path: Path) -> None:
    (tmp_path / "obj").mkdir()
    assert made_from(tmp_path / "obj", Repository.discover(kernel, {}), "main") is None


class Fixture:
    """As much as is looked at: a ledger, an objtree, and whom to tell."""

    def __init__(self, repo: Path, folder: Path) -> None:
        self.repository = Repository.discover(repo, {})
        self.ledger = Ledger.open(folder / "state")
        self.objtree = Objtree(folder / "obj")
        self.said: list[str] = []
        ends = find_ends(self.repository, "main~8", "main")
        self.range = read_range(self.repository, ends)
        basis = Basis(self.ledger, CELL, (Kind.RELINK, Kind.CLEAN), 1, lambda revision: revision)
        self.before = Before(
            basis, self.repository, self.range, SearchOptions(), objtree=self.objtree, say=self.said.append
        )

    def attempt(self, number: int, kind: Kind, seconds: float, *, from_scratch: bool = False) -> None:
        """An attempt at the commit with this index."""
        made: Plan = replace(plan(kind=kind), revision=self.revision(number), from_scratch=from_scratch)
        measured = replace(CLEAN.measured, seconds=seconds)
        self.ledger.finish(self.ledger.begin(made), replace(CLEAN, measured=measured))

    def revision(self, number: int) -> Revision:
        return self.repository.resolve(self.range.commits[number])

    def weights(self) -> dict[str, float]:
        titles = [self.revision(number).title.split(" ")[-1] for number in range(len(self.range.commits))]
        return dict(zip(titles, self.before.prior, strict=True))


def test_weights_follow_the_paths_and_from_the_first_build_on_the_objects(kernel: Path, tmp_path: Path) -> None:
    bench = Fixture(kernel, tmp_path)
    first = bench.weights()
    assert first.pop("MAINTAINERS") == 1.0, "the good end"
    assert {name: weight for name, weight in first.items() if weight < 1} == {"arch/x86/mm/init.c": 0.02, "merge": 0.25}
    assert bench.said == [
        "2 of 9 commits weigh less: only other architectures 1 (at 0.02), "
        "merges without a file of their own 1 (at 0.25)"
    ]
    bench.attempt(2, Kind.CLEAN, 100.0, from_scratch=True)
    lists(bench.objtree.path, "/build/src/")
    assert bench.weights() == {**first, "MAINTAINERS": 1.0}, "no build has ended there"
    bench.objtree.arrived(bench.revision(2).tree)
    later = {"drivers/tty/tty_io.c": 0.05, "include/linux/tty.h": 0.05, "kernel/rcu/tiny.c": 0.05}
    assert bench.weights() == {**first, "MAINTAINERS": 1.0, **later}
    assert len(bench.said) == 2
    assert bench.before.foreknown().lighter["merges without a file of their own"] == 1


def test_moves_cost_what_they_touch_once_a_build_and_a_move_were_seen(kernel: Path, tmp_path: Path) -> None:
    bench = Fixture(kernel, tmp_path)
    lists(bench.objtree.path, "/build/src/")
    bench.attempt(2, Kind.CLEAN, 105.0, from_scratch=True)
    bench.objtree.arrived(bench.revision(2).tree)
    assert bench.before.between is None, "no move has been seen"
    bench.attempt(2, Kind.RELINK, 5.0)
    bench.attempt(4, Kind.INCREMENTAL, 12.0)  # from the one for arm to the one for tty, over the one for x86
    between = bench.before.between
    assert between is not None
    index = {bench.revision(number).title.split(" ")[-1]: number for number in range(len(bench.range.commits))}
    here = index["drivers/tty/tty_io.c"]
    names = ("arch/x86/mm/init.c", "include/linux/mm.h", "kernel/fork.c")
    seconds = between(here, np.array([index[name] for name in names]))
    assert seconds == pytest.approx([12.0, 62.0, 12.0 + 100.0 * (1 - 0.5 * 0.75)]), "two objects of four, then one more"


# The verb


def test_prior_decides_what_is_suspected_first_and_json_has_it(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 6 + ["exit 1"] * 6)
    words = ("--json", "--max-attempts", "1", "--prior", "subject:^9$=50", "1", "12", "--", "sh", "test.sh")
    done = bisect(user, repo, *words)
    answer = json.loads(done.stdout)
    assert answer["suspects"][0]["revision"]["title"] == "9"
    assert answer["before"] == {"lighter": {}, "ruled": 1, "twins": 0, "reverts": 0}
    assert "--prior applies to 1 commit" in done.stderr
    assert found(bisect(user, repo, "--json", *words[3:])) == ("culprit", "7"), "attempts outweigh it"
    refused = bisect(user, repo, "--prior", "9=50", "1", "12", "--", "true")
    assert refused.returncode == 128
    assert "path:" in refused.stderr


def test_a_failure_that_was_taken_back_and_came_again_is_the_first_commits(user: User, tmp_path: Path) -> None:
    """Between the revert and its revert all is clean: without that knowledge the second looks like the culprit."""
    repo = write(tmp_path / "repo", ["exit 0"] * 4)
    git(repo, "rm", "-q", "--cached", "test.sh")
    for number in range(5, 25):
        if number in (9, 17):
            git(repo, *(["revert", "--no-edit", "6"] if number == 9 else ["revert", "--no-edit", "9"]))
        else:
            name = "fails" if number == 6 else f"other-{number}"
            (repo / name).write_text("x\n")
            git(repo, "add", name)
            git(repo, "commit", "-q", "-m", str(number))
        git(repo, "tag", str(number))
    done = bisect(user, repo, "--json", "5", "24", "--", "sh", "-c", "! test -e fails")
    assert found(done) == ("culprit", "6"), done.stderr
    assert "1 change made more than once" in done.stderr
    assert json.loads(done.stdout)["before"] == {
        "lighter": {"taken back later on": 1},
        "ruled": 0,
        "twins": 1,
        "reverts": 1,
    }


def test_rules_are_given_to_the_search_as_they_are_typed() -> None:
    assert rules(["flat"]) == Rules(defaults=False)
