"""The rehearsed Brevo's memory: contacts, lists, and what a write does to them.

Owns: the bv_ tables of contacts, lists and folders. Must not: know HTTP, attribute types (attributes) or processes.

Less comfortable where Brevo is unclear: joining a list lifts the unsubscription from that list; every write, and every
joining and leaving of a list, moves modifiedAt. Documented: an address that changes lifts the blocklisting.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS bv_contact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE NOT NULL, attributes TEXT NOT NULL,
    blocked INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL, modified TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS bv_contact_modified ON bv_contact (modified);
CREATE TABLE IF NOT EXISTS bv_folder (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bv_list (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, folder INTEGER NOT NULL, created TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bv_member (
    list INTEGER NOT NULL, contact INTEGER NOT NULL, PRIMARY KEY (list, contact)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bv_member_contact ON bv_member (contact);
CREATE TABLE IF NOT EXISTS bv_left (
    list INTEGER NOT NULL, contact INTEGER NOT NULL, PRIMARY KEY (contact, list)) WITHOUT ROWID;
"""
_COLUMNS = """c.id, c.email, c.attributes, c.blocked, c.created, c.modified,
    (SELECT json_group_array(list) FROM (SELECT list FROM bv_member WHERE contact = c.id ORDER BY list)),
    (SELECT json_group_array(list) FROM (SELECT list FROM bv_left WHERE contact = c.id ORDER BY list))"""
_NAMES = ("id", "email", "attributes", "blocked", "created", "modified", "joined", "left")


def install(db: sqlite3.Connection) -> None:
    for statement in filter(None, map(str.strip, _TABLES.split(";"))):
        db.execute(statement)


def contacts(db: sqlite3.Connection, where: str, values: Sequence[Any], rest: str = "") -> list[dict[str, Any]]:
    """Contacts (alias c) with their lists; `where` may begin with a join."""
    found = db.execute(f"SELECT {_COLUMNS} FROM bv_contact c {where} {rest}", values)
    rows = [dict(zip(_NAMES, row, strict=True)) for row in found]
    return [row | {name: json.loads(row[name]) for name in ("attributes", "joined", "left")} for row in rows]


def one(db: sqlite3.Connection, column: str, value: Any) -> dict[str, Any] | None:
    found = contacts(db, f"WHERE c.{column} = ?", [value])
    return found[0] if found else None


def counted(db: sqlite3.Connection) -> int:
    """The contacts that count towards the plan: all."""
    return int(db.execute("SELECT count(*) FROM bv_contact").fetchone()[0])


def create(db: sqlite3.Connection, email: str, attributes: Mapping[str, Any], now: str) -> int:
    values = (email, json.dumps(attributes), now, now)
    made = db.execute("INSERT INTO bv_contact (email, attributes, created, modified) VALUES (?, ?, ?, ?)", values)
    return int(made.lastrowid or 0)


def write(db: sqlite3.Connection, key: int, attributes: Mapping[str, Any], now: str) -> None:
    """The attributes as a whole."""
    db.execute("UPDATE bv_contact SET attributes = ?, modified = ? WHERE id = ?", (json.dumps(attributes), now, key))


def block(db: sqlite3.Connection, key: int, blocked: bool, now: str) -> None:
    db.execute("UPDATE bv_contact SET blocked = ?, modified = ? WHERE id = ?", (int(blocked), now, key))


def rename(db: sqlite3.Connection, key: int, email: str, now: str) -> None:
    """Another address: the contact is resubscribed (reference “Update a contact”, its note)."""
    db.execute("UPDATE bv_contact SET email = ?, blocked = 0, modified = ? WHERE id = ?", (email, now, key))


def delete(db: sqlite3.Connection, key: int) -> None:
    for table in ("bv_member", "bv_left"):
        db.execute(f"DELETE FROM {table} WHERE contact = ?", (key,))
    db.execute("DELETE FROM bv_contact WHERE id = ?", (key,))


def join(db: sqlite3.Connection, list_id: int, keys: Iterable[int], now: str) -> None:
    for key in keys:
        db.execute("INSERT OR IGNORE INTO bv_member VALUES (?, ?)", (list_id, key))
        db.execute("DELETE FROM bv_left WHERE list = ? AND contact = ?", (list_id, key))
        db.execute("UPDATE bv_contact SET modified = ? WHERE id = ?", (now, key))


def part(db: sqlite3.Connection, list_id: int, keys: Iterable[int], now: str) -> None:
    for key in keys:
        db.execute("DELETE FROM bv_member WHERE list = ? AND contact = ?", (list_id, key))
        db.execute("UPDATE bv_contact SET modified = ? WHERE id = ?", (now, key))


def leave(db: sqlite3.Connection, list_id: int, key: int) -> None:
    """The person unsubscribed from one list."""
    db.execute("DELETE FROM bv_member WHERE list = ? AND contact = ?", (list_id, key))
    db.execute("INSERT OR IGNORE INTO bv_left VALUES (?, ?)", (list_id, key))


def make_folder(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute("INSERT INTO bv_folder (name) VALUES (?)", (name,)).lastrowid or 0)


def make_list(db: sqlite3.Connection, name: str, folder: int, now: str) -> int:
    made = db.execute("INSERT INTO bv_list (name, folder, created) VALUES (?, ?, ?)", (name, folder, now))
    return int(made.lastrowid or 0)


def exists(db: sqlite3.Connection, table: str, key: int) -> bool:
    """`table` is "list" or "folder"."""
    return db.execute(f"SELECT 1 FROM bv_{table} WHERE id = ?", (key,)).fetchone() is not None
