"""The wrappers in front of PATH: every pass of the link is noted, nothing else of the build changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bisectsyms.core.tools import gcc_tools, on_path
from bisectsyms.effects.ccache import Ccache
from bisectsyms.effects.nmtap import copies
from bisectsyms.effects.toolpath import LD_INSTEAD, LINKED_TOO, ToolPath

PATH = os.environ["PATH"]
REAL = shutil.which("ld")


@pytest.fixture
def objtree(tmp_path: Path) -> Path:
    """A folder with two objects and a script that links them in two passes."""
    obj = tmp_path / "obj"
    (obj / "scripts").mkdir(parents=True)
    for name in ("one", "two", "three", "four"):
        (obj / f"{name}.c").write_text(f"int {name};\n")
        subprocess.run(["gcc", "-c", "-o", f"{name}.o", f"{name}.c"], cwd=obj, check=True)
    script = (
        "ld -r -o .tmp_vmlinux1 one.o two.o\ncp three.o two.o\n(ld -r -o vmlinux one.o two.o)\nld -r -o other one.o\n"
    )
    (obj / "scripts/link-vmlinux.sh").write_text(script)
    return obj


@pytest.fixture
def tools(tmp_path: Path) -> ToolPath:
    slot = tmp_path / "a slot"
    tools = ToolPath(slot, slot)
    slot.mkdir()
    tools.install(gcc_tools(""), PATH)
    return tools


def _link(obj: Path, tools: ToolPath, *args: str, **env: str) -> None:
    env = {"PATH": tools.path(PATH), **env}
    subprocess.run(["sh", "scripts/link-vmlinux.sh", *args], cwd=obj, env=env, check=True)


def test_passes_and_their_caller_are_noted(objtree: Path, tools: ToolPath) -> None:
    _link(objtree, tools, "ld", "-EL with space", "", SEEN="1\n2")
    noted = tools.noted()
    assert noted is not None and noted.caller is not None
    assert [one.output for one in noted.passes] == [".tmp_vmlinux1", "vmlinux"]
    first, last = noted.passes
    assert list(last.args) == ["-r", "-o", "vmlinux", "one.o", "two.o"]
    assert first.begun <= last.begun
    assert first.sums["one.o"] == last.sums["one.o"]
    assert first.sums["two.o"] != last.sums["two.o"]
    assert list(noted.caller.argv) == ["sh", "scripts/link-vmlinux.sh", "ld", "-EL with space", ""]
    assert noted.caller.cwd == str(objtree)
    assert noted.caller.env["SEEN"] == "1\n2"


def test_what_nm_says_of_an_image_outlives_it(objtree: Path, tools: ToolPath) -> None:
    _link(objtree, tools)
    said = subprocess.run(["nm", "-n", "vmlinux"], cwd=objtree, capture_output=True, check=True).stdout
    script = "nm -n vmlinux > map; nm -n other > other.map; rm vmlinux"
    subprocess.run(["sh", "-c", script], cwd=objtree, env={"PATH": tools.path(PATH)}, check=True)
    assert (objtree / "map").read_bytes() == said
    assert {path.name: path.read_bytes() for path in copies(tools.watch)} == {"vmlinux.nm": said}
    assert " .symtab " in (tools.watch / "vmlinux.sections").read_text()
    tools.forget()
    assert copies(tools.watch) == ()


def test_what_the_wrapper_links_is_what_ld_links(objtree: Path, tools: ToolPath) -> None:
    _link(objtree, tools)
    wrapped = (objtree / "vmlinux").read_bytes()
    subprocess.run(["ld", "-r", "-o", "vmlinux", "one.o", "two.o"], cwd=objtree, check=True)
    assert (objtree / "vmlinux").read_bytes() == wrapped
    failed = subprocess.run([tools.slot / "tools/ld", "-o", "vmlinux", "none.o"], cwd=objtree, capture_output=True)
    assert failed.returncode == 1
    assert b"none.o" in failed.stderr


def test_an_object_and_another_ld_reach_the_passes_alone(objtree: Path, tools: ToolPath) -> None:
    other = objtree / "other-ld"
    other.write_text(f'#!/bin/sh\ntouch used-other\nexec "{REAL}" "$@"\n')
    other.chmod(0o755)
    _link(objtree, tools, **{LINKED_TOO: "four.o", LD_INSTEAD: str(other)})
    symbols = subprocess.run(["nm", "vmlinux", "other"], cwd=objtree, capture_output=True, text=True, check=True).stdout
    assert (objtree / "used-other").exists()
    assert symbols.count(" four") == 1
    noted = tools.noted()
    assert noted is not None
    assert noted.passes[0].args[-1] == "four.o"


def test_nothing_is_noted_of_other_callers(objtree: Path, tools: ToolPath) -> None:
    env = {"PATH": tools.path(PATH)}
    subprocess.run(["ld", "-r", "-o", "vmlinux", "one.o"], cwd=objtree, env=env, check=True)
    noted = tools.noted()
    assert noted is not None and noted.caller is None
    tools.forget()
    assert tools.noted() is None


def test_a_tool_with_a_path_is_found_by_its_name() -> None:
    tools, folder = on_path(gcc_tools("/opt/gcc-13/bin/arm-linux-gnueabi-"))
    assert (tools.compiler, tools.linker, folder) == (
        "arm-linux-gnueabi-gcc",
        "arm-linux-gnueabi-ld",
        "/opt/gcc-13/bin",
    )
    assert dict(tools.make) == {"CROSS_COMPILE": "arm-linux-gnueabi-"}
    assert on_path(gcc_tools("arm-linux-gnueabi-")) == (gcc_tools("arm-linux-gnueabi-"), "")


@pytest.mark.skipif(not shutil.which("ccache"), reason="ccache is not installed: apt-get install ccache")
def test_the_compiler_goes_through_ccache_unless_it_is_disabled(objtree: Path, tmp_path: Path) -> None:
    cache = Ccache.of(tmp_path / "slots", {"PATH": PATH})
    tools = ToolPath(tmp_path / "slot", tmp_path / "slot")
    tools.install(gcc_tools(""), PATH, cache.program)

    def compiled(**env: str) -> list[str]:
        env = {"PATH": tools.path(PATH), **cache.environment, **env}
        subprocess.run(["gcc", "-c", "-o", "one.o", "one.c"], cwd=objtree, env=env, check=True)
        counts = subprocess.run(["ccache", "--print-stats"], env=env, capture_output=True, text=True, check=True).stdout
        pairs = dict(line.split("\t") for line in counts.splitlines())
        return [pairs["cache_miss"], pairs["direct_cache_hit"]]

    assert compiled() == ["1", "0"]
    assert compiled() == ["1", "1"]
    assert compiled(CCACHE_DISABLE="1") == ["1", "1"]
    assert Ccache.of(tmp_path / "slots", {"PATH": PATH, "CCACHE_DISABLE": "1"}) == Ccache()
    assert Ccache.of(tmp_path / "slots", {"PATH": PATH}, wanted=False) == Ccache()
