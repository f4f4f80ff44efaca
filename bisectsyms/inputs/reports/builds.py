"""Lists of the builds that failed: Guenter Roeck's, KernelCI's, LKFT's, and the summary of the kernel test robot."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bisectsyms.core import compilers
from bisectsyms.core.reportfields import Confidence
from bisectsyms.inputs.reports.failures import OURS
from bisectsyms.inputs.reports.gather import Gathered
from bisectsyms.inputs.reports.letter import Letter, Line

STATED = Confidence.STATED
_BUILDING = re.compile(r"\s*Building (\w+):([\w.+-]+)(?: ?:[\w:.+-]+)? ?\.\.\. ?failed")
_FAILED_BUILDS = re.compile(r"\s*(?:Failed builds|Build failures|Failed):\s*$", re.IGNORECASE)
_ENTRY = re.compile(r"\s+([\w-]+):([\w.+-]+)\s*$")
_WHERE = re.compile(r"#+\s*(?P<name>\S+?)\s+on \((?P<arch>[\w-]+)\):?")
_OLD_ARCH = re.compile(r"([a-z]\w*):(?:\s+(?P<cc>(?:gcc|clang) version .*))?\s*")
_OLD_FAIL = re.compile(r"\s+(?P<config>[\w.+=-]+?): (?:\((?P<cc>[\w.-]+)\) )?FAIL\s*")
_DETAIL = re.compile(r"(?P<config>[\w.+=-]+) \((?P<arch>\w+), (?P<cc>[\w.-]+)\) . (?:FAIL|PASS),.*")
_TREE_OF_KCONFIGS = re.compile(r"[|` ]*(?:\|--|`--) (?P<name>[\w.-]+)\s*$")
_TESTED = re.compile(r"\s*(?P<arch>[a-z]\w*)\s+(?P<config>[\w.-]+)\s+(?P<cc>(?:gcc|clang)-[\d.]+)\s*$")
_LKFT_ARCH = re.compile(r"\s*\*\s+(?P<arch>\w+), build\s*$")
_LKFT_BUILD = re.compile(r"\s*-\s+(?P<cc>(?:gcc|clang|korg-clang)-[\w.]+?)-(?P<config>[\w.+-]+)\s*$")


def read_builds(letter: Letter, into: Gathered) -> None:
    """All builds that a letter says have failed."""
    for read in (_build_results, _kernelci, _kernelci_summary, _lkft, _robot_summary):
        read(letter.lines, into)


def _build_results(lines: Sequence[Line], into: Gathered) -> None:
    """Guenter Roeck's: `Building arm:allmodconfig ... failed`, and `Failed builds:` with a list below."""
    listing = False
    for line in lines:
        if _FAILED_BUILDS.match(line.text):
            listing = True
        elif match := _BUILDING.match(line.text) or (_ENTRY.match(line.text) if listing else None):
            into.build(f"{match[1]}:{match[2]}", STATED, line.source(), among=True)
        else:
            listing = False


def _kernelci(lines: Sequence[Line], into: Gathered) -> None:
    """`## multi_v7_defconfig on (arm):`, `## defconfig+arm64-chromebook on (arm64):`."""
    for line in lines:
        if match := _WHERE.match(line.text):
            into.add("arch", into.knowledge.names.arch(match["arch"]), STATED, line.source(), among=True)
            base = re.sub(r"^.*/", "", match["name"]).partition("+")[0]
            into.build(f"{match['arch']}:{base}", STATED, line.source(), among=True)


def _kernelci_summary(lines: Sequence[Line], into: Gathered) -> None:
    """A list under each arch, and for newer ones the errors of each build, of which only those with ours count."""
    arch = arch_cc = ""
    listed: list[tuple[str, str, Line]] = []
    with_ours: list[tuple[str, str, Line]] = []
    detail: tuple[str, str, Line] | None = None
    for line in lines:
        if match := _OLD_ARCH.fullmatch(line.text):
            arch, arch_cc = into.knowledge.names.arch(match[1]), match["cc"] or ""
        elif arch and (match := _OLD_FAIL.fullmatch(line.text)):
            listed.append((f"{arch}:{match['config']}", match["cc"] or arch_cc, line))
        elif match := _DETAIL.fullmatch(line.text):
            detail = f"{match['arch']}:{match['config']}", match["cc"], line
        elif detail and OURS.fullmatch(line.text.strip()):
            with_ours.append(detail)
    for name, made_by, line in with_ours or listed:
        into.build(name, STATED, line.source(), among=True)
        into.add("toolchain", compilers.toolchain(made_by), STATED, line.source())


def _lkft(lines: Sequence[Line], into: Gathered) -> None:
    """`* arm, build` with `- gcc-13-tinyconfig` below."""
    arch = ""
    for line in lines:
        if match := _LKFT_ARCH.fullmatch(line.text):
            arch = into.knowledge.names.arch(match["arch"])
        elif arch and (match := _LKFT_BUILD.fullmatch(line.text)):
            into.build(f"{arch}:{match['config']}", STATED, line.source(), among=True)
            into.add("toolchain", compilers.toolchain(match["cc"]), Confidence.DERIVED, line.source())
        elif line.text.strip():
            arch = ""


def _robot_summary(lines: Sequence[Line], into: Gathered) -> None:
    """The tree of errors under kconfigs, and the table of tested ones, which has the compilers."""
    config: tuple[str, Line] | None = None
    failed: list[str] = []
    for line in lines:
        if match := _TREE_OF_KCONFIGS.fullmatch(line.text):
            name = match["name"]
            if into.knowledge.names.arch(name.partition("-")[0]):
                config = name, line
            elif "kallsyms" in name.casefold() and config:
                into.add("message", name.replace("-", " "), STATED, line.source())
                if into.build(config[0], STATED, config[1].source(), among=True):
                    failed.append(config[0])
        elif (match := _TESTED.fullmatch(line.text)) and f"{match['arch']}-{match['config']}" in failed:
            into.add("toolchain", match["cc"], STATED, line.source())
