"""What the history tells: sizes and flows over time, definitions in force, and who was a member when.

Owns: sizes(), definitions(), members_at(), spells(), spells_of(), courses(). Must not: write, print. Addresses leave it
in members_at(), spells() and spells_of() only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.schemas import INSTANT
from connector.core.sql import scratch
from connector.state.base import Store
from connector.state.present import BITS
from connector.state.times import micros

SIZES = pa.schema(
    [
        ("segment", pa.string()),
        ("run", pa.string()),
        ("at", INSTANT),
        ("size", pa.int64()),
        ("entered", pa.int64()),
        ("left", pa.int64()),
        ("contacts", pa.int64()),
        ("definition", pa.string()),
    ]
)
DEFINITIONS = pa.schema(
    [("segment", pa.string()), ("hash", pa.string()), ("rule", pa.string()), ("since", INSTANT), ("until", INSTANT)]
)
SPELLS = pa.schema([("segment", pa.string()), ("email", pa.string()), ("since", INSTANT), ("until", INSTANT)])


@dataclass(frozen=True, slots=True)
class Point:
    """One moment of a segment. `entered` and `left` are None where nobody had compared before; `run` is None for a
    snapshot. `changed`: the definition is another one than at the moment before."""

    at: datetime
    run: str | None
    size: int
    share: float | None  # of all contacts
    entered: int | None
    left: int | None
    definition: str
    rule: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A segment over time, oldest first."""

    segment: str
    points: tuple[Point, ...]

    @property
    def since(self) -> datetime:
        """From when on it is known."""
        return self.points[0].at

    @property
    def changes(self) -> list[Point]:
        """The moments at which a definition came into force, the first included."""
        return [point for number, point in enumerate(self.points) if point.changed or not number]


def sizes(store: Store) -> pa.Table:
    """SIZES, oldest first. `entered` and `left` are null where nobody had compared before, `run` of a snapshot."""
    found = store.history.sizes()
    return found.rename_columns({"hash": "definition", "gone": "left"}).select(SIZES.names)


def definitions(store: Store) -> pa.Table:
    """DEFINITIONS: what a segment meant from when until when; `until` is null for what is in force."""
    rows = []
    for course in courses(store):
        ends = [point.at for point in course.changes[1:]]
        for point, until in zip(course.changes, [*ends, None], strict=True):
            rows.append(
                {
                    "segment": course.segment,
                    "hash": point.definition,
                    "rule": point.rule,
                    "since": point.at,
                    "until": until,
                }
            )
    return pa.Table.from_pylist(rows, DEFINITIONS)


def courses(store: Store) -> list[Course]:
    """Every segment that the history knows, by its present name."""
    found: dict[str, list[Point]] = {}
    for row in store.history.sizes().to_pylist():
        points = found.setdefault(row["segment"], [])
        points.append(
            Point(
                row["at"],
                row["run"],
                row["size"],
                row["size"] / row["contacts"] if row["contacts"] else None,
                row["entered"],
                row["gone"],
                row["hash"],
                row["rule"],
                bool(points) and points[-1].definition != row["hash"],
            )
        )
    return [Course(name, tuple(points)) for name, points in found.items()]


def members_at(store: Store, segment: str, at: datetime) -> pa.Array | None:
    """The addresses of those who were in a segment at a moment; None: it is not known (before the first moment, while
    the segment did not exist, or pruned)."""
    since = known_since(store, segment)
    if since is None or at < since:
        return None
    inside = spells(store, segment)
    when = pa.scalar(micros(at), pa.int64()).cast(INSTANT)
    there = pc.and_(pc.less_equal(inside["since"], when), pc.fill_null(pc.greater(inside["until"], when), True))
    return pc.unique(inside.filter(there)["email"])


def known_since(store: Store, segment: str) -> datetime | None:
    """From when on the members of a segment are known; None: never."""
    sizes = store.history.sizes()
    mine = sizes.filter(
        pc.and_(pc.equal(sizes["segment"], segment), pc.greater_equal(sizes["moment"], store.history.people_since()))
    )
    return pc.min(mine["at"]).as_py() if mine.num_rows else None


# One number of a segment: who is in it by its last moment ($gone: the first that has it no more), what happened after
# its $first. Who was in it at first is found by going back; who never came or went was in it all the time.
_SPELLS = """
    with earliest as (
        select email, min_by(entered, moment) as entered from moves group by email
    ), course as (
        select email, moment, entered from moves
        union all select email, $first, 1 from earliest where entered = 0
    ), ends as (
        select email, moment, entered, lead(moment, 1, $gone) over (partition by email order by moment) as gone
        from course
    ), spell as (
        select email, moment, gone from ends where entered = 1
        union all select email, $first, $gone from last where email not in (select email from earliest)
    )
    select $segment as segment, e.email, b.at as since, f.at as until
    from spell e join times b on b.moment = e.moment left join times f on f.moment = e.gone"""
_FEW = 2  # so many segments are read one by one; for more everybody is read once


def spells(store: Store, segment: str) -> pa.Table:
    """SPELLS: from when until when people were in a segment, as far back as it is known; `until` is null for those who
    are in it by the last moment."""
    return spells_of(store, [segment])[segment]


def spells_of(store: Store, segments: Sequence[str]) -> dict[str, pa.Table]:
    """Segment -> SPELLS."""
    sizes, since = store.history.sizes(), store.history.people_since()
    people = store.history.people() if len(segments) > _FEW else None
    with scratch() as connection:
        first = sizes.select(["moment", "at"]).group_by("moment").aggregate([("at", "min")])
        connection.register("times", first.rename_columns(["moment", "at"]))
        found = {}
        for segment in segments:
            tables = [SPELLS.empty_table()]
            for number in pc.unique(sizes.filter(pc.equal(sizes["segment"], segment))["number"]).to_pylist():
                mine = sizes.filter(pc.equal(sizes["number"], number))["moment"]
                kept = mine.filter(pc.greater_equal(mine, since))
                if len(kept):
                    later = sizes.filter(pc.greater(sizes["moment"], pc.max(kept)))["moment"]
                    connection.register("moves", store.history.moves(number))
                    connection.register("last", _members(store, people, number))
                    asked = {"segment": segment, "first": pc.min(kept).as_py(), "gone": pc.min(later).as_py()}
                    tables.append(connection.sql(_SPELLS, params=asked).to_arrow_table().cast(SPELLS))
            found[segment] = pa.concat_tables(tables)
    return found


def _members(store: Store, people: pa.Table | None, number: int) -> pa.Table:
    """`email` of those in a segment by the last moment that has it."""
    if people is None:
        return store.history.members(number)
    bit = pc.bit_wise_and(people["bits"], pa.scalar(1 << number % BITS, pa.int64()))
    inside = pc.and_(pc.equal(people["chunk"], number // BITS), pc.not_equal(bit, 0))
    return people.select(["email"]).filter(inside)
