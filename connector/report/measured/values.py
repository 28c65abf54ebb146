"""What was measured, as values for programs: JSON and CSV.

Owns: their names. Must not: compute a figure, read a store, show an address.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from connector.measure.campaigns import RATES, Reported
from connector.measure.experiment import Result
from connector.measure.mail import Readback
from connector.measure.performance import Figure, Performance
from connector.measure.rates import Estimate
from connector.platforms.campaigns import CampaignReport
from connector.report.measured.experiments import result_json

_NO_TARGETS = frozenset(("targets",))
COLUMNS = (
    "segment",
    "part",
    "source",
    "figure",
    "members",
    "low",
    "high",
    "number",
    "people",
    "others",
    "others_low",
    "others_high",
    "times",
    "before",
    "year_before",
    "read_back",
    "mail_source",
    "why",
)


def measure_json(
    performances: Sequence[Performance], results: Sequence[Result], hints: Sequence[str]
) -> dict[str, Any]:
    return {
        "schema": "connector.measure/1",
        "segments": [_segment(one) for one in performances],
        "experiments": [result_json(one) for one in results],
        "hints": list(hints),
    }


def _segment(one: Performance) -> dict[str, Any]:
    return {
        "segment": one.segment,
        "title": one.title,
        "members": one.members,
        "known_since": one.known_since.isoformat() if one.known_since else None,
        "from": one.period.low.isoformat(),
        "to": one.period.high.isoformat(),
        "mails": one.sent,
        "figures": {figure.name: _figure(figure) for figure in one.figures},
        "lifetime": {figure.name: _figure(figure, before=False) for figure in one.lifetime},
        "told": [_told(each) for each in one.told],
        "reported": [_reported(each, one) for each in one.reported],
    }


def _figure(figure: Figure, before: bool = True) -> dict[str, Any]:
    found = asdict(figure)
    del found["name"]
    return found if before else {key: found[key] for key in ("members", "others", "times", "why")}


def _told(one: Readback) -> dict[str, Any]:
    return asdict(one) | {"since": one.since.isoformat() if one.since else None}


def _reported(each: Reported, one: Performance) -> dict[str, Any]:
    return {
        "destination": each.destination,
        "mails": each.mails,
        "rates": dict(each.rates),
        "revenue": each.revenue,
        "elsewhere": each.elsewhere,
        "ours": ours(each, one),
        "campaigns": [_campaign(report) for report in each.campaigns],
        "note": each.note,
        "why": each.why or None,
    }


def ours(each: Reported, one: Performance) -> dict[str, dict[str, Any]]:
    """Our own count beside the reports of a destination: what it told of people day by day, and the source of mail
    events, which knows no destinations."""
    told = next((back for back in one.told if back.destination == each.destination and back.since), None)
    figures = {figure.name: figure.members.value for figure in one.figures}
    return {
        "read_back": {"mails": None if told is None else told.mails}
        | {name: None if told is None else _value(told, name) for name in RATES},
        "mail_source": {"mails": one.sent or None} | {name: figures.get(name) for name in RATES},
    }


def _value(told: Readback, name: str) -> float | None:
    found = getattr(told, name, None)
    return found.value if isinstance(found, Estimate) else None


def _campaign(report: CampaignReport) -> dict[str, Any]:
    found = {name: value for name, value in asdict(report).items() if name not in _NO_TARGETS}
    return found | {"sent_at": report.sent_at.isoformat()}


def measure_csv(performances: Sequence[Performance]) -> str:
    """A row for each figure: of the period, of the whole time, of what platforms told of people (`told`) and of
    campaigns (`reported`, beside our own count, `read_back` and `mail_source`)."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in performances:
        for row in _rows(one):
            writer.writerow({"segment": one.segment} | row)
    return out.getvalue()


def _rows(one: Performance) -> Iterator[dict[str, Any]]:
    for part, figures in (("period", one.figures), ("whole time", one.lifetime)):
        for figure in figures:
            yield (
                {"part": part, "figure": figure.name, "why": figure.why}
                | _estimates(figure.members, figure.others)
                | {
                    "times": figure.times.value,
                    "before": figure.before.value,
                    "year_before": figure.year_before.value,
                }
            )
    for back in one.told:
        row = {"part": "told", "source": back.destination}
        if back.why:
            yield row | {"why": back.why}
        for name in ("open_rate", "click_rate", "bounce_rate") if back.since else ():
            yield row | {"figure": name} | _estimates(getattr(back, name), getattr(back, f"others_{name}"))
    for each in one.reported:
        counted = ours(each, one)
        row = {"part": "reported", "source": each.destination, "why": each.why}
        if each.campaigns or each.why:
            yield row | {"figure": "mails", "members": each.mails} | _sides(counted, "mails")
        for name, value in each.rates.items() if each.campaigns else ():
            yield row | {"figure": name, "members": value} | _sides(counted, name)


def _sides(counted: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    return {side: numbers[name] for side, numbers in counted.items()}


def _estimates(members: Estimate, others: Estimate) -> dict[str, Any]:
    return {
        "members": members.value,
        "low": members.low,
        "high": members.high,
        "number": members.number,
        "people": members.people,
        "others": others.value,
        "others_low": others.low,
        "others_high": others.high,
    }
