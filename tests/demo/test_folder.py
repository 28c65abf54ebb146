"""`sync demo`: what it writes, what it never replaces, and that everything works on it at any hour anywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.core.errors import ConfigError
from connector.demo.folder import FILE, TEXT, write
from tests import launcher
from tests.clock import at

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)


def sync(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return launcher.sync(folder, *words, env=env)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(contents(folder))


COMMANDS = [
    ("check",), ("push", "--rehearse", "--yes"), ("lifecycle", "--rehearse"), ("cleanup", "--rehearse"),
]  # fmt: skip
FILES = ["exports/contacts-2026-11-20.csv", "exports/email_events.csv.gz", "exports/orders.csv", "segments.yaml"]


def test_an_empty_folder(tmp_path: Path) -> None:
    made = write(tmp_path / "new" / "trial", DAY)
    assert names(tmp_path / "new" / "trial") == sorted(made.written) == FILES
    assert (tmp_path / "new" / "trial" / FILE).read_text(encoding="utf-8") == TEXT


def test_of_the_same_day_nothing_is_written_again_and_edits_stay(tmp_path: Path) -> None:
    write(tmp_path, DAY)
    for name in ("segments.yaml", "exports/contacts-2026-11-20.csv"):
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write("# mine\n")
    before = contents(tmp_path)
    made = write(tmp_path, DAY)
    assert (made.written, made.removed, contents(tmp_path)) == ((), (), before)
    (tmp_path / "exports" / "orders.csv").unlink()
    assert write(tmp_path, DAY).written == ("exports/orders.csv",)
    assert contents(tmp_path) == before


def test_of_another_day_the_exports_are_replaced_and_segments_yaml_stays(tmp_path: Path) -> None:
    write(tmp_path, NEXT)  # the clock may also have been put back
    (tmp_path / FILE).write_text(TEXT.replace("at_least: 500", "at_least: 450"), encoding="utf-8")
    made = write(tmp_path, DAY)
    assert names(tmp_path) == FILES and made.removed == ("exports/contacts-2026-11-21.csv",)
    assert "at_least: 450" in (tmp_path / FILE).read_text(encoding="utf-8")


def _another_file(folder: Path) -> None:
    (folder / FILE).write_text("version: 1\n", encoding="utf-8")


def _own_orders(folder: Path) -> None:
    write(folder, NEXT)
    (folder / "exports" / "orders.csv").write_text("customer_email\nada@shop.test\n", encoding="utf-8")


def _own_contacts(folder: Path) -> None:
    (folder / "exports").mkdir()
    (folder / "exports" / "contacts-2026-11-01.csv").write_text(
        "Email\na@example.com\nb@example.com.test\n", encoding="utf-8"
    )


def _no_addresses(folder: Path) -> None:
    (folder / "exports").mkdir()
    (folder / "exports" / "email_events.csv.gz").write_bytes(b"no gzip at all")


@pytest.mark.parametrize("prepare", [_another_file, _own_orders, _own_contacts, _no_addresses])
def test_what_is_not_the_demos_is_never_replaced(tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    prepare(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=r"demo-elsewhere.*sync demo FOLDER"):
        write(tmp_path, DAY)
    assert contents(tmp_path) == before


def test_the_command_says_what_to_type_next_and_that_works(tmp_path: Path) -> None:
    done = sync(tmp_path, "demo", "trial")
    assert (done.returncode, done.stdout) == (0, "") and "cd trial" in done.stderr
    steps = [line.partition("#")[0].split()[1:] for line in done.stderr.splitlines() if line.startswith("  sync ")]
    assert len(steps) > 2
    for words in steps:
        yes = ["--yes"] if "push" in words else []
        assert sync(tmp_path / "trial", *words, *yes).returncode == 0, words
    again = sync(tmp_path, "demo", "trial", "--format", "json")
    assert json.loads(again.stdout)["written"] == []
    _another_file(tmp_path)
    refused = sync(tmp_path, "demo")
    assert refused.returncode == 2 and "segments.yaml: error[demo-elsewhere]" in refused.stderr


@pytest.mark.parametrize("command", [("segments",), ("plan", "--rehearse"), ("why", "anna.adler0@example.com")])
def test_without_exports_of_today_every_command_tells_how_to_make_them(tmp_path: Path, command: list[str]) -> None:
    write(tmp_path, DAY)
    old = sync(tmp_path, *command, "--as-of", "2026-11-25")
    assert old.returncode == 2 and "error[stale]" in old.stderr and "`sync demo`" in old.stderr
    shutil.rmtree(tmp_path / "exports")
    gone = sync(tmp_path, *command)
    assert gone.returncode == 2 and "error[file-missing]" in gone.stderr and "`sync demo`" in gone.stderr
    (tmp_path / FILE).write_text(TEXT.replace("exports/orders.csv", "other.csv"), encoding="utf-8")
    assert "sync demo`" not in sync(tmp_path, *command).stderr


@pytest.mark.sweep(keep=0)
def test_a_later_day_goes_on_with_the_state_of_the_earlier_one(tmp_path: Path) -> None:
    for days, expected in ((0, "applied"), (1, "No changes."), (366, "No changes.")):
        day = str(DAY + timedelta(days=days))
        assert sync(tmp_path, "demo", "--as-of", day).returncode == 0
        done = sync(tmp_path, "push", "--rehearse", "--yes", "--as-of", day)
        assert done.returncode == 0 and expected in done.stdout, (day, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("zone", "clock", "commands"),
    [
        ("Pacific/Auckland", "00:30", COMMANDS),
        ("America/New_York", "23:30", [command for command in COMMANDS if command[0] != "push"]),
        ("Europe/Berlin", "00:05", COMMANDS[:1]),
        ("UTC", "23:05", COMMANDS[:1]),
    ],
)
@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_every_command_works_without_options_at_any_hour_anywhere(
    tmp_path: Path, zone: str, clock: str, commands: list[tuple[str, ...]]
) -> None:
    """In particular where the dates of the machine, of UTC and of the demo's zone differ."""
    now = datetime.fromisoformat(f"2027-03-28T{clock}").replace(tzinfo=ZoneInfo(zone))
    env = at(now) | {"TZ": zone}
    assert sync(tmp_path, "demo", env=env).returncode == 0
    sizes = json.loads(sync(tmp_path, "segments", "--format", "json", env=env).stdout)["segments"]
    assert [row["members"] for row in sizes] == [492, 1258, 264, 512, 519]
    person = sync(tmp_path, "members", "vip", env=env).stdout.split()[0]
    assert sync(tmp_path, "why", person, env=env).returncode == 0
    for words in commands:
        done = sync(tmp_path, *words, env=env)
        assert done.returncode == 0, (words, done.stderr)
    if COMMANDS[1] in commands:
        again = sync(tmp_path, "push", "--rehearse", "--yes", env=env)
        assert "No changes." in again.stdout


@pytest.mark.sweep(keep=0)
def test_the_demo_shows_the_lifecycle_once_it_asks_for_less(tmp_path: Path) -> None:
    """As docs/lifecycle.md says."""
    assert sync(tmp_path, "demo").returncode == 0
    assert sync(tmp_path, "push", "--rehearse", "--yes").returncode == 0
    assert "nobody changes stage" in sync(tmp_path, "lifecycle", "--rehearse").stdout
    (tmp_path / FILE).write_text(TEXT.replace("{after: 90 days}", "{after: 60 days}"), encoding="utf-8")
    assert "active → win_back" in sync(tmp_path, "lifecycle", "--rehearse").stdout
    done = sync(tmp_path, "push", "--rehearse", "--yes")
    assert done.returncode == 0 and "tag “win-back”" in done.stdout
    assert "No changes." in sync(tmp_path, "push", "--rehearse", "--yes").stdout
