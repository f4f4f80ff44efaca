"""Where the readers of a report put what they find: everything goes through the gate, and what does not is named."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bisectsyms.core import compilers
from bisectsyms.core.findings import Finding, Source
from bisectsyms.core.makeline import MakeLine, Refused
from bisectsyms.core.reportfields import Confidence, shown, through_the_gate
from bisectsyms.inputs.reportknowledge import ReportKnowledge

MOST_FINDINGS = 4000
MOST_REFUSED = 200


@dataclass(frozen=True, slots=True)
class Address:
    """Something that a report keeps elsewhere; nothing is fetched."""

    what: str
    url: str
    source: Source


@dataclass(slots=True)
class Gathered:
    """Everything found so far."""

    knowledge: ReportKnowledge
    findings: list[Finding] = field(default_factory=list)
    refused: dict[Refused, Source] = field(default_factory=dict)
    variables: dict[str, tuple[str, Source]] = field(default_factory=dict)
    kconfig_lines: dict[str, Source] = field(default_factory=dict)
    addresses: list[Address] = field(default_factory=list)
    at_most: Confidence = Confidence.GIVEN
    """How sure anything can be in what is being read."""

    @contextlib.contextmanager
    def guessing(self, guessing: bool = True) -> Iterator[None]:
        """Meanwhile nothing is more than a guess, if `guessing`."""
        before = self.at_most
        self.at_most = min(before, Confidence.GUESSED) if guessing else before
        yield
        self.at_most = before

    def add(
        self, name: str, value: str, confidence: Confidence, source: Source, note: str = "", *, among: bool = False
    ) -> bool:
        """One value of a field, if it may be one; whether it may."""
        value = value.strip()
        if not value or len(self.findings) >= MOST_FINDINGS:
            return False
        let_in = through_the_gate(name, value)
        if let_in is None:
            self.refuse(Refused(f"{name}: {shown(value, 120)}", "it does not look like one"), source)
            return False
        self.findings.append(Finding(name, let_in, min(confidence, self.at_most), source, note, among))
        return True

    def refuse(self, refused: Refused, source: Source) -> None:
        """What is not taken, each once; of a report with very many the first ones."""
        if len(self.refused) < MOST_REFUSED:
            self.refused.setdefault(refused, source)

    def address(self, what: str, url: str, source: Source) -> None:
        """An address, shown and never fetched."""
        if re.fullmatch(r"https?://[\w.-]+(?::\d+)?/[\w./?=&%~+@:#-]{0,400}", url, re.ASCII):
            self.addresses.append(Address(what, url, source))

    def build(self, text: str, confidence: Confidence, source: Source, *, among: bool = False) -> bool:
        """Arch, defconfig and compiler of the name of a build; whether it is one."""
        names = self.knowledge.names
        arch, config, made_by = compilers.build_name(text, names)
        if config:
            self.add("defconfig", config, confidence, source, among=among)
            for line in re.findall(r"\+(CONFIG_\w+=[ymn])\b", text):
                self.kconfig_lines.setdefault(line, source)
        if arch:
            derived = not text.startswith(arch) and confidence > Confidence.DERIVED
            note = f"{config} is for {arch}" if derived and config else ""
            self.add("arch", arch, Confidence.DERIVED if note else confidence, source, note, among=among)
        if made_by:
            self.add("toolchain", made_by, confidence, source)
        return bool(config or arch)

    def made_with(self, line: MakeLine, confidence: Confidence, source: Source, *, among: bool = False) -> None:
        """What a command line asks for."""
        if line.jobs:
            self.add("jobs", str(line.jobs), confidence, source)
        configs = [
            one for one in line.configs if one != "randconfig" or any(n == "KCONFIG_SEED" for n, _ in line.variables)
        ]
        if configs:  # a random one without its seed is another one here
            self.add("defconfig", " ".join(configs), confidence, source, among=among)
        if line.cleans:
            self.add("fresh_tree", "yes", Confidence.DERIVED, source, "the tree is cleaned before")
        for text in line.kconfig:
            self.kconfig_lines.setdefault(text, source)
        for name, value in line.variables:
            self._variable(name, value, confidence, source, among=among)
        for refused in line.refused:
            self.refuse(refused, source)

    def _variable(self, name: str, value: str, confidence: Confidence, source: Source, *, among: bool) -> None:
        names = self.knowledge.names
        match self.knowledge.variables.known[name].field:
            case "arch":
                self.add("arch", names.arch(value) or value, confidence, source, among=among)  # tuxmake: armhf, amd64
            case "compiler":
                self.add("toolchain", compilers.toolchain(value), confidence, source)
            case "llvm":
                version = value.removeprefix("-")
                self.add("toolchain", "clang" if version == "1" else f"clang-{version}", confidence, source)
                self.variables[name] = (value, source)
            case "cross_compile":
                note = f"CROSS_COMPILE={value}"
                self.add("arch", names.arch_of_prefix(value), Confidence.DERIVED, source, note)
            case _:
                self.variables[name] = (value, source)
