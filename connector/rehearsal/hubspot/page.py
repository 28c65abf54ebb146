"""What the rehearsal's page shows of HubSpot: contacts by state, lists, and the values of multi-checkboxes.

Owns: overview and members. Must not: write.
"""

from __future__ import annotations

from collections import Counter

from connector.rehearsal.core.world import Members, Overview, TargetRow, World
from connector.rehearsal.hubspot.contacts import definitions


def overview(world: World) -> Overview:
    """Contacts by what HubSpot may do with them; lists; every option of every custom multi-checkbox."""
    query = f"SELECT {_state()} AS state, count(*) FROM hs_contact WHERE archived_at IS NULL GROUP BY 1 ORDER BY 1"
    held = dict(world.db.execute(query).fetchall())
    count = "(SELECT count(*) FROM hs_member WHERE list = hs_list.id)"
    found = world.db.execute(f"SELECT id, name, type, {count} FROM hs_list WHERE deleted IS NULL ORDER BY name")
    lists = [TargetRow(f"{kind.lower()} list", name, n, f"list:{number}") for number, name, kind, n in found.fetchall()]
    return Overview(f"Portal {world.settings.accounts['hubspot']}", held, lists + _tags(world))


def _state() -> str:
    """A contact's state, as SQL."""

    def is_true(name: str) -> str:
        return f"json_extract(properties, '$.{name}') = 'true'"

    return (
        f"CASE WHEN {is_true('hs_email_optout')} THEN 'opted out' WHEN {is_true('hs_email_bad_address')} "
        "OR json_extract(properties, '$.hs_email_hard_bounce_reason_enum') IS NOT NULL THEN 'bounced' "
        f"WHEN {is_true('hs_email_quarantined')} THEN 'quarantined' ELSE 'contact' END"
    )


def _tags(world: World) -> list[TargetRow]:
    rows = []
    for name, definition in sorted(definitions(world).items()):
        if definition["fieldType"] == "checkbox" and not definition["hubspotDefined"]:
            counts = _counts(world, name)
            for each in definition["options"]:
                value, key = each["value"], f"tag:{name}:{each['value']}"
                rows.append(TargetRow(f"tag in {name}", each["label"], counts[value], key))
    return rows


def _counts(world: World, name: str) -> Counter[str]:
    """How many contacts have each value of a checkbox. Most share few combinations, so those are counted first."""
    query = "SELECT json_extract(properties, ?) v, count(*) FROM hs_contact WHERE archived_at IS NULL GROUP BY v"
    counts: Counter[str] = Counter()
    for combination, n in world.db.execute(query, (f"$.{name}",)):
        for value in (combination or "").split(";"):
            counts[value] += n
    return counts


def members(world: World, key: str, limit: int, offset: int) -> Members | None:
    """Of a list (list:ID) or a tag (tag:PROPERTY:VALUE)."""
    kind, _, rest = key.partition(":")
    if kind == "list" and rest.isdigit():
        row = world.db.execute("SELECT name FROM hs_list WHERE id = ?", (int(rest),)).fetchone()
        where = "id IN (SELECT contact FROM hs_member WHERE list = ?)"
        return _page(world, row[0], where, [int(rest)], limit, offset) if row else None
    name, _, value = rest.partition(":")
    definition = definitions(world).get(name) if kind == "tag" else None
    if definition is None:
        return None
    label = next((each["label"] for each in definition["options"] if each["value"] == value), value)
    where = "instr(';' || json_extract(properties, ?) || ';', ?) > 0"
    return _page(world, label, where, [f"$.{name}", f";{value};"], limit, offset)


def _page(world: World, name: str, where: str, values: list[object], limit: int, offset: int) -> Members:
    among = f"FROM hs_contact WHERE archived_at IS NULL AND {where}"
    total = world.db.execute(f"SELECT count(*) {among}", values).fetchone()[0]
    email = "coalesce(json_extract(properties, '$.email'), '')"
    query = f"SELECT {email} AS email, {_state()} {among} ORDER BY email LIMIT ? OFFSET ?"
    return Members(name, total, world.db.execute(query, [*values, limit, offset]).fetchall())
