"""Reports that attack: nothing is run, opened or reached, and nothing of an attack becomes an argument."""

from __future__ import annotations

import base64
import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.core.kconfig import LINE
from bisectsyms.core.reportfields import FIELDS, through_the_gate
from bisectsyms.inputs.reportknowledge import report_knowledge
from bisectsyms.inputs.reports.labels import READERS
from bisectsyms.inputs.reports.plan import ReproducePlan, load_plan
from bisectsyms.render.planned import plan_text
from bisectsyms.usecases.reproduce import Understanding, understand
from tests.hostile import report

ARGUMENTS = [field.name for field in FIELDS.values() if field.pattern and field.name not in ("link", "date")]
_EVENTS: list[str] = []
_WATCHED = (
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "import ",
    "exec ",
    "pty.",
)
_watching = False


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event.startswith(_WATCHED) or (event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")):
        _EVENTS.append(f"{event} {args!r:.200}")


sys.addaudithook(_audit)


@contextmanager
def nothing_happens() -> Iterator[None]:
    """No process, no connection, no file written; Python tells of all of them. (PEP 578)"""
    global _watching
    _EVENTS.clear()
    _watching = True
    try:
        yield
    finally:
        _watching = False
    assert not _EVENTS


def understood(mail: bytes) -> Understanding:
    return understand("-", stdin=io.BytesIO(mail))


def harmless(plan: ReproducePlan) -> None:
    """No value is anything but what its field is for."""
    for name in ARGUMENTS:
        value = str(getattr(plan, name) or "")
        assert not value or through_the_gate(name, value) == value
        assert not set(value) & set("`$;|&<>(){}\\\"'\n\r\x1b*?! ") - ({" "} if name == "defconfig" else set())
        assert not value.startswith("-")
        assert "/../" not in f"/{value}/"
    known = report_knowledge().variables
    assert all(known.lets_in(name, value) for name, value in plan.make_variables.items())
    for line in (*plan.kconfig_lines, *plan.kconfig.splitlines()):
        assert LINE.fullmatch(line)
        assert not set(line) & set("$`;|&<>\\")
    for value in plan.model_dump(exclude={"kconfig"}).values():
        assert not isinstance(value, str) or not value or value.isprintable()


def printed(found: Understanding, folder: Path) -> None:
    """What is printed is one YAML mapping, free of what a terminal obeys, and reads back as the same plan."""
    text = plan_text(found)
    assert all(line.isprintable() for line in text.split("\n"))
    assert set(yaml.safe_load(text)) <= set(ReproducePlan.model_fields)
    path = folder / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_plan(path) == found.plan


@pytest.mark.parametrize("seed", range(200))
def test_an_attack_gets_nowhere(seed: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    mail = report(seed, str(canary))
    report_knowledge()
    with nothing_happens():
        found = understood(mail)
        plan_text(found)
    harmless(found.plan)
    printed(found, tmp_path)
    assert not canary.exists()
    if seed % 4 == 0:
        assert found.plan.kconfig


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ("From", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "To")
            ),
            st.text(max_size=60)
            | st.sampled_from(("multipart/mixed; boundary=b", "base64", "message/rfc822", "quoted-printable")),
        ),
        max_size=8,
    ),
    st.lists(
        st.binary(max_size=80) | st.sampled_from((b"--b", b"--b--", b"", b"From: x", b"make -j5 ARCH=arm", b"> x")),
        max_size=30,
    ),
)
def test_no_mail_breaks_the_reader(headers: list[tuple[str, str]], lines: list[bytes]) -> None:
    head = "".join(f"{name}: {value}\n" for name, value in headers).encode(errors="replace")
    harmless(understood(b"From: a@example.org\nSubject: x\n" + head + b"\n" + b"\n".join(lines)).plan)


def test_a_mail_in_a_mail_in_a_mail_is_read_as_text() -> None:
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (depth, depth) for depth in range(2000)
    )
    found = understood(b"From: a@example.org\nSubject: x\nMIME-Version: 1.0\n" + nested + b"\nmake -j5\n")
    assert found.report is not None
    assert any("nested" in note for note in found.report.notes)


def test_a_gzip_bomb_is_left_out() -> None:
    bomb = gzip.compress(b"CONFIG_SMP=y\n" * (16 << 20 >> 3))
    found = understood(
        b"From: a@example.org\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\n\nmake -j5\n"
        b"--b\nContent-Type: application/gzip; name=config.gz\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(bomb)
        + b"\n--b--\n"
    )
    assert found.report is not None
    assert found.plan.jobs == 5
    assert not found.plan.kconfig
    assert [refused.what for refused, _ in found.report.refused] == ["config.gz"]


@pytest.mark.parametrize("markup", ["<![", "<!--", "<", "&#", "</", "<a ", "<![CDATA["])
def test_broken_markup_is_no_crash(markup: str) -> None:
    head = b"From: a@example.org\nSubject: x\nContent-Type: text/html\n\n<p>make -j5 ARCH=arm</p>"
    assert understood(head + markup.encode() * 1000).plan.jobs == 5


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(READERS)), st.text(alphabet="-/`'\"()[]{}:., \t>^v1af", max_size=12))
def test_no_value_of_a_label_breaks_its_reader(key: str, value: str) -> None:
    harmless(understood(f"From: a@example.org\nSubject: x\n\n{key}: {value}\n".encode()).plan)
