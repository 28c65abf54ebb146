"""The page of a preview: self-contained, without script, without anything from elsewhere.

Owns: what the template may ask for. Must not: compute a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.report.preview import text


def html(found: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    zone = ZoneInfo(found["timezone"])
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": lambda number: f"{number:,}",
        "percent": lambda share: f"{share:.1%}",
        "value": lambda one: text.value(one, zone),
        "label": text.label,
        "told": text.told,
        "moment": lambda at: f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M} {zone.key}",
    }
    page = environment.get_template("page.html.j2")
    return page.render(found=found, path=text.path(found), since=text.since(found, zone), beside_groups=text.BESIDE)
