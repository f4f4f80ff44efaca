"""Wrappers around the tools of a build, in a folder in front of its PATH.

ld, nm and the compiler keep their names, so no command line of kbuild changes and nothing is compiled again for them.
ld notes what each pass of the link of vmlinux is made of and who runs it; the compiler goes through ccache, where there
is one. What nm says of the images is kept (effects/nmtap.py), because make deletes vmlinux where the link failed.

A tool that a profile names by its path is not wrapped: nothing would find the wrapper.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.tools import Tools
from bisectsyms.effects import nmtap
from bisectsyms.effects.beneath import read_beneath

TOOLS, WATCH = "tools", "watch"
MOST_NAMES = 1 << 12
"""Bytes; a link has a handful of passes."""
LD_INSTEAD = "BISECTSYMS_LD"
"""Variable of the environment: another ld for the passes of the link."""
LINKED_TOO = "BISECTSYMS_PAD"
"""Variable of the environment: an object to be joined to each pass."""
LD = """\
#!/bin/sh
# ld, and a note of what each pass of the link of vmlinux is made of; every other call goes straight through.
previous= output=
for word do
	case $previous in -o) output=$word ;; esac
	previous=$word
done
case $output in
vmlinux | vmlinux.unstripped | .tmp_vmlinux*) ;;
*) exec {ld} "$@" ;;
esac
ld={ld} watch={watch}
[ -n "${{{linked_too}-}}" ] && set -- "$@" "${linked_too}"
printf '%s\\0' "$@" > "$watch/$output.args"
sha256sum -- "$@" > "$watch/$output.sums" 2>/dev/null
if [ ! -e "$watch/caller" ] && tr '\\0' '\\n' < "/proc/$PPID/cmdline" | grep -q 'scripts/link-vmlinux\\.sh$'; then
	cp "/proc/$PPID/environ" "$watch/environ"
	pwd > "$watch/cwd"
	cp "/proc/$PPID/cmdline" "$watch/caller"
fi
echo "$output" >> "$watch/passes"
ld=${{{ld_instead}:-$ld}}
unset {ld_instead} {linked_too}
exec "$ld" "$@"
"""
"""The first pass knows its caller, the link script: /proc has the environment and the arguments it was started with."""
CC = """\
#!/bin/sh
# The compiler, through ccache.
[ -n "${{CCACHE_DISABLE-}}" ] && exec {cc} "$@"
exec {ccache} {cc} "$@"
"""


@dataclass(frozen=True, slots=True)
class ToolPath:
    """The folder of the wrappers and that of their notes."""

    slot: Path
    seen: Path
    """The same folder as the build sees it."""

    @property
    def watch(self) -> Path:
        """Where the wrappers leave their notes."""
        return self.slot / WATCH

    def path(self, before: str) -> str:
        """PATH= of the build."""
        return f"{self.seen / TOOLS}{os.pathsep}{before}"

    def install(self, tools: Tools, path: str, ccache: str = "") -> None:
        """Write the wrappers for tools that are on `path`; `ccache` is the program, empty for none."""
        shutil.rmtree(self.slot / TOOLS, ignore_errors=True)
        (self.slot / TOOLS).mkdir(parents=True)
        self.forget()
        if ld := _found(tools.linker, path):
            watch = shlex.quote(str(self.seen / WATCH))
            self._write(
                tools.linker, LD.format(ld=shlex.quote(ld), watch=watch, linked_too=LINKED_TOO, ld_instead=LD_INSTEAD)
            )
        if nm := _found(tools.nm, path):
            self._write(tools.nm, nmtap.wrapper(nm, self.seen / WATCH))
        for name in dict.fromkeys((tools.compiler, "gcc")) if ccache else ():
            cc = _found(name, path)
            if cc and Path(cc).resolve() != Path(ccache).resolve():  # /usr/lib/ccache is on PATH: it is cached already
                self._write(name, CC.format(ccache=shlex.quote(ccache), cc=shlex.quote(cc)))

    def watches(self, tools: Tools) -> bool:
        """Whether the passes of the link are noted."""
        return "/" not in tools.linker and (self.slot / TOOLS / tools.linker).exists()

    def forget(self) -> None:
        """Remove what was noted of an earlier attempt."""
        shutil.rmtree(self.watch, ignore_errors=True)
        self.watch.mkdir()

    def noted(self) -> Link | None:
        """What was noted of the link of the attempt; None if there was none."""
        try:
            names = read_beneath(self.watch, "passes", MOST_NAMES).decode().split()
        except (OSError, ValueError):
            return None
        return Link(tuple(one for name in names if (one := self._pass(name))), self._caller())

    def _pass(self, name: str) -> Pass | None:
        try:
            args = self._words(f"{name}.args")
            begun = (self.watch / f"{name}.args").lstat().st_mtime_ns
            lines = read_beneath(self.watch, f"{name}.sums").decode(errors="surrogateescape").splitlines()
        except OSError:
            return None
        return Pass(name, args, begun, {path: digest for digest, _, path in (line.partition("  ") for line in lines)})

    def _caller(self) -> Caller | None:
        with contextlib.suppress(OSError):
            words, cwd = self._words("caller"), os.fsdecode(read_beneath(self.watch, "cwd")).removesuffix("\n")
            pairs = (word.partition("=") for word in self._words("environ"))
            return Caller(words, cwd, {name: value for name, _, value in pairs})
        return None

    def _words(self, name: str) -> tuple[str, ...]:
        return tuple(os.fsdecode(word) for word in read_beneath(self.watch, name).split(b"\0")[:-1])

    def _write(self, name: str, text: str) -> None:
        wrapper = self.slot / TOOLS / name
        wrapper.write_text(text)
        wrapper.chmod(0o755)


@dataclass(frozen=True, slots=True)
class Pass:
    """One run of ld for an image of the kernel."""

    output: str
    args: Sequence[str]
    begun: int
    """Nanoseconds since the epoch."""
    sums: Mapping[str, str]
    """sha256 of every file that an argument names, when it began."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The link script as make started it."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """All that was noted of one link."""

    passes: Sequence[Pass]
    """In their order; one that ran twice under one name is there twice, with what the second was given."""
    caller: Caller | None


def _found(name: str, path: str) -> str:
    """Where a tool is on PATH; empty for one that is named by a path or is not there."""
    return "" if "/" in name else shutil.which(name, path=path) or ""
