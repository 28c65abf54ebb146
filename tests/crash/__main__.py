"""`python -m tests.crash [KILLS] [WORKERS]`: the full sweep (500 kills unless told otherwise)."""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.crash.kills import Tally, kill_many

WORLD = 25  # kills in one world, then a new one begins


def _world(seed: int) -> Tally:
    with tempfile.TemporaryDirectory() as folder:
        return kill_many(Path(folder), seed, WORLD)


def main(kills: int = 500, workers: int = 2) -> None:
    started, tally = time.monotonic(), Tally()
    with ProcessPoolExecutor(workers) as pool:
        for done in pool.map(_world, range(1, -(-kills // WORLD) + 1)):
            tally += done
            print(f"{tally.kills} kills, {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201
    print(  # noqa: T201
        f"{tally.kills} processes killed: {dict(tally.instants)}. Converged by {dict(tally.recovered)}. "
        f"0 lost, 0 created twice, 0 of others touched; {tally.writes_again} answered requests were sent again, "
        "without effect."
    )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
