"""What must hold for any bytes at all. One function for each kind of text, which raises where it does not hold."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from bisectsyms.core.reportfields import FIELDS, through_the_gate
from bisectsyms.effects.images import read_image, read_table, table_sizes
from bisectsyms.errors import UserError
from bisectsyms.kallsyms.compare import MOST_JUMP, compare, tied
from bisectsyms.kallsyms.makelog import read_log
from bisectsyms.kallsyms.symbols import SymbolMap, read_map
from bisectsyms.usecases.reproduce import understand
from tests.fuzz import files

BORDER = b"=\n"
"""Between two maps of one input; with only one, it is compared with itself."""


def two_maps(text: bytes) -> None:
    """Each is read or refused; of two that are read the comparison adds up."""
    one, _, two = text.partition(BORDER)
    before, after = _read(one), _read(two or one)
    if before is None or after is None:
        return
    found = compare(before, after)
    columns = [(one.addresses, one.types, one.names) for one in (before, after)]
    assert found.is_equal is (columns[0] == columns[1])
    assert Counter(found.appeared) == Counter(after.names) - Counter(before.names)
    assert Counter(found.vanished) == Counter(before.names) - Counter(after.names)
    assert all(Counter(one.before) == Counter(one.after) and len(one.before) <= MOST_JUMP for one in found.swaps)
    assert all(one.delta for one in found.shifts)
    assert found.moved <= sum(one.symbols for one in found.shifts) + len(found.strayed) + _placeless(before, after)
    assert found.ties == sum(1 for _ in tied(after))


def _read(text: bytes) -> SymbolMap | None:
    try:
        found = read_map(text, "System.map")
    except UserError as error:
        assert error.next_step and error.message.isprintable()
        return None
    assert len(found.addresses) == len(found.types) == len(found.names) == text.count(b"\n") + found.cut
    return found


def _placeless(*maps: SymbolMap) -> int:
    return sum(letter in "Uvw" for one in maps for letter in one.types)


def log(text: bytes) -> None:
    """Pieces say what the whole says, and nothing in it can reach a terminal."""
    found = read_log([text])
    assert found == read_log(text[at : at + 7] for at in range(0, len(text), 7))
    told = "".join((*found.twice, *found.late, *found.damaged, found.shuffle))
    assert told.replace("\t", " ").isprintable()


def image(content: bytes) -> None:
    """What it says of itself, its table and their sizes, or an error that says what to do."""
    _each(content, "vmlinux", read_image, read_table, table_sizes)


def source(text: bytes) -> None:
    """The same of the source of a table, for pointers of both sizes."""
    for bits in (32, 64):
        _each(text, "kallsyms.S", partial(read_table, bits=bits), partial(table_sizes, bits=bits))


def report(content: bytes) -> None:
    """A plan of which every value passes its gate, and nothing else comes of it; a plan does not come by a pipe."""
    try:
        plan = understand("-", stdin=io.BytesIO(content)).plan
    except UserError as error:
        assert error.next_step and error.message.isprintable()
        return
    values = plan.model_dump()
    assert type(plan).model_validate(values) == plan
    told = {name: value for name, value in values.items() if isinstance(value, str) and value and name in FIELDS}
    assert all(through_the_gate(name, value) == value for name, value in told.items())


def _each(content: bytes, name: str, *readers: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory(prefix="bisectsyms-fuzz-") as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        for read in readers:
            try:
                read(path)
            except UserError as error:
                assert error.next_step and error.message.isprintable()


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "maps": two_maps,
    "logs": log,
    "images": image,
    "tables": source,
    "reports": report,
    "profiles": files.profile,
    "plans": files.plan,
    "ledgers": files.ledger,
    "bisects": files.bisect,
    "kconfigs": files.config,
    "hosts": files.hosts,
}
"""By the folder of their corpus."""
