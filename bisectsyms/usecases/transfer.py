"""A ledger carried to another host and merged there: whole file or nothing, and nothing counted twice."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.exchange import Batch, read, write
from bisectsyms.effects.ledger.merge import Merged
from bisectsyms.effects.newfile import write_new
from bisectsyms.errors import InfraError, UserError

STANDARD = "-"
"""A name that stands for standard output, or input."""


def export(repository: Repository, file: str) -> int:
    """Write everything that has ended to a new file, or to standard output; how many attempts that were.

    Raises:
        UserError: the file exists already.
        InfraError: it cannot be written; nothing half-written stays behind.
    """
    made = Counter[object]()

    def told(records: Iterable[dict[str, object]]) -> Iterator[dict[str, object]]:
        for record in records:
            made[record["record"]] += 1
            yield record

    with Ledger.open(repository.state_dir) as ledger:
        lines = write(socket.gethostname(), told(ledger.records()))
        if file == STANDARD:
            _to_standard_output(lines)
        else:
            write_new(Path(file), lines)
    return made["attempt"]


def _to_standard_output(lines: Iterable[bytes]) -> None:
    """Put aside first: where the journal is of the older kind, who reads slowly would hold up all that is written."""
    with _aside() as aside:
        aside.writelines(lines)
        aside.seek(0)
        try:
            shutil.copyfileobj(aside, sys.stdout.buffer)
        except OSError as error:
            raise InfraError(f"standard output: {error.strerror}", next_step="name a file") from error


def take_in(repository: Repository, file: str) -> Merged:
    """Merge an exported ledger into ours.

    Raises:
        UserError: the file cannot be read, or is no whole export; our ledger is as it was.
        InfraError: what comes by a pipe cannot be put aside; our ledger is as it was.
    """
    with _checked(file) as batch, Ledger.open(repository.state_dir) as ledger:
        return ledger.take_over(batch)


@contextlib.contextmanager
def _checked(file: str) -> Iterator[Batch]:
    """What was read to its end. It will be read twice, so what comes by a pipe is put aside; memory may not hold it."""
    name = "standard input" if file == STANDARD else file
    with contextlib.ExitStack() as opened:
        try:
            source: IO[bytes] = sys.stdin.buffer if file == STANDARD else opened.enter_context(Path(file).open("rb"))
            piped = not source.seekable()
            if not piped:
                batch = read(source, name)
        except OSError as error:
            raise UserError(f"{name}: {error.strerror}", next_step="name a file of bisectsyms ledger export") from error
        if piped:
            batch = read(source, name, opened.enter_context(_aside()))
        yield batch


@contextlib.contextmanager
def _aside() -> Iterator[IO[bytes]]:
    """A file without a name, gone when it is closed.

    Raises:
        InfraError: there is no room for it.
    """
    try:
        with tempfile.TemporaryFile() as aside:
            yield aside
    except OSError as error:
        where = tempfile.gettempdir()
        raise InfraError(f"{where}: {error.strerror}", next_step=f"free space in {where}, or set TMPDIR") from error
