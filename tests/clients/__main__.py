"""`python -m tests.clients FOLDER [NAME…]`: other people's clients against the rehearsal platforms.

    python -m tests.clients .clients               # all of them; FOLDER keeps what was installed
    python -m tests.clients .clients klaviyo dlt   # these

Owns: the command. Needs node with npm and the package indexes the first time. Ends with 1 when something did not hold;
the last run stands in docs/rehearsal.md. Must not: know a client.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from connector.rehearsal.core.process import start
from tests.clients import dlt, drt, hubspot, klaviyo, mailchimp, older, taps
from tests.clients.desk import Client, Desk
from tests.clients.report import Failed, Report

CLIENTS: tuple[Client, ...] = (
    *mailchimp.CLIENTS,
    *klaviyo.CLIENTS,
    *hubspot.CLIENTS,
    *taps.CLIENTS,
    *dlt.CLIENTS,
    *drt.CLIENTS,
    *older.CLIENTS,
)


def main(folder: Path, names: list[str]) -> int:
    """The exit code."""
    known = [client.name for client in CLIENTS]
    if strange := set(names) - set(known):
        sys.stderr.write(f"No such client: {', '.join(sorted(strange))}. Known: {', '.join(known)}.\n")
        return 2
    reports = [_run(folder.absolute(), client) for client in CLIENTS if not names or client.name in names]
    wrong = {report.client: report.wrong for report in reports if report.wrong}
    held, absent = sum(report.held for report in reports), sum(len(report.absent) for report in reports)
    sys.stdout.write(f"\n{len(reports)} clients, {held} checks held, {absent} not there\n")
    for client, what in wrong.items():
        sys.stdout.write(f"DOES NOT HOLD with {client}: {'; '.join(what)}\n")
    return 1 if wrong else 0


def _run(folder: Path, client: Client) -> Report:
    """In a rehearsal of its own. Whatever becomes of it, the next one is tried."""
    report = Report(f"{client.package} {client.version}")
    sys.stdout.write(f"\n{client.name}: {client.package} {client.version} ({client.index})\n")
    with tempfile.TemporaryDirectory() as work:
        place = Path(work) / "platforms.db"
        try:
            with start(place, "--no-samples", "--no-limits") as running:
                client.run(Desk(folder, Path(work), running, report, client))
        except (Failed, OSError, LookupError, ValueError, RuntimeError) as error:
            report.fails("the run itself", f"{type(error).__name__}: {error}")
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description="Other people's clients.")
    parser.add_argument("folder", type=Path, help="keeps the installed packages")
    parser.add_argument("names", nargs="*", help="clients to run; all of them by default")
    given = parser.parse_args()
    raise SystemExit(main(given.folder, given.names))
