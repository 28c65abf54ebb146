"""Columns that come from the platforms: DESTINATION.status and its like, usable wherever a contact's column is.

Owns: which there are, their types, and how what was last read becomes columns of the contacts' frame.
Must not: read a platform or the state (the caller hands the tables over), know a platform.

Who is not on the platform, or was not there when it was last read, has no value. Times are when the platform says
that something changed or happened; without its word they are missing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import ibis.expr.datatypes as dt
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from connector.config.language.platform_words import STATUS_WORDS, WORDS
from connector.config.sections.models import Config
from connector.core.model import BLOCKED, ColumnType, Status
from connector.segments.compile import engine
from connector.segments.compile.frame import Column, Frame
from connector.segments.names import asked_of_platforms
from connector.sources.model import Loaded

_ARROW: Mapping[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "integer": pa.int64(),
}
_IBIS: Mapping[ColumnType, dt.DataType] = {
    "text": dt.string,
    "boolean": dt.boolean,
    "timestamp": dt.Timestamp(scale=6),
    "integer": dt.int64,
}


def observed(contacts: pa.Table, engagement: pa.Table) -> pa.Table:
    """`email` and every word, one row per contact that the platform holds.

    `contacts` has email, status, status_at (state.base.LEDGER_CONTACTS), `engagement` email and the other words."""
    held = contacts.filter(pc.not_equal(contacts.column("status"), str(Status.ABSENT)))  # null is filtered out as well
    said_no = pa.array([str(status) for status in BLOCKED])
    table = held.select(["email", "status", "status_at"]).append_column(
        "suppressed", pc.is_in(held.column("status"), value_set=said_no)
    )
    return table.join(engagement, "email", join_type="left outer")


def join(frame: Frame, config: Config, loaded: Loaded) -> None:
    """Give the contacts' frame a column for every one that the file asks for."""
    for destination, words in asked_of_platforms(config).items():
        rows = _rows(loaded.observed.get(destination), sorted(words))
        table = engine.table(frame.connection, rows)
        columns: dict[Hashable, tuple[Column, Any]] = {
            f"{destination}.{word}": (Column("", WORDS[word], _IBIS[WORDS[word]]), _[f"w{number}"])
            for number, word in enumerate(sorted(words))
        }
        frame.join(table, columns)


def unread(config: Config, observed: Mapping[str, pa.Table | None]) -> Iterator[str]:
    """A sentence for every destination whose columns a rule uses although nothing of the kind has been read."""
    for destination, words in asked_of_platforms(config).items():
        table = observed.get(destination)
        missing = [word for word in sorted(words) if table is None or _is_empty(table, word)]
        if missing:
            names = ", ".join(f"{destination}.{word}" for word in missing)
            yield f"{names}: not read from the platform yet, so missing for everybody. `sync plan` reads it."


def _is_empty(table: pa.Table, word: str) -> bool:
    return table.num_rows == 0 or (word not in STATUS_WORDS and table.column(word).null_count == table.num_rows)


def _rows(table: pa.Table | None, words: list[str]) -> pa.Table:
    """`_key` and w0, w1 … for `words`. Times lose their zone: tables hold instants in UTC without one."""
    names = ["_key", *(f"w{number}" for number in range(len(words)))]
    types = [pa.string(), *(_ARROW[WORDS[word]] for word in words)]
    if table is None:
        return pa.table([pa.array([], type_) for type_ in types], names=names)
    columns = [table.column(name).cast(type_) for name, type_ in zip(["email", *words], types, strict=True)]
    return pa.table(columns, names=names)
