"""A toolchain as it is asked for: which programs, and which make variables choose them.

How make is told to use a compiler is the same for every revision; where compilers are is data
(configs/knowledge/toolchains.yaml) and found by effects.toolsearch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EMPTY = {"LLVM": "1"}
"""What is left to say with a variable where the folder was all that it said."""


@dataclass(frozen=True, slots=True)
class Arch:
    """Where the compilers for one ARCH are; the fields are explained in toolchains.yaml."""

    arch: str
    prefixes: tuple[str, ...]
    triples: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    package: str = ""
    llvm: str = ""
    tuxmake: tuple[tuple[str, str], ...] = ()
    """Pairs."""

    def is_for(self, arch: str) -> bool:
        """Whether a kernel of ARCH=`arch` is built by these compilers."""
        return arch == self.arch or arch in self.also

    def without_llvm(self, version: str = "") -> str:
        """Why LLVM of a version (`18.1.3`, or its beginning) makes no kernel for it.

        Empty where it does, and where nothing is known of the version.
        """
        if not self.llvm:
            return f"LLVM does not compile and link a kernel for {self.arch}"
        oldest, this = _numbers(self.llvm), _numbers(version)
        if this < oldest[: len(this)]:
            return f"LLVM makes a kernel for {self.arch} from {self.llvm} on, and this is {version}"
        return ""


@dataclass(frozen=True, slots=True)
class Llvm:
    """What LLVM= stands for: make variable -> program, and Debian's packages."""

    variables: Mapping[str, str]
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """What a kernel's build needs on the host, and Debian's packages of it."""

    programs: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tools:
    """Programs of one toolchain, on PATH or as absolute paths, and the make variables that choose them."""

    name: str
    """How it is asked for: gcc, gcc-11, gcc-13.2.0, llvm, llvm-16."""
    compiler: str
    linker: str
    nm: str
    ar: str
    make: tuple[tuple[str, str], ...]

    @property
    def is_llvm(self) -> bool:
        """Whether make is told LLVM=, so that ld.lld links."""
        return any(name == "LLVM" for name, _ in self.make)


def _numbers(version: str) -> tuple[int, ...]:
    """18.1.0 -> (18, 1, 0); of what is no version nothing."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def gcc_tools(prefix: str, *, suffix: str = "", compiler: str = "", name: str = "") -> Tools:
    """gcc with its binutils. `suffix` is that of a versioned gcc, `-11`, which has no binutils of its own;
    `compiler` another program in its place."""
    chosen = compiler or (f"{prefix}gcc{suffix}" if suffix else "")
    make = (("CROSS_COMPILE", prefix), *((("CC", chosen),) if chosen else ()))
    return Tools(name or f"gcc{suffix}", chosen or f"{prefix}gcc", f"{prefix}ld", f"{prefix}nm", f"{prefix}ar", make)


def llvm_tools(llvm: Llvm, prefix: str, *, suffix: str = "", folder: str = "", name: str = "") -> Tools:
    """LLVM for `prefix`, which names the target and the assembler of kernels before 5.15.

    `suffix` is that of versioned programs, `-16`; `folder` their folder with its last slash, or empty
    for those on PATH.
    """
    programs = {variable: f"{folder}{program}{suffix}" for variable, program in llvm.variables.items()}
    make = {"CROSS_COMPILE": prefix, "LLVM": folder or suffix or "1", **programs}
    return Tools(
        name or f"llvm{suffix}", programs["CC"], programs["LD"], programs["NM"], programs["AR"], tuple(make.items())
    )


def on_path(tools: Tools) -> tuple[Tools, str]:
    """The same programs by their names alone, and the folder that PATH needs for it; empty where it needs none.

    LLVM= takes a folder since 5.18; without it, 1 means the names.
    """
    folder, slash, _ = tools.compiler.rpartition("/")
    folder += slash
    programs = (tools.compiler, tools.linker, tools.nm, tools.ar)
    if not folder or not all(program.startswith(folder) for program in programs):
        return tools, ""
    compiler, linker, nm, ar = (program.removeprefix(folder) for program in programs)
    given = [(name, value.removeprefix(folder)) for name, value in tools.make]
    make = tuple((name, value or EMPTY.get(name, "")) for name, value in given)
    return Tools(tools.name, compiler, linker, nm, ar, make), folder.rstrip("/")
