"""Files that people write, read whole: text of a bounded size, whatever the name turns out to stand for."""

from __future__ import annotations

from pathlib import Path

from bisectsyms.errors import UserError


def small_text(path: Path, most: int, *, what: str, next_step: str, errors: str = "strict") -> str:
    """The text of a file of at most `most` bytes; `what` says in errors what is never larger, `next_step` what to mend.

    `errors` is what becomes of bytes that are no UTF-8, as for bytes.decode.

    Raises:
        UserError: it cannot be read, it is larger, or, if `errors` is strict, it is no UTF-8.
    """
    try:
        with path.open("rb") as file:  # a device has no size that could be asked for
            content = file.read(most + 1)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", next_step=next_step) from error
    if len(content) > most:
        raise UserError(f"{path} is larger than {most >> 20} MiB, which no {what} is", next_step=next_step)
    try:
        return content.decode(errors=errors)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8", next_step="save it as UTF-8") from error
