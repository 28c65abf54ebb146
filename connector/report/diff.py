"""What `sync diff-segments` tells: in text, as JSON, and as Markdown for a pull request.

Owns: its words and the document "connector.segments-diff/1". Must not: compare, or show an address in full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connector.config.sections.models import Config
from connector.config.yaml.excerpt import excerpt
from connector.core.problem import Place
from connector.core.scrub import mask
from connector.report.table import table
from connector.segments.compare import Door, Moved, SegmentChange

SCHEMA = "connector.segments-diff/1"
WORDS = {
    "kept-out": "{0} kept them out ({1})",
    "keeps-out": "{0} keeps them out ({1})",
    "lets-in": "{0} lets them in ({1})",
    "let-in": "{0} let them in ({1})",
    "rule": "the rule as a whole ({1})",
    "priorities": "the order of priorities ({1})",
    "export": "the export: they are in one of the two only",
}
KINDS = {"new": "new segment", "gone": "no longer in the file: left alone on the platforms"}


class Told:
    """The versions that the changes speak of: (label, config, document) of old and new."""

    def __init__(self, old: tuple[str, Config, Any], new: tuple[str, Config, Any]) -> None:
        self.labels = {"old": old[0], "new": new[0]}
        self.configs = {"old": old[1], "new": new[1]}
        self.documents = {"old": old[2], "new": new[2]}

    def place(self, door: Door) -> Place:
        return self.configs[door.side].place(door.loc)

    def condition(self, door: Door) -> str:
        above = ("segments", str(door.loc[1]), "when") if door.loc[0] == "segments" else ()
        return excerpt(self.documents[door.side], door.loc, above) if len(door.loc) > 2 else ""

    def instead(self, door: Door) -> str:
        """What the other version has for it."""
        if door.instead is None:
            return ""
        other = "new" if door.side == "old" else "old"
        return excerpt(self.documents[other], door.instead, ("segments", str(door.instead[1]), "when"))

    def door(self, door: Door, quote: Callable[[str], str]) -> str:
        condition, instead = quote(self.condition(door)), quote(self.instead(door))
        change = f"; {'now' if door.side == 'old' else 'before'} {instead}" if door.instead else ""
        return WORDS[door.why].format(condition, self.place(door)) + change


def diff_json(told: Told, changes: Sequence[SegmentChange]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "old": told.labels["old"],
        "new": told.labels["new"],
        "segments": [
            {
                "name": change.name,
                "kind": change.kind,
                "before": change.before,
                "after": change.after,
                "entered": _moved_json(told, change.entered),
                "left": _moved_json(told, change.left),
            }
            for change in changes
        ],
    }


def _moved_json(told: Told, moved: Moved) -> dict[str, Any]:
    return {
        "people": moved.people,
        "through": [
            {
                "why": door.why,
                "condition": told.condition(door),
                "instead": told.instead(door),
                "file": told.place(door).file,
                "line": told.place(door).line,
                "column": told.place(door).column,
                "people": door.people,
            }
            for door in moved.doors
        ],
        "samples": [mask(address) for address in moved.samples],
    }


def diff_text(told: Told, changes: Sequence[SegmentChange]) -> str:
    lines = [f"{told.labels['old']} → {told.labels['new']}", "", table(*_rows(changes), right=(1, 2, 3, 4))]
    for change in _moving(changes):
        lines += ["", change.name + (f" ({KINDS[change.kind]})" if change.kind in KINDS else "")]
        for sign, moved in (("+", change.entered), ("−", change.left)):
            lines += [f"  {sign}{door.people:,}  {told.door(door, _quoted)}" for door in moved.doors]
            if moved.people:
                lines.append(f"  {sign}    {_samples(moved)}")
    return "\n".join([*lines, *_unchanged(changes)])


def diff_markdown(told: Told, changes: Sequence[SegmentChange]) -> str:
    """For the description of a pull request."""
    header, rows = _rows(changes)
    lines = [f"### Segments: {_code(told.labels['old'])} → {_code(told.labels['new'])}", ""]
    if rows:
        lines += [f"| {' | '.join(header)} |", "|---|--:|--:|--:|--:|"]
        lines += [f"| {' | '.join((_code(str(row[0])), *map(str, row[1:])))} |" for row in rows]
    for change in _moving(changes):
        lines += ["", f"**{_code(change.name)}**" + (f" — {KINDS[change.kind]}" if change.kind in KINDS else ""), ""]
        for sign, moved in (("+", change.entered), ("−", change.left)):
            lines += [f"- {sign}{door.people:,}: {told.door(door, _code)}" for door in moved.doors]
            if moved.people:
                lines.append(f"- {sign} {_samples(moved)}")
    return "\n".join([*lines, *_unchanged(changes)])


def _quoted(text: str) -> str:
    return f"“{text}”"


def _code(text: str) -> str:
    """As Markdown's code: neither text nor a backtick in it can become markup or end a table's cell."""
    fence = "``" if "`" in text else "`"
    blank = " " if "`" in text else ""
    return f"{fence}{blank}{text.replace('|', '¦')}{blank}{fence}"


def _moving(changes: Sequence[SegmentChange]) -> list[SegmentChange]:
    return [change for change in changes if change.kind != "same"]


def _rows(changes: Sequence[SegmentChange]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]] = [
        (
            change.name,
            f"{change.before:,}",
            f"{change.after:,}",
            f"+{change.entered.people:,}",
            f"−{change.left.people:,}",
        )
        for change in _moving(changes)
    ]
    return ("segment", "before", "after", "entered", "left"), rows


def _unchanged(changes: Sequence[SegmentChange]) -> list[str]:
    same = len(changes) - len(_moving(changes))
    if not same:
        return []
    return ["", f"{same} segment{'' if same == 1 else 's'} with the same people as before."]


def _samples(moved: Moved) -> str:
    shown = ", ".join(mask(address) for address in moved.samples)
    return f"{shown}{', …' if moved.people > len(moved.samples) else ''}"
