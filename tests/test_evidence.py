"""The store gives back what it was given, stays under its cap, and never takes what a failure needs."""

from __future__ import annotations

import hashlib
import os
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.effects.evidence.files import check_name, place, stored_size
from bisectsyms.effects.evidence.store import RELY, EvidenceStore, Worth
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import InfraError, UserError
from tests.ledgers import CLEAN, FAILED, bytes_of, plan, small_disk

KIB = 1024


def noise(seed: int, size: int = 40 * KIB) -> bytes:
    """Bytes that do not compress, the same for each seed."""
    return random.Random(seed).randbytes(size)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def kept(store: EvidenceStore, folder: Path, seed: int) -> str:
    ((_, digest),) = store.keep([("log", written(folder / "scratch", noise(seed)))])
    return digest


def read(store: EvidenceStore, digest: str) -> bytes:
    with store.open(digest) as content:
        return content.read()


def has(store: EvidenceStore, digest: str) -> bool:
    try:
        store.open(digest).close()
    except UserError:
        return False
    return True


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    log, empty = written(tmp_path / "log", b"LD vmlinux\n" * 1000), written(tmp_path / "empty", b"")
    pairs = store.keep([("log", log), ("sub/empty", empty), ("again", log)])
    digest = hashlib.sha256(log.read_bytes()).hexdigest()
    assert pairs == (("log", digest), ("sub/empty", hashlib.sha256(b"").hexdigest()), ("again", digest))
    assert read(store, digest) == log.read_bytes()
    (tmp_path / "out").mkdir()
    paths = store.export(pairs, tmp_path / "out")
    assert [path.read_bytes() for path in paths] == [log.read_bytes(), b"", log.read_bytes()]
    assert paths[1] == tmp_path / "out/sub/empty"


def test_equal_contents_are_stored_once_and_alike(tmp_path: Path) -> None:
    one, two = EvidenceStore(tmp_path / "one"), EvidenceStore(tmp_path / "two")
    digest = kept(one, tmp_path, 1)
    size = one.size()
    assert 40 * KIB <= size < 60 * KIB
    assert kept(one, tmp_path, 1) == digest == kept(two, tmp_path, 1)
    assert one.size() == size == stored_size(tmp_path / "one", digest)
    assert place(tmp_path / "one", digest).read_bytes() == place(tmp_path / "two", digest).read_bytes()
    assert place(tmp_path / "one", digest).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o700
    assert bytes_of(tmp_path / "one") == {}, "nothing half-written"


def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    told: list[str] = []
    store = EvidenceStore(tmp_path / "evidence", warn=told.append)
    os.mkfifo(tmp_path / "pipe")
    log = written(tmp_path / "log", b"text")
    (tmp_path / "dangling").symlink_to("nowhere")
    names = ["missing", "pipe", "dangling", "evidence", "log/below"]
    pairs = store.keep([*((name, tmp_path / name) for name in names), ("log", log), ("mem", Path("/proc/self/mem"))])
    assert [name for name, _ in pairs] == ["log"]
    assert [text.split()[1] for text in told] == [*names, "mem"]
    assert bytes_of(tmp_path / "evidence") == {}


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../x", "a/../../x", "a\0b", "a\nb"])
def test_names_do_not_lead_out(tmp_path: Path, name: str) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    log = written(tmp_path / "log", b"text")
    with pytest.raises(ValueError, match="no name"):
        store.keep([(name, log)])
    ((_, digest),) = store.keep([("log", log)])
    with pytest.raises(ValueError, match="no name"):
        store.export([(name, digest)], tmp_path)


def test_names_of_a_kernel_build_are_fine() -> None:
    for name in (".config", ".tmp_vmlinux.kallsyms2.syms", ".tmp_System.map", "include/config/kernel.release"):
        assert str(check_name(name)) == name


@pytest.mark.parametrize("digest", ["", "../../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "../" + "0" * 61])
def test_digests_are_hex_and_nothing_else(tmp_path: Path, digest: str) -> None:
    with pytest.raises(UserError, match="not the digest"):
        EvidenceStore(tmp_path).open(digest)
    assert stored_size(tmp_path, digest) is None


def test_what_was_given_up_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not kept any more") as caught:
        EvidenceStore(tmp_path).open("0" * 64)
    assert "--keep-evidence" in caught.value.next_step


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    large = tmp_path / "vmlinux"
    with large.open("wb") as file:
        file.truncate(48 * KIB**2)
    tracemalloc.start()
    try:
        EvidenceStore(tmp_path / "evidence").keep([("vmlinux", large)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * KIB**2


def test_the_cap_takes_in_order_and_only_as_much_as_it_must(tmp_path: Path) -> None:
    roomy = EvidenceStore(tmp_path / "evidence")
    digests = [kept(roomy, tmp_path, seed) for seed in range(5)]
    assert roomy.prune(Worth(tuple(digests))) == 0
    # Under another cap, seen from another process a while later.
    store = EvidenceStore(tmp_path / "evidence", cap=140 * KIB, now=lambda: tmp_path.stat().st_mtime + 3600)
    worth = Worth((digests[3], "f" * 64, digests[0], digests[1]), frozenset({digests[2], digests[4]}))
    assert store.prune(worth) == 2
    assert [has(store, digest) for digest in digests] == [False, True, True, False, True]
    assert store.size() <= 140 * KIB
    # What may not go stays, cap or no cap.
    tight = EvidenceStore(tmp_path / "evidence", cap=0, now=lambda: tmp_path.stat().st_mtime + 3600)
    assert tight.prune(worth) == 1
    assert [has(tight, digest) for digest in digests] == [False, False, True, False, True]


def test_what_another_process_has_just_kept_is_spared(tmp_path: Path) -> None:
    ours, theirs = EvidenceStore(tmp_path / "evidence", cap=0), EvidenceStore(tmp_path / "evidence", cap=0)
    mine, shared, foreign = kept(ours, tmp_path, 1), kept(ours, tmp_path, 2), kept(theirs, tmp_path, 3)
    # They keep the same content and have yet to write down for which attempt.
    os.utime(place(tmp_path / "evidence", shared), ns=(1, 1))
    kept(theirs, tmp_path, 2)
    assert ours.prune(Worth((mine, shared))) == 1
    assert [has(ours, digest) for digest in (mine, shared, foreign)] == [False, True, True]


def test_what_others_add_is_noticed(tmp_path: Path) -> None:
    ours, theirs = EvidenceStore(tmp_path / "evidence", cap=60 * KIB), EvidenceStore(tmp_path / "evidence")
    mine = kept(ours, tmp_path, 1)
    assert ours.prune(Worth((mine,))) == 0
    kept(theirs, tmp_path, 2)
    assert sum(ours.prune(Worth((mine,))) for _ in range(RELY + 1)) == 1
    assert ours.size() <= 60 * KIB


def test_what_no_attempt_refers_to_goes_first(tmp_path: Path) -> None:
    died = EvidenceStore(tmp_path / "evidence")
    named, stray = kept(died, tmp_path, 1), kept(died, tmp_path, 2)
    leftover = written(tmp_path / "evidence" / ".new-dead", bytes(100))
    os.utime(leftover, (1, 1))
    fresh = written(tmp_path / "evidence" / ".new-at-work", bytes(100))
    now = fresh.stat().st_mtime + 3600
    store = EvidenceStore(tmp_path / "evidence", cap=60 * KIB, now=lambda: now)
    assert store.prune(Worth((named,))) == 1
    assert (has(store, named), has(store, stray)) == (True, False)
    assert (leftover.exists(), fresh.exists()) == (False, True)


def test_with_the_ledger_the_newest_failure_keeps_its_evidence(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence", cap=100 * KIB)
    with Ledger.open(tmp_path) as ledger:
        for seed, result in enumerate([FAILED, FAILED, CLEAN, CLEAN, CLEAN, CLEAN]):
            files = [("log", written(tmp_path / "log", noise(seed))), ("map", written(tmp_path / "map", noise(99)))]
            number = ledger.begin(plan())
            ledger.finish(number, replace(result, evidence=store.keep(files)))
            store.prune(ledger.evidence_by_value())
            assert store.size() <= 100 * KIB
        first, newest, *passes = ledger.attempts()
        assert newest.result
        (tmp_path / "out").mkdir()
        paths = store.export(newest.result.evidence, tmp_path / "out")
        assert [path.read_bytes() for path in paths] == [noise(1), noise(99)]
        assert first.result
        assert not has(store, first.result.evidence[0][1])
        assert has(store, first.result.evidence[1][1]), "shared with the newest failure"
        assert len(passes) == 4


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    log = written(tmp_path / "log", b"text")
    with pytest.raises(InfraError, match="cannot be kept") as caught:
        EvidenceStore(log / "evidence").keep([("log", log)])
    assert caught.value.next_step


def test_a_full_disk_leaves_nothing_half_written_and_the_attempt_can_end(tmp_path: Path) -> None:
    printed = small_disk(
        tmp_path,
        """
        import random
        from tempfile import TemporaryDirectory
        from bisectsyms.effects.evidence import EvidenceStore
        folder = Path(sys.argv[1])
        store = EvidenceStore(folder / "evidence")
        ledger = Ledger.open(folder)
        number = ledger.begin(plan())
        with TemporaryDirectory() as other:
            large = Path(other) / "log"
            large.write_bytes(random.Random(1).randbytes(2 << 20))
            try:
                store.keep([("log", large)])
            except InfraError as error:
                print(error)
        print(list((folder / "evidence").iterdir()), store.size())
        ledger.finish(number, FAILED)
        print(ledger.get(number).result == FAILED)
        """,
        size="512k",
    )
    assert "No space left on device" in printed[0]
    assert "--keep-evidence" in printed[1]
    assert printed[2:] == ["[] 0", "True"]
