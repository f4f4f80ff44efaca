"""The folders of the user that we read and fill, as the XDG base directory specification has them."""

from __future__ import annotations

import os
from pathlib import Path


def config_home() -> Path:
    """In whose bisectsyms/ the user's profiles and toolchains.yaml are."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def slots_home() -> Path:
    """Where slots are, if nobody says otherwise: in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bisectsyms"
