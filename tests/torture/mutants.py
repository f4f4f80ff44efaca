"""Whether a test notices when what decides a verdict is changed: the code of classify, decide and search, mutated.

mutmut changes one expression of one function at a time and runs the tests that reach it, in a copy of the tree under
.mutants/, where a run that was stopped goes on. It does not touch what stands outside of functions (the tables of
patterns) or in decorated ones. It is no dependency, for it brings a terminal interface with it:

    .venv/bin/pip install mutmut==3.8.1
    .venv/bin/python -m tests.torture mutants [--rounds TENTHS]
    cd .mutants/PART && ../../.venv/bin/mutmut results

TENTHS from 1 to 10 is how many tenths of the mutants are tried, by the last digit of their number: one tenth after
the other, for mutmut begins with the quickest mutants, and what a stopped run leaves is to be a fair share of all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.torture.outcome import Options, Row

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".mutants"
KILLED = {"killed", "timeout"}


@dataclass(frozen=True, slots=True)
class Part:
    """Modules, and the tests that are to notice a change of them."""

    name: str
    modules: tuple[str, ...]
    """Patterns below bisectsyms/."""
    tests: tuple[str, ...]
    """Modules of tests/ that build nothing."""
    unchanged: tuple[str, ...] = ()
    """Of the modules, those that no verdict comes from."""
    without: tuple[str, ...] = ()
    """Tests too slow to be asked a thousand times."""
    least: float = 0.85
    """The share that has to be killed."""


PARTS = (
    Part(
        "classify",
        ("core/classify.py", "core/logscan.py", "core/loglines.py", "core/errorlines.py"),
        ("classify", "rulings", "logscan"),
    ),
    Part(
        "decide",
        ("core/decide.py", "core/belief.py", "core/rated.py", "core/control.py"),
        ("decide", "belief", "core", "rationales", "rated"),
    ),
    Part(
        "search",
        ("search/*.py", "core/prior.py"),
        ("rates", "prior", "bounds", "lineage", "asking", "search_exactly", "search"),
        ("search/worlds.py",),
        ("search.py::test_a_few_failing_layouts_are_not_taken_for_a_failure_that_always_shows",),
    ),
)


def run(options: Options) -> list[Row]:
    """Each part, whole or in `rounds` tenths."""
    if find_spec("mutmut") is None:
        raise SystemExit("mutmut is not here; install it: .venv/bin/pip install mutmut==3.8.1")
    return [_tried(part, options) for part in PARTS]


def _tried(part: Part, options: Options) -> Row:
    folder = prepare(part)
    tenths = min(10, options.rounds or 10)
    for tenth in range(tenths):
        names = f"*__mutmut_*{(options.seed + tenth) % 10}"
        subprocess.run(
            [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run", "--max-children", "2", names],
            cwd=folder,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            check=True,
        )
    states = Counter(_states(folder))
    tried = states.total() - states["not checked"]
    killed = sum(states[one] for one in KILLED)
    note = f"{killed} killed ({killed / tried:.0%}; {states['timeout']} by time), of {states.total()} that there are"
    return Row(f"mutants of {part.name}", tried, "mutants", int(killed < part.least * tried), tried - killed, note)


def prepare(part: Part) -> Path:
    """A copy of the tree with the settings of mutmut; what an earlier run found of unchanged functions is kept."""
    folder = WORK / part.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("bisectsyms", "configs", "tests", "pyproject.toml"):
        if (ROOT / name).is_dir():
            shutil.rmtree(folder / name, ignore_errors=True)
            # Without its times: mutmut makes no new mutants of a file that is older than those it has.
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=unwanted, copy_function=shutil.copy)
        else:
            shutil.copy2(ROOT / name, folder / name)
    (folder / "setup.cfg").write_text(_settings(part))
    return folder


def _settings(part: Part) -> str:
    chosen = {
        "source_paths": ["bisectsyms"],
        "only_mutate": [f"bisectsyms/{pattern}" for pattern in part.modules],
        "do_not_mutate": [f"bisectsyms/{pattern}" for pattern in part.unchanged],
        "also_copy": ["configs"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-m", "not slow"],
        "pytest_add_cli_args_test_selection": [f"tests/test_{name}.py" for name in part.tests]
        + [f"--deselect=tests/test_{name}" for name in part.without],
    }
    lines = ["[mutmut]"]
    for key, values in chosen.items():
        lines += [f"{key} =", *(f"    {value}" for value in values)] if values else []
    return "\n".join(lines) + "\n"


def _states(folder: Path) -> Iterator[str]:
    """How each mutant ended, in mutmut's words."""
    from mutmut.stats import status_by_exit_code

    for path in sorted(folder.glob("mutants/**/*.meta")):
        for status in json.loads(path.read_text())["exit_code_by_key"].values():
            yield status_by_exit_code[status]
