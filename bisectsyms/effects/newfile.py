"""A new file, whole or not at all: what people have under that name already is never replaced."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from bisectsyms.effects.evidence.files import sync_folder
from bisectsyms.errors import InfraError, UserError


def write_new(path: Path, parts: Iterable[bytes]) -> None:
    """Write `parts` to `path`; durable when it returns.

    Raises:
        UserError: there is a file of that name.
        InfraError: it cannot be written; nothing half-written stays behind.
    """
    try:
        with path.open("xb") as out, contextlib.ExitStack() as undo:
            undo.callback(path.unlink)
            out.writelines(parts)
            out.flush()
            os.fsync(out.fileno())
            sync_folder(path.parent)
            undo.pop_all()
    except FileExistsError as error:
        raise UserError(f"{path} exists already", next_step="name another file") from error
    except OSError as error:
        raise InfraError(f"{path}: {error.strerror}", next_step="name a file that can be written") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to a file of ours, in place of what it held; whole or not at all, durable when it returns.

    Raises:
        InfraError: it cannot be written; the old file stays.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise InfraError(f"{path}: {error.strerror}", next_step="free space there, then the same again") from error
