"""The tables, and how an older state becomes the present one.

Owns: the migrations, each committed together with its record in schema_version. Must not: read or write data
beyond what a migration moves.

Times are microseconds since 1970 in UTC. A step is a contiguous range of `change.seq`, so a batch is a range too.
contact.tags are joined by char(31).
"""

from __future__ import annotations

from collections.abc import Callable

from connector.core.errors import StateError, TooNew
from connector.state import (
    activity,
    attempts,
    failures,
    history,
    left,
    mail,
    present,
    retired,
    stages,
    tombstones,
)
from connector.state.drivers.driver import Driver

Statement = str | Callable[[Driver], None]

_FIRST = (
    "CREATE TABLE destination(name TEXT PRIMARY KEY, revision INTEGER NOT NULL DEFAULT 0, cursor INTEGER)",
    """CREATE TABLE contact(
        id INTEGER PRIMARY KEY, destination TEXT NOT NULL, email TEXT NOT NULL, remote_id TEXT,
        status TEXT, status_at INTEGER, tags TEXT, fields TEXT, UNIQUE(destination, email))""",
    """CREATE TABLE target(
        id INTEGER PRIMARY KEY, destination TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, remote_id TEXT,
        UNIQUE(destination, kind, name))""",
    """CREATE TABLE membership(
        target_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, PRIMARY KEY(target_id, contact_id)) WITHOUT ROWID""",
    """CREATE TABLE reject(
        destination TEXT NOT NULL, email TEXT NOT NULL, op TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL,
        code TEXT, detail TEXT, row_hash TEXT, run_id TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY(destination, email, op, kind, target)) WITHOUT ROWID""",
    """CREATE TABLE run(
        id TEXT PRIMARY KEY, plan_id TEXT NOT NULL, as_of INTEGER NOT NULL, made_at INTEGER NOT NULL,
        started_at INTEGER NOT NULL, finished_at INTEGER, state TEXT NOT NULL, contacts INTEGER NOT NULL,
        summary TEXT NOT NULL, allowed TEXT NOT NULL)""",
    """CREATE TABLE step(
        id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, destination TEXT NOT NULL, op TEXT NOT NULL,
        kind TEXT, target TEXT, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL)""",
    "CREATE INDEX step_of_run ON step(run_id, destination)",
    """CREATE TABLE change(
        seq INTEGER PRIMARY KEY, step INTEGER NOT NULL, email TEXT NOT NULL, fields TEXT, new_status TEXT,
        consent_at INTEGER, consent_source TEXT, carrier INTEGER, outcome TEXT, code TEXT, previous TEXT)""",
    "CREATE INDEX change_carried ON change(carrier) WHERE carrier IS NOT NULL",
    """CREATE TABLE batch(
        id INTEGER PRIMARY KEY, step INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        size INTEGER NOT NULL, state TEXT NOT NULL, job TEXT, attempts INTEGER NOT NULL DEFAULT 0,
        sent_at INTEGER, done_at INTEGER)""",
    "CREATE INDEX batch_of_step ON batch(step)",
    "CREATE INDEX batch_in_doubt ON batch(step) WHERE state IN ('sent', 'polling')",
    """CREATE TABLE lease(
        name TEXT PRIMARY KEY, holder TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
        since INTEGER NOT NULL, expires_at INTEGER NOT NULL, fence INTEGER NOT NULL)""",
)

# What the platforms tell beyond a contact's status: whether everybody has been read, who a contact is in the CRM,
# the address a contact had before, and what it did with our mail.
_OBSERVED = (
    "ALTER TABLE destination ADD COLUMN whole INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE destination ADD COLUMN engaged_until INTEGER",
    "ALTER TABLE contact ADD COLUMN person TEXT",
    "ALTER TABLE change ADD COLUMN old_email TEXT",
    """CREATE TABLE engagement(
        destination TEXT NOT NULL, email TEXT NOT NULL, last_open_at INTEGER, last_click_at INTEGER,
        last_send_at INTEGER, sends INTEGER, bounces INTEGER, PRIMARY KEY(destination, email)) WITHOUT ROWID""",
)

# What `rejects`, `forget` and `undo` need: the export's row behind a change, and hashes of people who are forgotten.
_UPKEEP = (
    "ALTER TABLE change ADD COLUMN row_hash TEXT",
    "CREATE TABLE tombstone(hash TEXT PRIMARY KEY, at INTEGER NOT NULL)",
    "CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

# Segments that were decided once, and who is in them.
_FROZEN = (
    "CREATE TABLE frozen(segment TEXT PRIMARY KEY, at INTEGER NOT NULL, run_id TEXT NOT NULL)",
    """CREATE TABLE frozen_member(
        segment TEXT NOT NULL, email TEXT NOT NULL, person TEXT, PRIMARY KEY(segment, email)) WITHOUT ROWID""",
)

# The stages of the lifecycle: what everybody went through, and the moves of a run that wait for an outcome.
_STAGES = (
    """CREATE TABLE stage_entry(
        id INTEGER PRIMARY KEY, destination TEXT NOT NULL, email TEXT NOT NULL, stage TEXT NOT NULL, part TEXT,
        policy TEXT NOT NULL, began_at INTEGER NOT NULL, entered_at INTEGER NOT NULL, signal_at INTEGER,
        left_at INTEGER, how TEXT, status TEXT, run_id TEXT NOT NULL)""",
    "CREATE INDEX stage_entry_of ON stage_entry(destination, email)",
    """CREATE TABLE stage_move(
        run_id TEXT NOT NULL, destination TEXT NOT NULL, email TEXT NOT NULL, stage TEXT, how TEXT NOT NULL, part TEXT,
        policy TEXT NOT NULL, began_at INTEGER NOT NULL, entered_at INTEGER NOT NULL, signal_at INTEGER,
        op TEXT, kind TEXT, target TEXT, seq INTEGER)""",
    "CREATE INDEX stage_move_of ON stage_move(seq)",
)

# What was sent and never answered: memberships that may be there or not, and fields that may have been written.
_DOUBTS = (
    """CREATE TABLE membership_doubt(
        target_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, PRIMARY KEY(target_id, contact_id)) WITHOUT ROWID""",
    """CREATE TABLE field_doubt(
        contact_id INTEGER NOT NULL, fields TEXT NOT NULL, PRIMARY KEY(contact_id, fields)) WITHOUT ROWID""",
)

# Which account a destination is, how many forgotten people a plan named, and a state without any.
_ACCOUNTS: tuple[Statement, ...] = (
    "ALTER TABLE destination ADD COLUMN account TEXT",
    "ALTER TABLE destination ADD COLUMN account_name TEXT",
    "ALTER TABLE run ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0",
    tombstones.clean,
)

# A contact is its id on the platform: one id may be known under several addresses. `held_before`: the platform has held
# it under this address, so that "absent" means gone and not unknown. `seen`: what was known of a contact when the plan
# decided to archive, suppress or unsubscribe it.
_CONTACT_IDS: tuple[Statement, ...] = (
    "CREATE INDEX contact_by_id ON contact(destination, remote_id) WHERE remote_id IS NOT NULL",
    "ALTER TABLE contact ADD COLUMN held_before INTEGER NOT NULL DEFAULT 0",
    """UPDATE contact SET held_before = 1 WHERE remote_id IS NOT NULL OR fields IS NOT NULL
        OR coalesce(status, 'absent') <> 'absent' OR id IN (SELECT contact_id FROM membership)""",
    "ALTER TABLE change ADD COLUMN seen TEXT",
)

# Of the people in the export, those with consent.
_CONSENTING = ("ALTER TABLE run ADD COLUMN consenting INTEGER",)
# Cursors are in the platform's time. Those of before were in the machine's, which may have been ahead: they are put
# where no platform's present moment is, so that everybody is read once (reconcile/observe.py, `unread`).
_SERVER_TIME = ("UPDATE destination SET cursor = 253370764800000000 WHERE cursor IS NOT NULL",)

# Why a run was given up (`sync abandon`).
_ABANDONED = ("ALTER TABLE run ADD COLUMN abandoned TEXT",)


def _take_less_room(db: Driver) -> None:
    """Of PostgreSQL's 4.5 MB for 10,000 contacts indexes were 1.9. A hash index holds no copy of the ids; it finds
    contacts by the id alone, which is why statements ask for the destination with IS (see dialect.py)."""
    if db.read_only:
        return  # copies, whose indexes have other names
    db.run("DROP INDEX contact_by_person")
    if db.narrows:
        db.run("DROP INDEX contact_by_id")
        db.run("CREATE INDEX contact_by_id ON contact USING hash (remote_id)")
        db.run("ALTER TABLE contact ALTER COLUMN held_before TYPE SMALLINT")


# 1: the platform answered that it does not hold the contact, whatever its status says: an opt-out outlives the contact.
# Doubts about what it is in wait until the platform holds it again (store.py).
_LOST = ("ALTER TABLE contact ADD COLUMN lost SMALLINT NOT NULL DEFAULT 0",)

MIGRATIONS: tuple[tuple[Statement, ...], ...] = (
    _FIRST,
    _OBSERVED,
    _UPKEEP,
    _FROZEN,
    _STAGES,
    _DOUBTS,
    _ACCOUNTS,
    _CONTACT_IDS,
    _CONSENTING,
    _SERVER_TIME,
    left.TABLES,
    retired.TABLES,
    activity.TABLES,
    stages.TABLES,
    activity.SWEPT,
    _ABANDONED,
    (_take_less_room,),
    activity.MARKS_TABLES,
    attempts.TABLES,
    (history.create,),
    (mail.create,),
    failures.TABLES,
    _LOST,
    (present.create,),
)


def migrate(db: Driver, at: int) -> None:
    """Bring the file to the newest schema. Raises TooNew, or StateError for a database that is not ours."""
    with db.transaction():
        version = _version(db)
        if version > len(MIGRATIONS):
            raise TooNew(
                f"The state {db.path} was written by a newer version of the connector (schema {version}, this one "
                f"knows {len(MIGRATIONS)}). Update the connector. {db.elsewhere}"
            )
        if version < len(MIGRATIONS) and not db.read_only:  # who may only read finds it there
            db.prepare()
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in statements:
                db.run(_own(db, statement)) if isinstance(statement, str) else statement(db)
            db.run("INSERT INTO schema_version(version, at) VALUES (?, ?)", [number, at])


def _own(db: Driver, statement: str) -> str:
    """Who may only read a server's state makes new tables for the connection alone, as the copies of the others are."""
    if db.read_only and db.narrows and statement.startswith("CREATE TABLE"):
        return statement.replace("CREATE TABLE", "CREATE TEMP TABLE", 1)
    return statement


def _version(db: Driver) -> int:
    names = db.tables()
    if not names:
        db.run("CREATE TABLE schema_version(version INTEGER PRIMARY KEY, at INTEGER NOT NULL)")
    elif "schema_version" not in names:
        raise StateError(f"{db.path} is a database of another program. {db.elsewhere}")
    return int(db.rows("SELECT coalesce(max(version), 0) FROM schema_version")[0][0])
