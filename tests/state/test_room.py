"""How much room a state takes, and that contacts are found by their platform's id all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from connector.state import schema
from connector.state.drivers.postgres import PostgresDatabase
from connector.state.drivers.sqlite import Database
from connector.state.observed import _SAME_ID
from connector.state.store import SqlStore

from .conftest import contacts

# As `python -m benchmarks.state` leaves them on Klaviyo: created, joined a list, renamed, and pruned.
_PEOPLE = """
    INSERT INTO contact(destination, email, remote_id, status, tags, fields, person, held_before)
    WITH RECURSIVE one(n) AS (SELECT 100001 UNION ALL SELECT n + 1 FROM one WHERE n < 110000)
    SELECT 'klaviyo', 'person' || n || '@example.com', '01JD4Z7Q8B2K5M9N3P6' || n || 'X', 'never_subscribed', '',
           '{"first_name":"bo' || (n % 10000) || '"}', CAST(n % 10000 AS TEXT), 1 FROM one"""
_MEMBERS = "INSERT INTO membership(target_id, contact_id) SELECT 1, id FROM contact"
_SIZE = """
    SELECT CAST(sum(pg_total_relation_size(c.oid)) AS BIGINT)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind = 'r'"""


def _size(store: SqlStore, url: str) -> int:
    return int(store._db.rows(_SIZE)[0][0]) if "://" in url else Path(url).stat().st_size


def test_ten_thousand_contacts_take_at_most_four_megabytes(store: SqlStore, url: str) -> None:
    with store.lease("test"), store._db.transaction():
        store._db.run("INSERT INTO target(destination, kind, name, remote_id) VALUES ('klaviyo', 'list', 'All', 'L1')")
        store._db.run(_PEOPLE)
        store._db.run(_MEMBERS)
    store._db.shrink()
    assert _size(store, url) <= 4_000_000


def test_contacts_are_found_by_their_id_before_a_server_has_statistics(store: SqlStore, url: str) -> None:
    store._db.run(_PEOPLE)
    explain = "EXPLAIN " if "://" in url else "EXPLAIN QUERY PLAN "
    values = ["never_subscribed", 0, "klaviyo", "01JD4Z7Q8B2K5M9N3P6100001X", "b@example.com", 1]
    plan = "\n".join(str(row) for row in store._db.rows(explain + _SAME_ID, values))
    assert "contact_by_id" in plan and "contact_destination_email_key" not in plan, plan


def test_an_older_state_keeps_its_contacts_and_loses_an_index(
    url: str, make: Callable[[], SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:15])
        db = PostgresDatabase(url) if "://" in url else Database(Path(url))
        schema.migrate(db, 0)
        db.run(
            "INSERT INTO contact(destination, email, remote_id, status, person, held_before) VALUES "
            "('d', 'a@example.com', 'one', 'subscribed', 'p', 1), ('d', 'b@example.com', NULL, 'absent', NULL, 0)"
        )
        db.close()
    store = make()
    kept = store._db.rows("SELECT email, remote_id, status, person, held_before FROM contact ORDER BY email")
    found = [tuple("" if value is None else value for value in row) for row in kept]
    assert found == [("a@example.com", "one", "subscribed", "p", 1), ("b@example.com", "", "absent", "", 0)]
    listed = "SELECT indexname FROM pg_indexes WHERE tablename = 'contact' AND schemaname = current_schema()"
    listed = listed if "://" in url else "SELECT name FROM sqlite_master WHERE type = 'index'"
    names = {name for (name,) in store._db.rows(listed)}
    assert "contact_by_id" in names and "contact_by_person" not in names
    store.observe("d", contacts({"email": "c@example.com", "remote_id": "one", "status": "unsubscribed"}))
    status = {row["email"]: row["status"] for row in store.ledger("d").contacts.to_pylist()}
    assert status["a@example.com"] == "unsubscribed"


def test_who_may_only_read_an_older_state_still_plans(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copies that a reader works with have no index of the name that goes."""
    if "://" not in url:
        pytest.skip("a file that may only be read is copied whole")
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:15])
        db = PostgresDatabase(url)
        schema.migrate(db, 0)
        db.close()
    name = url.rpartition("%3D")[2]
    with psycopg.connect(url, autocommit=True) as owner:
        for sql in ("CREATE ROLE old_reader LOGIN", f"GRANT USAGE ON SCHEMA {name} TO old_reader"):
            owner.execute(sql)  # type: ignore[arg-type]
        owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO old_reader")  # type: ignore[arg-type]
        try:
            reading = SqlStore(PostgresDatabase(url.replace("postgres:@", "old_reader:@")))
            reading.observe("d", contacts({"email": "a@example.com", "remote_id": "one", "status": "subscribed"}))
            assert reading.ledger("d").contacts.num_rows == 1
            reading.close()
        finally:
            owner.execute("DROP OWNED BY old_reader")
            owner.execute("DROP ROLE old_reader")
