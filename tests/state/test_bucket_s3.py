"""What only a real S3 API shows: a bucket that does not exist, and a late request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.core.errors import LeaseHeld, StateError
from connector.state.drivers.bucket import RemoteStore
from connector.state.open import open_store
from tests.crash import places

from .conftest import contacts

# Of the server that moto runs in this process, and of the filesystem's connections, which end with it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with places.s3() as shared:
        for name, value in shared.direct.environment.items():
            monkeypatch.setenv(name, value)
        yield shared.direct.url


def test_a_bucket_that_does_not_exist_is_no_new_state(url: str) -> None:
    with pytest.raises(StateError, match="its bucket does not exist"):
        open_store(url.replace("state-", "mistyped-"))
    open_store(url).close()


def test_a_late_request_does_not_replace_what_a_successor_put(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was on its way, past the look at the lease, when its process was stopped."""
    one, two = RemoteStore(url), RemoteStore(url)
    one._remote.take("push", 1)
    monkeypatch.setattr("connector.state.lease.SECONDS", -1)
    with two.lease("resume"):
        two.observe("d", contacts({"email": "a@example.com"}))
    monkeypatch.setattr(one._remote, "_newest", lambda: one._remote._number)
    with pytest.raises(LeaseHeld, match="Nothing was put back"):
        one._put()
    one.close()
    two.close()
    three = RemoteStore(url)
    assert three.counts("d").contacts == 1
    three.close()


def test_a_request_whose_answer_was_lost_is_no_stranger(url: str) -> None:
    one = RemoteStore(url)
    with one.lease("push"):
        one._put()
        content = one._copy.content()
        one._remote._put_if_unchanged(content)
        tag = one._remote._tag
        one._remote._fs.pipe_file(one._remote._path, content + b"")  # as if sent twice
        one._remote._tag = "another"
        one._remote._put_if_unchanged(content)
        assert one._remote._tag == tag
    one.close()
