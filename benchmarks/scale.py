"""Evaluation and plan at size, each measured in a process of its own, beside DuckDB merely reading the same file.

Owns: the figures of `make bench` about evaluation and plan. Must not: judge them.

    python -m benchmarks.scale 1000000 50     # rows and segments; all four combinations without arguments
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from benchmarks import data

AS_OF = "2026-11-20"
RUNS = 3


def main(arguments: list[str]) -> None:
    """Print a row per size: seconds (median of three), peak memory, and the ratio to the bare typed read."""
    sizes = [tuple(map(int, arguments))] if arguments else [(r, s) for r in (100_000, 1_000_000) for s in (10, 50)]
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'contacts':>10} {'segments':>8}  {'what':<34} {'seconds':>8} {'ratio':>6} {'peak MiB':>8}")
        for rows, segments in sizes:
            place = Path(folder)
            export = data.contacts(place / f"contacts-{rows}.csv", rows)
            file = data.segments(place / f"segments-{rows}-{segments}.yaml", export, segments)
            bare = _show(rows, segments, "bare typed read into a table", "bare", export, None, None)
            _show(rows, segments, "evaluation alone", "evaluate", file, None, bare)
            for share, words in ((0.0, "evaluation and plan, no change"), (0.01, "evaluation and plan, 1% changed")):
                state = place / f"state-{rows}-{segments}-{share}.db"
                run("ledger", file, state, str(share))
                _show(rows, segments, words, "plan", file, state, bare)
            state = place / f"state-{rows}-{segments}-0.0.db"
            _show(rows, segments, "the same for a push: with history", "plan", file, state, bare, "push")
            data.events(place, rows)
            told = data.segments(place / f"measured-{rows}-{segments}.yaml", export, segments, rows)
            run("snapshot", told, state)
            _show(rows, segments, "report with its performance", "report", told, state, bare, "json")
            for form in ("json", "html"):
                _show(rows, segments, f"report as {form}, nothing to change", "report", file, state, bare, form)


def _show(
    rows: int, segments: int, words: str, step: str, file: Path, state: Path | None, bare: float | None, *more: str
) -> float:
    found = [run(step, file, *([state] if state else []), *more) for _ in range(RUNS)]
    seconds = sorted(one["seconds"] for one in found)[RUNS // 2]
    peak = max(one["peak"] for one in found)
    ratio = f"{seconds / bare:.2f}" if bare else "1.00"
    print(f"{rows:>10,} {segments:>8}  {words:<34} {seconds:>8.2f} {ratio:>6} {peak:>8,.0f}", flush=True)
    return seconds


def run(step: str, *arguments: Path | str) -> dict[str, float]:
    """One step in a process of its own: seconds, cpu (seconds of the processor), peak (MiB)."""
    command = [sys.executable, "-m", "benchmarks.scale", "--step", step, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


# -- the measured steps; imports happen before the clock starts, on both sides of the ratio ------------------------


def bare(export: str) -> Callable[[], Any]:
    import duckdb

    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in data.read_types().items())
    connection = duckdb.connect()
    return lambda: connection.execute(
        f"create table t as select * from read_csv('{export}', columns = {{{columns}}}, header = true)"
    )


def evaluate(file: str) -> Callable[[], Any]:
    from connector.app import offline
    from connector.app.workspace import Options, open_workspace

    _warm()

    def measured() -> Any:
        with open_workspace(Options(file=Path(file), as_of=AS_OF), offline=True) as workspace:
            return offline.evaluate(workspace)

    return measured


def plan(file: str, state: str, use: str = "") -> Callable[[], Any]:
    """As `sync plan` makes it; for a push (`use` is "push") the evaluation is compared with the history as well."""
    os.environ.setdefault("MAILCHIMP_API_KEY", "unused")  # a plan asks for it before it does anything
    from benchmarks.silent import Silent
    from connector.app import planning
    from connector.app.workspace import Options, open_state, open_workspace

    _warm()

    def measured() -> Any:
        options = Options(file=Path(file), state=state, as_of=AS_OF)
        with open_workspace(options) as workspace, open_state(workspace) as store:
            workspace.adapters["mailchimp"] = cast("Any", Silent(store.target_ids("mailchimp")))
            return planning.plan(workspace, store, learn=use == "push")

    return measured


def report(file: str, state: str, form: str) -> Callable[[], Any]:
    """As `sync report` makes it, with all its libraries imported within the time."""
    from connector.app import reporting
    from connector.app.workspace import Options, open_workspace
    from connector.report.page.document import document

    _warm()

    def measured() -> Any:
        with open_workspace(Options(file=Path(file), state=state, as_of=AS_OF), offline=True) as workspace:
            found = document(reporting.gather(workspace))
        if form == "json":
            return json.dumps(found)
        from connector.report.page.html import html

        return html(found)

    return measured


def snapshot(file: str, state: str) -> Callable[[], Any]:
    """Not measured: from before the mails on it is known who is a member."""
    from connector.app import measuring
    from connector.app.workspace import Options, open_state, open_workspace

    def prepare() -> None:
        options = Options(file=Path(file), state=state, as_of="2026-10-25")
        with open_workspace(options, offline=True) as workspace, open_state(workspace) as store:
            measuring.snapshot(workspace, store)

    return prepare


def ledger(file: str, state: str, share: str) -> Callable[[], Any]:
    """Not measured: a ledger that holds all that is desired, but for `share` of the people of each segment."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from connector.app import offline
    from connector.app.workspace import Options, open_workspace
    from connector.core.model import Kind
    from connector.core.schemas import CONTACT_SCHEMA
    from connector.state.open import open_store

    def prepare() -> None:
        with open_workspace(Options(file=Path(file), as_of=AS_OF), offline=True) as workspace:
            table = offline.evaluate(workspace).table
            store = open_store(state)
            rows = table.num_rows
            held = {
                "email": table.column("email"),
                "remote_id": table.column("email"),
                "status": pa.repeat(pa.scalar("subscribed"), rows),
                "status_at": pa.nulls(rows, pa.timestamp("us", tz="UTC")),
                "tags": pa.nulls(rows, pa.list_(pa.string())),
                "left": pa.nulls(rows, pa.list_(pa.string())),
            }
            store.observe("mailchimp", pa.table(held, schema=CONTACT_SCHEMA))
            names = list(workspace.config.segments)
            targets = {(Kind.TAG, f"Segment {n:02}"): str(n) for n in range(len(names))}
            store.remember_targets("mailchimp", targets)
            store.remember_people("mailchimp", table.select(["email", "person"]))
            store.close()
            db = sqlite3.connect(state)
            ids = dict(db.execute("select email, id from contact"))
            numbers = dict(db.execute("select name, id from target"))
            every = round(1 / float(share)) if float(share) else 0
            for n, name in enumerate(names):
                inside = pc.and_(table.column(f"in:{name}"), table.column("consent"))
                emails = table.column("email").filter(inside).to_pylist()
                pairs = ((numbers[f"Segment {n:02}"], ids[e]) for i, e in enumerate(emails) if not every or i % every)
                db.executemany("insert into membership values (?, ?)", pairs)
            db.commit()
            db.close()

    return prepare


def _warm() -> None:
    """Import what the verbs import late."""
    import adbc_driver_sqlite.dbapi  # noqa: F401
    import ibis

    import connector.plan.assemble
    import connector.plan.desired
    import connector.segments.evaluate
    import connector.sources.load

    ibis.duckdb.connect()
    del connector


def _step(name: str, arguments: list[str]) -> None:
    steps: dict[str, Callable[..., Callable[[], Any]]]
    steps = {"bare": bare, "evaluate": evaluate, "plan": plan, "report": report, "ledger": ledger, "snapshot": snapshot}
    work = steps[name](*arguments)
    started, busy = time.perf_counter(), time.process_time()
    kept = work()
    seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    changes = kept.changes.num_rows if hasattr(kept, "changes") else 0
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, "changes": changes}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        _step(sys.argv[2], sys.argv[3:])
    else:
        main(sys.argv[1:])
