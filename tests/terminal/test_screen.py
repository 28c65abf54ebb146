"""What stands on the screen of a real terminal while bars are drawn: the plan, the question, how it ended."""

from __future__ import annotations

import json
import re
import termios
import time
from collections.abc import Callable

import pytest

from tests.path import test_measure
from tests.terminal.conftest import BAR, ESCAPE, Room, Terminal

# A pseudo-terminal is forked off; pytest-xdist's workers have threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

QUESTION = "Push these changes? [y/N]:"
STOPPING = "Stopping: what is in flight is finished and recorded. Once more to end at once."
MANY = 1000
SLOW = 150.0  # milliseconds per request: bars are drawn in between
LONG = "a_segment_with_a_name_that_is_longer_than_anybody_would_like"
Pushed = Callable[..., Room]


def no_bars(terminal: Terminal) -> None:
    assert BAR not in terminal.text
    assert "0:00:" not in terminal.text


@pytest.mark.parametrize(
    ("rows", "look"), [(40, {}), (100, {}), (40, {"NO_COLOR": "1"}), (40, {"TERM": "dumb"})], ids=str
)
@pytest.mark.sweep(keep=1)
def test_push_shows_the_plan_asks_and_tells_how_it_ended(room: Room, rows: int, look: dict[str, str]) -> None:
    room.people(MANY)
    room.slow(SLOW)
    with room.run("sync push --rehearse", rows=rows, installed=not look, **look) as terminal:
        terminal.see(QUESTION)
        terminal.see("Total: 3,000 to create", "irreversible: 3,000 (3,000 new contacts stay)")
        no_bars(terminal)
        assert terminal.text.endswith(QUESTION)
        assert room.writes() == 0
        terminal.type("y")
        if look.get("TERM") != "dumb":
            terminal.see(BAR)
        assert terminal.end() == 0
        assert re.search(r"^Run \S+: done$", terminal.text, re.M), terminal.text
        for name in ("mailchimp", "klaviyo", "hubspot"):
            assert re.search(rf"^  {name}: [\d,]+ applied", terminal.text, re.M), terminal.text
        assert "irreversible: 3,000" in terminal.text
        no_bars(terminal)
    assert room.writes() > 0


@pytest.mark.parametrize("answer", ["", "No"])
def test_declining_sends_nothing(room: Room, answer: str) -> None:
    room.world.to = ("mailchimp",)
    room.people(5)
    room.slow(SLOW)
    with room.run("sync push --rehearse") as terminal:
        terminal.see(QUESTION)
        terminal.type(answer)
        assert terminal.end() == 0
        assert terminal.lines[terminal.screen.cursor.y - 1] == "Nothing was sent."
    assert room.writes() == 0


@pytest.mark.long
def test_input_typed_before_the_question_is_discarded(room: Room) -> None:
    room.people(MANY)
    room.slow(400)
    with room.run("sync push --rehearse") as terminal:
        terminal.see("looking up contacts")
        terminal.type("y")
        terminal.see(QUESTION)
        assert terminal.text.endswith(QUESTION)
        terminal.interrupt()
        assert terminal.end() == 130
        assert f"{QUESTION} ^C" in terminal.lines
    assert room.writes() == 0


def test_another_answer_is_asked_again(room: Room) -> None:
    room.world.to = ("mailchimp",)
    room.people(5)
    with room.run("sync push --rehearse") as terminal:
        terminal.see(QUESTION)
        terminal.type("perhaps")
        terminal.see("Please answer y or n.")
        terminal.type("YES")
        assert terminal.end() == 0
        assert re.search(r"^Run \S+: done$", terminal.text, re.M), terminal.text


def test_end_of_input_declines(room: Room) -> None:
    room.world.to = ("mailchimp",)
    room.people(5)
    with room.run("sync push --rehearse") as terminal:
        terminal.see(QUESTION)
        terminal.child.sendeof()
        assert terminal.end() == 0
        assert "Nothing was sent." in terminal.lines
    assert room.writes() == 0


@pytest.mark.parametrize(
    "command", ["push", "undo last --allow empty --reason test", "adopt", "cleanup", "forget p1@example.com"]
)
@pytest.mark.sweep(keep=2)
def test_ctrl_c_at_the_question(pushed: Pushed, command: str) -> None:
    room = pushed(5, more="cleanup: {unsubscribed: {action: remove_tags}}\n")
    if command == "push":
        room.people(9)
    if command == "adopt":
        (room.world.folder / ".connector" / "rehearsal" / "state.db").unlink()
    if command == "cleanup":
        room.world.unsubscribe_mailchimp("p1@example.com")
    before = room.writes()
    room.slow(SLOW)
    with room.run(f"sync {command} --rehearse") as terminal:
        modes = termios.tcgetattr(terminal.child.child_fd)
        terminal.see("[y/N]:")
        terminal.interrupt()
        terminal.see("Interrupted. Nothing was done.")
        assert "[y/N]:" in terminal.text
        no_bars(terminal)
        assert termios.tcgetattr(terminal.child.child_fd) == modes
        assert terminal.end() == 130
    assert room.writes() == before


def test_ctrl_c_while_reading(room: Room) -> None:
    room.people(MANY)
    room.slow(400)
    with room.run("sync push --rehearse --yes") as terminal:
        terminal.see("looking up contacts")
        terminal.interrupt()
        assert terminal.end() == 130
        assert STOPPING in terminal.lines
        assert "Interrupted" in terminal.text
        no_bars(terminal)
    assert room.writes() == 0
    with room.run("sync runs --rehearse") as terminal:
        assert terminal.end() == 0
        assert "No runs" in terminal.text or "Nothing" in terminal.text, terminal.text


def test_ctrl_c_while_a_platform_does_not_answer(room: Room) -> None:
    """The reading is left within two seconds (here: long before the answer), is recorded, and ends with a document."""
    room.people(5)
    room.world.running.settings(faults="hubspot:slow=1", slow_ms=60_000)
    with room.run("sync push --rehearse --yes --format json --log-format json") as terminal:
        terminal.see('"event": "request"')
        terminal.interrupt()
        began = time.monotonic()
        assert terminal.end() == 130
        assert time.monotonic() - began < 20
        document = json.loads(terminal.written[terminal.written.index("{\r\n") :].partition("\r\n}")[0] + "}")
        assert (document["error"]["code"], document["exit_code"]) == ("interrupted", 130)
    with room.run("sync runs --rehearse --format json") as terminal:
        assert terminal.end() == 0
        (run,) = json.loads(terminal.written)["runs"]
        assert (run["state"], run["exit_code"], run["command"]) == ("interrupted", 130, "push")


@pytest.mark.parametrize("command", ["plan", "drift", "undo last", "cleanup"])
@pytest.mark.sweep(keep=1)
def test_ctrl_c_while_others_read(pushed: Pushed, command: str) -> None:
    room = pushed(MANY)
    before = room.writes()
    room.slow(1500)
    with room.run(f"sync {command} --rehearse -v") as terminal:
        terminal.see("-> 200 in")
        terminal.interrupt()
        assert terminal.end() == 130
        assert STOPPING in terminal.lines
    assert room.writes() == before


def test_ctrl_c_during_the_push_and_resume(room: Room) -> None:
    room.people(MANY)
    with room.run("sync push --rehearse", installed=True) as terminal:
        terminal.see(QUESTION)
        room.slow(700)
        terminal.type("y")
        terminal.see(BAR)
        terminal.interrupt()
        assert terminal.end() == 130
        assert STOPPING in terminal.lines
        assert re.search(r"^Run \S+: interrupted$", terminal.text, re.M), terminal.text
        no_bars(terminal)
    room.slow(SLOW)
    with room.run("sync resume --rehearse") as terminal:
        terminal.see(BAR)
        assert terminal.end() == 0
        assert re.search(r"^Run \S+: done$", terminal.text, re.M), terminal.text


def test_twice_ctrl_c_during_the_push(room: Room) -> None:
    room.people(MANY)
    with room.run("sync push --rehearse", installed=True) as terminal:
        terminal.see(QUESTION)
        room.slow(1500)
        terminal.type("y")
        terminal.see(BAR)
        terminal.interrupt()
        terminal.see(STOPPING)
        terminal.interrupt()
        assert terminal.end() == 130
        assert STOPPING in terminal.lines
        assert "Ended. In-flight requests have unknown outcomes: run sync resume." in terminal.lines


@pytest.mark.long
def test_plan_drift_and_cleanup_keep_their_last_lines(pushed: Pushed) -> None:
    room = pushed(MANY)
    room.slow(SLOW)
    room.people(MANY + 1)
    with room.run("sync plan --rehearse") as terminal:
        assert terminal.end() == 0
        assert terminal.lines[terminal.screen.cursor.y - 1] == "       irreversible: 3 (3 new contacts stay)"
        no_bars(terminal)
    with room.run("sync drift --rehearse") as terminal:
        terminal.see(BAR)
        assert terminal.end() == 0
        assert terminal.lines[terminal.screen.cursor.y - 1] == "Nobody else changed anything in our targets."
        assert len([line for line in terminal.lines if "eader" in line and line.endswith("−0")]) == 5
        no_bars(terminal)
    with room.run("sync cleanup --rehearse") as terminal:
        assert terminal.end() == 0
        assert terminal.lines[terminal.screen.cursor.y - 1] == "Nothing to do."
        no_bars(terminal)


@pytest.mark.long
def test_undo_shows_what_it_takes_back(pushed: Pushed) -> None:
    room = pushed(MANY)
    before = room.writes()
    room.slow(SLOW)
    with room.run("sync undo last --rehearse --allow empty --reason test", rows=60) as terminal:
        terminal.see("Take this back? [y/N]:", "Total:", "irreversible:")
        no_bars(terminal)
        assert room.writes() == before
        terminal.type("y")
        terminal.see(BAR)
        assert terminal.end() == 0
        assert re.search(r"^Run \S+: done$", terminal.text, re.M), terminal.text


@pytest.mark.long
def test_a_lost_ledger_is_read_again_and_adopted(pushed: Pushed) -> None:
    room = pushed(MANY)
    before = room.writes()
    (room.world.folder / ".connector" / "rehearsal" / "state.db").unlink()
    room.slow(SLOW)
    with room.run("sync push --rehearse --refresh") as terminal:
        terminal.see(QUESTION, "Total:", "read again")
        no_bars(terminal)
        terminal.type("n")
        assert terminal.end() == 0
    with room.run("sync adopt --rehearse") as terminal:
        terminal.see("Record these as ours? [y/N]:", "Total:")
        no_bars(terminal)
        terminal.type("y")
        assert terminal.end() == 0
        assert re.search(r"^Run \S+: done$", terminal.text, re.M), terminal.text
    assert room.writes() == before


@pytest.mark.long
def test_more_steps_than_the_screen_has_rows(room: Room) -> None:
    send = "mailchimp: {{tag: T{0}}}, klaviyo: {{list: T{0}, tag: t{0}}}, hubspot: {{list: T{0}, tag: T{0}}}"
    segments = "".join(
        f"\n  s{number}: {{when: {{plan: paid}}, send_to: {{{send.format(number)}}}}}" for number in range(6)
    )
    room.people(300, segments=segments)
    room.slow(SLOW)
    with room.run("sync push --rehearse --yes", rows=12) as terminal:
        terminal.see(BAR)
        assert terminal.end() == 0
        assert re.search(r"^Run \S+: done$", terminal.text, re.M), terminal.text
        assert "       irreversible: 900 (900 new contacts stay)" in terminal.lines
        no_bars(terminal)


@pytest.mark.long
def test_verbose_lines_stay_above_the_bars(pushed: Pushed) -> None:
    room = pushed(MANY)
    room.slow(SLOW)
    with room.run("sync plan --rehearse -v", rows=100) as terminal:
        assert terminal.end() == 0
        seen = [line for line in terminal.lines if "-> 200 in" in line]
        assert {line.split(":")[0] for line in seen} == {"mailchimp", "klaviyo", "hubspot"}
        assert any(line.startswith("No changes. All that segments.yaml asks for") for line in terminal.lines)


@pytest.mark.long
def test_results_to_a_file_while_bars_are_on_the_terminal(room: Room) -> None:
    room.people(MANY)
    room.slow(SLOW)
    with room.run("sync push --rehearse > out.txt") as terminal:
        terminal.see(BAR)
        terminal.see(QUESTION)
        assert room.writes() == 0
        terminal.type("y")
        assert terminal.end() == 0
    found = (room.world.folder / "out.txt").read_text(encoding="utf-8")
    assert "\x1b" not in found
    assert "Total: 3,000 to create" in found
    assert re.search(r"^Run \S+: done$", found, re.M), found
    assert QUESTION not in found


def test_talk_to_a_file_while_results_are_on_the_terminal(room: Room) -> None:
    room.people(MANY)
    room.slow(SLOW)
    with room.run("sync plan --rehearse 2> err.txt") as terminal:
        assert terminal.end() == 0
        assert "       irreversible: 3,000 (3,000 new contacts stay)" in terminal.lines
        assert "\x1b" not in terminal.written
    with room.run("sync push --rehearse 2> err.txt") as terminal:
        assert terminal.end() == 3
    found = (room.world.folder / "err.txt").read_text(encoding="utf-8")
    assert "\x1b" not in found
    assert "error: Not a terminal: nobody can confirm." in found
    assert room.writes() == 0


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.sweep(keep=1)
def test_nothing_is_wider_than_the_terminal(room: Room, columns: int) -> None:
    targets = f"mailchimp: {{tag: {LONG}}}, klaviyo: {{list: {LONG}, tag: {LONG}}}"
    room.people(300, segments=f"\n  {LONG}: {{when: {{plan: paid}}, send_to: {{{targets}}}}}", refused=["p1"])
    room.slow(SLOW)
    for command in ("push --rehearse --yes -v", "plan --rehearse -v", "drift --rehearse", "check", "segments", "runs"):
        with room.run(f"sync {command}", columns=columns) as terminal:
            assert terminal.end() == 0
            for line in re.split(r"[\r\n]+", ESCAPE.sub("", terminal.written)):
                assert len(line) <= columns or " " not in line.strip(), line


@pytest.mark.parametrize("columns", [80, 130])
@pytest.mark.sweep(keep=1)
def test_a_table_of_figures_has_the_columns_that_fit(room: Room, columns: int) -> None:
    test_measure.write(room.world.folder)
    test_measure.sync(room.world.folder, "snapshot", "--as-of", "2026-09-30")
    command = "sync measure fans --offline --period 2026-10 --as-of 2026-11-05"
    with room.run(command, columns=columns) as terminal:
        assert terminal.end() == 0
        lines = re.split(r"[\r\n]+", ESCAPE.sub("", terminal.written))
    (clicks,) = (line for line in lines if line.startswith("  click rate"))
    assert clicks.split()[2:7] == ["75.00%", "(65.65%", "to", "82.49%)", "100"], "on one line, with its interval"
    assert max(map(len, lines)) <= columns
    assert any("too narrow" in line for line in lines) == (columns == 80)


@pytest.mark.long
def test_a_dumb_terminal_gets_no_codes(room: Room) -> None:
    room.people(MANY)
    room.slow(SLOW)
    with room.run("sync push --rehearse --yes", TERM="dumb") as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.written
