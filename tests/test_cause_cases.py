"""The cases of the causes fail as they say: with the kernel's own words, and by the signature of their cause.

What is asked here is asked of nm, cmp and make, and of the files as text; never of our own reading of them.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.kallsyms.causes import CAUSES
from bisectsyms.kallsyms.evidence import Axis
from tests.adding import complete
from tests.causes import CASES, Case, build, missing, variants
from tests.causes.case import CROSS, verdicts
from tests.causes.unexplained import pairs

Line = tuple[str, str, str]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workshop")


def cause(case: Case) -> str:
    """What the case is a case of; a trigger has its mechanism where that is certain."""
    return case.trigger or case.mechanism


def test_every_cause_has_a_case() -> None:
    complete(
        {cause(case) for case in CASES},
        {one.id for one in CAUSES},
        "{}: a build that fails by it, in tests/causes/, and its module in _MODULES of tests/causes/__init__.py",
        "{}: a case is of it, and it is no cause of bisectsyms/kallsyms/mechanisms.py or triggers.py",
    )
    assert len({case.id for case in CASES}) == len(CASES), "two cases of tests/causes/ have one id"
    for case in CASES:
        assert case.imitates, f"{case.id}: `imitates` of the case says which bug or report it is like"
        first = cause(case).split("-")[0]
        assert case.id.startswith(first), f"{case.id}: the id begins with {first}, the first word of its cause"


@pytest.mark.parametrize("axis", Axis)
def test_every_cause_is_seen_in_raw_files(axis: Axis) -> None:
    name, shown = ("SIGNATURES", set(SIGNATURES)) if axis is Axis.MECHANISM else ("TRIGGERED", set(TRIGGERED))
    complete(
        shown,
        {one.id for one in CAUSES if one.axis is axis},
        f"{{}}: a function in {name} of tests/test_cause_cases.py, which sees it without our code",
        f"{{}}: is in {name} of tests/test_cause_cases.py, and no such {axis} is known",
    )


def test_every_cause_has_ten_variants_of_more_than_one_arch_and_link() -> None:
    for case in CASES:
        found = variants(case)
        where = f"variants() of the module of {case.id} in tests/causes/"
        assert len(found) >= 10, f"{where} gives {len(found)}, ten are wanted"
        assert len({one.id for one in found}) == len(found), f"{where}: two of one id, see variant()"
        assert {cause(one) for one in found} == {cause(case)}, f"{where}: of another cause"
        assert len({one.arch for one in found}) > 1 or cause(case) == "toolchain", f"{where}: all of one arch"
        assert len({one.shape for one in found}) > 1, f"{where}: all of one link (tests/era_shapes.py)"


def test_there_are_ten_pairs_that_nothing_explains() -> None:
    found = pairs()
    assert len({pair.id for pair in found}) == 10
    assert all(pair.before != pair.after for pair in found)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_it_fails_by_its_cause(case: Case, workshop: Path, tmp_path: Path) -> None:
    if package := missing(case):
        pytest.skip(f"apt-get install {package}")
    obj = build(case, tmp_path / "case", workshop)
    assert re.search(case.says, (tmp_path / "case/make.log").read_text())
    assert (obj / "source/Makefile").is_file()
    if case.mechanism:
        SIGNATURES[case.mechanism](case, obj)
    if case.trigger:
        TRIGGERED[case.trigger](case, obj, workshop)


class Maps:
    """The two maps that were compared, and those of the passes."""

    def __init__(self, obj: Path) -> None:
        self.temporary, self.image = last_pass(obj)
        self.a, self.b = read(self.temporary), read(obj / "System.map")
        assert self.a != self.b

    @property
    def same_names(self) -> bool:
        return Counter(line[2] for line in self.a) == Counter(line[2] for line in self.b)

    @property
    def others(self) -> set[str]:
        """Names that one of the maps has, or has more often."""
        one, other = Counter(line[2] for line in self.a), Counter(line[2] for line in self.b)
        return {*(one - other), *(other - one)}


def read(path: Path) -> list[Line]:
    lines = [line.split() for line in path.read_text().splitlines()]
    return [(address, letter, name) for address, letter, name in lines]


def last_pass(obj: Path) -> tuple[Path, Path]:
    """The map of the last temporary image, and the image."""
    images = [path for path in obj.glob(".tmp_vmlinux*[0-9]") if path.is_file()]
    image = max(images, key=lambda path: path.name)
    own = obj / f"{image.name}.syms"
    return (own if own.exists() else obj / ".tmp_System.map"), image


def tables(obj: Path) -> list[int]:
    """Sizes of the objects of the tables, pass by pass."""
    return [path.stat().st_size for path in sorted(obj.glob(".tmp_vmlinux*kallsyms*.o")) if "x0.k" not in path.name]


def nm(case: Case, image: Path) -> set[str]:
    done = subprocess.run([CROSS[case.arch] + "nm", str(image)], check=True, capture_output=True, text=True)
    return {line.split()[-1] for line in done.stdout.splitlines()}


def tied(lines: list[Line]) -> set[tuple[str, ...]]:
    """The names at each address that has more than one."""
    found: dict[str, list[str]] = {}
    for address, _, name in lines:
        found.setdefault(address, []).append(name)
    return {tuple(names) for names in found.values() if len(names) > 1}


def is_tie(case: Case, obj: Path) -> None:
    maps = Maps(obj)
    assert maps.same_names
    order_a, order_b = ([line[2] for line in lines] for lines in (maps.a, maps.b))
    assert order_a != order_b
    assert any(case.shows in names for names in tied(maps.a) ^ tied(maps.b))
    unlike = {name for one, other in zip(order_a, order_b, strict=True) if one != other for name in (one, other)}
    assert unlike <= {name for names in tied(maps.a) | tied(maps.b) for name in names}


def is_stubs(case: Case, obj: Path) -> None:
    others = Maps(obj).others
    assert others
    assert all(re.fullmatch(f"(?:{case.shows}).*", name) for name in others)
    assert len(set(tables(obj))) == len(tables(obj)) == 3


def is_generated(case: Case, obj: Path) -> None:
    others = Maps(obj).others
    assert any(re.fullmatch(case.shows, name) for name in others), others


def is_filter(case: Case, obj: Path) -> None:
    maps = Maps(obj)
    assert maps.others == {case.shows}
    assert case.shows in nm(case, maps.image)


def is_order(case: Case, obj: Path) -> None:
    maps = Maps(obj)
    assert maps.same_names
    assert len(set(tables(obj))) == 1
    shared = {name for names in tied(maps.a) | tied(maps.b) for name in names}
    order_a, order_b = ([line[2] for line in lines if line[2] not in shared] for lines in (maps.a, maps.b))
    assert order_a != order_b


def is_inner(case: Case, obj: Path) -> None:
    maps = Maps(obj)
    assert [line[1:] for line in maps.a] == [line[1:] for line in maps.b]
    first = next(one for one, other in zip(maps.a, maps.b, strict=True) if one != other)
    assert first[2] == case.shows
    one, other = tables(obj)
    assert one == other


def is_oscillation(case: Case, obj: Path) -> None:
    one, two, three = tables(obj)
    assert one != two != three


def is_temporary(case: Case, obj: Path) -> None:
    maps = Maps(obj)
    assert len(set(tables(obj))) == 1
    if case.shows:
        assert case.shows in maps.others
    else:
        assert maps.same_names


def needs_the_string(case: Case, obj: Path, workshop: Path) -> None:
    assert len(set(verdicts(case, workshop / case.arch))) == 2


def needs_two_jobs(case: Case, obj: Path, workshop: Path) -> None:
    assert verdicts(replace(case, jobs=1), workshop / case.arch) == [True]


def needs_the_older_build(case: Case, obj: Path, workshop: Path) -> None:
    assert verdicts(replace(case, earlier=None), workshop / case.arch) == [True]


def needs_the_tool(case: Case, obj: Path, workshop: Path) -> None:
    (other,) = (one.condition for one in case.tried if one.condition.startswith("ld="))
    with_other = replace(case, make=(f"LD={other.removeprefix('ld=')}",), numbers=case.numbers[:1])
    assert verdicts(with_other, workshop / case.arch) == [True]


def needs_the_host(case: Case, obj: Path, workshop: Path) -> None:
    assert verdicts(replace(case, tools=(), numbers=case.numbers[:1]), workshop / case.arch) == [True]


def compiles_otherwise(case: Case, obj: Path, workshop: Path) -> None:
    """The source of the case, compiled at two times: two objects."""
    place, found = workshop / case.arch, set()
    for _ in range(8):
        verdicts(case, place)
        found.add((place / "obj/init/version-timestamp.o").read_bytes())
    assert len(found) > 1


SIGNATURES: dict[str, Callable[[Case, Path], None]] = {
    "tie": is_tie,
    "stubs": is_stubs,
    "generated": is_generated,
    "filter": is_filter,
    "order": is_order,
    "inner-layout": is_inner,
    "oscillation": is_oscillation,
    "temporary-differs": is_temporary,
}
TRIGGERED: dict[str, Callable[[Case, Path, Path], None]] = {
    "version-string": needs_the_string,
    "race": needs_two_jobs,
    "stale": needs_the_older_build,
    "toolchain": needs_the_tool,
    "compiler": compiles_otherwise,
    "environment": needs_the_host,
    "infrastructure": needs_the_host,
}
