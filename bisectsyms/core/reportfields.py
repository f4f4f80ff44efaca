"""The fields that are read out of a report, and the one gate through which a value gets into any of them.

A report is data of a stranger's. What becomes an argument of git or make later must look like one of a narrow kind;
what is only shown is freed of everything that a terminal or a mail would obey.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from bisectsyms.core.words import plain

LONGEST_TEXT = 300
"""Characters of a field that is shown and never becomes an argument."""
_REF = r"[A-Za-z0-9](?:[\w/+-]|\.(?!\.)){0,199}(?<![./])"
"""A name of git's that can be no option, no range and no path upwards (git help check-ref-format)."""
_ID = r"[0-9a-f]{7,40}|[0-9a-f]{64}"


class Confidence(enum.IntEnum):
    """How sure a value is, the surer the greater."""

    GUESSED = 1
    """It could be read otherwise, or sources disagree."""
    DERIVED = 2
    """It follows from what is written, by a rule or by what is known: s3c6400_defconfig is for arm."""
    STATED = 3
    """It is written there."""
    GIVEN = 4
    """By an option of the command line."""

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a report."""

    name: str
    what: str
    """For people, as a comment in a plan."""
    pattern: str = ""
    """What a value must match as a whole; empty for a text that is only shown."""
    option: str = ""
    """The option of `bisectsyms reproduce` that gives it."""
    several: bool = False
    """Whether one report can name more than one: a robot's mail for many builds."""


_ALL = (
    Field("revision", "what to build, as git calls it", r"(?!.*\.\.)[A-Za-z0-9][\w./+~^@{}-]{0,199}", "--rev REV"),
    Field("tree", "git repository", r"(?:https?|git)://(?!-)[\w.-]+(?::\d{1,5})?/(?!.*\.\./)[\w./~+-]{1,300}"),
    Field("branch", "its branch", _REF),
    Field("commit", "the commit that was built", _ID, "--rev REV"),
    Field("describe", "its tag or git describe", _REF, "--rev REV"),
    Field("subject", "its subject"),
    Field("author", "its author"),
    Field("kernel_version", "the kernel's version", r"v?\d{1,2}\.\d{1,3}[\w.+-]{0,60}", "--rev REV"),
    Field("introduced", "where it began, as the report says", rf"(?:{_ID}|{_REF})(?:\.\.(?:{_ID}|{_REF}))?"),
    Field("arch", "ARCH=", r"[a-z][a-z0-9_]{0,19}", "--arch ARCH", several=True),
    Field(
        "defconfig",
        "targets that make .config",
        r"[A-Za-z0-9](?:(?!\.\./)[\w./+-]){0,99}(?: [A-Za-z0-9](?:(?!\.\./)[\w./+-]){0,99}){0,7}",
        "--defconfig NAME",
        several=True,
    ),
    Field("toolchain", "the compiler", r"(?:gcc|clang)(?:-\d{1,3}(?:\.\d{1,3}){0,2})?", "--toolchain NAME"),
    Field("jobs", "make -jN", r"[1-9]\d{0,2}|10[01]\d|102[0-4]", "-j N"),
    Field("message", "the failure"),
    Field("fresh_tree", "whether it was seen in a clean tree", r"yes|no"),
    Field("date", "of the report", r"\d{4}-\d\d-\d\d"),
    Field("link", "of the report", r"<[\w.!#$%&'*+/=?^`{|}~@-]{3,250}>|https?://[\w.-]+/[\w./@~%+-]{1,300}"),
    Field("reporter", "who reported it"),
)
FIELDS = {field.name: field for field in _ALL}
"""By name, in the order of a plan. Make variables and kconfig have gates of their own (makeline, kconfig)."""


def shown(text: str, longest: int = LONGEST_TEXT) -> str:
    """One line of foreign text, at most `longest` characters, without escapes, controls and marks of direction."""
    line = " ".join(plain(text[: 20 * longest]).split())
    return "".join(sign for sign in line if sign.isprintable())[:longest].strip()


def through_the_gate(name: str, value: str) -> str | None:
    """The value of a field as it may be used, or None if it is not let in."""
    pattern = FIELDS[name].pattern
    if not pattern:
        return shown(value) or None
    return value if re.fullmatch(pattern, value, re.ASCII) else None
