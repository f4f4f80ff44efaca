"""Reports are read as a careful person reads them; each value with its line and how sure it is."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bisectsyms.cli.reproducing import reproduce
from bisectsyms.core.reportfields import Confidence
from bisectsyms.errors import UserError
from bisectsyms.inputs.reportknowledge import report_knowledge
from bisectsyms.inputs.reports.plan import load_plan
from bisectsyms.inputs.reports.reading import Report, read_report
from bisectsyms.render.planned import plan_text
from bisectsyms.usecases.reproduce import understand
from tests.corpusreports import REPORTS, compare, form, read

ANSWERS = sorted(path.stem for path in REPORTS.glob("*.yaml"))
MAIL = "From: Ann <ann@example.org>\nDate: Tue, 2 Aug 2011 12:00:00 +0200\nSubject: x\nMessage-ID: <1@example.org>\n"
FAILS = "\nInconsistent kallsyms data\n"


def text(body: str, headers: str = MAIL) -> Report:
    return read_bytes(f"{headers}\n{body}".encode())


def read_bytes(content: bytes) -> Report:
    return read_report(io.BufferedReader(io.BytesIO(content)), "report.eml", report_knowledge())


def said(report: Report, name: str) -> tuple[str, Confidence]:
    return report.fields[name].value, report.fields[name].confidence


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_wrong_is_said_for_sure(name: str) -> None:
    answer = yaml.safe_load((REPORTS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert not [one for one in compare(name, answer, read(form(name))) if one.sure]


def test_the_corpus_is_read_as_a_person_reads_it() -> None:
    compared = [
        one
        for name in ANSWERS
        for one in compare(name, yaml.safe_load((REPORTS / f"{name}.yaml").read_text("utf-8")), read(form(name)))
        if not str(one.asked).startswith("not ")
    ]
    wrong = [f"{one.report} {one.field}: {one.asked}, read as {one.got}" for one in compared if not one.right]
    assert len(wrong) <= 0.01 * len(compared), "\n".join(wrong)


def test_a_value_has_its_line_and_how_sure_it_is() -> None:
    report = text(f"Hello,\n\nmy s3c6400 defconfig build, make -j5:\n{FAILS}")
    defconfig = report.fields["defconfig"]
    assert (defconfig.value, defconfig.confidence) == ("s3c6400_defconfig", Confidence.DERIVED)
    assert defconfig.finding.source.where == "mail 1, line 8"
    assert defconfig.finding.source.text == "my s3c6400 defconfig build, make -j5:"
    assert said(report, "arch") == ("arm", Confidence.DERIVED)
    assert said(report, "message") == ("Inconsistent kallsyms data", Confidence.STATED)


@pytest.mark.parametrize(
    "sentence",
    [
        "With -j1 it works.",
        "It never fails with -j1.",
        "-j1 is fine",
        "I cannot reproduce it with make -j1.",
        "The old box (gcc 4.4.0, make -j1) never failed.",
    ],
)
def test_what_works_is_not_what_fails(sentence: str) -> None:
    assert "jobs" not in text(f"{sentence}\n{FAILS}").fields


def test_two_values_that_are_as_good_are_a_guess_and_both_are_kept() -> None:
    report = text(f"I used gcc 12.2.0 on one box.\n\nI used gcc 9.4.0 on another.\n{FAILS}")
    toolchain = report.fields["toolchain"]
    assert (toolchain.value, toolchain.confidence) == ("gcc-12.2.0", Confidence.GUESSED)
    assert [other.value for other in toolchain.others] == ["gcc-9.4.0"]


def thread(*bodies: tuple[str, str]) -> Report:
    mails = [
        f"From mboxrd@z Thu Jan  1 00:00:00 1970\nFrom: {who} <{who}@example.org>\nSubject: Re: x\n"
        f"Message-ID: <{number}@x>\nDate: Tue, 2 Aug 2011 12:{number:02}:00 +0000\n\n{body}\n"
        for number, (who, body) in enumerate(bodies)
    ]
    return read_bytes(gzip.compress("\n".join(mails).encode()))


def test_a_later_mail_of_the_reporter_corrects() -> None:
    report = thread(("ann", f"gcc 9.3.0 here{FAILS}"), ("bob", "which?"), ("ann", "gcc 9.4.0 it is."))
    assert report.fields["toolchain"].value == "gcc-9.4.0"
    assert report.fields["toolchain"].finding.source.where.startswith("mail 3, line")
    assert said(report, "link") == ("<0@x>", Confidence.STATED)


def test_what_others_say_is_of_their_machine() -> None:
    report = thread(("ann", f"gcc 9.3.0 here{FAILS}"), ("bob", "I have gcc 12.1.0 and make -j8"))
    assert report.fields["toolchain"].value == "gcc-9.3.0"
    assert said(report, "jobs") == ("8", Confidence.GUESSED)


def test_the_more_exact_form_counts_but_not_from_somebody_elses_machine() -> None:
    report = thread(("ann", f"gcc-9 here, gcc --version says gcc 9.3.0{FAILS}"), ("bob", "I have gcc 9.4.0"))
    assert report.fields["toolchain"].value == "gcc-9.3.0"
    report = thread(("ann", f"gcc-9 here{FAILS}"), ("bob", "I have gcc 9.4.0"))
    assert report.fields["toolchain"].value == "gcc-9"


def test_a_quotation_of_an_earlier_mail_is_no_second_source() -> None:
    report = thread(
        ("ann", f"gcc 9.3.0 here{FAILS}"), ("bob", "ann wrote:\n> gcc 9.3.0 here\n\nCorrection: gcc 9.4.0.")
    )
    assert report.fields["toolchain"].value == "gcc-9.4.0"
    (other,) = report.fields["toolchain"].others
    assert other.source.where.startswith("mail 1, line")


def test_who_is_quoted_with_the_failure_reported_it() -> None:
    body = "Tomasz wrote:\n> my s3c6400 defconfig build with make -j5 fails\n\nUsually the symbols moved."
    report = text(body, MAIL + "In-Reply-To: <0@example.org>\n")
    assert said(report, "reporter") == ("Tomasz", Confidence.DERIVED)
    assert said(report, "link") == ("<0@example.org>", Confidence.DERIVED)


@pytest.mark.parametrize(
    ("word", "arch"), [("armhf", "arm"), ("armel", "arm"), ("amd64", "x86_64"), ("arm64", "arm64")]
)
def test_tuxmakes_own_words_for_an_arch(word: str, arch: str) -> None:
    report = text(f"tuxmake --target-arch {word} --toolchain gcc-13 --kconfig tinyconfig\n{FAILS}")
    assert said(report, "arch") == (arch, Confidence.STATED)


@pytest.mark.parametrize(
    ("head", "options", "arch"),
    [
        ("um", "UML UML_X86 64BIT X86_64", "um"),  # arch/x86/um/Kconfig sets the option of the machine below, too
        ("sparc64", "64BIT SPARC SPARC64 MMU", "sparc64"),
        ("loongarch", "LOONGARCH 64BIT MMU SMP", "loongarch"),
        ("x86", "64BIT X86_64 X86 SMP", "x86_64"),
    ],
)
def test_one_arch_is_read_out_of_a_config(head: str, options: str, arch: str) -> None:
    lines = "".join(f"CONFIG_{name}=y\n" for name in options.split())
    report = text(f"{FAILS}\n#\n# Linux/{head} 6.1.0 Kernel Configuration\n#\n{lines}CONFIG_HZ=100\n")
    assert said(report, "arch") == (arch, Confidence.DERIVED)
    assert not report.fields["arch"].others


def test_a_wrapped_line_of_tuxmake_is_joined() -> None:
    report = text(f"tuxmake --runtime podman --target-arch arm --toolchain\ngcc-13 --kconfig tinyconfig\n{FAILS}")
    assert said(report, "arch") == ("arm", Confidence.STATED)
    assert said(report, "toolchain") == ("gcc-13", Confidence.STATED)
    assert said(report, "defconfig") == ("tinyconfig", Confidence.STATED)


def test_lines_that_only_quote_the_advice_give_no_variable() -> None:
    assert not text(f'{FAILS}Try "make KALLSYMS_EXTRA_PASS=1" as a workaround\n').variables


@pytest.mark.slow
def test_a_mail_of_100_mb_is_read_in_bounded_memory() -> None:
    class Endless(io.RawIOBase):
        left = 100 << 20

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any, /) -> int:
            size = min(len(buffer), self.left)
            buffer[:size] = (b"  CC      kernel/kallsyms.o\n" * (size // 28 + 1))[:size]
            self.left -= size
            return size

    class Mail(Endless):
        head = f"{MAIL}\nmake -j5\n{FAILS}".encode()

        def readinto(self, buffer: Any, /) -> int:
            part, self.head = self.head[: len(buffer)], self.head[len(buffer) :]
            buffer[: len(part)] = part
            return len(part) or super().readinto(buffer)

    tracemalloc.start()
    report = read_report(io.BufferedReader(Mail()), "big", report_knowledge())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said(report, "jobs") == ("5", Confidence.STATED)
    assert peak < 300 << 20
    assert any("left out" in note for note in report.notes)


def written(tmp_path: Path, body: str = f"s3c6400 defconfig, make -j5 W=1 ARCH=arm FOO=1\n{FAILS}") -> Path:
    path = tmp_path / "report.eml"
    path.write_text(f"{MAIL}\n{body}", encoding="utf-8")
    return path


def test_the_plan_says_where_values_come_from_and_what_is_missing(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        reproduce, [str(written(tmp_path)), "--plan", "--toolchain", "gcc-12"], standalone_mode=False
    )
    assert done.return_value == 0
    assert "#revision:" in done.output
    assert "git rev-list -1 --before=2011-08-02" in " ".join(done.output.split())
    assert "# given by --toolchain NAME\ntoolchain: gcc-12\n" in done.output
    assert "make -j5 W=1" in done.output
    assert "FOO=1: no such variable is known" in " ".join(done.output.split())
    plan = yaml.safe_load(done.output)
    assert plan["make_variables"] == {"W": 1}
    assert (plan["arch"], plan["jobs"]) == ("arm", 5)


def test_scripts_get_one_object(tmp_path: Path) -> None:
    done = CliRunner().invoke(reproduce, [str(written(tmp_path)), "--plan", "--json"], standalone_mode=False)
    found = json.loads(done.output)
    assert found["plan"]["jobs"] == 5
    assert found["report"]["fields"]["jobs"]["confidence"] == "DERIVED"
    assert found["missing"][0]["option"] == "--rev REV"


def test_a_plan_reads_back_as_it_was_and_can_be_edited(tmp_path: Path) -> None:
    found = understand(str(written(tmp_path)))
    path = tmp_path / "plan.yaml"
    path.write_text(plan_text(found).replace("#revision:", "revision: v3.0"), encoding="utf-8")
    again = understand(str(path))
    assert again.plan == found.plan.model_copy(update={"revision": "v3.0"})
    assert [one.field for one in again.missing] == ["toolchain"]
    path.write_text(plan_text(again), encoding="utf-8")
    assert load_plan(path) == again.plan


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("arch: ../x", "does not look like one"),
        ("tree: 'ext::sh -c x'", "does not look like one"),
        ("jobs: 0", "'0' is less than 1; expected: 1 to"),
        ("make_variables: {SHELL: /tmp/x}", "it names a program"),
        ("make_variables: {ARCH: arm}", "has a key of its own"),
        ("kconfig: 'CONFIG_INITRAMFS_SOURCE=\"$(shell x)\"'", "could run its value"),
        ("kconfig_lines: ['include x']", "neither"),
        ("shell: x", "no such key"),
        ("plan: hunt", "is none of its values; expected: `?reproduce"),
    ],
)
def test_a_plan_is_no_more_trusted_than_a_report(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(line if line.startswith("plan") else f"plan: reproduce\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=why):
        understand(str(path))


def test_options_win_and_are_checked(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text('CONFIG_ARM=y\nCONFIG_INITRAMFS_SOURCE="/x"\n', encoding="utf-8")
    found = understand(str(written(tmp_path)), {"jobs": "7"}, config=config)
    assert (found.plan.jobs, found.plan.defconfig) == (7, "")
    assert found.plan.kconfig == 'CONFIG_ARM=y\nCONFIG_INITRAMFS_SOURCE=""\n'
    with pytest.raises(UserError, match="--arch"):
        understand(str(written(tmp_path)), {"arch": "a;b"})
    config.write_bytes(b"# G\xfcnter's\nCONFIG_ARM=y\n")
    assert understand(str(written(tmp_path)), config=config).plan.kconfig == "CONFIG_ARM=y\n", "a remark in Latin-1"
    with pytest.raises(UserError, match="larger than 4 MiB, which no"):
        understand(str(written(tmp_path)), config=Path("/dev/zero"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x1f\x8bnonsense"])
def test_what_is_no_report_is_an_error_with_a_next_step(content: bytes) -> None:
    with pytest.raises(UserError) as caught:
        understand("-", stdin=io.BytesIO(content))
    assert caught.value.next_step
