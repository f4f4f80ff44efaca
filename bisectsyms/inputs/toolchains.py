"""Reads which compilers build which ARCH: the shipped table, and the user's own beside it.

Adding a toolchain touches no Python: it is lines of YAML, of the project's or of the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bisectsyms.core.tools import Arch, Host, Llvm
from bisectsyms.errors import UserError
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.yamlfile import load_model

NAME = "toolchains.yaml"


@dataclass(frozen=True, slots=True)
class Toolchains:
    """What is known of compilers."""

    arches: tuple[Arch, ...]
    llvm: Llvm
    host: Host
    folders: tuple[Path, ...] = ()
    """Where kernel.org's crosstool or LLVM releases were unpacked, as the user says."""

    def arch(self, name: str) -> Arch:
        """The entry for ARCH=`name`.

        Raises:
            UserError: there is none.
        """
        for arch in self.arches:
            if arch.is_for(name):
                return arch
        raise UserError(
            f"no compiler is known for arch {name!r}; known: {', '.join(arch.arch for arch in self.arches)}",
            next_step=f"give `cross_compile:` in the profile, or add the arch to your {NAME}",
        )


Program = Annotated[str, Field(pattern=r"^[\w.+-]+$")]
Prefix = Annotated[str, Field(pattern=r"^[\w.+-]+-$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ArchEntry(_Strict):
    """An arch as it stands in the file."""

    arch: Program
    """ARCH=."""
    also: tuple[Program, ...] = ()
    """Other values of ARCH= that the same compilers build."""
    prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1)]
    """Of cross compilers, as CROSS_COMPILE= has them; the first that is found wins."""
    machines: tuple[Program, ...] = ()
    """What `uname -m` says where the compiler needs no prefix."""
    triples: tuple[Program, ...] = ()
    """What clang and kernel.org's folders call it."""
    package: str = ""
    """Debian's, for the apt-get line of doctor."""
    llvm: Annotated[str, Field(pattern=r"^(?:every|\d+(?:\.\d+)*)?$", coerce_numbers_to_str=True)] = ""
    """The oldest LLVM that compiles and links a kernel for it, such as 18.1.0, or `every`; without it none does."""
    tuxmake: dict[str, Program] = {}
    """Value of CROSS_COMPILE= -> the --target-arch of tuxmake that means the same compiler."""


class LlvmEntry(_Strict):
    """What LLVM= stands for."""

    packages: tuple[str, ...] = ()
    variables: dict[str, Program]


class HostEntry(_Strict):
    """What is looked for on the host -> Debian's package."""

    programs: dict[Program, str]
    headers: dict[str, str]


class ToolchainFile(_Strict):
    """The shipped toolchains.yaml."""

    arches: tuple[ArchEntry, ...]
    llvm: LlvmEntry
    names: dict[str, Program]
    host: HostEntry


class UserFile(_Strict):
    """The user's own toolchains.yaml; its arches come before the shipped ones."""

    folders: tuple[Path, ...] = ()
    """Where kernel.org's crosstool or LLVM releases were unpacked."""
    arches: tuple[ArchEntry, ...] = ()
    """Further ones, or others in place of the shipped."""


@cache
def shipped_toolchains() -> ToolchainFile:
    """What comes with bisectsyms.

    Raises:
        UserError: the file is missing or holds what it should not; with file, line and key.
    """
    return load_model(configs_dir() / "knowledge" / NAME, ToolchainFile)


def load_toolchains(xdg_config_home: Path, folders: Sequence[Path] = ()) -> Toolchains:
    """The shipped table, the user's, and `folders` beside those the user's file names.

    Raises:
        UserError: a file has errors (with file, line, column and key), or a folder is not there.
    """
    shipped = shipped_toolchains()
    path = xdg_config_home / "bisectsyms" / NAME
    own = load_model(path, UserFile) if path.exists() else UserFile()
    named = [*folders, *((path.parent / folder.expanduser()) for folder in own.folders)]
    for folder in named:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder", next_step="name the folder that holds gcc-*-nolibc or LLVM")
    return Toolchains(
        arches=tuple(
            Arch(**{**dict(entry), "tuxmake": tuple(entry.tuxmake.items())}) for entry in (*own.arches, *shipped.arches)
        ),
        llvm=Llvm(shipped.llvm.variables, shipped.llvm.packages),
        host=Host(**dict(shipped.host)),
        folders=tuple(folder.absolute() for folder in named),
    )
