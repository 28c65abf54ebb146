"""`python -m tests.lifecycle DAYS PEOPLE [SEED]`: the simulated year in full; prints what it counted.

Owns: the command. Must not: check anything itself (year.py does).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.lifecycle.world import world
from tests.lifecycle.year import POLICY, Year
from tests.path.small import PLATFORMS


def main(days: int = 365, people: int = 20_000, seed: int = 1) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, world(Path(folder), PLATFORMS, POLICY) as made:
        year = Year(made, people, seed, recount_every=30)
        year.begin()
        print(f"day 0: {year.seconds:.1f} s", flush=True)  # noqa: T201
        for day in range(1, days + 1):
            year.run_day(day)
            if day % 10 == 0:
                print(f"day {day}: {year.seconds:.1f} s, {time.monotonic() - started:.0f} s in all", flush=True)  # noqa: T201
        year.recount()
    for name, count in sorted(year.figures.items()):
        print(f"{count:>10,}  {name}")  # noqa: T201
    print(f"{time.monotonic() - started:,.0f} s")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
