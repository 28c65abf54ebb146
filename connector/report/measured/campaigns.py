"""Campaigns as a platform reports them, beside our own count, as text.

Owns: these words. Must not: compute a figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.measure.campaigns import Reported
from connector.measure.performance import UNRELIABLE, Performance
from connector.report.measured.experiments import UNTOLD
from connector.report.measured.values import ours
from connector.report.table import table

NAMED = 3  # campaigns; the others are in JSON
NEAR = (
    "Reports cover a campaign's whole life and everybody who got it; read back and mail source are our own count of "
    "members, of the days of the period."
)


def campaigns_text(one: Performance) -> Iterator[str]:
    for each in one.reported:
        if each.campaigns:
            yield _named(each)
            yield table(("    ", "reported", "read back", "mail source"), list(_rows(each, one)), right=(1, 2, 3))
        elif not each.why:
            yield f"  {each.destination} reports no campaign to it in the period"


def unread(performances: Sequence[Performance]) -> list[str]:
    """What a reader should know of all of them, once."""
    found: dict[str, None] = {}
    for one in performances:
        for each in one.reported:
            if each.why:
                found[f"Campaigns of {each.destination}: {each.why}."] = None
            elif each.campaigns:
                found[NEAR] = found[f"* {UNRELIABLE}."] = None
                found[f"{each.destination} tells {each.note}."] = None
    return ["\n".join(found)] if found else []


def _named(each: Reported) -> str:
    names = ", ".join(f"{one.name or one.id} ({one.sent_at:%Y-%m-%d})" for one in each.campaigns[:NAMED])
    more = len(each.campaigns) - NAMED
    names += f" and {more:,} more" if more > 0 else ""
    count = len(each.campaigns)
    wider = f"; {each.elsewhere:,} of them went to others as well" if each.elsewhere else ""
    return f"  {each.destination} reports {count:,} {'campaign' if count == 1 else 'campaigns'} to it: {names}{wider}"


def _rows(each: Reported, one: Performance) -> Iterator[tuple[str, ...]]:
    counted = ours(each, one)
    sides = (counted["read_back"], counted["mail_source"])
    yield "    mails", _count(each.mails), *(_count(side["mails"]) for side in sides)
    for name, value in each.rates.items():
        shown = name.replace("_", " ") + (" *" if name == "open_rate" else "")
        yield f"    {shown}", _share(value), *(_share(side[name]) for side in sides)
    if each.revenue is not None:
        yield "    revenue", f"{each.revenue:,.2f}", UNTOLD, UNTOLD


def _count(number: int | None) -> str:
    return UNTOLD if number is None else f"{number:,}"


def _share(value: float | None) -> str:
    return UNTOLD if value is None else f"{value:.2%}"
