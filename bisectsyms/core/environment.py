"""Which variables of the caller's environment a build may see.

A kernel build listens to hundreds of variables; one left over in a shell (KCFLAGS, LOCALVERSION,
KALLSYMS_EXTRA_PASS) changes the layout or hides the failure. So the build gets an allow-list and what
the profile names, and what was dropped although it would have mattered is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ALLOWED = re.compile(r"PATH|HOME|USER|LOGNAME|TMPDIR|CCACHE_\w+")
"""What a compiler and a shell need to work at all; ccache's own settings change speed, not results."""

MATTERS = re.compile(
    r"MAKEFLAGS|MFLAGS|MAKELEVEL|MAKEOVERRIDES|GNUMAKEFLAGS|sub_make_done|"  # make inside make
    r"KBUILD_\w+|KCONFIG_\w+|KCFLAGS|KAFLAGS|KCPPFLAGS|KRUSTFLAGS|LOCALVERSION|KALLSYMS_EXTRA_PASS|KERNELVERSION|"
    r"ARCH|SUBARCH|CROSS_COMPILE\w*|O|M|C|V|W|CF|LLVM|LLVM_IAS|INSTALL_\w+|SRCARCH|"
    r"(?:HOST|USER)?(?:CC|CXX|LD|AR|NM|AS|OBJCOPY|OBJDUMP|STRIP|READELF|PAHOLE|CFLAGS|CPPFLAGS|LDFLAGS|CXXFLAGS)|"
    r"CPATH|C_INCLUDE_PATH|LIBRARY_PATH|LD_\w+|GCC_EXEC_PREFIX|COMPILER_PATH|DEPENDENCIES_OUTPUT|"
    r"SOURCE_DATE_EPOCH|TZ|BASH_ENV|ENV|CDPATH|GREP_OPTIONS"
)

LOCALE = {"LANG": "C", "LC_ALL": "C", "LC_MESSAGES": "C", "LANGUAGE": ""}
"""All four: kbuild does `unexport LC_ALL`, so LC_ALL alone leaves gcc and make localised."""


def for_build(caller: Mapping[str, str], profile: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The environment of a build and the names of what was dropped although it matters to one.

    `profile` wins over the caller, and what the profile sets is not reported as dropped.
    """
    env = {name: value for name, value in caller.items() if ALLOWED.fullmatch(name)}
    env |= LOCALE | dict(profile)
    dropped = sorted(name for name in caller if MATTERS.fullmatch(name) and name not in env)
    return env, tuple(dropped)
