"""A human's word about a revision: it counts instead of attempts, and is marked as such wherever it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bisectsyms.core.environment import for_build
from bisectsyms.core.report import cell_words
from bisectsyms.effects.fixups import known, resolve
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.question import last_cell
from bisectsyms.effects.toolsearch import choose
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.model import Cell, Told, Word
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.cells import cell_of, variation_for


@dataclass(frozen=True, slots=True)
class Telling:
    """What was written down, and for which cell."""

    told: Told
    cell: Cell


def cell_for(repository: Repository, loaded: LoadedProfile, options: Options, environ: Mapping[str, str]) -> Cell:
    """The cell that a step with this profile and these options would make its attempts in.

    Raises:
        UserError: its toolchain is missing, or a commit that a fixup names.
    """
    profile = loaded.profile
    env, _ = for_build(environ, profile.environment)
    _, installed = choose(profile, options.toolchain, options.toolchains, env)
    variation = variation_for(profile, options.lengths, options.vary)
    fixups = resolve(repository, loaded.fixups)
    return cell_of(loaded, installed.identity, jobs=options.jobs, variation=variation, fixups=fixups)


def tell(repository: Repository, rev: str, word: Word, why: str, cell: Cell | None) -> Telling:
    """Write the word down for `cell`, or for the only cell of the ledger, or for that of the last search.

    Raises:
        UserError: there is no such revision, nothing to take back, or several cells to choose from.
    """
    revision = repository.resolve(rev)
    with Ledger.open(repository.state_dir) as ledger:
        cell = cell or _meant(ledger.cells(), last_cell(repository.state_dir))
        revision = known(repository, cell.fixups, revision)
        if word is Word.NOTHING and ledger.told(revision.tree, cell.key) is None:
            raise UserError(f"nothing was told about {revision} in this cell", next_step="bisectsyms status")
        return Telling(ledger.tell(revision, cell, word, why), cell)


def _meant(cells: list[Cell], last: str) -> Cell:
    """The only one, or the one called `last`: a command has no profile by which it could be named."""
    if len(cells) == 1:
        return cells[0]
    if searched := [cell for cell in cells if cell.key == last]:
        return searched[0]
    known = "; ".join(" ".join(filter(None, cell_words(cell))) for cell in cells)
    raise UserError(
        f"the word is about one cell, and the ledger has {known or 'none yet'}",
        next_step="--profile NAME, and --toolchain, -j, --sweep and --vary where the step was given them",
    )
