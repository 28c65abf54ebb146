"""Moves this process's clock by the seconds in CONNECTOR_CLOCK_AHEAD_S; it goes on from there."""

import os

if seconds := os.environ.get("CONNECTOR_CLOCK_AHEAD_S"):
    from datetime import datetime, timedelta, timezone

    import time_machine

    time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds=float(seconds)), tick=True).start()  # noqa: UP017
    datetime.now()  # the clock goes on from the first time that it is asked, which in a fork may be much later
