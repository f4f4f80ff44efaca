"""Tests that a list is complete say what to add to which file: they are how whoever adds something finds the way."""

from __future__ import annotations

from collections.abc import Iterable


def complete(there: Iterable[str], wanted: Iterable[str], add: str, else_: str) -> None:
    """Fail unless both are the same names.

    `add` says what is to be added, and where, for a name that is wanted; `else_` where a name comes from that is there
    and that nobody wants. `{}` in them stands for the name.
    """
    have, want = set(there), set(wanted)
    lines = [add.replace("{}", name) for name in sorted(want - have)]
    lines += [else_.replace("{}", name) for name in sorted(have - want)]
    assert not lines, "\n".join(("", *lines))
