"""Which charts a report has, and what each shows of the document.

Owns: the choice and the label of every chart. Must not: compute; draw (charts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.report.page import charts
from connector.report.page.words import FIGURES, MEASURES, is_share, number, percent, stage

MOST = 60  # segments or columns in a chart: with more nobody can read it, and the table has them all


def of(found: Mapping[str, Any]) -> dict[str, str]:
    """Name of a chart -> SVG; what has nothing to show is left out."""
    drawn = dict(_sizes(found))
    for part in (_combinations, _profiles, _lifecycle, _figures, _tests, _experiments, _missing):
        drawn |= dict(part(found))
    return drawn


def _sizes(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rows = [
        {"name": one["title"], "value": one["members"], "shown": f"{number(one['members'])} ({percent(one['share'])})"}
        for one in found["segments"][:MOST]
    ]
    if rows:
        yield (
            "sizes",
            charts.bars(rows, "Bar chart: members of each segment. The table below has the numbers.", "contacts"),
        )


def _combinations(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    titles = {one["name"]: one["title"] for one in found["segments"]}
    rows = [
        {"contacts": one["contacts"], "shown": number(one["contacts"]),
         "segments": [titles[name] for name in one["segments"]]}
        for one in found["overlap"]["combinations"]
    ]  # fmt: skip
    inside = {title for row in rows for title in row["segments"]}
    names = [title for title in titles.values() if title in inside]
    if rows:
        label = "Chart of the commonest combinations of segments. The table below has the numbers."
        yield "combinations", charts.combinations(rows, names, label)


def _profiles(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    titles = {one["name"]: one["title"] for one in found["segments"]}
    for key, title in MEASURES.items():
        rows = [
            {"name": titles[one["name"]], **one[key]["members"], "others": one[key]["others"]["median"]}
            for one in found["profiles"]["segments"]
            if key in one and one[key]["members"]["median"] is not None
        ][:MOST]
        if rows:
            label = f"Chart: {title.lower()} of members and of everybody else. The table below has the numbers."
            yield f"profile_{key}", charts.ranges(rows, label, title)


def _lifecycle(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for side in found["lifecycle"]:
        stages = {"active": side["active"], **side["stages"]}
        rows = [{"name": stage(name), "value": count, "shown": number(count)} for name, count in stages.items()]
        label = f"Bar chart: contacts in each stage at {side['name']}. The table below has the numbers."
        yield f"lifecycle_{side['name']}", charts.bars(rows, label, "contacts")
        rows = [
            {"name": f"{stage(rate['stage'])} {rate['part'] or ''}", "entered": rate["entered"],
             "returned": rate["returned"], "shown": f"{number(rate['entered'])}, {number(rate['returned'])} back"}
            for rate in side["returns"]
        ]  # fmt: skip
        if rows:
            label = f"Bar chart: entries into each stage at {side['name']}, and returns. The table has the numbers."
            yield f"returns_{side['name']}", charts.funnel(rows, label, "contacts since the first push")


def _figures(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    titles = {one["name"]: one["title"] for one in found["segments"]}
    for part in ("figures", "lifetime"):
        for name, title in FIGURES.items():
            told = [(one["segment"], one[part][name]) for one in found["performance"]["segments"] if name in one[part]]
            rows = [
                {"name": titles[segment], "low": figure["members"]["low"], "median": figure["members"]["value"],
                 "high": figure["members"]["high"], "others": figure["others"]["value"]}
                for segment, figure in told[:MOST]
                if figure["members"]["value"] is not None
            ]  # fmt: skip
            if rows:
                label = f"Chart: {title.lower()} of members and of everybody else. The table below has the numbers."
                yield f"{part}_{name}", charts.ranges(rows, label, title, ".1~%" if is_share(name) else ",~f")


def _experiments(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in found["experiments"]:
        rows = [
            {"name": each["part"], "value": each["difference"], "low": each["low"], "high": each["high"]}
            for each in one["compared"]
            if each["difference"] is not None
        ]
        if rows:
            label = f"Chart: difference of each part of {one['experiment']} to the first. The table has the numbers."
            yield f"experiment_{one['experiment']}", charts.intervals(rows, label, "difference")


def _tests(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for side in found["lifecycle"]:
        rows = [
            {"name": f"{stage(test['stage'])} {test['part']}", "value": test["difference"],
             "low": test["interval_95"][0], "high": test["interval_95"][1]}
            for test in side["tests"]
        ]  # fmt: skip
        if rows:
            label = f"Chart: difference of each part to its holdout at {side['name']}. The table has the numbers."
            yield f"tests_{side['name']}", charts.intervals(rows, label, "difference to the holdout")


def _missing(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    columns = sorted(found["quality"]["columns"], key=lambda one: -one["share_missing"])
    rows = [
        {"name": f"{one['source']}.{one['column']}", "value": one["missing"], "shown": percent(one["share_missing"])}
        for one in columns
        if one["missing"]
    ][:MOST]
    if rows:
        yield "missing", charts.bars(rows, "Bar chart: rows without a value. The table below has the numbers.", "rows")
