"""What a variation needs is tried, and the error names it with its next step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bisectsyms.core.factors import Factor, Needs, Place
from bisectsyms.effects.needs import Run, here, lacking, refuse_unwatched, refuse_without
from bisectsyms.effects.question import Question, read_question, write_question
from bisectsyms.errors import UserError
from bisectsyms.inputs.variations import shipped_variations
from bisectsyms.smallkernel.history import Failure
from bisectsyms.usecases.variations import listing
from tests.conftest import MakeHistory, User

SHUFFLE = shipped_variations()["shuffle"]
GOLD = shipped_variations()["ld-gold"]


def answers(status: int, text: str = "", asked: list[Sequence[str]] | None = None) -> Run:
    def run(argv: Sequence[str]) -> tuple[int, str]:
        if asked is not None:
            asked.append(argv)
        return status, text

    return run


@pytest.mark.parametrize(
    ("factor", "run", "says"),
    [
        (SHUFFLE, answers(0, "GNU Make 4.3\nBuilt for\n"), "GNU make 4.4 or later; here is GNU Make 4.3"),
        (SHUFFLE, answers(0, "GNU Make 4.4\n"), ""),
        (SHUFFLE, answers(0, "GNU Make 4.4.1\n"), ""),
        (SHUFFLE, answers(0, "GNU Make 10.0\n"), ""),
        (SHUFFLE, answers(127), "GNU make 4.4 or later; here is none"),
        (GOLD, answers(127), "arm-ld.gold, which is not on PATH"),
        (GOLD, answers(0), ""),
        (Factor("x", "y", needs=Needs(("true", "{cpu}"))), answers(1, "a\nno\n"), "`true 2`, which fails here: no"),
        (Factor("x", "y", needs=Needs(("true",))), answers(1), "`true`, which fails here: exit status 1"),
        (Factor("x", "y"), answers(1), ""),
    ],
)
def test_what_is_lacking_is_named(factor: Factor, run: Run, says: str) -> None:
    assert lacking(factor, Place(cpu=2, cross="arm-"), run) == says


def test_the_prefix_of_the_toolchain_is_asked_for() -> None:
    asked = list[Sequence[str]]()
    lacking(GOLD, Place(cross="arm-linux-gnueabi-"), answers(0, asked=asked))
    assert asked == [["arm-linux-gnueabi-ld.gold", "--version"]]


def test_the_error_has_a_next_step() -> None:
    with pytest.raises(UserError, match=r"the variation ld-gold needs arm-ld\.gold") as caught:
        refuse_without([GOLD], Place(cross="arm-"), answers(127))
    assert caught.value.next_step == "apt-get install binutils, or another of bisectsyms variations"


def test_what_our_ld_applies_is_refused_where_it_is_not_asked() -> None:
    refuse_unwatched([GOLD, SHUFFLE], "arm-ld", watched=True)
    refuse_unwatched([SHUFFLE], "/opt/ld", watched=False)
    for factor in (GOLD, shipped_variations()["pad"]):
        with pytest.raises(UserError, match=f"{factor.name} is applied by an ld of ours .* /opt/ld is named"):
            refuse_unwatched([SHUFFLE, factor], "/opt/ld", watched=False)


def test_all_of_them_are_listed_with_what_is_lacking() -> None:
    factors = shipped_variations()
    found = {one.name: one for one in listing(factors.values(), here(4, ""), answers(127))}
    assert set(found) == {"sweep:N", *factors}
    assert all(one.why for one in found.values())
    assert found["pad"].draws == "4, 8, 12 … 128" and not found["pad"].lacks
    assert (found["umask"].draws, found["umask"].count) == ("0022, 0077", 2)
    assert (found["ld-lld"].lacks, found["ld-lld"].package) == ("ld.lld, which is not on PATH", "lld")


def test_the_verb_lists_them(user: User, tmp_path: Path) -> None:
    done = user.run("bisectsyms", "variations", cwd=tmp_path)
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("sweep:N", *shipped_variations()))
    told = json.loads(user.run("bisectsyms", "variations", "--json", cwd=tmp_path).stdout)
    assert {one["name"]: one["moves_the_layout"] for one in told["result"]}["pad"] is True


def test_a_command_is_not_varied(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.NONE)
    done = user.run("bisectsyms", "bisect", "good", "bad", "--vary", "umask", "--", "true", cwd=history.repo)
    assert (done.returncode, "--vary is for kernels" in done.stderr) == (128, True)


def test_a_search_remembers_what_is_varied(tmp_path: Path) -> None:
    question = Question("a", "b", sweep=8, vary=("pad:8", "jobs-double"))
    write_question(tmp_path, question)
    assert read_question(tmp_path) == question


def test_a_word_for_the_cell_of_a_policy(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.NONE)
    told = ("bisectsyms", "tell", "HEAD", "clean", "--profile", "smallkernel", "--why", "x")
    done = user.run(*told, "--vary", "jobs-double", "--vary", "pad:8", cwd=history.repo)
    assert "jobs-double+pad:8" in done.stdout, done.stderr
    wrong = user.run(*told, "--vary", "pad:99", cwd=history.repo)
    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (
        128,
        "  next: bisectsyms variations lists what there is",
    )
