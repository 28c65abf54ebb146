"""A preview for a terminal of 80 columns.

Owns: its words. Must not: compute what the document does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.counts import count_of
from connector.report.values import noted, printable, wrapped

Shape = Mapping[str, Any]
BESIDE = ("any", "not", "segments")  # groups whose parts are side by side, not one after another


def text(found: Shape) -> str:
    return "\n".join(line for written in _lines(found) for line in wrapped(written))


def _lines(found: Shape) -> Iterator[str]:
    zone = ZoneInfo(found["timezone"])
    title = f": {printable(found['title'])}" if found["title"] else ""
    at = datetime.fromisoformat(found["as_of"]).astimezone(zone)
    yield f"{found['segment']}{title} as of {at:%Y-%m-%d %H:%M} {zone.key}"
    yield f"{found['members']:,} of {count_of(found['contacts'], 'contact')} ({found['share']:.1%})"
    if found["decided"]:
        yield f"Its rule is not asked: {found['decided']}."
    if found["funnel"]:
        yield from ("", f"Funnel ({path(found)})")
        for step in found["funnel"]:
            yield from _step(step, 1)
    if found["taken_by"]:
        taken = count_of(found["matches"] - found["members"], "is", "are")
        yield f"  priorities: {found['matches']:,} → {found['members']:,}, {taken} in {_or(found['taken_by'])}"
    yield from _sample(found, zone)
    yield from _changes(found, zone)
    if found["notes"]:
        yield from ("", *noted(found["notes"]))


def path(found: Shape) -> str:
    """5,003 → 2,100 → 431"""
    counts = [found["contacts"], *(step["after"] for step in found["funnel"])]
    counts += [found["members"]] if found["taken_by"] else []
    return " → ".join(f"{number:,}" for number in counts)


def _step(step: Shape, depth: int) -> Iterator[str]:
    indent = "  " * depth
    line = f"line {step['line']}: " if step["line"] else ""
    yield f"{indent}{line}{label(step)}"
    yield f"{indent}  {step['before']:,} → {step['holds']:,}: {effect(step)}"
    for part in step["parts"]:
        yield from _alternative(part, depth + 1) if step["group"] in BESIDE else _step(part, depth + 1)


def _alternative(step: Shape, depth: int) -> Iterator[str]:
    indent = "  " * depth
    line = f"line {step['line']}: " if step["line"] else ""
    yield f"{indent}{line}{label(step)}"
    yield f"{indent}  {lets_in(step)}"
    for part in step["parts"]:
        yield from _alternative(part, depth + 1) if step["group"] in BESIDE else _step(part, depth + 1)


def label(step: Shape) -> str:
    groups = {"any": "any of", "all": "all of", "not": "not"}
    return groups.get(step["group"]) or printable(step["condition"])


def effect(step: Shape) -> str:
    told = f"removes {step['removed']:,} ({step['removed_share']:.1%}), alone {step['alone_removed_share']:.1%} of all"
    return f"{told}; {count_of(step['only'], 'is', 'are')} kept out by nothing else" if step["only"] else told


def lets_in(step: Shape) -> str:
    told = f"true for {step['holds']:,} of {step['before']:,}"
    return f"{told}, {step['only']:,} of them by this alone" if step["only"] else told


def _or(names: Sequence[str]) -> str:
    return " or ".join(names)


def _sample(found: Shape, zone: ZoneInfo) -> Iterator[str]:
    columns, rows = found["sample"]["columns"], found["sample"]["rows"]
    if not rows or not columns:
        return
    yield from ("", f"{len(rows)} of them, masked")
    for number, row in enumerate(rows, 1):
        values = ", ".join(f"{name}: {value(one, zone)}" for name, one in zip(columns, row, strict=True))
        yield f"  person {number}: {values}"


def value(one: Any, zone: ZoneInfo) -> str:
    """A value of the document as people read it."""
    if one is None:
        return "missing"
    if isinstance(one, bool):
        return str(one).lower()
    if isinstance(one, list):
        return f"[{', '.join(value(item, zone) for item in one)}]"
    if isinstance(one, str) and len(one) > len("2026-11-20") and one[4:5] == "-" and "T" in one:
        try:
            return f"{datetime.fromisoformat(one).astimezone(zone):%Y-%m-%d %H:%M}"
        except ValueError:
            return printable(one)
    return printable(one)


def _changes(found: Shape, zone: ZoneInfo) -> Iterator[str]:
    if not found["changes"]:
        yield from ("", "It is sent nowhere." if not found["paused"] else "It is paused: nothing is sent.")
        return
    yield from ("", since(found, zone))
    for change in found["changes"]:
        yield f"  {change['destination']} {change['kind']} “{printable(change['target'])}”: {told(change)}"


def since(found: Shape, zone: ZoneInfo) -> str:
    if found["pushed_at"] is None:
        return "Nothing was pushed yet"
    at = datetime.fromisoformat(found["pushed_at"]).astimezone(zone)
    return f"Against what the last push confirmed ({at:%Y-%m-%d %H:%M}); `sync plan` also asks the platforms"


def told(change: Shape) -> str:
    kept = "" if change["mode"] == "mirror" else ", who stay there"
    enters = f"{change['enters']:,} enter"
    held_back = [
        f"{change[key]:,} {word}"
        for key, word in (("without_consent", "without consent"), ("blocked", "opted out or blocked"))
        if change[key]
    ]
    enters += f" ({', '.join(held_back)}: not sent)" if held_back else ""
    return f"{change['held']:,} there, {enters}, {change['leaves']:,} leave{kept}"
