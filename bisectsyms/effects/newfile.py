"""A new file, whole or not at all: what people have under that name already is never replaced."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

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
            undo.pop_all()
    except FileExistsError as error:
        raise UserError(f"{path} exists already", next_step="name another file") from error
    except OSError as error:
        raise InfraError(f"{path}: {error.strerror}", next_step="name a file that can be written") from error
