"""HubSpot's tables in the state file, the properties every portal has, and a few invented people.

Owns: the schema (prefix hs_), the standard properties, the sample. Must not: answer requests.

A contact's properties are one JSON object of texts; what is unset is not in it. hs_address holds every address,
primary and secondary, of contacts that are not archived: it is what makes them unique.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from connector.rehearsal.core.world import World
from connector.rehearsal.hubspot.wire import from_millis, iso, millis

OWNER = "12345"
FIRST_CONTACT = 101  # ids below belong to nobody
SUBSCRIPTIONS = (("1001", "Marketing Information"), ("1002", "One to One"))
STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist")

_TABLES = """
CREATE TABLE IF NOT EXISTS hs_contact(id INTEGER PRIMARY KEY, properties TEXT NOT NULL, created INTEGER NOT NULL,
    modified INTEGER NOT NULL, archived_at INTEGER);
CREATE INDEX IF NOT EXISTS hs_contact_modified ON hs_contact(modified, id);
CREATE TABLE IF NOT EXISTS hs_address(email TEXT PRIMARY KEY, contact INTEGER NOT NULL, is_primary INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hs_address_contact ON hs_address(contact);
CREATE TABLE IF NOT EXISTS hs_merged(id INTEGER PRIMARY KEY, winner INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS hs_blocked(email TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hs_property(name TEXT PRIMARY KEY, definition TEXT NOT NULL, archived INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS hs_group(name TEXT PRIMARY KEY, label TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hs_list(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, version INTEGER NOT NULL, deleted INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS hs_list_name ON hs_list(name COLLATE NOCASE) WHERE deleted IS NULL;
CREATE TABLE IF NOT EXISTS hs_member(list INTEGER, contact INTEGER, at INTEGER NOT NULL, PRIMARY KEY(list, contact))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hs_status(email TEXT, subscription TEXT, status TEXT NOT NULL, at INTEGER NOT NULL,
    basis TEXT, explanation TEXT, PRIMARY KEY(email, subscription)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hs_optout(email TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hs_usage(day TEXT PRIMARY KEY, n INTEGER NOT NULL);
"""

# (names, type, fieldType) of what can be written, and of what HubSpot alone writes.
_WRITABLE: tuple[tuple[str, str, str], ...] = (
    ("email firstname lastname company jobtitle website address city state country zip", "string", "text"),
    ("salutation hs_language twitterhandle industry hs_persona_note message", "string", "text"),
    ("phone mobilephone", "string", "phonenumber"),
    ("hs_additional_emails", "enumeration", "checkbox"),
    ("lifecyclestage", "enumeration", "radio"),
    ("hs_lead_status", "enumeration", "radio"),
    ("annualrevenue numemployees", "number", "number"),
    ("date_of_birth", "string", "text"),
)
_READ_ONLY: tuple[tuple[str, str, str], ...] = (
    ("createdate lastmodifieddate", "datetime", "date"),
    ("hs_object_id", "number", "number"),
    ("hs_email_domain hs_email_last_email_name hs_email_quarantined_reason", "string", "text"),
    ("hs_email_hard_bounce_reason_enum hs_emailconfirmationstatus hs_marketable_status", "enumeration", "select"),
    ("hs_email_optout hs_email_bad_address hs_email_quarantined", "bool", "booleancheckbox"),
    (" ".join(f"hs_email_optout_{number}" for number, _ in SUBSCRIPTIONS), "bool", "booleancheckbox"),
    ("hs_email_last_send_date hs_email_last_open_date hs_email_last_click_date", "datetime", "date"),
    ("hs_email_last_reply_date hs_email_first_send_date hs_email_first_open_date", "datetime", "date"),
    ("hs_email_first_click_date hs_email_recipient_fatigue_recovery_time notes_last_contacted", "datetime", "date"),
    ("hs_analytics_last_visit_timestamp recent_conversion_date", "datetime", "date"),
    ("hs_email_delivered hs_email_open hs_email_click hs_email_bounce hs_email_replied", "number", "number"),
    ("hs_email_sends_since_last_engagement", "number", "number"),
)
_CHOICES = {
    "lifecyclestage": STAGES,
    "hs_lead_status": ("NEW", "OPEN", "IN_PROGRESS", "CONNECTED", "BAD_TIMING"),
    "hs_marketable_status": ("true", "false"),
    "hs_emailconfirmationstatus": ("Confirmed", "Pending"),
    "hs_email_hard_bounce_reason_enum": ("UNKNOWN_USER", "DNS_FAILURE", "MAILBOX_FULL", "SPAM"),
}
# Seeded people: the address's local part, its names, and what makes it a case.
_PEOPLE: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("ada.lindqvist", "Ada", "Lindqvist", {"lifecyclestage": "customer", "hs_email_open": "12", "city": "Malmö"}),
    ("bela.farkas", "Béla", "Farkas", {"hs_additional_emails": "bela.private@example.com"}),
    ("carla.opted-out", "Carla", "Rossi", {"hs_email_optout": "true"}),
    ("dinesh.bounced", "Dinesh", "Rao", {"hs_email_bounce": "1", "hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"}),
    ("ewa.bad-address", "Ewa", "Nowak", {"hs_email_bad_address": "true"}),
    ("femi.quarantined", "Femi", "Okafor", {"hs_email_quarantined": "true", "hs_email_quarantined_reason": "SPAM"}),
)


def install(world: World) -> None:
    """Make the tables and the standard properties; people too, when samples are asked for and nobody is there."""
    world.db.executescript(_TABLES)
    world.db.execute("INSERT OR IGNORE INTO hs_group VALUES ('contactinformation', 'Contact information')")
    rows = [(name, json.dumps(definition), 0) for name, definition in _standard(world).items()]
    world.db.executemany("INSERT OR IGNORE INTO hs_property VALUES (?, ?, ?)", rows)
    if world.settings.samples and not world.db.execute("SELECT 1 FROM hs_contact").fetchone():
        _seed(world)


def _standard(world: World) -> dict[str, dict[str, Any]]:
    found = {}
    for groups, read_only in ((_WRITABLE, False), (_READ_ONLY, True)):
        for group, kind, field_type in groups:
            for name in group.split():
                found[name] = _definition(name, kind, field_type, read_only, iso(world.now()))
    return found


def _definition(name: str, kind: str, field_type: str, read_only: bool, at: str) -> dict[str, Any]:
    values = ("true", "false") if kind == "bool" else _CHOICES.get(name, ())
    return {
        "name": name,
        "label": name.removeprefix("hs_").replace("_", " ").capitalize(),
        "type": kind,
        "fieldType": field_type,
        "description": "",
        "groupName": "contactinformation",
        "options": [option(value, value, index) for index, value in enumerate(values)],
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": name == "email",
        "hidden": False,
        "hubspotDefined": True,
        "formField": not read_only,
        "createdAt": at,
        "updatedAt": at,
        "modificationMetadata": {"archivable": False, "readOnlyDefinition": True, "readOnlyValue": read_only},
    }


def option(value: str, label: str, order: int, *, description: str = "", hidden: bool = False) -> dict[str, Any]:
    return {"value": value, "label": label, "displayOrder": order, "description": description, "hidden": hidden}


def _seed(world: World) -> None:
    """People with a past, dated before the rehearsal begins."""
    then = world.now() - timedelta(days=120)
    for number, (local, first, last, more) in enumerate(_PEOPLE, FIRST_CONTACT):
        email, at = f"{local}@example.com", then + timedelta(days=number - FIRST_CONTACT)
        properties = {"email": email, "firstname": first, "lastname": last} | more
        add_contact(world, number, properties, millis(at))
        if more.get("hs_email_optout"):
            world.db.execute("INSERT INTO hs_optout VALUES (?, ?)", (email, millis(at)))
    world.db.execute(
        "INSERT INTO hs_list VALUES (1, 'Everyone in Malmö', 'DYNAMIC', ?, ?, 1, NULL)", (millis(then), millis(then))
    )
    world.db.execute("INSERT INTO hs_member VALUES (1, ?, ?)", (FIRST_CONTACT, millis(then)))


def add_contact(world: World, number: int | None, properties: dict[str, str], at: int) -> int:
    """Insert a contact whose values were checked before; returns its id."""
    if number is None:
        number = max(FIRST_CONTACT, world.db.execute("SELECT coalesce(max(id), 0) + 1 FROM hs_contact").fetchone()[0])
    email = properties.get("email", "")
    written = properties | system_properties(number, email, at, at)
    world.db.execute(
        "INSERT INTO hs_contact VALUES (?, ?, ?, ?, NULL)", (number, json.dumps(written, ensure_ascii=False), at, at)
    )
    write_addresses(world, number, written)
    return number


def system_properties(number: int, email: str, created: int, modified: int) -> dict[str, str]:
    """The properties that HubSpot keeps by itself."""
    found = {
        "hs_object_id": str(number),
        "createdate": iso(from_millis(created)),
        "lastmodifieddate": iso(from_millis(modified)),
    }
    return found | ({"hs_email_domain": email.rpartition("@")[2]} if email else {})


def addresses(properties: dict[str, str]) -> list[str]:
    """Primary first, then the secondary ones."""
    more = [each.strip().lower() for each in properties.get("hs_additional_emails", "").split(";") if each.strip()]
    first = properties.get("email", "")
    return list(dict.fromkeys([first, *more] if first else more))


def write_addresses(world: World, number: int, properties: dict[str, str]) -> None:
    rows = [(email, number, int(email == properties.get("email"))) for email in addresses(properties)]
    world.db.execute("DELETE FROM hs_address WHERE contact = ?", (number,))
    world.db.executemany("INSERT INTO hs_address VALUES (?, ?, ?)", rows)
