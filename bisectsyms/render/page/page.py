"""One self-contained page from a report: Jinja2 escapes every word of it, and a policy in its head forbids the rest.

The text is foreign (symbols, subjects, logs), so it passes two gates: `visible` writes out what would turn or hide
text, and autoescape what HTML would obey. Should both fail, the page may run only the one script whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bisectsyms.core.rated import Rate
from bisectsyms.core.report import Report, Spot, Word, rate_text, worst_first
from bisectsyms.core.words import count, duration, percent, visible
from bisectsyms.render.page.grid import grid_of
from bisectsyms.render.page.pictures import pictures

SIGNS = {
    Word.BAD: "✗",
    Word.FLAKY: "≈",
    Word.FAILS: "!",
    Word.ARTEFACT: "a",
    Word.GOOD: "✓",
    Word.OPEN: "·",
    Word.UNTESTABLE: "–",
    Word.TOLD: "“",
}
"""Beside each word, so that no colour is needed to tell them apart."""
STEPS = (0.02, 0.1, 0.25, 0.5, 0.9)
"""Where one shade of the heat map ends and the next begins."""
OPEN = 2
"""Failures that are unfolded when the page opens."""
NEARLY = 0.99
"""A rate above this is told as that in a square: there is no room for what it may be short of 100 %."""
LONG = 24
"""Characters of a word that is not kept in one piece."""
HERE = "bisectsyms.render.page"


def page(report: Report) -> str:
    """The text of report.html."""
    folder = files(HERE).joinpath("templates")
    style, script = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            grid=grid_of(report),
            worst_first=worst_first(report.spots),
            names={column.key: column.name for column in report.columns},
            labels={column.key: column.label for column in report.columns},
            pictures={name: Markup(svg) for name, svg in pictures(report).items()},  # noqa: S704 - our own numbers, drawn
            style=Markup(style),  # noqa: S704 - a file of ours
            script=Markup(script),  # noqa: S704 - a file of ours
            allowed=allowed,
            unfolded=OPEN,
        )
    )


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_gate,
    )
    made.filters |= {
        "percent": percent,
        "duration": duration,
        "moment": moment,
        "machine_time": _machine_time,
        "rate_text": rate_text,
        "counted": count,
        "short": short_rate,
        "shade": shade,
        "whole": whole_words,
        "sign": SIGNS.__getitem__,
        "listed": _listed,
    }
    return made


def _gate(value: object) -> object:
    """What every expression of the template passes before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def moment(when: float) -> str:
    """Local time, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))


def _machine_time(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short_rate(rate: Rate) -> str:
    """`22 %`, `>99 %`, `all` where all failed, `<2 %` where nothing did; empty where nothing is known."""
    if not rate.attempts:
        return ""
    if rate.failed == rate.attempts:
        return "all"
    if rate.failed and rate.rate > NEARLY:
        return f">{percent(NEARLY)}"
    return percent(rate.rate) if rate.failed else f"<{percent(rate.high)}"


def whole_words(text: str) -> Markup:
    """Words such as `gcc-12` and `-j8` in one piece; a very long one may break."""
    parts = (escape(word) if len(word) > LONG else Markup("<span class=w>{}</span>").format(word)
             for word in visible(text).split())  # fmt: skip
    return Markup(" ").join(parts)


def shade(spot: Spot) -> str:
    """Class of its square in the heat map: `h1` to `h6` by the rate where something failed, else by the word."""
    if spot.rate.failed and spot.word not in (Word.TOLD, Word.UNTESTABLE):
        return f"h{1 + sum(spot.rate.rate >= step for step in STEPS)}"
    return f"w-{spot.word}"


def _listed(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} ({count(number, 'attempt')})" for name, number in pairs)
