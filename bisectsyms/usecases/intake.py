"""What a worker elsewhere sends, taken into the ledger and the evidence of the one who leads; only he writes there.

It goes the way of a ledger from elsewhere: every line is checked, and an attempt that is told twice counts once.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bisectsyms.core.clocks import by_our_clock
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.exchange import read, write
from bisectsyms.model import Attempt

LARGEST = 256 * 1024**2
"""Bytes of one file of evidence, unpacked."""


class Intake:
    """One ledger and its evidence."""

    def __init__(self, ledger: Ledger, store: EvidenceStore, say: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._store = store
        self._say = say

    def attempts(self, host: str, records: Sequence[Mapping[str, object]], offset: float) -> list[Attempt]:
        """Those of the records that were not here, which are now; their clock was ahead by `offset` seconds.

        Raises:
            UserError: they are no records of a ledger; nothing was taken.
        """
        lines = write(host, (by_our_clock(record, offset) for record in records))
        batch = read(io.BytesIO(b"".join(lines)), f"what {host} sends")
        before = self._ledger.count()
        self._ledger.take_over(batch)
        numbers = range(before + 1, self._ledger.count() + 1)
        return [attempt for number in numbers if (attempt := self._ledger.get(number))]

    def evidence(self, host: str, found: Mapping[str, bytes]) -> None:
        """Keep these contents, each under the digest that it really has."""
        with tempfile.TemporaryDirectory() as folder:
            for number, (digest, packed) in enumerate(found.items()):
                path = Path(folder) / str(number)
                try:
                    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as content:
                        path.write_bytes(content.read(LARGEST))
                except (OSError, EOFError, zlib.error) as error:
                    self._say(f"{host}: evidence {digest[:12]} came damaged: {error}")
                    continue
                ((_, kept),) = self._store.keep([(digest, path)]) or (("", ""),)
                if kept != digest:
                    self._say(f"{host}: evidence {digest[:12]} is not what its digest says, or too large")
        self._store.prune(self._ledger.evidence_by_value())
