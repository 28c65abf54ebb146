"""`sync lifecycle` told to people and to programs ("connector.lifecycle/1").

Owns: the words. Must not: count, show an address in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.scrub import mask
from connector.lifecycle.overview import Cost, Move, Overview
from connector.lifecycle.returns import Rate
from connector.report.plan import MOVED
from connector.report.values import noted


def lifecycle_json(sides: Sequence[Overview], as_of: datetime, policy: str, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "schema": "connector.lifecycle/1",
        "as_of": as_of.isoformat(),
        "policy": policy,
        "destinations": [side_json(side) for side in sides],
        "notes": list(notes),
    }


def side_json(side: Overview) -> dict[str, Any]:
    return {
        "name": side.destination,
        "stages": dict(side.stages),
        "active": side.active,
        "protected": side.protected,
        "unmeasurable": side.unmeasurable,
        "waiting": side.waiting,
        "unknown_sends": side.unknown_sends,
        "held_back": side.uncounted,
        "next_run": [
            {"how": move.how, "from": move.before, "to": move.stage, "contacts": move.contacts} for move in side.moves
        ],
        "may_be_let_go": side.ripe,
        "may_be_let_go_in_one_run": side.ripe_now,
        "without_action": side.staying,
        "returns": [
            {"stage": rate.stage, "part": rate.part, "entered": rate.entered, "returned": rate.returned}
            for rate in side.rates
        ],
        "tests": [
            {
                "stage": test.stage,
                "part": test.part.part,
                "entered": test.part.entered,
                "returned": test.part.ever,
                "holdout_entered": test.holdout.entered,
                "holdout_returned": test.holdout.ever,
                "difference": round(test.difference, 6),
                "interval_95": [round(test.low, 6), round(test.high, 6)],
            }
            for test in side.tests
        ],
        "billable": {
            name: {"contacts": cost.contacts, "price": None if cost.price is None else float(cost.price)}
            for name, cost in (("now", side.now), ("had_nobody_left", side.without_retired), ("after", side.after))
        },
    }


def lifecycle_text(
    sides: Sequence[Overview], as_of: datetime, zone: ZoneInfo, notes: Sequence[str], verbose: bool
) -> str:
    lines = [f"Lifecycle as of {as_of.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}; platforms as last read", ""]
    for side in sides:
        lines += _side_lines(side, verbose)
    return "\n".join([*lines, *noted(notes)]).rstrip()


def _side_lines(side: Overview, verbose: bool) -> list[str]:
    lines = [side.destination]
    rows = [("active", side.active), ("protected", side.protected), ("unmeasurable", side.unmeasurable)]
    rows += [("inactive, waiting (ramp)", side.waiting)] if side.waiting else []
    lines += [f"  {name:<24}{count:>10,}" for name, count in (*rows, *side.stages.items())]
    if side.unknown_sends:
        lines.append(f"  {side.unknown_sends:,} with an unknown number of mails: `sends` does not hold them back")
    if side.uncounted:
        why = "only mails count for them, and how many they got is not known"
        lines.append(f"  {side.uncounted:,} held back, never archived: {why}")
    lines.append("  next push")
    for move in side.moves:
        lines.append(f"    {move.contacts:>8,}  {_path(move)}: {MOVED[move.how]}")
        lines += [f"              {mask(email)}" for email in move.samples] if verbose else []
    lines += ["    nobody changes stage"] if not side.moves else []
    if side.ripe:
        now = f", {side.ripe_now:,} of them in one run" if side.ripe_now < side.ripe else ""
        lines.append(f"  sync cleanup would archive or suppress {side.ripe:,}{now}")
    if side.staying:
        lines.append(f"  {side.staying:,} went through every stage and stay: the action is not offered here")
    came = [rate for rate in side.rates if rate.returned]
    if came:
        lines.append("  came back")
        lines += [f"    {_rate(rate)}" for rate in came]
    for test in side.tests:
        lines.append(f"  test {test.stage}: {test.part.part} against holdout")
        lines.append(
            f"    {_share(test.part.ever, test.part.entered)} of {test.part.entered:,} came back, "
            f"{_share(test.holdout.ever, test.holdout.entered)} of {test.holdout.entered:,} by themselves"
        )
        lines.append(
            f"    difference {test.difference:+.1%}, 95 % interval {test.low:+.1%} to {test.high:+.1%}"
            f"{'' if test.low > 0 or test.high < 0 else ': not shown to differ'}"
        )
    return [*lines, *_costs(side), ""]


def _path(move: Move) -> str:
    return f"{move.before or 'active'} → {move.stage or 'active'}"


def _rate(rate: Rate) -> str:
    part = f" ({rate.part})" if rate.part else ""
    return f"{rate.returned:>8,}  out of {rate.stage}{part}, {_share(rate.returned, rate.entered)} of {rate.entered:,}"


def _share(hits: int, of: int) -> str:
    return f"{hits / of:.1%}" if of else "0.0%"


def _costs(side: Overview) -> list[str]:
    """An estimate: what is paid for differs by platform and contract."""
    lines = [f"  paid for (estimate)     {side.now.contacts:>10,}{_price(side.now)}"]
    if side.without_retired.contacts != side.now.contacts:
        lines.append(f"    had nobody left       {side.without_retired.contacts:>10,}{_price(side.without_retired)}")
    if side.after.contacts != side.now.contacts:
        lines.append(f"    after sync cleanup    {side.after.contacts:>10,}{_price(side.after)}")
    saved = _saved(side.without_retired, side.after)
    return [*lines, f"    saved per period      {saved:>10,}"] if saved else lines


def _price(cost: Cost) -> str:
    return "" if cost.price is None else f"  price {cost.price:,}"


def _saved(before: Cost, after: Cost) -> Decimal | None:
    return None if before.price is None or after.price is None else before.price - after.price
