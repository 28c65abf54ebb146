"""A platform can be a package of its own: facts and adapter, found by the entry point that pip leaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from connector.vendors import GROUP
from tests.vendors.packages import FACTS, Site

FILE = """version: 1
sources: {{contacts: {{file: people.csv, preset: {preset}, email: E-Mail}}}}
destinations:
  post:
    platform: {platform}
    {secret}: ${{TOKEN}}
segments:
  old: {{when: {{joined_on: {{before: 2026-01-01}}}}, send_to: {{post: {{{kind}: Old friends}}}}}}
"""
PEOPLE = "E-Mail,Joined\nada@example.com,2025-05-05\nbob@example.com,2026-05-05\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    (made.work / "people.csv").write_text(PEOPLE)
    write(made)
    return made


def write(
    site: Site, platform: str = "postbox", secret: str = "token", kind: str = "list", preset: str = "postbox"
) -> None:
    text = FILE.format(platform=platform, secret=secret, kind=kind, preset=preset)
    (site.work / "segments.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def account() -> Iterator[tuple[str, list[str]]]:
    """The real platform: (its address, the tokens that it saw)."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["X-Postbox-Token"])
            body = b'{"name": "Real account"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()


@pytest.mark.long
def test_the_file_may_name_it(site: Site) -> None:
    site.postbox()
    code, out = site.sync("check", TOKEN="set")
    assert code == 0, out
    code, out = site.sync("segments", "--format", "json", "--as-of", "2026-06-01")
    assert code == 0 and json.loads(out)["segments"][0]["members"] == 1, "the preset knows both columns"


def test_its_facts_are_enforced_at_their_lines(site: Site) -> None:
    site.postbox()
    write(site, kind="tag", secret="api_key")
    code, out = site.sync("check")
    assert code == 2
    assert "segments.yaml:4:3: error[missing-key]: `token: ${NAME}` is missing here" in out
    assert "error[no-list]: Postbox has no tag; write `list:`." in out


def test_editors_and_starters_know_it(site: Site) -> None:
    site.postbox()
    code, out = site.sync("schema")
    assert code == 0
    shapes = json.loads(out)["properties"]["destinations"]["additionalProperties"]["anyOf"]
    platforms = [shape["properties"]["platform"]["const"] for shape in shapes]
    assert platforms[-1] == "postbox" and len(platforms) == len(set(platforms)) > 1
    assert {"token", "region"} <= shapes[-1]["properties"].keys() and shapes[-1]["required"] == ["platform", "token"]
    contacts = json.loads(out)["properties"]["sources"]["properties"]["contacts"]
    assert "postbox" in contacts["properties"]["preset"]["enum"]
    (site.work / "segments.yaml").unlink()
    code, out = site.sync("init", "--from", "people.csv")
    assert code == 0, out
    starter = (site.work / "segments.yaml").read_text(encoding="utf-8")
    assert '#   postbox: {platform: postbox, token: "${POSTBOX_TOKEN}"}' in starter


def test_its_adapter_is_called(site: Site, account: tuple[str, list[str]]) -> None:
    site.postbox()
    address, seen = account
    code, out = site.sync("doctor", TOKEN="abc-0123456789", POSTBOX_URL=address)
    assert code == 0 and "post (postbox): ok" in out and "Real account, a platform of another package" in out
    assert seen == ["abc-0123456789"]


def test_its_rehearsal_is_served(site: Site, account: tuple[str, list[str]]) -> None:
    site.postbox()
    told = {"TOKEN": "abc-0123456789", "POSTBOX_URL": account[0], "REHEARSAL_RECORD": str(site.work / "record")}
    code, out = site.sync("doctor", "--rehearse", **told)
    assert code == 0 and "Account PB1" in out
    (recorded,) = (site.work / "record").iterdir()
    text = recorded.read_text(encoding="utf-8")
    assert "/postbox/account" in text and "x-postbox-token" in text and "postbox-rehearsal" not in text
    assert not account[1], "nothing of a rehearsal reaches the real platform"


@pytest.mark.parametrize(
    "words", [["doctor"], ["plan"], ["push", "--yes"], ["drift"], ["adopt", "--yes"]], ids=" ".join
)
@pytest.mark.sweep(keep=2)
@pytest.mark.long
def test_nothing_is_rehearsed_on_the_real_platform(
    site: Site, account: tuple[str, list[str]], words: list[str]
) -> None:
    site.postbox(rehearsal="None")
    code, out = site.sync(*words, "--rehearse", TOKEN="abc-0123456789", POSTBOX_URL=account[0])
    assert code in (2, 4) and "segments.yaml:5:15: error[not-rehearsed]: Postbox has no rehearsal platform." in out
    assert not account[1]


SEND = """version: 1
sources: {contacts: {file: people.csv, preset: sister, email: E-Mail}}
consent: {when: {email: {exists: true}}}
destinations: {post: {platform: sister, api_key: "${TOKEN}", new_contacts: transactional}}
segments: {all: {when: {email: {exists: true}}, send_to: {post: {list: Everybody}}}}
"""
WHOLE = [
    "check",
    "plan",
    "push --yes",
    "status",
    "runs",
    "why ada@example.com",
    "drift",
    "undo last --yes --allow empty --reason test",
]


@pytest.mark.sweep(keep=0)
def test_whole_commands_work_with_it(site: Site) -> None:
    """Nothing on the way asks for one of our platforms."""
    site.sister()
    (site.work / "segments.yaml").write_text(SEND, encoding="utf-8")
    said = {}
    for command in WHOLE:
        code, said[command] = site.sync(*command.split(), *([] if command == "check" else ["--rehearse"]), TOKEN="set")
        assert code == 0, said[command]
    assert "Total: 2 to create" in said["plan"] and "post: create: 2" in said["push --yes"]
    assert "4 applied" in said["push --yes"] and "+2 new" in said["plan"]
    code, out = site.sync("forget", "ada@example.com", "--yes", "--rehearse", TOKEN="set")
    assert code == 0 and "  post: Sister Mail: Profiles > " in out


def test_an_unknown_platform_is_told_the_installed_ones(site: Site) -> None:
    write(site, "postbx", preset="none")
    code, out = site.sync("check")
    assert (
        code == 2
        and "segments.yaml:5:15: error[unknown-value]: “postbx”: There is no such platform. Installed: " in out
    )
    assert "postbox" not in out
    site.postbox()
    code, out = site.sync("check")
    assert code == 2 and 'There is no such platform. Did you mean "postbox"? Installed: ' in out
    assert ", postbox." in out


BROKEN = {
    "its code fails": ("import no_such_module", "postbox:POSTBOX", "ModuleNotFoundError: No module named"),
    "there is no such name": (FACTS.replace("REHEARSAL", "None", 1), "postbox:POST", "AttributeError"),
    "it is no Vendor": ("POSTBOX = 1", "postbox:POSTBOX", "postbox:POSTBOX is no Vendor of that name"),
    "of another name": (
        FACTS.replace("REHEARSAL", "None", 1).replace('name="postbox"', 'name="letterbox"'),
        "postbox:POSTBOX",
        "is no Vendor of that name",
    ),
    "an end that does not exist": (
        FACTS.replace("rehearsal=REHEARSAL", 'retire="delete"'),
        "postbox:POSTBOX",
        "retire is archive or suppress, not “delete”",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.sweep(keep=1)
def test_a_broken_package_is_named_and_harms_no_other_platform(site: Site, case: str) -> None:
    source, value, why = BROKEN[case]
    site.install("postbox", {"__init__": source}, {"postbox": value})
    write(site, preset="none")
    code, out = site.sync("check")
    assert code == 2 and "segments.yaml:5:15: error[not-installed]: The platform “postbox” of the package" in out
    assert "“postbox-for-sync”" in out and why in out and "Traceback" not in out
    write(site, "klaviyo", "api_key", preset="none")
    (site.work / "segments.yaml").write_text((site.work / "segments.yaml").read_text().replace("joined_on", "joined"))
    assert site.sync("check", TOKEN="set")[0] == 0
    code, out = site.sync("doctor", "--rehearse")
    assert code == 0 and "post (klaviyo): ok" in out


def test_two_packages_of_one_name_are_refused(site: Site) -> None:
    site.postbox()
    site.install("letterbox", {"__init__": FACTS.replace("REHEARSAL", "None", 1)}, {"postbox": "letterbox:POSTBOX"})
    code, out = site.sync("check")
    assert code == 2 and "registered more than once, by the package “letterbox-for-sync” and the package" in out


def test_the_name_of_one_of_ours_cannot_be_taken(site: Site) -> None:
    site.install("postbox", {"__init__": FACTS.replace('"postbox"', '"klaviyo"', 1)}, {"klaviyo": "postbox:POSTBOX"})
    write(site, "klaviyo", "api_key", preset="none")
    code, out = site.sync("doctor", "--rehearse")
    assert code == 0 and "post (klaviyo): ok" in out


def test_an_adapter_that_cannot_be_loaded_is_a_problem_of_its_destination(site: Site) -> None:
    site.postbox()
    (site.packages / "postbox" / "adapter.py").write_text("import no_such_module\n")
    code, out = site.sync("doctor", "--rehearse")
    assert code == 4 and "post: the adapter of Postbox, postbox.adapter:Postbox, cannot be loaded" in out
    assert "Traceback" not in out


@pytest.mark.long
def test_our_platforms_need_no_metadata(site: Site) -> None:
    """A checkout works without being installed again, and a plain command does not read what is installed."""
    write(site, "klaviyo", "api_key", preset="none")
    (site.packages / "sitecustomize.py").write_text(
        "import importlib.metadata\n"
        "asked = importlib.metadata.entry_points\n"
        "def entry_points(**given):\n"
        f"    assert given.get('group') != {GROUP!r}, 'entry points were read'\n"
        "    return asked(**given)\n"
        "importlib.metadata.entry_points = entry_points\n"
    )
    (site.work / "segments.yaml").write_text((site.work / "segments.yaml").read_text().replace("joined_on", "joined"))
    assert site.sync("check", TOKEN="set")[0] == 0
    assert site.sync("--help")[0] == 0 and site.sync("plan", "--help")[0] == 0
    assert site.sync("schema")[0] != 0, "this one lists all platforms"
