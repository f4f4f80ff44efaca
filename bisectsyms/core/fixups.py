"""What a fixup makes of a revision: another content, so another id under which its attempts are known.

Attempts belong to a git tree. Whether a fixup applies goes by the ancestry of the commit, and two commits
may have one tree and different fixups: a commit, and one that takes its child back. So the id is made of
the tree and of the fixups that apply to it; without any it is the tree's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bisectsyms.model import Fixup

REFUSED = "fixup:"
"""Signatures of attempts whose fixup did not apply begin with this; its name follows."""


def known_as(tree: str, applied: Sequence[Fixup]) -> str:
    """The id of a git tree with these fixups, in this order; 64 hex digits unless there is none.

    It is made of what is asked for and not of what comes out, so it is known before anything is applied,
    where the patches are not at hand, and also for a tree to which they do not apply.
    """
    if not applied:
        return tree
    words = [tree, *(one.patch for one in applied)]
    return hashlib.sha256(f"bisectsyms fixups {' '.join(words)}".encode()).hexdigest()
