"""Exports at addresses: S3 (moto's server), SFTP and HTTP servers of this process; one private copy per command."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.app import advice, pushing
from connector.app.workspace import Options, open_workspace
from connector.config.load import load_text
from connector.config.sections import remote
from connector.core.errors import ConfigError, ConnectorError, Interrupted, SourceError
from connector.core.session import Session
from connector.sources.columns.catalog import catalog
from connector.sources.files.discover import fingerprint, made_of
from connector.sources.remote.model import Item, same
from tests import sftp
from tests.crash import places

from .kit import AS_OF, config, loaded, rows, write

# Of the server that moto runs in this process, and of the filesystem's connections, which end with it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning")

CSV = b"Email,Plan\nann@example.com,a\nbob@example.com,b\n"
Answer = Callable[[BaseHTTPRequestHandler], None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: dict[str, Answer]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.answers.get(self.path.partition("?")[0], partial(said, status=404, content=b""))(self)

    def log_message(self, *words: object) -> None:
        pass


def said(
    request: BaseHTTPRequestHandler, content: bytes = CSV, status: int = 200, length: int | None = None, **headers: str
) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(content) if length is None else length))
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(content)
    if length is not None:
        request.close_connection = True


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[_Handler]]]:
    handler = type("Handler", (_Handler,), {"answers": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    monkeypatch.setenv("NETRC", os.devnull)
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with places.s3() as shared, pytest.MonkeyPatch.context() as patched:
        for name, value in shared.direct.environment.items():
            patched.setenv(name, value)
        yield shared.direct.url.removesuffix("/team/state.db")


def put(url: str, content: bytes) -> None:
    import s3fs

    s3fs.S3FileSystem().pipe_file(url, content)


def refusal(folder: Path, file: str, **settings: str) -> str:
    made = config(folder, contacts={"file": file, "email": "Email", **settings})
    with pytest.raises(ConnectorError) as caught:
        catalog(made, AS_OF)
    made.session.close()
    return str(caught.value)


def segments(folder: Path, file: str) -> Path:
    text = (
        f"version: 1\nsources:\n  contacts: {{file: '{file}', email: Email}}\nsegments:\n  s: {{when: {{plan: a}}}}\n"
    )
    return write(folder, "segments.yaml", text)


def test_a_file_on_s3_is_read_once_and_its_copy_is_private_and_removed(tmp_path: Path, bucket: str) -> None:
    put(f"{bucket}/one/contacts.csv", CSV)
    made = config(tmp_path, contacts={"file": f"{bucket}/one/contacts.csv", "email": "Email", "max_age": None})
    found = catalog(made, AS_OF)["contacts"].files
    put(f"{bucket}/one/contacts.csv", b"Email\n")
    assert catalog(made.model_copy(), AS_OF)["contacts"].files == found  # once per command
    (copy,) = found
    assert (copy.read_bytes(), copy.name) == (CSV, "contacts.csv")
    assert copy.parents[1].stat().st_mode & 0o077 == 0
    assert abs(copy.stat().st_mtime - datetime.now(UTC).timestamp()) < 3600
    local = write(tmp_path, "contacts.csv", CSV)
    assert fingerprint(found) == fingerprint([local])  # what a saved plan is bound to
    made.session.close()
    assert not copy.exists()
    assert not copy.parents[1].exists()


def test_patterns_partitions_and_logs_of_tables_on_s3(tmp_path: Path, bucket: str) -> None:
    put(f"{bucket}/many/country=DE/a.csv", b"Email\nann@example.com\n")
    put(f"{bucket}/many/country=FR/a.csv", b"Email\nbob@example.com\n")
    put(f"{bucket}/many/country=FR/.hidden.csv", b"Email\neve@example.com\n")
    found = loaded(tmp_path, contacts={"file": f"{bucket}/many/*/*.csv", "email": "Email"})
    assert [(row["email"], row["country"]) for row in rows(found)] == [
        ("ann@example.com", "DE"),
        ("bob@example.com", "FR"),
    ]
    put(f"{bucket}/days/at=2026-11-29T10:00/a.csv", b"Email\nann@example.com\n")
    found = loaded(tmp_path, contacts={"file": f"{bucket}/days/*/a.csv", "email": "Email", "columns": {"at": {}}})
    assert [str(row["at"]) for row in rows(found)] == ["2026-11-29 10:00:00"]
    put(f"{bucket}/lake/t/_delta_log/0.json", b"{}")
    put(f"{bucket}/lake/t/part-0.parquet", b"PAR1")
    assert "is a part of a Delta table" in refusal(tmp_path, f"{bucket}/lake/t/*.parquet")
    assert "no file matches s3://" in refusal(tmp_path, f"{bucket}/many/*.nothing")
    assert "there is no file s3://" in refusal(tmp_path, f"{bucket}/many/nothing.csv")


def test_who_may_not_read_a_bucket_is_told_without_keys(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoCredentialsError(Exception):
        pass

    def refuse(*words: object) -> None:
        raise NoCredentialsError("secret-key-4711")

    monkeypatch.setattr("s3fs.S3FileSystem.info", refuse)
    text = refusal(tmp_path, f"{bucket}/one/contacts.csv")
    assert "may not be read with the credentials that the environment gives (NoCredentialsError)" in text
    assert "4711" not in text


def test_what_changes_while_it_is_read_is_refused(tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from connector.sources.remote.stores import Store

    put(f"{bucket}/two/contacts.csv", CSV)
    read = Store.read

    def replaced(self: Store, item: object) -> Iterator[bytes]:
        yield from read(self, item)  # type: ignore[arg-type]
        put(f"{bucket}/two/contacts.csv", CSV.replace(b"ann", b"eve"))

    monkeypatch.setattr(Store, "read", replaced)
    assert "contacts.csv changed while it was read" in refusal(tmp_path, f"{bucket}/two/contacts.csv")

    def added(self: Store, item: object) -> Iterator[bytes]:
        yield from read(self, item)  # type: ignore[arg-type]
        put(f"{bucket}/two/more.csv", CSV)

    monkeypatch.setattr(Store, "read", added)
    assert "files came, went or changed while they were read" in refusal(tmp_path, f"{bucket}/two/*.csv")
    monkeypatch.setattr(Store, "read", lambda self, item: iter([CSV[:10]]))
    assert f"10 of {len(CSV)} bytes of contacts.csv came" in refusal(tmp_path, f"{bucket}/two/contacts.csv")


def test_a_file_over_http_has_the_age_that_its_server_tells(tmp_path: Path, web: tuple[str, type[_Handler]]) -> None:
    url, handler = web
    handler.answers["/contacts.csv"] = partial(said, Last_Modified="Wed, 18 Nov 2026 09:00:00 GMT", ETag='"1"')
    found = loaded(tmp_path, contacts={"file": f"{url}/contacts.csv", "email": "Email"})
    assert [row["email"] for row in rows(found)] == ["ann@example.com", "bob@example.com"]
    assert "is from 2026-11-18 09:00" in refusal(tmp_path, f"{url}/contacts.csv", max_age="24 hours")
    made = config(tmp_path, contacts={"file": f"{url}/contacts.csv", "email": "Email"})
    zone, source = ZoneInfo("UTC"), made.sources["contacts"]
    assert made_of(made, source, zone) is None  # `sync status --metrics` fetches nothing
    catalog(made, AS_OF)
    assert made_of(made, source, zone) == datetime(2026, 11, 18, 9, tzinfo=UTC)
    made.session.close()
    handler.answers["/contacts.csv"] = said
    catalog(made, AS_OF)
    assert made_of(made, source, zone) is None
    made.session.close()
    assert "does not tell when the file was made" in refusal(tmp_path, f"{url}/contacts.csv", max_age="24 hours")
    loaded(tmp_path, contacts={"file": f"{url}/contacts.csv", "email": "Email"})


def test_http_that_is_cut_off_or_changes_or_refuses(
    tmp_path: Path, web: tuple[str, type[_Handler]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = web
    monkeypatch.setenv("TOKEN", "s3cret")
    file = f"{url}/contacts.csv?token=${{TOKEN}}"
    tags = iter("abcdefgh")
    for answer, text in (
        (partial(said, length=500), "was cut off while it was read"),
        (lambda request: said(request, ETag=next(tags)), "changed while it was read"),
        (partial(said, status=403), "answers 403"),
        (partial(said, status=404), "does not exist"),
        (partial(said, Content_Type="text/html; charset=utf-8"), "most often one to log in"),
        (partial(said, status=302, Location="file:///etc/passwd"), "redirects to file://"),
        (partial(said, status=302, Location="http://example.com/x"), "redirects to http://"),
        (partial(said, status=302, Location="https://169.254.169.254/latest"), "clouds answer with credentials"),
        (partial(said, status=302, Location="/contacts.csv"), "redirects more than 5 times"),
    ):
        handler.answers["/contacts.csv"] = answer
        told = refusal(tmp_path, file)
        assert text in told
        assert f"{url}/contacts.csv" in told
        assert "s3cret" not in told
        assert "token" not in told
    assert handler.asked[0] == "/contacts.csv?token=s3cret"
    monkeypatch.delenv("TOKEN")
    with pytest.raises(ConfigError, match="The environment variable TOKEN is not set"):
        catalog(config(tmp_path, contacts={"file": file, "email": "Email"}), AS_OF)


def test_a_redirect_leads_from_a_public_host_to_no_private_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.parse import urlsplit

    from connector.sources.remote import web
    from connector.sources.remote.model import Refused

    known = {"files.example.com": "8.8.8.8", "inside.example.com": "10.0.0.5", "mapped.test": "::ffff:169.254.169.254"}
    monkeypatch.setattr(web.socket, "getaddrinfo", lambda host, *a, **k: [(0, 0, 0, "", (known.get(host, host), 0))])
    assert web._check(urlsplit("https://files.example.com/x"), first=True, public=False)
    assert not web._check(urlsplit("https://inside.example.com/x"), first=True, public=False)
    for url in ("https://inside.example.com/x", "https://127.0.0.1/x", "http://files.example.com/x"):
        with pytest.raises(Refused, match="redirects to"):
            web._check(urlsplit(url), first=False, public=True)
    with pytest.raises(Refused, match="clouds answer"):
        web._check(urlsplit("https://mapped.test/x"), first=True, public=False)


def test_a_wish_to_stop_ends_the_fetching_and_removes_the_copies(
    tmp_path: Path, web: tuple[str, type[_Handler]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = web
    monkeypatch.setattr("connector.sources.remote.web._PIECE", 4)
    stop, seen = threading.Event(), []
    handler.answers["/contacts.csv"] = lambda request: (stop.set(), said(request))[1]
    file = segments(tmp_path, f"{url}/contacts.csv")
    made, new_folder = [], Session.new_folder
    monkeypatch.setattr(Session, "new_folder", lambda self: (made.append(new_folder(self)), made[-1])[1])
    with (
        pytest.raises(Interrupted),
        open_workspace(Options(file=file, as_of="2026-11-20"), stop, offline=True) as workspace,
    ):
        seen.append(workspace)
        advice.check(workspace)
    assert seen
    assert made
    assert not made[0].parent.exists()


def test_a_saved_plan_notices_that_the_file_at_an_address_changed(
    tmp_path: Path, web: tuple[str, type[_Handler]]
) -> None:
    url, handler = web
    file = segments(tmp_path, f"{url}/contacts.csv")

    def inputs() -> dict[str, str]:
        with open_workspace(Options(file=file, as_of="2026-11-20"), offline=True) as workspace:
            return pushing._inputs(workspace)

    handler.answers["/contacts.csv"] = said
    first = inputs()
    assert inputs() == first
    handler.answers["/contacts.csv"] = partial(said, content=CSV + b"eve@example.com,a\n")
    assert {name for name, value in inputs().items() if value != first[name]} == {"source contacts"}


def test_a_file_over_sftp_from_a_server_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import paramiko

    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SFTP_PASSWORD", "s3cret")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    write(tmp_path / "served", "out/contacts.csv", CSV, datetime(2026, 11, 18, 9, tzinfo=UTC))
    key = paramiko.ECDSAKey.generate()
    with sftp.server(tmp_path / "served", key) as port:
        address = f"sftp://reader:${{SFTP_PASSWORD}}@127.0.0.1:{port}/out"
        told = refusal(tmp_path, f"{address}/contacts.csv")
        assert key.fingerprint in told and "ssh-keyscan" in told
        write(tmp_path, ".ssh/known_hosts", f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        found = loaded(tmp_path, contacts={"file": f"{address}/*.csv", "email": "Email"})
        assert [row["email"] for row in rows(found)] == ["ann@example.com", "bob@example.com"]
        told += refusal(tmp_path, f"{address}/contacts.csv", max_age="24 hours")
        assert "is from 2026-11-18 09:00" in told
        monkeypatch.setenv("SFTP_PASSWORD", "wr0ng")
        told += refusal(tmp_path, f"{address}/contacts.csv")
        assert "may not be read with the credentials" in told
        assert not {"s3cret", "wr0ng", "reader"} & set(told.replace("@", " ").replace(":", " ").split())


REFUSED = {
    "file:///etc/passwd": "Write the path itself",
    "simplecache::s3://b/f.csv": "wrap another one",
    "http://example.com/f.csv": "can be changed on its way",
    "https://u:pw1@example.com/f.csv": "There is a password in the address",
    "https://example.com/f.csv?sig=pw1": "A key or signature follows",
    "https://example.com/f.csv?t=pw1pw1pw1pw1pw1pw1": "A key or signature follows",
    "https://example.com/*.csv": "no patterns",
    "https://example.com": "names no file",
    "s3://key:pw1@bucket/f.csv": "A bucket is s3://BUCKET/FILE",
    "s3://bucket/f.csv?versionId=1": "without ? and #",
    "sftp://host:x1/f.csv": "a port or a bracket is wrong",
    "ftp://host/f.csv": "No export is read from ftp://",
    "memory://f/x.csv": "No export is read from memory://",
}


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_none_is_an_error_at_its_line(address: str) -> None:
    for where in ("contacts: {file: '%s', email: Email}", "contacts: {file: c.csv, email: Email}"):
        segment = "when: {plan: a}" if "%s" in where else f"members_from: '{address}'"
        text = f"version: 1\nsources:\n  {where.replace('%s', address)}\nsegments:\n  s: {{{segment}}}\n"
        with pytest.raises(ConfigError) as caught:
            load_text(text, Path("segments.yaml"))
        (problem,) = caught.value.problems
        assert REFUSED[address] in problem.message
        assert "pw1" not in str(caught.value)


def test_an_address_is_shown_without_what_opens_it() -> None:
    assert remote.shown("https://u:${PW}@example.com/a.csv?sig=x#y") == "https://example.com/a.csv"
    assert remote.shown("abfs://box@account.dfs.core.windows.net/a.csv") == (
        "abfs://box@account.dfs.core.windows.net/a.csv"
    )
    assert remote.shown(r"C:\exports\a.csv") == r"C:\exports\a.csv"
    assert remote.scheme_of("C:/exports/a.csv") is None


def test_a_list_and_a_single_answer_may_write_the_same_otherwise() -> None:
    moment = datetime(2026, 11, 29, 10, 0, 0, 123_000, UTC)
    listed = Item("b/f.csv", "f.csv", 5, moment, '"abc"')
    assert same(listed, Item("b/f.csv", "f.csv", 5, moment.replace(microsecond=0), "abc"))
    assert not same(listed, Item("b/f.csv", "f.csv", 5, moment, '"abd"'))
    untagged = Item("b/f.csv", "f.csv", 5, moment)
    assert same(untagged, Item("b/f.csv", "f.csv", 5, moment.replace(microsecond=0)))
    assert not same(untagged, Item("b/f.csv", "f.csv", 5, moment.replace(minute=1)))
    assert not same(listed, Item("b/f.csv", "f.csv", 6, moment, '"abc"'))
    assert not same(listed, None)


def test_a_missing_driver_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*words: object) -> None:
        raise ImportError("no")

    monkeypatch.setattr("connector.sources.remote.stores._opened", absent)
    for address, extra in (("s3://b/f.csv", "s3"), ("gs://b/f.csv", "gs"), ("az://b/f.csv", "azure")):
        assert f"pip install 'segment-connector[{extra}]'" in refusal(tmp_path, address)
    with pytest.raises(SourceError):
        catalog(config(tmp_path, contacts={"file": "s3://b/f.csv", "email": "Email"}), AS_OF)
