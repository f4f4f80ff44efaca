"""`python -m tests.fuzz TARGET SECONDS [SEED]`: libFuzzer by atheris, from the corpus on.

What it finds of interest is kept in .fuzz/TARGET for the next run; an input that fails is written to .fuzz/ and belongs
into the corpus, shortened and with a name.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MOST_INPUT = 16384
"""Bytes: the smallest kernel with a table has 10 000; what is longer finds nothing more here, and is slower."""


def main(target: str, seconds: str, seed: str = "0") -> None:
    """Ends with 0 when the time is over, and with a traceback at the first input that fails."""
    import atheris

    with atheris.instrument_imports(include=["bisectsyms"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    found = Path(".fuzz", target)
    found.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MOST_INPUT}",
        "-artifact_prefix=.fuzz/",
        "-print_final_stats=1",
        f"-seed={seed}",  # 0: another one each time
    ]
    atheris.Setup([sys.argv[0], *options, str(found), str(CORPUS / target)], targets[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:4])
