"""Names of compilers, archs and builds as people and robots write them, in the words of our own tables.

`arm-linux-gnueabi-gcc (GCC) 13.2.0`, `Debian clang version 17.0.6`, `gcc version 4.5.2 (Sourcery G++)` and
`arm-tinyconfig-gcc-13` are one thing each; what is none of these gives nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_VERSION = r"\d{1,2}(?:\.\d{1,3}){0,2}"
_CLANG = re.compile(rf"\b(?:clang|llvm)(?:\s+version)?[\s/:-]+v?({_VERSION})(?!\d)", re.IGNORECASE)
_GCC_BANNER = re.compile(
    rf"\bgcc(?:-[\d.]+)?(?:\.(?:br_)?real)?\s+\([^()]*(?:\([^()]*\)[^()]*)*\)\s+({_VERSION})(?!\d)", re.IGNORECASE
)
"""What `gcc --version` says first: the number behind the brackets is gcc's, that within is the distribution's."""
_GCC = re.compile(rf"\bgcc(?:\s+version|\s+is(?:\s+\w+'s)?)?[\s/:-]+v?({_VERSION})(?!\d)", re.IGNORECASE)
_GCC_TWICE = re.compile(r"\bgcc-(\d{1,2})\b[\s(]+(\1\.\d+\.\d+)(?!\d)|\bgcc\s\w+\s(\d{1,2}\.\d+\.\d+)\b", re.IGNORECASE)
"""`gcc-12 12.2.0-14` of a package, and `gcc` with a word of another language before its number."""
_WRAPPER = re.compile(r"-gcc-wrapper-(\d{1,2}\.\d+\.\d+)/bin/")
"""A compiler of Nix is called by the path of a wrapper, which has its version."""
_ANOTHER = re.compile(rf"\s*(?:and|or|as well as|,|/)\s*({_VERSION})(?=[\s,.;)]|$)(?!\.\d)")
"""`gcc 9.3.0 and 10.2.0`."""
_BARE = re.compile(r"\b(gcc|clang)\b", re.IGNORECASE)
RANDOM = re.compile(r"randconfig(?:-[\w-]+)?")
"""A .config drawn for that one build: its name says nothing, only its text does."""
_KERNELS_OWN = re.compile(r"all(?:mod|yes|no|def)config|tinyconfig|defconfig|[\w.+-]+_defconfig")


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """What names in reports mean; the fields are explained in reports.yaml."""

    arches: Mapping[str, str] = field(default_factory=dict)
    """Other words for values of ARCH=."""
    known_arches: frozenset[str] = frozenset()
    options: Mapping[str, str] = field(default_factory=dict)
    """X of CONFIG_X=y -> ARCH; the first that is set counts."""
    defconfigs: Mapping[str, str] = field(default_factory=dict)
    """Pattern of names without _defconfig -> ARCH."""
    trees: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    """Name of a mailing list -> ARCH."""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """CROSS_COMPILE= -> ARCH."""

    def arch(self, word: str) -> str:
        """ARCH= for a word, empty if it is none."""
        low = word.strip().casefold()
        return low if low in self.known_arches else self.arches.get(low, "")

    def arch_of(self, defconfig: str) -> str:
        """The only ARCH that has this defconfig, as far as is known."""
        name = defconfig.removesuffix("_defconfig")
        return next((arch for pattern, arch in self.defconfigs.items() if re.fullmatch(pattern, name)), "")

    def arch_of_prefix(self, prefix: str) -> str:
        """ARCH= for which a CROSS_COMPILE= is made."""
        return self.prefixes.get(prefix, "") or self.arch(prefix.partition("-")[0])

    def tree(self, word: str) -> str:
        """The address of a tree that everybody knows by its name."""
        return self.trees.get(word.strip().casefold(), "")


def toolchain(text: str) -> str:
    """`gcc-13.2.0`, `clang-17` or the family alone; empty if no compiler is named, or two are."""
    families = {found.lower() for found in _BARE.findall(text)}
    if (match := _CLANG.search(text)) and ("clang" in families or "gcc" not in families):
        return f"clang-{match[1]}"
    if match := _GCC_TWICE.search(text):
        return f"gcc-{match[2] or match[3]}"
    if match := _GCC_BANNER.search(text) or _GCC.search(text):
        return f"gcc-{match[1]}"
    return families.pop() if len(families) == 1 else ""


def build_name(text: str, names: Names) -> tuple[str, str, str]:
    """(ARCH, defconfig, toolchain) of `arm-multi_v7_defconfig`, `powerpc:allmodconfig`, `arm/defconfig+CONFIG_X=y`.

    Each empty where it is not named; randconfig is no defconfig, because it would be another one here.
    """
    text, _, rest = text.strip().partition(" ")
    made_by = toolchain(rest)
    if match := re.search(r"-((?:gcc|clang)-[\d.]+)$", text):
        text, made_by = text[: match.start()], made_by or match[1]
    arch, found, config = "", None, text
    for mark in (":", "/", "-"):
        head, found, tail = text.partition(mark)
        if found and names.arch(head):
            arch, config = names.arch(head), tail
            break
    config = config.partition("+")[0]
    config = re.sub(r"^((?:gcc|clang)-[\d.]+-)", "", config)
    if RANDOM.fullmatch(config) or ".." in config or not _KERNELS_OWN.fullmatch(config):
        return arch, "", made_by
    return arch or names.arch_of(config), config, made_by


def mentions(text: str) -> list[tuple[int, str]]:
    """(place, name) of every compiler that a sentence names with its version."""
    found = {match.start(): f"clang-{match[1]}" for match in _CLANG.finditer(text)}
    for pattern in (_GCC, _GCC_BANNER, _GCC_TWICE):  # of two at one place the later one knows better
        found |= {
            match.start(): f"gcc-{next(filter(None, reversed(match.groups())))}" for match in pattern.finditer(text)
        }
    for pattern, family in ((_CLANG, "clang"), (_GCC, "gcc")):
        for match in pattern.finditer(text):
            end = match.end()
            while "." in match[1] and (another := _ANOTHER.match(text, end)) and "." in another[1]:
                found[another.start(1)] = f"{family}-{another[1]}"
                end = another.end()
    found |= {match.start(): f"gcc-{match[1]}" for match in _WRAPPER.finditer(text)}
    return sorted(found.items())
