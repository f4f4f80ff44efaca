"""The corpus of reports is sound in itself: every report has its answer, and the answer is in the known words.

Nothing here reads a report as the product does. A wrong answer in the corpus would make a right reader look wrong.
"""

from __future__ import annotations

import gzip
import mailbox
import re
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

REPORTS = Path(__file__).parent / "corpus" / "reports"
FORMS = (".eml", ".mbox", ".mbox.gz", ".txt")
FIELDS = {
    *("tree", "branch", "commit", "describe", "subject", "author", "date", "kernel_version", "introduced"),
    *("arch", "defconfig", "kconfig", "toolchain", "jobs", "make_variables"),
    *("message", "fresh_tree", "link", "reporter"),
}
NEEDED = {"arch", "defconfig", "toolchain", "commit"}
TOOLCHAIN = re.compile(r"(gcc|clang)-\d+(\.\d+)*")
COMMIT = re.compile(r"[0-9a-f]{7,40}")
INTRODUCED = re.compile(r"[\w./-]+?\.\.[\w./-]+|[0-9a-f]{7,40}")
FAILURE = "Inconsistent kallsyms data"


def stem(path: Path) -> str:
    return path.name.split(".")[0]


def names() -> list[str]:
    return sorted(stem(path) for path in REPORTS.iterdir() if path.name.endswith(FORMS))


def form(name: str) -> Path:
    (path,) = (REPORTS / f"{name}{ending}" for ending in FORMS if (REPORTS / f"{name}{ending}").exists())
    return path


@cache
def answer(name: str) -> dict[str, Any]:
    said = yaml.safe_load((REPORTS / f"{name}.yaml").read_text())
    assert isinstance(said, dict)
    return said


def mails(path: Path, tmp_path: Path) -> Iterator[EmailMessage]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix == ".eml":
        yield message_from_bytes(data, _class=EmailMessage, policy=policy.default)
        return
    (tmp_path / "mbox").write_bytes(data)
    for one in mailbox.mbox(tmp_path / "mbox", create=False):
        yield message_from_bytes(bytes(one), _class=EmailMessage, policy=policy.default)


def text(path: Path, tmp_path: Path) -> str:
    """All that a reader can see of a report, decoded strictly: a file that does not decode is a fault of ours."""
    if path.suffix == ".txt":
        return path.read_bytes().decode("utf-8")
    seen = []
    for mail in mails(path, tmp_path):
        for part in mail.walk():
            seen += [f"{name}: {value}" for name, value in part.items()]
            if part.is_multipart():
                continue
            body = part.get_payload(decode=True)
            assert isinstance(body, bytes)
            if body.startswith(b"\x1f\x8b"):
                body = gzip.decompress(body)
            seen.append(body.decode(part.get_content_charset() or "ascii"))
    return "\n".join(seen)


def test_each_report_has_its_answer_and_each_answer_its_report() -> None:
    answers = sorted(path.stem for path in REPORTS.glob("*.yaml"))
    assert len(answers) >= 44
    assert names() == answers
    strays = {path.name for path in REPORTS.iterdir() if not path.name.endswith((*FORMS, ".yaml"))}
    assert strays == {"README.md"}


@pytest.mark.parametrize("name", names())
def test_the_answer_is_in_the_known_words(name: str) -> None:
    said = answer(name)
    assert set(said) <= {"fields", "missing", "unsure", "not", "refused"}
    fields, missing = said["fields"], said["missing"]
    unsure, never = said.get("unsure", {}), said.get("not", {})
    assert set(fields) | set(unsure) | set(never) <= FIELDS
    assert set(missing) <= NEEDED
    assert not set(fields) & set(unsure)
    assert not set(fields) & set(missing)
    if FAILURE in str(fields.get("message")):
        sure = set(fields) | set(unsure) | set(missing)
        if {"kconfig"} & sure:
            sure.add("defconfig")
        if {"describe", "kernel_version", "subject"} & sure:
            sure.add("commit")
        assert sure >= NEEDED, "what is needed is known, guessed or missing"


@pytest.mark.parametrize("name", names())
def test_the_values_have_their_shapes(name: str) -> None:
    said = answer(name)
    for values in (said["fields"], said.get("unsure", {})):
        for field, value in values.items():
            match field:
                case "commit":
                    assert COMMIT.fullmatch(value)
                case "introduced":
                    assert INTRODUCED.fullmatch(value)
                case "toolchain":
                    assert TOOLCHAIN.fullmatch(value)
                case "date":
                    date.fromisoformat(value)
                case "defconfig":
                    assert value and all(isinstance(one, str) for one in value)
                case "jobs":
                    assert type(value) is int and value > 0
                case "make_variables":
                    assert all(isinstance(part, str) for pair in value.items() for part in pair)
                    assert not {"ARCH", "CROSS_COMPILE", "O"} & set(value)
                case "kconfig":
                    assert value == "attached"
                case "fresh_tree":
                    assert value is True
                case _:
                    assert isinstance(value, str) and value.strip() == value
    for field, values in said.get("not", {}).items():
        stated = said["fields"].get(field, [])
        kept = set(stated) if isinstance(stated, (list, dict)) else {stated}
        assert isinstance(values, list) and not kept & set(values)
        assert all(type(one) is {"jobs": int, "fresh_tree": bool}.get(field, str) for one in values)


@pytest.mark.parametrize("name", names())
def test_what_is_answered_stands_in_the_report(name: str, tmp_path: Path) -> None:
    said = answer(name)
    seen = " ".join(text(form(name), tmp_path).split())
    guessed = said.get("unsure", {})
    for field, value in {**said["fields"], **guessed}.items():
        match field:
            case "tree" if field in guessed:
                continue
            case "toolchain":
                wanted = [value.split("-", 1)[1]]
            case "kernel_version":
                wanted = [value.replace(".0-rc", "-rc"), value]
            case "jobs":
                wanted = [str(value)]
            case "defconfig":
                assert all(one in seen for one in value), field
                continue
            case "make_variables":
                assert all(part in seen for pair in value.items() for part in pair), field
                continue
            case "arch" | "date" | "kconfig" | "fresh_tree":
                continue
            case _:
                wanted = [value]
        assert any(one in seen for one in wanted), field
    for one in said.get("not", {}).get("commit", []):
        assert one in seen, "a trap that is not laid"


def test_other_failures_and_traps_are_there() -> None:
    messages = [str(answer(name)["fields"].get("message", "")) for name in names()]
    assert sum(not one.startswith(FAILURE) for one in messages) >= 6
    assert sum("refused" in answer(name) for name in names()) >= 5
