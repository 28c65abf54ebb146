"""Phone numbers of a plan that the platform will not take, told before anything is sent.

Owns: the counts and their words. Must not: name anybody or a number, change the plan: what is not taken is left out
when the rest of the person is sent (platforms/phones.py).
"""

from __future__ import annotations

from connector.core.model import Op
from connector.core.sql import scratch
from connector.plan.diff.fields import path
from connector.plan.part import Part
from connector.vendors import Vendor, find


def notes(part: Part) -> list[str]:
    """A sentence for each field with such numbers. Every plan is asked, however it came about."""
    vendor = find(part.capabilities.platform)
    mapped = part.routing.destination.fields
    found = (_note(part, vendor, name, column) for name, column in mapped.items() if vendor and name in vendor.phones)
    return [note for note in found if note]


def _note(part: Part, vendor: Vendor, name: str, column: str) -> str:
    pattern, form, example, _ = vendor.phones[name]
    with scratch() as connection:
        connection.register("changes", part.changes.select(["op", "fields"]))
        sql = f"""
            with told as (
                select json_extract_string(fields, {path(name)}) as number from changes
                where fields is not null and op in ('{Op.CREATE}', '{Op.UPDATE}')
            ), known as (
                select regexp_full_match(number, $pattern) as good,
                       regexp_replace(regexp_replace(number, '[^0-9]', '', 'g'), '^00', '') as digits
                from told where number is not null
            )
            select count(*) filter (where not good), count(*) filter (where good) - count(distinct digits) filter (
                where good) from known"""
        ((wrong, twice),) = connection.execute(sql, {"pattern": pattern}).fetchall()
    told = [f"{wrong:,} not as {form} (write {example})"] if wrong else []
    told += [f"{twice:,} that another person has as well"] if twice else []
    if not told:
        return ""
    numbers = " and ".join(told)
    return (
        f"{part.name}: phone numbers ({name}, column {column}) that {vendor.title} does not take: {numbers}. Not sent."
    )
