"""The verbs that look again, as people type them, in a real bisect of the small kernel."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.exchange import write
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User
from tests.ledgers import FAILED

STEP = ("--sweep", "1", "-j1", "--failures", "2", "--confidence", ".6", "--rate", ".9")


@pytest.fixture
def history(make_history: MakeHistory) -> History:
    return make_history(Failure.ALWAYS, commits=12, broken=False)


def answer(user: User, history: History, *words: str) -> Any:
    done = user.run("bisectsyms", *words, "--json", cwd=history.repo)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def attempts(history: History) -> int:
    with closing(sqlite3.connect(history.repo / ".git/bisectsyms/ledger.sqlite")) as db:
        return int(db.execute("select count(*) from attempts").fetchone()[0])


def before_the_culprit(user: User, history: History) -> str:
    return user.run("git", "rev-parse", f"{history.culprit}^", cwd=history.repo).stdout.strip()


@pytest.mark.slow
def test_what_is_found_out_later_is_not_lost_on_verdicts_given_before(
    user: User, history: History, tmp_path: Path
) -> None:
    """A GOOD stands in git; then another host turns out to have seen that revision fail."""
    innocent = before_the_culprit(user, history)
    user.run("git", "bisect", "start", history.bad, history.good, cwd=history.repo)
    step = user.step(*STEP)
    good = user.run("bisectsyms", "step", innocent, *step[1:], cwd=history.repo)
    assert good.returncode == 0, good.stderr
    user.run("git", "bisect", "good", innocent, cwd=history.repo)

    with Ledger.open(history.repo / ".git/bisectsyms") as ours, Ledger.open(tmp_path / "other") as theirs:
        plan = ours.attempts(commit=innocent)[0].plan
        theirs.finish(theirs.begin(plan), FAILED)
        (tmp_path / "file").write_bytes(b"".join(write("otherhost", theirs.records())))
        before = ours.count()
    merged = answer(user, history, "ledger", "import", str(tmp_path / "file"))
    assert (merged["attempts"], merged["known"]) == (1, 0)
    assert answer(user, history, "ledger", "import", str(tmp_path / "file"))["attempts"] == 0
    assert attempts(history) == before + 1

    def row(*options: str) -> dict[str, Any]:
        cell = answer(user, history, "status", *options)["cells"][0]
        return next(row for row in cell["rows"] if row["revision"]["commit"] == innocent)

    assert (row()["verdict"], row()["outdated"]) == ("GOOD", True), "as it was given"
    assert row("--rejudge")["verdict"] == "BAD", "as it is derived now"
    for options in ((), ("--rejudge",)):
        assert answer(user, history, "status", *options)["outdated"] == [innocent], "git was told it all the same"
    stopped = user.run(*step, cwd=history.repo)
    assert stopped.returncode == 128, "git has searched in the wrong part since"
    assert "was judged GOOD" in stopped.stderr
    assert "git bisect reset" in stopped.stderr

    # The log stayed on the other host, and somebody says that its compiler was another one.
    log = user.run("bisectsyms", "log", str(before + 1), cwd=history.repo)
    assert log.returncode == 128
    excluded = answer(user, history, "exclude", str(before + 1), "--why", "wrong toolchain")
    assert excluded["counts"] is False
    again = user.run(*step, cwd=history.repo)
    assert again.returncode in (0, 1), again.stderr
    judged = row()
    assert (judged["verdict"], judged["outdated"]) == ("GOOD", False)
    assert f"(1 attempt excluded: attempt {before + 1}, wrong toolchain)" in judged["rationale"]
    assert f"(1 attempt excluded: attempt {before + 1}, wrong toolchain)" in row("--rejudge")["rationale"]
    assert "1 excluded" in user.run("bisectsyms", "status", cwd=history.repo).stdout


@pytest.mark.slow
def test_a_told_word_is_a_verdict_at_once_and_the_confidence_rests_on_it(user: User, history: History) -> None:
    innocent = before_the_culprit(user, history)
    user.run("git", "bisect", "start", history.bad, history.good, cwd=history.repo)
    step = user.step(*STEP)
    no_cell = user.run("bisectsyms", "tell", innocent, "clean", cwd=history.repo)
    assert no_cell.returncode == 128
    assert "--profile NAME" in no_cell.stderr
    cell = ("--profile", "smallkernel", "-j1", "--sweep", "1")
    answer(user, history, "tell", innocent, "clean", "--why", "a week in the farm", *cell)
    for word, status in (("untestable", 125), ("failed", 1)):
        told = user.run("bisectsyms", "tell", "HEAD", word, cwd=history.repo)
        assert told.returncode == 0, "now the ledger has one cell"
        done = user.run(*step, cwd=history.repo)
        assert done.returncode == status
        assert f"told: {word}, by " in done.stderr
        assert "given what you told about 1 revision" in done.stderr
    assert attempts(history) == 0
    taken_back = user.run("bisectsyms", "tell", "HEAD", "nothing", cwd=history.repo)
    assert taken_back.returncode == 0
    assert user.run("bisectsyms", "tell", "HEAD", "nothing", cwd=history.repo).returncode == 128

    good = user.run("bisectsyms", "step", innocent, *step[1:], cwd=history.repo)
    assert good.returncode == 0, good.stderr
    user.run("git", "bisect", "good", innocent, cwd=history.repo)
    user.run("git", "bisect", "run", *step, cwd=history.repo)
    report = answer(user, history, "status")
    assert (report["culprit"], report["told"]) == (history.culprit, 1)
    sure = user.run("bisectsyms", "status", cwd=history.repo).stdout
    assert "given what you told about 1 revision" in " ".join(sure.split())

    user.run("git", "bisect", "reset", cwd=history.repo)
    user.run("git", "bisect", "start", history.bad, history.good, cwd=history.repo)
    user.run("bisectsyms", "tell", history.bad, "clean", cwd=history.repo)
    stopped = user.run(*step, cwd=history.repo)
    assert stopped.returncode == 128
    assert f"bad end {history.bad[:12]}: told: clean" in stopped.stderr


@pytest.mark.slow
def test_a_shell_sees_what_the_attempt_saw_and_leaves_nothing_to_the_next(user: User, history: History) -> None:
    slots = ("--slots-dir", str(user.slots))
    assert user.run("bisectsyms", "step", history.bad, *user.step(*STEP)[1:], cwd=history.repo).returncode == 1
    script = """
        set -e
        obj=$(echo "$BISECTSYMS_COMMAND" | sed 's/.* O=\\([^ ]*\\).*/\\1/')
        sh -c "$BISECTSYMS_COMMAND" > "$obj/made" 2>&1 && exit 9
        grep -q 'Inconsistent kallsyms data' "$obj/made"
        test -z "$SECRET"
        src=$(echo "$BISECTSYMS_COMMAND" | sed 's/^make -C \\([^ ]*\\).*/\\1/')
        echo "this is no C" >> "$src/init/main.c"
        touch "$src/stray" "$obj/stray"
        sleep 1000 &
    """
    words = ("bisectsyms", "shell", "1", *slots, "--", "sh", "-c", script)
    done = user.run(*words, cwd=history.repo, env={"SECRET": "mine"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "attempt 1 (" in done.stderr
    assert not user.processes()
    assert user.run("bisectsyms", "shell", "1", *slots, "--", "false", cwd=history.repo).returncode == 3
    shown = user.run("bisectsyms", "shell", "1", *slots, cwd=history.repo, env={"SHELL": "/bin/false"})
    assert shown.returncode == 0, "a shell ends with the status of its last command"

    again = user.run("bisectsyms", "again", "1", *slots, cwd=history.repo)
    assert again.returncode == 0, again.stderr
    assert not list(user.slots.glob("*/*/src/stray")), "the worktree is as its commit says"
    assert not list(user.slots.glob("*/*/obj/*/stray")), "the objtree was built anew"


@pytest.mark.slow
def test_a_log_as_it_was_and_nothing_that_moves_a_terminal(user: User, history: History) -> None:
    assert user.run("bisectsyms", "step", history.good, *user.step(*STEP)[1:], cwd=history.repo).returncode == 0
    piped = user.run("bisectsyms", "log", "1", cwd=history.repo)
    assert piped.returncode == 0
    assert "make: Entering directory" in piped.stdout
    ours, theirs = pty.openpty()
    shown = subprocess.Popen(
        ["bisectsyms", "log", "1"], cwd=history.repo, env=user.env | {"PAGER": "cat"}, stdin=theirs, stdout=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 4096):
            seen += part
    except OSError:  # the last writer has gone
        pass
    os.close(ours)
    assert shown.wait() == 0
    assert b"make: Entering directory" in seen
    assert b"\x1b" not in seen
    missing = user.run("bisectsyms", "log", "77", cwd=history.repo)
    assert missing.returncode == 128
    for file in (history.repo / ".git/bisectsyms/evidence").glob("*/*"):
        file.unlink()
    gone = user.run("bisectsyms", "log", "1", cwd=history.repo)
    assert gone.returncode == 128
    assert "is not kept any more" in gone.stderr


@pytest.mark.slow
def test_a_ledger_goes_through_a_pipe(user: User, history: History, make_history: MakeHistory) -> None:
    other = make_history(Failure.ALWAYS, commits=12, broken=False, name="other")
    assert user.run("bisectsyms", "step", history.good, *user.step(*STEP)[1:], cwd=history.repo).returncode == 0
    pipe = f"bisectsyms ledger export - | (cd {other.repo} && bisectsyms ledger import -)"
    done = user.run("sh", "-c", pipe, cwd=history.repo)
    assert done.returncode == 0, done.stderr
    assert attempts(other) == attempts(history)
    file = history.repo / "ledger.jsonl"
    for status in (0, 128):
        assert user.run("bisectsyms", "ledger", "export", str(file), cwd=history.repo).returncode == status
    assert len(file.read_text().splitlines()) > attempts(history), "the second one did not replace it"


@pytest.mark.slow
def test_init_writes_a_profile_that_builds(user: User, history: History) -> None:
    done = user.run("bisectsyms", "init", cwd=history.repo)
    assert done.returncode == 0, done.stderr
    assert "--profile ./bisectsyms.yaml" in done.stdout
    refused = user.run("bisectsyms", "init", cwd=history.repo)
    assert refused.returncode == 128
    assert "exists already" in refused.stderr
    step = ("bisectsyms", "step", history.bad, "--profile", "./bisectsyms.yaml", "--slots-dir", str(user.slots), *STEP)
    assert user.run(*step, cwd=history.repo).returncode == 1


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("--arch", "arm"), 0, "arch: arm\n"),
        (("--arch", "sparc"), 128, "one of: arm, arm64, x86"),
        (("--defconfig", "no_defconfig"), 128, "no arch of the tree has no_defconfig"),
    ],
)
def test_init_chooses_from_what_the_tree_has(
    user: User, history: History, tmp_path: Path, words: tuple[str, ...], status: int, expected: str
) -> None:
    path = tmp_path / "mine.yaml"
    done = user.run("bisectsyms", "init", str(path), *words, cwd=history.repo)
    assert done.returncode == status
    assert expected in (path.read_text() if status == 0 else done.stderr)
