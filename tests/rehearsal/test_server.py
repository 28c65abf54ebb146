"""The rehearsal process itself: starting, control, faults, limits, transactions, the page."""

from __future__ import annotations

import http.client
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from connector.rehearsal.core import faults
from connector.rehearsal.core.limits import Meter, Window
from connector.rehearsal.core.process import Running, start
from connector.rehearsal.core.routing import Match, Router
from connector.rehearsal.core.world import KEYS, Request, Response, Route, World, open_state
from connector.rehearsal.server import App, load_platforms
from connector.vendors import OWN

KEY = ("any", KEYS["mailchimp"])


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.auth = KEY
        yield one


def audience(session: requests.Session, url: str) -> str:
    found = session.get(f"{url}/3.0/lists").json()["lists"]
    return f"{url}/3.0/lists/{found[0]['id']}"


def tag_names(session: requests.Session, base: str) -> list[str]:
    return [tag["name"] for tag in session.get(f"{base}/segments?count=1000").json()["segments"]]


def add_tag(session: requests.Session, base: str, name: str) -> requests.Response:
    return session.post(f"{base}/segments", json={"name": name, "static_segment": []})


def test_first_line_says_where_it_listens() -> None:
    command = [sys.executable, "-m", "connector.rehearsal", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin and child.stdout
        line = child.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        answer = requests.get(line.split()[-1] + "/_rehearsal/state", timeout=300)
        assert answer.status_code == 200
        child.stdin.close()  # what happens when the starting process dies
        assert child.wait(60) == 0


@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_no_key_is_recorded(tmp_path: Path, scheme: str) -> None:
    """In the header of each platform, as the platform wants it and without its scheme."""
    with start(":memory:", "--record", str(tmp_path)) as running:
        for vendor in OWN.values():
            assert vendor.rehearsal
            headers = {vendor.auth_header: scheme + vendor.sample_key}
            requests.get(f"{running.url}{vendor.rehearsal.path or '/api'}/nothing", headers=headers, timeout=300)
    recorded = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert recorded.count("\n") == len(OWN)
    assert not [key for key in KEYS.values() if key in recorded]


def test_state_outlives_the_process(tmp_path: Path, session: requests.Session) -> None:
    state = tmp_path / "deep" / "state.db"
    with start(state) as running:
        add_tag(session, audience(session, running.url), "Kept")
    with start(state) as running:
        assert "Kept" in tag_names(session, audience(session, running.url))
        assert running.writes()["mailchimp"] == 1


def test_taken_port_is_said(rehearsal: Running) -> None:
    port = urlsplit(rehearsal.url).port
    assert port
    with pytest.raises(RuntimeError, match=str(port)), start(port=port):
        pass


def test_unusable_state_is_said(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE t(x)")
    db.close()
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 100)
    for state in (other, text):
        with pytest.raises(RuntimeError, match=state.name), start(state):
            pass


def test_counts_and_log(rehearsal: Running, session: requests.Session) -> None:
    base = audience(session, rehearsal.url)
    add_tag(session, base, "A")
    add_tag(session, base, "A")  # refused, still a writing request
    assert rehearsal.state()["counts"]["mailchimp"] == {"reads": 1, "writes": 2}
    newest = rehearsal.requests(limit=2)[0]
    assert (newest["method"], newest["status"], newest["writes"]) == ("POST", 400, True)


def test_reset_forgets_and_seeds(rehearsal: Running, session: requests.Session) -> None:
    add_tag(session, audience(session, rehearsal.url), "Gone")
    state = rehearsal.reset(samples=False)
    assert state["counts"]["mailchimp"] == {"reads": 0, "writes": 0}
    assert tag_names(session, audience(session, rehearsal.url)) == []
    assert state["platforms"]["mailchimp"]["contacts"] == {}


@pytest.mark.parametrize("body", ["{", '{"nonsense": 1}', '{"faults": "nonsense=1"}', '{"faults": "error=2"}'])
def test_bad_settings_are_refused(rehearsal: Running, body: str) -> None:
    answer = requests.post(f"{rehearsal.url}/_rehearsal/settings", data=body, timeout=300)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_unknown_place(rehearsal: Running) -> None:
    """A path of no platform may be an older API of one: it does not look as if nothing were in it."""
    answer = requests.get(f"{rehearsal.url}/nowhere", timeout=300)
    assert answer.status_code == 501 and "does not have this endpoint: GET /nowhere" in answer.text
    assert requests.get(f"{rehearsal.url}/_rehearsal/nowhere", timeout=300).status_code == 404


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [("error", 500, False), ("error_after", 500, True), ("unavailable", 503, False), ("throttle", 429, False)],
)
def test_fault_with_an_answer(
    rehearsal: Running, session: requests.Session, kind: str, status: int, applied: bool
) -> None:
    base = audience(session, rehearsal.url)
    rehearsal.settings(faults=f"mailchimp:{kind}@w1")
    assert add_tag(session, base, "X").status_code == status
    assert ("X" in tag_names(session, base)) is applied


@pytest.mark.parametrize(("kind", "applied"), [("drop_before", False), ("drop_after", True)])
def test_dropped_connection(rehearsal: Running, session: requests.Session, kind: str, applied: bool) -> None:
    base = audience(session, rehearsal.url)
    rehearsal.settings(faults=f"{kind}@w1")
    with pytest.raises(requests.ConnectionError) as caught:
        add_tag(session, base, "X")
    assert isinstance(caught.value.args[0].args[1], http.client.RemoteDisconnected | ConnectionResetError)
    assert ("X" in tag_names(session, base)) is applied
    dropped = [one for one in rehearsal.requests() if one["status"] == 0]
    assert len(dropped) == 1


def test_garbled_answer_was_applied(rehearsal: Running, session: requests.Session) -> None:
    base = audience(session, rehearsal.url)
    rehearsal.settings(faults="garble@w1")
    answer = add_tag(session, base, "X")
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert "X" in tag_names(session, base)


def test_an_answer_without_body_cannot_be_garbled(rehearsal: Running, session: requests.Session) -> None:
    base = audience(session, rehearsal.url)
    segment = add_tag(session, base, "X").json()["id"]
    rehearsal.settings(faults="garble@w1")
    assert session.delete(f"{base}/segments/{segment}").status_code == 204
    assert "X" not in tag_names(session, base)


def test_slow_answer(rehearsal: Running, session: requests.Session) -> None:
    base = audience(session, rehearsal.url)
    rehearsal.settings(faults="slow@1", slow_ms=120)
    assert session.get(f"{base}/segments").elapsed.total_seconds() > 0.1
    assert rehearsal.requests(limit=1)[0]["ms"] > 100


def test_latency_is_added_to_every_request(rehearsal: Running, session: requests.Session) -> None:
    rehearsal.settings(latency_ms=60)
    assert session.get(f"{rehearsal.url}/3.0/ping").elapsed.total_seconds() > 0.05


def test_nth_fault_hits_once(rehearsal: Running, session: requests.Session) -> None:
    rehearsal.settings(faults="error@3")
    answers = [session.get(f"{rehearsal.url}/3.0/ping").status_code for _ in range(5)]
    assert answers == [200, 200, 500, 200, 200]


def test_refused_requests_meet_no_fault(rehearsal: Running) -> None:
    rehearsal.settings(faults="error=1")
    assert requests.get(f"{rehearsal.url}/3.0/ping", timeout=300).status_code == 401


def test_faults_read_and_written_alike() -> None:
    text = "error=0.25,mailchimp:drop_after@w3,klaviyo:throttle@7,slow=w1"
    assert ",".join(map(str, faults.parse(text))) == text


@pytest.mark.parametrize("text", ["error", "explode=1", "error=x", "error@0.5", "error=1.5"])
def test_faults_not_understood(text: str) -> None:
    with pytest.raises(ValueError, match="Fault"):
        faults.parse(text)


def test_dice_are_seeded() -> None:
    def rolls(seed: int) -> list[str]:
        dice = faults.Dice(faults.parse("error=0.3"), seed)
        return [dice.roll("mailchimp", True) for _ in range(200)]

    assert rolls(1) == rolls(1) != rolls(2)
    assert 30 < rolls(1).count("error") < 90


def test_dice_keep_to_platform_and_writes() -> None:
    dice = faults.Dice(faults.parse("klaviyo:error@w2"))
    hits = [
        dice.roll(platform, writes) for platform in ("klaviyo", "mailchimp") for writes in (False, True, False, True)
    ]
    assert hits == ["", "", "", "error", "", "", "", ""]


def test_meter_slides() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0])
    burst, steady = Window(2, 1, "burst"), Window(3, 60, "steady")
    taken = []
    for at in (0.0, 0.4, 0.6, 1.0, 1.5, 60.0, 60.3, 60.4):
        now[0] = at
        verdict = meter.take("a", (burst, steady))
        taken.append(verdict.exceeded.name if verdict.exceeded else "")
    assert taken == ["", "", "burst", "", "steady", "", "steady", ""]


def test_meter_says_what_is_left() -> None:
    now = [100.0]
    meter = Meter(lambda: now[0])
    windows = (Window(2, 1), Window(10, 60))
    first = meter.take("a", windows)
    assert (first.allowed, first.remaining, first.reset) == ((2, 10), (1, 9), (1.0, 60.0))
    now[0] = 100.25
    meter.take("a", windows)
    refused = meter.take("a", windows)
    assert refused.exceeded == windows[0]
    assert refused.retry_after == pytest.approx(0.75)
    assert meter.take("another", windows).exceeded is None
    now[0] = 101.1  # the first one has left the short window
    assert meter.take("a", (Window(5, 1), Window(10, 60))).remaining == (3, 7)
    assert meter.take("half", (Window(3, 60),), scale=0.5).allowed == (1,)


def test_router_prefers_literals_and_decodes() -> None:
    def handler(world: World, request: Request) -> Response:
        raise AssertionError

    routes = [Route("GET", "/a/{one}", handler), Route("GET", "/a/batch", handler), Route("PUT", "/a/{one}/b", handler)]
    router = Router(routes)
    batch, one = router.match("GET", "/a/batch"), router.match("GET", "/a/x%2Fy%40z/")
    assert batch.route and batch.route.path == "/a/batch"
    assert one.params == {"one": "x/y@z"}
    assert router.match("GET", "/a/1/b").other_method
    assert not router.match("GET", "/b").other_method


def test_a_bug_answers_500_and_undoes() -> None:
    world = World(open_state(":memory:"))
    world.db.execute("CREATE TABLE t(x)")
    mailchimp = load_platforms()[0]
    app = App(world, [mailchimp])

    def broken(world: World, request: Request) -> Response:
        world.db.execute("INSERT INTO t VALUES (1)")
        raise KeyError("a bug of ours")

    answer = app._handle(mailchimp, Request("POST", "/3.0/x"), Match(Route("POST", "/3.0/x", broken), {}))
    assert answer.status == 500
    assert "a bug of ours" not in str(answer.body)
    assert world.db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    world.db.close()


def test_every_platform_keeps_the_contract() -> None:
    for platform in load_platforms():
        world = World(open_state(":memory:"))
        platform.install(world)
        platform.install(world)  # on a state file that is there already
        assert platform.routes()
        assert platform.overview(world).account
        assert platform.members(world, "no such key", 10, 0) is None
        for kind in ("error", "unavailable", "throttle", "blocked"):
            assert platform.fault(kind).status >= 400
        for status in (400, 404, 405, 500):
            assert platform.error(status, "why").status == status
        world.db.close()


def test_many_at_once(rehearsal: Running) -> None:
    """More than ten requests at once are too many for Mailchimp; ten are not."""
    rehearsal.settings(latency_ms=1000)  # long enough for all of them to be on their way at once

    def ping(_: int) -> int:
        return requests.get(f"{rehearsal.url}/3.0/ping", auth=KEY, timeout=300).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ping, range(10))) == {200}
        assert 429 in set(pool.map(ping, range(16)))
        rehearsal.settings(limits=False)
        assert set(pool.map(ping, range(16))) == {200}


def test_a_worker_that_waits_for_its_answer_never_meets_its_own_shadow(rehearsal: Running) -> None:
    """Ten workers back to back: a finished request must not count while its successor arrives."""
    rehearsal.settings(latency_ms=1)
    answers: list[int] = []

    def work() -> None:
        with requests.Session() as session:
            session.auth = KEY
            answers.extend(session.get(f"{rehearsal.url}/3.0/ping").status_code for _ in range(30))

    workers = [threading.Thread(target=work) for _ in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(answers) == {200}


def test_page_escapes_names(rehearsal: Running, session: requests.Session) -> None:
    name = "<script>alert('x')</script> & \"more\""
    base = audience(session, rehearsal.url)
    segment = session.post(f"{base}/segments", json={"name": name, "static_segment": ["ada@example.com"]}).json()["id"]
    page = requests.get(rehearsal.url, timeout=300)
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    target = requests.get(f"{rehearsal.url}/_rehearsal/target?platform=mailchimp&key={segment}", timeout=300)
    assert "ada@example.com" in target.text
    assert "<script" not in target.text


def test_page_pages_through_members(rehearsal: Running, session: requests.Session) -> None:
    base = audience(session, rehearsal.url)
    people = [f"p{number:03}@example.com" for number in range(120)]
    session.post(base, json={"members": [{"email_address": email, "status": "subscribed"} for email in people]})
    segment = session.post(f"{base}/segments", json={"name": "All", "static_segment": people}).json()["id"]
    link = f"{rehearsal.url}/_rehearsal/target?platform=mailchimp&key={segment}"
    first, second = requests.get(link, timeout=300).text, requests.get(f"{link}&offset=100", timeout=300).text
    assert people[0] in first and people[119] not in first and "offset=100" in first
    assert people[119] in second and people[0] not in second


@pytest.mark.parametrize("query", ["platform=mailchimp&key=99", "platform=none&key=1", "", "platform=hubspot&key=%27"])
def test_page_of_no_target(rehearsal: Running, query: str) -> None:
    assert requests.get(f"{rehearsal.url}/_rehearsal/target?{query}", timeout=300).status_code == 404


def test_page_with_a_bad_offset(rehearsal: Running) -> None:
    link = f"{rehearsal.url}/_rehearsal/target?platform=mailchimp&key=1&offset=x"
    assert requests.get(link, timeout=300).status_code == 400


_ELSEWHERE = [
    {"Host": "rehearsal.attacker.test"},
    {"Host": "192.0.2.7:8025"},
    {"Origin": "https://attacker.test"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
]


@pytest.mark.parametrize("headers", _ELSEWHERE, ids=str)
def test_pages_of_the_web_are_refused(rehearsal: Running, headers: dict[str, str]) -> None:
    """By a request of their own, and under a name that leads to this machine: neither reads nor changes anything."""
    before = rehearsal.settings()["counts"]
    asked = [("GET", "/"), ("GET", "/_rehearsal/requests"), ("GET", "/3.0/lists"), ("POST", "/_rehearsal/reset")]
    for method, path in asked:
        more = headers | {"Authorization": "Bearer rehearsal-us1"}
        answer = requests.request(method, rehearsal.url + path, json={}, headers=more, timeout=300)
        assert answer.status_code == 403 and set(answer.json()) == {"error"}, path
    assert rehearsal.settings()["counts"] == before


def test_programs_on_this_machine_and_its_own_page_are_served(rehearsal: Running) -> None:
    port = rehearsal.url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
            assert requests.get(rehearsal.url, headers=headers, timeout=300).ok


@pytest.mark.parametrize(
    ("name", "value"),
    [("limits", "yes"), ("latency_ms", "5"), ("latency_ms", -1), ("polls", 1.5), ("polls", True), ("keys", "x"),
     ("accounts", {"mailchimp": 5}), ("tiers", []), ("faults", 5), ("fault_seed", None)],
)  # fmt: skip
def test_a_setting_of_another_kind_is_refused(rehearsal: Running, name: str, value: object) -> None:
    before = rehearsal.settings()
    body = {"slow_ms": 7.0, name: value}
    answer = requests.post(f"{rehearsal.url}/_rehearsal/settings", json=body, timeout=300)
    assert answer.status_code == 400 and name in answer.json()["error"]
    assert rehearsal.settings()["settings"] == before["settings"], "not even what is beside it"
