"""What an error line of a build looks like, and the same line freed of what differs between two runs.

A revision may be skipped once it failed twice in the same way, so "the same way" needs a name that does
not change with the order of jobs under -j, the slot's path, a process id or a temporary file. The rules
follow the output formats of gcc, clang, binutils, lld, dtc, modpost, kconfig, sh and GNU make.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

NEEDLES = tuple(
    b"error: |Error: |error[|ERROR|FATAL|undefined |multiple definition|relocation truncated|Kconfig:|ld: |"
    b"not found|*** ".split(b"|")
)
"""Every error line holds one of these; looking for them is much cheaper than looking at each line."""
PROVEN = ("ice:", "compile:", "link:", "modpost:")
"""Beginnings of names that tell the cause of a failure; the others tell rather where it was noticed."""
WARNING = "warning: "
"""No error line holds this."""
MOST_NAME = 160


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """An error and its rank. Of several, the smallest `key` stands for the build, whoever came first."""

    key: tuple[int, str]
    name: str
    """Stable between runs: `compile:lib/string.c: 'no_such_symbol_here' undeclared`."""
    text: str
    """The line for a person: line numbers kept, paths relative, no temporary names."""


_UNSTABLE = (
    (re.compile("[\u2018\u2019`]"), "'"),
    (re.compile(r"/[^\s:'\"]*\bcc[A-Za-z0-9]{6}\.(s|o|ld|res|le)\b"), r"cc*.\1"),
    (re.compile(r"\.tmp_\d+"), ".tmp_*"),
    (re.compile(r"(: line \d+:) +\d+ +"), r"\1 "),  # bash names the process that a signal ended
    (re.compile(r" shuffle=\S+$"), ""),  # GNU make >= 4.4 appends the seed to the error
    (re.compile(r"(^|[\s'\[(])(?:\.{1,2}/)+"), r"\1"),
    (re.compile(r"  +"), " "),
)
_NOT_IN_NAME = re.compile(r" \(first use in this function\)|; did you mean .*|\+0x[0-9a-f]+|:\d+(?=[:\])])")


def stable(text: str, roots: Sequence[str] = ()) -> str:
    """`text` without what differs between two runs of one build; `roots` are paths of O= and the source."""
    for root in sorted(filter(None, roots), key=len, reverse=True):
        text = text.replace(root.rstrip("/") + "/", "")
    for pattern, replacement in _UNSTABLE:
        text = pattern.sub(replacement, text)
    return text.strip()


def error_line(line: str, roots: Sequence[str] = ()) -> ErrorLine | None:
    """The error that `line` reports, or None. It is asked of lines that hold one of NEEDLES."""
    if WARNING in line:
        return None
    text = stable(line, roots)
    for rank, (pattern, read) in enumerate(_FORMS):
        if match := pattern.search(text):
            group, name = read(match)
            name = _NOT_IN_NAME.sub("", name)[:MOST_NAME].strip()
            return ErrorLine((rank, group), name, text)
    return None


def _compiled(match: re.Match[str]) -> tuple[str, str]:
    kind = "ice" if match["kind"].startswith("internal") else "compile"
    what = match["message"] or match["kind"]
    if match["kind"].startswith("can't"):
        what = f"{match['kind']} {what}"
    # Within one file the first error is the cause and its order is fixed; only files change places.
    return match["file"], f"{kind}:{match['file']}: {what}"


def _named(kind: str, match: re.Match[str]) -> tuple[str, str]:
    name = f"{kind}:{match['what']}"
    return name, name


def _made(match: re.Match[str]) -> tuple[str, str]:
    # The deepest make saw it first; within one make a target that failed beats talk about waiting jobs.
    level = 999 - int(match["level"] or 0)
    own_words = match["what"].startswith("[") or match["what"].startswith("No rule")
    return f"{level:03d}{'' if own_words else '~'}{match['what']}", f"make:{match['what']}"


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[str, str]]], ...] = (
    (
        re.compile(
            r"^(?P<file>\{standard input\}|[^\s:]+):\d+(?:[:.-]\d+)*: ?"
            r"(?P<kind>(?:fatal |internal compiler )?error|(?:Fatal e|E)rror|syntax error|can't open file)"
            r"(?::? (?P<message>.*)|$)"
        ),
        _compiled,
    ),
    (
        re.compile(
            r"(?P<what>undefined reference to '[^']*'|undefined (?:hidden |protected )?symbol: \S+|"
            r"multiple definition of '[^']*'|relocation truncated to fit: .*)"
        ),
        partial(_named, "link"),
    ),
    (re.compile(r"^(?:ERROR|FATAL): modpost: (?P<what>.*)"), partial(_named, "modpost")),
    (re.compile(r"^ERROR: (?P<what>\"\w+\" \[.*\] undefined!)"), partial(_named, "modpost")),
    (re.compile(r"^(?:[^\s:]*/)?(?P<what>[^\s:/]+: (?:fatal |internal compiler )?error: .*)"), partial(_named, "tool")),
    (re.compile(r"^(?:[^\s:]*/)?(?P<what>[\w.+-]*ld: (?!.*: in function).*)"), partial(_named, "tool")),
    (re.compile(r"^(?P<what>(?:(?:FATAL )?ERROR|[Ee]rror(?:\[\w+\])?):? .*)"), partial(_named, "tool")),
    (re.compile(r"^\S+?(?: line \d+:|: \d+:|:) (?P<what>[\w./+-]+: (?:command )?not found)$"), partial(_named, "tool")),
    (re.compile(r"^\S*make(?:\[(?P<level>\d+)\])?: \*\*\* (?P<what>.*)"), _made),
)
