"""`sync plan` with the right to read the state, and no more: the same plan, nothing written. A push says why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.core.errors import StateError
from connector.core.plan import Plan
from connector.state.drivers import reading
from connector.state.open import rehearsal_url
from tests.path.small import Small, small
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small(tmp_path_factory.mktemp("reader"), "--no-limits", to=("mailchimp",)) as made:
        yield made


def made(world: Small, state: str) -> tuple[Plan, str]:
    """A plan by this state, and how a push with it ends."""
    with world.open(state=state) as workspace, open_state(workspace) as store:
        assert store.runs(5) and store.counts("mailchimp").contacts
        plan = planning.plan(workspace, store)
        with pytest.raises(StateError) as refused:
            pushing.push(workspace, store, plan)
    return plan, str(refused.value)


def reader_of(url: str) -> str:
    """The same schema for a user who may only read."""
    schema = rehearsal_url(url).rpartition("%3D")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader")  # type: ignore[arg-type]
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")  # type: ignore[arg-type]
    parts = urlsplit(url)
    return url.replace(parts.netloc, "reader:@", 1)


def test_on_postgresql(world: Small, postgres: str) -> None:
    url = empty_schema(postgres)
    world.write({"ann": "ann@example.com"})
    world.push(state=url)
    world.write({"ann": "ann@example.com", "bea": "bea@example.com"})
    reader = reader_of(url)
    try:
        plan, told = made(world, reader)
        assert "may only read it" in told and "sync push" in told
        assert plan.changes.num_rows
        with world.open(state=url) as workspace, open_state(workspace) as store:
            assert (
                len(store.runs(5)) == 1
                and "bea@example.com" not in store.ledger("mailchimp").contacts["email"].to_pylist()
            )
            assert planning.plan(workspace, store).changes.num_rows == plan.changes.num_rows
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY reader")
            connection.execute("DROP ROLE reader")


def test_a_file(world: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = str(tmp_path / "team.db")
    world.write({"ann": "ann@example.com"})
    world.push(state=state)
    world.write({"ann": "ann@example.com", "cem": "cem@example.com"})
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    monkeypatch.setattr(reading.os, "access", lambda path, mode: mode != os.W_OK)
    plan, told = made(world, state)
    assert plan.changes.num_rows and "may only read it" in told
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_share(world: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.local import LocalFileSystem

    state = f"file://{tmp_path}/team.db"
    world.write({"ann": "ann@example.com"})
    world.push(state=state)
    world.write({"ann": "ann@example.com", "dan": "dan@example.com"})

    def refuse(*_words: object, **_more: object) -> None:
        raise PermissionError

    for verb in ("pipe_file", "rm_file", "cp_file", "touch"):
        monkeypatch.setattr(LocalFileSystem, verb, refuse)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    plan, told = made(world, state)
    assert plan.changes.num_rows and "cannot be used: PermissionError" in told
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
