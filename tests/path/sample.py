"""The sample export read a second time, row by row and without the connector: who should be where."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 20)
TARGETS = {
    "new_subscribers": ("New subscribers", "New subscribers", "new-subscriber", "New subscribers", "New subscriber"),
    "repeat_customers": (
        "Repeat customers",
        "Repeat customers",
        "repeat-customer",
        "Repeat customers",
        "Repeat customer",
    ),
    "vip": ("VIP", "VIP customers", "vip", "VIP customers", "VIP"),
    "at_risk": ("At risk", "At risk", "at-risk", "At risk", "At risk"),
    "inactive": ("Inactive", "Inactive", "inactive", "Inactive", "Inactive"),
}  # segment: (Mailchimp tag, Klaviyo list, Klaviyo tag, HubSpot list, HubSpot tag)


def _days_ago(days: int) -> datetime:
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=BERLIN) - timedelta(days=days)
    return datetime(midnight.year, midnight.month, midnight.day, tzinfo=BERLIN)


def _local(text: str) -> datetime | None:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN) if text.strip() else None


def _people(path: Path) -> dict[str, dict[str, str]]:
    """One row per address: of duplicates the newest value of each column that is not blank."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            email = (row["Email"] or "").strip().lower()
            if email.count("@") == 1 and ";" not in email:
                rows[email].append(row)
    merged = {}
    for email, found in rows.items():
        found.sort(key=lambda row: row["Last Modified Date"] or "")
        merged[email] = {key: next((row[key] for row in reversed(found) if row[key].strip()), "") for key in found[0]}
    return merged


def desired(folder: Path) -> dict[str, set[str]]:
    """Segment -> addresses with consent."""
    orders: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    with (folder / "orders.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(row["ordered_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            orders[row["customer_email"]].append((at, Decimal(row["amount"])))
    clicks: dict[str, list[datetime]] = defaultdict(list)
    with gzip.open(folder / "email_events.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["type"] == "clicked":
                at = datetime.strptime(row["occurred_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
                clicks[row["email"]].append(at)
    members: dict[str, set[str]] = {name: set() for name in TARGETS}
    for email, row in _people(folder / "contacts-2026-11-20.csv").items():
        if row["Email opt-in"].strip().lower() not in {"yes", "true"}:
            continue
        for name in _segments(row, orders[email], clicks[email]):
            members[name].add(email)
    return members


def _segments(row: dict[str, str], orders: list[tuple[datetime, Decimal]], clicks: list[datetime]) -> set[str]:
    last_order = max((at for at, _ in orders), default=None)
    engaged = max([at for at, _ in orders] + clicks, default=None)
    opted_in, created = _local(row["Opted in at"]), _local(row["Create Date"])
    found = set()
    if opted_in and opted_in >= _days_ago(30):
        found.add("new_subscribers")
    if last_order and last_order >= _days_ago(90):
        if len(orders) >= 2:
            found.add("repeat_customers")
        if sum(amount for _, amount in orders) >= 500:
            found.add("vip")
    if last_order and last_order < _days_ago(90) and len(orders) >= 2 and engaged and engaged >= _days_ago(180):
        found.add("at_risk")
    if created and created < _days_ago(30) and not (engaged and engaged >= _days_ago(180)):
        found.add("inactive")
    return found


def held_with_proof(folder: Path) -> set[str]:
    """Who may be created as subscribed: a dated opt-in."""
    return {email for email, row in _people(folder / "contacts-2026-11-20.csv").items() if row["Opted in at"].strip()}
