"""The page: the document of a report put into the template, with its charts.

Owns: what the template may ask for (filters, charts). Must not: compute a number, load anything from elsewhere, or put
a name of somebody else's into the page unescaped (the template escapes; charts are our own SVG).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.report.page import drawing, pictures
from connector.report.page.words import FIGURES, MEASURES, amount, day, figure, number, percent, points, stage

_HERE = Path(__file__).parent
# Anchor and file of a section -> its title, in the order of the page.
SECTIONS = {
    "sizes": "Sizes and shares",
    "flows": "Entries and exits",
    "overlap": "Overlap",
    "profiles": "Profiles",
    "rfm": "Recency and frequency",
    "lifecycle": "Lifecycle",
    "performance": "Performance",
    "tests": "Tests and holdouts",
    "quality": "Data quality",
    "destinations": "Destinations",
}
PEOPLE = {"people": "People"}  # with --people alone
_SOURCES = {"days_since_last": "last", "days_known": "tenure"}  # measure -> role of the column it comes from


def html(found: Mapping[str, Any]) -> str:
    """One page that needs nothing else: no network, no script, no file beside it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "amount": amount,
        "points": points,
        "figure": figure,
        "stage": stage,
        "day": lambda at: day(at, found["timezone"]),
        "spark": lambda values: Markup(drawing.spark(values)),
    }
    return environment.get_template("page.html.j2").render(
        report=found,
        sections=list((SECTIONS | (PEOPLE if "people" in found else {})).items()),
        measures=MEASURES,
        figures=FIGURES,
        sources={key: _SOURCES.get(key, key) for key in MEASURES},
        titles={one["name"]: one["title"] for one in found["segments"]},
        trends=_trends(found),
        charts={name: Markup(drawn) for name, drawn in pictures.of(found).items()},
        style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),
    )


def _trends(found: Mapping[str, Any]) -> dict[str, list[int]]:
    """Segment -> its sizes at the last moments, and now."""
    now = {one["name"]: one["members"] for one in found["segments"]}
    return {
        one["name"]: [*(point["size"] for point in one["points"]), now[one["name"]]]
        for one in found["history"]["segments"]
    }
