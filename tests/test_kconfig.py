"""From what a profile asks of kconfig to the kernel that is built: what is refused, what vanishes, what is held."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from bisectsyms.core import kconfig
from bisectsyms.core.classify import Seen, classify
from bisectsyms.core.logscan import scan
from bisectsyms.core.release import WIDTH, localversion
from bisectsyms.effects.seeds import Seeds
from bisectsyms.errors import UserError
from bisectsyms.inputs.kconfigfile import read_config
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.inputs.profile import find_profile
from bisectsyms.model import Outcome
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User, git

FULL = """\
#
# Automatically generated file; DO NOT EDIT.
#
CONFIG_KALLSYMS=y
CONFIG_LOCALVERSION=""
CONFIG_LOCALVERSION_AUTO=y
CONFIG_SWAP=y
# CONFIG_SMP is not set
CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs/debian-uefi-certs.pem"
CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"
CONFIG_HAVE_ARCH_TRACEHOOK=y
"""


def loaded(folder: Path, text: str):  # type: ignore[no-untyped-def]  # LoadedProfile, named where it is made
    path = folder / "mine.yaml"
    path.write_text(f"arch: x86\n{text}")
    return find_profile(str(path), state_dir=folder, xdg_config_home=folder, cwd=folder)


@pytest.mark.parametrize(
    "line",
    [
        'CONFIG_INITRAMFS_SOURCE="$(shell touch X)"',
        "CONFIG_X=`id`",
        'CONFIG_X="a\\"',
        'CONFIG_X="a" "b"',
        "CONFIG_X=yes",
        "X=y",
        "source Kconfig",
        "CONFIG_X=y # why",
    ],
)
def test_a_config_is_code_and_only_plain_values_are_taken(tmp_path: Path, line: str) -> None:
    (tmp_path / "full.config").write_text(f"{FULL}{line}\n")
    with pytest.raises(UserError, match=rf"full\.config:{len(FULL.splitlines()) + 1}:1: ") as refused:
        loaded(tmp_path, "config: full.config\n")
    assert refused.value.next_step


def test_what_names_files_of_another_machine_is_emptied_and_said(tmp_path: Path) -> None:
    (tmp_path / "full.config").write_text(FULL)
    config = read_config(tmp_path / "full.config")
    options = kconfig.options(config.text.splitlines())
    assert config.emptied == ("CONFIG_SYSTEM_TRUSTED_KEYS",)
    assert options["SYSTEM_TRUSTED_KEYS"] == '""'
    assert options["MODULE_SIG_KEY"] == '"certs/signing_key.pem"', "the build makes that one"
    assert options["LOCALVERSION_AUTO"] == "n"
    assert options["SWAP"] == "y"


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_a_config_that_sets_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "full.config").write_text(text)
    with pytest.raises(UserError, match="sets no option"):
        loaded(tmp_path, "config: full.config\n")


def test_where_a_config_comes_from_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "full.config").write_text(FULL)
    (tmp_path / "more.config").write_text("CONFIG_SMP=y\n")
    with pytest.raises(UserError, match="give one of the two"):
        loaded(tmp_path, "config: full.config\ndefconfig: x\n")
    with pytest.raises(UserError, match="one of the keys defconfig, config, fragments"):
        loaded(tmp_path, "kconfig: [CONFIG_SMP=y]\n")
    with pytest.raises(UserError, match=r"none\.config"):
        loaded(tmp_path, "config: none.config\n")
    assert loaded(tmp_path, "fragments: [more.config]\n").base == ("alldefconfig",)
    assert loaded(tmp_path, "defconfig: multi_v7_defconfig debug.config\n").base == (
        "multi_v7_defconfig",
        "debug.config",
    )
    full = loaded(tmp_path, "config: full.config\n")
    assert full.base == ()
    (tmp_path / "full.config").write_text(FULL.replace("CONFIG_SWAP=y", "CONFIG_SWAP=n"))
    assert loaded(tmp_path, "config: full.config\n").digest != full.digest, "another content is another cell"


@pytest.mark.parametrize(("name", "digest"), [("s3c6400", "427dca70ae98a394"), ("smallkernel", "1dddcf4ef42d8755")])
def test_the_cells_of_ledgers_that_people_have_keep_their_keys(tmp_path: Path, name: str, digest: str) -> None:
    assert find_profile(name, state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path).digest == digest


@pytest.mark.parametrize(
    ("asked", "got", "lost"),
    [
        ("CONFIG_A=y", "CONFIG_A=y", ()),
        ("CONFIG_A=y", "CONFIG_A=m", ("CONFIG_A",)),
        ("CONFIG_A=m", "CONFIG_A=y", ()),
        ("CONFIG_A=y", "# CONFIG_A is not set", ("CONFIG_A",)),
        ("CONFIG_A=y", "", ("CONFIG_A",)),
        ("# CONFIG_A is not set", "", ()),
        ("# CONFIG_A is not set", "CONFIG_A=y", ("CONFIG_A",)),
        ('CONFIG_A="x"', 'CONFIG_A="y"', ("CONFIG_A",)),
        ('CONFIG_A=""', "", ()),
        ("CONFIG_A=12", "CONFIG_A=13", ("CONFIG_A",)),
        ("CONFIG_A=y\nCONFIG_A=n", "", ()),
    ],
)
def test_what_became_of_an_option(asked: str, got: str, lost: tuple[str, ...]) -> None:
    assert kconfig.vanished(kconfig.options(asked.splitlines()), kconfig.options(got.splitlines())) == lost


def test_a_kernel_without_what_was_asked_for_is_no_evidence() -> None:
    seen = Seen(exit_status=0, options_lost=("CONFIG_A", "CONFIG_B"), maps_fresh=True, maps_equal=True)
    ruling = classify(scan([b""], load_knowledge().signatures), seen)
    assert (ruling.outcome, ruling.signature) == (Outcome.BROKEN, "kconfig:CONFIG_A")
    assert "CONFIG_A, CONFIG_B" in ruling.why


@pytest.mark.parametrize(
    ("makefile", "appended", "release"),
    [
        ("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 0\nEXTRAVERSION =\nNAME = Hurr\n", [], "6.1.0"),
        ("# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n", [], "6.12.0-rc7"),
        ("VERSION = 2\nPATCHLEVEL = 6\nSUBLEVEL = 39\nEXTRAVERSION = .4\n", [], "2.6.39.4"),
        ("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n", ["-next-20241123\n"], "6.12.0-rc7"),
    ],
)
def test_the_release_is_as_long_at_every_revision(makefile: str, appended: list[str], release: str) -> None:
    ours = localversion(makefile, appended)
    assert len(release) + sum(len(text.strip()) for text in appended) + len(ours) == WIDTH
    assert ours.startswith("-bisectsyms")


def test_a_makefile_without_a_version_and_a_very_long_one() -> None:
    assert localversion("all:\n", []) == "-bisectsyms"
    assert localversion(f"VERSION = 6\nEXTRAVERSION = -{'x' * 50}\n", []) == "-bisectsyms"


def test_keys_and_seeds_are_kept_and_given_to_new_objtrees(tmp_path: Path) -> None:
    seeds = Seeds(tmp_path / "seeds")
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    for obj in (first, third):
        (obj / "certs").mkdir(parents=True)
        (obj / "certs/signing_key.pem").write_text(f"key of {obj.name}")
        (obj / "certs/.signing_key.pem.cmd").write_text("cmd")
        (obj / "certs/x509.genkey").write_text("the same")
    second.mkdir()
    assert not seeds.give(second), "nothing is kept yet"
    assert seeds.take(first)
    assert seeds.give(second)
    assert (second / "certs/signing_key.pem").read_text() == "key of first"
    assert (second / "certs/.signing_key.pem.cmd").read_text() == "cmd"
    assert seeds.take(second)
    assert not seeds.take(third), "made its own meanwhile"
    assert (seeds.folder / "certs/signing_key.pem").read_text() == "key of first"
    assert stat.S_IMODE((seeds.folder / "certs/signing_key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(seeds.folder.stat().st_mode) == 0o700


# On the small kernel: commits whose Kconfig differs.

STEP = ("--rate", "0.9", "--confidence", "0.5", "--json")


@pytest.fixture
def history(make_history: MakeHistory) -> History:
    """`bad` no longer has the option SWAP, and `bad` is a release candidate."""
    history = make_history(Failure.NONE, seed=1, commits=12, broken=False, unrelated=False)
    kconfig_file = history.repo / "Kconfig"
    git(history.repo, "checkout", "-q", "bad")
    kconfig_file.write_text(re.sub(r"config SWAP\n(?:\t.*\n)+", "", kconfig_file.read_text()))
    makefile = history.repo / "Makefile"
    makefile.write_text(makefile.read_text().replace("EXTRAVERSION =\n", "EXTRAVERSION = -rc1\n", 1))
    git(history.repo, "commit", "-q", "-a", "-m", "mm: SWAP is always there")
    git(history.repo, "tag", "-f", "bad")
    return history


def steps(user: User, history: History, profile: str) -> dict[str, tuple[int, dict[str, object], str]]:
    """Judge good and bad with this profile: exit status, JSON, stderr."""
    path = history.repo.parent / "mine.yaml"
    path.write_text(f"arch: x86\nhosttools: no\n{profile}")
    ends = {}
    for name in ("good", "bad"):
        words = ("bisectsyms", "step", name, "--profile", str(path), "--slots-dir", str(user.slots), *STEP)
        done = user.run(*words, cwd=history.repo)
        assert done.stdout, done.stderr
        ends[name] = done.returncode, json.loads(done.stdout), done.stderr
    return ends


def test_an_option_of_the_profile_that_vanishes_makes_a_revision_untestable(user: User, history: History) -> None:
    ends = steps(user, history, "defconfig: smallkernel_defconfig\nkconfig: [CONFIG_SWAP=y]\n")
    assert ends["good"][0] == 0
    assert ends["bad"][0] == 125
    assert "kconfig:CONFIG_SWAP" in ends["bad"][2]
    made = user.attempts(history.repo)
    assert {tuple(one["vanished"]) for one in made if one["outcome"] == "BROKEN"} == {("CONFIG_SWAP",)}  # type: ignore[arg-type]  # JSON
    told = user.run("bisectsyms", "status", cwd=history.repo)
    assert "not in .config: CONFIG_SWAP" in " ".join(told.stdout.split())


def test_one_of_a_full_config_that_vanishes_is_listed(user: User, history: History) -> None:
    (history.repo.parent / "full.config").write_text(FULL)
    ends = steps(user, history, "config: full.config\n")
    assert [ends[name][0] for name in ("good", "bad")] == [0, 0]
    assert "emptied, because they name files" in ends["good"][2]
    assert "CONFIG_SYSTEM_TRUSTED_KEYS" in ends["good"][2]
    gone = "options asked for and not in .config: CONFIG_SWAP"
    assert "CONFIG_SWAP" not in ends["good"][2]
    assert "CONFIG_SWAP" in ends["bad"][2], gone
    assert "HAVE_ARCH" not in ends["bad"][2], "what an arch can do was not asked for"
    releases = {str(one["kernel_release"]) for one in user.attempts(history.repo)}
    assert {len(release) for release in releases} == {WIDTH}
    assert len(releases) == 2, "-rc1 is another release, but as long"


def test_fragments_alone_are_laid_over_the_defaults_of_the_arch(user: User, history: History) -> None:
    (history.repo.parent / "more.config").write_text("CONFIG_SMP=y\n")
    ends = steps(user, history, "fragments: [more.config]\n")
    assert [ends[name][0] for name in ("good", "bad")] == [0, 0], ends["good"][2]


def test_a_dry_run_names_the_config(user: User, history: History) -> None:
    (history.repo.parent / "full.config").write_text(FULL)
    path = history.repo.parent / "mine.yaml"
    path.write_text("arch: x86\nhosttools: no\nconfig: full.config\n")
    words = ("bisectsyms", "step", "good", "--dry-run", "--profile", str(path), "--slots-dir", str(user.slots))
    done = user.run(*words, cwd=history.repo)
    assert "full.config" in done.stdout
    assert "defconfig" not in done.stdout.replace("olddefconfig", "")


@pytest.mark.parametrize(
    "line",
    [
        'CONFIG_INITRAMFS_SOURCE="$(shell touch X)"',
        'CONFIG_CMDLINE="`touch X`"',
        'CONFIG_LOCALVERSION=""; touch X; ""',
        'CONFIG_MODULE_SIG_HASH="sha1;touch X"',
        'CONFIG_DEFAULT_HOSTNAME="x|sh"',
        'CONFIG_CROSS_COMPILE="/tmp/evil-"',
        'CONFIG_SHELL="/tmp/evil"',
        'CONFIG_X="a\x1b[2Jb"',
        "CONFIG_X=$(shell touch X)",
        "CONFIG_X=y\x0btouch",
    ],
)
def test_a_line_of_a_stranger_that_something_could_run_is_refused(line: str) -> None:
    made = kconfig.foreign(["CONFIG_SMP=y", line])
    assert made.lines == ("CONFIG_SMP=y",)
    assert [refused for refused, _ in made.refused] == [line]


def test_files_of_a_strangers_machine_are_emptied() -> None:
    made = kconfig.foreign(
        ['CONFIG_INITRAMFS_SOURCE="/etc/shadow"', 'CONFIG_CMDLINE="console=ttyS0,115200"', "include x"]
    )
    assert made.lines == ('CONFIG_INITRAMFS_SOURCE=""', 'CONFIG_CMDLINE="console=ttyS0,115200"')
    assert [refused for refused, _ in made.refused] == ["CONFIG_INITRAMFS_SOURCE"]
