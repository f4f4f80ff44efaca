"""What may be on a disk when the power fails: more than what was synced, less than what was written.

Promised is only this: after fsync of a file its content, after fsync of a folder the names in it (fsync(2)). Of all
else any part may be there: names without content, content that is zeros, some sectors of a write and not others
(512 bytes are whole). SQLite and ext4 count on more; an image that even this little survives, survives them too.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tests.torture.powerlog import Create, Event, Link, Mkdir, Rename, Sync, Told, Truncate, Unlink, Write

SECTOR = 512
Image = dict[str, bytes | None]
"""Path -> content, None for a folder."""


@dataclass
class Inode:
    """One file: what a reader sees, what is surely on disk, and what was written since."""

    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes), or (size, None) for a truncation."""

    def write(self, offset: int | None, data: bytes) -> None:
        offset = len(self.data) if offset is None else offset
        _put(self.data, offset, data)
        self.pending.append((offset, data))

    def truncate(self, size: int) -> None:
        _cut(self.data, size)
        self.pending.append((size, None))

    def sync(self) -> None:
        self.durable = bytes(self.data)
        self.pending.clear()

    def zeros(self) -> bytes:
        """As if sizes had reached the disk, and no content since the last sync."""
        data = bytearray(self.durable)
        for offset, text in self.pending:
            if text is None:
                _cut(data, offset)
            elif offset + len(text) > len(data):
                data.extend(bytes(offset + len(text) - len(data)))
        return bytes(data)

    def torn(self, chance: random.Random) -> bytes:
        """Any of the sectors written since the last sync."""
        data, share = bytearray(self.durable), chance.choice((0.1, 0.5, 0.9))
        for offset, text in self.pending:
            if text is None:
                if chance.random() < share:
                    _cut(data, offset)
                continue
            begin = offset
            while begin < offset + len(text):
                end = min(offset + len(text), (begin // SECTOR + 1) * SECTOR)
                if chance.random() < share:
                    _put(data, begin, text[begin - offset : end - offset])
                begin = end
        return bytes(data)


def _put(data: bytearray, offset: int, text: bytes) -> None:
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(text)] = text


def _cut(data: bytearray, size: int) -> None:
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


Names = dict[str, Inode | None]


@dataclass(frozen=True, slots=True)
class Change:
    """Of names: what goes and what comes, at once."""

    gone: tuple[str, ...]
    come: tuple[tuple[str, Inode | None], ...]


class Disk:
    """The folder "." of which the events tell."""

    def __init__(self) -> None:
        self.names: Names = {}
        self._changes: list[Change] = []
        self._kept = set[int]()
        """Changes that are surely on disk, by number."""

    def apply(self, event: Event) -> bool:
        """Do what was done; whether the disk has another content than before."""
        match event:
            case Write(path, data, offset):
                self._file(path).write(offset, data)
            case Truncate(path, size):
                self._file(path).truncate(size)
            case Create(path, truncate):
                if path not in self.names:
                    self._change((), ((path, Inode()),))
                elif truncate:
                    self._file(path).truncate(0)
                else:
                    return False
            case Mkdir(path):
                self._change((), ((path, None),))
            case Unlink(path):
                self._change((path,), ())
            case Rename(old, new):
                self._change((old,), ((new, self.names[old]),))
            case Link(old, new):
                self._change((), ((new, self.names[old]),))
            case Sync(path):
                self._sync(path)
            case Told():
                return False
        return True

    def _file(self, path: str) -> Inode:
        found = self.names[path.removesuffix(" (deleted)")]
        assert found is not None, path
        return found

    def _change(self, gone: tuple[str, ...], come: tuple[tuple[str, Inode | None], ...]) -> None:
        change = Change(gone, come)
        self._changes.append(change)
        _rename(self.names, change)

    def _sync(self, path: str) -> None:
        """A folder's sync keeps the changes of its names; that of our parent has kept the folder itself."""
        node = self.names.get(path)
        if node is not None:
            node.sync()
            return
        for number, change in enumerate(self._changes):
            touched = (*change.gone, *(name for name, _ in change.come))
            if any(str(PurePosixPath(name).parent) == path for name in touched):
                self._kept.add(number)

    def images(self, chance: random.Random, torn: int) -> Iterator[tuple[str, Image]]:
        """What may be there if the power fails now, each with its name; `torn` of them are drawn."""
        yield "all of it", _image(self.names, lambda node: bytes(node.data))
        yield "names without content", _image(self.names, lambda node: node.durable)
        yield "zeros for content", _image(self.names, Inode.zeros)
        yield "only what was synced", _image(self._synced(), lambda node: node.durable)
        for _ in range(torn):
            yield "torn", _image(self._journalled(chance), lambda node: node.torn(chance))

    def _synced(self) -> Names:
        names: Names = {}
        for number, change in enumerate(self._changes):
            if number in self._kept:
                _rename(names, change)
        return names

    def _journalled(self, chance: random.Random) -> Names:
        """Changes of names in their order, up to any that is not before one that is surely there."""
        names: Names = {}
        for change in self._changes[: chance.randint(max(self._kept, default=-1) + 1, len(self._changes))]:
            _rename(names, change)
        return names


def _rename(names: Names, change: Change) -> None:
    for name in change.gone:
        names.pop(name, None)
    names.update(change.come)


def _image(names: Names, content: object) -> Image:
    assert callable(content)
    image: Image = {}
    for name, node in names.items():
        parents = [str(parent) for parent in PurePosixPath(name).parents if str(parent) != "."]
        if all(names.get(parent, 0) is None for parent in parents):  # else its folder is not there
            image[name] = None if node is None else content(node)
    return image


def digest(image: Image) -> bytes:
    """Equal for equal images."""
    whole = hashlib.sha256()
    for name, data in sorted(image.items()):
        kept = b"/" if data is None else hashlib.sha256(data).digest()
        whole.update(name.encode(errors="surrogateescape") + b"\0" + kept)
    return whole.digest()
