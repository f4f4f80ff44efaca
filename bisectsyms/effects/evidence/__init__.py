"""What attempts left behind and is worth keeping, stored by content."""

from bisectsyms.effects.evidence.store import EvidenceStore

__all__ = ["EvidenceStore"]
