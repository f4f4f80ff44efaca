"""What the last `bisectsyms reproduce` was about, kept beside the ledger for the answer to the report.

How often it failed is not in here: the ledger has the attempts, and more may be made later.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bisectsyms.effects.evidence.files import make_folder
from bisectsyms.effects.newfile import replace_file
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.reports.origin import NO_ORIGIN, Origin
from bisectsyms.inputs.reports.plan import ReproducePlan

NAME = "reproduce.json"


class Reproduction(BaseModel):
    """A report, and what was made of it here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_: int = 1
    report: str
    """Name of its file."""
    plan: ReproducePlan
    origin: Origin = NO_ORIGIN
    notes: tuple[str, ...] = ()
    """Where what was built differs from what the report says."""
    commit: str = ""
    located_by: str = ""
    profile: str = ""
    cells: tuple[str, ...] = ()
    """Keys of those that were tried, in their order."""
    cannot: str = ""
    """Why it cannot be tried; empty if it can."""


def remember(state_dir: Path, reproduction: Reproduction) -> None:
    """In place of the one before.

    Raises:
        InfraError: it cannot be written.
    """
    make_folder(state_dir)
    replace_file(state_dir / NAME, f"{reproduction.model_dump_json(indent=1)}\n".encode())


def last_reproduction(state_dir: Path) -> Reproduction:
    """The last one.

    Raises:
        UserError: there was none, or its file is not of this version.
        InfraError: it cannot be read.
    """
    path = state_dir / NAME
    try:
        return Reproduction.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError("no report was tried here yet", next_step="bisectsyms reproduce REPORT") from error
    except OSError as error:
        raise InfraError(f"{path}: {error.strerror}", next_step="make it readable") from error
    except ValidationError as error:
        raise UserError(
            f"{path} is not of this version", next_step="bisectsyms reproduce REPORT writes it anew"
        ) from error
