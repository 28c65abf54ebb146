"""Results of experiments, for people and programs.

Owns: their words. Must not: compute a figure, read a store, show an address.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.counts import count_of
from connector.measure.experiment import Result
from connector.measure.trials import MISMATCH, Compared
from connector.report.table import table

UNTOLD = "–"
_COLUMNS = (
    "experiment",
    "part",
    "people",
    "reached",
    "rate",
    "against",
    "difference",
    "low",
    "high",
    "lift",
    "p",
    "decided",
)


def result_json(one: Result) -> dict[str, Any]:
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


def results_csv(results: Sequence[Result]) -> str:
    """A row for each part; the differences are to the first part."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in results:
        by_part = {each.part: each for each in one.compared}
        for part in one.parts:
            found = by_part.get(part.name)
            told = (
                ["", "", "", "", "", "", ""]
                if found is None
                else [
                    one.parts[0].name,
                    found.difference,
                    found.low,
                    found.high,
                    found.lift,
                    found.p,
                    found.decided,
                ]
            )
            writer.writerow([one.name, part.name, part.people, part.reached, part.rate, *told])
    return out.getvalue()


def result_text(one: Result, zone: ZoneInfo) -> str:
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
        said.append(
            f"{count_of(one.changed, 'person was', 'people were')} in more than one part and counted for the first."
        )
    if one.needed is not None:
        text = f"A lift of {one.effect:.0%} needs {count_of(one.needed, 'person', 'people')} in each part"
        if one.missing:
            pace = "" if one.days is None else f", {one.days:,} {'day' if one.days == 1 else 'days'} at the pace so far"
            text += f"; {count_of(one.missing, 'is', 'are')} missing{pace}"
        said.append(text + ".")
    if one.detectable is not None:
        said.append(f"Today's people would find a lift of {one.detectable:.1%} (power 80 %, level 5 %).")
    said.append("Decided." if one.decided else "Not decided.")
    return said
