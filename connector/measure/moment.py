"""What one evaluation tells the history: sizes, definitions, and who entered and left since its last moment.

Owns: numbers of segments, and the comparison. Must not: write, evaluate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.plan import Moment
from connector.core.schemas import MOVED, NOW_IN, SEGMENTS_AT
from connector.core.sql import identifier, scratch
from connector.state.base import Store
from connector.state.present import BITS


@dataclass(frozen=True, slots=True)
class Meant:
    """One segment of the file: its definition, and the name it had before (`renamed_from`)."""

    name: str
    hash: str
    rule: str
    former: str | None = None


# now: people with their bits; held: the history's, in the same chunk. People under another address are found
# by the CRM's id, where it is nobody else's. Bits of segments that are not asked now stay as they are.
_COMPARED = """
    with lost as (
        select email, person from held anti join now using (email) where person is not null
    ), found as (
        select email, person from now anti join held using (email) where person is not null
    ), moved_on as (
        select any_value(f.email) as email, l.email as old_email from lost l join found f on f.person = l.person
        group by l.email having count(*) = 1
    ), before as (
        select coalesce(m.email, h.email) as email, h.person, m.old_email, h.bits
        from held h left join moved_on m on m.old_email = h.email
    )
    select coalesce(n.email, b.email) as email, coalesce(n.person, b.person) as person, b.old_email,
           {chunk}::bigint as chunk, coalesce(n.bits, 0) | (coalesce(b.bits, 0) & ~({asked})::bigint) as bits,
           coalesce(b.bits, 0) as before
    from now n full join before b on b.email = n.email
    where coalesce(n.bits, 0) <> coalesce(b.bits, 0) & ({asked})::bigint or b.old_email is not null"""
_MOVED = """
    select s.number, c.email, (c.bits >> (s.number % {bits})) & 1 as entered
    from compared c join asked s on s.known and s.number // {bits} = c.chunk
    where (xor(c.bits, c.before) >> (s.number % {bits})) & 1 = 1"""


def moment(store: Store, meant: Sequence[Meant], people: pa.Table, forgotten: pa.Array) -> Moment:
    """`people` is an evaluation's table; those `forgotten` are left out, also of the sizes."""
    if len(forgotten):
        people = people.filter(pc.invert(pc.is_in(people["email"], value_set=forgotten)))
    after, numbers, known = _numbers(store, meant)
    sizes = {one.name: pc.sum(people[f"in:{one.name}"]).as_py() or 0 for one in meant}
    rows = [
        {
            "number": numbers[one.name],
            "segment": one.name,
            "size": sizes[one.name],
            "known": one.name in known,
            "hash": one.hash,
            "rule": one.rule,
        }
        for one in meant
    ]
    segments = pa.Table.from_pylist(rows, SEGMENTS_AT)
    now_in, moved = _compared(people, segments, store.history.people())
    return Moment(after, segments, now_in, moved)


def _numbers(store: Store, meant: Sequence[Meant]) -> tuple[int, Mapping[str, int], set[str]]:
    """The history's last moment, the number of every segment, and which of them are in that moment."""
    sizes = store.history.sizes()
    after = store.history.last()
    last = sizes.filter(pc.equal(sizes["moment"], after))
    held = dict(zip(last["segment"].to_pylist(), last["number"].to_pylist(), strict=True))
    free = (pc.max(sizes["number"]).as_py() or 0) + 1 if sizes.num_rows else 0
    named = {one.name for one in meant}
    numbers: dict[str, int] = {}
    known = set()
    for one in meant:
        former = one.former if one.former is not None and one.former not in named else None
        name = one.name if one.name in held else former if former in held else None
        if name is not None:
            numbers[one.name] = held[name]
            known.add(one.name)
        else:
            numbers[one.name], free = free, free + 1
    return after, numbers, known


def _compared(people: pa.Table, segments: pa.Table, held: pa.Table) -> tuple[pa.Table, pa.Table]:
    """NOW_IN and MOVED, a chunk of segments after the other."""
    numbers = dict(zip(segments["segment"].to_pylist(), segments["number"].to_pylist(), strict=True))
    now_in, moved = [NOW_IN.empty_table()], [MOVED.empty_table()]
    person = "person" if "person" in people.column_names else "null::varchar as person"
    with scratch() as connection:
        connection.register("asked", segments)
        connection.register("people", people)
        for chunk in sorted({number // BITS for number in numbers.values()}):
            here = {name: number % BITS for name, number in numbers.items() if number // BITS == chunk}
            bits = " | ".join(f"({identifier(f'in:{name}')}::bigint << {bit})" for name, bit in here.items())
            connection.execute(
                f"create or replace temp table now as select email, {person}, {bits} as bits from people"
            )
            connection.register("held", held.filter(pc.equal(held["chunk"], chunk)))
            compared = _COMPARED.format(chunk=chunk, asked=sum(1 << bit for bit in here.values()))
            found = connection.sql(compared).to_arrow_table()
            connection.register("compared", found)
            now_in.append(found.select(NOW_IN.names).cast(NOW_IN))
            moved.append(connection.sql(_MOVED.format(bits=BITS)).to_arrow_table().cast(MOVED))
    return pa.concat_tables(now_in), pa.concat_tables(moved)
