"""Campaign reports of the four platforms beside our own count: read by `sync measure` over HTTP."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.app import measuring, planning, pushing
from connector.app.campaigns import UNASKED
from connector.app.workspace import Options, Workspace, open_state, open_workspace
from connector.rehearsal.core.process import Running, start
from connector.report.measured.values import measure_csv, measure_json
from connector.state.base import Store
from tests import launcher

FOUR = ("mailchimp", "klaviyo", "hubspot", "brevo")
FILE = """
version: 1
timezone: UTC
sources:
  contacts: {file: people.csv, email: Email, id: Id, columns: {opt_in: {type: boolean}}}
  email_events: {file: events.csv, join: {email: email}, at: at}
consent:
  when: {opt_in: true}
  proof: {at: opted_in_at}
measure:
  mail: {source: email_events}
destinations:
  mailchimp: {platform: mailchimp, api_key: "${MC}", audience: Newsletter, new_contacts: subscribed}
  klaviyo: {platform: klaviyo, api_key: "${KL}", new_contacts: transactional}
  hubspot: {platform: hubspot, access_token: "${HS}", new_contacts: transactional}
  brevo: {platform: brevo, api_key: "${BV}", new_contacts: subscribed}
segments:
  readers:
    when: {plan: paid}
    send_to: {mailchimp: {tag: Readers}, klaviyo: {list: Readers}, hubspot: {list: Readers}, brevo: {list: Readers}}
  nobody: {when: {plan: free}, send_to: {mailchimp: {tag: Nobody}}}
"""
PEOPLE = [f"p{number}@example.com" for number in range(10)]
NOW = datetime.now(UTC)
SENT = NOW - timedelta(hours=5)
EARLY = NOW - timedelta(days=60)


@contextmanager
def pushed(folder: Path) -> Iterator[Running]:
    """Ten people in all four accounts; a campaign to each: ten mails, one comes back, five open, one of them by a
    proxy, three click twice each; one before the period, and one to nobody of ours."""
    rows = [f"{number},{email},paid,yes,2026-01-05" for number, email in enumerate(PEOPLE)]
    (folder / "people.csv").write_text("\n".join(["Id,Email,Plan,Opt in,Opted in at", *rows]) + "\n")
    (folder / "events.csv").write_text(f"email,at,type\n{PEOPLE[0]},{SENT.isoformat()},sent\n")
    (folder / "segments.yaml").write_text(FILE)
    place = folder / ".connector" / "rehearsal"
    place.mkdir(parents=True)
    with start(place / "platforms.db", "--no-samples") as running:
        (place / "address").write_text(running.url)
        running.settings(limits=False)  # two reports a minute
        with opened(folder) as (workspace, store):
            pushing.push(workspace, store, planning.plan(workspace, store))

        def mail(email: str, did: str, hours: float, **more: Any) -> dict[str, Any]:
            at = SENT + timedelta(hours=hours)
            return {"email": email, "did": did, "at": at.isoformat(), "to": "Readers", "campaign": "Spring", **more}

        events = [mail(email, "send", 0) for email in PEOPLE] + [mail(PEOPLE[9], "bounce", 0.1)]
        events += [mail(email, "open", 1, proxy=email == PEOPLE[4]) for email in PEOPLE[:5]]
        events += [mail(email, "click", hours) for email in PEOPLE[:3] for hours in (1, 2)]
        events += [{**mail(PEOPLE[0], "send", 0), "at": EARLY.isoformat(), "campaign": "Winter"}]
        events += [{**mail(PEOPLE[0], "send", 0), "to": "", "campaign": "To everybody"}]
        running.engage(**dict.fromkeys(FOUR, events))
        yield running


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[tuple[Workspace, Store]]:
    chosen = Options(**{"file": folder / "segments.yaml", "rehearse": True} | options)
    with open_workspace(chosen, threading.Event()) as workspace, open_state(workspace) as store:
        yield workspace, store


def readers(folder: Path, period: str = "30 days", ask: bool = True, **options: Any) -> Any:
    """What is said of the segment, as JSON."""
    with opened(folder, **options) as (workspace, store):
        found = measuring.measure(workspace, store, ["readers"], period, ask=ask)
    return measure_json(found.performances, (), ())["segments"][0]


def test_what_each_platform_reports_stands_beside_our_own_count(tmp_path: Path) -> None:
    with pushed(tmp_path) as running:
        whole = readers(tmp_path)
        told = {one["destination"]: one for one in whole["reported"]}
        assert tuple(told) == FOUR
        for name, one in told.items():
            assert [campaign["name"] for campaign in one["campaigns"]] == ["Spring"], name
            assert one["mails"] == 10 and one["why"] is None and one["note"]
            openers = 4 if name == "mailchimp" else 5  # it tells which opens machines made
            rates = {"open_rate": openers / 9, "click_rate": 3 / 9, "bounce_rate": 0.1, "unsubscribe_rate": 0.0}
            assert one["rates"] == pytest.approx(rates), name
            assert one["ours"]["mail_source"]["mails"] == (whole["mails"] or None)
            assert one["elsewhere"] == 0 and one["revenue"] is None
        assert "no revenue" in told["hubspot"]["note"]

        done = launcher.sync(tmp_path, "measure", "readers", "--rehearse")
        assert done.returncode == 0, done.stderr
        assert "hubspot reports 1 campaign to it: Spring" in done.stdout and "open rate *" in done.stdout
        assert "* opens are also made by privacy proxies" in done.stdout
        assert "hubspot tells of marketing emails" in done.stdout
        with opened(tmp_path) as (workspace, store):
            table = measure_csv(measuring.measure(workspace, store, ["readers"], "30 days", ask=True).performances)
        rows = list(csv.DictReader(io.StringIO(table)))
        assert {"read_back", "mail_source"} <= rows[0].keys()
        reported = {(row["source"], row["figure"]): row["members"] for row in rows if row["part"] == "reported"}
        assert [float(reported[name, "mails"]) for name in FOUR] == [10.0] * 4
        assert float(reported["brevo", "click_rate"]) == pytest.approx(3 / 9)

        early = readers(tmp_path, "90 days")["reported"]
        assert [[campaign["name"] for campaign in one["campaigns"]] for one in early] == [["Winter", "Spring"]] * 4

        reads = len(running.requests(1000))
        assert {one["why"] for one in readers(tmp_path, ask=False)["reported"]} == {UNASKED}
        assert len(running.requests(1000)) == reads

        # Trouble of one stops neither the others nor the figures.
        running.settings(accounts={"klaviyo": "OTHER1"})
        found = readers(tmp_path)["reported"]
        assert "the key opens" in found[1]["why"] and found[1]["campaigns"] == [] and found[1]["mails"] is None
        assert [len(one["campaigns"]) for one in found] == [1, 0, 1, 1]

    # Without a key the figures are told all the same.
    state = str(tmp_path / ".connector" / "rehearsal" / "state.db")
    unset = readers(tmp_path, state=state, rehearse=False)["reported"]
    for variable, one in zip(("MC", "KL", "HS", "BV"), unset, strict=True):
        assert f"{variable} is not set" in one["why"] or f"“{variable}”" in one["why"], one["why"]
