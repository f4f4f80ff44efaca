"""The page without a browser: it needs nothing else, escapes everything, and is rewritten whole."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bisectsyms.core.rated import rated
from bisectsyms.core.report import Report, Word, time_line
from bisectsyms.errors import UserError
from bisectsyms.render.page.keeping import KeptPage
from bisectsyms.render.page.page import page, shade, short_rate, whole_words
from bisectsyms.render.page.pictures import pictures
from tests.made_reports import HOSTILE, made_report

LARGEST = 3_000_000


class Tags(HTMLParser):
    """Every tag with its attributes, and whether all that were opened are closed."""

    VOID = frozenset(("meta", "input", "br", "link", "img", "use", "path"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def hostile() -> str:
    return page(made_report(hostile=True))


def test_it_needs_nothing_else(hostile: str) -> None:
    tags = Tags(hostile)
    assert not tags.open
    names = {tag for tag, _ in tags.found}
    assert not names & {"link", "img", "iframe", "object", "embed", "base", "form", "image"}
    for _, attributes in tags.found:
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            if name in ("href", "src", "xlink:href", "action"):
                assert value and value.startswith("#"), value
    style = "".join(re.findall(r"<style>(.*?)</style>", hostile, re.DOTALL))
    assert "url(" not in style and "@import" not in style
    assert [tag for tag, _ in tags.found].count("script") == 1
    assert "default-src 'none'" in hostile


def test_ids_are_there_once_and_lead_somewhere(hostile: str) -> None:
    found = Tags(hostile).found
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    hrefs = {str(attributes["href"])[1:] for tag, attributes in found if tag == "a"}
    assert hrefs <= set(ids)


def test_every_failure_and_spot_is_on_it() -> None:
    made = made_report()
    text = page(made)
    for spot in made.spots:
        assert spot.revision in text
    for failure in made.failures:
        assert f"attempt {failure.attempt}" in text and failure.again in text
    assert made.answer in text and "Inconsistent kallsyms data" in text


def test_the_shade_and_the_short_rate() -> None:
    counts = ((0, 0), (0, 149), (9, 31), (3, 0), (1999, 1))
    assert [short_rate(rated(*one)) for one in counts] == ["", "<2 %", "22 %", "all", ">99 %"]
    (spot, *_) = made_report().spots
    for (failed, clean), word, wanted in (
        ((0, 149), Word.GOOD, "w-good"),
        ((1, 300), Word.FLAKY, "h1"),
        ((9, 31), Word.FLAKY, "h3"),
        ((60, 0), Word.BAD, "h6"),
        ((2, 0), Word.TOLD, "w-told"),
    ):
        assert shade(replace(spot, rate=rated(failed, clean), word=word)) == wanted


def test_words_stay_whole_and_are_escaped() -> None:
    assert whole_words("gcc-12 -j<b>") == "<span class=w>gcc-12</span> <span class=w>-j&lt;b&gt;</span>"
    assert "<span" not in whole_words("x" * 100)


def test_pictures_take_the_colours_of_the_page() -> None:
    for name, svg in pictures(made_report()).items():
        assert svg.startswith("<svg viewBox=") and 'role="img" aria-label="' in svg, name
        assert "var(--ink)" in svg and "#0101" not in svg and "<style" not in svg
        assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r'(?:id|href)="[^"]*"|url\([^)]*\)', "", svg)), (
            "no colour of its own"
        )
    both = "".join(pictures(made_report()).values())
    ids = re.findall(r' id="([^"]*)"', both)
    hashed = [one for one in ids if re.fullmatch(r"[mhp][0-9a-f]{10}", one)]
    assert len(hashed) == len(set(hashed)), "what one picture refers to is not in the other"


def test_every_length_of_a_hunt_has_steps_for_its_picture() -> None:
    pytest.importorskip("matplotlib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for hours in (0.5, 4.0, 24.0, 83.0, 110.0, 2000.0):
            line = time_line([(1_700_000_000.0 + hours * 120.0 * number, True) for number in range(31)])
            assert "<svg" in pictures(replace(made_report(), time_line=line, search=None))["time"]


def test_a_large_hunt_fits_into_a_mail() -> None:
    text = page(made_report(100, 20))
    assert text.count("<tr id=") == 2000
    assert len(text.encode()) < LARGEST


@pytest.mark.parametrize("nasty", range(len(HOSTILE)))
def test_each_kind_of_foreign_text(nasty: int) -> None:
    made = made_report(2, 2)
    spots = tuple(replace(spot, title=HOSTILE[nasty], revision=HOSTILE[nasty]) for spot in made.spots)
    tags, plainly = Tags(page(replace(made, spots=spots))), Tags(page(made))
    assert len(tags.found) - len(plainly.found) in range(-40, 41), "no tag but those of whole words"
    assert {tag for tag, _ in tags.found} == {tag for tag, _ in plainly.found}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_kept_page_is_written_when_it_is_time(tmp_path: Path) -> None:
    clock, made, said = Clock(), made_report(1, 1, search=False), list[str]()
    asked = 0

    def ask() -> Report:
        nonlocal asked
        asked += 1
        clock.now += 3.0  # it takes so long
        if asked == 2:
            raise UserError("damaged", next_step="mend it")
        return made

    path = tmp_path / "report.html"
    kept = KeptPage(path, ask, said.append, every=60.0, now=clock)
    kept()
    assert path.exists() and asked == 1
    clock.now += 100.0
    kept()
    assert asked == 1, "one that takes 3 s is not written every minute"
    clock.now += 60.0
    before = path.read_text()
    kept()
    assert asked == 2 and path.read_text() == before and len(said) == 1, "trouble is told, and the old page stays"
    kept.write()
    assert asked == 3 and len(said) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"], "nothing half-written is left"


def test_a_mistake_of_ours_does_not_end_the_hunt(tmp_path: Path) -> None:
    said = list[str]()
    kept = KeptPage(tmp_path / "report.html", lambda: 1 // 0, said.append)  # type: ignore[arg-type,return-value]
    kept()
    assert said == [f"{tmp_path / 'report.html'} is not written: ZeroDivisionError: integer division or modulo by zero"]


def test_trouble_with_the_page_is_told_once(tmp_path: Path) -> None:
    said = list[str]()
    kept = KeptPage(tmp_path / "none" / "report.html", lambda: made_report(1, 1, search=False), said.append)
    kept.write()
    kept.write()
    assert len(said) == 1 and "next: " in said[0]
