"""The page and the JSON of benchmarks/kernel_layout.py."""

from __future__ import annotations

from dataclasses import asdict

from benchmarks import report
from benchmarks.layout_history import History
from benchmarks.layout_measured import AGAIN, LENGTHS, Measured, Way
from benchmarks.layout_ways import NAME, OURS, REPLAY, SCRIPT, STEPS
from bisectsyms.core.words import duration


def right(found: History, measured: Measured) -> bool:
    """Whether ours, and git by its log, named the culprit."""
    return all(_right(found, measured.ways.get(name)) for name in (OURS, REPLAY))


def _right(found: History, way: Way | None) -> bool:
    return way is not None and way.commit == found.commits[found.culprit]


def said(found: History, way: Way | None) -> str:
    if way is None:
        return "not ended; run it again to go on"
    if not way.commit:
        return "NOT right: no commit was named"
    return f"{'right' if _right(found, way) else 'NOT right'}: commit {found.number(way.commit)} was named"


def write(found: History, measured: Measured) -> None:
    passing = _passing(found, measured)
    result = {
        "culprit": found.culprit,
        "bad_end": measured.bad_end(found),
        "bad_commits_that_pass_at_the_natural_string": passing,
        "lengths_that_fail": {number: measured.failing(int(number)) for number in measured.sweeps},
        "again": measured.again,
        "ways": {
            name: {"right": _right(found, way), "named": _number(found, way), "seconds": round(measured.seconds[name])}
            | {"called_good": _called_good(found, way)}
            | {key: value for key, value in asdict(way).items() if key not in ("good", "commit")}
            for name, way in measured.ways.items()
        },
    }
    report.save(NAME, result)
    head = ("way", "right", "named", "attempts", "time", "load", "sure", "bad commits called good")
    table = report.table(head, [_cells(found, measured, name) for name in (SCRIPT, OURS, REPLAY, STEPS)])
    report.write_markdown(
        NAME, "A failure that is a function of the layout, in a real kernel", _text(found, measured) + table
    )


def _text(found: History, measured: Measured) -> str:
    end, passing = measured.bad_end(found), _passing(found, measured)
    failing, parent = measured.failing(found.culprit), measured.failing(found.culprit - 1)
    same = all(len(set(made)) == 1 and len(made) == AGAIN for made in measured.again.values())
    twice = sum(way.twice for way in measured.ways.values())
    differed = sum(way.differed for way in measured.ways.values())
    return (
        f"`make kernel-test`: Linux 6.1 for ARM, tinyconfig with KALLSYMS_ALL, {end} commits after the good end.\n"
        f"Commit {found.culprit} lists one name per address in scripts/kallsyms.c, as the kernel did up to 2.6, and\n"
        "so lets the size of the table hang on the addresses; how that fails is told in\n"
        "[layout_history.py](../layout_history.py). Every line that was printed is in\n"
        f"[{NAME}.log]({NAME}.log). Measured by make alone:\n\n"
        f"* Commit {found.culprit} fails at {len(failing)} of {len(LENGTHS)} lengths of the version string"
        f" ({_listed(failing)}), its parent at {len(parent) or 'none'}.\n"
        f"* {len(measured.again)} lengths of it, {AGAIN} links of each: "
        f"{'all of a length ended alike' if same else 'NOT all of a length ended alike'}. Of bisectsyms' own draws"
        f" {twice} were made\n  more than once; {differed or 'none'} of them ended differently.\n"
        f"* Of the {end - found.culprit + 1} commits from it to the bad end, {len(passing)} pass at the string that"
        f" nobody varies:\n  {_listed(passing)}.\n\n"
        "*Bad commits called good* are what git was told wrongly. The replay builds nothing.\n\n"
    )


def _passing(found: History, measured: Measured) -> list[int]:
    numbers = range(found.culprit, measured.bad_end(found) + 1)
    return [number for number in numbers if not measured.natural[str(number)]]


def _called_good(found: History, way: Way) -> list[int]:
    return sorted(number for commit in way.good if (number := found.number(commit)) >= found.culprit)


def _number(found: History, way: Way) -> int | None:
    return found.number(way.commit) if way.commit else None


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def _cells(found: History, measured: Measured, name: str) -> tuple[object, ...]:
    way = measured.ways.get(name)
    if way is None:
        return (name, "not ended", *[""] * 6)
    return (
        name,
        "yes" if _right(found, way) else "NO",
        way.commit and found.number(way.commit),
        way.attempts or "",
        duration(measured.seconds[name]),
        way.load or "",
        way.sure,
        _listed(_called_good(found, way)) if way.good else "",
    )
