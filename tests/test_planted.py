"""What a build may leave where we read and write: links, pipes and folders lead nowhere, and nobody waits for them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bisectsyms.effects import kconfig, link, nmtap, toolpath
from bisectsyms.effects.beneath import read_beneath, regular, remove_beneath, text_beneath, write_beneath
from bisectsyms.effects.cloning import look
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.inputs import CACHE, Inputs, inputs
from bisectsyms.effects.objtree import BUILT, Objtree
from bisectsyms.effects.pad import Pad
from bisectsyms.effects.replay import CAUGHT, Replay
from bisectsyms.effects.seeds import Seeds
from bisectsyms.effects.slots import Slot, acquire
from bisectsyms.effects.toolpath import Caller, Pass, ToolPath
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.inputs.profile import find_profile
from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory

SECRET = "a secret of the user"
ERA = next(era for era in load_knowledge().eras if era.leaves_maps)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user's, out of any slot."""
    path = tmp_path / "victim"
    path.write_text(SECRET)
    return path


@pytest.fixture
def obj(tmp_path: Path) -> Path:
    path = tmp_path / "slot/obj/abc"
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize("name", ["../victim", "/etc/passwd", "a/../../victim", "", ".", "a\0b"])
def test_a_name_does_not_lead_out(tmp_path: Path, victim: Path, name: str) -> None:
    assert not regular(tmp_path / "slot", name)
    for act in (read_beneath, remove_beneath):
        with pytest.raises(OSError):
            act(tmp_path, name if name != "../victim" else "x/../../victim")
    assert victim.read_text() == SECRET


def test_a_link_on_the_way_is_not_followed(tmp_path: Path, obj: Path, victim: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text(SECRET)
    (obj / "include").symlink_to(tmp_path / "elsewhere")
    assert text_beneath(obj, "include/file") == "" and not regular(obj, "include/file")
    write_beneath(obj, "include/file", b"ours")
    assert (tmp_path / "elsewhere/file").read_text() == SECRET
    assert text_beneath(obj, "include/file") == "ours" and not (obj / "include").is_symlink()


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, _endless])
def test_nobody_waits_and_what_is_in_the_way_goes(obj: Path, plant: Callable[[Path], object]) -> None:
    plant(obj / "name")
    assert text_beneath(obj, "name") == ""
    write_beneath(obj, "name", b"ours")
    assert text_beneath(obj, "name") == "ours"


def test_only_so_much_is_read(obj: Path) -> None:
    with (obj / "big").open("wb") as file:
        file.truncate(1 << 40)
    assert text_beneath(obj, "big") == ""


def test_marks_are_not_written_through_a_link(obj: Path, victim: Path) -> None:
    objtree = Objtree(obj)
    acts: tuple[Callable[[], None], ...] = (lambda: objtree.arrived("a" * 40), objtree.leave)
    for act in acts:
        (obj / BUILT).unlink(missing_ok=True)
        (obj / BUILT).symlink_to(victim)
        assert objtree.at() == ""
        act()
        assert victim.read_text() == SECRET


def test_kconfig_is_not_written_or_read_through_a_link(tmp_path: Path, obj: Path, victim: Path) -> None:
    loaded = find_profile("smallkernel", state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)
    for name in (kconfig.FRAGMENT, ".config"):
        (obj / name).symlink_to(victim)
    victim.write_text("CONFIG_KALLSYMS=y\n")
    assert kconfig.came_of(loaded, obj).kallsyms is None
    kconfig.prepare(loaded, obj)
    assert victim.read_text() == "CONFIG_KALLSYMS=y\n"


def test_seeds_neither_take_nor_overwrite_what_a_link_leads_to(tmp_path: Path, obj: Path, victim: Path) -> None:
    seeds = Seeds(tmp_path / "seeds")
    (obj / "certs").mkdir()
    (obj / "certs/signing_key.pem").symlink_to(victim)
    seeds.take(obj)
    assert SECRET not in "".join(path.read_text() for path in (tmp_path / "seeds").rglob("*") if path.is_file())
    (obj / "certs/signing_key.pem").unlink()
    (obj / "certs/signing_key.pem").write_text("a key")
    seeds.take(obj)
    (obj / "certs/signing_key.pem").unlink()
    (obj / "certs/signing_key.pem").symlink_to(victim)
    seeds.give(obj)
    assert victim.read_text() == SECRET and (obj / "certs/signing_key.pem").read_text() == "a key"


def test_no_evidence_is_kept_of_what_a_link_leads_to(tmp_path: Path, obj: Path, victim: Path) -> None:
    said = list[str]()
    store = EvidenceStore(tmp_path / "evidence", warn=said.append)
    (obj / "System.map").symlink_to(victim)
    os.mkfifo(obj / ".version")
    assert store.keep([("System.map", obj / "System.map"), (".version", obj / ".version")]) == ()
    assert len(said) == 2


def test_maps_are_no_links(obj: Path, victim: Path) -> None:
    for name in (ERA.before[0], ERA.after, "vmlinux"):
        (obj / name).symlink_to(victim)
    found = link.maps(obj, ERA, 0.0)
    assert (found.before, found.after, found.equal) == (None, None, None)
    assert not link.image_fresh(obj, 0.0)
    link.remove(obj, ERA.outputs)
    assert victim.read_text() == SECRET and not (obj / ERA.after).is_symlink()


def test_a_folder_in_the_place_of_a_map_is_removed(obj: Path) -> None:
    (obj / "vmlinux/deep").mkdir(parents=True)
    link.remove(obj, ERA.outputs)
    assert not (obj / "vmlinux").exists()


def test_the_environment_of_a_link_is_not_that_of_the_sandbox(obj: Path) -> None:
    """bubblewrap itself would load what LD_PRELOAD names."""
    caller = Caller(("sh", "scripts/link-vmlinux.sh"), "/obj", {"LD_PRELOAD": "/obj/evil.so", "A": "b", "-i": "x"})
    Replay.save(obj, "tree", caller)
    replay = Replay.load(obj, "tree")
    assert replay is not None
    words = replay.words({"K": "1"}, {"PATH": "/usr/bin"})
    assert words[0] == "env" and {"LD_PRELOAD=/obj/evil.so", "A=b", "K=1", "PATH=/usr/bin"} <= set(words)
    assert not [word for word in words if word.startswith("-i")]


@pytest.mark.parametrize(
    "bent",
    [{"argv": ["sh", 5]}, {"argv": ["sh", "a\0b"]}, {"env": {"A": 1}}, {"env": ["A"]}, {"cwd": None}, {"argv": None}],
)
def test_a_link_that_was_not_caught_by_us_is_none(obj: Path, bent: dict[str, object]) -> None:
    caught = {"tree": "tree", "argv": ["sh"], "cwd": "/", "env": {}}
    (obj / CAUGHT).write_text(json.dumps(caught | bent))
    assert Replay.load(obj, "tree") is None


def test_notes_of_the_linker_are_read_where_they_are(tmp_path: Path, victim: Path) -> None:
    tools = ToolPath(tmp_path / "slot", tmp_path / "slot")
    (tmp_path / "slot/watch").mkdir(parents=True)
    victim.with_suffix(".args").write_text("-o\0vmlinux\0")
    victim.with_suffix(".sums").write_text("")
    (tmp_path / "slot/watch/passes").write_text("../../victim\n/etc/passwd\n")
    noted = tools.noted()
    assert noted is not None and noted.passes == ()
    (tmp_path / "slot/watch/passes").unlink()
    os.mkfifo(tmp_path / "slot/watch/passes")
    assert tools.noted() is None


def test_inputs_of_a_link_are_files_of_the_objtree(tmp_path: Path, obj: Path, victim: Path) -> None:
    (obj / "main.o").write_text("an object")
    (obj / "link.o").symlink_to(victim)
    os.mkfifo(obj / "pipe.o")
    (obj / CACHE).symlink_to(victim)
    args = ("main.o", "link.o", "pipe.o", "../../../victim", str(victim), "--plugin=x")
    made: Inputs = inputs(obj, toolpath.Link([Pass("vmlinux", args, 0, {})], None))
    assert [path for _, path in made.files if not path.startswith("(")] == ["main.o"]
    assert victim.read_text() == SECRET


def test_copies_of_nm_have_names_of_images(tmp_path: Path) -> None:
    for name in ("vmlinux.nm", ".tmp_vmlinux1.nm", "x\nvmlinux.nm", "-vmlinux.nm"):
        (tmp_path / name).touch()
    assert [path.name for path in nmtap.copies(tmp_path)] == [".tmp_vmlinux1.nm", "vmlinux.nm"]


def test_the_source_of_padding_is_not_written_through_a_link(tmp_path: Path, victim: Path) -> None:
    pad = Pad(tmp_path / "pad", tmp_path / "pad")
    (tmp_path / "pad").mkdir()
    (tmp_path / "pad/64.S").symlink_to(victim)
    pad.write(64)
    assert victim.read_text() == SECRET


@pytest.mark.parametrize("fixed", ["--index-output=/tmp/x", "HEAD", "a" * 39])
def test_a_mark_becomes_no_option_of_git(obj: Path, fixed: str) -> None:
    (obj / BUILT).write_text(f"tree\n{'a' * 40}\n{'b' * 40}")
    assert look(obj) is not None
    (obj / BUILT).write_text(f"tree\n{'a' * 40}\n{fixed}")
    assert look(obj) is None


@pytest.fixture
def slot(make_history: MakeHistory, tmp_path: Path) -> Slot:
    history = make_history(Failure.NONE, commits=12)
    return acquire(tmp_path / "slots", Repository.discover(history.repo, {}))


def _evil(slot: Slot, src: Path, home: Path) -> Path:
    """A git folder of a build's own in the place of the worktree's, which would run a program and empty a home."""
    canary, evil = slot.path / "canary", slot.path / "obj/evil"
    (src / ".git").unlink()
    evil.mkdir(parents=True)
    repository = Repository.discover(home.parent / "linux", {})
    repository.git("init", "--quiet", "--bare", str(evil))
    with (evil / "config").open("a") as config:
        config.write(f"[core]\n\tworktree = {home}\n\tbare = false\n")
        config.write(f'[filter "evil"]\n\tsmudge = touch {canary}\n\tclean = touch {canary}\n')
    (evil / "info").mkdir(exist_ok=True)
    (evil / "info/attributes").write_text("* filter=evil\n")
    (evil / "gitdir").write_text(f"{src / '.git'}\n")
    (src / ".git").write_text(f"gitdir: {evil}\n")
    return canary


def test_a_worktree_is_only_where_the_repository_says(slot: Slot, tmp_path: Path) -> None:
    repository = Repository.discover(tmp_path / "linux", {})
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / "letter").write_text(SECRET)
    head = repository.head()
    slot.move_to(head)
    canary = _evil(slot, slot.src, home)
    slot.distrust()
    slot.move_to(head)
    assert (home / "letter").read_text() == SECRET and not canary.exists()
    assert repository.git("rev-parse", "HEAD", cwd=slot.src) == head.commit
    assert "worktrees" in (slot.src / ".git").read_text()
    slot.release()


def test_a_tree_that_was_built_in_is_not_cleaned_elsewhere(slot: Slot, tmp_path: Path) -> None:
    repository = Repository.discover(tmp_path / "linux", {})
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / "letter").write_text(SECRET)
    tree = slot.in_tree("abc")
    slot.move_to(repository.head())
    _evil(slot, slot.src, home)
    tree.suspect()
    slot.in_tree("abc")
    assert (home / "letter").read_text() == SECRET
    slot.release()
