"""Text of strangers on its way to a person: by every verb that prints some, nothing of it is obeyed or hidden."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import bidirectional, category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from bisectsyms.cli import run
from bisectsyms.core.words import visible
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.notify import notify
from bisectsyms.errors import BisectsymsError
from bisectsyms.model import Draw, Kind, Outcome, Plan, Revision
from bisectsyms.render.console import console
from bisectsyms.render.progress import LOGGER, Reporter, log_to
from tests.conftest import User
from tests.hostile import report
from tests.ledgers import CELL, CLEAN, FAILED, GCC

PACKAGE = Path(__file__).resolve().parent.parent / "bisectsyms"
EVIL = (
    "=1+1\x1b]0;owned\x07\x1b[2J\x9b31m\x1bPq\x1b\\[link=http://e.example]a[/link][/b]\r\x08:smile:"
    "\u202eb\u2066c\u200bd\U000e0041\ud800|`<script>"
)
"""Sequences that a terminal obeys, markup, an overwritten line, turned and hidden letters."""
PROGRAMS_READ = {
    "cli/__init__.py": 1,
    "cli/completing.py": 1,
    "cli/reporting.py": 1,
    "cli/reproducing.py": 2,
    "cli/shared.py": 1,
    "render/console.py": 1,
}
"""Where click.echo prints what has a gate of its own: help, a form of the report, a mail, a script, JSON."""
PRINTED = {"render/diagnosed.py": 1, "render/searching.py": 1}
"""Where print() does: lines that a console made, and ids."""


def unseemly(text: str) -> set[str]:
    """What a person would not see as it is."""
    turned = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return {
        one
        for one in text
        if one not in "\n\t" and (category(one) in ("Cc", "Cs", "Zl", "Zp") or bidirectional(one) in turned)
    } | ({"\u200b", "\U000e0041"} & set(text))


def test_there_is_one_way_to_a_terminal() -> None:
    made, echoed, printed = Counter[str](), Counter[str](), Counter[str]()
    for path in PACKAGE.rglob("*.py"):
        name = str(path.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                made[name] += called == "Console"
                echoed[name] += called == "click.echo"
                printed[name] += called == "print"
    assert {name for name, number in made.items() if number} == {"render/console.py"}
    assert {name: number for name, number in echoed.items() if number} == PROGRAMS_READ
    assert {
        name: number for name, number in printed.items() if number and not name.startswith("smallkernel")
    } == PRINTED


@given(st.text() | st.just(EVIL))
@settings(deadline=None)
def test_a_console_shows_only_text(text: str) -> None:
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    for terminal in (False, True):
        out = io.StringIO()
        screen = console(out, force_terminal=terminal, color_system=None, legacy_windows=False, width=80)
        for one in (text, Text(text), table):
            screen.print(one)
        assert unseemly(out.getvalue()) == set(), terminal


def test_colours_are_ours() -> None:
    out = io.StringIO()
    console(out, force_terminal=True, color_system="standard").print(f"a {EVIL}", style="red")
    assert out.getvalue().startswith("\x1b[31ma =1+1") and out.getvalue().count("\x1b") == 2


def test_the_log_beside_the_ledger_holds_only_text(tmp_path: Path) -> None:
    before, LOGGER.propagate = LOGGER.handlers[:], False  # pytest hears it otherwise, and cannot carry half a character
    try:
        log_to(tmp_path / "state")
        Reporter(io.StringIO()).say(EVIL)
    finally:
        for handler in LOGGER.handlers[len(before) :]:
            handler.close()
            LOGGER.removeHandler(handler)
        LOGGER.propagate = True
    assert unseemly((tmp_path / "state/log").read_text()) == set()


def test_a_notice_is_text(tmp_path: Path) -> None:
    said = list[str]()
    script = f"env -0 >{tmp_path}/env; cat >{tmp_path}/text"
    notify(("sh", "-c", script), {"what": f"{EVIL}\0x"}, EVIL, said.append)
    assert said == [] and unseemly((tmp_path / "text").read_text()) == set()
    news = [one for one in (tmp_path / "env").read_bytes().decode().split("\0") if one.startswith("BISECTSYMS_WHAT")]
    assert news == [f"BISECTSYMS_WHAT={visible(EVIL)}x"]


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Path]:
    """A repository whose commit has a hostile title, with a ledger that is full of hostile text."""
    path = tmp_path / "repo"
    me = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    git = ("git", "-C", str(path), *me)
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    title = EVIL.encode(errors="replace").replace(b"\r", b"").decode()
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", title], check=True)
    commit, tree = subprocess.run(
        [*git, "log", "-1", "--format=%H %T"], check=True, capture_output=True, text=True
    ).stdout.split()
    tools = replace(GCC, name=f"gcc{EVIL}", compiler=EVIL, linker=EVIL)
    cell = replace(CELL, toolchain=tools, profile=f"p{EVIL}")
    revision = Revision(commit, tree, EVIL, EVIL)
    state = path / ".git/bisectsyms"
    log = tmp_path / "log"
    log.write_text(f"Inconsistent kallsyms data\n{EVIL}\n", errors="replace")
    with Ledger.open(state) as ledger:
        kept = EvidenceStore(state / "evidence").keep([("log", log)])
        for result in (
            replace(FAILED, signature=EVIL, why=EVIL, kernel_release=EVIL, layout=EVIL, evidence=kept),
            replace(CLEAN, why=EVIL, vanished=(EVIL,)),
            replace(FAILED, outcome=Outcome.BROKEN, signature=EVIL, why=EVIL),
        ):
            plan = Plan(revision, cell, Kind.RELINK, Draw(3), EVIL, EVIL, False, f"make {EVIL}", (EVIL,))
            ledger.finish(ledger.begin(plan), result)
    with contextlib.chdir(path):
        yield path


@pytest.mark.parametrize(
    "words",
    [
        "status", "status --json", "status --rejudge", "report", "report --json", "report --format mail",
        "report --format html", "report --format junit", "report --format csv", "diagnose 1", "diagnose --log ../log",
        "exclude 2 --why EVIL", "exclude 2 --why EVIL --json", "tell HEAD failed --why EVIL", "again 1", "script 1",
        "reply", "suspects", "shell 1", "log 3", "clean", "ledger import ../import", "toolchains ../tools",
        "near-miss 1",
        "init --arch EVIL", "report --format EVIL", "EVIL", "step EVIL", "bisect EVIL EVIL", "hunt ../plan.yaml",
        "reproduce ../1.eml --plan", "reproduce ../2.eml --plan", "reproduce ../3.eml --plan",
        "doctor --profile ../p.yaml",
        "variations", "calibrate EVIL --profile smallkernel",
    ],
)  # fmt: skip
def test_a_verb_shows_only_text(repo: Path, capfd: pytest.CaptureFixture[str], words: str) -> None:
    for seed in (1, 2, 3):
        (repo.parent / f"{seed}.eml").write_bytes(report(seed, "/canary"))
    (repo.parent / "import").write_text(
        json.dumps({"record": "ledger", "program": EVIL, "schema_version": 9, "host": EVIL})
    )
    (repo.parent / "plan.yaml").write_text(json.dumps({"revisions": [EVIL], EVIL: "x"}))
    (repo.parent / "p.yaml").write_text(json.dumps({"arch": "arm", "toolchain": EVIL, EVIL: 1}))
    gcc = repo.parent / "tools/bin/gcc-12"
    gcc.parent.mkdir(parents=True)
    gcc.write_text("#!/bin/sh\nprintf 'gcc \\033]0;owned\\007\\033[2J 12.2.0\\n'\n")
    gcc.chmod(0o755)
    try:
        run([word.replace("EVIL", EVIL.replace("\ud800", "\udcff")) for word in words.split()])
        error = ""
    except BisectsymsError as raised:
        error = visible(f"{raised}")  # as entry prints it
    out, err = capfd.readouterr()
    assert (out + err + error).strip(), "a verb says something"
    assert unseemly(out + err + error) == set()
    if "json" in words and out:
        json.loads(out)


def test_the_last_door_shows_only_text(user: User, repo: Path) -> None:
    done = user.run("bisectsyms", "tell", EVIL.encode(errors="replace").decode(), "failed", cwd=repo)
    assert done.returncode == 128 and done.stderr.startswith("bisectsyms: ")
    assert unseemly(done.stdout + done.stderr) == set()
