"""A plan made of a report as a profile of ours, beside the ledger: so that every other verb knows it by its name.

Every value has passed the gate of the plan. The profile says that its builds are closed off (effects/sandbox.py),
whoever names it later.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from bisectsyms.effects.evidence.files import make_folder
from bisectsyms.effects.newfile import replace_file
from bisectsyms.inputs.profile import OWN_KEYS, LoadedProfile, load_profile_file
from bisectsyms.inputs.reports.plan import ReproducePlan

PREFIX = "report-"
NO_AUTO = "# CONFIG_LOCALVERSION_AUTO is not set"
"""Or the version string, and with it the layout, hangs on the commit's id."""


def pinned_variables(plan: ReproducePlan) -> tuple[str, ...]:
    """Names of the plan's make variables that bisectsyms sets itself, so that those of the report are not used."""
    return tuple(name for name in plan.make_variables if name in OWN_KEYS)


def profile_of(plan: ReproducePlan, toolchain: str, state_dir: Path, *, required: bool) -> LoadedProfile:
    """Write the profile and load it as any other; the same plan gives the same name.

    Raises:
        UserError: the plan lacks what a profile needs.
        InfraError: it cannot be written.
    """
    keys: dict[str, object] = {
        "description": "made of a report by bisectsyms reproduce",
        "arch": plan.arch,
        "toolchain": toolchain,
        "sandbox": "required" if required else "closed",
        "hosttools": False,
    }
    own = {name: value for name, value in plan.make_variables.items() if name not in OWN_KEYS}
    keys |= {"variables": own} if own else {}
    keys |= {"jobs": plan.jobs} if plan.jobs else {}
    lines = list(plan.kconfig_lines)
    lines += [] if plan.kconfig else [NO_AUTO]
    keys |= {"kconfig": list(dict.fromkeys(lines))} if lines else {}
    said = yaml.safe_dump(keys | {"defconfig": plan.defconfig, "config": plan.kconfig}, sort_keys=True)
    name = PREFIX + hashlib.sha256(said.encode()).hexdigest()[:8]
    make_folder(state_dir)
    if plan.kconfig:
        keys["config"] = f"{name}.config"
        replace_file(state_dir / f"{name}.config", plan.kconfig.encode())
    else:
        keys["defconfig"] = plan.defconfig
    path = state_dir / f"{name}.yaml"
    replace_file(path, yaml.safe_dump(keys, sort_keys=False, allow_unicode=True).encode())
    return load_profile_file(path)
