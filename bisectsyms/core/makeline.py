"""Command lines of make and tuxmake that stand in a report, taken apart and never run.

What a line says is compared with what is known of make (configs/knowledge/makevars.yaml). Everything else, another
command behind a semicolon, a substitution, a variable that is not known, is refused by name and goes no further.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bisectsyms.core.kconfig import foreign
from bisectsyms.core.reportfields import shown

LONGEST = 4000
"""Characters of a command line; a longer one is cut, and what was cut is refused."""
TARGETS = re.compile(
    r"(?:[A-Za-z0-9][\w.+-]*/)?[A-Za-z0-9][\w.+-]*(?:_defconfig|\.config)|(?!menu|n|x|g|old|olddef|listnew|localmod|localyes)[a-z0-9]+config"
)
"""Targets that make a .config without asking. (scripts/kconfig/Makefile; arm64 has a virtconfig)"""
CLEANING = frozenset({"clean", "distclean", "mrproper"})
_VARIABLE = re.compile(r"([A-Za-z_]\w*)(?::|\?|\+)?=(.*)", re.DOTALL)
_IN_BRACKETS = r"\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)"
_SUBSTITUTION = re.compile(rf"\${_IN_BRACKETS}|`[^`]*`|\$\{{[^}}]*\}}|\$\w+")
_CPUS = re.compile(rf"-j\s*([\"']?)(?:{_SUBSTITUTION.pattern})\1")
"""-j$(nproc) and the like: as many jobs as that machine had CPUs."""
_JOBS = re.compile(r"(?<!\S)(-j|--jobs)\s+(\d+)(?!\w)")
_QUIET = re.compile(
    r"--(?:keep-going|silent|quiet|no-print-directory|print-directory|ignore-errors|output-sync\S*)|-[kswi]+|-O\w*"
)
_SHELL = frozenset("`$;&|<>()\\\n")


@dataclass(frozen=True, slots=True)
class MakeVariable:
    """One that a report may set; the fields are explained in makevars.yaml."""

    name: str
    pattern: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class MakeVariables:
    """What is known of make's variables."""

    known: Mapping[str, MakeVariable]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Name to the reason."""
    targets: frozenset[str] = frozenset()
    """Those that say nothing, because vmlinux is what is linked here."""

    def lets_in(self, name: str, value: str) -> bool:
        """Whether a build may be given this."""
        known = self.known.get(name)
        return known is not None and bool(re.fullmatch(known.pattern, value, re.ASCII))

    def reason(self, name: str) -> str:
        """Why it is not let in."""
        return self.refused.get(name, "this value is not taken" if name in self.known else "no such variable is known")


@dataclass(frozen=True, slots=True)
class Refused:
    """What a report asks for and does not get."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class MakeLine:
    """What a command line says."""

    jobs: int = 0
    """0 where it does not say."""
    configs: tuple[str, ...] = ()
    """Targets that make .config."""
    kconfig: tuple[str, ...] = ()
    """Lines of a .config that are laid over it."""
    variables: tuple[tuple[str, str], ...] = ()
    """Let in, whatever field they go to."""
    cleans: bool = False
    refused: tuple[Refused, ...] = ()
    words: int = 0
    """How many words of make's it has; a sentence with the word make has none."""


class _Line:
    """Collects what the words of one line say."""

    def __init__(self, variables: MakeVariables) -> None:
        self.known = variables
        self.jobs = 0
        self.words = 0
        self.cleans = False
        self.configs: list[str] = []
        self.kconfig: list[str] = []
        self.variables: dict[str, str] = {}
        self.refused: list[Refused] = []

    def refuse(self, what: str, why: str) -> None:
        self.refused.append(Refused(shown(what, 120), why))

    def variable(self, name: str, value: str) -> None:
        self.words += 1
        if self.known.lets_in(name, value):
            self.variables[name] = value
        else:
            self.refuse(f"{name}={value}", self.known.reason(name))

    def set_jobs(self, text: str) -> None:
        self.words += 1
        if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 1024:
            self.jobs = int(text)
        elif text:
            self.refuse(f"-j{text}", "this is no number of jobs from 1 to 1024")

    def target(self, word: str) -> bool:
        if ".." not in word and TARGETS.fullmatch(word):
            self.configs.append(word)
        elif word in CLEANING:
            self.cleans = True
        elif word not in self.known.targets:
            return False
        self.words += 1
        return True

    def made(self) -> MakeLine:
        return MakeLine(
            self.jobs,
            tuple(dict.fromkeys(self.configs)),
            tuple(self.kconfig),
            tuple(self.variables.items()),
            self.cleans,
            tuple(self.refused),
            self.words,
        )


def read_make(text: str, variables: MakeVariables, *, prose: bool, before: str = "") -> MakeLine:
    """What `text`, the words behind `make`, asks for; `before` are the assignments in front of it.

    In prose a line ends at the first word that is none of make's. On a command line such a word is refused.
    """
    line = _Line(variables)
    for word in before.split():
        name, _, value = word.partition("=")
        if name in variables.known or name in variables.refused:
            line.variable(name, value)
    words = _split(text, line)
    for word in words:
        word = _trimmed(word) if prose else word
        if word in ("-j", "--jobs"):
            line.words += 1  # as many as there are CPUs, or without limit
        elif word.startswith(("-j", "--jobs")):
            line.set_jobs(word.removeprefix("--jobs").removeprefix("-j").removeprefix("="))
        elif match := _VARIABLE.fullmatch(word):
            line.variable(match[1], match[2])
        elif word in ("-C", "-f", "-I", "-l", "-W", "-o", "--directory", "--file", "--eval", "-E"):
            line.words += 1
            line.refuse(f"{word} {next(words, '')}", "this option of make is not taken")
        elif _QUIET.fullmatch(word):
            line.words += 1
        elif word.startswith("-") and word != "-" and len(word) > 1 and not prose:
            line.words += 1
            line.refuse(word, "this option of make is not taken")
        elif not line.target(word):
            if prose:
                break
            line.refuse(word, "no target that is known")
    return line.made()


def read_tuxmake(text: str, variables: MakeVariables) -> MakeLine:
    """What `text`, the words behind `tuxmake`, asks for. (docs.tuxmake.org, `tuxmake --help`)

    Its --target-arch and --toolchain come out as ARCH= and CC=, as tuxmake itself hands them on.
    """
    line = _Line(variables)
    words = _split(text, line)
    for word in words:
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not option.startswith("-"):
            if match := _VARIABLE.fullmatch(word):
                line.variable(match[1], match[2])
            elif word not in _TUXMAKE_TARGETS and not line.target(word):
                line.refuse(word, "no target that is known")
            continue
        line.words += 1
        if re.fullmatch(r"-j\d+", word):
            line.set_jobs(word[2:])
            continue
        if option in _TUXMAKE_ALONE:
            continue
        value = value if equals else next(words, "")
        if option in ("-a", "--target-arch"):
            line.variable("ARCH", value)
        elif option in ("-t", "--toolchain"):
            _tuxmake_toolchain(value, line)
        elif option in ("-j", "--jobs"):
            line.set_jobs(value)
        elif option in ("-k", "--kconfig", "-K", "--kconfig-add"):
            if ".." not in value and TARGETS.fullmatch(value):
                line.configs.append(value)
            elif foreign([value]).lines == (value,):
                line.kconfig.append(value)
            else:
                line.refuse(f"{option} {value}", "only --config gives a .config; nothing is fetched")
        elif option not in _TUXMAKE_SAYS_NOTHING:
            line.refuse(f"{option} {value}", "this option of tuxmake is not taken")
    return line.made()


_TUXMAKE_ALONE = frozenset({"--quiet", "-q", "--verbose", "-v", "--debug", "-d", "--fail-fast", "-F"})
_TUXMAKE_SAYS_NOTHING = frozenset(
    (
        *("--runtime", "-r", "--image", "-i", "--docker-image", "--image-registry", "--wrapper", "-w", "--color", "-c"),
        *("--output-dir", "-o", "--build-dir", "-b", "--directory", "-C", "--compression-type", "-z"),
    )
)
_TUXMAKE_TARGETS = frozenset(
    [
        "default",
        "kernel",
        "xipkernel",
        "debugkernel",
        "dtbs-legacy",
        "headers",
        "targz-pkg",
        "bindeb-pkg",
        "binrpm-pkg",
        "perf",
        "cpupower",
        "kselftest",
    ]
)
"""Those that say nothing of the build that fails; what make has too is known already. (tuxmake 1.45.0)"""


def _tuxmake_toolchain(value: str, line: _Line) -> None:
    family, _, version = value.removeprefix("korg-").partition("-")
    if family == "llvm":
        line.variable("LLVM", f"-{version}" if version.isdigit() else "1")
    elif value.startswith(("gcc", "clang", "korg-")):
        line.variable("CC", value.removeprefix("korg-").removesuffix("-nightly").removesuffix("-android"))
    else:
        line.refuse(f"--toolchain {value}", "no such compiler is known")


def _split(text: str, line: _Line) -> Iterator[str]:
    """The words, those with a substitution refused, up to where another command or a redirection begins."""
    if len(text) > LONGEST:
        line.refuse(text[LONGEST:], "the line is too long")
        text = text[:LONGEST]
    text, cpus = _CPUS.subn("-j ", text.replace("\0", ""))
    if cpus:
        line.refuse("-j$(…)", "a substitution is not run; give -j N")
    text = _JOBS.sub(r"\1\2", text)
    substituted: list[str] = []
    text = _SUBSTITUTION.sub(lambda match: _set_aside(match[0], substituted), text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quotation that does not end, as in prose
        words = text.replace("'", " ' ").replace('"', ' " ').split()
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        if set(word) & _SHELL or (word in ("1", "2") and following[:1] == ">"):
            line.refuse(_restored(" ".join(words[number:]), substituted), "only a shell could do this, and none is run")
            return
        if "\0" in word:
            line.refuse(_restored(word, substituted), "a substitution is not run")
        else:
            yield word


def _set_aside(text: str, substituted: list[str]) -> str:
    """A mark in place of `text`, which a lexer of words leaves whole."""
    substituted.append(text)
    return f"\0{len(substituted) - 1}\0"


def _restored(text: str, substituted: Sequence[str]) -> str:
    return re.sub("\0(\\d+)\0", lambda match: substituted[int(match[1])], text)


def _trimmed(word: str) -> str:
    """A word of a sentence without its punctuation."""
    return word.strip("\"'`,:!?()[]").rstrip(".")
