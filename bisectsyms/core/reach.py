"""Which files of a kernel can reach what one cell builds: by their path, and by what its objects were made from.

It is a guess about where the culprit is not, so whatever is not known to be out of reach counts as within it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

SOURCE_ARCH = {
    "i386": "x86",
    "x86_64": "x86",
    "sparc32": "sparc",
    "sparc64": "sparc",
    "parisc64": "parisc",
    "sh64": "sh",
    "tilepro": "tile",
    "tilegx": "tile",
}
"""ARCH= to its folder under arch/, where the names differ (SRCARCH in the top Makefile)."""
BORROWED = {
    "x86": {"i386", "x86_64"},  # two folders until 2.6.24
    "powerpc": {"ppc", "ppc64"},  # until 2.6.27
    "sparc": {"sparc64"},  # until 2.6.29
    "sh": {"sh64"},
    "arm64": {"arm"},  # arch/arm64/xen and, until 4.12, kvm are made from arch/arm
    "um": {"x86", "i386", "x86_64"},
    "arm": {"arm64"},  # device trees
}
"""Folders of other architectures from which an architecture builds, or once did."""
ARCH = re.compile(r"(?:arch/|include/asm-)([^/]+)/")
OLD_GENERIC = "generic"
"""include/asm-generic is everybody's."""
DOCUMENTATION = re.compile(
    r"(?:Documentation|LICENSES)/.*"
    r"|(?:MAINTAINERS|CREDITS|COPYING|\.mailmap|\.clang-format|\.editorconfig|\.cocciconfig|\.get_maintainer\.ignore)"
    r"|(?:.*/)?(?:README[^/]*|\.gitignore|[^/]+\.rst|[^/]+\.md)"
)
TOOLS = re.compile(r"samples/.*|tools/(?!(?:objtool|bpf/resolve_btfids|include|lib|build|scripts|arch)/|[^/]+$).*")
"""tools/objtool and resolve_btfids run in a kernel's build, and are made from the other folders named here."""
KCONFIG = re.compile(r"(?:.*/)?Kconfig[^/]*")
"""All of one architecture are read, those of Documentation and samples too."""
ALWAYS = re.compile(r"(?:scripts|certs|usr)/.*|(?:.*/)?(?:Makefile|Kbuild|[^/]+\.lds\.S)[^/]*")
"""Read by make, by scripts or by the linker, and in no list of what an object was made from."""
TRACKED = re.compile(r".*\.(?:[chSs]|rs|dtsi?)")
"""Files whose use shows in those lists (scripts/basic/fixdep.c)."""
KHEADERS = "kernel/kheaders.o"
"""With it every header is part of the kernel (CONFIG_IKHEADERS)."""
HEADERS = re.compile(r"(?:arch/[^/]+/)?include/.*")


class Reach(enum.StrEnum):
    """Why a file, or a commit all of whose files do not, cannot touch the build; in the order of how sure that is.

    The last three are of commits alone.
    """

    NOTHING = "changes nothing"
    DOCUMENTATION = "only documentation"
    ARCH = "only other architectures"
    TOOLS = "only samples and tools"
    UNREAD = "only sources that no object is made from"
    UNDONE = "taken back later on"
    MERGE = "merges without a file of their own"
    BUILD = "can touch the build"


@dataclass(frozen=True, slots=True)
class Objects:
    """What the objects of one objtree were made from."""

    sources: dict[str, int]
    """Path in the repository -> how many objects read it."""
    targets: frozenset[str]
    there: frozenset[str]
    """Every path of the revision that was built last: what is not among them had no chance to be read."""

    def leaves_out(self, path: str) -> bool:
        """Whether it was there and nothing was made from it."""
        if path in self.sources or path not in self.there or not TRACKED.fullmatch(path):
            return False
        return not (KHEADERS in self.targets and HEADERS.fullmatch(path))


def reach_of(paths: Iterable[str], arch: str, objects: Objects | None = None) -> Reach:
    """The weakest reason that all of `paths` have not to touch the build of `arch`; BUILD if one of them can."""
    order = list(Reach)
    weakest = Reach.NOTHING
    for path in paths:
        one = _of_path(path, SOURCE_ARCH.get(arch, arch), objects)
        if one is Reach.BUILD:
            return one
        weakest = max(weakest, one, key=order.index)
    return weakest


def _of_path(path: str, arch: str, objects: Objects | None) -> Reach:
    if objects is not None and path in objects.sources:
        return Reach.BUILD
    folder = ARCH.match(path)
    if folder and folder[1] not in {arch, OLD_GENERIC, *BORROWED.get(arch, ())}:
        return Reach.ARCH
    if KCONFIG.fullmatch(path):
        return Reach.BUILD
    if DOCUMENTATION.fullmatch(path):
        return Reach.DOCUMENTATION
    if TOOLS.fullmatch(path):
        return Reach.TOOLS
    if ALWAYS.fullmatch(path) or objects is None or not objects.leaves_out(path):
        return Reach.BUILD
    return Reach.UNREAD
