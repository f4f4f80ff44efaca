"""Whatever people write, or another program has left: it is read, or refused with the place and what to do. Never a
traceback, and what can be written out comes back the same.
"""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bisectsyms.core.direction import search_terms
from bisectsyms.core.kconfig import LINE, foreign
from bisectsyms.core.prior import rules
from bisectsyms.core.variation import Variation
from bisectsyms.core.words import seconds_in
from bisectsyms.effects.bisecting import candidates, read_bisect
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import exchange
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.kconfigfile import read_config, read_fragment
from bisectsyms.inputs.plan import HuntPlan, load_plan, plan_of
from bisectsyms.inputs.profile import Profile, load_profile_file
from bisectsyms.inputs.variations import shipped_variations
from tests.fuzz.__main__ import CORPUS

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
FACTORS = shipped_variations()
POLICY = st.lists(
    st.one_of(
        st.sampled_from(["pinned", "sweep:7", "sweep:64", *FACTORS]),
        st.builds("{}:{}".format, st.sampled_from([*FACTORS]), st.integers(0, 10**7)),
        st.builds("{}={}".format, st.sampled_from([*FACTORS]), st.one_of(TEXT, st.sampled_from(["64", "ld.lld"]))),
        TEXT,
    ),
    max_size=3,
).map("+".join)


@given(POLICY)
def test_a_policy_is_refused_or_has_one_name(text: str) -> None:
    try:
        policy = Variation.parse(text, FACTORS)
    except ValueError as error:
        assert str(error)
        return
    assert Variation.parse(str(policy), FACTORS) == policy
    assert 1 <= policy.layouts <= policy.draws <= 4096


@given(
    st.lists(st.one_of(TEXT, st.builds("{}:{}={}".format, st.sampled_from(["path", "author", "subject"]), TEXT, TEXT)))
)
@example(["subject:a{99999999999999999999}=2"])
@example([f"author:{'(' * 5000}{')' * 5000}=2"])
@example(["subject:(=2", "path:[=2", "author:a=nan", "author:a=1e99", "flat"])
def test_a_rule_for_commits_is_taken_or_refused(words: list[str]) -> None:
    for word in words:
        try:
            rule = rules([word])
        except UserError as error:
            assert error.next_step and word in error.message
        else:
            assert rule.defaults is (word != "flat")
            assert all(1e-6 <= one.weight <= 1e6 for one in rule.own)


@given(st.one_of(TEXT, st.builds("{},{}".format, TEXT, TEXT)), st.booleans())
@example("good,bad", False)
@example("-x,y", False)
def test_terms_are_words_that_git_takes(text: str, find_fix: bool) -> None:
    try:
        terms = search_terms(text, find_fix=find_fix)
    except UserError as error:
        assert error.next_step
        return
    assert f"{terms.old},{terms.new}" == text and terms.old != terms.new
    assert all(word.isascii() and word[0].isalnum() for word in (terms.old, terms.new))


@given(st.one_of(TEXT, st.from_regex(r"(\d{1,400}h)?(\d{1,400}m)?(\d{1,400}(\.\d+)?s?)?", fullmatch=True)))
@example("9" * 400 + "h")
def test_a_duration_is_one_that_a_clock_can_count(text: str) -> None:
    try:
        assert 0.0 <= seconds_in(text) <= 366 * 86400
    except ValueError as error:
        assert len(str(error)) < 2000


WORD = st.text(st.characters(codec="ascii", categories=("Ll", "Nd")), min_size=1, max_size=8)
PROFILES = st.fixed_dictionaries(
    {"arch": WORD, "defconfig": WORD},
    optional={
        "description": TEXT,
        "toolchain": WORD,
        "kconfig": st.lists(st.from_regex(LINE, fullmatch=True), max_size=3),
        "jobs": st.integers(1, 1024),
        "targets": st.lists(WORD, min_size=1, max_size=3),
        "variables": st.dictionaries(WORD.map("V{}".format), TEXT, max_size=2),
        "environment": st.dictionaries(WORD, TEXT, max_size=2),
        "ccache": st.booleans(),
        "timeout": st.integers(1, 10**6),
        "sandbox": st.sampled_from(["usual", "closed", "required"]),
    },
)


@settings(max_examples=60)
@given(PROFILES)
def test_a_profile_that_was_written_is_read_as_it_was(said: dict[str, object]) -> None:
    """By any writer of YAML; only NUL has no place in what becomes arguments and environment."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mine.yaml")
        path.write_text(yaml.safe_dump(said))
        try:
            found = load_profile_file(path).profile
        except UserError as error:
            assert "\\0" in path.read_text() and "NUL" in error.message
            return
        values = {name: value for name, value in said.items() if value not in ("", [], {})}
        assert found == Profile.model_validate(values)


PLANS = st.fixed_dictionaries(
    {"plan": st.just("hunt"), "revisions": st.lists(WORD, min_size=1, max_size=3)},
    optional={
        "profiles": st.lists(WORD, min_size=1, max_size=2),
        "defconfigs": st.lists(WORD, min_size=1, max_size=2),
        "toolchains": st.lists(WORD, min_size=1, max_size=2),
        "jobs": st.lists(st.integers(1, 1024), min_size=1, max_size=3),
        "variations": st.lists(st.sampled_from(["pinned", "sweep:7", "pad:8"]), min_size=1, max_size=2),
    },
)


@settings(max_examples=60)
@given(PLANS)
def test_a_plan_says_the_same_as_file_and_as_options(said: dict[str, list[object]]) -> None:
    words = {key: [",".join(map(str, value))] for key, value in said.items() if key != "plan"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan.yaml")
        path.write_text(yaml.safe_dump(said))
        if "profiles" not in said and "defconfigs" not in said:
            with pytest.raises(UserError, match="must say what to build"):
                load_plan(path)
            with pytest.raises(UserError, match="must say what to build"):
                plan_of(words)
            return
        assert load_plan(path) == plan_of(words) == HuntPlan.model_validate(said)


KCONFIG = st.lists(st.one_of(st.from_regex(LINE, fullmatch=True), TEXT, TEXT.map('CONFIG_A="{}"'.format)), max_size=8)


@settings(max_examples=60)
@given(KCONFIG)
def test_of_a_strangers_config_only_literal_lines_are_left_and_nothing_is_lost_unsaid(lines: list[str]) -> None:
    made = foreign(lines)
    assert foreign(made.lines).lines == made.lines
    assert all(LINE.fullmatch(line) and not set(line) & set(";|&<>`$\\'") for line in made.lines)
    refused = [line for line, _ in made.refused]
    for line in (one.strip() for one in lines):
        if line.startswith("CONFIG_"):
            name = line.partition("=")[0]
            assert line in made.lines or line in refused or name in refused


@pytest.mark.parametrize("read", [read_config, read_fragment, load_profile_file, load_plan])
def test_a_file_without_end_is_not_read_to_its_end(read: object) -> None:
    assert callable(read)
    with pytest.raises(UserError, match=r"which no (profile|.config) is") as caught:
        read(Path("/dev/zero"))
    assert caught.value.next_step


LINES = [json.loads(line) for line in (CORPUS / "ledgers" / "two-attempts").read_text().splitlines()]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=80)
@given(st.integers(0, len(LINES) - 1), st.data())
def test_any_value_in_any_place_of_a_ledger_is_refused_with_its_line_or_kept(number: int, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*LINES[number], "surprise"]))
    changed = [dict(line) for line in LINES]
    changed[number][key] = data.draw(JSON)
    content = "\n".join(map(json.dumps, changed)).encode()
    try:
        batch = exchange.read(io.BytesIO(content), "their.jsonl")
    except UserError as error:
        assert error.message.startswith("their.jsonl:") and error.message.endswith("nothing was taken over")
        assert error.next_step and error.message.isprintable()
    else:
        attempts = [one for one in batch.lines() if one.record == "attempt"]
        assert len(attempts) == 2
        assert all(one.begun <= exchange.LATEST and one.ended <= exchange.LATEST for one in attempts)


@pytest.fixture
def bisected(tmp_path: Path) -> Repository:
    """A bisect over four commits, of which two touch a file whose name is no UTF-8."""
    top = tmp_path / "linux"
    odd = bytes(top) + b"/odd-\xff"
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", "init", "--quiet", top], check=True)
    for number in range(5):
        path = odd if number % 2 else bytes(top) + b"/plain"
        Path(path.decode(errors="surrogateescape")).write_text(str(number))
        subprocess.run(["git", "-C", top, "add", "."], check=True)
        subprocess.run(["git", "-C", top, *identity, "commit", "--quiet", "-m", str(number)], check=True)
    start = [b"git", b"-C", bytes(top), b"bisect", b"start", b"HEAD", b"HEAD~4", b"--", b"odd-\xff", b"it's"]
    subprocess.run(start, check=True, capture_output=True)
    return Repository(top, top / ".git", top / ".git")


def test_paths_of_a_bisect_that_are_no_utf_8_count_the_right_commits(bisected: Repository) -> None:
    state = read_bisect(bisected)
    assert state is not None
    assert state.paths == ("odd-\udcff", "it's")
    assert candidates(bisected, state) == 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("BISECT_TERMS", b"bad\n", "BISECT_TERMS is damaged"),
        ("BISECT_TERMS", b"bad\nbad\n", "BISECT_TERMS is damaged"),
        ("BISECT_TERMS", b"a\nb\nc\n", "BISECT_TERMS is damaged"),
        ("BISECT_TERMS", b"--all\ngood\n", "BISECT_TERMS is damaged"),
        ("BISECT_TERMS", b"\x1b[2J\ngood\n", "BISECT_TERMS is damaged"),
        ("BISECT_TERMS", b"\xff\ngood\n", "BISECT_TERMS is damaged"),
        ("BISECT_TERMS", b"new\nold\n", "has no new end yet"),
        ("BISECT_NAMES", b" 'drivers", "BISECT_NAMES is damaged: its paths cannot be read"),
    ],
)
def test_a_damaged_file_of_git_is_named_with_what_to_do(
    bisected: Repository, name: str, content: bytes, says: str
) -> None:
    (bisected.git_dir / name).write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        read_bisect(bisected)
    assert caught.value.next_step and caught.value.message.isprintable()


def test_a_file_of_git_that_cannot_be_read_stops(bisected: Repository) -> None:
    (bisected.git_dir / "BISECT_LOG").unlink()
    (bisected.git_dir / "BISECT_LOG").mkdir()
    with pytest.raises(InfraError, match="BISECT_LOG: Is a directory"):
        read_bisect(bisected)


@settings(max_examples=60)
@example([b"\0"])
@given(st.lists(st.one_of(st.binary(max_size=12), st.sampled_from([b"bad", b"good", b"\n", b" ", b"'a'"])), max_size=6))
def test_any_bytes_in_any_file_of_a_bisect(pieces: list[bytes]) -> None:
    from tests.fuzz.files import SECTION, bisect

    for at in range(4):
        sections = [b"bad\ngood\n", b" 'a'", b"", b"bad good-1"]
        sections[at] = b"".join(pieces)
        bisect(SECTION.join(sections))
