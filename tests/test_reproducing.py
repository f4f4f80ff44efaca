"""The whole way on the small kernel: a report is tried, its culprit found, a mail answers it, a script repeats it."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from bisectsyms.effects.ledger import Ledger
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User

MESSAGE = "Inconsistent kallsyms data"


def mail(history: History, folder: Path, *, more: str = "", config: str = "") -> Path:
    """A report about the bad end of a history; `config` is attached in place of a defconfig."""
    what = "with the .config that is attached" if config else "with smallkernel_defconfig"
    body = (
        f"Hello,\n\nfor ARM, {what} and make -j5, the build stops\nnow and then:\n\n  {MESSAGE}\n"
        f"  Try make KALLSYMS_EXTRA_PASS=1 as a workaround\n\nHEAD is {history.bad}.\n{more}\n"
    )
    head = "From: A B <a@example.org>\nSubject: vmlinux does not link\nDate: Tue, 2 Aug 2011 12:00:00 +0000\n"
    head += "Message-ID: <1@example.org>\n"
    if config:
        attached = base64.encodebytes(config.encode()).decode()
        head += 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n'
        body += (
            '--b\nContent-Type: application/octet-stream; name="config"\nContent-Transfer-Encoding: base64\n'
            f'Content-Disposition: attachment; filename="config"\n\n{attached}\n--b--\n'
        )
    path = folder / "report.eml"
    path.write_text(f"{head}\n{body}")
    return path


def reproduce(user: User, history: History, report: Path, *options: str) -> tuple[int, str, str]:
    words = ("bisectsyms", "reproduce", str(report), "--slots-dir", str(user.slots), *options)
    done = user.run(*words, cwd=history.repo)
    return done.returncode, done.stdout, done.stderr


def scripted(user: User, history: History, folder: Path, shell: str, *attempt: str, keep: str = "") -> tuple[int, str]:
    """Run the script of a failure with nothing of ours on PATH: (exit status, what it printed).

    `keep` is a line that looks at what the script has made before its first link.
    """
    made = user.run("bisectsyms", "script", *attempt, cwd=history.repo)
    assert made.returncode == 0, made.stderr
    path = folder / "again.sh"
    path.write_text(made.stdout.replace("n=0 others=0", f"{keep}\nn=0 others=0"))
    work = next(line.removeprefix("work=") for line in made.stdout.splitlines() if line.startswith("work="))
    shutil.rmtree(work, ignore_errors=True)
    try:
        done = user.run(shell, str(path), cwd=history.repo, env={"PATH": "/usr/bin:/bin", "KALLSYMS_EXTRA_PASS": "1"})
    finally:
        user.run("git", "worktree", "remove", "--force", f"{work}/src", cwd=history.repo)
        shutil.rmtree(work, ignore_errors=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_from_a_report_to_its_culprit_and_the_answer(user: User, make_history: MakeHistory, tmp_path: Path) -> None:
    history = make_history(Failure.ALWAYS, commits=20, unrelated=False, broken=False)
    report = mail(history, tmp_path, more="It was fine at the tag good.")
    status, out, err = reproduce(user, history, report, "--then", "bisect", "--good", "good")
    assert status == 0, err
    assert out.startswith(f"reproduced: {history.bad[:12]}")
    assert f"culprit: {history.culprit}" in out
    answer = user.run("bisectsyms", "reply", cwd=history.repo).stdout
    assert "In-Reply-To: <1@example.org>\n" in answer
    assert "To: A B <a@example.org>\n" in answer
    assert "> for ARM, with smallkernel_defconfig and make -j5, the build stops\n" in answer
    assert f"#regzbot ^introduced: {history.culprit}\n" in answer
    assert f"Fixes: {history.culprit[:12]}" in answer
    by_itself = user.run("bisectsyms", "bisect", "--slots-dir", str(user.slots), cwd=history.repo)
    assert f"culprit: {history.culprit}" in by_itself.stdout, by_itself.stderr
    assert user.run("bisectsyms", "reply", cwd=history.repo).stdout == answer
    with Ledger.open(history.repo / ".git/bisectsyms") as ledger:
        ledger._db.execute("update answers set likely_wrong = 1, warnings = '[\"it has the tree of its parent\"]'")
    doubted = user.run("bisectsyms", "reply", cwd=history.repo).stdout
    assert f"My bisect came to {history.culprit[:12]}, but that is likely wrong:" in doubted
    assert "* it has the tree of its parent\n" in doubted
    assert "#regzbot" not in doubted


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["sh", "dash"])
def test_the_script_of_a_layout_fails_at_once_with_the_kernels_message(
    user: User, make_history: MakeHistory, tmp_path: Path, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"apt-get install {shell}")
    history = make_history(Failure.LAYOUT, unrelated=False, broken=False)
    status, out, err = reproduce(user, history, mail(history, tmp_path), "--max-attempts", "40")
    assert "of" in out, err
    assert status in (0, 3)
    ended, said = scripted(user, history, tmp_path, shell)
    assert ended == 2, said
    assert said.startswith(MESSAGE)
    assert "link 1 failed" in said, "the layout is pinned"


@pytest.mark.slow
def test_the_script_of_an_attached_config_and_a_race(user: User, make_history: MakeHistory, tmp_path: Path) -> None:
    history = make_history(Failure.RACE, unrelated=False, broken=False)
    config = user.run("git", "show", "bad:arch/arm/configs/smallkernel_defconfig", cwd=history.repo).stdout
    status, out, err = reproduce(user, history, mail(history, tmp_path, config=config), "--max-attempts", "60")
    assert status in (0, 3), err
    assert out.startswith("reproduced: "), out
    ended, said = scripted(user, history, tmp_path, "sh")
    assert ended == 2, said
    assert MESSAGE in said


@pytest.mark.slow
def test_the_script_brings_the_padding_that_an_attempt_drew(
    user: User, make_history: MakeHistory, tmp_path: Path
) -> None:
    history = make_history(Failure.ALWAYS, unrelated=False, broken=False)
    status, out, err = reproduce(user, history, mail(history, tmp_path), "--vary", "pad:8", "--max-attempts", "6")
    assert status in (0, 3), err
    assert out.startswith("reproduced: "), out
    with Ledger.open(history.repo / ".git/bisectsyms") as ledger:
        drawn = [one for one in ledger.attempts() if dict(one.plan.draw.factors).get("pad")]
    words = tmp_path / "words"
    keep = f"""sed -i 's|^\texec .*|\techo "$@" >>{words}; &|' "$work/tools/"*"""
    ended, said = scripted(user, history, tmp_path, "sh", str(drawn[-1].number), keep=keep)
    assert (ended, "link 1 failed" in said) == (2, True), said
    passes = words.read_text().splitlines()
    assert len(passes) >= 3
    assert all(line.endswith("/pad.o") for line in passes)


@pytest.mark.slow
def test_what_is_not_there_is_answered_as_such_and_nothing_is_built(
    user: User, make_history: MakeHistory, tmp_path: Path
) -> None:
    history = make_history(Failure.NONE)
    report = mail(history, tmp_path)
    status, _, err = reproduce(user, history, report, "--rev", "v9.9")
    assert (status, "v9.9: no such commit here" in err) == (128, True)
    assert "I could not try this here: v9.9: no such commit here." in user.run(
        "bisectsyms", "reply", cwd=history.repo
    ).stdout.replace("\n", " ")
    assert not (history.repo / ".git/bisectsyms/ledger.sqlite").exists()


@pytest.mark.slow
def test_a_build_of_a_report_sees_no_network_and_writes_to_its_slot_alone(
    user: User, make_history: MakeHistory, tmp_path: Path
) -> None:
    history = make_history(Failure.NONE, unrelated=False)
    status, out, err = reproduce(user, history, mail(history, tmp_path), "--max-attempts", "1", "--json")
    assert status == 3
    if "NO SANDBOX" in err:
        pytest.skip("bubblewrap does not work here: apt-get install bubblewrap, outside of containers")
    profile = json.loads(out)["profile"]
    places = f"{tmp_path}/canary /tmp/canary-{tmp_path.name} {history.repo}/canary {user.home}/canary"
    obj = """$(echo "$BISECTSYMS_COMMAND" | sed 's/.* O=\\([^ ]*\\).*/\\1/')"""
    probe = f"cat /proc/net/dev; for f in {places}; do echo x >$f; done; echo x >{obj}/here && echo written"
    words = ("bisectsyms", "shell", "1", "--profile", profile, "--slots-dir", str(user.slots), "--", "sh", "-c", probe)
    seen = user.run(*words, cwd=history.repo)
    assert "written" in seen.stdout, seen.stderr
    interfaces = [line.split(":")[0].strip() for line in seen.stdout.splitlines() if ":" in line]
    assert interfaces == ["lo"]
    assert not any((folder / "canary").exists() for folder in (tmp_path, history.repo, user.home))
    assert not Path(f"/tmp/canary-{tmp_path.name}").exists()
