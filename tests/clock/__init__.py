"""The suite on another day, in another zone, or on a busy machine.

Owns: how a clock is moved in every process of a run, and the load beside it. Must not: hold tests.

`site/sitecustomize.py` is what Python imports first in each process whose PYTHONPATH leads there: the tests, their
workers, and the commands and rehearsal platforms that they start. What is no Python keeps the real time: a database
server, and the times of files.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

AHEAD = "CONNECTOR_CLOCK_AHEAD_S"


def ahead(seconds: float) -> dict[str, str]:
    """The environment of a process whose clock is so many seconds ahead of the real one (below 0: behind)."""
    site = str(Path(__file__).parent / "site")
    path = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != site]
    return os.environ | {"PYTHONPATH": os.pathsep.join([site, *path]), AHEAD: str(seconds)}


def move(seconds: float) -> None:
    """Let the clock of this process be so many seconds ahead of the real one, whatever it was before."""
    import time_machine

    further = seconds - float(os.environ.get(AHEAD, 0))
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=further), tick=True).start()
    datetime.now(UTC)  # it goes on from the first time that it is asked


def at(moment: datetime) -> dict[str, str]:
    """The environment of a process for which it is this moment now; its clock goes on from there."""
    return ahead((moment - datetime.now(UTC)).total_seconds() + float(os.environ.get(AHEAD, 0)))
