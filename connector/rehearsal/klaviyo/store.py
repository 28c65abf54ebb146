"""The rehearsed Klaviyo's memory: profiles, consent, suppressions, and what an upsert does to them.

Owns: the kl_ tables of profiles, identity, merging of attributes and properties, consent rules.
Must not: know HTTP, jobs or lists.

Decisions where Klaviyo's documentation says nothing, each the less comfortable one: append does not de-duplicate;
patch_properties act before `properties`; an import moves `updated` even when nothing changed. A bulk import ignores
null, a single upsert clears with it. Addresses below .invalid are accepted and fail in the job.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TEXTS = ("first_name", "last_name", "organization", "locale", "title", "image")
LOCATION = ("address1", "address2", "city", "country", "latitude", "longitude", "region", "zip", "timezone", "ip")
IDENTIFIERS = ("email", "phone_number", "external_id")
ATTRIBUTES = frozenset({*TEXTS, *IDENTIFIERS, "_kx", "location", "properties"})
LIFTED_BY_SUBSCRIBING = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED")
NEVER, SUBSCRIBED, UNSUBSCRIBED = "NEVER_SUBSCRIBED", "SUBSCRIBED", "UNSUBSCRIBED"
_EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@(?:[^@\s.,;<>()\[\]\"]+\.)+[^@\s.,;<>()\[\]\"\d]{2,}")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_TABLES = """
CREATE TABLE IF NOT EXISTS kl_profile (
    pk INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, email TEXT UNIQUE, phone_number TEXT UNIQUE,
    external_id TEXT UNIQUE, data TEXT NOT NULL, properties TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL,
    consent TEXT NOT NULL DEFAULT 'NEVER_SUBSCRIBED', consent_at TEXT, method TEXT);
CREATE INDEX IF NOT EXISTS kl_profile_updated ON kl_profile (updated, pk);
CREATE TABLE IF NOT EXISTS kl_suppression (
    profile INTEGER, reason TEXT, list TEXT NOT NULL DEFAULT '', at TEXT NOT NULL,
    PRIMARY KEY (profile, reason, list)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kl_suppression_at ON kl_suppression (at);
"""


def install(db: sqlite3.Connection) -> None:
    for statement in filter(None, map(str.strip, _TABLES.split(";"))):
        db.execute(statement)


def clean(email: str) -> str:
    return email.strip().lower()


def plausible(email: object) -> bool:
    """Is this one address?"""
    return isinstance(email, str) and len(email) <= 254 and bool(_EMAIL.fullmatch(email.strip())) and ".." not in email


@dataclass
class Profile:
    """A row of kl_profile while it is being changed."""

    pk: int
    id: str
    names: dict[str, str | None]  # identifiers
    data: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    new: bool = False


@dataclass
class Written:
    """What an upsert did: per row the profile, or for a conflict the id of the other profile."""

    profiles: list[Profile | None]
    conflicts: dict[int, str]


def upsert(
    db: sqlite3.Connection, rows: Sequence[Mapping[str, Any]], now: str, *, null_clears: bool, create: bool = True
) -> Written:
    """Create or update one profile per row ({attributes, id?, meta?}); rows are applied in their order.

    A row whose identifiers belong to different profiles is a conflict and changes nothing."""
    known = _Known(db, rows)
    written = Written([], {})
    for index, row in enumerate(rows):
        attributes = row.get("attributes") or {}
        names = identifiers(attributes)
        matches = known.match(names, row.get("id"))
        if len(matches) > 1:
            written.conflicts[index] = matches[-1].id
            written.profiles.append(None)
            continue
        profile = matches[0] if matches else known.add() if create else None
        if profile is not None:
            known.rename(profile, {name: value for name, value in names.items() if value})
            merge(profile, attributes, (row.get("meta") or {}).get("patch_properties") or {}, null_clears)
        written.profiles.append(profile)
    known.save(written.profiles, now)
    return written


def counted(db: sqlite3.Connection) -> int:
    """The profiles that count towards the plan: those that are not suppressed."""
    query = "SELECT count(*) FROM kl_profile WHERE pk NOT IN (SELECT profile FROM kl_suppression WHERE list = '')"
    return int(db.execute(query).fetchone()[0])


def strangers(db: sqlite3.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """How many profiles these rows would create."""
    known, found = _Known(db, rows), set()
    for row in rows:
        names = identifiers(row.get("attributes") or {})
        if not known.match(names, row.get("id")):
            found.add(next(filter(None, (*names.values(), row.get("id"))), None))
    return len(found)


def identifiers(attributes: Mapping[str, Any]) -> dict[str, str | None]:
    """Identifiers as they are stored. A phone number that is none is dropped without a word."""
    email, phone, external = (attributes.get(name) for name in IDENTIFIERS)
    return {
        "email": clean(email) if email else None,
        "phone_number": phone if phone and _PHONE.fullmatch(phone) else None,
        "external_id": external or None,
    }


def is_phone(value: object) -> bool:
    return isinstance(value, str) and bool(_PHONE.fullmatch(value))


class _Known:
    """Every profile that some row names by an identifier, in memory."""

    def __init__(self, db: sqlite3.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        self._db = db
        self._by: dict[tuple[str, str], Profile] = {}
        self._next = (db.execute("SELECT max(pk) FROM kl_profile").fetchone()[0] or 0) + 1
        db.execute("CREATE TEMP TABLE IF NOT EXISTS kl_wanted (name TEXT, value TEXT)")
        db.execute("DELETE FROM kl_wanted")
        named = [identifiers(row.get("attributes") or {}) | {"id": row.get("id")} for row in rows]
        wanted = {(name, value) for names in named for name, value in names.items() if value}
        db.executemany("INSERT INTO kl_wanted VALUES (?, ?)", wanted)
        for name in ("id", *IDENTIFIERS):
            self._load(name)

    def _load(self, name: str) -> None:
        columns = "p.pk, p.id, p.email, p.phone_number, p.external_id, p.data, p.properties"
        query = f"SELECT {columns} FROM kl_wanted w JOIN kl_profile p ON p.{name} = w.value WHERE w.name = ?"
        for pk, key, email, phone, external, data, properties in self._db.execute(query, (name,)):
            if ("id", key) not in self._by:
                names = {"email": email, "phone_number": phone, "external_id": external}
                self._remember(Profile(pk, key, names, json.loads(data), json.loads(properties)))

    def _remember(self, profile: Profile) -> None:
        self._by["id", profile.id] = profile
        self._by |= {(name, value): profile for name, value in profile.names.items() if value}

    def match(self, names: Mapping[str, str | None], key: str | None) -> list[Profile]:
        """The different profiles that these identifiers name."""
        asked = [("id", key), *names.items()]
        found = [self._by[name, value] for name, value in asked if value and (name, value) in self._by]
        return list({profile.pk: profile for profile in found}.values())

    def add(self) -> Profile:
        profile = Profile(self._next, f"01K{self._next:023d}", dict.fromkeys(IDENTIFIERS), new=True)
        self._next += 1
        return profile

    def rename(self, profile: Profile, names: Mapping[str, str | None]) -> None:
        for name, value in names.items():
            if (old := profile.names[name]) and old != value:
                self._by.pop((name, old), None)
        profile.names |= names
        self._remember(profile)

    def save(self, profiles: Iterable[Profile | None], now: str) -> None:
        changed = {profile.pk: profile for profile in profiles if profile is not None}.values()
        rows = [
            (*one.names.values(), json.dumps(one.data), json.dumps(one.properties), now, one.id, one.pk, one.new)
            for one in changed
        ]
        self._db.executemany(
            "UPDATE kl_profile SET email = ?, phone_number = ?, external_id = ?, data = ?, properties = ?, updated = ? "
            "WHERE id = ? AND pk = ?",
            [row[:-1] for row in rows if not row[-1]],
        )
        self._db.executemany(
            "INSERT INTO kl_profile (email, phone_number, external_id, data, properties, updated, id, pk, created) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6)",
            [row[:-1] for row in rows if row[-1]],
        )


def merge(profile: Profile, attributes: Mapping[str, Any], patch: Mapping[str, Any], null_clears: bool) -> None:
    """An attribute that is not named stays."""
    _set(profile.data, {name: attributes[name] for name in TEXTS if name in attributes}, null_clears)
    place = profile.data.setdefault("location", {})
    _set(place, attributes.get("location") or {}, null_clears)
    for name, values in (patch.get("append") or {}).items():
        profile.properties[name] = [*_listed(profile.properties.get(name)), *_listed(values)]
    for name, values in (patch.get("unappend") or {}).items():
        gone = _listed(values)
        profile.properties[name] = [value for value in _listed(profile.properties.get(name)) if value not in gone]
    for name in _listed(patch.get("unset")):
        profile.properties.pop(name, None)
    _set(profile.properties, attributes.get("properties") or {}, null_clears)


def _set(kept: dict[str, Any], given: Mapping[str, Any], null_clears: bool) -> None:
    kept |= {name: value for name, value in given.items() if value is not None}
    if null_clears:
        for name in [name for name, value in given.items() if value is None]:
            kept.pop(name, None)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


# -- consent ------------------------------------------------------------------------------------------------------


def pks(db: sqlite3.Connection, emails: Iterable[str], now: str) -> dict[str, int]:
    """Profiles of these addresses; missing ones are made, as Klaviyo does for consent and suppression."""
    wanted = list(dict.fromkeys(map(clean, emails)))
    marks = ",".join("?" * len(wanted))
    found = dict(db.execute(f"SELECT email, pk FROM kl_profile WHERE email IN ({marks})", wanted).fetchall())
    absent = [{"attributes": {"email": email}} for email in wanted if email not in found]
    made = upsert(db, absent, now, null_clears=False).profiles
    return found | {str(one.names["email"]): one.pk for one in made if one}


def suppress(db: sqlite3.Connection, profiles: Iterable[int], reason: str, at: str, list_id: str = "") -> int:
    """Returns how many were not suppressed for this reason before. `updated` does not move."""
    before = db.total_changes
    rows = [(pk, reason, list_id, at) for pk in profiles]
    db.executemany("INSERT OR IGNORE INTO kl_suppression VALUES (?, ?, ?, ?)", rows)
    return db.total_changes - before


def unsuppress(db: sqlite3.Connection, profiles: Iterable[int], reasons: Sequence[str], list_id: str = "") -> int:
    before = db.total_changes
    rows = [(pk, reason, list_id) for pk in profiles for reason in reasons]
    db.executemany("DELETE FROM kl_suppression WHERE profile = ? AND reason = ? AND list = ?", rows)
    return db.total_changes - before


def set_consent(db: sqlite3.Connection, profiles: Iterable[int], consent: str, at: str) -> None:
    rows = [(consent, at, pk) for pk in profiles]
    db.executemany("UPDATE kl_profile SET consent = ?, consent_at = ?, method = 'API' WHERE pk = ?", rows)


def touch(db: sqlite3.Connection, profiles: Iterable[int], now: str) -> None:
    """Move `updated`. A subscription writes `$consent` and its time to the properties (Klaviyo's exports, read
    2026-11-29), so it is taken for an update; an unsubscribe is none."""
    db.executemany("UPDATE kl_profile SET updated = ? WHERE pk = ?", [(now, pk) for pk in profiles])


def suppressions(db: sqlite3.Connection, profiles: Sequence[int]) -> dict[int, list[tuple[str, str, str]]]:
    """Profile -> [(reason, list or "", at)]."""
    marks = ",".join("?" * len(profiles))
    query = f"SELECT profile, reason, list, at FROM kl_suppression WHERE profile IN ({marks}) ORDER BY at"
    found: dict[int, list[tuple[str, str, str]]] = {}
    for pk, reason, list_id, at in db.execute(query, list(profiles)):
        found.setdefault(pk, []).append((reason, list_id, at))
    return found


def absorb(db: sqlite3.Connection, kept: int, gone: int, now: str) -> None:
    """One profile is merged into another: that one keeps its identifiers and its values, gets those that it lacks, and
    every value of a list; an unsubscription or suppression of either is both's. `gone` is deleted."""
    query = "SELECT data, properties, consent, consent_at FROM kl_profile WHERE pk = ?"
    (to, had), (come, more) = ([*map(json.loads, db.execute(query, (pk,)).fetchone()[:2])] for pk in (kept, gone))
    for name, value in more.items():
        if isinstance(value, list):
            had[name] = list(dict.fromkeys([*_listed(had.get(name)), *value]))
    rows = [json.dumps(come | to), json.dumps(more | had), now, kept]
    db.execute("UPDATE kl_profile SET data = ?, properties = ?, updated = ? WHERE pk = ?", rows)
    for consent in (UNSUBSCRIBED, SUBSCRIBED):
        db.execute(
            "UPDATE kl_profile SET (consent, consent_at, method) = (SELECT consent, consent_at, method FROM kl_profile "
            "WHERE pk = ?2) WHERE pk = ?1 AND consent <> ?3 AND (?3 = ?4 OR consent = ?5) "
            "AND (SELECT consent FROM kl_profile WHERE pk = ?2) = ?3",
            (kept, gone, consent, UNSUBSCRIBED, NEVER),
        )
    db.execute("UPDATE OR IGNORE kl_suppression SET profile = ? WHERE profile = ?", (kept, gone))
    for table, column in (("kl_suppression", "profile"), ("kl_profile", "pk")):
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (gone,))


def subscriptions(consent: str, at: str | None, method: str | None, held: list[tuple[str, str, str]]) -> dict[str, Any]:
    """The attribute `subscriptions` of a profile."""
    everywhere = [{"reason": reason, "timestamp": when} for reason, list_id, when in held if not list_id]
    somewhere = [{"list_id": list_id, "reason": reason, "timestamp": when} for reason, list_id, when in held if list_id]
    marketing = {
        "can_receive_email_marketing": consent != UNSUBSCRIBED and not everywhere,
        "consent": consent,
        "consent_timestamp": at,
        "last_updated": at,
        "method": method,
        "method_detail": "",
        "custom_method_detail": None,
        "double_optin": None,
        "suppression": everywhere,
        "list_suppressions": somewhere,
    }
    return {"email": {"marketing": marketing}}
