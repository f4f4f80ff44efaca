"""What people write: `s3c6400 defconfig`, `I use make -j5`, `even after make distclean`.

What is found in a sentence is derived at best, and a guess where a word could mean something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice

from bisectsyms.core import compilers
from bisectsyms.core.reportfields import Confidence
from bisectsyms.inputs.reports.clauses import CLAUSE, Paragraph, around, denied, paragraphs, sentence
from bisectsyms.inputs.reports.gather import Gathered
from bisectsyms.inputs.reports.letter import Letter, Line

STATED, DERIVED, GUESSED = Confidence.STATED, Confidence.DERIVED, Confidence.GUESSED
MOST_PARAGRAPHS = 3000
MOST_MATCHES = 20
"""Of one pattern in one paragraph."""
_ID = r"(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}\b"
_DEFCONFIG = re.compile(r"\b([A-Za-z0-9][\w.-]*_defconfig|(?:all(?:mod|yes|no)|tiny)config)\b")
_SPACED = re.compile(r"(?<![\w/=.-])([a-zA-Z0-9][\w-]*)[ -]defconfig\b")
_ALONE = re.compile(r"(?<![\w-])defconfig\b(?!\.)")
_JOBS = re.compile(r"(?<![\w-])-[ks]*j ?(\d{1,4})\b")
_JOBS_IN_WORDS = re.compile(r"\b(?:with|using) (\d{1,3}) (?:parallel )?jobs\b")
_DESCRIBE = re.compile(
    r"\b(next-\d{8}|v[2-9]\.\d{1,3}(?:\.\d{1,3}){0,2}(?:-rc\d+)?(?:-\d+-g[0-9a-f]{7,40})?)(?![\w-]|\.\w)"
)
_NUMBER = r"(?:[2-9]|1\d)\.\d{1,3}(?:\.\d{1,3}){0,2}(?:-rc\d+)?(?:-(?:mm|ac|pre)\d+)?"
_VERSION = re.compile(
    r"\b(?:linux|kernels?|on|with|in|of|since|stable)[ -](?:kernel )?(?:version )?"
    rf"(?P<a>v?{_NUMBER}(?:\.y)?)(?![\w.]*\d)"
    rf"|\b(?P<b>v{_NUMBER})(?![\w-]|\.\d)|\b(?P<c>(?:[2-9]|1\d)\.\d{{1,2}}(?:\.\d+)?-rc\d+)\b"
    r"|(?<![\w.-])(?P<d>[2-9]\.\d{1,2}\.\d{1,3}(?:-mm\d+)?)(?=[\s,;)]|\.?$|-\d?\b|-[a-z])",
    re.IGNORECASE,
)
_TOOL_BEFORE = re.compile(
    r"(?:gcc|clang|binutils|make|ld|llvm|lld|version|ccache|python|pahole|cc|g\+\+)\b[^,;.\d]{0,25}$|[(~][^()]{0,40}$",
    re.IGNORECASE,
)
"""What makes of three numbers the version of a program, or of a package in brackets."""
_LINE_END = re.compile(r"[.;!?](?=\s|$)|\n")
_SOURCES = re.compile(
    rf"/linux-(?P<folder>{_NUMBER})(?=[/'\"\s)]|$)|/linux-[\w-]{{1,40}}_(?P<recipe>{_NUMBER})\.bb\b", re.IGNORECASE
)
"""The folder of an unpacked tarball in what make prints, and a recipe of OpenEmbedded."""
_PLANNED = re.compile(
    r"\b(?:will|would|could|should|probably|hopefully|fix(?:ed|es)?|gone|queued|scheduled)\b[^.;]{0,80}"
    r"\b(?:in|for|with|by|until)\s+(?:linux\s+|v)?$",
    re.IGNORECASE,
)
_RUNNING = re.compile(
    r"\b(?:uname|host os|host kernel|running kernel|i am running|booted|portage|linux-[\d.]+\S*-x86_64-)", re.IGNORECASE
)
"""The kernel of the machine on which it was built."""
_NO_ARCH_IN_PROSE = frozenset(("sh", "um", "arc", "alpha", "tile", "cris"))
"""Words that mean something else more often."""
_HOST = re.compile(r"\b(?:host|runner|server|laptop|box|machine|workstation)\b", re.IGNORECASE)
_FRESH = re.compile(
    r"\b(?:clean|fresh|pristine)(?:ly)?\s+(?:(?:source|git|kernel|linux|build|output|unpacked|cloned)\s+)?"
    r"(?:tree|checkout|clone|build|builds|worktree|work tree|directory|objtree|unpack\w*)\b|\bfrom scratch\b"
    r"|\bfresh tarball\b|\btree (?:is|was) (?:clean|fresh)\b|\bunpack(?:ed|ing) (?:it )?again\b"
    r"|\bmake (?:distclean|mrproper)\b|\bgit clean -\w+|\bempty (?:build|output|O=) ?\w*"
    r"|\bafter (?:a )?(?:distclean|mrproper)\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(
    r"\b(?:not|n't|never|yet to|will|would|could|please|can you|did you|have you|try|if)\b", re.IGNORECASE
)
_DONE = re.compile(r"\b(?:did|does)(?:n't| not) (?:help|change|matter)\b", re.IGNORECASE)
_NOT_FRESH = re.compile(
    r"\b(?:incremental(?:ly)?|dirty tree|without cleaning|not a clean (?:tree|build))\b", re.IGNORECASE
)
_FIRST_BAD = re.compile(rf"\b({_ID}) is the first (?:bad|broken|new) commit|\bfirst bad commit(?: is|:)? \[?({_ID})")
_BEGAN = re.compile(
    r"\b(?:bisect\w*|introduc\w+|caus\w+|broke\w*|started|regress\w+|culprit|blam\w+|point\w+ (?:to|at)|since"
    rf"|reverting)\b[^.\n]{{0,80}}?\b({_ID})",
    re.IGNORECASE,
)
_AT = re.compile(
    r"\b(?:HEAD(?: is)?(?: now)?(?: at)?|commit(?: before| after)?|at|on top of|revision|checked out|tree(?: at)?|with"
    rf"|building|built|build of|(?:\d\.\d+[\w.-]*))[ :,]\s?\(?(?:commit )?({_ID})"
    r"(?:\s+\([\"\u201c]([^\"\u201d\n]{4,120})[\"\u201d]\))?",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\bcommit,?\s+(?:named |called |titled |with the subject )?[\"\u201c]([^\"\u201d\n]{8,120})[\"\u201d]"
)
_BY_AUTHOR = re.compile(r"\"([a-z][^\"\n]{1,120}: [^\"\n]{4,120})\"\s+by\s+([^<>,.\n]{2,60}<[^<>\s]{3,80}>)")
_ROBOT_TREE = re.compile(r"\b(?:found|detected|issue|regression|error)\w* (?:found )?on ([\w-]+)/([\w./-]+?):?(?=\s|$)")
_STABLE_BRANCH = re.compile(r"\b(linux-\d\.\d{1,2}\.y)\b")
_BEGINS_THERE = re.compile(r"\b(?:since|from|after|until|before|than|up to)\s+$", re.IGNORECASE)
_GIT_URL = re.compile(r"\b((?:https?|git)://[\w.-]+/[\w./~+-]+\.git)\b/?(?:,?\s+branch:?\s+([\w./-]+))?")
_TREE_NAME = re.compile(
    r"\b(linux-next|mainline|linux-stable-rc|net-next|bpf-next)\b|\b(Linus'?s?'? (?:git |current )?tree)\b",
    re.IGNORECASE,
)
_ROBOTS_SUBJECT = re.compile(r"\[([\w-]+):([\w./-]+)(?: \d+/\d+)?\]")


def read_prose(letter: Letter, into: Gathered) -> None:
    """Everything that a sentence of the letter, or its subject, says."""
    _subject(letter, into)
    for count, paragraph in enumerate(paragraphs(letter.lines)):
        if count >= MOST_PARAGRAPHS:
            return
        _paragraph(paragraph, into)


def _few(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches, but no more than a paragraph of a person can have."""
    return islice(pattern.finditer(text), MOST_MATCHES)


def _subject(letter: Letter, into: Gathered) -> None:
    subject = re.sub(r"^(?:(?:re|fwd?|aw):\s*)+", "", letter.subject, flags=re.IGNORECASE)
    if not subject:
        return
    source = letter.header("Subject", letter.subject)
    line = Line(subject, source.where, 1 if subject != letter.subject else 0, source.author, letter.number)
    with into.guessing(bool(line.depth)):  # of an answer it is somebody else's
        _paragraph(Paragraph(subject, (0,), (line,)), into)
    for match in _few(_ROBOTS_SUBJECT, subject):
        if url := into.knowledge.names.tree(match[1]):
            into.add("tree", url, DERIVED, source, f"what is called {match[1]}")
            into.add("branch", match[2], DERIVED, source)


def _paragraph(paragraph: Paragraph, into: Gathered) -> None:
    text = paragraph.text
    for name, value, confidence, place, note in _found(text, into.knowledge.names):
        into.add(name, value, confidence, paragraph.source(place), note)


def _found(text: str, names: compilers.Names) -> Iterator[tuple[str, str, Confidence, int, str]]:
    """(field, value, confidence, place, note) of everything in a paragraph."""
    yield from _configs(text, names)
    for match in (*_few(_JOBS, text), *_few(_JOBS_IN_WORDS, text)):
        if not denied(text, match.start()):
            yield "jobs", match[1], DERIVED, match.start(), ""
    for place, name in compilers.mentions(text)[:MOST_MATCHES]:
        if not denied(text, place):
            yield "toolchain", name, DERIVED, place, ""
    for match in _few(_DESCRIBE, text):
        if not denied(text, match.start()) and not _BEGINS_THERE.search(text[: match.start()]):
            yield "describe", match[1], DERIVED, match.start(), ""
    for match in _few(_VERSION, text):
        number = match.lastgroup or "a"
        before = text[: match.start(number)][-60:]
        if not (denied(text, match.start()) or _TOOL_BEFORE.search(before) or _BEGINS_THERE.search(before)):
            if _PLANNED.search(before) or _RUNNING.search(around(text, match.start(), _LINE_END)):
                continue
            yield "kernel_version", match[number], GUESSED if number == "d" else DERIVED, match.start(), ""
    for match in _few(_SOURCES, text):
        yield "kernel_version", match["folder"] or match["recipe"], DERIVED, match.start(), "the name of its sources"
    for match in _few(_arches(names), text):
        if not denied(text, match.start()) and (arch := names.arch(match[2])):
            sure = match[1] and not _HOST.search(around(text, match.start(), CLAUSE))
            yield "arch", arch, DERIVED if sure else GUESSED, match.start(), f"{match[2]} in a sentence"
    yield from _fresh(text)
    yield from _commits(text)
    yield from _trees(text, names)


@cache
def _arches(names: compilers.Names) -> re.Pattern[str]:
    """A pattern of all words for an arch that mean one in a sentence."""
    words = sorted({*names.known_arches, *names.arches} - _NO_ARCH_IN_PROSE, key=len, reverse=True)
    alternatives = "|".join(re.escape(word) for word in words)
    return re.compile(rf"(?<![\w/-])(?:(on|for|arch) (?:the )?)?({alternatives})\b(?![-_/]\w)", re.IGNORECASE)


def _arch_near(text: str, place: int, names: compilers.Names) -> bool:
    said = sentence(text, place)
    return "ARCH=" in said or _arches(names).search(said) is not None


def _configs(text: str, names: compilers.Names) -> Iterator[tuple[str, str, Confidence, int, str]]:
    for match in _few(_DEFCONFIG, text):
        if denied(text, match.start()):
            continue
        arch, config, _ = compilers.build_name(match[1], names)
        yield "defconfig", config or match[1], STATED, match.start(), ""
        before = re.search(r"([\w-]+)[ :/-]$", text[: match.start()])
        if before and names.arch(before[1]):
            arch = names.arch(before[1])
            yield "arch", arch, DERIVED, match.start(), f"stands before {match[1]}"
        elif arch:
            yield "arch", arch, DERIVED, match.start(), f"{match[1]} is for {arch}"
    for match in _few(_SPACED, text):
        word = match[1].casefold()
        if denied(text, match.start()):
            continue
        if arch := names.arch(word):
            yield "arch", arch, DERIVED, match.start(), ""
            yield "defconfig", "defconfig", DERIVED, match.start(), ""
        elif names.arch_of(word):
            yield "defconfig", f"{word}_defconfig", DERIVED, match.start(), f"written as {match[0]!r}"
            yield "arch", names.arch_of(word), DERIVED, match.start(), f"{word}_defconfig is for it"
        elif re.search(r"\d", word):
            yield "defconfig", f"{word}_defconfig", GUESSED, match.start(), f"written as {match[0]!r}"
    for match in _few(_ALONE, text):
        if not denied(text, match.start()) and _arch_near(text, match.start(), names):
            yield "defconfig", "defconfig", GUESSED, match.start(), ""


def _fresh(text: str) -> Iterator[tuple[str, str, Confidence, int, str]]:
    for match in _few(_FRESH, text):
        clause = _DONE.sub("", around(text, match.start(), CLAUSE))
        if not _NOT_DONE.search(clause) and not re.search(r"\b(?:goes away|disappears|fixes|helps|works)\b", clause):
            yield "fresh_tree", "yes", DERIVED, match.start(), match[0]
    for match in _few(_NOT_FRESH, text):
        if not denied(text, match.start()):
            yield "fresh_tree", "no", GUESSED, match.start(), match[0]


def _commits(text: str) -> Iterator[tuple[str, str, Confidence, int, str]]:
    taken = set()
    for match in _few(_FIRST_BAD, text):
        taken.add(match[1] or match[2])
        yield "introduced", match[1] or match[2], STATED, match.start(), ""
    for match in _few(_BEGAN, text):
        if match[1] not in taken:
            taken.add(match[1])
            yield "introduced", match[1], DERIVED, match.start(), ""
    for match in _few(_AT, text):
        if match[1] not in taken and not denied(text, match.start()):
            yield "commit", match[1], DERIVED, match.start(1), ""
            if match[2]:
                yield "subject", match[2], DERIVED, match.start(1), ""
    for match in _few(_BY_AUTHOR, text):
        yield "subject", match[1], DERIVED, match.start(), ""
        yield "author", match[2], DERIVED, match.start(), ""
    for match in _few(_NAMED, text):
        yield "subject", match[1], DERIVED, match.start(), ""


def _trees(text: str, names: compilers.Names) -> Iterator[tuple[str, str, Confidence, int, str]]:
    for match in _few(_GIT_URL, text):
        yield "tree", match[1], DERIVED, match.start(), ""
        if match[2]:
            yield "branch", match[2], DERIVED, match.start(), ""
    for match in _few(_STABLE_BRANCH, text):
        yield "branch", match[1], DERIVED, match.start(), ""
    for match in _few(_ROBOT_TREE, text):
        if url := names.tree(match[1]):
            yield "tree", url, DERIVED, match.start(), f"what is called {match[1]}"
            yield "branch", match[2], DERIVED, match.start(), ""
    for match in _few(_TREE_NAME, text):
        word = match[1] or "linus"
        yield "tree", names.tree(word), GUESSED, match.start(), f"what is called {match[0]}"
