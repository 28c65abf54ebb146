"""Campaigns to a tag or list that were put in with the engagement, and what became of them.

Owns: the tables rh_campaign and rh_mail, and the sums of a campaign. Must not: know a platform; what a sum is called
there, and which ids its targets have, is the platform's.

What is counted here is what was put in, so reports agree with the events that a platform tells of people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.rehearsal.core.world import Did, World

_TABLES = (
    """CREATE TABLE IF NOT EXISTS rh_campaign(id INTEGER PRIMARY KEY, platform TEXT NOT NULL, name TEXT NOT NULL,
    target TEXT NOT NULL, sent TEXT NOT NULL, UNIQUE(platform, name, target))""",
    "CREATE TABLE IF NOT EXISTS rh_mail(campaign INTEGER NOT NULL, email TEXT NOT NULL, did TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS rh_mail_campaign ON rh_mail(campaign)",
)
_COUNTED = """SELECT did, count(*), count(DISTINCT email) FROM rh_mail WHERE campaign = ? GROUP BY did"""


@dataclass(frozen=True, slots=True)
class Sent:
    """`target` is the platform's id of what it was sent to. Whatever is counted is counted by people; `opens` and
    `clicks` are all of them."""

    id: int
    name: str
    target: str
    at: datetime
    sent: int
    opened: int
    opens: int
    clicked: int
    clicks: int
    bounced: int

    @property
    def delivered(self) -> int:
        return self.sent - self.bounced


def record(world: World, platform: str, events: Sequence[Did], target: Callable[[str], str]) -> None:
    """Those events that name what the mail was sent `to`; `target` finds its id, "" for none. Without a name of its
    own, all mail of a day to one target is one campaign, and what follows belongs to the latest."""
    _install(world)
    for event in sorted(events, key=lambda event: event.at):
        found = target(event.to) if event.to else ""
        if not found:
            continue
        at = event.at.astimezone(UTC)
        if event.did == "send":
            name = event.campaign or f"{event.to} of {at.date()}"
            row = (platform, name, found, at.isoformat())
            world.db.execute("INSERT OR IGNORE INTO rh_campaign(platform, name, target, sent) VALUES (?, ?, ?, ?)", row)
        latest = _latest(world, platform, found, event.campaign, at)
        if latest is not None:
            world.db.execute("INSERT INTO rh_mail VALUES (?, ?, ?)", (latest, event.email.lower(), event.did))


def sent(world: World, platform: str) -> list[Sent]:
    """The oldest first."""
    _install(world)
    query = "SELECT id, name, target, sent FROM rh_campaign WHERE platform = ? ORDER BY sent, id"
    found = []
    for key, name, target, at in world.db.execute(query, (platform,)).fetchall():
        told = {did: (times, people) for did, times, people in world.db.execute(_COUNTED, (key,))}
        (_, mails), (opens, opened), (clicks, clicked), (_, bounced) = (
            told.get(did, (0, 0)) for did in ("send", "open", "click", "bounce")
        )
        moment = datetime.fromisoformat(at)
        found.append(Sent(key, name, target, moment, mails, opened, opens, clicked, clicks, bounced))
    return found


def _install(world: World) -> None:
    for statement in _TABLES:
        world.db.execute(statement)


def _latest(world: World, platform: str, target: str, name: str, at: datetime) -> int | None:
    query = """SELECT id FROM rh_campaign WHERE platform = ? AND target = ? AND sent <= ? AND (? = '' OR name = ?)
               ORDER BY sent DESC, id DESC LIMIT 1"""
    row = world.db.execute(query, (platform, target, at.isoformat(), name, name)).fetchone()
    return None if row is None else int(row[0])
