"""Small exports in a folder, loaded with few words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.config.sections.models import Column, Config, Source
from connector.sources.columns.catalog import catalog
from connector.sources.load import load
from connector.sources.model import Loaded

AS_OF = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
Row = dict[str, Any]


def config(folder: Path, timezone: str = "UTC", **sources: Any) -> Config:
    """A Config whose sources are given as keyword mappings; `columns` may be plain mappings too."""
    made = {}
    for name, settings in sources.items():
        columns = {
            column: told if isinstance(told, Column) else Column(**told)
            for column, told in settings.get("columns", {}).items()
        }
        made[name] = Source(name=name, **{**settings, "columns": columns})
    return Config(path=folder / "segments.yaml", timezone=timezone, sources=made, segments={})


def loaded(
    folder: Path,
    needed: Mapping[str, frozenset[str]] | None = None,
    as_of: datetime = AS_OF,
    timezone: str = "UTC",
    **sources: Any,
) -> Loaded:
    made = config(folder, timezone, **sources)
    return load(made, catalog(made, as_of), as_of, needed)


def contacts(folder: Path, text: str | bytes, name: str = "contacts.csv", **settings: Any) -> Loaded:
    """Write one contacts export and load all of it. `timezone` is the file's, not the source's."""
    timezone = settings.pop("zone", "UTC")
    write(folder, name, text)
    return loaded(folder, timezone=timezone, contacts={"file": name, "email": "email", **settings})


def write(folder: Path, name: str, text: str | bytes, mtime: datetime | None = None) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if mtime:
        os.utime(path, (mtime.timestamp(), mtime.timestamp()))
    return path


def rows(found: Loaded, source: str = "contacts") -> list[Row]:
    """The rows of a source, contacts sorted by email, events as they come by (_email, _at)."""
    table = found.contacts if source == "contacts" else found.related[source]
    result = found.connection.con.sql(f'SELECT * FROM "{table.get_name()}"').to_arrow_table().to_pylist()
    keys = ("email",) if source == "contacts" else ("_email", "_at")
    return sorted(result, key=lambda row: tuple(str(row[key]) for key in keys))


def column(found: Loaded, name: str, source: str = "contacts") -> list[Any]:
    return [row[name] for row in rows(found, source)]


def codes(found: Loaded) -> dict[tuple[str, str], int]:
    """(code, column) -> count."""
    return {(finding.code, finding.column): finding.count for finding in found.findings}


def listed(found: Loaded) -> list[tuple[str, int, str]]:
    return [(row["file"], row["row"], row["reason"]) for row in found.quarantine.to_pylist()]
