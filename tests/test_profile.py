"""Profiles: where they are looked up, and that every error says file, line, column and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bisectsyms.core.variation import Variation
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import Profile, available, find_profile
from bisectsyms.inputs.skeleton import skeleton

LEAST = "arch: arm\ndefconfig: s3c6400_defconfig\n"


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Empty places to look in."""
    made = {"state_dir": tmp_path / "state", "xdg_config_home": tmp_path / "xdg", "cwd": tmp_path / "tree"}
    for folder in (*made.values(), tmp_path / "xdg/bisectsyms"):
        folder.mkdir(exist_ok=True)
    return made


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("arch: arm\n  defconfig: x\n", "2:12", "mapping values are not allowed"),
        ("- arch\n", "1:1", "no mapping"),
        ("", "1:1", "no mapping"),
        (f"{LEAST}arch: x86\n", "3:1", "arch: this key is here twice"),
        (f"{LEAST}variables:\n  A: 1\n  A: 2\n", "5:3", "A: this key is here twice"),
        (f"{LEAST}job: 5\n", "3:1", "job: no such key; did you mean jobs?"),
        ("arch: arm\n", "1:1", "one of the keys defconfig, config, fragments"),
        (f"{LEAST}jobs: many\n", "3:1", "jobs: "),
        (f"{LEAST}jobs: 0\n", "3:1", "jobs: "),
        (f"{LEAST}timeout: 18:00\n", "3:1", "timeout: '18:00' is no duration"),
        (f"{LEAST}variation: sweep:65\n", "3:1", "variation: 'sweep:65' is neither"),
        (f"{LEAST}kconfig:\n  - CONFIG_A=y\n  - KALLSYMS\n", "3:1", "'KALLSYMS' is neither"),
        (f"{LEAST}kconfig: ['CONFIG_A=\"$(shell,touch x)\"']\n", "3:1", "is neither"),
        (f"{LEAST}targets: [-k]\n", "3:1", "'-k' is no target"),
        (f"{LEAST}targets: []\n", "3:1", "targets: "),
        (f"{LEAST}variables: {{O: /tmp}}\n", "3:1", "O is set by bisectsyms itself"),
        (f"{LEAST}variables: {{ARCH: x86}}\n", "3:1", "ARCH has its own key: arch"),
        (f"{LEAST}fixups:\n  - {{patch: a, commit: b}}\n", "4:5", "fixups.0: give exactly one of `patch` and `commit`"),
        (f"{LEAST}fixups:\n  - {{commit: b}}\n  - from: v4.0\n", "5:5", "fixups.1: give exactly one of"),
        (f"{LEAST}fixups:\n  - {{commit: b, form: v4.0}}\n", "4:17", "fixups.0.form: no such key"),
        (f"{LEAST}fixups:\n  - {{commit: b, before: ''}}\n", "4:17", "fixups.0.before: "),
        (f"{LEAST}fixups: fix.patch\n", "3:1", "fixups: "),
        ("arch: [arm]\ndefconfig: x\n", "1:1", "arch: "),
        ("arch: ARM!\ndefconfig: x\n", "1:1", "arch: "),
        ("a: &a [x]\nb: *c\n", "2:4", "undefined alias"),
    ],
)
def test_an_error_says_where(folders: dict[str, Path], text: str, where: str, says: str) -> None:
    path = write(folders["cwd"], text)
    with pytest.raises(UserError) as caught:
        find_profile(str(path), **folders)
    assert f"{path}:{where}: " in caught.value.message
    assert says in caught.value.message
    assert caught.value.next_step


def test_all_errors_come_at_once(folders: dict[str, Path]) -> None:
    path = write(folders["cwd"], "jobs: x\ntimeout: y\ncc: [a]\n")
    with pytest.raises(UserError) as caught:
        find_profile(str(path), **folders)
    assert len(caught.value.message.splitlines()) == 4


def test_a_bomb_of_aliases_is_refused(folders: dict[str, Path]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(UserError, match="too deep or too large"):
        find_profile(str(write(folders["cwd"], "\n".join(lines))), **folders)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"arch: \x00"])
def test_what_is_no_text_is_refused(folders: dict[str, Path], content: bytes) -> None:
    path = folders["cwd"] / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError):
        find_profile(str(path), **folders)


def test_scalars_stay_text_until_the_schema_types_them(folders: dict[str, Path]) -> None:
    text = f"{LEAST}variables: {{A: 0123456, B: no, C: 18:00, D: 1e3, E: 2026-11-23}}\njobs: 8\ntimeout: 90m\n"
    profile = find_profile(str(write(folders["cwd"], text)), **folders).profile
    assert profile.variables == {"A": "0123456", "B": "no", "C": "18:00", "D": "1e3", "E": "2026-11-23"}
    assert (profile.jobs, profile.timeout, profile.variation) == (8, 5400.0, Variation(32))


def test_the_first_folder_wins_and_the_tree_is_never_looked_in(folders: dict[str, Path]) -> None:
    write(folders["cwd"], LEAST, "s3c6400.yaml")
    shipped = find_profile("s3c6400", **folders).path
    assert shipped.parent.name == "configs"
    assert shipped != folders["cwd"] / "s3c6400.yaml"
    mine = write(folders["xdg_config_home"] / "bisectsyms", LEAST, "s3c6400.yaml")
    assert find_profile("s3c6400", **folders).path == mine
    ours = write(folders["state_dir"], LEAST, "s3c6400.yaml")
    assert find_profile("s3c6400", **folders).path == ours
    assert find_profile("./s3c6400.yaml", **folders).path.parent == folders["cwd"], "unless it is named"


def test_a_name_that_nobody_has(folders: dict[str, Path]) -> None:
    with pytest.raises(UserError) as caught:
        find_profile("s3c640", **folders)
    assert "did you mean s3c6400?" in caught.value.next_step
    assert {"s3c6400", "x86_64", "smallkernel", "smallkernel-arm"} <= {name for name, _ in available(**folders)}


def test_fragments_stand_beside_the_profile_and_are_checked(folders: dict[str, Path]) -> None:
    write(folders["cwd"], "# a comment\nCONFIG_A=y\n\n# CONFIG_B is not set\n", "more.config")
    path = write(folders["cwd"], f"{LEAST}fragments: [more.config]\nkconfig: [CONFIG_C=y]\n")
    loaded = find_profile(str(path), **folders)
    assert [line for line in loaded.lines if "CONFIG" in line] == ["CONFIG_A=y", "# CONFIG_B is not set", "CONFIG_C=y"]
    before = loaded.digest
    write(folders["cwd"], "CONFIG_A=n\n", "more.config")
    assert find_profile(str(path), **folders).digest != before, "another content is another cell"
    write(folders["cwd"], "CONFIG_A=y\nA=y\n", "more.config")
    with pytest.raises(UserError, match=r"more\.config:2:1: 'A=y'"):
        find_profile(str(path), **folders)
    (folders["cwd"] / "more.config").unlink()
    with pytest.raises(UserError, match=r"more\.config"):
        find_profile(str(path), **folders)


PATCH = "--- a/lib/x.c\n+++ b/lib/x.c\n@@ -1 +1 @@\n-a\n+b\n"


def test_a_patch_stands_beside_the_profile_and_is_read_with_it(folders: dict[str, Path]) -> None:
    write(folders["cwd"], PATCH, "fix.patch")
    path = write(folders["cwd"], f"{LEAST}fixups:\n  - {{patch: fix.patch, from: v4.0, before: e33a814e772c}}\n")
    loaded = find_profile(str(path), **folders)
    (fixup,) = loaded.fixups
    assert (fixup.name, fixup.patch, fixup.since, fixup.before) == ("fix.patch", PATCH.encode(), "v4.0", "e33a814e772c")
    assert loaded.digest == find_profile(str(write(folders["cwd"], LEAST)), **folders).digest, "kconfig is as it was"
    (folders["cwd"] / "fix.patch").rename(folders["cwd"] / "other.patch")
    write(folders["cwd"], f"{LEAST}fixups:\n  - {{patch: other.patch}}\n")
    assert find_profile(str(path), **folders).fixups[0].digest == fixup.digest


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), ("", "is empty"), ("\n", "is empty"), ("--- a\n+++ b\nno hunk\n", "is no patch")],
)
def test_what_is_no_patch_is_refused(folders: dict[str, Path], content: str | None, says: str) -> None:
    if content is not None:
        write(folders["cwd"], content, "fix.patch")
    path = write(folders["cwd"], f"{LEAST}fixups:\n  - patch: fix.patch\n")
    with pytest.raises(UserError) as caught:
        find_profile(str(path), **folders)
    assert f"{path}: fixups.0.patch: {folders['cwd']}/fix.patch" in caught.value.message
    assert says in caught.value.message
    assert caught.value.next_step


def test_a_skeleton_has_every_key_and_all_of_them_can_be_uncommented(tmp_path: Path, folders: dict[str, Path]) -> None:
    text = skeleton({"arch": "x86", "defconfig": "defconfig"}, {})
    commented, all_keys = (
        find_profile(str(write(tmp_path, content)), **folders).profile
        for content in (text, re.sub(r"(?m)^#(\w+:)", r"\1", text))
    )
    assert commented == all_keys, "what is commented out is the default"
    for name in Profile.model_fields:
        assert re.search(rf"(?m)^# \w.*\n#?{name}:", text), f"{name} has no docstring"
