"""`python -m tests.fuzz.values [NUMBER [FIRST [WORKERS]]]`: exports with damaged values, and who notices: 2,000 from
seed 0 on, by two processes, unless told.

What must hold: each person whose membership changed against the undamaged exports is covered by a finding that is new,
tells of the damaged file and names one of the damaged rows, with a count that is large enough; or the command refuses.
Nothing may change silently.

Owns: the desk, the comparison, the command. Must not: damage anything (cells.py).
"""

from __future__ import annotations

import csv
import io
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connector.config.load import load as load_config
from connector.core.errors import ConfigError, SourceError
from connector.segments.evaluate import evaluate
from connector.segments.names import needed
from connector.sources.columns.catalog import catalog
from connector.sources.load import load
from connector.sources.model import Finding, Loaded
from tests.fuzz.cells import Desk, Row, damage

AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = 60
STEP = 25
FILE = """\
version: 1
timezone: Europe/Berlin
sources:
  contacts:
    file: contacts.csv
    email: Email
    columns:
      opt_in: {from: Opt-in, type: boolean}
      tags: {type: list}
  orders:
    file: orders-*.csv
    join: {customer_id: customer_id}
    at: placed_at
    id: Order
  clicks:
    file: clicks-*.csv
    join: {email: email}
    at: at
consent: {when: {opt_in: true}}
segments:
  spent: {when: {spent: {at_least: 2000}}}
  thrifty: {when: {not: {spent: {at_least: 2000}}}}
  recent: {when: {signed_up: {within: 400 days}}}
  germans: {when: {country: DE}}
  abroad: {when: {country: {is_not: DE}}}
  zurich: {when: {city: Zürich}}
  private: {when: {not: {tags: {has: wholesale}}}}
  repeat: {when: {orders: {count: {at_least: 2}, where: {status: paid}}}}
  turnover: {when: {orders: {sum: total, at_least: 100}}}
  lately: {when: {orders: {count: {at_least: 1}, within: 30 days}}}
  never: {when: {orders: {never: true}}}
  clickers: {when: {clicks: {count: {at_least: 2}}}}
  idle: {when: {clicks: {never: true}}}
"""
Members = Mapping[str, frozenset[str]]


@dataclass
class Outcome:
    """What the exports hold: a person -> the segments, and what was found; or the refusal."""

    people: Members
    findings: list[Finding] = field(default_factory=list)
    refused: str = ""


def exports() -> dict[str, list[Row]]:
    """The undamaged exports: the same at every call."""
    dice = random.Random(16)
    contacts = [["Email", "Customer id", "City", "Country", "Spent", "Signed up", "Tags", "Opt-in"]]
    orders: list[Row] = []
    clicks: list[Row] = []
    for number in range(PEOPLE):
        email, key = f"person{number:02}@example.com", str(70_012_300_000 + number * 37)
        tags = ";".join(dice.sample(("vip", "press", "wholesale", "local"), dice.randint(2, 3)))
        contacts.append([
            email, key, dice.choice(("Berlin", "Zürich", "Wien", "Orléans")), dice.choice(("DE", "DE", "AT", "CH")),
            f"{dice.randint(100, 4000)}.{dice.choice(('00', '50'))}", _moment(dice, 900)[:10], tags,
            dice.choice(("yes", "yes", "no")),
        ])  # fmt: skip
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            paid = dice.choice(("paid", "paid", "open"))
            orders.append([f"A{len(orders) + 1000}", key, _moment(dice, 80), f"{dice.randint(5, 90)}.50", paid])
        clicks += [[email, _moment(dice, 80)] for _ in range(dice.choice((0, 1, 2, 2, 3)))]
    half, some = len(orders) * 2 // 3, len(clicks) // 2
    head, click = ["Order", "Customer id", "Placed at", "Total", "Status"], ["Email", "At"]
    return {
        "contacts.csv": contacts,
        "orders-2026-10.csv": [head, *orders[:half]],
        "orders-2026-11.csv": [head, *orders[half:]],
        "clicks-1.csv": [click, *clicks[:some]],
        "clicks-2.csv": [click, *clicks[some:]],
    }


def _moment(dice: random.Random, days: int) -> str:
    return (AS_OF - timedelta(minutes=dice.randint(60, days * 1440))).strftime("%Y-%m-%d %H:%M")


def outcome(folder: Path, desk: Desk) -> Outcome:
    """Write the exports and evaluate the file over them."""
    (folder / "segments.yaml").write_text(FILE, encoding="utf-8")
    for name, rows in desk.files.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        encoding = desk.encoding if name == "contacts.csv" else "utf-8"
        (folder / name).write_bytes(text.getvalue().encode(encoding, "replace"))
    config = load_config(folder / "segments.yaml")
    try:
        found = catalog(config, AS_OF)
        loaded = load(config, found, AS_OF, needed(config, found))
        table = evaluate(config, loaded, AS_OF).table.to_pylist()
    except (SourceError, ConfigError) as error:
        return Outcome({}, refused="; ".join(problem.message for problem in error.problems))
    people = {
        row["email"]: frozenset(
            name for name, held in row.items() if name.startswith(("in:", "consent")) and held is True
        )
        for row in table
    }
    return Outcome(people, [*loaded.findings, *_quarantined(loaded)])


def _quarantined(loaded: Loaded) -> list[Finding]:
    return [
        Finding("quarantined", row["source"], "", 1, row["reason"], row["file"], row["row"])
        for row in loaded.quarantine.to_pylist()
    ]


def silent(desk: Desk, before: Outcome, after: Outcome) -> str:
    """Why the change is not covered; "" when it is."""
    changed = {one for one in {*before.people, *after.people} if before.people.get(one) != after.people.get(one)}
    if after.refused or not changed:
        return ""
    known = {(one.code, one.source, one.column): one.count for one in before.findings}
    files = {file for file, _ in desk.touched}
    new = [one for one in after.findings if one.count > known.get((one.code, one.source, one.column), 0)]
    if desk.all:
        return "" if new else f"{len(changed)} people changed, and nothing is found"
    named = [one for one in new if (one.file, one.row) in desk.touched]
    if not named:
        told = [(one.code, one.column, one.file, one.row) for one in new]
        return (
            f"{len(changed)} people changed ({sorted(changed)[0]}); no finding names a row of {sorted(files)}: {told}"
        )
    if sum(one.count for one in named) < min(len(changed), len(desk.touched)):
        return f"{len(changed)} people changed, counted: {[(one.code, one.count) for one in named]}"
    return ""


def run(seeds: Iterable[int]) -> tuple[Counter[str], list[tuple[int, str, str]]]:
    """(how the damages ended, what was silent as (seed, kind, why))."""
    ends: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        before = outcome(folder, Desk(exports()))
        assert not before.refused, before.refused
        for seed in seeds:
            desk = Desk(exports())
            kind = damage(desk, seed)
            after = outcome(folder, desk)
            why = silent(desk, before, after)
            same = before.people == after.people
            ends["silent" if why else "refused" if after.refused else "unchanged" if same else "told"] += 1
            if why:
                wrong.append((seed, kind, why))
    return ends, wrong


def main(number: int = 2000, first: int = 0, workers: int = 2) -> int:
    started, ends, wrong = time.monotonic(), Counter[str](), []
    end = first + number
    parts = [range(begin, min(begin + STEP, end)) for begin in range(first, end, STEP)]
    with ProcessPoolExecutor(workers) as pool:
        for some, silent_ones in pool.map(run, parts):
            ends += some
            wrong += silent_ones
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    print(f"{number} exports with damaged values: {told}; {time.monotonic() - started:.0f} s")  # noqa: T201
    for seed, kind, why in wrong:
        print(f"  seed {seed}, {kind}: {why}")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
