"""The kept corpus of `make fuzz` without its engine, and what hypothesis makes of it where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

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
