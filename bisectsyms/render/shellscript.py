"""A failing attempt as a POSIX shell script that needs git, make and the compiler, and nothing of ours.

Whatever is not written here, a path, a title, an option, is quoted: none of it is a word of the shell's own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from bisectsyms.core.nature import Nature
from bisectsyms.core.words import visible
from bisectsyms.usecases.script import Repetition

END = "END_OF_TEXT"
LD = """\
#!/bin/sh
# ld, given one thing more where it links vmlinux.
previous= output=
for word do
	case $previous in -o) output=$word ;; esac
	previous=$word
done
case $output in
vmlinux | vmlinux.unstripped | .tmp_vmlinux*)
	[ -e "$PADDING" ] && set -- "$@" "$PADDING"
	exec "$INSTEAD" "$@"
	;;
esac
exec "$REAL" "$@"
"""
MACHINE = """\
# For which machine the object is to be made, by the words that compiled one of the kernel's.
set -f
flags=
for word in $(sed -n '1s/^[^=]*:=//p' "$obj/init/.main.o.cmd"); do
	case $word in -mllvm) ;; -m* | -Wa,-m* | --target=* | -EB | -EL) flags="$flags $word" ;; esac
done
"""
LOOP = """\
n=0 others=0
while :; do
	n=$((n + 1))
	status=0
	build >"$log" 2>&1 || status=$?
	if grep 'Inconsistent kallsyms data' "$log"; then
		echo "link $n failed (make ended with $status); all of its output is in $log" >&2
		exit "$status"
	fi
	if [ "$status" -ne 0 ]; then
		others=$((others + 1))
		tail -n 20 "$log" >&2
		echo "the build ended in another way (make: $status), which says nothing" >&2
		[ "$others" -lt 3 ] || exit 125
	elif [ "$n" -ge "$links" ]; then
		echo "no failure in $n links" >&2
		exit 0
	fi
	again
done
"""


def script_of(one: Repetition) -> str:
    """The text of the script."""
    return "\n".join(_lines(one)) + "\n"


def _lines(one: Repetition) -> Iterator[str]:
    yield "#!/bin/sh"
    yield from _head(one)
    yield "set -eu"
    yield f"commit={_quoted(one.revision.commit)}"
    yield f"work={_quoted(one.work)}"
    yield f"src={_quoted(one.src)} obj={_quoted(one.obj)} links={one.links}"
    yield "log=$work/log"
    yield 'git rev-parse --quiet --verify "$commit^{commit}" >/dev/null || {'
    yield '\techo "run this in a clone of the kernel that has $commit" >&2; exit 125; }'
    yield '[ ! -e "$work" ] || {'
    yield '\techo "$work is there already: git worktree remove --force $src; rm -r $work" >&2; exit 125; }'
    yield 'mkdir "$work"'
    yield 'git worktree add --quiet --detach "$src" "$commit"'
    yield 'mkdir -p "$obj"'
    if one.path:
        yield f"PATH={_quoted(one.path)}:$PATH  # where the compiler was; any other place does as well"
    yield from _linker(one)
    yield "# Nothing of your environment reaches the build: KCFLAGS or KALLSYMS_EXTRA_PASS would be another one."
    words = " ".join(f"{name}={_quoted(value)}" for name, value in one.environment)
    extra = ' PADDING="$PADDING" INSTEAD="$INSTEAD" REAL="$REAL"' if one.linker else ""
    yield f'clean() {{ env -i PATH="$PATH" HOME="$work" {words}{extra} "$@"; }}'
    yield from _configure(one)
    yield from _padding(one)
    yield f"build() {{ clean {_line(one.make)}; }}"
    yield from _again(one)
    yield LOOP.rstrip("\n")


def _head(one: Repetition) -> Iterator[str]:
    title = visible(f"{one.revision} ({one.revision.title})").replace("\n", " ")
    yield '# Makes a kernel build fail with "Inconsistent kallsyms data".'
    yield "#"
    yield f"# revision: {title}"
    yield f"# compiler: {visible(one.compiler)}"
    yield f"# seen: {one.seen} {one.kind} attempts failed; this one drew {one.draw}"
    if one.nature is Nature.LAYOUT:
        yield "# It is a function of the layout, which is pinned here: with the same compiler it always fails."
    else:
        yield f"# Whether it fails can differ from link to link, so up to {one.links} are made."
    yield "#"
    yield "# Run it in a clone of the kernel's repository. It makes a worktree and an objtree in a folder of its own."
    yield "# The length of that folder's name is part of the layout. Once a link has failed it ends as make did, so"
    yield "# not with 0; with 0 where none did, and with 125 where nothing was built."
    if one.tuxmake:
        yield "# With tuxmake it is a build from an empty tree each time, of another time, user, host and path. By"
        yield "# --runtime null it takes the compiler without a number, whatever version; podman has the one named:"
        yield f"#   {_line(one.tuxmake)}"
    elif one.nature is Nature.LAYOUT or one.pad:
        yield "# tuxmake cannot say it: it gives the build another time, user, host and path, so another layout."
    else:
        yield "# tuxmake has no line for it that is known to do the same: by its compiler, its .config or what it drew."


def _linker(one: Repetition) -> Iterator[str]:
    if not one.linker:
        return
    yield f"REAL=$(command -v {_quoted(one.linker)})"
    instead = f"$(command -v {_quoted(one.linker_instead)})" if one.linker_instead else "$REAL"
    yield f"INSTEAD={instead} PADDING=$work/pad.o"
    yield 'mkdir "$work/tools"'
    yield f"cat >\"$work/tools/\"{_quoted(one.linker)} <<'{END}'"
    yield LD.rstrip("\n")
    yield END
    yield f'chmod +x "$work/tools/"{_quoted(one.linker)}'
    yield "PATH=$work/tools:$PATH"


def _configure(one: Repetition) -> Iterator[str]:
    name, text = one.fragment
    yield "prepare() {"
    for file, content in ((".config", one.config.rstrip("\n")), (name, text)):
        if content:
            yield f"cat >\"$obj/\"{_quoted(file)} <<'{END}'"
            yield content
            yield END
    yield from (f"\tclean {_line(words)} &&" for words in one.configure)
    yield "\t:"
    yield "}"
    yield 'prepare >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 125; }'


def _padding(one: Repetition) -> Iterator[str]:
    if not one.pad:
        return
    yield f'clean {_line(one.pad_object)} >"$log" 2>&1 || {{ tail -n 20 "$log" >&2; exit 125; }}'
    yield f"cat >\"$work/pad.S\" <<'{END}'"
    yield one.pad.rstrip("\n")
    yield END
    yield MACHINE.rstrip("\n")
    yield f'clean {_line(one.pad_compiler)} $flags -c -o "$PADDING" "$work/pad.S"'
    yield "set +f"


def _again(one: Repetition) -> Iterator[str]:
    """What has to go before the next build."""
    if one.kind.is_from_scratch:
        yield 'again() { rm -rf "$obj"; mkdir -p "$obj"; prepare >/dev/null 2>&1; }'
        return
    globs = " ".join(f'"$obj"/{pattern}' for pattern in one.outputs)
    yield f"again() {{ rm -f {globs}; }}"


def _line(words: tuple[str, ...]) -> str:
    return shlex.join(words)


def _quoted(word: str) -> str:
    return shlex.quote(word)
