"""`python -m tests.causes CASE FOLDER`: build one case in a new folder and keep all of it, to look at it by hand.

The ids of the cases are listed where there is no such CASE; a variant's id is taken as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.causes import CASES, build, missing, variants


def main(words: list[str]) -> int:
    """Build it, and say how it is diagnosed."""
    known = {one.id: one for case in CASES for one in (*variants(case), case)}
    if len(words) != 2 or words[0] not in known:
        print(f"{(__doc__ or '').splitlines()[0]}\n\n" + "\n".join(case.id for case in CASES), file=sys.stderr)
        return 2
    case, folder = known[words[0]], Path(words[1])
    if package := missing(case):
        print(f"apt-get install {package}", file=sys.stderr)
        return 2
    obj = build(case, folder)
    print(f"bisectsyms diagnose {obj} --log {folder / 'make.log'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
