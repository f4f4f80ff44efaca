"""What hangs on a mail: a .config, which is code and is filtered line by line, or scripts and logs, which are text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bisectsyms.core import compilers
from bisectsyms.core.findings import Source
from bisectsyms.core.kconfig import Foreign, foreign
from bisectsyms.core.makeline import Refused
from bisectsyms.core.reportfields import Confidence, shown
from bisectsyms.inputs.reports.gather import Gathered
from bisectsyms.inputs.reports.letter import Attachment, Letter, Line
from bisectsyms.inputs.reports.mail import LONGEST_LINE
from bisectsyms.inputs.reports.stream import gunzip, is_gzip

DERIVED = Confidence.DERIVED
LONGEST_KCONFIG = 700_000
"""Characters; with two of margin each line it still fits into a plan that the reader of YAML takes."""
FEWEST_OPTIONS = 5
"""Lines of a .config by which a text without that name is one."""
MOST_NULS = 16
"""In the beginning of a text; one alone may be an attack on whoever takes the rest for binary."""
_HEAD = re.compile(r"# Linux/(\w+) (\d+\.\d+\S*) (?:Kernel )?Configuration")
_OF_A_CONFIG = re.compile(r"CONFIG_\w+=|#|\s*$")


@dataclass(frozen=True, slots=True)
class AttachedConfig:
    """A .config of a report, with nothing left in it that make would run."""

    lines: tuple[str, ...]
    source: Source


def read_attachments(letter: Letter, into: Gathered) -> tuple[AttachedConfig | None, Letter]:
    """The first .config that is attached, and a letter of the lines of all other texts."""
    config: AttachedConfig | None = None
    lines: list[Line] = []
    for attachment in letter.attachments:
        content, cut = (
            gunzip(attachment.content) if is_gzip(attachment.content) else (attachment.content, attachment.cut)
        )
        if content[:4096].count(0) > MOST_NULS:
            continue  # an image, an object
        text = content.decode("utf-8", errors="replace").replace("\r\n", "\n")
        source = Source(attachment.where, "", letter.number, 0, letter.sender)
        made = foreign(text.split("\n"))
        named = "config" in attachment.name and made.lines
        if (named or len(made.lines) >= FEWEST_OPTIONS) and 2 * len(made.lines) >= text.count("\nCONFIG_"):
            if cut or len("\n".join(made.lines)) > LONGEST_KCONFIG:
                into.refuse(Refused(attachment.name, "this .config is too long or damaged"), source)
            elif config is None:
                config = _config(attachment, made, text, source, into)
        else:
            texts = (line[:LONGEST_LINE] for line in text.split("\n"))
            lines += [
                Line(one.rstrip(), f"{attachment.where}, line {number}", 0, letter.sender, letter.number)
                for number, one in enumerate(texts, 1)
            ]
    return config or _pasted(letter, into), Letter(letter.number, sender=letter.sender, lines=tuple(lines))


def _pasted(letter: Letter, into: Gathered) -> AttachedConfig | None:
    """A .config in the text itself: the head that kconfig writes, and the lines below it."""
    for index, line in enumerate(letter.lines):
        if not _HEAD.match(line.text):
            continue
        below: list[str] = []
        for following in letter.lines[index + 1 :]:
            if not _OF_A_CONFIG.match(following.text):
                break
            below.append(following.text)
        made = foreign(below)
        if len(made.lines) >= FEWEST_OPTIONS:
            attachment = Attachment("the text", b"", line.where)
            return _config(attachment, made, f"{line.text}\n", line.source(), into)
    return None


def _config(attachment: Attachment, made: Foreign, text: str, source: Source, into: Gathered) -> AttachedConfig:
    for line, why in made.refused:
        into.refuse(Refused(shown(line, 120), why), source)
    place = Source(attachment.where, "", source.letter, 0, source.author)
    if match := _HEAD.search(text[:4000]):
        wide = match[1] == "x86" and "CONFIG_X86_64=y" in made.lines
        into.add(
            "arch",
            "x86_64" if wide else into.knowledge.names.arch(match[1]),
            DERIVED,
            place,
            "by the head of the .config",
        )
        into.add("kernel_version", match[2], DERIVED, place, "by the head of the .config")
    options = into.knowledge.names.options
    if name := next((one for one in options if f"CONFIG_{one}=y" in made.lines), ""):
        into.add("arch", options[name], DERIVED, place, f"CONFIG_{name}=y in the .config")
    version = next((line for line in made.lines if line.startswith("CONFIG_CC_VERSION_TEXT=")), "")
    if name := compilers.toolchain(version.partition("=")[2].strip('"')):
        into.add("toolchain", name, DERIVED, place, "CONFIG_CC_VERSION_TEXT of the .config")
    return AttachedConfig(made.lines, source)
