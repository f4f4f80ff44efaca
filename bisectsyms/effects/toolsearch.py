"""Finds toolchains: on PATH, in kernel.org's crosstool folders, and LLVM's releases under any folder named.

PATH        arm-linux-gnueabi-gcc, arm-linux-gnueabi-gcc-11, clang, clang-16
crosstool   FOLDER/gcc-13.2.0-nolibc/arm-linux-gnueabi/bin/arm-linux-gnueabi-gcc
LLVM        FOLDER/llvm-17.0.6-x86_64/bin/clang, or FOLDER/bin/clang
"""

from __future__ import annotations

import contextlib
import difflib
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from bisectsyms.core.tools import Arch, Tools, gcc_tools, llvm_tools
from bisectsyms.effects.toolchain import Installed, identify
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import Profile
from bisectsyms.inputs.toolchains import Toolchains


def tools_of(profile: Profile, wanted: str, known: Toolchains, path: str) -> Tools:
    """The tools that a profile asks for; `wanted` (a name or a folder), if not empty, in place of its own.

    `path` is the PATH of the build. Whether the programs run is for `toolchain.identify` to find out.

    Raises:
        UserError: no such toolchain was found; the names that were are in the next step.
    """
    if not wanted and (profile.cross_compile is not None or profile.cc):
        return gcc_tools(profile.cross_compile or "", compiler=profile.cc)
    name = wanted or profile.toolchain or "gcc"
    arch = known.arch(profile.arch)
    if name.startswith("llvm"):
        _refuse_llvm(arch, name.removeprefix("llvm").removeprefix("-"))
    if "/" in name:
        return _in_folder(arch, Path(name).expanduser(), known)
    found = {tools.name: tools for tools in reversed(list(find(arch, known, path)))}
    if name in found:
        return found[name]
    if name == "gcc":  # not there: for identify to say so, and doctor which package has it
        return gcc_tools(_prefix(arch, path))
    close = difflib.get_close_matches(name, found, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise UserError(
        f"there is no toolchain {name!r} for {profile.arch} on PATH or in the folders of toolchains.yaml",
        next_step=f"{hint}there are: {', '.join(sorted(found)) or 'none'} (bisectsyms toolchains)",
    )


def choose(
    profile: Profile, wanted: str, known: Toolchains, env: Mapping[str, str], digest: str = ""
) -> tuple[Tools, Installed]:
    """The tools that a profile asks for, identified; or, given the digest of an identity, those that have it.

    Where no toolchain has that identity any more, it is the profile's own after all.

    Raises:
        UserError: there is no such toolchain, or it does not run.
        InfraError: it does not answer.
    """
    path = env.get("PATH", "")
    tools = tools_of(profile, wanted, known, path)
    installed = identify(tools, env) if not tools.is_llvm else identified(known.arch(profile.arch), tools, env)
    if digest and installed.identity.digest != digest:
        for arch in known.arches:
            for other in find(arch, known, path) if arch.is_for(profile.arch) else ():
                with contextlib.suppress(UserError):  # one that does not run is not the one
                    found = identified(arch, other, env)
                    if found.identity.digest == digest:
                        return other, found
    return tools, installed


def identified(arch: Arch, tools: Tools, env: Mapping[str, str]) -> Installed:
    """Who the tools are, if they make kernels for `arch`: how old an LLVM is, is only known when it has run.

    Raises:
        UserError: they do not, or one does not run.
    """
    installed = identify(tools, env)
    if tools.is_llvm:
        _refuse_llvm(arch, installed.identity.name.partition("-")[2])
    return installed


def find(arch: Arch, known: Toolchains, path: str) -> Iterator[Tools]:
    """Every toolchain for `arch`, those of PATH first; two may have one name, then the first is meant by it.

    An LLVM that says by its name that it is too old is left out; see `identified` for one that does not.
    """
    for prefix in _prefixes(arch):
        if shutil.which(f"{prefix}gcc", path=path):
            yield gcc_tools(prefix)
        for suffix in _suffixes(f"{prefix}gcc", path):
            yield gcc_tools(prefix, suffix=suffix)
    prefix = _prefix(arch, path)
    for suffix in ("", *_suffixes("clang", path)):
        if arch.without_llvm(suffix.removeprefix("-")):
            continue
        tools = llvm_tools(known.llvm, prefix, suffix=suffix)
        if all(shutil.which(program, path=path) for program in (tools.compiler, tools.linker, tools.nm, tools.ar)):
            yield tools
    for folder in known.folders:
        yield from _under(arch, folder, prefix, known)


def _under(arch: Arch, folder: Path, prefix: str, known: Toolchains) -> Iterator[Tools]:
    for triple in arch.triples:
        for place in (f"bin/{triple}-gcc", f"{triple}/bin/{triple}-gcc", f"gcc-*/{triple}/bin/{triple}-gcc"):
            for gcc in sorted(folder.glob(place)):
                yield gcc_tools(str(gcc).removesuffix("gcc"), name=f"gcc-{_version(gcc, 'gcc')}")
    for place in ("bin/clang", "*/bin/clang"):
        for clang in sorted(folder.glob(place)):
            version = _version(clang, "(?:llvm|clang|LLVM)")
            if not arch.without_llvm(version):
                yield llvm_tools(known.llvm, prefix, folder=f"{clang.parent}/", name=f"llvm-{version}")


def _refuse_llvm(arch: Arch, version: str) -> None:
    """Make sure that LLVM of this version, as far as it is known, makes a kernel for `arch`.

    Raises:
        UserError: it does not.
    """
    if why := arch.without_llvm(version):
        raise UserError(
            why, next_step=f"toolchain: gcc, or `llvm:` in an entry for {arch.arch} in your toolchains.yaml if it does"
        )


def _in_folder(arch: Arch, folder: Path, known: Toolchains) -> Tools:
    if not folder.is_dir():
        raise UserError(f"toolchain {folder}: no such folder", next_step="name the folder that holds bin/")
    found = list(_under(arch, folder.absolute(), _prefixes(arch)[0], known))
    if len(found) != 1:
        many = f"{len(found)} toolchains ({', '.join(tools.compiler for tools in found)})" if found else "no toolchain"
        raise UserError(f"{folder} holds {many} for {arch.arch}", next_step="name the folder that holds its bin/")
    return found[0]


def _version(program: Path, family: str) -> str:
    """Version in the name of the folder it was unpacked to, else the folder's name."""
    for folder in program.parents:
        if match := re.fullmatch(rf"{family}-?(\d[\d.]*).*", folder.name):
            return match[1]
    return program.parent.parent.name


def _prefixes(arch: Arch) -> tuple[str, ...]:
    """Prefixes to try, the host's own compiler first where it builds for `arch`."""
    return ("", *arch.prefixes) if platform.machine() in arch.machines else arch.prefixes


def _prefix(arch: Arch, path: str) -> str:
    """The first prefix with a gcc on PATH, else the first of all."""
    prefixes = _prefixes(arch)
    return next((prefix for prefix in prefixes if shutil.which(f"{prefix}gcc", path=path)), prefixes[0])


def _suffixes(program: str, path: str) -> list[str]:
    """`-11`, `-12`: the versions of `program` that are on PATH beside it, from old to new."""
    pattern = re.compile(rf"{re.escape(program)}(-\d+(?:\.\d+)*)")
    there = {entry.name for folder in path.split(":") if folder for entry in Path(folder).glob(f"{program}-[0-9]*")}
    found = {match[1] for name in there if (match := pattern.fullmatch(name))}
    return sorted(found, key=lambda suffix: [int(part) for part in suffix[1:].split(".")])
