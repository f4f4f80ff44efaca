"""What a build's own log tells of its order: who wrote a file twice, or too late; what was read while it was written.

A race leaves little else. A line of kbuild is one file made, `  CC      init/main.o` or under V=1 the command, and
printed when it begins. A kernel build repeats some of them on purpose, and makes much that is no part of vmlinux;
neither is told here, because a race that is none misleads more than one that was missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bisectsyms.core.loglines import QUOTED, blocks, clean, text
from bisectsyms.kallsyms.facts import LogFacts

MOST = 100
"""Facts of one sort that are kept."""
MOST_TARGETS = 500_000
"""Of one make, so that no log can fill the memory; a kernel with everything built in has some 40 000."""
MOST_TEXT = 300


def read_log(chunks: Iterable[bytes]) -> LogFacts:
    """The facts of a log given as chunks cut anywhere, in bounded memory; never raises on content."""
    reader = _Reader()
    for block in blocks(chunks):
        for raw in block.split(b"\n"):
            reader.take(raw)
    return reader.facts()


class _Reader:
    def __init__(self) -> None:
        self._twice, self._late, self._damaged = (dict[str, str]() for _ in range(3))
        self._shuffle = ""
        self._begin()

    def _begin(self) -> None:
        """Another make: what the one before it made is no longer of interest."""
        self._rules = dict[tuple[bool, str], list[str]]()
        self._pass = ""

    def take(self, raw: bytes) -> None:
        """One line."""
        if raw.startswith((b"  ", b"# ", b"+ ")):
            self._made(raw)
        elif raw.startswith((b"make", b"gmake")):
            line = clean(raw)
            if found := _SHUFFLED.match(line):
                self._shuffle = text(found[1])
            if _OTHER_MAKE.match(line):
                self._begin()
        elif b": " in raw and _DAMAGED.search(line := clean(raw)) and not QUOTED.match(line):
            said = text(line)[:MOST_TEXT]
            _note(self._damaged, said, said)

    def _made(self, raw: bytes) -> None:
        line = clean(raw)
        pretty = _PRETTY.match(line)
        for rule, target in [(pretty[1], pretty[2])] if pretty else _of_command(line):
            self._target(text(rule), text(target), pretty is not None)

    def _target(self, rule: str, target: str, pretty: bool) -> None:
        if target.startswith(".tmp_vmlinux") and rule == "LD" and not self._pass:
            self._pass = target
        elif target == "System.map":
            self._pass = ""
        if not _GOES_IN.fullmatch(target) or rule in NOT_WRITING or len(self._rules) >= MOST_TARGETS:
            return
        rules = self._rules.setdefault((pretty, target), [])  # the newest V=1 has both forms of each
        del rules[MOST:]
        rules.append(rule)
        if self._pass:
            _note(self._late, target, f"{rule} {target} after LD {self._pass}")
        if len(rules) > (1 if self._pass or target not in MADE_AGAIN else 2):
            _note(self._twice, target, f"{' and '.join(dict.fromkeys(rules))} {target}")

    def facts(self) -> LogFacts:
        return LogFacts(
            tuple(self._twice.values()), tuple(self._late.values()), self._shuffle, tuple(self._damaged.values())
        )


def _note(facts: dict[str, str], of: str, fact: str) -> None:
    if len(facts) < MOST or of in facts:
        facts[of] = fact


def _of_command(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(rule as kbuild would print it, target) of a command that names its output."""
    if found := _OUTPUT.search(line):
        program = line.split(maxsplit=2)[1 if line.startswith(b"+") else 0].rpartition(b"/")[2]
        if b" -c " in line:
            yield b"AS" if _ASSEMBLED.search(line) else b"CC", found[1]
        elif _LINKER.search(program):
            yield b"LD", found[1]


NOT_WRITING = frozenset(("CHECK", "OBJTOOL", "MODPOST", "INSTALL", "CLEAN", "NM"))
MADE_AGAIN = frozenset(("init/version.o", "init/built-in.o", "init/built-in.a"))
"""Once more before the first pass, with the number of this link: by vmlinux_version of the top Makefile up to 3.4, then
by `obj=init` in scripts/link-vmlinux.sh. 6.1 has an object of its own for that, which is made once."""
_PRETTY = re.compile(rb"(?:  |# )([A-Z][A-Z0-9_+-]*) +(\S+)(?: - due to.*)?$")
"""Without what has a mark, such as [M]: modules are no part of vmlinux."""
_OUTPUT = re.compile(rb"\s-o (\S+)(?:\s|;|$)")
_ASSEMBLED = re.compile(rb"\.[sS](?:\s|;|$)")
_LINKER = re.compile(rb"(?:^|-)ld(?:\.\w+)?(?:-\d+)?$")
_GOES_IN = re.compile(
    r"(?!/|tools/|scripts/|samples/|arch/[^/]+/(?:boot|tools)/|.*/\.?tmp|.*\.mod\.o$)"
    r"(?:.+/[^/]+|\.?vmlinux[^/]*)\.[oa]"
)
"""A name as seen from the objtree. tools/ has makes of its own, whose names begin elsewhere."""
_OTHER_MAKE = re.compile(rb"g?make(?:\[1\]: (?:Entering|Leaving) directory|: (?!warning: |\*\*\* Waiting))")
_SHUFFLED = re.compile(rb"g?make(?:\[\d+\])?: \*\*\* .* shuffle=(\S{1,40})$")
"""GNU make 4.4 and later, at the end of the line of each error."""
_DAMAGED = re.compile(
    rb": (?:[Ff]ile truncated|[Ff]ile format not recognized|file not recognized|(?:truncated or )?malformed archive)"
    rb"|: Unable to recognise the format of the input file"  # objcopy
    rb"|: (?:unknown file type|section header table goes past the end of the file|invalid buffer: the size)"  # LLVM
)
