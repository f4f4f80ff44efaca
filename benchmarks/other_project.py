"""A flaky test of another project's real history: the releases of Faker from 8.0.0 to 9.0.0, each one commit.

    python -m benchmarks.other_project [--runs 5] [--folder FOLDER]

The test draws two prices and wants them to differ. Nothing is seeded and nothing planted: how often it fails is the
project's own doing. Which release brought that in is known from its users' report, and compared at the end only. The
releases come from PyPI as wheels, so that nothing of them is run before the test is; each run has a ledger of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.bisect_run import BIN, git

ALL = """
8.0.0 8.1.0 8.1.1 8.1.2 8.1.3 8.1.4 8.2.0 8.2.1 8.3.0 8.4.0 8.5.0 8.5.1 8.6.0 8.7.0 8.8.0 8.8.1 8.8.2 8.9.0 8.9.1
8.10.0 8.10.1 8.10.2 8.10.3 8.11.0 8.12.0 8.12.1 8.12.2 8.12.3 8.13.0 8.13.1 8.13.2 8.14.0 8.14.1 8.14.2 8.15.0
8.16.0 9.0.0
"""
RELEASES = tuple(ALL.split())
NEEDED = ("python-dateutil==2.9.0.post0", "six==1.17.0", "text-unidecode==1.3")
KNOWN = "8.14.1"
"""https://github.com/joke2k/faker/issues/1530, of this release: "Since latest release this statement produces min value
way too often". The changelog of 9.0.1: "Fix pydecimal returning min_value or max_value too frequently"."""
TEST = '''\
"""A new price differs from the old one."""
from faker import Faker

fake = Faker()
old, new = (fake.pydecimal(left_digits=3, right_digits=2, min_value=0, max_value=999) for _ in range(2))
assert old != new, f"both are {old}"
'''


def write_history(folder: Path) -> Path:
    """A repository with a commit and a tag for each release; kept, for it is the same each time."""
    repo, wheels = folder / "faker", folder / "wheels"
    if (folder / "whole").exists():
        return repo
    repo.mkdir(parents=True)
    git(repo, "init", "--quiet", "-b", "main")
    for release in RELEASES:
        print(f"fetching {release}", file=sys.stderr)
        pip("download", f"faker=={release}", "--only-binary", ":all:", "--no-deps", "--dest", str(wheels))
        (wheel,) = [path for path in wheels.glob("*.whl") if path.name.lower().startswith(f"faker-{release}-")]
        git(repo, "rm", "-r", "--quiet", "--ignore-unmatch", ".")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(repo)
        git(repo, "add", "--all")
        who = ("-c", "user.name=releases", "-c", "user.email=releases@pypi.invalid")
        git(repo, *who, "commit", "--quiet", "-m", release)
        git(repo, "tag", release)
    pip("install", "--target", str(folder / "needed"), "--no-deps", *NEEDED)
    (folder / "whole").touch()
    return repo


def pip(*words: str) -> None:
    """Run pip; CalledProcessError if it fails."""
    subprocess.run([sys.executable, "-m", "pip", *words, "--quiet"], check=True)


def search(folder: Path, number: int) -> dict[str, Any]:
    """One search in a new clone: what was named, at what price, and what the test did at each release."""
    source, repo = write_history(folder), folder / f"run-{number}"
    git(folder, "clone", "--quiet", str(source), str(repo))
    script = folder / "two_prices.py"
    script.write_text(TEST)
    test = ("env", f"PYTHONPATH=.:{folder / 'needed'}", sys.executable, str(script))
    words = ("bisect", "--json", "--slots-dir", str(folder / "slots"), RELEASES[0], RELEASES[-1])
    wanted = ("--failure-line", "AssertionError: both are")
    program = str(BIN / "bisectsyms")
    done = subprocess.run([program, *words, *wanted, "--", *test], cwd=repo, stdout=subprocess.PIPE, check=False)
    found = json.loads(done.stdout)
    export = subprocess.run([program, "ledger", "export", "-"], cwd=repo, stdout=subprocess.PIPE, check=True).stdout
    attempts = [one for one in map(json.loads, export.splitlines()) if one["record"] == "attempt"]
    return {
        "run": number,
        "kind": found["kind"],
        "named": found["culprit"]["title"] if found["culprit"] else "",
        "probability": found["probability"],
        "attempts": found["attempts"],
        "seconds": found["seconds"],
        "load": os.getloadavg()[0],
        "outcomes": [(one["title"], one["outcome"]) for one in attempts],
    }


def tell(results: list[dict[str, Any]]) -> bool:
    """Write the page, and say whether every run that named a release named the known one."""
    rows = []
    for one in results:
        right = "right" if one["named"] == KNOWN else "WRONG" if one["named"] else "no answer"
        answer = f"{one['named'] or one['kind']}, {one['probability']:.3f}"
        rows.append((one["run"], answer, right, one["attempts"], f"{one['seconds']:.0f} s", f"{one['load']:.1f}"))
    counts = Counter((title, outcome) for one in results for title, outcome in one["outcomes"])
    seen = [release for release in RELEASES if any(title == release for title, _ in counts)]
    rates = [
        (title, failed, total)
        for title in seen
        for failed, total in [(counts[title, "FAILED"], sum(n for (name, _), n in counts.items() if name == title))]
    ]
    body = (
        f"`python -m benchmarks.other_project`: {len(RELEASES)} releases of Faker, {RELEASES[0]} to {RELEASES[-1]}, "
        "each one commit, and a test that draws two\nprices with `fake.pydecimal` and wants them to differ. Nothing is "
        "seeded. `bisectsyms bisect` at its default confidence of .95; each run has a ledger of its own.\n\n"
        + report.table(("run", "named, probability", "", "attempts", "time", "load"), rows)
        + f'\nKnown: {KNOWN}, from [issue 1530](https://github.com/joke2k/faker/issues/1530) ("since latest release"), '
        'mended in 9.0.1 ("Fix pydecimal\nreturning min_value or max_value too frequently"). It is compared with the '
        "answer, and nothing else is done with it.\n\nWhat the test did, all runs together:\n\n"
        + report.table(("release", "failed", "of"), rates)
    )
    report.save("other-project", {"known": KNOWN, "runs": results})
    report.write_markdown("other-project", "A flaky test of another project", body)
    return all(one["named"] in (KNOWN, "") for one in results) and any(one["named"] for one in results)


def main() -> int:
    """Search as often as was asked for; 1 if a wrong release was named, or none at all."""
    parser = argparse.ArgumentParser(description="Search the releases of Faker for what made a test flaky.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="Keep the history here; else it is fetched each time.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        write_history(folder)
        return 0 if tell([search(folder, number) for number in range(1, given.runs + 1)]) else 1


if __name__ == "__main__":
    sys.exit(main())
