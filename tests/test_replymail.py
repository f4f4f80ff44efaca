"""The answer to a report: what it says in each ending, its thread, and that no header can be smuggled into it."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisectsyms.core.nature import Nature
from bisectsyms.core.rated import rated
from bisectsyms.effects.reproductions import Reproduction
from bisectsyms.inputs.reports.origin import Origin
from bisectsyms.inputs.reports.plan import ReproducePlan
from bisectsyms.model import Kind, Revision
from bisectsyms.render.replymail import WIDTH, mail_of
from bisectsyms.usecases.reply import Answer, InCell, Since
from tests.ledgers import CELL

REVISION = Revision("a" * 40, "b" * 40, "kbuild: link")
ORIGIN = Origin(
    "Tomasz F <t@example.org>",
    "Question about kallsyms",
    "2011-08-02",
    "<2@example.org>",
    "<1@example.org>",
    ((1, "I use make -j5"), (0, "From what I see")),
)
ABOUT = Reproduction(
    report="r.eml",
    plan=ReproducePlan(plan="reproduce", arch="arm", defconfig="s3c6400_defconfig", jobs=5),
    origin=ORIGIN,
    notes=("the report does not say which compiler: gcc-12.2.0 is taken",),
    commit="a" * 40,
)
SHOWN = InCell(
    CELL, ((Kind.RELINK, rated(5, 15)),), Kind.RELINK, Nature.SCHEDULE, ("length=1 did both",), 4, 1, "length=1"
)
SINCE = Since(
    replace(REVISION, commit="c" * 40),
    replace(REVISION, commit="d" * 40),
    "A B <a@b.c>",
    "Fixes: x",
    "",
    0.97,
    "the first",
)
FAILED = Answer(ABOUT, REVISION, (SHOWN,), 7, "a boundary tie (likely)", ("_edata and _end",), SINCE)
UNSEEN = Answer(
    ABOUT, REVISION, (replace(SHOWN, rates=((Kind.CLEAN, rated(0, 120)),), chosen=None),), None, "", (), None
)
CANNOT = Answer(ABOUT.model_copy(update={"commit": "", "cannot": "v9.9 is not here"}), None, (), None, "", (), None)


def body(answer: Answer) -> str:
    return mail_of(answer).partition("\n\n")[2]


def test_a_failure_is_told_with_its_rate_cause_commit_and_the_line_for_regzbot() -> None:
    text = body(FAILED)
    assert 'the build stops with "Inconsistent kallsyms\ndata"' in text
    assert "5 of 20 links of vmlinux (rm vmlinux; make): 24 % (" in text
    assert "a boundary tie (likely)" in text
    assert f"#regzbot ^introduced: {'d' * 40}" in text.splitlines()
    assert "Fixes: x" in text.splitlines()
    tracked = ABOUT.model_copy(update={"plan": ABOUT.plan.model_copy(update={"introduced": "v6.0..v6.1"})})
    assert f"#regzbot introduced: {'d' * 40}" in body(replace(FAILED, about=tracked)).splitlines()


def test_what_speaks_against_the_commit_is_told() -> None:
    text = body(replace(FAILED, since=replace(SINCE, warnings=("no clean build tells: 0 of 9",))))
    assert "What speaks against it:\n* no clean build tells: 0 of 9\n" in text
    assert "#regzbot" in text
    assert "Looked at once more, with its parents: the first." in text
    gone = body(replace(FAILED, since=replace(SINCE, gone="5 clean attempts"))).replace("\n", " ")
    assert "Taken back on top of the revision above the failure is gone: 5 clean attempts." in gone


def test_a_commit_that_is_likely_wrong_is_not_blamed() -> None:
    text = body(replace(FAILED, since=replace(SINCE, warnings=("it has the layout of its parent",), likely_wrong=True)))
    assert "My bisect came to dddddddddddd, but that is likely wrong:\n\n* it has the layout of its parent" in text
    assert not {"Fixes: x", "#regzbot", "began"} & set(text.split())


def test_a_commit_that_may_only_show_an_older_failure_gets_no_fixes_tag() -> None:
    text = body(
        replace(FAILED, since=replace(SINCE, means="exposing: the older range is open", exposing=True))
    ).replace("\n", " ")
    assert "the first commit that shows it is (97 % sure):" in text
    assert "exposing: the older range is open" in text
    assert "Fixes:" not in text
    assert "#regzbot" not in text


def test_what_was_not_seen_is_told_with_the_rate_that_is_excluded_and_names_no_commit() -> None:
    text = body(UNSEEN)
    assert "I could not make this happen here." in text
    assert "fewer than 1 in 40 builds from an empty tree fail here, with 95 % confidence" in text.replace("\n", " ")
    assert "no more than that the 4 I saw are clean" in text.replace("\n", " ")
    assert "#regzbot" not in text
    assert "cause" not in text


def test_what_only_cached_builds_show_is_not_told_as_the_failure() -> None:
    cached = replace(SHOWN, rates=((Kind.CACHED, rated(1, 0)), (Kind.CLEAN, rated(0, 59))), chosen=None)
    text = body(replace(FAILED, cells=(cached,), since=None)).replace("\n", " ")
    assert "Only builds with objects of before failed here" in text
    assert "This happens here, too" not in text
    assert "fewer than" not in text


def test_what_could_not_be_tried_says_why() -> None:
    assert "I could not try this here: v9.9 is not here." in body(CANNOT)


def test_it_stands_in_its_thread_and_quotes_what_it_is_about() -> None:
    message = email.message_from_string(mail_of(FAILED), policy=email.policy.default)
    assert message["Subject"] == "Re: Question about kallsyms"
    assert message["To"] == "Tomasz F <t@example.org>"
    assert message["In-Reply-To"] == "<2@example.org>"
    assert message["References"] == "<1@example.org> <2@example.org>"
    assert message.get_content_type() == "text/plain"
    assert ">> I use make -j5\n> From what I see\n" in message.get_content()


def test_text_is_wrapped() -> None:
    own = [line for line in body(FAILED).splitlines() if line and not line.startswith((">", "  ", "#", "Fixes"))]
    assert max(map(len, own)) <= WIDTH


HEADERS = {"subject", "to", "in-reply-to", "references", "content-type", "content-transfer-encoding", "mime-version"}


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\x85", "=?utf-8?q?=0D=0A?=", "\0"])
def test_no_header_can_be_smuggled_in(break_: str) -> None:
    evil = f"x{break_}Bcc: victim@example.org{break_}{break_}body"
    origin = Origin(f"{evil} <a@example.org>", evil, evil, f"<{evil}@x>", f"<{evil}@x>", ((0, evil),))
    message = email.message_from_string(mail_of(replace(FAILED, about=ABOUT.model_copy(update={"origin": origin}))))
    assert {name.lower() for name in message} <= HEADERS
    assert len(message.keys()) == len({name.lower() for name in message})


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80), st.text(max_size=200))
def test_any_text_makes_a_mail_with_our_headers_alone(sender: str, subject: str, link: str, quoted: str) -> None:
    origin = Origin(sender, subject, "2011-08-02", link, link, ((0, quoted), (9, quoted)))
    text = mail_of(replace(FAILED, about=ABOUT.model_copy(update={"origin": origin})))
    message = email.message_from_string(text)
    assert {name.lower() for name in message} <= HEADERS
    assert message["Subject"].startswith("Re: ") or message["Subject"].startswith("=?")
