"""What a platform says is printed and kept without keys, addresses and signs that steer a terminal."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest

from connector.config.sections.models import Destination, Secret
from connector.core.errors import BadRecords, DestinationError
from connector.core.model import Outcome
from connector.core.scrub import scrub, traceback
from connector.platforms.base import Account, RecordOutcome
from connector.platforms.http.secrecy import Secrecy
from connector.platforms.registry import create
from tests.platforms.clock import TurnedClock

KEYS = {
    "mailchimp": "0123456789abcdef0123456789abcdef-us1",
    "klaviyo": "pk_a1b2c3d4e5f60718293a4b5c6d7e8f90ab",
    "hubspot": "pat-eu1-12345678-9abc-def0-1234-56789abcdef0",
}
PERSON = "ann.lee@mail.example.com"
Answer = Callable[[Any], tuple[int, dict[str, str], bytes]]


@contextmanager
def echoing(answer: Answer) -> Iterator[tuple[str, list[Any]]]:
    """A server on this machine; `answer` sees each request."""
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            heard.append((self.path, dict(self.headers)))
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _reply

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(platform: str, answer: Answer) -> tuple[str, list[Any]]:
    """Everything that `sync doctor` would print of an account that answers so, and what was heard."""
    more = {"audience": "Newsletter"} if platform == "mailchimp" else {}
    with echoing(answer) as (url, heard):
        destination = Destination(name="crm", platform=platform, secret=Secret(variable="K"), base_url=url, **more)
        adapter = create(destination, KEYS[platform], clock=TurnedClock(), listener=lambda _: None)
        try:
            found = adapter.check({})
            words = " ".join((found.name, found.detail, *found.problems, *found.facts.values()))
        except DestinationError as error:
            words = f"{error} {error.code}"
    return words, heard


def forms(key: str) -> list[str]:
    """The key as it may come back."""
    pair = [base64.b64encode(f"{user}:{key}".encode()).decode() for user in ("", "a", "ab", "key", "anystring")]
    return [
        key,
        quote(key, safe=""),
        *pair,
        *(text.rstrip("=") for text in pair),
        base64.b64encode(key.encode()).decode(),
    ]


def leaks(words: str, key: str) -> list[str]:
    return [form for form in (*forms(key), key[:20], key[-20:]) if form in words]


def echo(handler: Any) -> tuple[int, dict[str, str], bytes]:
    """The worst that a vendor can say: the request's headers, an address, and signs for the terminal."""
    dump = "; ".join(f"{name}: {value}" for name, value in handler.headers.items())
    key = next(key for key in KEYS.values() if key in dump or any(form in dump for form in forms(key)))
    said = f"\x1b[31mInvalid\x1b[0m {dump} for {PERSON} \u202e{' '.join(forms(key))}\x07" + "x" * 5000
    errors = [{"field": said, "message": said, "code": said, "detail": said, "title": said, "source": {"pointer": said},
               "error": said, "context": {"missingScopes": [said], "propertyName": [said]}}]  # fmt: skip
    body = {"title": said, "detail": said, "errors": errors, "message": said, "category": said, "subCategory": said,
            "policyName": said}  # fmt: skip
    return 400, {"Content-Type": "application/json"}, json.dumps(body).encode()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 500])
@pytest.mark.parametrize("platform", KEYS)
def test_an_echoed_key_is_never_told(platform: str, status: int) -> None:
    words, heard = asked(platform, lambda handler: (status, *echo(handler)[1:]))
    assert heard and words
    assert not leaks(words, KEYS[platform]), words
    assert "ann.lee" not in words and words.isprintable() and "[31m" not in words
    assert len(words) < 2500


@pytest.mark.parametrize("platform", KEYS)
def test_names_of_the_account_are_plain(platform: str) -> None:
    """Also what is no error comes from outside."""
    evil = f"Acme\x1b]0;owned\x07 {KEYS[platform]} {PERSON}\r\n"
    bodies = {
        "mailchimp": {"lists": [{"id": "a1", "name": "Newsletter", "stats": {}}], "total_items": 1,
                      "account_name": evil, "role": evil, "contact": {"company": evil}},
        "klaviyo": {"data": [{"type": "account", "id": evil, "attributes": {
            "contact_information": {"organization_name": evil}, "test_account": False}}]},
        "hubspot": {"portalId": 1, "uiDomain": evil, "accountType": evil, "timeZone": evil},
    }  # fmt: skip
    content = json.dumps(bodies[platform]).encode()
    words, _ = asked(platform, lambda _: (200, {"Content-Type": "application/json"}, content))
    assert not leaks(words, KEYS[platform]) and "ann.lee" not in words and words.isprintable()


@pytest.mark.parametrize("platform", KEYS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(platform: str, status: int) -> None:
    """Neither to another host nor to this one: the key would go along."""
    with echoing(lambda _: (200, {}, b"{}")) as (other, heard):
        words, _ = asked(platform, lambda handler: (status, {"Location": f"{other}{handler.path}"}, b""))
    assert heard == [] and str(status) in words


@pytest.mark.parametrize("platform", KEYS)
def test_a_netrc_replaces_nothing(
    platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in (".netrc", "_netrc"):
        (home / name).write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
        (home / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    _, heard = asked(platform, lambda _: (401, {"Content-Type": "application/json"}, b"{}"))
    sent = heard[0][1]["Authorization"]
    key = KEYS[platform]
    assert key in sent or any(form in sent for form in forms(key))
    assert base64.b64encode(b"somebody:else").decode() not in sent


# ---------------------------------------------------------------- the two functions


@pytest.mark.parametrize("scheme", ["Bearer {key}", "Klaviyo-API-Key {key}", "{key}"])
@pytest.mark.parametrize("key", [*KEYS.values(), "with/slash+plus=="])
def test_every_form_of_the_own_key(scheme: str, key: str) -> None:
    secrecy = Secrecy({"Authorization": scheme.format(key=key), "revision": "2026-10-15"})
    for form in (*forms(key), key.replace("/", "\\/"), quote(key, safe="").lower()):
        stripped = secrecy.strip(f"before {form} after".encode()).decode()
        assert form not in stripped and key.rstrip("=") not in stripped, form
    assert secrecy.strip(b"2026-10-15 is the revision") == b"2026-10-15 is the revision"


@pytest.mark.parametrize("key", KEYS.values())
def test_every_form_of_a_basic_password(key: str) -> None:
    pair = base64.b64encode(f"anystring:{key}".encode()).decode()
    secrecy = Secrecy({"Authorization": f"Basic {pair}"})
    for form in (pair, *forms(key)):
        assert form.rstrip("=") not in secrecy.strip(f'{{"a": "{form}"}}'.encode()).decode()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Authorization: Bearer abc", "Authorization: (key)"),
        ('{"Authorization":"Basic YTpi","Host":"x"}', '{"Authorization":"(key)","Host":"x"}'),
        ("authorization=Klaviyo-API-Key pk_0123456789ab, accept=*/*", "authorization=(key), accept=*/*"),
        ("got Bearer 0a1b2c3d4e", "got Bearer (key)"),
        ("got Basic%20YW55OmtleTEyMw", "got Basic%20(key)"),
        ("got Klaviyo-API-Key abcd1234efgh", "got Klaviyo-API-Key (key)"),  # the scheme of a platform
        ("got ACME-API-Key abcd1234efgh", "got ACME-API-Key (key)"),  # of any, also of another package
        ("got acme_bearer%20abcd1234efgh", "got acme_bearer%20(key)"),
        ("got Api-Key abcd1234efgh", "got Api-Key (key)"),
        ("the X-API-Key header is missing", "the X-API-Key header is missing"),
        ("api_key: 0123456789", "api_key: (key)"),
        ("?hapikey=abcd1234&x=1", "?hapikey=(key)"),
        (f"key {KEYS['mailchimp']}.", "key (key)."),
        (f"key {KEYS['klaviyo']}.", "key (key)."),
        (f"key {KEYS['hubspot']}", "key (key)"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "(key)"),
        ("the bearer token has expired", "the bearer token has expired"),
        ("Basic authentication is required", "Basic authentication is required"),
        ("the API key is missing", "the API key is missing"),
        ("BIRTHDAY: Please enter a month (01-12) and a day (01-31)", None),
        ("ann%40example.com", "(address)"),
        ("email=ann@example.com&x=1", "email=(address)&x=1"),
        ("ann\u200b@example\u00ad.com is bad", "(address) is bad"),
        ("a\x1b[2Jb\x1b]8;;http://evil\x07c\x9b31md\r\ne\x00f\u2028g", "abcd ef g"),
    ],
)
def test_keys_addresses_and_controls_by_their_looks(said: str, kept: str | None) -> None:
    assert scrub(said) == (said if kept is None else kept)


def test_nothing_is_long() -> None:
    assert len(scrub("word " * 100_000)) == 300
    assert len(scrub("a@" * 100_000)) <= 300


def test_errors_and_outcomes_are_plain_however_they_are_made() -> None:
    said = f"no {PERSON} {KEYS['klaviyo']}\x1b[1m"
    error = BadRecords(said, {0: (said, said)}, code=said)
    outcome = RecordOutcome(0, Outcome.REJECTED, said, said)
    account = Account(said, said, (said,), {"tier": said})
    texts = [str(error), error.code, *error.culprits[0], outcome.code, outcome.detail]
    texts += [account.name, account.detail, *account.problems, *account.facts.values()]
    for text in texts:
        assert text.isprintable() and "ann.lee" not in text and "pk_" not in text
    assert str(error) == "no (address) (key)" and outcome.detail == "no (address) (key)"
    assert RecordOutcome(0, Outcome.REJECTED, "invalid_email", "BIRTHDAY: no day").code == "invalid_email"


def test_a_traceback_keeps_its_shape() -> None:
    said = f"ValueError: {PERSON} \x1b[1m{KEYS['hubspot']}"
    assert traceback(f'Traceback (most recent call last):\n  File "a.py", line 1, in b\n{said}').splitlines() == [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in b',
        "ValueError: (address) (key)",
    ]
