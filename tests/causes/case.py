"""A build that goes wrong by a known cause: the small kernel, bent, and its real make.

What the link of a case prints and leaves is never written by hand. Where bytes decide (what an alignment swallows
differs between compilers), a case has a number `{n}` in its edits, and the build tries one value after the other.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.smallkernel.edits import Edit
from tests.era_shapes import SHAPES, Shape, files_of

MESSAGE = "Inconsistent kallsyms data"
STEADY = ("KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 2026", "KBUILD_BUILD_USER=u", "KBUILD_BUILD_HOST=h")
CROSS = {"x86": "", "arm": "arm-linux-gnueabi-", "arm64": "aarch64-linux-gnu-", "powerpc": "powerpc-linux-gnu-"}
PACKAGES = {
    "gcc": "gcc",
    "make": "make",
    "ld.lld": "lld",
    "ld.gold": "binutils",
    "clang": "clang",
    "llvm-nm": "llvm",
    "arm-linux-gnueabi-gcc": "gcc-arm-linux-gnueabi",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "powerpc-linux-gnu-gcc": "gcc-powerpc-linux-gnu",
}
OBJTREE = (".config", ".compile-command", "vmlinux.a")
"""What a link does not make, of the files in the top folder."""
FORMS = {shape.id: shape for shape in SHAPES}


@dataclass(frozen=True, slots=True)
class Case:
    """One build that fails; the expected answer stands in `mechanism` and `trigger`, empty where it is not certain."""

    id: str
    mechanism: str = ""
    trigger: str = ""
    imitates: str = ""
    """The upstream commit or report, and what was wrong there."""
    arch: str = "x86"
    edits: tuple[Edit, ...] = ()
    """On the tree of the shape; `{n}` in a new text is the number that is tried."""
    files: tuple[tuple[str, str], ...] = ()
    """(path, text) that the small kernel does not have."""
    shape: str = "6.1"
    """The form of the link, by the id of tests/era_shapes.py."""
    make: tuple[str, ...] = ()
    """Words for make; `{n}` as in the edits."""
    jobs: int = 2
    numbers: tuple[int, ...] = (0,)
    """Values of `{n}`, the likeliest first."""
    earlier: tuple[Edit, ...] | None = None
    """The same objtree was built before with these edits in place of `edits`, and passed."""
    once_more: bool = False
    """Fails now and then only: link again up to 20 times."""
    tools: tuple[tuple[str, str], ...] = ()
    """(name, shell script) in front of PATH: what another machine has in this place; `{n}` as in the edits."""
    says: str = MESSAGE
    """What the build prints, as a regular expression."""
    needs: tuple[str, ...] = ()
    """Programs beside those of the arch."""
    tried: tuple[Tried, ...] = ()
    """What a ledger would say of attempts at this revision."""
    why: str = ""
    """What decided the outcome, for infrastructure."""
    shows: str = ""
    """A symbol name, as a regular expression, that the raw files must show; see tests/test_cause_cases.py."""

    @property
    def form(self) -> Shape:
        return FORMS[self.shape]

    def words(self, number: int) -> tuple[str, ...]:
        """The arguments of make for one number."""
        return (
            f"ARCH={self.arch}",
            f"CROSS_COMPILE={CROSS[self.arch]}",
            "KBUILD_BUILD_VERSION=1",
            *STEADY,
            *(word.replace("{n}", str(number)) for word in self.make),
        )


def variant(case: Case, *more: str) -> Case:
    """The case under an id that says where it is other."""
    return replace(case, id="-".join((case.id, case.arch, case.shape, *more)))


def missing(case: Case) -> str:
    """The Debian package of a program that the case needs and this machine has not, or the empty string."""
    for program in ("make", "gcc", CROSS[case.arch] + "gcc", *case.needs):
        if shutil.which(program) is None:
            return PACKAGES[program]
    return ""


def build(case: Case, folder: Path, workshop: Path | None = None) -> Path:
    """Build the case in `folder`, new or empty, and return its objtree; AssertionError if it does not fail so.

    `folder` then holds `linux` (the source), `obj` (the objtree, with kbuild's link `source`) and `make.log`, the
    output of the build that failed. With a `workshop` the build takes place there, on the objects that the case of the
    same arch before it left, and is copied: most cases differ in their link only.
    """
    place = folder if workshop is None else workshop / case.arch
    _empty(place)
    log = _build(case, place)
    folder.mkdir(parents=True, exist_ok=True)
    if workshop is not None:
        log = log.replace(str(place), str(folder))
        shutil.copytree(place / "linux", folder / "linux", dirs_exist_ok=True)
        shutil.copytree(place / "obj", folder / "obj", dirs_exist_ok=True, ignore=shutil.ignore_patterns("source"))
    (folder / "make.log").write_text(log)
    (folder / "obj/source").symlink_to(folder / "linux")
    return folder / "obj"


def verdicts(case: Case, place: Path) -> list[bool]:
    """Whether the build passes, for each number of the case, all of them in one objtree at `place`."""
    _empty(place)
    found = []
    for number in case.numbers:
        _write(place / "linux", tree(case, number))
        _configure(case, place)
        done = _relink(case, place, number)
        assert done.returncode == 0 or MESSAGE in done.stdout, done.stdout
        found.append(done.returncode == 0)
    return found


def _empty(place: Path) -> None:
    """Leave no trace of another link in the objtree."""
    shutil.rmtree(place / "tools", ignore_errors=True)
    for path in (place / "obj").glob("*"):
        if path.is_dir() and path.name.startswith("."):
            shutil.rmtree(path)
        elif not path.is_dir() and path.name not in OBJTREE:
            path.unlink()


def _build(case: Case, place: Path) -> str:
    """The log of the first build that fails."""
    if case.earlier is not None:
        _write(place / "linux", tree(replace(case, edits=case.earlier), case.numbers[0]))
        _configure(case, place)
        done = _make(case, place, case.numbers[0])
        assert done.returncode == 0, done.stdout
    for number in case.numbers:
        _write(place / "linux", tree(case, number))
        _configure(case, place)
        for again in range(20 if case.once_more else 1):
            if again:
                _empty(place)
            done = _relink(case, place, number)
            if re.search(case.says, done.stdout):
                assert done.returncode, done.stdout
                return done.stdout
            assert done.returncode == 0, done.stdout
    raise AssertionError(f"{case.id} passes with each of {case.numbers}\n{done.stdout}")


def tree(case: Case, number: int) -> dict[str, str]:
    """The source of the case with one number: path to text."""
    files = files_of(case.form) | {path: text.replace("{n}", str(number)) for path, text in case.files}
    for edit in case.edits:
        replace(edit, new=edit.new.replace("{n}", str(number))).apply(files)
    return files


def _write(source: Path, files: dict[str, str]) -> None:
    """Make the source these files; an equal one keeps its time, as git does it."""
    for path in source.rglob("*"):
        if path.is_file() and path.relative_to(source).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = source / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if text.startswith("#!") else 0o644)


def _configure(case: Case, place: Path) -> None:
    if not (place / "obj/.config").exists():
        done = _make(case, place, case.numbers[0], "smallkernel_defconfig")
        assert done.returncode == 0, done.stdout


def _relink(case: Case, place: Path, number: int) -> subprocess.CompletedProcess[str]:
    for name in ("vmlinux", "vmlinux.unstripped"):
        (place / "obj" / name).unlink(missing_ok=True)
    return _make(case, place, number)


def _make(case: Case, place: Path, number: int, *targets: str) -> subprocess.CompletedProcess[str]:
    search = os.environ["PATH"]
    if case.tools:
        for name, text in case.tools:
            tool = place / "tools" / name
            tool.parent.mkdir(exist_ok=True)
            tool.write_text(text.replace("{n}", str(number)))
            tool.chmod(0o755)
        search = f"{place / 'tools'}{os.pathsep}{search}"
    command = ["make", "-C", str(place / "linux"), f"O={place / 'obj'}", f"-j{case.jobs}", *case.words(number)]
    return subprocess.run(
        [*command, *targets],
        env={"PATH": search, "LANG": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=300,
    )
