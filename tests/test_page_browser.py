"""The page in a real Chromium: nothing is cut off, nothing is fetched, it can be used, and by everybody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.render.page.page import page
from tests.made_reports import made_report

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.slow

SIZES = (360, 820, 1440)
SCHEMES = ("light", "dark")
CUT = """() => [...document.querySelectorAll('body *')].filter(one => {
    if (one.closest('.scroll, svg, .skip, .bar, pre, details:not([open])')) return false;
    const box = one.getBoundingClientRect();
    return box.width && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map(one => one.tagName + '.' + one.className)"""
"""What reaches beyond the window and is not in a box that scrolls."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, made in (
        ("small", made_report()),
        ("large", made_report(100, 20)),
        ("hostile", made_report(hostile=True)),
        ("empty", made_report(0, 0, search=False)),
    ):
        path = folder / f"{name}.html"
        path.write_text(page(made), encoding="utf-8")
        found[name] = path.as_uri()
    return found


class Opened:
    """A page in a window of its own, and everything that it asked for."""

    def __init__(self, browser: Any, address: str, width: int = 1440, scheme: str = "light", **more: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        self.asked: list[str] = []
        self.trouble: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: self.trouble.append(dialog.message))
        self.address = address

    def __enter__(self) -> Any:
        self.page.goto(self.address)
        return self.page

    def __exit__(self, *error: object) -> None:
        self.context.close()
        assert self.asked == [self.address], "nothing is fetched"
        assert not self.trouble


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", ["small", "large", "hostile", "empty"])
def test_nothing_is_cut_off_and_nothing_is_fetched(
    browser: Any, pages: dict[str, str], name: str, width: int, scheme: str
) -> None:
    with Opened(browser, pages[name], width, scheme) as opened:
        root = "document.documentElement"
        assert opened.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
        assert opened.evaluate(CUT) == []
        assert "owned" not in opened.title() or name == "hostile"
        assert opened.evaluate("document.title") == opened.title()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", ["small", "hostile"])
def test_axe_finds_nothing(browser: Any, pages: dict[str, str], name: str, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # The page lets no script in but its own; axe is let past that, which the page cannot be.
    with Opened(browser, pages[name], width, scheme, bypass_csp=True) as opened:
        opened.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
        found = axe.run(opened).response
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []
        assert {"color-contrast", "button-name", "svg-img-alt"} <= {one["id"] for one in found["passes"]}


def test_tables_are_sorted_by_mouse_and_by_key(browser: Any, pages: dict[str, str]) -> None:
    with Opened(browser, pages["small"]) as opened:
        rates = "[...document.querySelectorAll('#spots tbody tr')].map(row => +row.cells[3].dataset.v)"
        head = opened.locator("#spots th", has_text="failed")
        head.get_by_role("button").click()
        up = opened.evaluate(rates)
        assert up == sorted(up) and head.get_attribute("aria-sort") == "ascending"
        opened.keyboard.press("Enter")  # the button has the focus
        down = opened.evaluate(rates)
        assert down == sorted(down, reverse=True) and head.get_attribute("aria-sort") == "descending"
        opened.locator("#spots th", has_text="revision").first.get_by_role("button").click()
        names = opened.locator("#spots tbody th").all_inner_texts()
        assert [name.split()[0] for name in names] == sorted(name.split()[0] for name in names)
        assert opened.locator("#spots [aria-sort]").count() == 1
        assert opened.locator("#spots tbody tr").count() == 20, "no row was lost"


def test_rows_are_found_by_words(browser: Any, pages: dict[str, str]) -> None:
    with Opened(browser, pages["large"]) as opened:
        opened.get_by_label("Only rows with").fill("v6.3 untestable")
        shown = opened.locator("#spots tbody tr:visible")
        assert 0 < shown.count() < 100
        assert opened.locator("#spots-left").inner_text() == f"{shown.count()} of 2000"
        opened.get_by_label("Only rows with").fill("")
        assert shown.count() == 2000


def test_a_square_leads_to_its_row(browser: Any, pages: dict[str, str]) -> None:
    with Opened(browser, pages["large"], 360) as opened:
        link = opened.locator("table.heat td a").nth(57)
        row = link.get_attribute("href")
        link.click()
        inside = "id => [document.querySelector(id).getBoundingClientRect().y].every(y => y >= -1 && y < innerHeight)"
        opened.wait_for_function(inside, arg=row)


def test_all_of_it_is_reached_by_key(browser: Any, pages: dict[str, str]) -> None:
    with Opened(browser, pages["small"]) as opened:
        seen = set()
        for _ in range(120):
            opened.keyboard.press("Tab")
            seen.add(opened.evaluate("document.activeElement.tagName + '.' + document.activeElement.className"))
        assert {"A.skip", "DIV.scroll", "A.", "INPUT.only", "BUTTON.", "SUMMARY."} <= seen


def test_it_is_whole_without_scripts(browser: Any, pages: dict[str, str]) -> None:
    with Opened(browser, pages["small"], java_script_enabled=False) as opened:
        assert opened.locator("#spots tbody tr").count() == 20
        assert opened.locator("th button").count() == 0
        assert not opened.get_by_label("Only rows with").is_visible(), "a box that would do nothing"


def test_nothing_is_folded_on_paper(browser: Any, pages: dict[str, str]) -> None:
    with Opened(browser, pages["small"]) as opened:
        opened.emulate_media(media="print")
        opened.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert opened.locator("details:not([open])").count() == 0
        assert not opened.get_by_label("Only rows with").is_visible()
        assert len(opened.pdf(format="A4")) > 10_000


def test_foreign_text_runs_nothing(browser: Any, pages: dict[str, str]) -> None:
    with Opened(browser, pages["hostile"]) as opened:
        assert opened.evaluate("document.scripts.length") == 1
        assert opened.locator("img, iframe").count() == 0
        assert opened.evaluate("document.body.textContent.includes('<script>document.title')"), "shown as it was"


def test_the_page_would_let_no_other_script_run(browser: Any, pages: dict[str, str], tmp_path: Path) -> None:
    """Should escaping ever fail."""
    broken = tmp_path / "broken.html"
    text = page(made_report(1, 1)).replace("<main>", "<main><script>document.title = 'owned'</script><b onclick='x'>")
    broken.write_text(text, encoding="utf-8")
    opened = Opened(browser, broken.as_uri())
    opened.page.goto(opened.address)
    assert opened.page.title() != "owned"
    assert any("Content Security Policy" in line for line in opened.trouble)
    opened.context.close()
