"""The log of one attempt, from the evidence store."""

from __future__ import annotations

from typing import BinaryIO

from bisectsyms.core.words import plain
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.evidence.store import FOLDER
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import UserError
from bisectsyms.usecases.again import find


def log(repository: Repository, number: int) -> BinaryIO:
    """What make and its children printed, as it was, to be read piece by piece.

    Raises:
        UserError: there is no such attempt, it left no log, or its log is not kept here.
    """
    attempt = find(repository, number)
    if attempt.result is None:
        raise UserError(
            f"attempt {number} has not ended, its log is still written",
            next_step=f"see log in slot {attempt.plan.slot}",
        )
    digest = dict(attempt.result.evidence).get("log")
    with Ledger.open(repository.state_dir) as ledger:
        origin = ledger.origin(number)
    if digest is None:
        raise UserError(
            f"attempt {number} left no log: {plain(attempt.result.why)}",
            next_step=f"repeat it: bisectsyms again {number}",
        )
    try:
        return EvidenceStore(repository.state_dir / FOLDER).open(digest)
    except UserError as error:
        if not origin:
            raise
        raise UserError(
            f"attempt {number} was made on {plain(origin)}, and its log stayed there",
            next_step=f"copy evidence/{digest[:2]}/{digest[2:]}.gz from its .git/bisectsyms into ours",
        ) from error
