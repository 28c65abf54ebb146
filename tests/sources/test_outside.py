"""Files that are no exports: sources and lists stay inside the folder, and no message quotes what is no table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.app import advice
from connector.app.starting import start
from connector.app.workspace import Options, open_workspace
from connector.core.errors import ConfigError, ConnectorError, SourceError
from connector.sources.sketch import sketch

SECRET = "pk_live_4f9a8b7c6d5e4f3a2b1c"
FILE = """
version: 1
sources:
  contacts: {{{contacts}, email: Email}}
{more}
segments:
  s: {{{segment}}}
"""


def _check(folder: Path, contacts: str = "file: contacts.csv", segment: str = "when: {plan: a}", more: str = "") -> str:
    """What `sync check` says, or nothing when all is well."""
    if not (folder / "contacts.csv").exists():
        (folder / "contacts.csv").write_text("Email,Plan\nann@example.com,a\n")
    (folder / "segments.yaml").write_text(FILE.format(contacts=contacts, segment=segment, more=more))
    try:
        with open_workspace(Options(file=folder / "segments.yaml", as_of="2026-11-20"), offline=True) as workspace:
            advice.check(workspace)
    except (ConfigError, SourceError) as error:
        return str(error)
    return ""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of segments.yaml, and one beside it with an export."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside, inside / "exports"):
        folder.mkdir()
    (outside / "people.csv").write_text("Email,Plan\nann@example.com,a\n")
    (inside / "exports" / "people.csv").write_text("Email,Plan\nann@example.com,a\n")
    (inside / "link.csv").symlink_to(outside / "people.csv")
    (inside / "linked").symlink_to(outside)
    return inside, outside


OUTSIDE = [
    "../outside/people.csv",
    "../outside/*.csv",
    "{outside}/people.csv",
    "{outside}/*.csv",
    "link.csv",
    "l*.csv",
    "linked/people.csv",
    "linked/*.csv",
    "exports/../../outside/people.csv",
    "exp*/../../outside/people.csv",
    "../outside/nothing.csv",
    "{outside}/nothing*.csv",
    "../outside",
]
INSIDE = ["exports/people.csv", "exports/*.csv", "./exports/../exports/people.csv", "{inside}/exports/people.csv",
          "../inside/exports/people.csv", "../inside/exports/*.csv"]  # fmt: skip


@pytest.mark.parametrize("written", OUTSIDE)
def test_a_source_stays_inside_the_folder(folders: tuple[Path, Path], written: str) -> None:
    inside, outside = folders
    path = written.format(outside=outside)
    found = _check(inside, f'file: "{path}"')
    assert "segments.yaml:4:14: error[outside]" in found and "allow_outside: true" in found, found
    assert "people.csv" not in found.replace(path, "")  # no file of the other folder is named
    for allowed in (_check(inside, f'file: "{path}", allow_outside: true'),):
        assert "outside]" not in allowed
        assert ("error[file-missing]" in allowed) == ("nothing" in path or path == "../outside")


@pytest.mark.parametrize("written", OUTSIDE)
def test_a_list_stays_inside_the_folder(folders: tuple[Path, Path], written: str) -> None:
    inside, outside = folders
    path = written.format(outside=outside)
    found = _check(inside, segment=f'members_from: "{path}"')
    assert "segments.yaml:7:7: error[outside]" in found and "allow_outside: true" in found, found
    allowed = _check(inside, segment=f'members_from: "{path}", allow_outside: true')
    assert "outside]" not in allowed


@pytest.mark.parametrize("written", INSIDE)
def test_every_way_to_write_a_path_inside_is_good(folders: tuple[Path, Path], written: str) -> None:
    inside, _ = folders
    path = written.format(inside=inside)
    assert _check(inside, f'file: "{path}"') == ""
    assert _check(inside, segment=f'members_from: "{path}"') == ""


def test_a_folder_that_is_itself_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert _check(tmp_path / "link") == ""


def test_a_pattern_finds_no_hidden_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"Email={SECRET}\n")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / ".hidden.csv").write_text(f"Email,{SECRET}\n")
    (tmp_path / "exports" / "people.csv").write_text("Email,Plan\nann@example.com,a\n")
    assert _check(tmp_path, "file: exports/*") == ""
    (tmp_path / "exports" / "people.csv").unlink()
    assert "no file matches exports/*" in _check(tmp_path, 'file: "exports/*"')
    assert _check(tmp_path, 'file: "exports/.hidden.csv"') != ""  # named, it is read


CONTENTS = {
    ".env": f"KLAVIYO_API_KEY={SECRET}\nOTHER=1\n",
    "env": f"{SECRET}\n",
    ".env.local": f'export TOKEN="{SECRET}",x\n',
    "id_rsa": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n-----END OPENSSH PRIVATE KEY-----\n",
    "pem.pem": f"{SECRET};{SECRET};{SECRET}\n",
    "passwd": f"root:x:0:0:{SECRET},,,:/root:/bin/bash\nann:x:1:1:Ann,,,:/home/ann:/bin/sh\n",
    "credentials.json": json.dumps({"type": "service_account", "private_key": SECRET}, indent=1),
    "credentials": json.dumps({"type": "service_account", "private_key": SECRET}),
    "list.json": json.dumps([{"key": SECRET}]),
    "config": f"[default]\naws_secret_access_key = {SECRET}\n",
    "token.csv": f"{SECRET}\n",
    "tokens.csv": f"{SECRET},{SECRET}x\nb,c\n",
    "netrc.txt": f"machine crm.example.com,login,password,{SECRET}\n",
    "utf16": f"{SECRET},a,b\n",
    "binary.parquet": f"PAR1{SECRET}PAR1",
    "book.xlsx": f"PK\x03\x04{SECRET}",
    "zipped.csv.gz": f"\x1f\x8b{SECRET}",
}


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("way", ["list", "contacts", "join", "at", "where", "columns", "sketch"])
def test_what_is_no_table_is_never_quoted(tmp_path: Path, name: str, way: str) -> None:
    text = CONTENTS[name]
    (tmp_path / name).write_bytes(text.encode("utf-16") if name == "utf16" else text.encode("latin-1"))
    ways = {
        "list": {"segment": f"members_from: {name}"},
        "contacts": {"contacts": f"file: {name}"},
        "columns": {"contacts": f"file: {name}, columns: {{plan: {{from: Plan}}}}"},
        "join": {"more": f"  events: {{file: {name}, join: {{key: email}}}}"},
        "at": {"more": f"  events: {{file: {name}, join: {{type: email}}, at: when}}"},
        "where": {
            "more": f"  events: {{file: {name}, join: {{type: email}}}}",
            "segment": "when: {events: {where: {kind: x}}}",
        },
    }
    if way == "sketch":
        with pytest.raises(ConnectorError) as caught:
            sketch(tmp_path / name)
        found = str(caught.value)
    else:
        found = _check(tmp_path, **ways[way])
    assert "error[" in found, found
    for part in (SECRET, SECRET[:12], SECRET[3:], "live_4f9a", "root:", "ann:"):
        assert part.casefold() not in found.casefold(), found


def test_headers_of_a_table_are_still_offered(tmp_path: Path) -> None:
    (tmp_path / "guests.csv").write_text("E-mails,First name,x=y,a1b2c3d4e5f6g7h8i9\nann@example.com,Ann,,\n")
    found = _check(tmp_path, segment="members_from: guests.csv")
    assert 'Did you mean "E-mails"?' in found
    (tmp_path / "guests.csv").write_text("Addr,First name,x=y,a1b2c3d4e5f6g7h8i9\nann@example.com,Ann,,\n")
    found = _check(tmp_path, segment="members_from: guests.csv")
    assert "Known here: Addr, First name." in found


@pytest.mark.parametrize("name", [".env", "id_rsa", "passwd", "credentials.json", "config", "env"])
def test_a_file_given_as_segments_yaml_is_not_quoted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CONTENTS[name])
    with pytest.raises(ConfigError) as caught, open_workspace(Options(file=tmp_path / name), offline=True):
        pass
    assert SECRET not in str(caught.value) and SECRET[:12] not in str(caught.value)


def test_a_first_file_for_an_export_elsewhere_says_so(folders: tuple[Path, Path]) -> None:
    inside, outside = folders
    for export, told in ((outside / "people.csv", True), (inside / "exports" / "people.csv", False)):
        file = inside / "segments.yaml"
        text = start([export], file)
        assert ("allow_outside: true" in text) == told and "# columns here: email, plan" in text
        file.write_text(text)
        with open_workspace(Options(file=file, as_of="2026-11-20"), offline=True) as workspace:
            assert advice.check(workspace).contacts == 1
