"""The charts of a report, from its document.

Owns: which marks say what. Must not: compute a number, or say anything that the table beside does not say too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.report.page.drawing import ALERT, INK, MAIN, MUTED, OTHER, SOFT, plain, svg

ROW = 26
WIDTH = 320  # with the names beside it as wide as a telephone, nearly
Rows = Sequence[Mapping[str, Any]]


def _chart(rows: Rows, width: int = WIDTH, height: int | None = None) -> Any:
    import altair

    return altair.Chart(altair.InlineData(values=[dict(row) for row in rows])).properties(
        width=width, height=height or ROW * max(1, len({row["name"] for row in rows}))
    )


def _names(rows: Rows) -> Any:
    """The rows in their order, which a row without a value must not change."""
    import altair

    order = list(dict.fromkeys(row["name"] for row in rows))
    axis = altair.Axis(ticks=False, domain=False, labelPadding=8)
    return altair.Y("name:N", sort=None, scale=altair.Scale(domain=order), title=None, axis=axis)


def bars(rows: Rows, label: str, title: str) -> str:
    """`rows`: name, value, shown; one with `alert` is drawn as one to look at."""
    import altair

    drawn = [{"alert": False, **row, "name": plain(str(row["name"]))} for row in rows]
    base = _chart(drawn).encode(y=_names(drawn))
    colour = altair.condition(altair.datum.alert, altair.value(ALERT), altair.value(MAIN))
    values = base.mark_bar(height=15).encode(
        x=altair.X("value:Q", title=title, axis=altair.Axis(grid=True, tickCount=5, format=",~f")), color=colour
    )
    text = base.mark_text(align="left", dx=5, color=INK).encode(x="value:Q", text="shown:N")
    return svg(values + text, label)


def combinations(rows: Rows, names: Sequence[str], label: str) -> str:
    """Like an UpSet plot: a bar per combination, and below it a dot in the line of each segment that is part of it.

    `rows`: contacts, shown, segments (titles)."""
    import altair

    width = max(220, 26 * len(rows))
    tops = [{"name": str(i), "place": i, "value": row["contacts"], "shown": row["shown"]} for i, row in enumerate(rows)]
    dots = [
        {"name": plain(name), "place": place, "inside": name in row["segments"]}
        for name in names
        for place, row in enumerate(rows)
    ]
    order = [plain(name) for name in names]
    lines = [
        {"name": first, "last": last, "place": place}
        for place, row in enumerate(rows)
        if len(inside := [plain(name) for name in names if name in row["segments"]]) > 1
        for first, last in [(inside[0], inside[-1])]
    ]
    x = altair.X("place:O", axis=None)
    top = _chart(tops, width, 130)
    above = top.mark_bar(width=15).encode(
        x=x, y=altair.Y("value:Q", title=None, axis=altair.Axis(tickCount=4, format=",~f"))
    ) + top.mark_text(dy=-7, fontSize=11).encode(x=x, y="value:Q", text="shown:N")
    lines_axis = altair.Axis(ticks=False, domain=False, grid=True)
    y = altair.Y("name:N", sort=None, scale=altair.Scale(domain=order), title=None, axis=lines_axis)
    filled = altair.condition(altair.datum.inside, altair.value(MAIN), altair.value(SOFT))
    below = _chart(dots, width, 24 * len(names)).mark_circle(size=110, opacity=1).encode(x=x, y=y, color=filled)
    if lines:
        below += (
            _chart(lines, width, 24 * len(names)).mark_rule(color=MAIN, strokeWidth=2).encode(x=x, y=y, y2="last:N")
        )
    return svg(altair.vconcat(above, below, spacing=4).resolve_scale(x="shared"), label)


def funnel(rows: Rows, label: str, title: str) -> str:
    """`rows`: name, entered, returned, shown: who came into a stage, and in front of it who came back."""
    import altair

    drawn = [{**row, "name": plain(str(row["name"]))} for row in rows]
    base = _chart(drawn).encode(y=_names(drawn))
    axis = altair.Axis(grid=True, tickCount=5, format=",~f")
    entered = base.mark_bar(height=15, color=SOFT).encode(x=altair.X("entered:Q", title=title, axis=axis))
    returned = base.mark_bar(height=15).encode(x="returned:Q")
    text = base.mark_text(align="left", dx=5, color=INK).encode(x="entered:Q", text="shown:N")
    return svg(entered + returned + text, label)


def ranges(rows: Rows, label: str, title: str, numbers: str = ",~f") -> str:
    """`rows`: name, low, median, high, others: the middle half of the members, and a ring for everybody else."""
    import altair

    drawn = [{**row, "name": plain(str(row["name"]))} for row in rows]
    base = _chart(drawn).encode(y=_names(drawn))
    axis = altair.Axis(grid=True, tickCount=5, format=numbers)
    half = base.mark_bar(height=9, color=SOFT, cornerRadius=4).encode(
        x=altair.X("low:Q", title=title, axis=axis), x2="high:Q"
    )
    others = base.mark_point(size=80, color=OTHER, filled=False, strokeWidth=2, opacity=1).encode(x="others:Q")
    mine = base.mark_point(size=80, color=MAIN, filled=True, opacity=1).encode(x="median:Q")
    return svg(half + others + mine, label)


def intervals(rows: Rows, label: str, title: str) -> str:
    """`rows`: name, value, low, high: a rate or difference with its interval, and a line at zero."""
    import altair

    drawn = [{**row, "name": plain(str(row["name"]))} for row in rows]
    base = _chart(drawn).encode(y=_names(drawn))
    axis = altair.Axis(grid=True, tickCount=5, format="%")
    middle = _chart([{"name": drawn[0]["name"], "zero": 0}], height=ROW * len(drawn))
    zero = middle.mark_rule(color=MUTED, strokeDash=[3, 3]).encode(x="zero:Q")
    line = base.mark_rule(color=MAIN, strokeWidth=2).encode(x=altair.X("low:Q", title=title, axis=axis), x2="high:Q")
    point = base.mark_point(size=80, color=MAIN, filled=True, opacity=1).encode(x="value:Q")
    return svg(zero + line + point, label)
