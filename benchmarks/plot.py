"""Stated against actual, as a picture beside the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.report import RESULTS


def calibration(name: str, bins: Sequence[tuple[float, float, int]]) -> str:
    """Draw (stated, right, answers) into NAME.svg, with two standard errors; Markdown that shows it.

    Empty where matplotlib is not installed: it is no dependency.
    """
    try:
        figure = import_module("matplotlib.figure").Figure(figsize=(4.5, 4.5), layout="constrained")
    except ImportError:
        return ""
    axes: Any = figure.subplots()
    least = min((min(stated, right) for stated, right, _ in bins), default=0.5) - 0.03
    axes.plot([least, 1.0], [least, 1.0], color="0.7", linewidth=1, zorder=1)
    for stated, right, answers in bins:
        error = 2.0 * math.sqrt(max(stated * (1.0 - stated), 1e-9) / answers)
        # What may be expected of so many answers if the statement is true, and what was seen.
        axes.plot([stated, stated], [stated - error, min(1.0, stated + error)], color="0.5", linewidth=3, zorder=2)
        axes.scatter([stated], [right], s=12, color="tab:blue", zorder=3)
    axes.set(xlabel="stated", ylabel="right", xlim=(least, 1.005), ylim=(least, 1.005), aspect="equal")
    figure.savefig(RESULTS / f"{name}.svg", metadata={"Date": None})
    return f"![stated against right]({name}.svg)\n\nA bar is two standard errors about what is stated.\n\n"
