"""The answer to a report as a mail: plain text, wrapped at 72, in its thread; it is printed and never sent.

Headers go through the standard library's email, which refuses a line break in a value; every foreign text is one line
of printable characters before it comes so far, and holds no encoded words.
"""

from __future__ import annotations

import email.utils
import re
import textwrap
from collections.abc import Iterable, Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from bisectsyms.core.nature import Nature
from bisectsyms.core.reportfields import shown
from bisectsyms.core.words import count, percent
from bisectsyms.model import Kind
from bisectsyms.render.calibrated import rate_text
from bisectsyms.usecases.reply import Answer, InCell, Since
from bisectsyms.usecases.trying import excluded

WIDTH = 72
"""Of the text; git and lists quote it once more without breaking lines (Documentation/process/email-clients.rst)."""
LONGEST_SUBJECT = 200
MOST_WHY = 6
"""Sentences behind a cause; `bisectsyms diagnose` has them all."""
POLICY = SMTP.clone(linesep="\n", cte_type="8bit", utf8=False, max_line_length=78)
_ID = re.compile(r"<[\w.!#$%&'*+/=?^`{|}~-]{1,120}@[\w.\[\]:-]{1,120}>")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")
KINDS = {
    Kind.REPLAY: "runs of the link script alone",
    Kind.RELINK: "links of vmlinux (rm vmlinux; make)",
    Kind.INCREMENTAL: "incremental builds",
    Kind.CACHED: "builds from an empty tree, with ccache",
    Kind.CLEAN: "builds from an empty tree",
}
CLASSES = {
    Nature.LAYOUT: "It is a function of the layout: a build with the same one fails again, and another may pass.",
    Nature.SCHEDULE: "It is a function of the schedule: the same build passes and fails, so a race decides.",
    Nature.ENVIRONMENT: "The same build passes and fails here, and not by a race between jobs of make.",
    Nature.UNKNOWN: "Whether it hangs on the layout or on a race is not known.",
}


def mail_of(answer: Answer) -> str:
    """The mail as text: headers, an empty line, the body."""
    message = EmailMessage(policy=POLICY)
    origin = answer.about.origin
    subject = re.sub(r"^(?:re:\s*)+", "", _for_header(origin.subject), flags=re.IGNORECASE)
    message["Subject"] = f"Re: {subject or 'Inconsistent kallsyms data'}"
    if to := _address(origin.sender):
        message["To"] = to
    link = answer.about.plan.link
    if first := _id(origin.message_id) or _id(link):
        message["In-Reply-To"] = first
        message["References"] = " ".join(dict.fromkeys(filter(None, (_id(origin.answers), first))))
    message.set_content("\n".join(_body(answer)) + "\n", charset="utf-8", cte="8bit")
    del message["MIME-Version"]
    message["MIME-Version"] = "1.0"
    return message.as_bytes().decode("utf-8", errors="replace")


def _for_header(text: str) -> str:
    """One line in which nothing is an encoded word.

    email decodes such words (RFC 2047) in a value that it is given, and writes a line break that was inside one as
    such: `=?utf-8?q?=0D=0A?=` would begin a header of its own.
    """
    return shown(text, LONGEST_SUBJECT).replace("=?", "= ?")


def _id(text: str) -> str:
    return text if _ID.fullmatch(text) and "=?" not in text else ""


def _address(sender: str) -> Address | None:
    """Whom to write to; None where the report names no address that is one."""
    name, address = email.utils.parseaddr(_for_header(sender))
    if not _ADDRESS.fullmatch(address):
        return None
    user, _, domain = address.partition("@")
    return Address(name[:80], user, domain)


def _body(answer: Answer) -> Iterator[str]:
    yield from _quotation(answer)
    if answer.revision is None:
        yield from _paragraph(f"I could not try this here: {answer.about.cannot}.")
        yield from _differences(answer)
        return
    yield from _paragraph(_sentence(answer))
    yield from _built(answer)
    yield from _differences(answer)
    for cell in answer.cells:
        yield from _rates(cell)
    yield from _class(answer)
    yield from _cause(answer)
    if answer.since and answer.since.likely_wrong:
        since = answer.since
        yield from _paragraph(f"My bisect came to {since.culprit.commit[:12]}, but that is likely wrong:")
        yield from _listed(since.warnings)
    elif answer.since:
        yield from _since(answer, answer.since)
    elif answer.attempt:
        yield from _paragraph("Which commit brought it in is not known yet; I have not bisected it.")


def _quotation(answer: Answer) -> Iterator[str]:
    origin = answer.about.origin
    if not origin.quoted:
        return
    name = email.utils.parseaddr(origin.sender)[0] or shown(origin.sender, 80) or "The report"
    yield f"{'On ' + origin.date + ', ' if origin.date else ''}{shown(name, 60)} wrote:"
    for depth, text in origin.quoted:
        line = shown(text, 200)
        yield f"{'>' * (min(depth, 8) + 1)} {line}".rstrip()  # as it stood: who quotes does not wrap
    yield ""


def _sentence(answer: Answer) -> str:
    """How it ended, first."""
    failed = [cell for cell in answer.cells if cell.failed]
    if failed:
        return 'This happens here, too: the build stops with "Inconsistent kallsyms data".'
    if any(cell.artefact for cell in answer.cells):
        return "Only builds with objects of before failed here, so this may be their fault and not the commit's."
    if any(cell.rates for cell in answer.cells):
        return "I could not make this happen here."
    return "I could not try this: nothing that I built came as far as the check of kallsyms."


def _built(answer: Answer) -> Iterator[str]:
    revision, plan = answer.revision, answer.about.plan
    if revision is None or not answer.cells:
        return
    cell = answer.cells[0].cell
    config = "the .config that was attached" if plan.kconfig else shown(plan.defconfig, 120)
    yield f"  revision: {revision.commit[:12]} ({shown(revision.title, 120)})"
    yield f"  arch:     {cell.arch}, {config}"
    yield f"  compiler: {shown(cell.toolchain.compiler, 120)}"
    yield f"  linker:   {shown(cell.toolchain.linker, 120)}"
    yield f"  make:     -j{cell.jobs}" + "".join(f" {name}={shown(value, 60)}" for name, value in cell.variables)
    yield ""


def _differences(answer: Answer) -> Iterator[str]:
    if answer.about.notes:
        yield "Where that differs from the report, or the report does not say:"
        yield from _listed(answer.about.notes)


def _rates(cell: InCell) -> Iterator[str]:
    varied = "with other lengths of the version string"
    if "pad" in cell.cell.variation:
        varied = "with padding joined to the link, which reaches other layouts"
    if not cell.rates:
        yield from _paragraph(f"{count(cell.broken, 'attempt')} ended in another way, which says nothing of this.")
        return
    yield f"How often, {varied}:"
    for kind, rate in cell.rates:
        yield f"  {rate.failed} of {rate.attempts} {KINDS.get(kind, kind)}: {rate_text(rate)}"
    if cell.broken:
        yield f"  (and {count(cell.broken, 'attempt')} that ended in another way, which says nothing)"
    yield ""
    if not cell.failed and not cell.artefact:
        race = [f"fewer than 1 in {one.one_in} {KINDS.get(one.kind, one.kind)}" for one in excluded(cell.rates)]
        text = f"If a race decides, {' and '.join(race)} fail here, with 95 % confidence." if race else ""
        if cell.layouts:
            text += f" If the layout decides, this says no more than that the {cell.layouts} I saw are clean."
        yield from _paragraph(text)


def _class(answer: Answer) -> Iterator[str]:
    for cell in answer.cells:
        if cell.failed:
            yield from _paragraph(" ".join((CLASSES[cell.nature], *(f"({shown(why, 300)})" for why in cell.why))))


def _cause(answer: Answer) -> Iterator[str]:
    if answer.attempt is None:
        return
    if not answer.cause:
        yield from _paragraph("No cause that I know explains the difference of the two maps.")
        return
    yield from _paragraph(f"The cause, by the maps of a link that failed: {shown(answer.cause, 500)}")
    said = {why for cell in answer.cells for why in cell.why}
    if answer.cause_why:
        yield from _listed([one for one in answer.cause_why if one not in said][:MOST_WHY])


def _since(answer: Answer, since: Since) -> Iterator[str]:
    """The commit; of one that may only show an older failure nobody is told that it began there."""
    commit = since.culprit
    what = "the first commit that shows it is" if since.exposing else "it began with"
    yield from _paragraph(
        f"Bisected between {since.good.commit[:12]} and {(answer.revision or commit).commit[:12]}, {what} "
        f"({percent(since.probability)} sure):"
    )
    yield f"  {commit.commit}"
    yield f'  ("{shown(commit.title, 200)}") by {shown(since.author, 120)}'
    if since.contains:
        yield f"  first tag that contains it: {shown(since.contains, 80)}"
    yield ""
    if since.means:
        yield from _paragraph(f"Looked at once more, with its parents: {shown(since.means, 600)}.")
    if since.gone:
        yield from _paragraph(f"Taken back on top of the revision above the failure is gone: {shown(since.gone, 300)}.")
    if since.warnings:
        yield "What speaks against it:"
        yield from _listed(since.warnings)
    if since.exposing:
        return
    yield shown(since.fixes, 300)
    yield ""
    # With ^ the mail that is answered becomes the report that is tracked; one that had the line is tracked already.
    # (Documentation/process/handling-regressions.rst)
    mark = "" if answer.about.plan.introduced else "^"
    yield f"#regzbot {mark}introduced: {commit.commit}"
    yield ""


def _listed(texts: Iterable[str]) -> Iterator[str]:
    """One item each, and an empty line."""
    for text in texts:
        yield from textwrap.wrap(
            shown(text, 400), WIDTH, initial_indent="* ", subsequent_indent="  ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
    yield ""


def _paragraph(text: str) -> Iterator[str]:
    yield from _wrapped(text)
    yield ""


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(shown(text, 2000), WIDTH, break_long_words=False, break_on_hyphens=False)
