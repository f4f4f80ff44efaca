"""Which cell an attempt belongs to, and which cells share an objtree."""

from __future__ import annotations

import hashlib
import json
import os

from bisectsyms.core.variation import PINNED, SWEEP, Variation
from bisectsyms.inputs.profile import LoadedProfile, Profile
from bisectsyms.inputs.variations import variation_of
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


def variation_for(profile: Profile, lengths: int | None, vary: tuple[str, ...]) -> Variation:
    """What was asked for on the command line, all of it at once; else what the profile says.

    Raises:
        UserError: it is no policy.
    """
    swept = [f"{SWEEP}:{lengths}" if lengths > 1 else PINNED] if lengths else []
    terms = [*swept, *vary]
    return variation_of("+".join(terms)) if terms else profile.variation


def objtree_key(cell: Cell, compiling: tuple[tuple[str, str], ...] = (), *, closed: bool = False) -> str:
    """Objtrees are shared by cells that compile alike: -j and what is drawn do not matter.

    `compiling` are the factors that do, each with its value. `closed`: for builds of a stranger's report,
    whose objects and host programs are for no build of the user's own.
    """
    alike: list[object] = [cell.arch, cell.toolchain.digest, cell.kconfig, cell.variables, cell.environment]
    alike += ["in tree"] if cell.in_tree else []
    alike += [cell.fields["fixups"]] if cell.fixups else []
    alike += [compiling] if compiling else []
    alike += ["closed"] if closed else []
    return hashlib.sha256(json.dumps(alike).encode()).hexdigest()[:12]
