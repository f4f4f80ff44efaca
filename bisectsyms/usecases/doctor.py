"""What this machine has, what is missing, and one line that installs it.

Everything is found by trying: headers by compiling, bubblewrap by running, compilers by asking them.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from bisectsyms.core.tools import Tools
from bisectsyms.effects.gitrepo import refuse_old
from bisectsyms.effects.ledger.reading import Reading
from bisectsyms.effects.needs import Run, run_quietly, version
from bisectsyms.effects.sandbox import BWRAP_PROBE
from bisectsyms.effects.toolchain import short_name
from bisectsyms.effects.toolsearch import tools_of
from bisectsyms.errors import BisectsymsError, UserError
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.inputs.toolchains import Toolchains

State = Literal["ok", "missing", "warn", "other"]
"""`other` is of a profile that nobody asked for: nothing is asked of this machine."""

FIRST = "s3c6400"
"""The profile that the README names first."""
SHUFFLE_MAKE = (4, 4)
LEAST_DISK = 5e9
LEAST_MEMORY_PER_JOB = 1e9


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    state: State
    detail: str
    package: str = ""
    """Debian package that would mend it."""


def examine(
    profiles: Sequence[LoadedProfile],
    *,
    toolchains: Toolchains,
    slots_dir: Path,
    state_dir: Path | None = None,
    run: Run = run_quietly,
) -> list[Check]:
    """Check the machine for these profiles; the order is the order in which to read it."""
    checks = [_git(run), _make(run), *_compilers(profiles, toolchains, run)]
    if any(profile.profile.hosttools for profile in profiles):
        checks += [*_host_tools(toolchains, run), *_headers(toolchains, run)]
    checks += [_ccache(run), _bwrap(run), _disk(slots_dir, "slots"), _reflink(slots_dir, run), _memory()]
    if state_dir is not None:
        checks.append(_disk(state_dir, "ledger", least=1e8))
    return checks


def in_use(state_dir: Path, there: Collection[str]) -> tuple[tuple[str, ...], list[Check]]:
    """The profile of the newest attempt, or the one that everybody begins with; and a line that says which, and why.

    `there` are the names that can be found. None is needed where the newest attempt ran a command.
    """
    try:
        with Reading.open(state_dir) as ledger:
            name = ledger.newest_profile()
    except BisectsymsError as error:
        name, why = FIRST, error.message
    else:
        why = "as in the newest attempt"
        if name == "":
            return (), [Check("profile", "ok", "none: the newest attempt ran a command; for kernels: --profile NAME")]
    if name is None:
        name, why = FIRST, "there is no attempt in this repository yet"
    elif name not in there:
        name, why = FIRST, f"that of the newest attempt, {name}, is not found by its name"
    return (name,), [Check("profile", "ok", f"{name}: {why}; for another one: --profile NAME")]


def others(
    names: Sequence[str], find: Callable[[str], LoadedProfile], toolchains: Toolchains, *, run: Run = run_quietly
) -> Iterator[Check]:
    """A line for each further profile: whether compiler, ld and nm are here, and how to ask for the rest."""
    for name in names:
        try:
            found = next(_compilers([find(name)], toolchains, run))
            says = "tools here" if found.state == "ok" else "tools missing"
        except UserError as error:
            says = error.message.splitlines()[0]
        yield Check(name, "other", f"{says}: doctor --profile {name}")


def apt_line(checks: Sequence[Check]) -> str:
    """The one line that installs what is missing or recommended; empty when nothing is."""
    packages = sorted({check.package for check in checks if check.state != "ok" and check.package})
    return f"sudo apt-get install {' '.join(packages)}" if packages else ""


def _first_line(text: str) -> str:
    return text.splitlines()[0].strip() if text.strip() else ""


def _git(run: Run) -> Check:
    status, out = run(("git", "--version"))
    if status:
        return Check("git", "missing", "not installed", "git")
    try:
        refuse_old(_first_line(out))
    except UserError as error:
        return Check("git", "missing", error.message, "git")
    return Check("git", "ok", _first_line(out))


def _make(run: Run) -> Check:
    status, out = run(("make", "--version"))
    if status or "GNU Make" not in out:
        return Check("make", "missing", "GNU make is not installed", "make")
    has = "has" if version(out) >= SHUFFLE_MAKE else "lacks"
    return Check("make", "ok", f"{_first_line(out)} ({has} --shuffle)")


def _compilers(profiles: Sequence[LoadedProfile], known: Toolchains, run: Run) -> Iterator[Check]:
    """Compiler, ld and nm of every profile, each toolchain once."""
    users: dict[Tools, list[LoadedProfile]] = {}
    for loaded in profiles:
        try:
            tools = tools_of(loaded.profile, "", known, os.environ.get("PATH", ""))
        except UserError as error:
            yield Check(loaded.profile.toolchain, "missing", f"{error} (for {loaded.name})", _package(loaded, known))
            continue
        users.setdefault(tools, []).append(loaded)
    for tools, wanting in users.items():
        names = ", ".join(loaded.name for loaded in wanting)
        lacking = [program for program in (tools.compiler, tools.linker, tools.nm) if run((program, "--version"))[0]]
        if lacking:
            detail = f"{', '.join(lacking)} not on PATH (for {names})"
            yield Check(tools.compiler, "missing", detail, _package(wanting[0], known))
            continue
        said = _first_line(run((tools.compiler, "--version"))[1])
        version = short_name(said).partition("-")[2]
        why = known.arch(wanting[0].profile.arch).without_llvm(version) if tools.is_llvm else ""
        yield Check(tools.compiler, "missing" if why else "ok", f"{why or said} (for {names})")


def _package(loaded: LoadedProfile, known: Toolchains) -> str:
    """Debian package of the compiler: the profile's own word first."""
    profile = loaded.profile
    if profile.packages:
        return profile.packages[0]
    arch = next((one for one in known.arches if one.is_for(profile.arch)), None)
    if arch is None or not profile.toolchain.startswith("llvm"):
        return arch.package if arch else ""
    version = profile.toolchain.removeprefix("llvm").removeprefix("-")
    return "" if arch.without_llvm(version) else " ".join(known.llvm.packages)


def _host_tools(known: Toolchains, run: Run) -> Iterator[Check]:
    for tool, package in known.host.programs.items():
        status, out = run((tool, "--version"))
        if status == 127:
            yield Check(tool, "missing", "needed to build a kernel", package)
        else:
            yield Check(tool, "ok", next((line for line in out.splitlines() if re.search(r"\d\.\d", line)), "there"))


def _headers(known: Toolchains, run: Run) -> Iterator[Check]:
    for header, package in known.host.headers.items():
        status, _ = run(("gcc", "-E", "-include", header, "-x", "c", "/dev/null", "-o", "/dev/null"))
        if status:
            yield Check(header, "missing", "headers needed by host tools of the kernel", package)
        else:
            yield Check(header, "ok", f"there ({package})")


def _ccache(run: Run) -> Check:
    status, out = run(("ccache", "--version"))
    if status:
        return Check(
            "ccache", "warn", "not installed: the first build in a slot, and every move, take longer", "ccache"
        )
    return Check("ccache", "ok", _first_line(out))


def _bwrap(run: Run) -> Check:
    status, out = run(BWRAP_PROBE)
    if status == 127:
        return Check("bubblewrap", "warn", "not installed: source paths differ from slot to slot", "bubblewrap")
    if status:
        why = _first_line(out) or f"exit status {status}"
        return Check("bubblewrap", "warn", f"refused here ({why}), as in containers: prefix maps are used instead")
    return Check("bubblewrap", "ok", "works: source and O= look the same in every slot")


def _reflink(folder: Path, run: Run) -> Check:
    """Whether the objtree of a further slot can share its blocks with the one that it is copied from."""
    there = _existing(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=".bisectsyms-", dir=there) as aside:
            one = Path(aside, "one")
            one.write_bytes(bytes(4096))
            status, _ = run(("cp", "--reflink=always", str(one), f"{one}-copy"))
    except OSError as error:
        return Check("reflink (slots)", "warn", f"{there}: {error.strerror}")
    text = "a copied objtree shares its blocks" if status == 0 else "none here: a copied objtree takes its space again"
    return Check("reflink (slots)", "ok", text)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _disk(folder: Path, what: str, least: float = LEAST_DISK) -> Check:
    free = shutil.disk_usage(_existing(folder)).free
    state: State = "warn" if free < least else "ok"
    return Check(f"disk ({what})", state, f"{free / 1e9:.1f} GB free at {folder}")


def _memory() -> Check:
    memory, cores = psutil.virtual_memory(), os.cpu_count() or 1
    state: State = "warn" if memory.available < LEAST_MEMORY_PER_JOB * cores else "ok"
    detail = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free, {cores} cores, {platform.machine()}"
    return Check("memory", state, detail)
