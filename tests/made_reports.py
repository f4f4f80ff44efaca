"""Reports of any size, made up: what the page and the other forms are tried with."""

from __future__ import annotations

import hashlib
import random

from bisectsyms.core.rated import rated
from bisectsyms.core.report import (
    Candidate,
    Column,
    Failure,
    OfKind,
    Place,
    Report,
    SearchState,
    Spot,
    Word,
    matrix_answer,
    time_line,
)
from bisectsyms.core.words import percent
from bisectsyms.model import Kind

NIGHT = 1_790_000_000.0
HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=1">',
    "</pre></details><iframe src=https://evil.example/>",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m",
    "good \u202edab\u202c \u2066end\u2069 zero\u200bwidth",
    "a | b ` c * d _ e [x](javascript:alert(1)) ![](http://evil.example/i.png) &lt; <b>",
    "line one\nSubject: injected\r\nBcc: all@evil.example",
    '=HYPERLINK("http://evil.example")',
    "@everyone +1 -1",
    "x" * 3000,
    "nul \x00 bell \x07 ]]> surrogate \udcff",
)
"""What symbols, subjects, paths and logs may hold."""
WORST_LOG = (
    "  LD      .tmp_vmlinux2",
    "  KSYM    .tmp_kallsyms2.o",
    "  LD      vmlinux",
    "  SYSMAP  System.map",
    "Inconsistent kallsyms data",
    "Try make KALLSYMS_EXTRA_PASS=1 as a workaround",
    "make: *** [Makefile:1165: vmlinux] Error 1",
)


def made_report(
    cells: int = 5, revisions: int = 4, *, seed: int = 1, hostile: bool = False, search: bool = True
) -> Report:
    """`cells` x `revisions` spots, seven of ten clean; with `hostile` every text holds something nasty."""
    chance = random.Random(seed)

    def text(plainly: str) -> str:
        return f"{plainly} {chance.choice(HOSTILE)}" if hostile else plainly

    columns = tuple(
        Column(f"{number:012x}", text(f"gcc-{11 + number % 3} -j{1 + number // 3}"),
               text(f"arm/gcc-{11 + number % 3} -j{1 + number // 3} sweep:7 (s3c6400)"),
               text("arm-linux-gnueabi-gcc (Debian 12.2.0-14) 12.2.0"), text("GNU ld (GNU Binutils for Debian) 2.40"))
        for number in range(cells)
    )  # fmt: skip
    spots = []
    for revision in range(revisions):
        title = text(f"kbuild: {revision} do not forget the banner in the second pass")
        name = text(f"v6.{revision}") if hostile else f"v6.{revision}"
        for column in columns:
            rate = chance.choice((0.0,) * 7 + (0.04, 0.3, 1.0))
            made = chance.choice((0, 12, 40, 149, 240))
            failed = sum(chance.random() < rate for _ in range(made))
            measured = rated(failed, made - failed)
            word = _word(failed, made, measured.low, measured.high)
            verdict = {
                Word.GOOD: f"consistently good (below {percent(measured.high)} with 95 %)",
                Word.OPEN: f"no failure in {made} attempts (below {percent(measured.high)})",
                Word.UNTESTABLE: "untestable: drivers/net/foo.c:12: error: expected ';', twice in the same way",
            }.get(word, f"{word} at {percent(measured.rate)}")
            others = (OfKind(Kind.CLEAN, rated(1, 3)),) if failed and chance.random() < 0.3 else ()
            spots.append(
                Spot(name, _id(revision), _id(revision), title, column.key, Kind.RELINK, measured,
                     others, chance.choice((0, 0, 2)), 0, word, text(verdict), "", 4.3, NIGHT + revision)
            )  # fmt: skip
    failing = [spot for spot in spots if spot.rate.failed]
    failures = tuple(
        Failure(number + 1, spot.revision, spot.commit, spot.title, spot.cell, Kind.RELINK, text("length=6"),
                NIGHT + 60 * number, 4.2, "nova", number % 4 == 3, text("line 5: Inconsistent kallsyms data"),
                text("mechanism tie: symbols of one address change places (certain)"), text("__start_notes"),
                tuple(map(text, WORST_LOG)), f"bisectsyms again {number + 1}",
                text("make -C src O=obj ARCH=arm CROSS_COMPILE=arm-linux-gnueabi- -j8 vmlinux"))
        for number, spot in enumerate(failing[:40])
    )  # fmt: skip
    answer, details = matrix_answer(spots, {column.key: column.name for column in columns})
    moments = [(NIGHT + 55.0 * number, chance.choice((True, False, False, False, None))) for number in range(520)]
    return Report(
        subject=text("linux"),
        answer=answer,
        details=tuple(map(text, details)),
        made=NIGHT + 30_000,
        made_by="bisectsyms 0.1",
        attempts=520,
        running=(text("attempt 521: v6.1, arm/gcc-12 -j8, relink, since 06:12"),),
        common=text("arm sweep:7 (s3c6400)"),
        columns=columns,
        spots=tuple(spots),
        search=_search(chance, hostile) if search else None,
        failures=failures,
        failed=sum(spot.rate.failed for spot in spots),
        time_line=time_line(moments),
        hosts=((text("nova"), 500), ("slow", 20)),
        versions=(("bisectsyms", "0.1"), ("Python", "3.11.7"), ("system", "Linux 6.1.0 x86_64")),
        notes=(text("the last search has made no attempt yet"),) if hostile else (),
    )


def _id(number: int) -> str:
    return hashlib.sha1(str(number).encode()).hexdigest()


def _word(failed: int, made: int, low: float, high: float) -> Word:
    if not made:
        return Word.UNTESTABLE
    if not failed:
        return Word.GOOD if high < 0.021 else Word.OPEN
    if low > 0.9:
        return Word.BAD
    return Word.FLAKY if high - low < 0.2 else Word.FAILS


def _search(chance: random.Random, hostile: bool) -> SearchState:
    weights = [0.61, 0.2, 0.09, 0.06]
    title = chance.choice(HOSTILE) if hostile else "arm: sort the exception table at build time"
    places = tuple(
        Place(index, weights[index - 60] if 60 <= index < 64 else 0.0004, (index >= 62) * (index % 3), (index < 70) * 4)
        for index in range(0, 130)
    )
    return SearchState(
        kind="undecided",
        sentence="The search is undecided: 4 commits hold 95 %",
        good="c0ffee123456",
        bad="badc0de12345",
        commits=130,
        confidence=0.95,
        since="",
        candidates=tuple(Candidate(_id(60 + at), title, weight, at, 9 - at) for at, weight in enumerate(weights)),
        more=3,
        endings=(("culprit", 0.97), ("predates", 0.02), ("not-reproduced", 0.01)),
        places=places,
    )
