"""The folder of a user whom a torture torments: a repository, a home, slots, and tools of the torture's own."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conftest import User


class UserFolder:
    """Where everything of one user is; what is done to him is told by who inherits it."""

    folder: Path

    @property
    def repo(self) -> Path:
        return self.folder / "linux"

    @property
    def state(self) -> Path:
        return self.repo / ".git/bisectsyms"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def slots(self) -> Path:
        return self.folder / "slots"

    @property
    def tools(self) -> Path:
        """In front of PATH."""
        return self.folder / "tools"

    @property
    def env(self) -> dict[str, str]:
        """Of every command of this user."""
        clean = User(self.home, self.slots).env
        return clean | {"PATH": f"{self.tools}{os.pathsep}{clean['PATH']}"}

    def tool(self, name: str, body: str) -> None:
        """A shell script in front of PATH."""
        self.tools.mkdir(parents=True, exist_ok=True)
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
