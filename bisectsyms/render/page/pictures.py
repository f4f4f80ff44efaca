"""The pictures of the page, drawn by matplotlib as SVG whose colours follow the page, light or dark.

matplotlib knows no CSS, so it draws with inks that stand for the page's variables and are replaced afterwards. Only
numbers of ours are drawn, never foreign text. Without matplotlib (`pip install bisectsyms[report]`) the page has the
same numbers in tables.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from importlib import import_module
from typing import Any

from bisectsyms.core.report import Report, SearchState, TimeLine

INK, FAINT, BAD, GOOD, NONE, PAPER = (f"#0{n}0{n}0{n}" for n in range(1, 7))
INKS = {INK: "ink", FAINT: "line", BAD: "bad", GOOD: "good", NONE: "none", PAPER: "paper"}
"""Stand-ins, no colour that anything is drawn in: of which variable of the page each is."""
SETTINGS = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 1.2,
}
WIDE, HIGH = 12.0, 2.6
"""Inches, at 72 dots each."""
HEAD = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>\s*|<style[^>]*>.*?</style>\s*", re.DOTALL)
ID = re.compile(r' id="([^"]*)"')
USED = re.compile(r'(?:href="|url\()#([^")]*)')
"""Names that something refers to. All others, as `figure_1`, would be in every picture of the page."""
SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>')


def pictures(report: Report) -> dict[str, str]:
    """SVG by name, `time` and `search`; empty where there is nothing to draw, or nothing to draw with."""
    drawn = {"time": "", "search": ""}
    try:
        matplotlib = import_module("matplotlib")
    except ImportError:
        return drawn
    if report.time_line.attempts:
        drawn["time"] = _drawn(matplotlib, "time", time_label(report.time_line), _time, report.time_line)
    if report.search is not None and report.search.places:
        drawn["search"] = _drawn(matplotlib, "search", search_label(report.search), _search, report.search)
    return drawn


def time_label(line: TimeLine) -> str:
    """What the picture shows, for who does not see it."""
    failed, none = sum(one.failed for one in line.bins), sum(one.no_evidence for one in line.bins)
    told = f"{line.attempts} in all, {failed} failed, {none} no evidence"
    return f"Attempts over time: {told}. The table below has the same."


def search_label(search: SearchState) -> str:
    """As `time_label`."""
    return f"Probability of each of {search.commits} commits, from old to new. The table below has the likeliest."


def _drawn(matplotlib: Any, name: str, label: str, draw: Any, what: object) -> str:
    figure_of, canvas_of = import_module("matplotlib.figure").Figure, import_module("matplotlib.backends.backend_svg")
    with matplotlib.rc_context(SETTINGS | {"svg.hashsalt": name}):
        figure = figure_of(figsize=(WIDE, HIGH), layout="constrained")
        draw(figure.subplots(), what)
        out = io.StringIO()
        canvas_of.FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None})
    return themed(out.getvalue(), label)


def themed(svg: str, label: str) -> str:
    """An SVG file as a part of the page: no head, a label, and the page's colours in place of the inks."""
    text = HEAD.sub("", svg).replace("font: 11px", "font: 11px system-ui,")
    text = SIZE.sub(rf'<svg viewBox="\1" role="img" aria-label="{label}">', text, count=1)
    for ink, variable in INKS.items():
        text = text.replace(ink, f"var(--{variable})")
    used = set(USED.findall(text))
    return ID.sub(lambda found: found[0] if found[1] in used else "", text).strip()


def _time(axes: Any, line: TimeLine) -> None:
    dates = import_module("matplotlib.dates")
    ticker = import_module("matplotlib.ticker")
    at = [datetime.fromtimestamp(one.begun + line.width / 2) for one in line.bins]
    width, below = line.width / 86400.0 * 0.86, [0] * len(line.bins)
    # Another hatch for each, so that none needs its colour.
    for name, color, hatch in (("failed", BAD, "///"), ("clean", GOOD, ""), ("no_evidence", NONE, "--")):
        heights = [getattr(one, name) for one in line.bins]
        axes.bar(at, heights, width, bottom=below, color=color, hatch=hatch, edgecolor=PAPER, linewidth=0.0,
                 label=name.replace("_", " "))  # fmt: skip
        below = [low + high for low, high in zip(below, heights, strict=True)]
    # With matplotlib's own 5 there is no step for hunts of about four hours or four days, which it says on stderr.
    locator = dates.AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(4, integer=True))
    axes.margins(x=0.01)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 1.2), ncols=3, frameon=False, borderaxespad=0.0)


def _search(axes: Any, search: SearchState) -> None:
    ticker = import_module("matplotlib.ticker")
    likely = [one for one in search.places if one.probability > 0.0005]
    most = max((one.probability for one in likely), default=1.0)
    axes.vlines([one.index for one in likely], 0.0, [one.probability for one in likely], color=INK, linewidth=3.0)
    lanes = (("clean", GOOD, "o", -0.10, [one.index for one in search.places if one.clean and not one.failed]),
             ("failed", BAD, "v", -0.22, [one.index for one in search.places if one.failed]))  # fmt: skip
    for name, color, marker, lane, at in lanes:
        axes.scatter(at, [lane * most] * len(at), marker=marker, color=color, s=26, label=f"{name} here", clip_on=False)
    axes.axhline(0.0, color=FAINT, linewidth=0.8)
    axes.set_ylim(-0.32 * most, 1.08 * most)
    axes.set_xlim(-0.5, search.commits + 0.5)
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_locator(ticker.FixedLocator([0.0, most]))
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.xaxis.set_major_locator(ticker.MaxNLocator(8, integer=True))
    axes.set_xlabel("commits of the range, old to new")
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 1.2), ncols=2, frameon=False, borderaxespad=0.0)
