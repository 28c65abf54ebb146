"""What was asked of the rehearsal platforms: counters and the last requests, in the state file.

Owns: the tables rh_log and rh_counts. Must not: keep queries, headers or bodies (they hold addresses and keys).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connector.rehearsal.core.world import Request

KEEP = 20_000  # requests remembered


def install(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE IF NOT EXISTS rh_log(id INTEGER PRIMARY KEY, at TEXT, platform TEXT, method TEXT, path TEXT,"
        " status INTEGER, writes INTEGER, ms REAL)"
    )
    db.execute(
        "CREATE TABLE IF NOT EXISTS rh_counts(platform TEXT, writes INTEGER, n INTEGER, PRIMARY KEY(platform, writes))"
    )


def add(db: sqlite3.Connection, at: datetime, platform: str, request: Request, status: int, seconds: float) -> None:
    """Remember one request. Status 0: the connection was dropped."""
    cursor = db.execute(
        "INSERT INTO rh_log(at, platform, method, path, status, writes, ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (at.isoformat(), platform, request.method, request.path, status, request.writes, round(seconds * 1000, 1)),
    )
    db.execute(
        "INSERT INTO rh_counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1", (platform, int(request.writes))
    )
    if cursor.lastrowid and cursor.lastrowid % 1000 == 0:
        db.execute("DELETE FROM rh_log WHERE id <= ?", (cursor.lastrowid - KEEP,))


def counts(db: sqlite3.Connection, platforms: Sequence[str]) -> dict[str, dict[str, int]]:
    """Per platform, the requests ever seen: {"reads": n, "writes": n}."""
    found = {name: {"reads": 0, "writes": 0} for name in platforms}
    for platform, writes, n in db.execute("SELECT platform, writes, n FROM rh_counts"):
        found.setdefault(platform, {"reads": 0, "writes": 0})["writes" if writes else "reads"] = n
    return found


def last(db: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """The last requests, newest first."""
    names = ("at", "platform", "method", "path", "status", "writes", "ms")
    rows = db.execute(f"SELECT {', '.join(names)} FROM rh_log ORDER BY id DESC LIMIT ?", (limit,))
    return [dict(zip(names, row, strict=True)) | {"writes": bool(row[5])} for row in rows]
