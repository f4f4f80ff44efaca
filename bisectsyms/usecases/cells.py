"""Which cell an attempt belongs to, and which cells share an objtree."""

from __future__ import annotations

import hashlib
import json
import os

from bisectsyms.core.variation import Variation
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.model import Cell, Fixup, Toolchain


def cell_of(
    loaded: LoadedProfile,
    toolchain: Toolchain,
    *,
    jobs: int | None,
    variation: Variation,
    fixups: tuple[Fixup, ...] = (),
) -> Cell:
    """The cell of attempts with this profile and toolchain; `jobs` overrides the profile's, `fixups` are resolved."""
    profile = loaded.profile
    return Cell(
        profile=loaded.name,
        arch=profile.arch,
        toolchain=toolchain,
        kconfig=loaded.digest,
        jobs=jobs or profile.jobs or os.cpu_count() or 1,
        targets=profile.targets,
        variables=tuple(sorted(profile.variables.items())),
        environment=tuple(sorted(profile.environment.items())),
        variation=str(variation),
        in_tree=profile.in_tree,
        fixups=fixups,
    )


def objtree_key(cell: Cell) -> str:
    """Objtrees are shared by cells that compile alike: -j and what is drawn do not matter."""
    compiling: list[object] = [cell.arch, cell.toolchain.digest, cell.kconfig, cell.variables, cell.environment]
    compiling += ["in tree"] if cell.in_tree else []
    compiling += [cell.fields["fixups"]] if cell.fixups else []
    return hashlib.sha256(json.dumps(compiling).encode()).hexdigest()[:12]
