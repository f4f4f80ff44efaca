"""Real links of the small kernel in the shape of every generation: outcome, maps, evidence, nothing left over."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.core.eras import detect
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.images import read_image, read_table, table_sizes
from bisectsyms.effects.linkfiles import LinkFiles, find, pass_maps
from bisectsyms.effects.sandbox import mapped
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Draw, Kind, Outcome, Result, Revision
from bisectsyms.render.progress import Reporter
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.workbench import Workbench
from tests.adding import complete
from tests.era_shapes import SHAPES, Shape, files_of, revisions_of, write_repository

ERAS = {era.id: era for era in load_knowledge().eras}


def test_every_era_is_built() -> None:
    complete(
        {shape.era for shape in SHAPES},
        ERAS,
        "{}: a Shape in SHAPES of tests/era_shapes.py, the small kernel with the link of that era",
        "{}: a Shape of tests/era_shapes.py is of it, and it is no era of configs/knowledge/eras.yaml",
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_the_era_is_told_from_the_files(shape: Shape) -> None:
    assert detect(files_of(shape), tuple(ERAS.values())) == ERAS[shape.era]


class Bench:
    """Attempts at the commits of a shape, and what they left."""

    def __init__(self, workbench: Workbench, commits: dict[str, str]) -> None:
        self.workbench, self.commits = workbench, commits
        self.obj = workbench.builder.objtree.path

    def make(self, name: str, kind: Kind) -> Result:
        result = self.workbench.attempt(self.revision(name), Ask(kind, "test", Draw(3))).result
        assert result is not None
        return result

    def revision(self, name: str) -> Revision:
        return self.workbench.repository.resolve(self.commits[name])

    def kept(self, result: Result) -> dict[str, bytes]:
        contents = {}
        for name, digest in result.evidence:
            with self.workbench.store.open(digest) as content:
                contents[name] = content.read()
        return contents

    def export(self, result: Result, folder: Path) -> LinkFiles:
        """What is kept of an attempt, as somebody who diagnoses it finds it."""
        folder.mkdir()
        self.workbench.store.export(result.evidence, folder)
        return find(folder)

    def left(self) -> set[str]:
        """Names of what the link made."""
        patterns = ("vmlinux", "vmlinux.unstripped", "System.map", ".tmp_*")
        names = {path.name for pattern in patterns for path in self.obj.glob(pattern)}
        return {re.sub(r"(vmlinux|kallsyms)[123]", r"\1N", name) for name in names}


OpenBench = Callable[..., Bench]


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[OpenBench]:
    """`open_bench(revisions, profile=YAML, toolchain="llvm")` writes a repository and opens a bench on it."""
    with ExitStack() as stack:

        def opened(revisions: dict[str, dict[str, str]], profile: str = "", toolchain: str = "") -> Bench:
            commits = write_repository(tmp_path / "linux", revisions)
            shipped = find_profile("smallkernel", state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)
            (tmp_path / "small.yaml").write_text(shipped.path.read_text() + profile)
            loaded = find_profile("small", state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)
            repository = Repository.discover(tmp_path / "linux", {})
            options = Options(tmp_path / "slots", load_toolchains(tmp_path), toolchain=toolchain)
            workbench = stack.enter_context(Workbench(repository, loaded, options, os.environ, Reporter()))
            return Bench(workbench, commits)

        yield opened


def check_objtree(left: LinkFiles, shape: Shape) -> None:
    """A link that passed, seen by somebody who knows nothing of how it was made."""
    assert left.era == shape.era
    assert left.before and left.after and left.temporary and left.image
    assert left.before.read_bytes() == left.after.read_bytes()
    image = read_image(left.image)
    assert image.table_wrong == ()
    assert ("arch_setup" in image.symbols, ".text" in {one.name for one in image.sections}) == (True, True)
    assert len(left.images) == len(left.tables) == 2
    assert [table_sizes(one).size for one in left.tables] == [one.stat().st_size for one in left.tables]
    assert read_table(left.tables[-1]).symbols.names == read_table(left.image).symbols.names
    maps = dict(pass_maps(left))
    assert len(maps) == 2
    assert [*maps.values()][-1] == left.before.read_bytes()


def check_evidence(left: LinkFiles, shape: Shape) -> None:
    """What is kept of a failure, without any source or objtree."""
    assert left.era == shape.era
    assert left.before and left.after and left.temporary
    kept = [(left.temporary, left.before)]
    if shape.era != "makefile-sort":  # its nm is not told -n for vmlinux
        assert left.image and left.image.name.startswith("vmlinux")
        kept.append((left.image, left.after))
    for path, listed in kept:
        image, odd = read_image(path), "kallsyms_odd"
        assert (odd in image.symbols, image.bits) == (odd.encode() in listed.read_bytes(), 64)
        assert {".text", ".bss"} <= {one.name for one in image.sections}
    maps = dict(pass_maps(left))
    assert [*maps.values()][-1] == left.before.read_bytes()
    sizes = [table_sizes(one) for one in left.tables]
    assert len(sizes) == len(maps) - (left.image is None)
    assert {"kallsyms_names", "kallsyms_markers"} <= {name for one in sizes for name, _ in one.parts}
    if all(one.size for one in sizes):  # what is linked has what it is not known to have behind it
        assert len({one.parts for one in sizes}) > 1, "one of them has a word more"
    assert len(maps) == (3 if shape.third_pass else 2)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_outcome_maps_and_evidence(open_bench: OpenBench, tmp_path: Path, shape: Shape) -> None:
    bench, era = open_bench(revisions_of(shape)), ERAS[shape.era]
    makes = bench.workbench.dry_run(bench.revision("good"))[-1]
    assert (" NM=" in makes) is not era.leaves_maps
    good = bench.make("good", Kind.CLEAN)
    assert (good.outcome, bool(good.layout)) == (Outcome.CLEAN, True), good.why
    check_objtree(find(bench.obj), shape)
    linked = (bench.obj / "vmlinux").stat().st_mtime_ns
    again = bench.make("good", Kind.RELINK)
    assert (again.outcome, again.layout) == (Outcome.CLEAN, good.layout), again.why
    assert (bench.obj / "vmlinux").stat().st_mtime_ns > linked
    assert b"  CC      mm/" not in bench.kept(again)["log"]

    layouts = set()
    for kind in (Kind.INCREMENTAL, Kind.RELINK):
        bad = bench.make("bad", kind)
        assert (bad.outcome, bad.signature) == (Outcome.INCONSISTENT, "kallsyms"), bad.why
        assert "the two maps differ" in bad.why
        kept = bench.kept(bad)
        assert shape.message in kept["log"].decode()
        before = next(kept[name] for name in era.before if name in kept)
        assert (b"kallsyms_odd" in before) is not (b"kallsyms_odd" in kept[era.after])
        assert bench.left() == set(shape.leaves.split())
        if not era.leaves_maps:
            assert sum(name.endswith(".nm") for name in kept) == 3 + shape.third_pass, (
                "an image for each pass, and vmlinux"
            )
        layouts.add(bad.layout)
        check_evidence(bench.export(bad, tmp_path / str(kind)), shape)
    assert len(layouts) == 1
    if not era.leaves_maps and shape.third_pass:
        assert layouts == {good.layout}, "pass 3 is as without the odd word: caught from nm, it has the same map"

    broken = bench.make("broken", Kind.INCREMENTAL)
    assert broken.outcome is Outcome.BROKEN
    assert "undefined" in broken.signature, broken.why
    assert broken.layout == ""
    assert [name for name, _ in broken.evidence] == ["log"]

    liar = bench.make("liar", Kind.INCREMENTAL)
    assert (liar.outcome, liar.signature) == (Outcome.BROKEN, "message-without-mismatch"), liar.why

    back = bench.make("good", Kind.INCREMENTAL)
    assert (back.outcome, back.layout) == (Outcome.CLEAN, good.layout), back.why


@pytest.mark.slow
def test_one_objtree_for_all_generations(open_bench: OpenBench) -> None:
    trees = {f"{shape.id} {name}": tree for shape in SHAPES for name, tree in revisions_of(shape).items()}
    bench = open_bench(trees)
    for shape in SHAPES:
        bad = bench.make(f"{shape.id} bad", Kind.INCREMENTAL)
        assert bad.outcome is Outcome.INCONSISTENT, bad.why
        assert "the two maps differ" in bad.why
    for shape in reversed(SHAPES):
        good = bench.make(f"{shape.id} good", Kind.INCREMENTAL)
        assert good.outcome is Outcome.CLEAN, good.why


TRAPS = [shape for shape in SHAPES if not ERAS[shape.era].leaves_maps]


@pytest.mark.slow
@pytest.mark.parametrize("shape", TRAPS, ids=lambda shape: shape.id)
def test_maps_are_caught_without_bubblewrap_too(open_bench: OpenBench, shape: Shape) -> None:
    bench = open_bench(revisions_of(shape))
    builder = bench.workbench.builder
    bench.workbench.builder = replace(builder, view=mapped(builder.slot, builder.src, bench.obj))
    bad = bench.make("bad", Kind.CLEAN)
    assert bad.outcome is Outcome.INCONSISTENT
    assert "the two maps differ" in bad.why


@pytest.mark.slow
def test_maps_are_caught_from_the_nm_of_the_toolchain(open_bench: OpenBench) -> None:
    for program, package in (("clang", "clang"), ("ld.lld", "lld"), ("llvm-nm", "llvm")):
        if shutil.which(program) is None:
            pytest.skip(f"apt-get install {package}")
    bench = open_bench(revisions_of(TRAPS[-1]), toolchain="llvm")
    bad = bench.make("bad", Kind.CLEAN)
    assert bad.outcome is Outcome.INCONSISTENT
    assert "the two maps differ" in bad.why
    assert "exec llvm-nm " in (bench.workbench.builder.tap.folder / "nm").read_text()


@pytest.mark.slow
def test_a_profile_with_an_nm_of_its_own_keeps_it(open_bench: OpenBench) -> None:
    bench = open_bench(revisions_of(TRAPS[-1]), profile="variables: {NM: nm}\n")
    assert " NM=nm " in bench.workbench.dry_run(bench.revision("bad"))[-1]
    bad = bench.make("bad", Kind.CLEAN)
    assert (bad.outcome, bad.layout) == (Outcome.INCONSISTENT, "")
    assert re.search("and line [0-9]+: make.*vmlinux", bad.why), bad.why
