"""What of a report is quoted in the answer, and whom it answers."""

from __future__ import annotations

from pathlib import Path

from bisectsyms.inputs.reports.origin import MOST_QUOTED, Origin
from bisectsyms.usecases.reproduce import understand

CORPUS = Path(__file__).parent / "corpus/reports"


def origin(name: str) -> Origin:
    report = understand(str(CORPUS / name)).report
    assert report is not None
    return report.origin


def test_a_page_of_an_archive_is_answered_to_who_wrote_it_and_its_title_is_no_quotation() -> None:
    found = origin("retold-2011.txt")
    assert found.sender == "Joao Fialho <joao@fialho.example.org>"
    assert found.subject == "Inconsistent kallsyms data, then none, on S3C64xx"
    texts = [text for _, text in found.quoted]
    assert found.subject not in texts
    assert (1, "What I know of kbuild is little. I always run make with -j5; could two of") in found.quoted
    assert (1, "") in found.quoted, "between two paragraphs of different depth"


def test_a_mail_is_answered_in_its_thread() -> None:
    found = origin("retold-2011-reporter.eml")
    assert found.message_id == "<201107291302.19804.witold@szczepan.example.com>"
    assert found.date == "2011-07-29"
    assert (0, "The ARM kernel for s3c6400 (s3c6400_defconfig, make -j5) does not link here:") in found.quoted


def test_every_report_of_the_corpus_quotes_a_few_lines_of_one_mail() -> None:
    for path in sorted(CORPUS.iterdir()):
        if path.suffix != ".yaml":
            assert len(origin(path.name).quoted) <= MOST_QUOTED, path.name
