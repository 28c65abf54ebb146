"""A join that finds nobody stops what would change something: `never` would hold for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import launcher

FILE = """version: 1
timezone: UTC
sources:
  contacts: {file: contacts.csv, email: Email, id: ID}
  orders: {file: orders.csv, join: {Customer: ID}, at: Day}
destinations:
  klav: {platform: klaviyo, api_key: "${KLAVIYO_API_KEY}"}
segments:
  lapsed: {when: {orders: {never: true}}, send_to: {klav: {tag: lapsed}}}
"""


@pytest.mark.parametrize("command", [("plan", "--rehearse"), ("push", "--rehearse", "--yes")])
@pytest.mark.sweep(keep=1)
def test_a_join_that_finds_nobody_stops(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "segments.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("Email,ID\nada@example.com,A-13085\nbo@example.com,A-13086\n")
    (tmp_path / "orders.csv").write_text("Customer,Day\n13085,2026-11-01\n13086,2026-11-02\n")
    done = launcher.sync(tmp_path, *command, "--as-of", "2026-11-20")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "join-finds-nobody" in done.stderr and "“13085”" in done.stderr and "“A-13085”" in done.stderr
    told = launcher.sync(tmp_path, "check", "--as-of", "2026-11-20")
    assert told.returncode == 0 and "join-finds-nobody" in told.stdout
    (tmp_path / "orders.csv").write_text("Customer,Day\n,2026-11-01\n")  # of guests alone
    assert launcher.sync(tmp_path, *command, "--as-of", "2026-11-20").returncode == 0


def test_a_wrong_type_names_the_cell(tmp_path: Path) -> None:
    text = "version: 1\nsources: {contacts: {file: contacts.csv, email: Email}}\n"
    text += "segments: {s: {when: {spent: {at_least: 5}}}}\n"
    (tmp_path / "segments.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("Email,Spent\na@example.com,5\nb@example.com,6\nc@example.com,n.a.\n")
    done = launcher.sync(tmp_path, "check")
    assert done.returncode == 2 and "“n.a.”" in done.stderr and "contacts.csv row 4" in done.stderr, done.stderr
