"""What is told is on the disk: the model of a disk, what is synced by whom, and a short form of the power torture."""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.effects.boots import NAME, empty_after_a_boot, is_of_this_boot
from tests.torture.power import alone, command, lose_power
from tests.torture.powerdisk import Disk, Image, Inode
from tests.torture.powerlog import Create, Mkdir, Rename, Sync, Unlink, Write, events, record

strace = pytest.mark.skipif(shutil.which("strace") is None, reason="apt-get install strace")
ROOT = Path(__file__).parents[1]


def last(disk: Disk, kind: str) -> Image:
    return next(image for name, image in disk.images(random.Random(1), 0) if name == kind)


def test_names_and_contents_are_kept_apart() -> None:
    disk = Disk()
    for event in (
        Mkdir("a"),
        Create("a/f", False),
        Write("a/f", b"one", None),
        Sync("a/f"),
        Write("a/f", b"two", None),
    ):
        disk.apply(event)
    assert last(disk, "all of it") == {"a": None, "a/f": b"onetwo"}
    assert last(disk, "names without content") == {"a": None, "a/f": b"one"}
    assert last(disk, "zeros for content") == {"a": None, "a/f": b"one\0\0\0"}
    assert last(disk, "only what was synced") == {}
    disk.apply(Sync("a"))
    assert last(disk, "only what was synced") == {}, "the folder itself has no name yet"
    disk.apply(Sync("."))
    disk.apply(Rename("a/f", "a/g"))
    assert last(disk, "only what was synced") == {"a": None, "a/f": b"one"}
    disk.apply(Sync("a"))
    disk.apply(Unlink("a/g"))
    assert last(disk, "only what was synced") == {"a": None, "a/g": b"one"}
    assert last(disk, "all of it") == {"a": None}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=1500)), max_size=6), st.integers())
def test_a_torn_file_has_sectors_of_what_was_and_of_what_was_to_be(writes: list[tuple[int, bytes]], seed: int) -> None:
    inode = Inode()
    inode.write(0, b"x" * 2000)
    inode.sync()
    for offset, data in writes:
        inode.write(offset, data)
    torn = inode.torn(random.Random(seed))
    assert 2000 <= len(torn) <= len(inode.data)
    written = {at for offset, data in writes for at in range(offset, offset + len(data))}
    assert all(torn[at] == ord("x") for at in range(2000) if at not in written)
    inode.sync()
    assert inode.torn(random.Random(seed)) == inode.data


def on_disk(tmp_path: Path, code: str) -> Image:
    """What is surely there after `code`, which has the folder in `folder`."""
    folder, log, output = tmp_path / "state", tmp_path / "log", tmp_path / "output"
    folder.mkdir()
    source = f"from pathlib import Path\nfolder = Path({str(folder)!r})\n{code}"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    status = record((sys.executable, "-c", source), cwd=tmp_path, env=env, log=log, output=output)
    assert status == 0, output.read_text()
    disk = Disk()
    for event in events(log, folder, output):
        disk.apply(event)
    return last(disk, "only what was synced")


@strace
def test_what_is_kept_is_on_the_disk_with_its_name(tmp_path: Path) -> None:
    image = on_disk(
        tmp_path,
        "from bisectsyms.effects.evidence import EvidenceStore\n"
        "from bisectsyms.effects.newfile import replace_file, write_new\n"
        "from bisectsyms.effects.seeds import Seeds\n"
        "(folder.parent / 'obj/certs').mkdir(parents=True)\n"
        "(folder.parent / 'obj/certs/signing_key.pem').write_text('key')\n"
        "EvidenceStore(folder / 'evidence').keep([('log', folder.parent / 'obj/certs/signing_key.pem')])\n"
        "replace_file(folder / 'search.json', b'question')\n"
        "write_new(folder / 'export', [b'rows'])\n"
        "Seeds(folder / 'seeds').take(folder.parent / 'obj')\n",
    )
    assert image["search.json"] == b"question"
    assert image["export"] == b"rows"
    assert image["seeds/certs/signing_key.pem"] == b"key"
    assert [name for name in image if name.startswith("evidence/") and name.endswith(".gz")], image


@strace
def test_a_ledger_at_any_moment(tmp_path: Path) -> None:
    tally = lose_power(alone(tmp_path / "work", attempts=6), tmp_path / "images", 1, torn=1, most=40)
    assert tally.images >= 20
    assert not tally.findings


@strace
def test_a_ledger_that_does_not_sync_is_found_out(tmp_path: Path) -> None:
    work, said = alone(tmp_path / "work", attempts=4, first="pragma synchronous = off"), list[str]()
    tally = lose_power(work, tmp_path / "images", 1, torn=0, most=20, say=said.append)
    assert {finding.kind for finding in tally.findings} >= {"an attempt that was told is lost"}, said


@strace
@pytest.mark.slow
def test_a_bisect_at_any_moment(tmp_path: Path) -> None:
    tally = lose_power(command(tmp_path / "work"), tmp_path / "images", 2, torn=1, most=80, resumed=1)
    assert tally.images >= 40
    assert not tally.findings


def test_a_slot_is_emptied_once_after_a_boot(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    assert not empty_after_a_boot(tmp_path, lambda: "first"), "there was nothing"
    (tmp_path / "obj/key").mkdir(parents=True)
    (tmp_path / "obj/key/main.o").touch()
    (tmp_path / "moving").touch()
    assert not empty_after_a_boot(tmp_path, lambda: "first")
    assert (tmp_path / "obj/key/main.o").exists()
    assert not is_of_this_boot(tmp_path, lambda: "second")
    assert empty_after_a_boot(tmp_path, lambda: "second")
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "lock"]
    assert is_of_this_boot(tmp_path, lambda: "second")
