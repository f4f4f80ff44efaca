"""What must hold for files that people write or pass on: profiles, plans, ledgers, .configs, git's of a bisect."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from bisectsyms.core.kconfig import LINE, PATHS, foreign, options, vanished
from bisectsyms.effects.bisecting import read_bisect
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.exchange import Batch, Body, read, write
from bisectsyms.errors import UserError
from bisectsyms.inputs.hosts import read_address, read_hosts
from bisectsyms.inputs.kconfigfile import read_config, read_fragment
from bisectsyms.inputs.plan import load_plan
from bisectsyms.inputs.profile import Profile, load_profile_file

SECTION = b"\n=\n"
"""Between git's files of a bisect in one input: terms, names, log, and the refs as for-each-ref tells them."""
T = TypeVar("T")
STATE = ("BISECT_TERMS", "BISECT_NAMES", "BISECT_LOG")


def profile(text: bytes) -> None:
    """A profile, or what is wrong with it and where; all that it says can be written to a file and to a terminal."""
    with _file(text, "p.yaml") as path:
        loaded = _or_told(lambda: load_profile_file(path), f"{path.parent}/")
    if loaded is not None:
        assert Profile.model_validate(loaded.profile.model_dump()) == loaded.profile
        assert "\0" not in f"{loaded.profile.model_dump_json()}{loaded.lines}"
        assert loaded.profile.timeout < 1e9


def plan(text: bytes) -> None:
    """The same of the plan of a hunt."""
    with _file(text, "p.yaml") as path:
        loaded = _or_told(lambda: load_plan(path), f"{path}")
    if loaded is not None:
        values = loaded.model_dump(exclude_unset=True)
        assert type(loaded).model_validate(values) == loaded
        assert "\0" not in loaded.model_dump_json()


def ledger(text: bytes) -> None:
    """Nothing is taken over of a file with an error; a whole one comes out again as it went in."""
    batch = _or_told(lambda: read(io.BytesIO(text), "their.jsonl"), "their.jsonl:")
    if batch is None or not (kept := _kept(batch)):
        return
    with tempfile.TemporaryDirectory(prefix="bisectsyms-fuzz-") as folder, Ledger.open(Path(folder)) as ours:
        first = ours.take_over(batch)
        assert first.attempts == sum(one.record == "attempt" for one in kept)
        out = b"".join(write(batch.host, ours.records()))
        again = read(io.BytesIO(out), "ours.jsonl")
        assert _kept(again) <= kept  # of two words or answers of one moment the first counts
        assert {one.uuid for one in again.lines() if one.record == "attempt"} == {
            one.uuid for one in kept if one.record == "attempt"
        }
        second = ours.take_over(again)
        assert (second.attempts, second.words, second.answers) == (0, 0, 0)


def _kept(batch: Batch) -> set[Body]:
    """What a ledger takes over and gives again; an answer without a host is of who has exported it."""
    kept = {one for one in batch.lines() if one.record in ("attempt", "told", "answer")}
    return {one.model_copy(update={"host": one.host or batch.host}) if one.record == "answer" else one for one in kept}


def hosts(text: bytes) -> None:
    """Nothing of a file of hosts, or of an address, that ssh would take for an option or a shell for a word."""
    with _file(text, "hosts.txt") as path:
        for host in _or_told(lambda: read_hosts(path), f"{path}") or ():
            assert (
                host.name.isprintable() and not host.name.startswith("-") and not set(host.name) & set("`;&|<>\"' (){}")
            )
            assert 1 <= host.workers <= 256
            assert host.python == "" or (host.python.startswith("/") and host.python.isprintable())
    for line in text.decode("utf-8", "surrogateescape").splitlines():
        address = _or_told(partial(read_address, line), "--cluster ")
        if address is None:
            continue
        assert bool(address.local) + bool(address.hosts) + bool(address.scheduler) == 1
        if address.scheduler:
            split = urlsplit(address.scheduler)
            assert split.hostname and 0 < (split.port or 0) < 1 << 16
            assert not (split.username or split.path or split.query or split.fragment)


class Told(Repository):
    """A repository of which only the state of a bisect is there; `refs` is what for-each-ref says."""

    def __init__(self, folder: Path, refs: str) -> None:
        super().__init__(folder, folder, folder)
        self._refs = refs

    def git(self, *args: str, **_: object) -> str:
        assert args[0] == "for-each-ref"
        return self._refs


def bisect(text: bytes) -> None:
    """A state of which every word may stand in a command of git, or what to do about it."""
    *files, refs = (text.split(SECTION, 3) + [b""] * 4)[:4]
    with tempfile.TemporaryDirectory(prefix="bisectsyms-fuzz-") as folder:
        for name, content in zip(("BISECT_START", *STATE), (b"main\n", *files), strict=True):
            Path(folder, name).write_bytes(content)
        # git tells names and ids that it has checked; of these only the names of the refs are anybody's.
        told = [
            f"{number:040x} refs/bisect/{name}" for number, name in enumerate(refs.decode("ascii", "ignore").split())
        ]
        state = _or_told(lambda: read_bisect(Told(Path(folder), "\n".join(told))), "")
    if state is not None:
        assert all(len(one) in (40, 64) and set(one) <= set("0123456789abcdef") for one in (*state.news, *state.olds))
        assert all(
            word and not word.startswith("-") and word.isprintable() for word in (state.old_term, state.new_term)
        )
        assert state.old_term != state.new_term
        assert not any("\0" in path for path in state.paths)
        assert state.new in state.news and state.failing_end and state.nearest_failing


def config(text: bytes) -> None:
    """Only lines that make takes literally come through, of one's own files and of a stranger's."""
    with _file(text, "x.config") as path:
        whole = _or_told(lambda: read_config(path), f"{path}")
        lines = _or_told(lambda: read_fragment(path), f"{path}")
    if whole is not None:
        kept = whole.text.splitlines()
        assert lines is not None and all(LINE.fullmatch(line) for line in kept)
        assert options(kept) | {"LOCALVERSION_AUTO": "n"} == options(kept)
        assert not vanished(options(kept), options(kept))
    made = foreign(text.decode("utf-8", "replace").split("\n"))
    assert foreign(made.lines).lines == made.lines
    for line in made.lines:
        assert (
            LINE.fullmatch(line) and line.isascii() and line.isprintable() and not set(line) & set(";|&<>*?~!{}[]'`$\\")
        )
        name, _, value = line.removeprefix("CONFIG_").partition("=")
        assert value in ('""', '"certs/signing_key.pem"') or not (value.startswith('"') and PATHS.fullmatch(name))


def _or_told(read: Callable[[], T], where: str) -> T | None:
    """What is read; None if it is refused with the place and a next step."""
    try:
        return read()
    except UserError as error:
        assert error.next_step and where in error.message
        str(error).encode()
        return None


@contextlib.contextmanager
def _file(text: bytes, name: str) -> Iterator[Path]:
    """A file of this content in a folder of its own, for a while."""
    with tempfile.TemporaryDirectory(prefix="bisectsyms-fuzz-") as folder:
        path = Path(folder, name)
        path.write_bytes(text)
        yield path
