"""Command lines in a report: make, make.cross, tuxmake, and the git lines that say what was checked out.

They stand on lines of their own, behind a prompt, in quotation marks, or in the middle of a sentence, and mailers wrap
them. None is run; core.makeline takes them apart.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bisectsyms.core import compilers
from bisectsyms.core.makeline import read_make, read_tuxmake
from bisectsyms.core.reportfields import Confidence
from bisectsyms.inputs.reports.clauses import denied
from bisectsyms.inputs.reports.failures import OURS
from bisectsyms.inputs.reports.gather import Gathered
from bisectsyms.inputs.reports.letter import Letter, Line

_MAKE = re.compile(
    r"(?P<before>(?:[A-Z_]\w{0,60}=\S{1,300} +){0,20})"
    r"(?P<make>(?:[~$\w./-]{0,200}/)?make\.cross|(?<![\w./-])(?:/usr/bin/|time )?g?make)(?![\w.:-])(?P<rest>.*)"
)
_TUXMAKE = re.compile(r"(?<![\w./-])tuxmake(?P<rest> .*)")
_COMMAND = re.compile(
    r"\s*(?:[$#%>]\s+|\w+@[\w-]+[:~\w/. -]*[$#]\s*|\d+\.\s+|[*+-]\s+)?"
    r"(?:(?:[A-Z_]\w{0,60}=\S{1,300}|time|env|nice|sudo|cd \S{1,300} *&&) +){0,20}$"
)
"""What stands in front of a command that has its line for itself."""
_WORKAROUND = re.compile(r"\bmake\"? KALLSYMS_EXTRA_PASS=1\"?( as a workaround)?|Try make KALLSYMS", re.IGNORECASE)
_PROMPT = re.compile(r"\s*(?:\S+@[^$#]*)?[$#]\s+")
_CONTINUES = re.compile(r"\s*(?:--?[a-zA-Z]|[A-Z_][A-Z_0-9]*=\S)")
_WANTS_MORE = re.compile(
    r"\bmake\b.*\s-j$|\btuxmake\b.*\s--?(?:kconfig|toolchain|target-arch|runtime|kconfig-add|[atkKrj])$"
)
_GIT = re.compile(
    r"\s*(?:[$#%]\s+)?git\s+(?P<verb>remote add|fetch|checkout|clone|reset --hard|worktree add)\s+(?P<rest>\S.*)"
)
_EXPORT = re.compile(r"\s*(?:[$#]\s+)?export\s+((?:[A-Z_]\w{0,60}=\S{1,300}(?:\s+|$)){1,20})")
_SYZBOT = re.compile(r"failed to run (\[\"make\".*?\])")
_QUOTES = {'"': '"', "`": "`", "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "(": ")"}
STATED, DERIVED, GUESSED = Confidence.STATED, Confidence.DERIVED, Confidence.GUESSED
LONGEST_PROMPT = 160
LONGEST_LOG = 5000
"""Lines between a command and the failure that it ends with."""
MOST_COMMANDS = 500
"""Of a letter; a log pasted with V=1 has thousands."""


def read_commands(letter: Letter, into: Gathered) -> None:
    """All command lines of a letter."""
    _answers_of_git(letter, into)
    for count, (text, line, below) in enumerate(_joined(letter.lines)):
        if count >= MOST_COMMANDS:
            return
        if match := _GIT.match(text):
            _git(match["verb"], match["rest"], line, into)
        if match := _SYZBOT.search(text):
            _words(match[1], line, into)
        elif match := _TUXMAKE.search(text):
            rest = _until_quote(text, match.start(), match["rest"])
            into.made_with(read_tuxmake(rest, into.knowledge.variables), STATED, line.source())
        elif match := _EXPORT.match(text):
            into.made_with(read_make("", into.knowledge.variables, prose=False, before=match[1]), STATED, line.source())
        elif not _is_workaround(text, letter.lines[below : below + LONGEST_LOG]):
            _make(text, line, into)


def _is_workaround(text: str, log: Sequence[Line]) -> bool:
    """Whether it is the kernel's advice, or somebody who follows it, and no build that failed.

    At a prompt it is one that failed if the log below it ends so before the next prompt.
    """
    if not (found := _WORKAROUND.search(text)):
        return False
    if not _PROMPT.fullmatch(text[: min(found.start(), LONGEST_PROMPT)]):
        return True
    for following in log:
        if OURS.fullmatch(following.text.strip()):
            return False
        if _PROMPT.match(following.text[:LONGEST_PROMPT]):
            break
    return True


def _answers_of_git(letter: Letter, into: Gathered) -> None:
    """What git said to `rev-parse` and `describe` in a console's log."""
    for line, following in pairwise(letter.lines):
        if re.search(r"\bgit\b.* rev-parse ", line.text) and re.fullmatch(r"[0-9a-f]{40}", following.text.strip()):
            into.add("commit", following.text, STATED, following.source())
        elif re.search(r"\bgit\b.* describe\b", line.text) and re.match(r"v\d|next-\d", following.text):
            into.add("describe", following.text, STATED, following.source())


def _joined(lines: tuple[Line, ...]) -> Iterator[tuple[str, Line, int]]:
    """Lines that may hold a command, with what mailers or backslashes put on the next ones, and the index below."""
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        if not ("make" in line.text or "git " in line.text or "export " in line.text or line.text.endswith("\\")):
            continue
        text = line.text
        while index < len(lines) and lines[index].depth == line.depth and len(text) < 8000:
            following = lines[index].text.strip()
            if text.endswith("\\"):
                text = f"{text[:-1]} {following}"
            elif following and "make" not in following and (_CONTINUES.match(following) or _WANTS_MORE.search(text)):
                text = f"{text} {following}"
            else:
                break
            index += 1
        yield text, line, index


def _make(text: str, line: Line, into: Gathered) -> None:
    if re.match(r"\s*(?:\w+: )?g?make(?:\[\d+\])?:", text):
        return
    for match in list(_MAKE.finditer(text))[:4]:
        start = match.start()
        alone = _COMMAND.fullmatch(text[:start]) is not None
        rest = _until_quote(text, start, match["rest"])
        quoted = rest != match["rest"]
        cross = match["make"].endswith("make.cross")
        if cross and not alone:  # it is fetched, or made executable
            continue
        found = read_make(rest, into.knowledge.variables, prose=not (alone or cross), before=match["before"])
        if not found.words or (alone and not cross and not _looks_typed(rest)):
            found = read_make(rest, into.knowledge.variables, prose=True, before=match["before"])
        if not found.words or denied(text, start):
            continue
        source = line.source()
        into.made_with(found, STATED if alone or quoted or cross else DERIVED, source)
        if cross and (compiler := re.search(r"\bCOMPILER=(\S+)", text[: match.start("rest")])):
            into.add("toolchain", compilers.toolchain(compiler[1]), STATED, source)


def _looks_typed(rest: str) -> bool:
    """Whether most of the words could be make's: `make sure that` at the beginning of a line is a sentence."""
    words = rest.split()
    begins = not words or re.match(
        r"[-A-Z]|\w+(?:config|mage|linux)\b|all\b|clean|dist|mrproper|modules|vmlinux", words[0]
    )
    english = [word for word in words[1:] if re.fullmatch(r"[A-Za-z]+[.,:]?", word)]
    return bool(begins) and len(english) < 3


def _until_quote(text: str, start: int, rest: str) -> str:
    """`rest` up to where the quotation ends that begins in front of the command."""
    end = _QUOTES.get(text[start - 1]) if start else None
    return rest.partition(end)[0] if end else rest


def _words(text: str, line: Line, into: Gathered) -> None:
    """syzbot's list of words, which is JSON."""
    try:
        words = json.loads(text)
    except ValueError:
        words = re.findall(r'"([^"]*)"', text)
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        into.made_with(read_make(shlex.join(words[1:]), into.knowledge.variables, prose=False), STATED, line.source())


def _git(verb: str, rest: str, line: Line, into: Gathered) -> None:
    """What a git line says; a commit and a branch go by their looks."""
    words = [word for word in rest.split() if not word.startswith("-")]
    source = line.source()
    urls = [word for word in words if "://" in word]
    others = [word for word in words if "://" not in word]
    if verb in ("remote add", "clone", "fetch") and urls:
        into.add("tree", urls[0].rstrip("/"), STATED, source)
    if verb == "clone" and (match := re.search(r"(?:-b|--branch)[ =](\S+)", rest)):
        into.add("branch", match[1], STATED, source)
    if verb == "fetch" and len(words) > 1 and not re.search(r"[*:$]", words[1]):
        into.add("branch", words[1], STATED, source)
    if verb in ("checkout", "reset --hard", "worktree add"):
        for word in others[-1:]:
            if re.fullmatch(r"[0-9a-f]{7,40}", word):
                into.add("commit", word, STATED, source)
            elif re.match(r"v\d+\.\d+|next-\d{8}", word):
                into.add("describe", word, STATED, source)
