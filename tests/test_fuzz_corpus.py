"""The kept corpus of `make fuzz` without its engine, and what hypothesis makes of it where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS
from tests.torture.fuzz import told
from tests.torture.mutants import PARTS, ROOT
from tests.torture.outcome import Row

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
INPUTS = sorted((path.parent.name, path) for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize(("target", "path"), INPUTS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_corpus(target: str, path: Path) -> None:
    TARGETS[target](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {target for target, _ in INPUTS} == set(TARGETS)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, bytes]:
    """An input of the corpus of which a piece was taken away, doubled, exchanged for a few bytes or moved."""
    target, path = draw(st.sampled_from(INPUTS))
    text = path.read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        start, end, at = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 3)))
        piece = draw(st.sampled_from([b"", text[end:at] * 2, draw(st.binary(max_size=4))]))
        text = text[:start] + piece + text[end:] + draw(st.sampled_from([b"", text[start:end]]))
    return target, text


@settings(deadline=None, max_examples=200)
@given(spoilt())
def test_spoilt_corpus(case: tuple[str, bytes]) -> None:
    target, text = case
    TARGETS[target](text)


def test_what_an_hour_of_a_target_came_to_is_read_from_its_last_words() -> None:
    stats = "stat::number_of_executed_units: 4711\nstat::new_units_added:          23\n"
    row = told("maps", 600, 1, 0, f"INFO: Seed: 1\nDone 4711 runs\n{stats}")
    assert row == Row("reader of maps", 4711, "executions", note="600 s, seed 1, 23 inputs reached something new")
    row = told("maps", 600, 1, 77, f"{stats}artifact_prefix='.fuzz/'; Test unit written to .fuzz/crash-0a\n")
    assert (row.lost, row.found, row.note.rpartition("; ")[2]) == (1, 1, "stopped by .fuzz/crash-0a")
    with pytest.raises(RuntimeError, match="No module named atheris"):
        told("maps", 600, 1, 1, "No module named atheris")


def test_what_is_mutated_and_the_tests_that_notice_are_there() -> None:
    for part in PARTS:
        assert all(list((ROOT / "bisectsyms").glob(pattern)) for pattern in (*part.modules, *part.unchanged))
        assert all((ROOT / f"tests/test_{name}.py").is_file() for name in part.tests)
        for file, _, name in (one.partition("::") for one in part.without):
            assert f"def {name}(" in (ROOT / f"tests/test_{file}").read_text()
