"""A state in a bucket: fetched, put back, one runner at a time."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import paramiko  # type: ignore[import-untyped]
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from connector.core.errors import LeaseHeld, LeaseLost, Stale, StateError
from connector.state import lease as lease_module
from connector.state.accounts import Known
from connector.state.drivers import bucket, chain
from connector.state.drivers.bucket import RemoteStore
from connector.state.open import open_store
from tests import sftp

from .conftest import changes, contacts, open_run

Open = Callable[[], RemoteStore]


@pytest.fixture(params=["memory", "file"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    place = f"memory://{uuid.uuid4().hex}/state.db" if request.param == "memory" else f"file://{tmp_path}/state.db"

    def another() -> RemoteStore:
        store = open_store(place)
        assert isinstance(store, RemoteStore)
        request.addfinalizer(store.close)
        return store

    return another


def test_the_next_runner_finds_what_the_last_one_put_back(opened: Open) -> None:
    one = opened()
    one.observe("d", contacts({"email": "a@example.com"}))
    with one.lease("push"):
        open_run(one, changes({"op": "adopt", "email": "a@example.com", "kind": "tag", "target": "x"}))
    two = opened()
    assert two.counts("d").contacts == 1 and len(two.runs()) == 1
    with two.lease("push"):
        pass


def test_two_runners(opened: Open) -> None:
    one, two = opened(), opened()
    with one.lease("push"), pytest.raises(LeaseHeld, match="in use by push"), two.lease("resume"):
        pass
    with pytest.raises(Stale, match="Run it again"), two.lease("resume"):
        pass
    with opened().lease("resume"):
        pass


def test_of_two_who_take_the_same_number_one_wins(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = opened(), opened()
    with one.lease("push"):
        monkeypatch.setattr(two._remote, "_newest", lambda: 0)
        with pytest.raises(LeaseHeld, match="just taken"), two.lease("push"):
            pass


EVERYTHING = [{"op": op, "email": f"{op}{n}@example.com"} for op in ("create", "update", "retire") for n in range(4)]
EVERYTHING += [
    {"op": op, "email": f"{op}{n}@example.com", "kind": "tag", "target": "x"}
    for op in ("add", "remove")
    for n in range(4)
]


def test_no_request_leaves_that_the_next_runner_would_not_know_of(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of requests that people cannot be counted in twice, the very ones; of others at least those: each step is put
    back once, as if all of it had left."""
    one, puts = opened(), list[str]()
    with one.lease("push"):
        run = open_run(one, changes(*EVERYTHING))
        put = one._remote.put
        monkeypatch.setattr(one._remote, "put", lambda content: (puts.append("put"), put(content))[1])
        for step in one.journal.steps(run, "d"):
            first, second, *_ = one.journal.cut(step, 1)
            for batch, least, most in ((first, 1, 4), (second, 2, 4)):
                before = len(puts)
                one.journal.sent(batch)
                crashed = opened()  # what another machine finds now
                known = {(one.first_seq) for one in crashed.journal.in_doubt(run, "d") if one.step.op is step.op}
                exact = str(step.op) in ("create", "retire")
                assert batch.first_seq in known and len(known) == (least if exact else most)
                assert len(puts) - before == (1 if exact or batch is first else 0)
            here = [found.first_seq for found in one.journal.in_doubt(run, "d") if found.step.op is step.op]
            assert here == [first.first_seq, second.first_seq]  # this runner knows which have left
        unfinished = crashed.unfinished()
        assert unfinished is not None and unfinished.id == run
        one._put()  # for another step, say: what is left of these may leave at any time
        open_now = [found.first_seq for found in opened().journal.in_doubt(run, "d")]
        assert len(open_now) == 3 * 4 + 2 * 2
    assert len(puts) == 2 * 2 + 3 + 2
    ended = [found.first_seq for found in opened().journal.in_doubt(run, "d")]
    assert len(ended) == 5 * 2  # nothing can leave any more: what has not left is known


def test_a_run_that_is_given_up_elsewhere_knows_what_may_have_left(opened: Open) -> None:
    """A membership that was perhaps added is neither claimed nor denied, so that it is taken back if need be."""
    one = opened()
    with one.lease("push"):
        run = open_run(one, changes({"op": "add", "email": "a@example.com", "kind": "tag", "target": "x"}))
        (step,) = one.journal.steps(run, "d")
        (batch,) = one.journal.cut(step, 1)
        one.journal.sent(batch)
        crashed = opened()
    two = crashed._copy
    assert two.rows("SELECT state, sent_at IS NOT NULL FROM batch") == [("sent", 1)]


def test_who_lost_the_lease_puts_nothing_back(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "SECONDS", -1)  # it has run out at once
    one, two = opened(), opened()
    with pytest.raises(LeaseHeld, match="took over"), one.lease("push"), two.lease("resume"):
        one.observe("d", contacts({"email": "a@example.com"}))
        one._put()
    assert opened().counts("d").contacts == 0


@pytest.mark.parametrize("stopped", ["write", "sync", "rename"])
def test_who_is_stopped_while_putting_back_replaces_nothing_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    """The successor takes the lease, puts back and ends while the first one stands at each step of the replacement."""
    monkeypatch.setattr(lease_module, "SECONDS", -1)
    place = f"file://{tmp_path}/state.db"
    one, open_file, sync, rename = open_store(place), os.fdopen, os.fsync, Path.replace
    assert isinstance(one, RemoteStore)

    def successor() -> None:
        monkeypatch.setattr(os, "fdopen", open_file)
        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(Path, "replace", rename)
        with (two := open_store(place)).lease("resume"):
            two.observe("d", contacts({"email": "a@example.com"}))
        two.close()

    def at(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any) -> Any:
            if name == stopped and one._putting.locked():
                successor()
            return real(*given)

        return step

    with pytest.raises(LeaseHeld, match="took over"), one.lease("push"):
        monkeypatch.setattr(os, "fdopen", at("write", open_file))
        monkeypatch.setattr(os, "fsync", at("sync", sync))
        monkeypatch.setattr(Path, "replace", at("rename", rename))
        one._put()
    one.close()
    three = open_store(place)
    assert three.counts("d").contacts == 1
    three.close()
    assert [left.name for left in tmp_path.glob("*.new-*")] == []


def test_trouble_is_told_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StateError) as failed:
        bucket.Remote("memory://key:secret@bucket/x").fetch(Path("/nowhere/at/all"))
        bucket.Remote("ftp://key:secret@127.0.0.1:1/x").version()
    assert "secret" not in str(failed.value)


def _share(folder: Path) -> tuple[str, Path]:
    """A state on a share that has been put back once."""
    url, path = f"file://{folder}/state.db", folder / "state.db"
    store = RemoteStore(url)
    with store.lease("push"):
        pass
    store.close()
    return url, path


@pytest.mark.parametrize("left", [0, 50, 4096, -1])
def test_a_file_that_was_cut_off_is_refused_and_not_taken_for_a_new_one(tmp_path: Path, left: int) -> None:
    url, path = _share(tmp_path)
    path.write_bytes(path.read_bytes()[:left])
    before = path.read_bytes()
    with pytest.raises(StateError, match=r"is incomplete.*--refresh"):
        RemoteStore(url)
    assert path.read_bytes() == before


def test_who_dies_while_putting_back_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, path = _share(tmp_path)
    path.chmod(0o600)
    before = path.read_bytes()
    one = RemoteStore(url)
    with one.lease("push"):
        with monkeypatch.context() as dying, pytest.raises(StateError):
            dying.setattr(bucket.os, "fsync", _die)
            open_run(one, changes({"op": "adopt", "email": "b@example.com", "kind": "tag", "target": "x"}))
        assert path.read_bytes() == before
    one.close()
    assert path.read_bytes() != before
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.new-*"))


def _die(_: int) -> None:
    raise OSError("killed")


def test_what_is_being_written_is_as_private_as_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, path = _share(tmp_path)
    path.chmod(0o600)
    seen = []

    def look(_: int) -> None:
        seen.extend(file.stat().st_mode & 0o777 for file in tmp_path.glob("state.db.new-*"))

    monkeypatch.setattr(bucket.os, "fsync", look)
    store = RemoteStore(url)
    with store.lease("push"):
        pass
    store.close()
    assert set(seen) == {0o600}


def test_a_lease_that_was_cut_off_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "SECONDS", 6)  # it is watched for a third of it
    url, path = _share(tmp_path)
    cut_off = path.with_name("state.db.lease-9")
    cut_off.touch()
    written = cut_off.stat().st_mtime  # by the share's clock, which is not this process's
    store = RemoteStore(url)
    with pytest.raises(LeaseHeld, match="in use by a command"), store.lease("push"):
        pass
    long_ago = written - lease_module.SECONDS - 1
    os.utime(cut_off, (long_ago, long_ago))
    with store.lease("push"):
        pass
    store.close()


def test_who_is_forgotten_by_one_runner_is_kept_out_by_the_next(opened: Open) -> None:
    one = opened()
    one.observe("d", contacts({"email": "a@example.com"}))
    one.accounts.bind("d", Known("1", "One"))
    with one.lease("forget"):
        one.upkeep.forget("a@example.com")
    two = opened()
    two.observe("d", contacts({"email": "a@example.com"}, {"email": "b@example.com"}))
    assert two.ledger("d").contacts["email"].to_pylist() == ["b@example.com"]
    assert two.accounts.known() == {"d": Known("1", "One")} and "://" in two.place


def test_an_empty_object_is_not_taken_for_a_new_state(opened: Open) -> None:
    one = opened()
    with one.lease("push"):
        pass
    one._remote._fs.pipe_file(one._remote._path, b"")
    with pytest.raises(StateError, match=r"is incomplete.*forgotten again"):
        opened()


@pytest.mark.parametrize("ahead", [90, 3600, -90])
def test_a_live_lease_is_not_taken_by_a_runner_whose_clock_is_wrong(
    opened: Open, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    one, two = opened(), opened()
    with one.lease("push"):
        monkeypatch.setattr(chain, "datetime", _turned(ahead))
        monkeypatch.setattr(bucket, "datetime", _turned(ahead), raising=False)
        with pytest.raises(LeaseHeld, match="in use by push"), two.lease("resume"):
            pass
        one.require_lease()


def test_a_lease_from_a_clock_that_is_ahead_ends_all_the_same(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the store's clock, in which it was written; nobody waits for the day that the dead runner's clock showed."""
    one, two = opened(), opened()
    monkeypatch.setattr(chain, "datetime", _turned(86_400))
    one._remote.take("push", os.getpid())
    monkeypatch.setattr(chain, "datetime", datetime)
    monkeypatch.setattr(lease_module, "SECONDS", 0)
    monkeypatch.setattr(lease_module, "machine", lambda: "another machine")
    time.sleep(0.02)
    with two.lease("resume"):
        two.require_lease()


def test_a_share_whose_clients_stamp_the_time_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease looks old, by the clock of who wrote it, and yet it is renewed."""
    url, path = _share(tmp_path)
    one, two = RemoteStore(url), RemoteStore(url)
    with one.lease("push"):
        monkeypatch.setattr(lease_module, "machine", lambda: "another machine")
        lease, long_ago = path.with_name("state.db.lease-2"), time.time() - 3600

        def renew(_: float) -> None:
            assert one._remote.renew()
            os.utime(lease, (long_ago, long_ago))

        os.utime(lease, (long_ago, long_ago))
        monkeypatch.setattr(chain.time, "sleep", renew)
        with pytest.raises(LeaseHeld, match="in use by push"), two.lease("resume"):
            pass
        one.require_lease()
    one.close()
    two.close()


def test_who_wakes_up_while_the_lease_is_taken_keeps_the_other_out(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who write at the same moment: at most one of them goes on."""
    monkeypatch.setattr(lease_module, "SECONDS", -1)
    one, two = opened(), opened()
    make = two._remote._make

    def late(number: int) -> None:
        make(number)
        one._remote._replace(one._remote._lease(number - 1), one._remote._told())

    with one.lease("push"):
        monkeypatch.setattr(two._remote, "_make", late)
        with pytest.raises(LeaseHeld, match="in use by push"), two.lease("resume"):
            pass
        with pytest.raises(LeaseHeld):
            one.require_lease()
        with pytest.raises(LeaseHeld, match="put back"):
            one._put()
        monkeypatch.setattr(one, "_put", lambda **_: None)
    with opened().lease("resume"):
        pass


def _turned(seconds: float) -> type[datetime]:
    class Turned(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=seconds)

    return Turned


def test_on_azure_a_late_request_replaces_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """adlfs hands `etag` and `match_condition` to Azure, which refuses what does not match."""
    files: dict[str, int] = {}

    class Blobs(MemoryFileSystem):  # type: ignore[misc]
        protocol = ("abfs", "az", "abfss")
        store: ClassVar[dict[str, Any]] = {}
        pseudo_dirs: ClassVar[list[str]] = [""]

        def info(self, path: str, **more: Any) -> dict[str, Any]:
            return {**super().info(path, **more), "etag": f'"{files.get(self._strip_protocol(path))}"'}

        def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **asked: Any) -> dict[str, Any]:
            name = self._strip_protocol(path)
            if asked.get("match_condition") is MatchConditions.IfNotModified:
                if asked["etag"] != f'"{files.get(name)}"':
                    raise ResourceModifiedError("The condition was not met.")
            elif asked.get("overwrite") is False and name in files:
                raise FileExistsError(path)
            super().pipe_file(path, value, mode=mode)
            files[name] = files.get(name, 0) + 1
            return {"etag": f'"{files[name]}"'}

    fs = Blobs()
    fs.mkdir("/box")
    monkeypatch.setattr("connector.state.drivers.place.url_to_fs", lambda _: (fs, "/box/state.db"))
    one = bucket.Remote("abfs://box/state.db")
    one.take("push", 1)
    one.put(b"first")
    one.put(b"second")
    two = bucket.Remote("abfs://box/state.db")
    two._tag = one._tag
    monkeypatch.setattr(two, "_require_newest", lambda: None)  # it was stopped right after this look
    two.put(b"of the successor")
    with pytest.raises(LeaseLost, match="took over"):
        one._put_if_unchanged(b"late")
    assert fs.cat_file("/box/state.db") == b"of the successor"


def test_a_state_over_sftp_is_kept_by_a_known_server_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fsspec's own filesystem takes whatever key a server shows."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    served, known = tmp_path / "served", tmp_path / ".ssh" / "known_hosts"
    for folder in (served, known.parent):
        folder.mkdir()
    key, another = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
    offers = {"posix_rename"}
    with sftp.server(served, key, offers) as port:
        place = f"sftp://reader:s3cret@127.0.0.1:{port}/state.db"
        for written in (None, another):
            if written:
                known.write_text(f"[127.0.0.1]:{port} {written.get_name()} {written.get_base64()}\n")
            with pytest.raises(StateError, match="known_hosts") as refused:
                open_store(place)
            assert key.fingerprint in str(refused.value) and "s3cret" not in str(refused.value)
            assert not list(served.iterdir())
        known.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        store = open_store(place)
        with store.lease("push"):
            open_run(store, changes({"op": "adopt", "email": "a@example.com", "kind": "tag", "target": "x"}))
        store.close()
        offers.clear()  # not every server puts one file in the place of another
        again = open_store(place)
        assert len(again.runs()) == 1
        third = open_store(place)
        with again.lease("push"), pytest.raises(LeaseHeld, match="in use by push"), third.lease("undo"):
            pass
        for one in (again, third):
            one.close()
        assert {file.name.partition(".lease-")[0] for file in served.iterdir()} == {"state.db"}
