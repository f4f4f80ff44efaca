"""The forms of a report by name, and those that programs read: JSON, JUnit, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from xml.etree import ElementTree

from bisectsyms.core.report import Report, Spot, Word, rate_text
from bisectsyms.core.words import visible
from bisectsyms.render.jsontext import document
from bisectsyms.render.page.page import page
from bisectsyms.render.reports.markdown import markdown
from bisectsyms.render.reports.plaintext import mail, one_line

COLUMNS = (
    "revision", "commit", "title", "cell", "compiler", "linker", "kind", "failed", "attempts", "rate", "low", "high",
    "no_evidence", "excluded", "word", "verdict", "seconds",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet compute a cell (owasp.org/www-community/attacks/CSV_Injection)."""


def csv_text(report: Report) -> str:
    """One row per revision and cell, the first names the columns; rates from 0 to 1, empty where nothing is known."""
    cells = {column.key: column for column in report.columns}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for spot in report.spots:
        column, known = cells[spot.cell], spot.rate.attempts > 0
        rates = (spot.rate.rate, spot.rate.low, spot.rate.high)
        texts = (spot.revision, spot.commit, spot.title, column.name, column.compiler, column.linker, str(spot.kind))
        writer.writerow(
            (*map(_inert, texts), spot.rate.failed, spot.rate.attempts,
             *(f"{rate:.6f}" if known else "" for rate in rates), spot.no_evidence, spot.excluded, str(spot.word),
             _inert(spot.verdict), f"{spot.seconds:.3f}")
        )  # fmt: skip
    return out.getvalue()


def _inert(text: str) -> str:
    plain = one_line(text)
    return f"'{plain}" if plain.startswith(FORMULA) else plain


def junit(report: Report) -> str:
    """One test case per revision and cell for CI: it fails where the build fails, and is skipped where it cannot tell.

    A spot without a failure so far passes only once it is settled; else it is skipped, because it may still fail.
    The form is that of the Jenkins xUnit schema: testsuite, testcase, failure, skipped, system-out.
    """
    names = {column.key: column.name for column in report.columns}
    suite = ElementTree.Element(
        "testsuite", name=one_line(f"bisectsyms {report.subject}"), tests=str(len(report.spots))
    )
    failures = skipped = 0
    for spot in report.spots:
        case = ElementTree.SubElement(
            suite, "testcase", classname=one_line(names[spot.cell]), name=one_line(spot.revision),
            time=f"{spot.seconds * spot.rate.attempts:.3f}",
        )  # fmt: skip
        told = one_line(f"{spot.verdict}; {spot.kind}: {rate_text(spot.rate)}")
        if spot.word.is_failing:
            failures += 1
            ElementTree.SubElement(case, "failure", message=told, type=str(spot.word)).text = _tails(report, spot)
        elif spot.word is not Word.GOOD:
            skipped += 1
            ElementTree.SubElement(case, "skipped", message=told)
        ElementTree.SubElement(case, "system-out").text = told
    suite.attrib |= {"failures": str(failures), "skipped": str(skipped), "errors": "0"}
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=False) + "\n"


def _tails(report: Report, spot: Spot) -> str:
    """What is told in full of the failures at a spot; without what XML cannot hold."""
    mine = [one for one in report.failures if one.commit == spot.commit and one.cell == spot.cell]
    parts = [visible("\n".join((one.cause, *one.tail, one.again, one.command))).strip() for one in mine]
    return "\n\n".join(part.replace("\x00", "") for part in parts)


FORMS: Mapping[str, Callable[[Report], str]] = {
    "md": markdown,
    "html": page,
    "mail": mail,
    "json": document,
    "junit": junit,
    "csv": csv_text,
}
