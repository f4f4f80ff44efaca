"""`make bench`: every benchmark, or those named. Ends with 1 if a target of the project is missed.

    python -m benchmarks.run [startup] [classify] [overhead] [page] [right] [search] [calibration] [hunting] [watching]
                             [sweep] [maps]

`right` takes most of an hour on an idle machine and goes on where it was stopped; remove
benchmarks/results/right.json to begin anew. `search` is as long; see its module for git_bayesect.
"""

from __future__ import annotations

import sys

from benchmarks.calibration import measure as calibration
from benchmarks.hunting import hunting
from benchmarks.maps import maps
from benchmarks.page import measured as page
from benchmarks.right import right
from benchmarks.search import search
from benchmarks.speed import classify, overhead, startup
from benchmarks.sweep import sweep
from benchmarks.watching import watching

ALL = {
    "startup": startup,
    "classify": classify,
    "overhead": overhead,
    "page": page,
    "right": right,
    "search": search,
    "calibration": calibration,
    "hunting": hunting,
    "watching": watching,
    "sweep": sweep,
    "maps": maps,
}


def main(names: list[str]) -> int:
    """Run them in the order of ALL."""
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    missed = [name for name, measure in ALL.items() if (not names or name in names) and not measure()]
    print(f"missed: {', '.join(missed)}" if missed else "every target is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
