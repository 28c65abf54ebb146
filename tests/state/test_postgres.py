"""What is particular to PostgreSQL: its words, bulk, migrations, who else uses the database."""

from __future__ import annotations

import re
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import pyarrow as pa
import pytest

from connector.core.errors import LeaseHeld, StateError, TooNew
from connector.core.refusals import why
from connector.state import schema
from connector.state.drivers import postgres as postgres_module
from connector.state.drivers.dialect import translate
from connector.state.drivers.postgres import PostgresDatabase
from connector.state.open import exists, open_store, rehearsal_url
from connector.state.store import SqlStore

from .conftest import changes, contacts, open_run


@pytest.fixture
def backend() -> str:
    return "postgresql"


def test_a_url_opens_it(url: str) -> None:
    assert exists(url)
    store = open_store(url)
    store.observe("d", contacts({"email": "a@example.com", "tags": ["x", "y"]}))
    store.close()
    again = open_store(url)
    assert again.ledger("d").contacts["tags"].to_pylist() == [["x", "y"]]
    again.close()


def test_every_kind_of_text_survives(store: SqlStore) -> None:
    texts = ['a"b', "a,b", "a\nb", "a\r\nb", "ü€😀", "%s ? \\N \\", " x ", "null", "NULL", "{1}"]
    rows = [{"email": f"p{number}@example.com", "remote_id": text} for number, text in enumerate(texts)]
    store.observe("d", contacts(*rows, {"email": "last@example.com", "remote_id": None}))
    found = {row["email"]: row["remote_id"] for row in store.ledger("d").contacts.to_pylist()}
    assert found == {row["email"]: row["remote_id"] for row in rows} | {"last@example.com": None}


def test_a_hundred_thousand_people_in_bulk(store: SqlStore) -> None:
    count = 100_000
    emails = pa.array([f"p{number}@example.com" for number in range(count)])
    columns = {"email": emails, "remote_id": emails, "status": pa.repeat("subscribed", count)}
    columns |= {"status_at": pa.nulls(count, pa.timestamp("us", "UTC")), "tags": pa.nulls(count, pa.list_(pa.string()))}
    store.observe("d", pa.table(columns))
    assert store.ledger("d").contacts.num_rows == count


def test_flat_objects_are_merged_in_order(url: str) -> None:
    store = SqlStore(PostgresDatabase(url))
    merged = {
        ("{}", '{"A":"1"}'): '{"A":"1"}',
        ('{"B":"x","A":1.50}', '{"A":2,"C":true}'): '{"B":"x","A":2,"C":true}',
        ('{"A":"1","B":"2"}', '{"A":null}'): '{"B":"2"}',
        ('{"A":"\\"ü"}', '{"A":null}'): "{}",
    }
    for (old, new), both in merged.items():
        assert store._db.rows("SELECT json_patch(?, ?)", [old, new]) == [(both,)]
    store.close()


def test_a_newer_schema_is_too_new(url: str, store: SqlStore) -> None:
    store._db.run("INSERT INTO schema_version(version, at) VALUES (999, 0)")
    with pytest.raises(TooNew, match=r"schema 999.*Update the connector"):
        open_store(url)


def test_somebody_elses_tables_are_not_touched(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE theirs(a int)")
    with pytest.raises(StateError, match=r"another program.*search_path"):
        open_store(url)
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
    assert names == [("theirs",)]


def test_a_failing_migration_leaves_the_old_schema(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url).close()
    broken = (*schema.MIGRATIONS, ("CREATE TABLE half(a TEXT)", "CREATE TABLE membership(again TEXT)"))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(StateError):
            open_store(url)
    db = PostgresDatabase(url)
    assert db.rows("SELECT max(version) FROM schema_version") == [(len(schema.MIGRATIONS),)]
    assert "half" not in db.tables()
    db.close()


def test_an_older_state_is_brought_up_to_date(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        PostgresDatabase(url).close()
        db = PostgresDatabase(url)
        schema.migrate(db, 0)
        db.close()
    store = open_store(url)
    assert store.revisions(["d"]) == {"d": 0}
    store.close()


def test_a_password_is_in_no_message() -> None:
    url = "postgresql://marianne:very-secret@127.0.0.1:1/db?application_name=very-secret"
    with pytest.raises(StateError, match=r"postgresql://127\.0\.0\.1:1/db cannot be used: no connection") as failed:
        open_store(url)
    assert "secret" not in str(failed.value) and "marianne" not in str(failed.value)


def test_why_nobody_is_let_in_is_told(url: str) -> None:
    elsewhere = urlsplit(url)._replace(path="/nowhere").geturl()
    for place, reason in (
        (elsewhere, "There is no such database"),
        ("postgresql://ssl@127.0.0.1:1/db", "Nothing answers there"),
        ("postgresql://user@nowhere.invalid/db", "There is no such host"),
    ):
        with pytest.raises(StateError, match=reason):
            PostgresDatabase(place)


def test_an_encrypted_connection_that_is_lost_was_not_refused() -> None:
    error = psycopg.OperationalError("consuming input failed: SSL connection has been closed unexpectedly")
    assert "or it was lost" in postgres_module._reason(error)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ('FATAL:  password authentication failed for user "app"', "The user or the password"),
        ('FATAL:  role "ann" does not exist', "The user or the password"),
        ("SSL error: certificate verify failed", "The encrypted connection is refused"),
        (
            'server certificate for "localhost" does not match host name "127.0.0.1"',
            "The encrypted connection is refused",
        ),
        (
            'FATAL:  pg_hba.conf rejects connection for host "127.0.0.1", user "app", no encryption',
            "wants an encrypted",
        ),
        ('FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "app", SSL off', "wants an encrypted"),
        ("FATAL:  sorry, too many clients already", "no connection left"),
        ("something that nobody knows", "^$"),
    ],
)
def test_the_words_of_a_server_with_certificates(told: str, reason: str) -> None:
    """As PostgreSQL 15 and libpq word it, by hand against a server with TLS."""
    assert re.search(reason, why(told))


def test_a_lost_connection_is_told_and_nothing_is_half_written(url: str, store: SqlStore) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        with pytest.raises(StateError, match="lost"), store._db.transaction():
            store._db.run("INSERT INTO destination(name) VALUES ('half')")
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            store._db.run("INSERT INTO destination(name) VALUES ('other half')")
        assert other.execute("SELECT count(*) FROM destination").fetchone() == (0,)


def test_a_stalled_writer_does_not_stop_the_others(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "STALLED_SECONDS", 1)
    stalled, other = open_store(url), open_store(url)
    assert isinstance(stalled, SqlStore)
    with pytest.raises(StateError), stalled._db.transaction():
        with other.lease("push"):  # waits until the server cuts the stalled one off
            pass
        stalled._db.run("INSERT INTO destination(name) VALUES ('late')")
    other.close()


def test_the_servers_clock_rules(url: str) -> None:
    store = SqlStore(PostgresDatabase(url))
    with psycopg.connect(url) as other:
        ask = "SELECT clock_timestamp()"
        (before,), now, (after,) = other.execute(ask).fetchone(), store._db.now(), other.execute(ask).fetchone()
    assert before <= now <= after
    with store.lease("push"):
        run = open_run(store, changes())
    assert store.run(run).started_at.tzinfo is not None
    store.close()


def test_another_process_is_told_who_holds_the_lease(url: str) -> None:
    store = open_store(url)
    script = (
        "import sys; from connector.state.open import open_store\nwith open_store(sys.argv[1]).lease('resume'): pass"
    )
    with store.lease("push"):
        done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, timeout=300)
    assert LeaseHeld.__name__ in done.stderr and "in use by push (process" in done.stderr
    store.close()


def test_statements_for_sqlite_become_postgresqls() -> None:
    assert translate("INSERT OR IGNORE INTO a SELECT ? FROM temp.b CROSS JOIN c ON true") == (
        "INSERT INTO a SELECT %s FROM b JOIN c ON true ON CONFLICT DO NOTHING"
    )
    made = translate("CREATE TABLE a(id INTEGER PRIMARY KEY, b TEXT, c INTEGER) WITHOUT ROWID")
    assert made == (
        'CREATE TABLE a(id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, b TEXT COLLATE "C", c BIGINT)'
    )


@pytest.mark.parametrize(
    ("url", "beside"),
    [
        ("state.db", "state.db.rehearsal"),
        ("sqlite:///state.db", "sqlite:///state.db.rehearsal"),
        ("postgresql://u@h/d", "postgresql://u@h/d?options=-csearch_path%3Dconnector_rehearsal"),
        (
            "postgres://h/d?sslmode=require&options=-csearch_path%3Dours%20-cjit%3Doff",
            "postgres://h/d?sslmode=require&options=-cjit%3Doff%20-csearch_path%3Dours_rehearsal",
        ),
    ],
)
def test_a_rehearsal_has_a_state_of_its_own(url: str, beside: str) -> None:
    assert rehearsal_url(url) == beside


def test_a_missing_schema_is_made(url: str) -> None:
    open_store(rehearsal_url(url)).close()
    db = PostgresDatabase(url)
    assert db.tables() == set()
    db.close()
