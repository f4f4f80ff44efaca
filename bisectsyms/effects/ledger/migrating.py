"""How a ledger is opened safely and brought to the newest version; `schema` has what that is.

A newer ledger, or a database of another program, is refused before anything in it is changed.
"""

from __future__ import annotations

import json
import shlex
import sqlite3
import uuid
from collections.abc import Iterator, Sequence

from bisectsyms import __version__
from bisectsyms.effects.ledger.schema import MIGRATIONS
from bisectsyms.errors import UserError

APPLICATION_ID = 0x62737973
"""`bsys`; in the file's header, so that file(1) and we know a ledger from any other database."""

LONGEST = 1 << 26
"""Bytes of a row; an attempt takes about two thousand."""

ATTEMPTS = uuid.UUID("b1c5e75a-6d5f-4a0e-9b7e-62737973a11e")
"""The name space of the uuids that are made from what is known of an attempt."""


def distrust(db: sqlite3.Connection) -> None:
    """Whoever wrote the file: its views run no function that can do harm, and no field takes all memory.

    sqlite.org/security.html, "Untrusted SQLite database files".
    """
    db.execute("pragma trusted_schema = off")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)


def check(db: sqlite3.Connection, name: str, newest: int = len(MIGRATIONS)) -> None:
    """Make sure that the open file is empty or a ledger of a version we know; only reads.

    Raises:
        UserError: it is of a newer bisectsyms, or of another program.
    """
    db.execute("begin")  # one snapshot, should another process be making the tables just now
    try:
        application, version = (_pragma(db, name) for name in ("application_id", "user_version"))
        tables = db.execute("select count(*) from sqlite_master").fetchone()[0]
        triggers = db.execute("select count(*) from sqlite_master where type = 'trigger'").fetchone()[0]
        writer = _writer(db) if version > newest else ""
    finally:
        db.rollback()
    if application != APPLICATION_ID and (application or version or tables):
        raise UserError(
            f"{name} is a database of another program; nothing was touched",
            next_step="move it out of this folder; it is not bisectsyms'",
        )
    if triggers and version <= newest:
        raise UserError(
            f"{name} has triggers, which would change what is written, and no ledger of bisectsyms has any; "
            "nothing was touched",
            next_step=f"look at them: sqlite3 {shlex.quote(name)} .schema",
        )
    if version > newest:
        raise UserError(
            f"{name} was written by {writer}: it is of version {version}, and this bisectsyms {__version__} "
            f"knows versions up to {newest}; nothing was touched",
            next_step=f"use {writer} or later (pip install --upgrade bisectsyms)",
        )


def migrate(db: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS, *, software: str = __version__) -> None:
    """Bring `db` to the newest version, all scripts or none; nothing is locked when it is there already.

    Foreign keys must not be enforced on the connection yet: SQLite's way to change a table is to make
    another one in its place. They are checked as a whole at the end.
    """
    if _pragma(db, "user_version") == len(migrations):
        return
    db.create_function("identity", -1, identity, deterministic=True)
    db.execute("begin immediate")
    try:
        # Read again: another process may have been first.
        version = _pragma(db, "user_version")
        if version < len(migrations):
            db.execute("create table if not exists ledger_versions (version integer primary key, software text)")
        for number, script in enumerate(migrations[version:], version + 1):
            for statement in _statements(script):
                db.execute(statement)
            db.execute("insert into ledger_versions values (?, ?)", (number, software))
        if broken := db.execute("pragma foreign_key_check").fetchall():
            raise RuntimeError(f"the migration leaves {len(broken)} row(s) without what they refer to")
        db.execute(f"pragma application_id = {APPLICATION_ID}")
        db.execute(f"pragma user_version = {len(migrations)}")
        db.execute("commit")
    except BaseException:
        db.rollback()
        raise


def identity(*known: str | int) -> str:
    """The uuid of an attempt that was made before attempts had one: the same in every copy of its ledger."""
    return str(uuid.uuid5(ATTEMPTS, json.dumps(known)))


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"pragma {name}").fetchone()[0])


def _writer(db: sqlite3.Connection) -> str:
    """Who brought the ledger to its version, as far as the tables of the future still tell it."""
    try:
        row = db.execute("select software from ledger_versions order by version desc limit 1").fetchone()
    except sqlite3.OperationalError:
        row = None
    return f"bisectsyms {row[0]}" if row else "a newer bisectsyms"


def _statements(script: str) -> Iterator[str]:
    """Split a script; `executescript` would commit behind our back."""
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""
    if part.strip():
        raise ValueError(f"a statement without its semicolon: {part.strip()[:60]}")
