"""Who was in which segment, moment by moment: sizes, entries and exits, definitions.

Owns: the tables history_* and the settings that hold definitions, every statement about them, and pruning. Must not:
evaluate, compare (connector/measure does), decide how long anything is kept.

A moment is what one push or snapshot evaluated. Present membership is kept packed (present.py), what changed as one
row each: who was in a segment earlier follows from going back through these. A segment that was missing
in a moment gets another number when it is back.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.plan import Moment
from connector.core.schemas import INSTANT
from connector.state import mail, present, tombstones
from connector.state.drivers.driver import Driver
from connector.state.times import micros

_TABLES = (
    "CREATE TABLE history_segment(number INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    """CREATE TABLE history_moment(
        id INTEGER PRIMARY KEY, run_id VARCHAR(64), at INTEGER NOT NULL, made_at INTEGER NOT NULL,
        contacts INTEGER NOT NULL)""",
    """CREATE TABLE history_size(
        moment INTEGER NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, entered INTEGER, gone INTEGER,
        hash VARCHAR(64) NOT NULL, PRIMARY KEY(moment, number)) WITHOUT ROWID""",
    """CREATE TABLE history_person(
        email TEXT NOT NULL, chunk INTEGER NOT NULL, bits INTEGER NOT NULL, person TEXT, PRIMARY KEY(email, chunk))
        WITHOUT ROWID""",
    """CREATE TABLE history_move(
        number INTEGER NOT NULL, moment INTEGER NOT NULL, email TEXT NOT NULL, entered INTEGER NOT NULL,
        PRIMARY KEY(number, moment, email)) WITHOUT ROWID""",
)
_RULE = "rule "  # begins the setting that holds a definition's text, by its hash
_UNTOLD = -1  # of entries and exits, where nobody had compared before
_SINCE = "history_people_since"  # the setting: moments before this one have lost their people

SIZES = pa.schema(
    [
        ("number", pa.int64()),
        ("segment", pa.string()),
        ("moment", pa.int64()),
        ("run", pa.string()),
        ("at", INSTANT),
        ("contacts", pa.int64()),
        ("size", pa.int64()),
        ("entered", pa.int64()),
        ("gone", pa.int64()),
        ("hash", pa.string()),
        ("rule", pa.string()),
    ]
)
MOVES = pa.schema([("number", pa.int64()), ("moment", pa.int64()), ("email", pa.string()), ("entered", pa.int64())])

_SIZES = f"""
    SELECT s.number, g.name AS segment, s.moment, m.run_id AS run, m.at, m.contacts, s.size,
           coalesce(s.entered, {_UNTOLD}) AS entered, coalesce(s.gone, {_UNTOLD}) AS gone, s.hash, r.value AS rule
    FROM history_size s JOIN history_moment m ON m.id = s.moment JOIN history_segment g ON g.number = s.number
    JOIN setting r ON r.name = '{_RULE}' || s.hash"""
_MOVES = "SELECT number, moment, email, entered FROM history_move WHERE number = ?"


def create(db: Driver) -> None:
    """For a migration. Who may only read has them for this connection alone."""
    for table in _TABLES:
        db.run(table.replace("CREATE TABLE", "CREATE TEMP TABLE") if db.read_only and db.narrows else table)


class History:
    """Part of a store; reads."""

    def __init__(self, db: Driver) -> None:
        self._db = db

    def last(self) -> int:
        """The last moment; 0: there is none."""
        return _last(self._db)[0]

    def sizes(self) -> pa.Table:
        """SIZES, oldest first; entries and exits are null where they are not known."""
        found = self._db.table(_SIZES, SIZES, order="moment, number")
        for name in ("entered", "gone"):
            column = found[name]
            told = pc.if_else(pc.equal(column, _UNTOLD), pa.scalar(None, pa.int64()), column)
            found = found.set_column(found.schema.get_field_index(name), SIZES.field(name), told)
        return found

    def people(self) -> pa.Table:
        """PEOPLE_NOW: the segments of everybody, by the last moment."""
        return present.read(self._db)

    def members(self, number: int) -> pa.Table:
        """`email` of those in a segment, by the last moment that has it."""
        return present.members(self._db, number)

    def moves(self, number: int) -> pa.Table:
        """MOVES of a segment, oldest first."""
        return self._db.table(_MOVES, MOVES, [number], order="moment")

    def mail(self, destination: str) -> pa.Table:
        """MAIL_DAYS of a destination, as far as it told them."""
        return mail.days(self._db, destination)

    def people_since(self) -> int:
        """The first moment whose members are still known."""
        found = self._db.rows("SELECT value FROM setting WHERE name = ?", [_SINCE])
        return int(found[0][0]) if found else 0


def enter(db: Driver, moment: Moment, at: datetime, now: datetime, contacts: int, run_id: str | None = None) -> bool:
    """Write a moment; False when there is nothing to learn, or when the history has gone on since it was compared: the
    next moment has the difference then. Inside the caller's transaction."""
    last, last_at = _last(db)
    if not moment.segments.num_rows or moment.after != last or micros(at) < last_at:
        return False
    here = last + 1
    db.run(
        "INSERT INTO history_moment(id, run_id, at, made_at, contacts) VALUES (?, ?, ?, ?, ?)",
        [here, run_id, micros(at), micros(now), contacts],
    )
    for one in moment.segments.to_pylist():
        db.run(
            "INSERT INTO history_segment(number, name) VALUES (?, ?) "
            "ON CONFLICT(number) DO UPDATE SET name = excluded.name",
            [one["number"], one["segment"]],
        )
        db.run(
            "INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT(name) DO NOTHING",
            [_RULE + one["hash"], one["rule"]],
        )
    stones = tombstones.read(db)
    _people(db, stones.without(moment.people))
    moved = stones.without(moment.moved)
    _moves(db, here, moved)
    _sizes(db, here, moment.segments, moved)
    return True


def _last(db: Driver) -> tuple[int, int]:
    found = db.rows("SELECT id, at FROM history_moment ORDER BY id DESC LIMIT 1")
    return found[0] if found else (0, -(2**62))


def _people(db: Driver, people: pa.Table) -> None:
    renamed = people.filter(pc.is_valid(people["old_email"]))
    present.enter(db, people, renamed)
    db.load(
        "UPDATE history_move SET email = ? WHERE email = ? AND NOT EXISTS (SELECT 1 FROM history_move WHERE email = ?)",
        pa.table([renamed["email"], renamed["old_email"], renamed["email"]], names=["new", "old", "free"]),
    )


def _moves(db: Driver, moment: int, moved: pa.Table) -> None:
    columns = [moved["number"], pa.repeat(moment, moved.num_rows), moved["entered"], moved["email"]]
    db.load(
        "INSERT INTO history_move(number, moment, entered, email) VALUES (?, ?, ?, ?)",
        pa.table(columns, names=["number", "moment", "entered", "email"]),
    )


def _sizes(db: Driver, moment: int, segments: pa.Table, moved: pa.Table) -> None:
    counts = {
        (one["number"], one["entered"]): one["email_count"]
        for one in moved.group_by(["number", "entered"]).aggregate([("email", "count")]).to_pylist()
    }
    for one in segments.to_pylist():
        entered, gone = ((counts.get((one["number"], way), 0) if one["known"] else None) for way in (1, 0))
        db.run(
            "INSERT INTO history_size(moment, number, size, entered, gone, hash) VALUES (?, ?, ?, ?, ?, ?)",
            [moment, one["number"], one["size"], entered, gone, one["hash"]],
        )


def prune(db: Driver, before: datetime) -> int:
    """Forget who came and went in moments before `before`, but for the last one, and who is in no segment any more;
    sizes and definitions stay. How many entries and exits. Inside the caller's transaction."""
    ((first,),) = db.rows("SELECT coalesce(max(id), 0) FROM history_moment WHERE at < ?", [micros(before)])
    mail.prune(db, before)
    if not first:
        return 0
    # The last moment before `before` is where the kept part begins: what led to it goes, what followed stays.
    count = int(db.rows("SELECT count(*) FROM history_move WHERE moment <= ?", [first])[0][0])
    db.run("DELETE FROM history_move WHERE moment <= ?", [first])
    ended = db.rows("SELECT number FROM history_size GROUP BY number HAVING max(moment) < ?", [first])
    present.leave(db, [number for (number,) in ended])
    db.run(
        "INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        [_SINCE, str(first)],
    )
    return count
