"""Toolchains are data: found by name and by folder, told to make so that no other compiler is used by mistake."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from bisectsyms.core.tools import Arch, Llvm, llvm_tools
from bisectsyms.effects.toolchain import identify, short_name
from bisectsyms.effects.toolsearch import choose, find, tools_of
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import Profile
from bisectsyms.inputs.reportknowledge import report_knowledge
from bisectsyms.inputs.toolchains import Toolchains, load_toolchains
from bisectsyms.smallkernel.history import Failure, write_history
from tests.conftest import User

PATH = os.environ["PATH"]
GCC = str(shutil.which("gcc"))


@pytest.fixture
def known(tmp_path: Path) -> Toolchains:
    return load_toolchains(tmp_path)


def profile(**keys: object) -> Profile:
    return Profile.model_validate({"arch": "arm", "defconfig": "defconfig", **keys})


def put(path: Path) -> Path:
    """The real gcc under another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(GCC)
    return path


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("arm-linux-gnueabi-gcc (Debian 12.2.0-14) 12.2.0", "gcc-12.2.0"),
        ("gcc (GCC) 8.5.0 20210514 (Red Hat 8.5.0-4)", "gcc-8.5.0"),
        ("Debian clang version 16.0.6 (15~deb12u1)", "clang-16.0.6"),
        ("GNU ld (GNU Binutils for Debian) 2.40", "ld-2.40"),
        ("Debian LLD 14.0.6 (compatible with GNU linkers)", "lld-14.0.6"),
        ("mold 1.10.1 (compatible with GNU ld)", "mold-1.10.1"),
        ("something else", "gcc-?"),
    ],
)
def test_short_names(line: str, name: str) -> None:
    assert short_name(line) == name


def test_llvm_names_every_program_because_old_kernels_do_not_know_the_suffix() -> None:
    llvm = Llvm({"CC": "clang", "LD": "ld.lld", "NM": "llvm-nm", "AR": "llvm-ar"})
    suffixed = dict(llvm_tools(llvm, "arm-linux-gnueabi-", suffix="-16").make)
    assert suffixed == {
        "CROSS_COMPILE": "arm-linux-gnueabi-",
        "LLVM": "-16",
        "CC": "clang-16",
        "LD": "ld.lld-16",
        "NM": "llvm-nm-16",
        "AR": "llvm-ar-16",
    }
    assert dict(llvm_tools(llvm, "").make)["LLVM"] == "1"
    unpacked = dict(llvm_tools(llvm, "", folder="/opt/llvm-17/bin/").make)
    assert (unpacked["LLVM"], unpacked["CC"]) == ("/opt/llvm-17/bin/", "/opt/llvm-17/bin/clang")


def test_versions_on_path_come_by_their_suffix(tmp_path: Path, known: Toolchains) -> None:
    for name in ("gcc", "gcc-9", "gcc-11", "gcc-11.2", "gcc-ar-11"):
        put(tmp_path / "bin" / f"arm-linux-gnueabi-{name}")
    found = {tools.name: dict(tools.make) for tools in find(known.arch("arm"), known, str(tmp_path / "bin"))}
    assert list(found) == ["gcc", "gcc-9", "gcc-11", "gcc-11.2"]
    assert found["gcc"] == {"CROSS_COMPILE": "arm-linux-gnueabi-"}
    assert found["gcc-11"] == {"CROSS_COMPILE": "arm-linux-gnueabi-", "CC": "arm-linux-gnueabi-gcc-11"}


def test_the_crosstool_of_kernel_org(tmp_path: Path, known: Toolchains) -> None:
    gcc = put(tmp_path / "gcc-13.2.0-nolibc/arm-linux-gnueabi/bin/arm-linux-gnueabi-gcc")
    prefix = str(gcc).removesuffix("gcc")
    # Named in the profile, at any depth, or in the user's own toolchains.yaml.
    for folder in (tmp_path, tmp_path / "gcc-13.2.0-nolibc", gcc.parent.parent):
        tools = tools_of(profile(toolchain=str(folder)), "", known, PATH)
        assert (tools.name, dict(tools.make)) == ("gcc-13.2.0", {"CROSS_COMPILE": prefix})
    (tmp_path / "bisectsyms").mkdir()
    (tmp_path / "bisectsyms/toolchains.yaml").write_text(f"folders: [{tmp_path}]\n")
    assert tools_of(profile(), "gcc-13.2.0", load_toolchains(tmp_path), PATH).compiler == str(gcc)
    put(tmp_path / "gcc-9.5.0-nolibc/arm-linux-gnueabi/bin/arm-linux-gnueabi-gcc")
    with pytest.raises(UserError, match="holds 2 toolchains"):
        tools_of(profile(toolchain=str(tmp_path)), "", known, PATH)


@pytest.mark.parametrize("entry", load_toolchains(Path("/no/such/folder")).arches, ids=lambda entry: entry.arch)
def test_every_shipped_arch_is_found_under_all_its_names(entry: Arch, tmp_path: Path, known: Toolchains) -> None:
    where = f"{entry.arch} in configs/knowledge/toolchains.yaml"
    assert entry.package.startswith("gcc-"), f"{where}: `package:` is Debian's of {entry.prefixes[0]}gcc"
    assert entry.triples, f"{where}: `triples:` are the folders of kernel.org's crosstool"
    names = report_knowledge().names
    for arch in (entry.arch, *entry.also):
        assert arch in names.known_arches, f"configs/knowledge/reports.yaml: `arches:` lacks {arch}"
    assert {entry.arch, *entry.also} & {*names.options.values()}, (
        f"configs/knowledge/reports.yaml: `options:` lacks the option of a .config that says {entry.arch}"
    )
    for prefix in entry.prefixes:
        put(tmp_path / prefix / f"{prefix}gcc")
        found = [tools.compiler for tools in find(entry, known, str(tmp_path / prefix))]
        assert f"{prefix}gcc" in found
    for triple in entry.triples:
        gcc = put(tmp_path / f"{triple}/gcc-13.2.0-nolibc/{triple}/bin/{triple}-gcc")
        assert tools_of(profile(arch=entry.arch, toolchain=str(tmp_path / triple)), "", known, PATH).compiler == str(
            gcc
        )


def test_a_new_arch_is_data(tmp_path: Path) -> None:
    put(tmp_path / "bin/xtensa-linux-gnu-gcc")
    (tmp_path / "bisectsyms").mkdir()
    own = tmp_path / "bisectsyms/toolchains.yaml"
    own.write_text("arches:\n  - {arch: xtensa, prefixes: [xtensa-linux-gnu-]}\n")
    tools = tools_of(profile(arch="xtensa"), "", load_toolchains(tmp_path), str(tmp_path / "bin"))
    assert tools.compiler == "xtensa-linux-gnu-gcc"
    own.write_text("arches:\n  - {arch: xtensa, prefixes: [xtensa-linux-gnu-], llvm: 18, tuxmake: {a-: xtensa}}\n")
    arch = load_toolchains(tmp_path).arch("xtensa")
    assert (arch.llvm, arch.tuxmake) == ("18", (("a-", "xtensa"),))
    own.write_text("arches:\n  - {arch: xtensa, prefix: xtensa-linux-gnu-}\n")
    with pytest.raises(UserError, match=r"toolchains.yaml:2:20: arches.0.prefix: no such key"):
        load_toolchains(tmp_path)


@pytest.mark.parametrize(
    ("keys", "wanted", "said"),
    [
        ({"toolchain": "gc"}, "", "did you mean gcc"),
        ({}, "/no/such/folder", "no such folder|name the folder"),
        ({"arch": "vax"}, "", "cross_compile:"),
    ],
)
def test_what_is_not_there(known: Toolchains, keys: dict[str, str], wanted: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        tools_of(profile(**{"arch": "x86", **keys}), wanted, known, PATH)
    assert any(word in f"{error.value} {error.value.next_step}" for word in said.split("|"))


@pytest.mark.parametrize(
    ("arch", "version", "does"),
    [
        ("arm", "", True),
        ("arm", "11.0.1", True),
        ("s390", "", True),  # nobody has asked it yet
        ("s390", "14", False),
        ("s390", "17.0.6", False),
        ("s390", "18", True),
        ("s390", "18.1.0", True),
        ("s390", "20.1", True),
        ("sparc", "", False),
        ("sh", "20.1.0", False),
    ],
)
def test_which_llvm_makes_a_kernel_for_which_arch(known: Toolchains, arch: str, version: str, does: bool) -> None:
    assert (known.arch(arch).without_llvm(version) == "") is does


def llvm(folder: Path, suffix: str, version: str) -> None:
    """Programs by the names that are looked for of LLVM, which say that they are of this version."""
    folder.mkdir(exist_ok=True)
    for name in ("clang", "ld.lld", "llvm-nm", "llvm-ar"):
        program = folder / f"{name}{suffix}"
        program.write_text(f"#!/bin/sh\necho clang version {version}\n")
        program.chmod(0o755)


def test_llvm_is_offered_where_it_makes_kernels(tmp_path: Path, known: Toolchains) -> None:
    for suffix, version in (("", "14.0.6"), ("-17", "17.0.6"), ("-19", "19.1.0")):
        llvm(tmp_path / "bin", suffix, version)
    (tmp_path / "bin/make").symlink_to(str(shutil.which("make")))
    env = {"PATH": f"{tmp_path / 'bin'}:{PATH}"}

    def named(arch: str) -> list[str]:
        return [tools.name for tools in find(known.arch(arch), known, str(tmp_path / "bin")) if tools.is_llvm]

    assert named("arm") == ["llvm", "llvm-17", "llvm-19"]
    assert named("s390") == ["llvm", "llvm-19"]
    assert named("sh") == named("sparc") == []
    assert choose(profile(arch="s390"), "llvm-19", known, env)[1].identity.name == "clang-19.1.0"
    for arch, name, why in (
        ("s390", "llvm", "from 18.1.0 on, and this is 14.0.6"),
        ("s390", "llvm-17", "from 18.1.0 on, and this is 17"),
        ("sparc", "llvm", "for sparc"),
        ("sh", "llvm-19", "for sh"),
    ):
        with pytest.raises(UserError, match=why) as error:
            choose(profile(arch=arch), name, known, env)
        assert "toolchain: gcc" in error.value.next_step


def test_one_way_to_a_compiler() -> None:
    with pytest.raises(ValueError, match="give one of the two"):
        profile(toolchain="llvm", cross_compile="arm-linux-gnueabi-")
    assert profile(cross_compile="arm-none-eabi-").cross_compile == "arm-none-eabi-"


def test_an_attempt_is_repeated_with_the_toolchain_that_made_it(tmp_path: Path, known: Toolchains) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("ld", "nm", "make"):
        (tools / name).symlink_to(str(shutil.which(name)))
    (tools / "gcc").symlink_to(GCC)
    shutil.copy(os.path.realpath(GCC), tools / "gcc-99")  # the same program, but another file: another identity
    env = {"PATH": f"{tools}"}
    native = profile(arch="x86") if os.uname().machine == "x86_64" else profile(arch="arm64")
    other = identify(tools_of(native, "gcc-99", known, str(tools)), env).identity
    assert choose(native, "", known, env, other.digest)[0].name == "gcc-99"
    assert choose(native, "", known, env)[0].name == "gcc"
    assert choose(native, "", known, env, "no such identity")[0].name == "gcc"


def test_the_listing(user: User, tmp_path: Path) -> None:
    done = user.run("bisectsyms", "toolchains", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)["result"]
    native = [one for one in listed if one["program"] == "gcc"]
    assert native and native[0]["profiles"] and native[0]["compiler"]
    assert "gcc" in user.run("bisectsyms", "toolchains", cwd=tmp_path).stdout
    wrong = user.run("bisectsyms", "toolchains", str(tmp_path / "nowhere"), cwd=tmp_path)
    assert wrong.returncode == 128 and "nowhere is no folder" in wrong.stderr


@pytest.mark.slow
@pytest.mark.parametrize("toolchain", ["gcc", "llvm"])
def test_the_small_kernel_is_built_by_each(user: User, tmp_path: Path, toolchain: str) -> None:
    if toolchain == "llvm" and not all(shutil.which(program) for program in ("clang", "ld.lld", "llvm-nm")):
        pytest.skip("apt-get install clang lld llvm")
    history = write_history(tmp_path / "linux", Failure.NONE, seed=1, commits=12, unrelated=False)
    words = ["step", "HEAD", "--profile", "smallkernel", "--toolchain", toolchain, "--rate", ".9", "--confidence", ".5"]
    done = user.run("bisectsyms", *words, cwd=history.repo)
    assert done.returncode == 0, done.stderr
    assert f"x86/{'clang' if toolchain == 'llvm' else 'gcc'}-" in done.stderr
    assert user.run("bisectsyms", "again", "1", cwd=history.repo).stdout.endswith("now CLEAN: the same\n")
