"""A ledger carried to another host and merged there: whole file or nothing, and nothing counted twice."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.exchange import read, write
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
    with Ledger.open(repository.state_dir) as ledger:
        records = ledger.records()
    lines = write(socket.gethostname(), records)
    if file == STANDARD:
        try:
            sys.stdout.buffer.writelines(lines)
        except OSError as error:
            raise InfraError(f"standard output: {error.strerror}", next_step="name a file") from error
    else:
        write_new(Path(file), lines)
    return sum(record["record"] == "attempt" for record in records)


def take_in(repository: Repository, file: str) -> Merged:
    """Merge an exported ledger into ours.

    Raises:
        UserError: the file cannot be read, or is no whole export; our ledger is as it was.
    """
    with _source(file) as source:
        batch = read(source, "standard input" if file == STANDARD else file)
    with Ledger.open(repository.state_dir) as ledger:
        return ledger.take_over(batch)


@contextlib.contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as source:
            yield source
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}", next_step="name a file of bisectsyms ledger export") from error
