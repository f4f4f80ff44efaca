"""The plan of the last hunt, kept beside the ledger, so that `hunt --resume` needs no other word after a reboot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bisectsyms.effects.newfile import replace_file
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.plan import HuntPlan

NAME = "hunt.json"
SCHEMA = 1
_BESIDE = ("deadline", "slots", "kind", "cluster", "source")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was asked for."""

    plan: HuntPlan
    deadline: float | None = None
    """Seconds since the epoch."""
    slots: int = 1
    kind: str = ""
    """The only kind of attempt that was wanted; empty for the ladder's."""
    cluster: str = ""
    """Whose workers make the attempts; empty for this machine."""
    source: str = ""
    """Where those fetch commits from; empty where they are sent."""


def remember(state_dir: Path, hunt: Remembered) -> None:
    """Keep it in place of the one before.

    Raises:
        InfraError: it cannot be written.
    """
    plan = hunt.plan.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    found = {"schema": SCHEMA, "plan": plan} | {name: getattr(hunt, name) for name in _BESIDE}
    replace_file(state_dir / NAME, f"{json.dumps(found, indent=2)}\n".encode())


def recall(state_dir: Path) -> Remembered:
    """The last one.

    Raises:
        UserError: there was none, or its file is not one of ours.
        InfraError: it cannot be read.
    """
    path = state_dir / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise KeyError("schema")
        plan = HuntPlan.model_validate(found["plan"])
        deadline = None if found["deadline"] is None else float(found["deadline"])
        where = {name: str(found.get(name, "")) for name in ("cluster", "source")}
        return Remembered(plan, deadline, int(found["slots"]), str(found["kind"]), **where)
    except FileNotFoundError as error:
        raise UserError("there was no hunt here yet", next_step="bisectsyms hunt plan.yaml") from error
    except OSError as error:
        raise InfraError(f"{path}: {error.strerror}", next_step="make it readable") from error
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise UserError(f"{path} is none of this version", next_step="bisectsyms hunt plan.yaml") from error
