"""A mistyped --state is refused by name, makes nothing, and no password of it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.core.errors import StateAddress, StateError
from connector.state.address import check, shown_postgres
from connector.state.open import open_store, rehearsal_url

SECRET = "Hunter2"
REFUSED = {
    "": "is empty",
    "  ": "is empty",
    f"host=db.example.com dbname=crm user=u password={SECRET}": "libpq's form",
    f"password={SECRET} dbname=crm": "libpq's form",
    f"user = u password = {SECRET}": "libpq's form",
    f"postgresql://u:{SECRET}/x@db.example.com/crm": "%2F",
    f"postgresql://u:x/{SECRET}@db.example.com/crm": "%2F",
    f"postgresql://u:a@{SECRET}@db.example.com/crm": "%40",
    f"postgresql://u:{SECRET}%zz@db.example.com/crm": "%25",
    f"postgresql://u:{SECRET}#1@db.example.com/crm": "%23",
    f"postgresql://u:{SECRET}?1@db.example.com/crm": "%3F",
    f"postgresql://u:{SECRET} 1@db.example.com/crm": "%20",
    f"postgresql://u:{SECRET}@db.example.com/crm?sslmodus={SECRET}": "unknown parameter",
    f"postgresql://u:{SECRET}@db.example.com:5432x/crm": "escaped",
    "postgresql://db.example.com:99999/crm": "port",
    f"postgresql:/u:{SECRET}@db.example.com/crm": "not with postgresql://",
    f"postgresql:u:{SECRET}@db.example.com/crm": "not with postgresql://",
    f"postgresql//u:{SECRET}@db.example.com/crm": "neither a path nor a URL",
    f"u:{SECRET}@db.example.com/crm": "neither a path nor a URL",
    f"jdbc:postgresql://u:{SECRET}@db.example.com/crm": "neither a path nor a URL",
    f"postgresql+psycopg://u:{SECRET}@db.example.com/crm": "cannot be a postgresql\\+psycopg:// URL",
    f"mysql://u:{SECRET}@db.example.com/crm": "cannot be a mysql:// URL",
    f"redis://:{SECRET}@db.example.com/0": "cannot be a redis:// URL",
    "memory://team/state.db": "nothing is left of it",
    "http://example.com/state.db": "no state can be kept",
    "zip://state.db::s3://bucket/x.zip": "no state can be kept",
    "sqlite://state.db": "two slashes",
    "sqlite:state.db": "not with sqlite://",
    "sqlite:///": "names no file",
    "s3:/bucket/state.db": "not with s3://",
    "S3://bucket/state.db": "cannot be a S3:// URL",
    "s3://bucket": "names no file",
    "s3://bucket/": "names no file",
    "s3://bucket/folder/": "names no file",
    "s3://bucket/state.db?endpoint_url=http://127.0.0.1:9000": "AWS_ENDPOINT_URL",
    "s3://bucket?endpoint_url=http://127.0.0.1:9000": "AWS_ENDPOINT_URL",
    "gs://bucket/state.db#1": "part of the file's name",
    f"s3://KEY:{SECRET}@bucket/state.db": "holds a key",
    f"s3://KEY:x/{SECRET}@bucket/state.db": "holds a key",
    f"gs://KEY:{SECRET}@bucket/state.db": "holds a key",
    "file://share/state.db": "three",
    "file:state.db": "not with file://",
}


@pytest.mark.parametrize("url", REFUSED)
def test_a_mistyped_address(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StateAddress, match=REFUSED[url]) as failed:
        check(url)
    assert SECRET not in str(failed.value)
    if not url.startswith("memory"):  # tests of this house keep a state there
        with pytest.raises(StateAddress):
            open_store(url)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "state.db",
        "folder/2026-11-29 10:00/state.db",
        "C:\\crm\\state.db",
        "me@example.com/state.db",
        "sqlite:///state.db",
        "sqlite:////var/crm/state.db",
        "postgresql://u@db.example.com/crm",
        "postgres://u:p%2Fw%40x@db.example.com:5433/crm?options=-csearch_path%3Dteam",
        "postgresql://one.example.com:1,two.example.com:2/crm?target_session_attrs=read-write",
        "postgresql://u@[::1]:5432/crm",
        "postgresql:///crm?host=/var/run/postgresql",
        "s3://bucket/team/state.db",
        "gs://bucket/state.db",
        "abfs://container@account.dfs.core.windows.net/state.db",
        "file:///mnt/share/state.db",
    ],
)
def test_what_is_an_address(url: str) -> None:
    check(url)
    check(rehearsal_url(url))


def test_a_postgresql_url_is_shown_without_secrets() -> None:
    shown = {
        f"postgresql://u:{SECRET}@one.example.com:1,two.example.com:2/crm": "one.example.com:1,two.example.com:2/crm",
        f"postgresql://u:p%2F{SECRET}%40@one.example.com/crm?password={SECRET}": "one.example.com/crm",
        "postgresql://u@[::1]:5432/crm": "[::1]:5432/crm",
        "postgresql://u@/crm?host=/var/run/postgresql": "/crm",
    }
    assert {url: shown_postgres(url) for url in shown} == {url: f"postgresql://{told}" for url, told in shown.items()}


def test_an_unreachable_server_of_several_is_told_without_secrets() -> None:
    with pytest.raises(StateError, match=r"postgresql://127\.0\.0\.1:1,127\.0\.0\.1:2/crm cannot be used") as failed:
        open_store(f"postgresql://u:{SECRET}%2F@127.0.0.1:1,127.0.0.1:2/crm")
    assert SECRET not in str(failed.value)


def test_a_share_that_is_not_mounted_is_no_new_state(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="its folder does not exist"):
        open_store(f"file://{tmp_path}/not-mounted/state.db")
    assert not list(tmp_path.iterdir())
