"""Tables of events that hold one row per line of an order: refused, or told, because each row counts as an event.

Owns: check(). Must not: gather lines (that takes the order of rows, which a table has not; lines.py does it for files).
"""

from __future__ import annotations

from typing import Any

from connector.config.sections.models import Config
from connector.core.counts import count_of
from connector.sources import lines
from connector.sources.columns.model import SourceInfo
from connector.sources.findings import Findings
from connector.sources.text import plain
from connector.sources.trouble import fail
from connector.sources.warehouse import connect


def check(config: Config, opened: Any, info: SourceInfo, key: str, findings: Findings) -> None:
    """Raises SourceError where the preset knows what tells an event and it repeats; a likely one is advice. `key` is
    the column that finds the person."""
    source = config.sources[info.name]
    told = lines.told(source, info)
    column = told or lines.likely(source, info, key)
    if column is None:
        return
    header = info.columns[column].headers[0]
    id_ = connect.table(config, source)[header]
    asked = id_.as_table().aggregate(rows=id_.count(), events=id_.nunique())
    row = connect.rows(opened, asked).to_pylist()[0]
    more = int(row["rows"]) - int(row["events"])
    if not more:
        return
    rows = count_of(more, "row repeats", "rows repeat")
    what = f"{rows} a “{plain(header)}” of another, and each row of a table counts as an event."
    if told is not None:
        place = config.place(("sources", info.name, "preset"))
        fail(place, "not-on-engine", f"{what} Make one row per event in a view.")
    message = f"{what} If they are lines of one event, make one row per event in a view."
    findings.add("repeated-id", info.name, column, more, message)
