"""What the rehearsed Mailchimp remembers of members and tags.

Owns: the tables mc_members, mc_forgotten, mc_segments and mc_tagged; how a member is shown. Must not: decide whether a
row is acceptable (mailchimp_rules does), or answer requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from connector.rehearsal.core.world import Refusal, World
from connector.rehearsal.mailchimp import wire
from connector.rehearsal.mailchimp.lists import fields_of
from connector.rehearsal.mailchimp.rules import Member

SHOWN_TAGS = 50
SCHEMA = """
CREATE TABLE IF NOT EXISTS mc_members(
    list_id TEXT, hash TEXT, email TEXT, status TEXT, was TEXT, merge TEXT, email_type TEXT, language TEXT, vip INTEGER,
    source TEXT, signup TEXT, opt TEXT, changed TEXT, reason TEXT, rating INTEGER, open_rate REAL, click_rate REAL,
    number INTEGER PRIMARY KEY, UNIQUE(list_id, hash));
CREATE INDEX IF NOT EXISTS mc_members_changed ON mc_members(list_id, changed);
CREATE TABLE IF NOT EXISTS mc_forgotten(list_id TEXT, hash TEXT, PRIMARY KEY(list_id, hash)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mc_segments(
    id INTEGER PRIMARY KEY AUTOINCREMENT, list_id TEXT, name TEXT, created TEXT, updated TEXT, UNIQUE(list_id, name));
CREATE TABLE IF NOT EXISTS mc_tagged(segment_id INTEGER, hash TEXT, added TEXT, PRIMARY KEY(segment_id, hash))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mc_tagged_hash ON mc_tagged(hash);
"""
COLUMNS = ", ".join(column.name for column in fields(Member))
_MERGE = [column.name for column in fields(Member)].index("merge")
_values = attrgetter(*(column.name for column in fields(Member)))
_SETS = ", ".join(f"{column.name} = excluded.{column.name}" for column in fields(Member) if column.name != "number")


def load(world: World, list_id: str, hashes: Collection[str]) -> dict[str, Member]:
    """Those of `hashes` that the audience holds, archived ones too."""
    rows = world.db.execute(
        f"SELECT {COLUMNS} FROM mc_members WHERE list_id = ? AND hash IN (SELECT value FROM json_each(?))",
        (list_id, json.dumps(list(hashes))),
    )
    return {member.hash: member for member in map(from_row, rows)}


def from_row(row: tuple[Any, ...]) -> Member:
    values = list(row)
    values[_MERGE] = json.loads(values[_MERGE])
    return Member(*values)


def save(world: World, list_id: str, members: Iterable[Member]) -> None:
    """Insert or replace; a Member with number 0 gets one."""
    rows = []
    for member in members:
        values = list(_values(member))
        values[_MERGE] = json.dumps(member.merge)
        rows.append([list_id, *values[:-1], member.number or None])
    world.db.executemany(
        f"INSERT INTO mc_members(list_id, {COLUMNS}) VALUES ({', '.join('?' * (len(fields(Member)) + 1))})"
        f" ON CONFLICT(list_id, hash) DO UPDATE SET {_SETS}",
        rows,
    )


def rename(world: World, list_id: str, old: str, new: str) -> None:
    """A member's address changed, and with it the hash; its tags go along."""
    world.db.execute("UPDATE mc_members SET hash = ? WHERE list_id = ? AND hash = ?", (new, list_id, old))
    world.db.execute(
        "UPDATE mc_tagged SET hash = ? WHERE hash = ? AND segment_id IN (SELECT id FROM mc_segments WHERE list_id = ?)",
        (new, old, list_id),
    )


def forgotten(world: World, list_id: str, hashes: Collection[str]) -> set[str]:
    """Those of `hashes` whose data was erased for good."""
    rows = world.db.execute(
        "SELECT hash FROM mc_forgotten WHERE list_id = ? AND hash IN (SELECT value FROM json_each(?))",
        (list_id, json.dumps(list(hashes))),
    )
    return {hash for (hash,) in rows}


def documents(world: World, list_id: str, members: Collection[Member]) -> list[dict[str, Any]]:
    """The members as Mailchimp shows them."""
    described = fields_of(world, list_id)
    tagged = tags_of(world, list_id, [member.hash for member in members])
    return [document(list_id, member, described, tagged.get(member.hash, [])) for member in members]


def document(list_id: str, member: Member, described: Iterable[str], tagged: list[dict[str, Any]]) -> dict[str, Any]:
    merge = {tag: member.merge.get(tag, "") for tag in described}
    name = " ".join(str(merge[tag]) for tag in ("FNAME", "LNAME") if merge.get(tag))
    return {
        "id": member.hash,
        "email_address": member.email,
        "unique_email_id": member.hash[:10],
        "contact_id": contact_id(member.number),
        "full_name": name,
        "web_id": member.number,
        "email_type": member.email_type,
        "status": member.status,
        **({"unsubscribe_reason": member.reason} if member.reason else {}),
        "consents_to_one_to_one_messaging": member.status == "subscribed",
        "merge_fields": merge,
        "interests": {},
        "stats": {"avg_open_rate": member.open_rate, "avg_click_rate": member.click_rate},
        "ip_signup": "",
        "timestamp_signup": member.signup,
        "ip_opt": "",
        "timestamp_opt": member.opt,
        "member_rating": member.rating,
        "last_changed": member.changed,
        "language": member.language,
        "vip": bool(member.vip),
        "email_client": "",
        "location": {"latitude": 0, "longitude": 0, "gmtoff": 0, "dstoff": 0, "country_code": "", "timezone": ""},
        "source": member.source,
        "tags_count": len(tagged),
        "tags": tagged[:SHOWN_TAGS],
        "list_id": list_id,
        "_links": [],
    }


def find(world: World, list_id: str, key: str) -> Member | None:
    """By MD5 of the address, by the address itself, or by contact_id."""
    hash = wire.subscriber_hash(key) if "@" in key else key.lower()
    if found := load(world, list_id, [hash]).get(hash):
        return found
    sql = f"SELECT {COLUMNS} FROM mc_members WHERE list_id = ? AND number = ?"
    number = _number_of(key)
    return next(map(from_row, world.db.execute(sql, (list_id, number))), None) if number else None


def contact_id(number: int) -> str:
    """A contact's id: 32 hexadecimal digits like the real one's. It survives a change of the address, as `web_id`
    does and the MD5 does not."""
    return f"{number:032x}"


def _number_of(contact_id: str) -> int | None:
    return int(contact_id, 16) if re.fullmatch("0{16}[0-9a-f]{16}", contact_id.lower()) else None


def required(world: World, list_id: str, key: str) -> Member:
    found = find(world, list_id, key)
    if found is None:
        raise wire.not_found()
    return found


def tags_of(world: World, list_id: str, hashes: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """hash -> its tags as {id, name}."""
    rows = world.db.execute(
        "SELECT t.hash, s.id, s.name FROM mc_tagged t JOIN mc_segments s ON s.id = t.segment_id"
        " WHERE s.list_id = ? AND t.hash IN (SELECT value FROM json_each(?)) ORDER BY s.id",
        (list_id, json.dumps(list(hashes))),
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for hash, number, name in rows:
        found.setdefault(hash, []).append({"id": number, "name": name})
    return found


def counted(world: World) -> int:
    """The contacts that count towards the plan: of all audiences, but not archived, cleaned or unconfirmed ones."""
    query = "SELECT count(*) FROM mc_members WHERE status NOT IN ('archived', 'cleaned', 'pending')"
    return int(world.db.execute(query).fetchone()[0])


def create_tag(world: World, list_id: str, name: str) -> int:
    """A new tag; refuses a name that is taken or blank."""
    if not name.strip():
        raise wire.invalid(("name", "This value should not be blank."))
    if world.db.execute("SELECT 1 FROM mc_segments WHERE list_id = ? AND name = ?", (list_id, name)).fetchone():
        raise Refusal(wire.problem(400, "Sorry, that tag already exists."))
    now = wire.stamp(world.now())
    cursor = world.db.execute(
        "INSERT INTO mc_segments(list_id, name, created, updated) VALUES (?, ?, ?, ?)", (list_id, name, now, now)
    )
    return int(cursor.lastrowid or 0)


def tag(world: World, segment: int, hashes: Collection[str]) -> None:
    now = wire.stamp(world.now())
    world.db.executemany("INSERT OR IGNORE INTO mc_tagged VALUES (?, ?, ?)", [(segment, hash, now) for hash in hashes])
    world.db.execute("UPDATE mc_segments SET updated = ? WHERE id = ?", (now, segment))


def untag(world: World, segment: int, hashes: Collection[str]) -> None:
    world.db.executemany("DELETE FROM mc_tagged WHERE segment_id = ? AND hash = ?", [(segment, h) for h in hashes])
    world.db.execute("UPDATE mc_segments SET updated = ? WHERE id = ?", (wire.stamp(world.now()), segment))


def set_tags(world: World, list_id: str, hash: str, wanted: Mapping[str, bool]) -> None:
    """Per tag name, whether the member has it; an unknown name becomes a tag."""
    known = dict(world.db.execute("SELECT name, id FROM mc_segments WHERE list_id = ?", (list_id,)))
    for name, active in wanted.items():
        if active:
            tag(world, known.get(name) or create_tag(world, list_id, name), [hash])
        elif name in known:
            untag(world, known[name], [hash])


def replace_all(world: World, list_id: str, wanted: Mapping[str, Sequence[str]]) -> None:
    """hash -> the only tags it has afterwards."""
    for hash, names in wanted.items():
        had = [tag["name"] for tag in tags_of(world, list_id, [hash]).get(hash, [])]
        set_tags(world, list_id, hash, dict.fromkeys(had, False) | dict.fromkeys(names, True))
