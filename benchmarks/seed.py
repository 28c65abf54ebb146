"""Many contacts of a rehearsal platform and of the ledger, made from one that was pushed: p0@example.com.

Owns: the rows of both for p<n>@example.com, as pushing them would have left them. Must not: measure.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

EMAIL = "'p' || n || '@example.com'"
FIRST = "p0@example.com"
HASH = f"md5({EMAIL})"
TOP = 10_000_000  # ids begin here
KEY = f"{TOP} + n"
# Platform -> the id it gives, and table -> (which row is the model, column -> value of the copy).
Tables = Mapping[str, tuple[str, Mapping[str, str]]]
PLATFORMS: Mapping[str, tuple[str, Tables]] = {
    "mailchimp": (
        f"printf('%032x', {KEY})",
        {
            "mc_members": ("t.email = :first", {"hash": HASH, "email": EMAIL, "merge": "@", "number": KEY}),
            "mc_tagged": ("t.hash = md5(:first)", {"hash": HASH}),
        },
    ),
    "klaviyo": (
        f"printf('01K%023d', {KEY})",
        {
            "kl_member": ("t.profile = (SELECT pk FROM kl_profile WHERE email = :first)", {"profile": KEY}),
            "kl_profile": (
                "t.email = :first",
                {"pk": KEY, "id": f"printf('01K%023d', {KEY})", "email": EMAIL, "data": "@"},
            ),
        },
    ),
    "hubspot": (
        f"cast({KEY} AS TEXT)",
        {
            "hs_member": ("t.contact = (SELECT contact FROM hs_address WHERE email = :first)", {"contact": KEY}),
            "hs_contact": (
                "t.id = (SELECT contact FROM hs_address WHERE email = :first)",
                {"id": KEY, "properties": "@"},
            ),
            "hs_address": ("t.email = :first", {"email": EMAIL, "contact": KEY}),
        },
    ),
    "brevo": (
        f"cast({KEY} AS TEXT)",
        {
            "bv_member": ("t.contact = (SELECT id FROM bv_contact WHERE email = :first)", {"contact": KEY}),
            "bv_contact": ("t.email = :first", {"id": KEY, "email": EMAIL, "attributes": "@"}),
        },
    ),
}
LEDGER: Tables = {
    "membership": ("t.contact_id = (SELECT id FROM contact WHERE email = :first)", {"contact_id": KEY}),
    "contact": ("t.email = :first", {"id": KEY, "email": EMAIL, "fields": "@"}),
}


def multiply(platform: str, rehearsal: Path, ledger: Path, numbers: range) -> None:
    """Add these people to both files. Nobody may have them open."""
    remote, tables = PLATFORMS[platform]
    _copy(rehearsal, tables, numbers)
    where, values = LEDGER["contact"]
    _copy(ledger, {**LEDGER, "contact": (where, {**values, "remote_id": remote})}, numbers)


def _copy(file: Path, tables: Tables, numbers: range) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.create_function("md5", 1, lambda text: hashlib.md5(text.encode()).hexdigest(), deterministic=True)
        for table, (where, values) in tables.items():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            told = [_value(column, values.get(column)) for column in columns]
            db.execute(
                f"INSERT INTO {table} WITH RECURSIVE numbers(n) AS (SELECT :start UNION ALL SELECT n + 1 FROM numbers "
                f"WHERE n + 1 < :stop) SELECT {', '.join(told)} FROM {table} t, numbers WHERE {where}",
                {"first": FIRST, "start": numbers.start, "stop": numbers.stop},
            )


def _value(column: str, told: str | None) -> str:
    """@: the model's own text, with another name and address."""
    if told == "@":
        return f"replace(replace(t.{column}, 'Name0', 'Name' || n), '{FIRST}', {EMAIL})"
    return f"t.{column}" if told is None else told
