"""Refuses: `python -m bisectsyms` puts the current folder, a tree under test, first on sys.path."""

import os
import sys

if __name__ == "__main__":
    try:
        sys.stderr.write("bisectsyms: python -m is not supported; run the console script `bisectsyms`\n")
        sys.stderr.flush()
    finally:
        os._exit(128)
