"""Who is in which segment by the history's last moment: packed, because a row for each would take more room than the
ledger's contact has.

Owns: the table history_present, what is in it, and the number of its parts. Must not: open a transaction, know a
moment, compare.

A part holds about a thousand people as a compressed Arrow table. Who is in which follows from the address alone, so
that one person is found without unpacking the others.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from connector.state.drivers.driver import Driver

BITS = 60  # of a signed 64-bit integer, with room to shift
# `bits` tell 60 segments, `chunk` which 60: those with the numbers from chunk * 60 on.
PEOPLE_NOW = pa.schema(
    [(name, pa.string()) for name in ("email", "person")] + [("chunk", pa.int64()), ("bits", pa.int64())]
)
_BITS_AT = PEOPLE_NOW.get_field_index("bits")
PART = 1_000  # people of a part, about
_TABLE = "CREATE TABLE history_present(part INTEGER PRIMARY KEY, packed TEXT NOT NULL)"
_PARTS = "history_parts"  # the setting: how many parts there are, a power of two
_STORED = pa.schema([("packed", pa.string())])
_FORMER = "SELECT email, person, chunk, bits FROM history_person"


def create(db: Driver) -> None:
    """For a migration: what earlier versions kept as rows. Who may only read has it for this connection alone."""
    own = db.read_only and db.narrows
    db.run(_TABLE.replace("CREATE TABLE", "CREATE TEMP TABLE") if own else _TABLE)
    _write(db, PEOPLE_NOW.empty_table(), db.table(_FORMER, PEOPLE_NOW))
    if not own:
        db.run("DROP TABLE history_person")


def read(db: Driver) -> pa.Table:
    """PEOPLE_NOW, in no order."""
    packed = db.table("SELECT packed FROM history_present", _STORED)["packed"].to_pylist()
    return pa.concat_tables([PEOPLE_NOW.empty_table(), *(_unpacked(text) for text in packed)])


def members(db: Driver, number: int) -> pa.Table:
    """`email` of those in a segment."""
    people = read(db)
    here = people.filter(pc.equal(people["chunk"], number // BITS))
    inside = pc.bit_wise_and(pc.shift_right(here["bits"], number % BITS), 1)
    return here.select(["email"]).filter(pc.equal(inside, 1))


def enter(db: Driver, people: pa.Table, renamed: pa.Table) -> None:
    """Put `people` (PEOPLE_NOW) in the place of their rows. Before that `renamed` (`old_email`, `email`) get their new
    address, where nobody else has it."""
    if not people.num_rows:
        return
    before = read(db)
    held = _renamed(before, renamed)
    among = pc.is_in(_keys(held), value_set=_keys(people).combine_chunks())
    now = pa.concat_tables([held.filter(pc.invert(among)), people.select(PEOPLE_NOW.names).cast(PEOPLE_NOW)])
    _write(db, before, now)


def leave(db: Driver, numbers: Iterable[int]) -> None:
    """Take everybody out of these segments, and forget who is in none then."""
    before = read(db)
    bits = before["bits"]
    for number in numbers:
        here = pc.equal(before["chunk"], number // BITS)
        bits = pc.if_else(here, pc.bit_wise_and(bits, ~(1 << number % BITS)), bits)
    now = before.set_column(_BITS_AT, PEOPLE_NOW.field(_BITS_AT), bits)
    _write(db, before, now.filter(pc.not_equal(bits, 0)))


def forget(db: Driver, email: str) -> None:
    part = _part(email, _parts(db))
    for (packed,) in db.rows("SELECT packed FROM history_present WHERE part = ?", [part]):
        held = _unpacked(packed)
        left = held.filter(pc.not_equal(held["email"], email))
        if left.num_rows < held.num_rows:
            db.run("DELETE FROM history_present WHERE part = ?", [part])
            _insert(db, {part: left})


def _renamed(held: pa.Table, renamed: pa.Table) -> pa.Table:
    free = pc.invert(pc.is_in(renamed["email"], value_set=held["email"].combine_chunks()))
    renamed = renamed.filter(free)
    if not renamed.num_rows:
        return held
    place = pc.index_in(held["email"], value_set=renamed["old_email"].combine_chunks())
    emails = pc.coalesce(renamed["email"].combine_chunks().take(place), held["email"])
    return held.set_column(0, PEOPLE_NOW.field("email"), emails)


def _keys(people: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(people["chunk"].cast(pa.string()), people["email"], " ")


def _write(db: Driver, before: pa.Table, now: pa.Table) -> None:
    """Write the parts that differ; all of them when there are to be more or fewer."""
    parts = _parts(db)
    wanted = 1 << max(0, now.num_rows // PART).bit_length()
    if not parts // 4 < wanted <= parts:
        parts, before = wanted, PEOPLE_NOW.empty_table()
        db.run("DELETE FROM history_present")
        db.run(
            "INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            [_PARTS, str(parts)],
        )
    old, new = _split(before, parts), _split(now, parts)
    changed = [part for part in old.keys() | new.keys() if part not in new or not new[part].equals(old.get(part))]
    db.load("DELETE FROM history_present WHERE part = ?", pa.table({"part": pa.array(changed, pa.int64())}))
    _insert(db, {part: new[part] for part in changed if part in new})


def _insert(db: Driver, people: dict[int, pa.Table]) -> None:
    rows = {
        "part": pa.array(people, pa.int64()),
        "packed": pa.array([_packed(table) for table in people.values()], pa.string()),
    }
    db.load("INSERT INTO history_present(part, packed) VALUES (?, ?)", pa.table(rows))


def _split(people: pa.Table, parts: int) -> dict[int, pa.Table]:
    """The people of each part that has any, in the order of their addresses."""
    places = pa.array([_part(email, parts) for email in people["email"].to_pylist()], pa.int64())
    placed = people.append_column("part", places).sort_by([(name, "ascending") for name in ("part", "email", "chunk")])
    runs = pc.run_end_encode(placed["part"].combine_chunks())
    split, start, people = {}, 0, placed.select(PEOPLE_NOW.names)
    for part, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        split[part] = people.slice(start, end - start)
        start = end
    return split


def _part(email: str, parts: int) -> int:
    return zlib.crc32(email.encode()) % parts


def _parts(db: Driver) -> int:
    found = db.rows("SELECT value FROM setting WHERE name = ?", [_PARTS])
    return int(found[0][0]) if found else 1


def _packed(people: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, PEOPLE_NOW, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(people)
    return base64.b64encode(sink.getvalue()).decode()


def _unpacked(text: str) -> pa.Table:
    return pa.ipc.open_stream(base64.b64decode(text)).read_all()
