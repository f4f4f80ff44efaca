"""Errors in files that people write are said in our words: whatever stands where, in every kind of file."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from bisectsyms.errors import UserError
from bisectsyms.inputs.causes import CauseFile
from bisectsyms.inputs.knowledge import EraFile, SignatureFile
from bisectsyms.inputs.mistakes import SENTENCES, mistakes
from bisectsyms.inputs.plan import HuntPlan, plan_of
from bisectsyms.inputs.profile import Profile
from bisectsyms.inputs.reportknowledge import MakeVarsFile, ReportsFile
from bisectsyms.inputs.reports.attached import LONGEST_KCONFIG
from bisectsyms.inputs.reports.plan import ReproducePlan
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.toolchains import ToolchainFile, UserFile
from bisectsyms.inputs.typewords import Place
from bisectsyms.inputs.variations import VariationsFile
from bisectsyms.inputs.yamlfile import load_model

PROFILE = """
arch: arm
toolchain: gcc-12
defconfig: s3c6400_defconfig
config: my.config
fragments: [debug.config]
kconfig: [CONFIG_A=y]
jobs: 5
targets: [vmlinux]
in_tree: true
variables: {LLVM_IAS: 1}
environment: {LANG: C}
ccache: true
timeout: 90m
variation: sweep:32
fixups: [{patch: fix.patch, before: v6.2}]
packages: [gcc]
sandbox: usual
hosttools: true
"""
HUNT = """
plan: hunt
revisions: [v6.1]
profiles: [s3c6400]
defconfigs: [defconfig]
toolchains: [gcc-12]
jobs: [1, 5]
variations: [pinned]
exclude: [{revision: v6.1, profile: s3c6400, toolchain: gcc, jobs: 1, variation: pinned}]
until: 08:00
for: 8h
kind: relink
slots: 2
then: [bisect]
good: v6.0
bad: v6.1
notify: mail
page: report.html
"""
REPRODUCE = """
plan: reproduce
revision: v6.1
arch: arm
defconfig: s3c6400_defconfig
toolchain: gcc-12
jobs: 5
make_variables: {W: 1}
kconfig_lines: [CONFIG_A=y]
kconfig: ""
"""
TOOLCHAINS = """
folders: [/opt/crosstool]
arches: [{arch: arm, also: [armeb], prefixes: [arm-linux-gnueabi-], machines: [armv7l], triples: [arm], package: gcc}]
"""
WRITTEN: dict[type[BaseModel], str] = {Profile: PROFILE, HuntPlan: HUNT, ReproducePlan: REPRODUCE, UserFile: TOOLCHAINS}
SHIPPED: dict[type[BaseModel], str] = {
    SignatureFile: "signatures",
    EraFile: "eras",
    CauseFile: "causes",
    MakeVarsFile: "makevars",
    ReportsFile: "reports",
    ToolchainFile: "toolchains",
    VariationsFile: "variations",
}
WRONG: tuple[Any, ...] = (
    "x y!", "", "0", "-1", "1.5", "99999", "9" * 5000, [], ["x y!"], [None], {}, {"k": "v"}, {"k": ["v"]}, [[]], [{}],
    [["A", "b", "c"]],
)  # fmt: skip


def read(text: str) -> Any:
    """As our reader does: every scalar a text."""
    return yaml.load(text, yaml.BaseLoader)


def short(value: Any) -> Any:
    """A sample with at most two entries in each list: more of the same says nothing more."""
    if isinstance(value, list):
        return [short(one) for one in value[:2]]
    if isinstance(value, dict):
        return {key: short(one) for key, one in value.items()}
    return value


def samples() -> Iterator[tuple[type[BaseModel], Any]]:
    yield from ((model, read(text)) for model, text in WRITTEN.items())
    for model, name in SHIPPED.items():
        sample = short(read((configs_dir() / "knowledge" / f"{name}.yaml").read_text()))
        if model is VariationsFile:
            sample["variations"][0]["variables"] = {"W": "1"}
        yield model, sample


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a sample but the top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*at, key)
        yield from places(one, (*at, key))


def bent(sample: Any) -> Iterator[Any]:
    """The sample with something wrong: at each place in turn, a key too many, a key too few."""
    for place in places(sample):
        for wrong in WRONG:
            made = copy.deepcopy(sample)
            holder = made
            for step in place[:-1]:
                holder = holder[step]
            holder[place[-1]] = wrong
            yield made
        made = copy.deepcopy(sample)
        holder = made
        for step in place[:-1]:
            holder = holder[step]
        del holder[place[-1]]
        yield made
    yield sample | {"k": "v"}


def test_there_is_a_sentence_for_every_kind_of_error_and_no_other() -> None:
    reached = set[str]()
    for model, sample in samples():
        too_long = [sample | {"kconfig": "#" * (LONGEST_KCONFIG + 2)}] if model is ReproducePlan else []
        for made in (*bent(sample), *too_long):
            try:
                model.model_validate(made)
            except ValidationError as error:
                reached |= {problem["type"] for problem in error.errors(include_url=False)}
                for one in mistakes(error, model):
                    said = one.said("key: ")
                    assert "nput should" not in said and "alue error" not in said and "{" not in one.what, said
    assert reached == set(SENTENCES)


def test_samples_are_right_but_for_two_ways_to_say_one_thing() -> None:
    """Else the kinds of errors would be those of a sample that fits nowhere."""
    for model, sample in samples():
        if model is Profile:
            del sample["config"]
        if model is not SignatureFile:  # that is wanted whole
            model.model_validate(sample)


@pytest.mark.parametrize(
    ("model", "text", "says"),
    [
        (Profile, "jobs: five", "1:1: jobs: 'five' is no whole number; expected: 1 to 1024, as `jobs: 5`"),
        (Profile, "jobs: 0", "1:1: jobs: '0' is less than 1; expected: 1 to 1024, as `jobs: 5`"),
        (Profile, "jobs: 2000", "1:1: jobs: '2000' is more than 1024; expected: 1 to 1024, as `jobs: 5`"),
        (Profile, "jobs: [5]", "1:1: jobs: a list is no whole number; expected: 1 to 1024, as `jobs: 5`"),
        (Profile, "in_tree: maybe", "in_tree: 'maybe' is neither true nor false; expected: true or false,"),
        (Profile, "kconfig: CONFIG_A=y", "is no list; expected: list of text, as `kconfig: [CONFIG_KALLSYMS_ALL=y]`"),
        (Profile, "variables: W=1", "'W=1' is no mapping; expected: mapping, as `variables: {LLVM_IAS: '1'}`"),
        (Profile, "variables: {W: [1]}", "1:13: variables.W: a list is no text; expected: text"),
        (Profile, "arch: ARM!", "arch: 'ARM!' does not have the form of one; for example `arch: arm`"),
        (Profile, "targets: []", "targets: the list is empty; for example `targets: [vmlinux]`"),
        (Profile, "sandbox: none", "'none' is none of its values; expected: `usual`, `closed`, `required`,"),
        (Profile, "config: [a]", "config: a list is no path; expected: path, as `config: my.config`"),
        (Profile, "timeout: [1]", "timeout: a list is no number; expected: number or text, as `timeout: 90m`"),
        (Profile, "timeout: 0", "timeout: '0' is not more than 0; expected: number or text, as `timeout: 90m`"),
        (Profile, "variation: [pinned]", "variation: this is no text such as pinned or sweep:32"),
        (Profile, "fixups: fix.patch", "is no list; expected: list of mapping, as `fixups: [{patch: fix.patch}]`"),
        (Profile, "fixups: [fix.patch]", "1:10: fixups.0: 'fix.patch' is no mapping; expected: mapping"),
        (Profile, "fixups: [{patc: x}]", "1:11: fixups.0.patc: no such key; did you mean patch?"),
        (Profile, "fixups: [{zzz: x}]", "fixups.0.zzz: no such key; there are: patch, commit, from, before"),
        (Profile, "defconfig: x", "arch: this key is missing; for example `arch: arm`"),
        (HuntPlan, "plan: hunt", "revisions: this key is missing; for example `revisions: [v6.1, v6.0]`"),
        (HuntPlan, "plan: night", "1:1: plan: 'night' is none of its values; expected: `hunt`, as `plan: hunt`"),
        (HuntPlan, "jobs: [1, many]", "1:11: jobs.1: 'many' is no whole number; expected: 1 to 1024, as `jobs: [1, "),
        (HuntPlan, "fro: 8h", "fro: no such key; did you mean for?"),
        (HuntPlan, "then: [rest]", "then.0: 'rest' is none of its values; expected: `isolate`, `bisect`"),
        (HuntPlan, "exclude: [{job: 1}]", "exclude.0.job: no such key; did you mean jobs?"),
        (UserFile, "arches: [{arch: arm, prefixes: [arm]}]", "prefixes.0: 'arm' does not have the form of one"),
        (SignatureFile, "signatures: [{id: x, outcome: BAD}]", "'BAD' is none of its values; expected: `CLEAN`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_place_and_example(
    tmp_path: Path, model: type[BaseModel], text: str, says: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"{text}\n")
    with pytest.raises(UserError) as caught:
        load_model(path, model)
    assert says in caught.value.message
    assert caught.value.message.startswith(f"{path}:1:")


@pytest.mark.parametrize("model", [Profile, HuntPlan], ids=lambda one: one.__name__)
def test_examples_fit_where_they_stand(model: type[BaseModel]) -> None:
    """An example that is no value of its key would send people from one error to the next."""
    least = {"arch": "arm", "fragments": ["x"]} if model is Profile else read("{plan: hunt, revisions: a, profiles: b}")
    keys = model.model_json_schema()["properties"]
    shown = {key: one["examples"] for key, one in keys.items() if "examples" in one}
    assert shown
    for key, (value,) in shown.items():
        model.model_validate(least | {key: read(yaml.safe_dump(value))})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"profiles": ("x",)}, "--rev: is missing; for example `--rev v6.1,v6.0`"),
        ({"revisions": ("a",), "profiles": ("x",), "jobs": ("many",)}, "-j: 'many' is no whole number; expected: 1 to"),
    ],
)
def test_options_say_the_same_as_they_are_typed(words: dict[str, tuple[str, ...]], says: str) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(words)
    assert says in caught.value.message
