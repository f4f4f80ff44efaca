"""Where the shipped profiles and knowledge are: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from bisectsyms.errors import UserError


def configs_dir() -> Path:
    """The folder of the shipped YAML files.

    Raises:
        UserError: the installation lacks it.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "knowledge").is_dir():
            return folder
    raise UserError("the shipped configs are missing from this installation", next_step="install bisectsyms again")
