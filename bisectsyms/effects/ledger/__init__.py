"""The ledger of attempts, an SQLite file in the repository's common git dir."""

from bisectsyms.effects.ledger.book import Ledger

__all__ = ["Ledger"]
