"""Columns of an engine's tables -> the physical types that rules are compiled for, as Ibis expressions.

Owns: the value of a column, and texts that go through Python once and come back as a mapping.
Must not: join people and events, know a source (warehouse_load.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from connector.core.model import ColumnType
from connector.sources import emails
from connector.sources.columns.times import changes
from connector.sources.text import BLANKS, fold
from connector.sources.warehouse import connect

_SCALE = 9  # decimals that are kept of a number whose type does not say how many it has


Extent = tuple[date | None, date | None]  # of the days in a column


def value(column: Any, type_: ColumnType, zone: str, extent: Extent) -> Any:
    """The column as rules take it: blank texts are missing, numbers exact, times naive and in UTC. `extent` is of a
    column of times without a zone, whose clock changes matter."""
    dtype = column.type()
    if type_ in ("text", "country", "phone"):
        text = column.cast("string")
        return text.re_search(f"[^{BLANKS}]").ifelse(text, ibis.null("string"))
    if type_ == "integer":
        return column.cast("int64")
    if type_ == "number":
        kept = dtype.is_decimal() and dtype.precision is not None and dtype.scale is not None
        whole = dtype.is_integer()
        return column if kept else column.cast(f"decimal(38, {0 if whole else _SCALE})")
    if type_ == "timestamp":
        return _instant(column, zone, extent)
    return column


def is_local(dtype: dt.DataType) -> bool:
    """Whether values of the type are read in the time zone of the source."""
    return bool(dtype.is_date() or (dtype.is_timestamp() and dtype.timezone is None))


def start_of_day(day: Any, zone: str, extent: Extent) -> Any:
    """The UTC timestamp of a local day's first moment."""
    return _to_utc(day.cast("timestamp(6)"), zone, extent)


def is_plain(text: Any) -> Any:
    """Whether a text is ASCII without blanks at its ends, so that lower() compares it right."""
    return ~text.re_search("[^ -~]|^ | $")


def plain_email(text: Any) -> Any:
    """Whether the address needs no more than lower(). The stroke keeps a line end at the end from being overlooked."""
    return (text.length() <= 64) & ~text.contains("--") & (text + "|").re_search(f"^{emails.PLAIN}[|]$")


def through(
    opened: Any, table: Any, text: str, into: str, meaning: Callable[[str], str | None], plain: Any = None
) -> Any:
    """`table` with the column `into`: lower() where `plain` holds, else what `meaning` says of the text; the distinct
    texts go through Python once."""
    slow = table.filter(table[text].notnull()) if plain is None else table.filter(table[text].notnull() & ~plain)
    texts = connect.rows(opened, slow.select(text=slow[text]).distinct())["text"].to_pylist()
    quick = ibis.null("string") if plain is None else plain.ifelse(table[text].lower(), ibis.null("string"))
    if not texts:
        return table.mutate(**{into: quick})
    columns = [pa.array(texts, pa.string()), pa.array([meaning(one) for one in texts], pa.string())]
    mapping = connect.lookup(opened, pa.table(columns, names=[f"from_{into}", f"to_{into}"]))
    joined = table.left_join(mapping, table[text] == mapping[f"from_{into}"])
    kept = {name: table[name] for name in table.columns}
    return joined.select(**kept, **{into: ibis.coalesce(quick, mapping[f"to_{into}"])})


def folded(opened: Any, table: Any, text: str, into: str) -> Any:
    """`table` with `into`: the form in which keys are compared; null when nothing is left."""
    return through(opened, table, text, into, lambda one: fold(one) or None, is_plain(table[text]))


def normal_email(opened: Any, table: Any, text: str, into: str) -> Any:
    """`table` with `into`: the normalised address, null when the text is none."""
    return through(opened, table, text, into, lambda one: emails.normalise(one)[0], plain_email(table[text]))


def _instant(column: Any, zone: str, extent: Extent) -> Any:
    if column.type().timezone is not None:
        return column.cast("timestamp(6)")  # sessions are in UTC
    return _to_utc(column.cast("timestamp(6)"), zone, extent)


def _to_utc(local: Any, zone: str, extent: Extent) -> Any:
    """By the changes of the clock that can matter: a century of them makes a query that no engine likes."""
    first, found = changes(zone)
    steps = [((at + max(before, after)).replace(tzinfo=None), after) for at, before, after in found]
    low, high = extent
    past = [offset for at, offset in steps if low is not None and at.date() < low]
    inside = [(at, offset) for at, offset in steps if low is not None and high is not None and low <= at.date() <= high]
    offsets = [(past or [first])[-1], *(offset for _, offset in inside)]
    return _tree(local, [at for at, _ in inside], offsets) if any(offsets) else local


def _tree(local: Any, cuts: list[datetime], offsets: list[timedelta]) -> Any:
    """A balanced CASE: `local` less the offset that holds at it."""
    if not cuts:
        return local - ibis.interval(seconds=int(offsets[0].total_seconds()))
    middle = len(cuts) // 2
    early = local < ibis.literal(cuts[middle], type="timestamp(6)")
    low = _tree(local, cuts[:middle], offsets[: middle + 1])
    return early.ifelse(low, _tree(local, cuts[middle + 1 :], offsets[middle + 1 :]))
