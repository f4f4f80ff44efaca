"""How long the page of a small and of a large hunt takes to make, and to open in Chromium."""

from __future__ import annotations

import shutil
import tempfile
import time
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks import report
from bisectsyms.render.page.page import page
from tests.made_reports import made_report

MOST_OPEN_SECONDS = 2.0
MOST_BYTES = 3_000_000
ROUNDS = 5
SIZES = {20: (5, 4), 2000: (100, 20)}
"""Spots -> cells and revisions."""


def measured() -> bool:
    """Seconds and bytes of a page with 20 and with 2 000 spots."""
    program = shutil.which("chromium")
    if program is None:
        print("apt-get install chromium")
        return False
    rows, result = [], {}
    with tempfile.TemporaryDirectory(prefix="bisectsyms-bench-") as name:
        for spots, (cells, revisions) in SIZES.items():
            made, path = made_report(cells, revisions), Path(name) / f"{spots}.html"
            page(made)  # what is imported and compiled once
            makes = []
            for _ in range(ROUNDS):
                begun = time.monotonic()
                text = page(made)
                makes.append(time.monotonic() - begun)
            path.write_text(text, encoding="utf-8")
            result[str(spots)] = {
                "bytes": path.stat().st_size,
                "make_seconds": round(median(makes), 3),
                "open_seconds": round(median(_opens(program, path)), 3),
            }
            one = result[str(spots)]
            rows.append((str(spots), f"{one['bytes'] / 1e6:.2f} MB", f"{one['make_seconds']:.2f} s",
                         f"{one['open_seconds']:.2f} s"))  # fmt: skip
    report.save("page", result)
    body = f"Medians of {ROUNDS} rounds. Opened is: loaded, laid out and painted, in Chromium without a window.\n\n"
    body += report.table(("spots", "size", "made in", "opened in"), rows)
    report.write_markdown("page", "The page of a report", body)
    print(body)
    largest = result[str(max(SIZES))]
    return largest["open_seconds"] < MOST_OPEN_SECONDS and largest["bytes"] < MOST_BYTES


def _opens(program: str, path: Path) -> list[float]:
    """Seconds until the page is painted, in a window of its own each time."""
    seconds = []
    with import_module("playwright.sync_api").sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(ROUNDS):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            opened = context.new_page()
            begun = time.monotonic()
            opened.goto(path.as_uri())
            opened.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            seconds.append(time.monotonic() - begun)
            context.close()
        browser.close()
    return seconds
