"""What the last search was about, kept beside the ledger: it goes on, and is looked at, without being typed again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bisectsyms.effects.newfile import replace_file
from bisectsyms.errors import InfraError, UserError

NAME = "search.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Question:
    """Ends and options of `bisectsyms bisect`, but for when it has to stop."""

    good: str
    bad: str
    words: tuple[str, ...] = ()
    """The command; empty where kernels are built."""
    setup: str = ""
    failure_line: str = ""
    timeout: float = 7200.0
    """Seconds."""
    profile: str | None = None
    toolchain: str | None = None
    jobs: int | None = None
    sweep: int | None = None
    vary: tuple[str, ...] = ()
    slots: int = 1
    """Attempts at once: the rate of a race depends on it."""
    confidence: float = 0.95
    min_rate: float = 0.01
    first_parent: bool = False
    paths: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    prior: tuple[str, ...] = ()
    find_fix: bool = False
    terms: str | None = None
    cluster: str = ""
    """Whose workers make the attempts; empty for this machine."""
    source: str = ""
    """Where those fetch commits from; empty where they are sent."""
    cell: str = ""
    """Key of the cell in which it was searched; people's words are meant for that one."""


def write_question(state_dir: Path, question: Question) -> None:
    """Remember it in place of the one before.

    Raises:
        InfraError: it cannot be written.
    """
    text = json.dumps({"schema": SCHEMA} | asdict(question), indent=2)
    replace_file(state_dir / NAME, f"{text}\n".encode())


def last_cell(state_dir: Path) -> str:
    """Key of the cell of the last search; empty if there was none."""
    try:
        return read_question(state_dir).cell
    except UserError:
        return ""


def read_question(state_dir: Path) -> Question:
    """The last one.

    Raises:
        UserError: there was none, or its file is not one of ours.
        InfraError: it cannot be read.
    """
    path, names = state_dir / NAME, {field.name for field in fields(Question)}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError("there was no search here yet", next_step="bisectsyms bisect GOOD BAD") from error
    except OSError as error:
        raise InfraError(f"{path}: {error.strerror}", next_step="make it readable") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}", next_step="bisectsyms bisect GOOD BAD writes it anew") from error
    known = isinstance(found, dict) and found.pop("schema", None) == SCHEMA and {"good", "bad"} <= set(found) <= names
    if not known:
        raise UserError(f"{path} is not of this version", next_step="bisectsyms bisect GOOD BAD writes it anew")
    lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
    return Question(**(found | lists))
