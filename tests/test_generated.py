"""What is made of the code is what the code makes, and is good for what it is made for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from bisectsyms.cli import main
from bisectsyms.errors import UserError
from bisectsyms.inputs.plan import load_plan
from bisectsyms.inputs.schema import MODELS, modeline, schema
from bisectsyms.inputs.skeleton import skeleton
from docs.generate import ROOT, made
from tests.torture import __main__ as torture

MADE = made()


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_what_lies_here_is_what_would_be_made(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == MADE[path], "make pages"


def test_the_page_of_the_tortures_is_of_their_last_results() -> None:
    assert torture.PAGE.read_text(encoding="utf-8") == torture.page(), "python -m tests.torture with a name"


@pytest.mark.parametrize("name", MODELS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert all(one.get("description") for one in schema(name)["properties"].values())


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_profiles_are_as_the_schema_says(path: Path) -> None:
    Draft202012Validator(schema("profile")).validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("{plan: hunt, revisions: v6.1, profiles: [s3c6400], jobs: 5}", True),
        ("{plan: hunt, revisions: [v6.1], profiles: s3c6400, jobs: [1, 5], variations: pinned}", True),
        ("{plan: hunt, revisions: [v6.1], profiles: s3c6400, job: 5}", False),
        ("{plan: hunt, profiles: s3c6400}", False),
        ("{plan: hunt, revisions: [v6.1], profiles: s3c6400, jobs: 0}", False),
        ("{plan: hunt, revisions: [v6.1], profiles: s3c6400, exclude: [{boards: x}]}", False),
    ],
)
def test_schema_and_reader_agree(tmp_path: Path, text: str, right: bool) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    assert Draft202012Validator(schema("hunt")).is_valid(yaml.safe_load(text)) is right
    if right:
        load_plan(tmp_path / "plan.yaml")
    else:
        with pytest.raises(UserError):
            load_plan(tmp_path / "plan.yaml")


def test_a_new_profile_names_its_schema(tmp_path: Path) -> None:
    text = skeleton({"arch": "x86", "defconfig": "defconfig"}, {})
    assert text.startswith(f"{modeline('profile')}\n")
    named = Path(modeline("profile").partition("$schema=")[2])
    assert named.is_file()
    Draft202012Validator(schema("profile")).validate(yaml.safe_load(text))


def test_the_man_page_has_every_verb_and_option() -> None:
    if not shutil.which("groff"):
        pytest.skip("apt-get install groff")
    page = ROOT / "man/bisectsyms.1"
    done = subprocess.run(
        ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-P-cbou", "-rLL=300n", str(page)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    for name, verb in main.commands.items():
        assert f"bisectsyms {name}" in done.stdout
        for param in verb.params:
            for word in param.opts:
                assert not word.startswith("--") or word in done.stdout
    assert "bisectsyms bisect v6.1 v6.3 --profile s3c6400 --until 08:00\n" in done.stdout, "examples keep their lines"
