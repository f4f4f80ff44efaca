"""The documentation is true: what it tells to type works as written, what it names exists.

`sh` blocks of the README are run, top to bottom in one shell; `console` blocks show a session and are not.
The history that they run in has tags v6.0 and v6.1, and its own profile named s3c6400 in .git/bisectsyms, which
wins over the shipped one: so nothing is replaced in what the reader sees.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bisectsyms.cli import main
from bisectsyms.effects.ledger import Ledger
from bisectsyms.inputs.profile import Profile, find_profile
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.smallkernel import Failure, History, write_history

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
MOST_LINES = 200
SCREEN = 50
"""Lines of a terminal that is not the smallest."""
CALL = re.compile(r"^ *(?:\$ )?(?:git bisect run )?(bisectsyms(?: .*)?)$")
"""A line that begins with us; git gives what follows to us."""
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def _git(history: History, *args: str) -> None:
    subprocess.run(["git", "-C", str(history.repo), *args], check=True, capture_output=True)


def _session(history: History, script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in the history as a user without any configuration would."""
    env = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return subprocess.run(
        ["sh", "-eux", "-c", script],
        cwd=history.repo,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_quick_start_finds_the_culprit(tmp_path: Path) -> None:
    for tool in ("git", "make", "gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"apt-get install {tool}")
    home = tmp_path / "home"
    home.mkdir()
    history = write_history(tmp_path / "linux", Failure.ALWAYS, seed=16, commits=12, unrelated=False, broken=False)
    _git(history, "tag", "v6.0", history.good)
    _git(history, "tag", "v6.1", history.bad)
    state = history.repo / ".git" / "bisectsyms"
    state.mkdir()
    shutil.copy(configs_dir() / "smallkernel.yaml", state / "s3c6400.yaml")

    script = "".join(blocks(README, "sh"))
    for verb in ("doctor", "git bisect start", "git bisect run", "status", "again", "git bisect reset", "clean --yes"):
        assert verb in script
    done = _session(history, script, home)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"{history.culprit} is the first bad commit" in done.stdout
    assert f"first bad commit: {history.culprit[:12]}" in done.stdout, "status says it, too"
    assert "attempt 2 was INCONSISTENT, now INCONSISTENT: the same" in done.stdout
    assert (state / "ledger.sqlite").exists()
    slots = [path for path in (home / ".cache" / "bisectsyms").glob("linux-*/*") if path.is_dir()]
    assert not slots, "clean --yes removed them"


def test_the_readme_is_short() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) < MOST_LINES
    assert lines[0] == "# bisectsyms"
    first_screen = "\n".join(lines[:24])
    assert "make demo" in first_screen and "make test" in first_screen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = {README}, [README]
    while ahead:
        page = ahead.pop()
        linked = {(page.parent / link).resolve() for link in LINK.findall(page.read_text(encoding="utf-8"))}
        ahead += [one for one in linked - reached if one.suffix == ".md" and one.exists()]
        reached |= linked
    assert set(PAGES) <= reached


def command_lines() -> list[tuple[str, str]]:
    """(page, command line) of every call of ours that a code block of any page shows."""
    found = []
    for page in PAGES:
        fenced = False
        for line in page.read_text(encoding="utf-8").splitlines():
            fenced ^= line.lstrip().startswith("```")
            match = CALL.match(line) if fenced or line.startswith("    ") else None
            if match and "…" not in line:
                found.append((page.relative_to(ROOT).as_posix(), match[1]))
    return found


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_every_command_line_that_is_shown_is_one(page: str, line: str) -> None:
    words = list(itertools.takewhile(lambda word: word[0] not in "|>&;", shlex.split(line, True)))
    ctx = click.Context(main, info_name="bisectsyms")
    name, command, rest = main.resolve_command(
        ctx, words[1:] if words[1:] and words[1] in main.commands else ["step", *words[1:]]
    )
    assert command is not None
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(ctx, rest)
        assert command is not None
    command.make_context(name, rest, parent=ctx)


@pytest.mark.parametrize("verb", main.commands)
def test_help_fits_a_screen(verb: str) -> None:
    ctx = click.Context(main.commands[verb], info_name=f"bisectsyms {verb}", terminal_width=80, max_content_width=80)
    lines = main.commands[verb].get_help(ctx).splitlines()
    assert len(lines) <= SCREEN
    assert not [line for line in lines if len(line) > 80]


def test_every_verb_and_option_is_explained() -> None:
    readme = README.read_text(encoding="utf-8")
    options = readme + (DOCS / "options.md").read_text(encoding="utf-8")
    for verb, command in main.commands.items():
        assert f"| `{verb}" in readme, f"{verb} has no row in the README"
        assert "Example:" in str(command.help), f"{verb} --help shows no example"
        for option in (name for param in command.params for name in param.opts if name.startswith("--")):
            assert f"`{option}" in options, f"{option} of {verb} is not explained"


def test_every_key_of_a_profile_is_shown() -> None:
    example = "".join(blocks(DOCS / "profiles.md", "yaml"))
    for key in Profile.model_fields:
        assert re.search(rf"^{key}:", example, re.MULTILINE), f"{key} is in no example"


def test_every_shipped_profile_is_named() -> None:
    for path in configs_dir().glob("*.yaml"):
        assert path.stem in README.read_text(encoding="utf-8")
        assert f"`{path.stem}`" in (DOCS / "profiles.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [README, DOCS / "profiles.md"], ids=lambda page: page.name)
def test_profiles_shown_can_be_loaded(page: Path, tmp_path: Path) -> None:
    shown = blocks(page, "yaml")
    assert shown
    for number, text in enumerate(shown):
        path = tmp_path / f"shown{number}.yaml"
        path.write_text(text, encoding="utf-8")
        for patch in re.findall(r"patch: (\S+)", text):
            (tmp_path / patch).write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
        find_profile(str(path), state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)


def test_questions_to_the_ledger_can_be_asked(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    page = DOCS / "ledger.md"
    shown = blocks(page, "sql") + re.findall(r"'(select [^']*)'", "".join(blocks(page, "console")))
    assert len(shown) > len(blocks(page, "sql")) > 0
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    try:
        for query in shown:
            assert sqlite3.complete_statement(query) or query.startswith("select * from")
            db.execute(query).fetchall()
        tables = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
        for (name,) in db.execute(tables):
            assert f"| `{name}` |" in page.read_text(encoding="utf-8")
    finally:
        db.close()
