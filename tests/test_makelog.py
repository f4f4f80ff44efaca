"""What a build's log tells of its order; a lawful repeat is never told."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.core.loglines import MOST_LINE
from bisectsyms.kallsyms.compare import compare
from bisectsyms.kallsyms.facts import LogFacts
from bisectsyms.kallsyms.makelog import MOST, read_log
from bisectsyms.kallsyms.symbols import read_map
from bisectsyms.smallkernel import Failure, write_history

LOGS = Path(__file__).parent / "corpus" / "logs"
GCC = "  arm-linux-gnueabi-gcc -Wp,-MMD,init/.version-timestamp.o.d -nostdinc -DKBUILD_MODNAME='\"v\"' -c -o {} {}"
PASSES = """\
  LD      .tmp_vmlinux.kallsyms1
  NM      .tmp_vmlinux.kallsyms1.syms
  KSYMS   .tmp_vmlinux.kallsyms1.S
  AS      .tmp_vmlinux.kallsyms1.o
  LD      .tmp_vmlinux.kallsyms2
  NM      .tmp_vmlinux.kallsyms2.syms
  KSYMS   .tmp_vmlinux.kallsyms2.S
  AS      .tmp_vmlinux.kallsyms2.o
  LD      vmlinux
  NM      System.map
"""


def read(*lines: str) -> LogFacts:
    return read_log(["".join(f"{line}\n" for line in lines).encode()])


def test_the_double_writer_of_6_1() -> None:
    """As a build of 6.1 with s3c6400_defconfig printed it."""
    found = read(
        "  AR      vmlinux.a",
        "  LD      vmlinux.o",
        "  MODPOST vmlinux.symvers",
        "  FPRINT  init/version-timestamp.o",
        "  CC      .vmlinux.export.o",
        "  UPD     include/generated/utsversion.h",
        "  CC      init/version-timestamp.o",
        PASSES,
    )
    assert found == LogFacts(twice=("FPRINT and CC init/version-timestamp.o",))


def test_one_rule_twice() -> None:
    found = read("  CC      init/version-timestamp.o", "  CC      lib/a.o", "  CC      init/version-timestamp.o")
    assert found.twice == ("CC init/version-timestamp.o",)


@pytest.mark.parametrize(
    "lines",
    [
        [GCC.format("lib/a.o", "../lib/a.c"), "  CC      lib/b.o", GCC.format("lib/a.o", "../lib/a.c")],
        ["  ccache clang --target=arm -c -o lib/a.o /src/lib/a.c", "+ clang -c -o lib/a.o /src/lib/a.c"],
        ["  CC      lib/a.o - due to: lib/a.h", "  CC      lib/a.o"],
        ["  \x1b[32mCC\x1b[0m      lib/a.o", "  CC      lib/a.o"],
    ],
)
def test_forms_of_a_line(lines: list[str]) -> None:
    assert read(*lines).twice == ("CC lib/a.o",)


def test_forms_of_other_rules() -> None:
    assert read(*["  gcc -D__ASSEMBLY__ -c -o lib/a.o lib/a.S"] * 2).twice == ("AS lib/a.o",)
    assert read(*["  arm-linux-gnueabi-ld -EL -r -o lib/a.o lib/x.o lib/y.o"] * 2).twice == ("LD lib/a.o",)
    assert read(*["  ld.lld-15 -r -o lib/a.o lib/x.o"] * 2).twice == ("LD lib/a.o",)
    assert read(*["  AR      drivers/built-in.a"] * 2).twice == ("AR drivers/built-in.a",)


@pytest.mark.parametrize(
    "line",
    [
        "  GEN     ./Makefile",
        "  CALL    scripts/checksyscalls.sh",
        "  CHK     include/generated/compile.h",
        "  UPD     include/generated/utsversion.h",
        "  HOSTCC  scripts/kconfig/conf.o",
        "  CC      /obj/tools/objtool/fixdep.o",
        "  CC      tools/lib/a.o",
        "  CC      fixdep.o",
        "  CC [M]  fs/fat/inode.o",
        "  LD [M]  fs/fat/fat.ko",
        "  CC      fs/fat/fat.mod.o",
        "  AS      arch/arm/boot/compressed/head.o",
        "  CHECK   lib/a.o",
        "  MODPOST vmlinux.o",
        "  LD      .tmp_vmlinux.kallsyms1",
        "  AS      .tmp_vmlinux.kallsyms1.o",
        "  gcc -c -o lib/.tmp_a.o lib/a.c",
        "  gcc -o scripts/a.o -c scripts/a.c",
        "  INSTALL usr/include/a.o",
        "CC lib/a.o",
        "    CC      lib/a.o",
        "> CC      lib/a.o",
    ],
)
def test_what_may_be_printed_twice(line: str) -> None:
    assert read(line, line) == LogFacts()


def test_two_makes_of_one_log_are_not_one() -> None:
    one = "  CC      lib/a.o"
    for between in (
        "make: Entering directory '/src'",
        "make: Leaving directory '/src'",
        "make[1]: Entering directory '/obj'",
        "make: *** [Makefile:219: __sub-make] Error 2",
        "make: Verzeichnis „/src“ wird betreten",
        "make: 'vmlinux' is up to date.",
        "gmake: Leaving directory '/src'",
    ):
        assert read(one, between, one) == LogFacts()
    for within in (
        "make[3]: Entering directory '/src/tools'",
        "make[2]: *** [scripts/Makefile.build:250: lib/b.o] Error 1",
        "make: *** Waiting for unfinished jobs....",
        "make: warning: jobserver unavailable: using -j1.  Add '+' to parent make rule.",
        "makedepend: nothing",
    ):
        assert read(one, within, one).twice == ("CC lib/a.o",)


VERSION = ("  GEN     .version", "  CHK     include/generated/compile.h", "  CC      init/version.o")
OLD_PASSES = ("  LD      .tmp_vmlinux1", "  KSYM    .tmp_kallsyms1.o", "  LD      .tmp_vmlinux2", "  LD      vmlinux")


def test_up_to_6_0_the_version_is_compiled_again_for_each_link() -> None:
    lawful = (
        "  CC      init/version.o",
        "  LD      init/built-in.o",
        *VERSION,
        "  LD      init/built-in.o",
        *OLD_PASSES,
    )
    assert read(*lawful) == LogFacts()
    assert read(*VERSION, *lawful).twice == ("CC init/version.o",)


def test_made_when_a_pass_had_begun() -> None:
    found = read(*VERSION[1:], OLD_PASSES[0], VERSION[2], "  CC [M]  fs/a.o", *OLD_PASSES[1:])
    assert found.twice == ("CC init/version.o",)
    assert found.late == ("CC init/version.o after LD .tmp_vmlinux1",)


def test_what_follows_the_link_is_not_late() -> None:
    assert read(PASSES, "  CC      init/main.o").late == ()
    assert read("  LD      .tmp_vmlinux1", "make: Leaving directory '/src'", "  CC      init/main.o").late == ()


@pytest.mark.parametrize(
    ("line", "seed"),
    [
        ("make[1]: *** [Makefile:1199: vmlinux] Error 2 shuffle=1662724426", "1662724426"),
        ("make: *** [vmlinux] Fehler 1 shuffle=reverse", "reverse"),
        ("make: *** [vmlinux] Error 1", ""),
        ("  make: *** [vmlinux] Error 1 shuffle=1", ""),
        ("+make --shuffle=12", ""),
    ],
)
def test_the_seed_of_a_shuffle(line: str, seed: str) -> None:
    assert read(line).shuffle == seed


@pytest.mark.parametrize(
    "line",
    [
        "ld: lib/string.o: file truncated",
        "arm-linux-gnueabi-ld: init/version-timestamp.o: file not recognized: file truncated",
        "init/version.o: file not recognized: File format not recognized",
        "nm: .tmp_vmlinux1: file format not recognized",
        "ld: vmlinux.a: error adding symbols: malformed archive",
        "ar: built-in.a: malformed archive",
        "ld.lld: error: init/version.o: unknown file type",
        "llvm-nm: error: x.o: section header table goes past the end of the file: e_shoff = 0x2a8",
        "objcopy: Unable to recognise the format of the input file `vmlinux.o'",
    ],
)
def test_read_while_it_was_written(line: str) -> None:
    assert read(line, line, f"    {line}", f"+ {line}", f"> {line}").damaged == (line,)


def test_real_logs_say_nothing_that_is_not_so() -> None:
    said = {path.stem: facts for path in LOGS.glob("*.log") if (facts := read_log([path.read_bytes()])) != LogFacts()}
    assert said == {
        "make-error-137": LogFacts(shuffle="42"),
        "truncated-object": LogFacts(damaged=("ld: lib/string.o: file truncated",)),
    }


def _cut(log: bytes, size: int) -> Iterator[bytes]:
    return (log[at : at + size] for at in range(0, len(log), size))


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from(
                [b"\n", b"  CC      lib/a.o\n", b"make: x\n", b"  LD      .tmp_vmlinux1\n", b" shuffle=1\n"]
            ),
            st.sampled_from(
                [b"make: *** x", b"  ", b"+ ", b" -o ", b"a/b.o", b" -c ", b": file truncated\n", b"\x1b["]
            ),
        )
    ).map(b"".join),
    st.integers(1, 50),
)
def test_any_bytes_in_any_pieces(log: bytes, size: int) -> None:
    found = read_log(_cut(log, size))
    assert found == read_log([log])
    told = "".join((*found.twice, *found.late, *found.damaged, found.shuffle))
    assert told.replace("\t", " ").isprintable()


def test_a_hostile_log_is_not_kept() -> None:
    numbers = random.Random(1)
    lines = [b"  CC      lib/%d.o\n" % numbers.randrange(5000) for _ in range(20_000)]
    lines += [b"ld: %d.o: file truncated\n" % n for n in range(1000)]
    found = read_log([*lines, b"  CC      lib/" + b"x" * (4 * MOST_LINE) + b".o\n"])
    assert len(found.twice) == len(found.damaged) == MOST


@pytest.mark.slow
def test_a_race_of_the_small_kernel(tmp_path: Path) -> None:
    """Forty links of which each fails with at least 25 %: none does in one of 10 ** 5 runs of this test."""
    if shutil.which("gcc") is None:
        pytest.skip("apt-get install gcc")
    from tests.test_smallkernel import Objtree

    history = write_history(tmp_path / "repo", Failure.RACE, seed=1, commits=16, unrelated=False)
    objtree = Objtree(history, history.bad, tmp_path)
    verbose = objtree.make("KBUILD_BUILD_VERSION=1", "V=1", "vmlinux")
    assert read_log([verbose.stdout.encode()]).twice == ()
    for _ in range(40):
        (objtree.out / "vmlinux").unlink(missing_ok=True)
        done = objtree.make("KBUILD_BUILD_VERSION=1", "vmlinux")
        if done.returncode:
            break
    names = (".tmp_vmlinux.kallsyms1.syms", ".tmp_vmlinux.kallsyms2.syms", "System.map")
    first, second, final = (read_map((objtree.out / name).read_bytes(), name) for name in names)
    assert read_log([done.stdout.encode()]).twice == ("FPRINT and CC init/version-timestamp.o",)
    found = compare(second, final)
    assert found.same_names and found.first and found.shifts and found.moved
    assert all(name.startswith("kallsyms_") for name in compare(first, second).appeared)
