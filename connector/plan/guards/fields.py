"""What becomes of values that a push wrote.

Owns: how many people and which fields of theirs would get other values. Must not: judge them.
"""

from __future__ import annotations

from dataclasses import dataclass

from connector.core.sql import scratch
from connector.plan.part import Part

# Values that a push wrote and the platform confirmed, and that an UPDATE would write over: a row per contact and field.
_OVERWRITTEN = """
    create temp table overwritten as
    with pair as (
        select email, c.fields as new, k.fields as old, unnest(json_keys(c.fields)) as field
        from changed c join contacts k using (email)
        where c.op = 'update' and c.fields is not null and k.fields is not null
    ), value as (
        select email, field, json_extract_string(new, path) as new, json_extract_string(old, path) as old
        from (select *, '$."' || replace(field, '"', '\\"') || '"' as path from pair)
    )
    select * from value where old is not null and new is distinct from old
"""
_WRITTEN = """
    select count(*) from (select json_extract_string(fields, $path) as value from contacts where fields is not null)
    where value is not null
"""


@dataclass(frozen=True, slots=True)
class Overwritten:
    """`people` of `written` contacts whose fields we wrote would get other values; `cleared`: field -> (values that
    would be cleared, values that we wrote)."""

    people: int
    written: int
    cleared: dict[str, tuple[int, int]]


def overwritten(part: Part) -> Overwritten:
    """A field that is written for the first time is nobody's change."""
    contacts = part.ledger.contacts
    written = len(contacts["fields"].drop_null())
    if not written or not len(part.changes["fields"].drop_null()):
        return Overwritten(0, written, {})
    with scratch() as connection:
        connection.register("changed", part.changes.select(["op", "email", "fields"]))
        connection.register("contacts", contacts.select(["email", "fields"]))
        connection.execute(_OVERWRITTEN)
        ((people,),) = connection.execute("select count(distinct email) from overwritten").fetchall()
        lost = "select field, count(*) from overwritten where new is null group by field order by field"
        cleared = {}
        for field, values in connection.execute(lost).fetchall():
            path = '$."' + field.replace('"', '\\"') + '"'
            ((values_written,),) = connection.execute(_WRITTEN, {"path": path}).fetchall()
            cleared[field] = (values, values_written)
    return Overwritten(people, written, cleared)
