"""Lines of the form `compiler: gcc-12`, by which robots say nearly everything.

kernel test robot (tree, patch and summary form), KernelCI (old and new), LKFT, syzbot and careful people use the same
few words in other spellings; what a value is shows in its shape, so one table serves all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bisectsyms.core import compilers
from bisectsyms.core.findings import Source
from bisectsyms.core.reportfields import Confidence
from bisectsyms.inputs.reports.gather import Gathered
from bisectsyms.inputs.reports.letter import Letter, Line

_LABEL = re.compile(r"[\s*#|+-]{0,12}\**(?P<key>[A-Za-z#][\w /()=.-]{0,45}?)\**\s*:(?!//)\s*\**\s*(?P<value>\S.*)")
_LONE = re.compile(r"[\s*#|+-]{0,12}(?P<key>giturl|git tree|git repo|tree/branch|config|toolchain|compiler)\s*:\s*")
_COMMIT = re.compile(r"\[?(?P<id>[0-9a-f]{7,40})\]?(?![\w])\s*(?:\[\d+/\d+\]\s*)?(?P<subject>\S.*)?")
OF_ANOTHER_MACHINE = re.compile(r"^-- System Information:")
"""Debian's reportbug tells below it of the machine on which the report was written."""
_BANNER = re.compile(r"\s*(?:[\w-]*gcc(?:-[\d.]+)?(?:\.real)? \(|(?:\w+ )?clang version )\S.*")
"""What a compiler says of itself, on a line of its own."""
_PAIR = re.compile(
    r"(?<![\w.-])(REF|CONFIG|DEFCONFIG|ARCH|TOOLCHAIN|COMPILER|JOBS|BRANCH|COMMIT|arch|defconfig|toolchain|jobs)="
    r"([\w./-]{1,80})(?<!\.)"
)
_JSON = re.compile(
    r'\s*"(?P<key>git_(?:repo|ref|sha|describe)|kernel_?version|target_arch|kconfig|toolchain)"\s*:\s*"(?P<value>[^"]+)",?\s*'
)
"""What tuxmake writes into metadata.json; `version` there is the compiler's."""
_BITBAKE = re.compile(r'\s*SRCREV(?:_\w+)?\s*[?:+]*=+\s*"([0-9a-f]{40})"\s*')
_SRC_URI = re.compile(r"\b((?:git|https?)://[\w.-]+/[\w./~+-]+);(?:[\w=./-]+;)*branch=([\w./-]+)")
"""OpenEmbedded's address of a repository, the branch behind it."""
_URL = re.compile(r"(?:https?|git)://[^\s()<>\"'`,;]+")
_TAG = re.compile(r"(v\d+\.\d+[\w.-]*|next-\d{8}[\w.-]*|[\w.+-]+-g[0-9a-f]{7,40}[\w.-]*)")
Reader = Callable[[Gathered, str, Source], None]
STATED, DERIVED, GUESSED = Confidence.STATED, Confidence.DERIVED, Confidence.GUESSED


def read_labels(letter: Letter, into: Gathered) -> None:
    """All lines with a label that is known."""
    waiting: Reader | None = None
    for line in letter.lines:
        if OF_ANOTHER_MACHINE.search(line.text):
            return
        _pairs(line, into)
        if _BANNER.fullmatch(line.text):
            _toolchain(into, line.text.strip(), line.source())
        if "this is a W=1 build" in line.text:
            into.variables.setdefault("W", ("1", line.source()))
        if found := _BITBAKE.fullmatch(line.text):
            into.add("commit", found[1], STATED, line.source())
        if found := _SRC_URI.search(line.text):
            into.add("tree", found[1], STATED, line.source())
            into.add("branch", found[2], STATED, line.source())
        match = _JSON.fullmatch(line.text) or _LABEL.fullmatch(line.text)
        reader = READERS.get(_key(match["key"])) if match else None
        if match and reader:
            reader(into, match["value"].strip("` \t"), line.source())
        elif waiting and line.text.strip() and not match:  # a value on a line of its own, as mailers wrap it
            waiting(into, line.text.strip(), line.source())
        alone = _LONE.fullmatch(line.text)
        waiting = READERS.get(_key(alone["key"])) if alone else None


def _pairs(line: Line, into: Gathered) -> None:
    """`Parameters: REF=v6.6.8 ARCH=arm64`, `(ARCH=arm, gcc 12.3.0)`; make lines are read elsewhere."""
    if re.search(r"\bmake\b", line.text):
        return
    for match in _PAIR.finditer(line.text):
        if reader := READERS.get(match[1].casefold()):
            reader(into, match[2], line.source())


def is_label(text: str) -> bool:
    """Whether a line is read here already."""
    match = _LABEL.fullmatch(text)
    return match is not None and _key(match["key"]) in READERS


def _key(text: str) -> str:
    return re.sub(r"[\s_]+", " ", text.casefold()).strip(" *-#")


def _first(text: str) -> str:
    """The first word; empty if there is none."""
    return next(iter(text.split()), "")


def _tree(into: Gathered, value: str, source: Source) -> None:
    """`URL BRANCH`, or by a name that everybody knows: `linux-next master`, `stable-rc/linux-6.1.y`."""
    name, _, rest = value.partition(" ")
    if match := _URL.match(value):
        into.add("tree", match[0].rstrip("/"), STATED, source)
        rest = value[match.end() :]
    else:
        head, slash, tail = name.partition("/")
        if slash and (url := into.knowledge.names.tree(head)):
            name, rest = head, tail
        elif not (url := into.knowledge.names.tree(name)):
            return
        into.add("tree", url, DERIVED, source, f"what is called {name}")
    if re.fullmatch(r"[\w./+-]+", branch := _first(rest)):
        into.add("branch", branch, STATED, source)


def _base(into: Gathered, value: str, source: Source) -> None:
    if match := _URL.match(value):
        into.add("tree", match[0], DERIVED, source, "what the patch is for")
        into.add("branch", value[match.end() :].strip().partition(" ")[0], DERIVED, source, "what the patch is for")
    elif match := _COMMIT.fullmatch(value):
        into.add("commit", match["id"], GUESSED, source, "what the patch is for, without the patch")


def _commit(into: Gathered, value: str, source: Source) -> None:
    if match := _COMMIT.fullmatch(value):
        into.add("commit", match["id"], STATED, source)
        subject = re.sub(r"^\([\"']?(.*?)[\"']?\)$", r"\1", (match["subject"] or "").strip())
        if subject and not _URL.match(subject):
            into.add("subject", subject, STATED, source)
    elif (match := _URL.match(value)) and (found := re.search(r"(?:id=|/commit/)([0-9a-f]{7,40})\b", match[0])):
        into.add("commit", found[1], STATED, source)
    elif match := _TAG.match(value):
        _describe(into, match[0], source)


def _head(into: Gathered, value: str, source: Source) -> None:
    if match := _COMMIT.fullmatch(value):
        into.add("commit", match["id"], DERIVED, source, "the head of the branch")


def _describe(into: Gathered, value: str, source: Source) -> None:
    if match := _TAG.match(value.strip("[]()\"' ")):
        into.add("describe", match[0].rstrip("."), STATED, source)


def _branch(into: Gathered, value: str, source: Source) -> None:
    into.add("branch", _first(value).strip("\"'"), STATED, source)


def _config(into: Gathered, value: str, source: Source) -> None:
    if match := _URL.search(value):
        into.address("the .config", match[0].rstrip(")"), source)
    name = value.partition("(")[0].strip()
    if not name or _URL.match(name):
        return
    if into.build(name, STATED, source):
        return
    arch, config, _ = compilers.build_name(name.removesuffix(" defconfig") + "_defconfig", into.knowledge.names)
    if name.endswith(" defconfig") and config:
        into.add("defconfig", config, DERIVED, source)
        into.add("arch", arch, DERIVED, source, f"{config} is for {arch}")
    for word in re.split(r"[+, ]+", name):
        if word.endswith((".config", "_defconfig")):
            into.add("defconfig", word, STATED, source)


def _toolchain(into: Gathered, value: str, source: Source) -> None:
    if name := compilers.toolchain(value):
        into.add("toolchain", name, STATED, source)
    if match := re.match(r"((?:\w+-)+)gcc\b", value):
        arch = into.knowledge.names.arch_of_prefix(match[1])
        into.add("arch", arch, DERIVED, source, f"{match[1]}gcc")


def _arch(into: Gathered, value: str, source: Source) -> None:
    words = re.split(r"[\s,()]+", value.strip())
    found = [arch for word in words if (arch := into.knowledge.names.arch(word))]
    for arch in found:
        into.add("arch", arch, STATED, source, among=len(found) > 1)


def _kernel(into: Gathered, value: str, source: Source) -> None:
    if match := re.match(r"(?:Linux\s+)?(?:version\s+)?(v?\d+\.\d+(?:\.\d+)*(?:-rc\d+)?)", value.strip()):
        into.add("kernel_version", match[1], STATED, source)


def _subject(into: Gathered, value: str, source: Source) -> None:
    into.add("subject", re.sub(r"^(?:\[[^\]]*\]\s*)+", "", value), STATED, source)


def _author(into: Gathered, value: str, source: Source) -> None:
    into.add("author", value, STATED, source)


def _reporter(into: Gathered, value: str, source: Source) -> None:
    into.add("reporter", value, DERIVED, source, "Reported-by:")


def _link(into: Gathered, value: str, source: Source) -> None:
    if match := re.match(
        r"https?://(?:lore\.kernel\.org|lkml\.kernel\.org|marc\.info|patchwork\.kernel\.org)/\S+", value
    ):
        into.add("link", match[0], DERIVED, source)


def _introduced(into: Gathered, value: str, source: Source) -> None:
    words = value.replace("^", "").split()
    if words:
        into.add("introduced", words[0].strip("\"'()[],"), STATED, source)


def _culprit(into: Gathered, value: str, source: Source) -> None:
    """syzbot's `bisected to: commit <id>` and git's `first bad commit: [<id>] <subject>`."""
    if match := re.match(r"\[?(?:commit )?([0-9a-f]{7,40})\b", value.strip("[] ")):
        into.add("introduced", match[1], STATED, source)


def _jobs(into: Gathered, value: str, source: Source) -> None:
    into.add("jobs", _first(value.removeprefix("-j")), STATED, source)


def _message(into: Gathered, value: str, source: Source) -> None:
    if "kallsyms" in value.lower():
        into.add("message", value, DERIVED, source)


_BY_READER: tuple[tuple[Reader, str], ...] = (
    (_tree, "tree|tree/branch|git tree|giturl|git url|git repo|git repository|git|repo|repository"),
    (_base, "base"),
    (
        _commit,
        "commit|git sha|git commit|head commit|commit head|branch head|sha|commit id|kernel commit|kernel sha|revision"
        "|git short log",
    ),
    (_head, "head"),
    (_describe, "git describe|describe|tag|tags|git tag|ref"),
    (_branch, "branch|git branch|git ref"),
    (_config, "config|defconfig|kconfig|kernel config|configuration|build config"),
    (_toolchain, "compiler|toolchain|gcc|clang|cc|compiler version|gcc version|build environment"),
    (_arch, "arch|architecture|target arch|platform|target"),
    (_kernel, "kernel|kernel version|kernelversion|version|linux|linux version|kernel release"),
    (_subject, "patch subject|commit subject|subject line"),
    (_author, "author"),
    (_reporter, "reported-by|reporter"),
    (_link, "link|closes|lore|archived-at"),
    (_introduced, "regzbot introduced|regzbot ^introduced"),
    (_culprit, "first bad commit|bisected to|syzbot has bisected this issue to|culprit|the first bad commit"),
    (_jobs, "jobs|parallel jobs"),
    (_message, "error|error message|failure"),
)
READERS = {key: reader for reader, keys in _BY_READER for key in keys.split("|")}
