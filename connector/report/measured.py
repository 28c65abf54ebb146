"""What was measured, for people and programs: figures of segments, results of experiments.

Owns: their words. Must not: compute a figure, read a store, show an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from connector.measure.experiment import Result
from connector.measure.mail import Readback
from connector.measure.performance import MONEY_FIGURES, Figure, Performance
from connector.measure.rates import Estimate
from connector.measure.trials import MISMATCH, Compared
from connector.report.table import table

UNTOLD = "–"
_MONEY = ("revenue_per_member", "revenue")
_SHARES = ("_rate", "_share", "click_to_open")


def measure_json(
    performances: Sequence[Performance], results: Sequence[Result], hints: Sequence[str]
) -> dict[str, Any]:
    return {
        "schema": "connector.measure/1",
        "segments": [_segment(one) for one in performances],
        "experiments": [_experiment(one) for one in results],
        "hints": list(hints),
    }


def measure_text(
    performances: Sequence[Performance], results: Sequence[Result], hints: Sequence[str], zone: ZoneInfo
) -> str:
    parts = [_segment_text(one, zone) for one in performances] + [_result_text(one, zone) for one in results]
    return "\n\n".join([*parts, *hints])


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
    }


def _figure(figure: Figure, before: bool = True) -> dict[str, Any]:
    found = asdict(figure)
    del found["name"]
    return found if before else {key: found[key] for key in ("members", "others", "times", "why")}


def _told(one: Readback) -> dict[str, Any]:
    return asdict(one) | {"since": one.since.isoformat() if one.since else None}


def _told_text(one: Readback) -> str:
    if one.why or one.since is None:
        return f"  {one.destination}: {one.why}"
    pairs = [
        ("open", one.open_rate, one.others_open_rate),
        ("click", one.click_rate, one.others_click_rate),
        ("bounce", one.bounce_rate, one.others_bounce_rate),
    ]
    told = ", ".join(f"{name} {_share(mine)}, everybody else {_share(other)}" for name, mine, other in pairs)
    return f"  {one.destination} told (since {one.since}): {one.mails:,} mails to members; {told}"


def _share(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return UNTOLD
    return f"{one.value:.2%} ({one.low:.2%} to {one.high:.2%})"


def _segment_text(one: Performance, zone: ZoneInfo) -> str:
    days = f"{one.period.low.astimezone(zone):%Y-%m-%d} to {one.period.high.astimezone(zone):%Y-%m-%d %H:%M}"
    named = one.segment if one.title == one.segment else f"{one.segment}, {one.title}"
    since = f"members known since {one.known_since.astimezone(zone):%Y-%m-%d}" if one.known_since else "no history yet"
    lines = [f"{named}: {one.members:,} members; {days}; {since}; {one.sent:,} mails to members"]
    told = [figure for figure in one.figures if figure.members.value is not None or figure.others.value is not None]
    if told:
        header = ("  in the period", "members", "n", "everybody else", "times", "before", "a year before")
        lines.append(table(header, [_row(figure) for figure in told], right=(2,)))
    whole = [figure for figure in one.lifetime if figure.members.value is not None]
    if whole:
        short = ("  over their whole time", "members", "n", "everybody else", "times")
        lines.append(table(short, [_row(figure)[:5] for figure in whole], right=(2,)))
    notes: dict[str, list[str]] = {}
    for figure in (*one.figures, *one.lifetime):
        if figure.why:
            notes.setdefault(figure.why, []).append(_name(figure))
    lines += [f"  {', '.join(names)}: {why}" for why, names in notes.items()]
    return "\n".join([*lines, *(_told_text(each) for each in one.told)])


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        f"  {_name(figure)}",
        _estimate(figure, figure.members),
        f"{figure.members.people if figure.name in MONEY_FIGURES else figure.members.number:,.0f}",
        _estimate(figure, figure.others),
        _times(figure.times),
        _value(figure, figure.before.value),
        _value(figure, figure.year_before.value),
    )


def _name(figure: Figure) -> str:
    return figure.name.replace("_", " ")


def _estimate(figure: Figure, one: Estimate) -> str:
    if one.low is None or one.high is None:
        return _value(figure, one.value)
    return f"{_value(figure, one.value)} ({_value(figure, one.low)} to {_value(figure, one.high)})"


def _times(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return UNTOLD
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _value(figure: Figure, value: float | None) -> str:
    if value is None:
        return UNTOLD
    if figure.name.endswith(_SHARES):
        return f"{value:.2%}"
    return f"{value:,.2f}" if figure.name in _MONEY else f"{value:,.1f}"


def _experiment(one: Result) -> dict[str, Any]:
    return {
        "experiment": one.name,
        "from": one.period.low.isoformat(),
        "to": one.period.high.isoformat(),
        "over": one.over,
        "method": one.method,
        "goal": one.goal,
        "effect": one.effect,
        "parts": [
            {"part": part.name, "people": part.people, "reached": part.reached, "rate": part.rate} for part in one.parts
        ],
        "compared": [asdict(each) for each in one.compared],
        "decided": one.decided,
        "needed": one.needed,
        "missing": one.missing,
        "days": one.days,
        "detectable": one.detectable,
        "split_p": one.mismatch,
        "split_sound": one.sound,
        "changed_part": one.changed,
        "why": one.why,
    }


def _result_text(one: Result, zone: ZoneInfo) -> str:
    days = f"{one.period.low.astimezone(zone):%Y-%m-%d} to {one.period.high.astimezone(zone):%Y-%m-%d}"
    state = "over" if one.over else "running"
    lines = [f"{one.name}: {days}, {state}; goal: {one.goal}; {_METHODS[one.method]}"]
    if one.why:
        return "\n".join([*lines, f"  No result yet: {one.why}."])
    by_part = {each.part: each for each in one.compared}
    rows = []
    for part in one.parts:
        rate = UNTOLD if part.rate is None else f"{part.rate:.2%}"
        rows.append(
            (f"  {part.name}", f"{part.people:,}", f"{part.reached:,}", rate, *_compared(by_part.get(part.name)))
        )
    header = ("  part", "people", "reached", "rate", "difference", "lift", "p", "")
    lines.append(table(header, rows, right=(1, 2, 3)))
    return "\n".join([*lines, *(f"  {said}" for said in _verdict(one))])


_METHODS = {
    "sequential": "sequential: it may be looked at any time",
    "fixed": "fixed: decided when the period is over, and not before",
}


def _compared(one: Compared | None) -> tuple[str, str, str, str]:
    if one is None:
        return "", "", "", "compared with"
    if one.difference is None or one.low is None or one.high is None:
        return UNTOLD, UNTOLD, UNTOLD, ""
    lift = UNTOLD
    if one.lift is not None and one.lift_low is not None and one.lift_high is not None:
        lift = f"{one.lift:+.1%} ({one.lift_low:+.1%} to {one.lift_high:+.1%})"
    p = UNTOLD if one.p is None else f"{one.p:.4f}"
    difference = f"{one.difference:+.2%} ({one.low:+.2%} to {one.high:+.2%})"
    return difference, lift, p, "decided" if one.decided else "not decided"


def _verdict(one: Result) -> list[str]:
    said = []
    if not one.sound:
        said.append(
            f"NOT TO BE TRUSTED: people did not fall into the parts as the split says (p {one.mismatch:.2g} < "
            f"{MISMATCH}). Look for what keeps one part from being counted."
        )
    if one.changed:
        said.append(f"{one.changed:,} people were in more than one part; they count for their first.")
    if one.needed is not None:
        text = f"A lift of {one.effect:.0%} needs {one.needed:,} people in each part"
        if one.missing:
            pace = "" if one.days is None else f", {one.days:,} {'day' if one.days == 1 else 'days'} at the pace so far"
            text += f"; {one.missing:,} are missing{pace}"
        said.append(text + ".")
    if one.detectable is not None:
        said.append(f"Today's people would find a lift of {one.detectable:.1%} (power 80 %, level 5 %).")
    said.append("Decided." if one.decided else "Not decided.")
    return said
