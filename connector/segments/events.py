"""What the exports tell of mail, money and goals, as plain tables: for measuring, not for rules.

Owns: which columns that needs, and bringing them out of the engine. Must not: compute a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from connector.config.sections.measure import Mail
from connector.config.sections.models import Config
from connector.core.errors import ConfigError
from connector.core.problem import Problem, did_you_mean
from connector.segments.compile import engine
from connector.segments.names import CONTACTS, JOINED, Names, in_order
from connector.sources.model import EVENT, Loaded

INSTANT = pa.timestamp("us")


def wanted(config: Config, goals: Collection[str]) -> Callable[[Names], Mapping[str, frozenset[str]]]:
    """The columns per source that are measured; `goals` are sources of which the time is enough."""

    def columns(names: Names) -> Mapping[str, frozenset[str]]:
        problems: list[Problem] = []
        found: dict[str, set[str]] = {source: set() for source in goals}
        for source, written, loc in _written(config):
            column = names.column(source, written)
            if column is None:
                hint = did_you_mean(written, names.known(source))
                text = f"{source} has no column “{written}”.{hint}"
                problems.append(Problem(config.place(loc), "unknown-column", text))
            else:
                found.setdefault(source, set()).add(column)
        if problems:
            raise ConfigError(in_order(problems))
        joined = names.column(CONTACTS, JOINED)
        found[CONTACTS] = set() if joined is None else {joined}
        return {source: frozenset(each) for source, each in found.items()}

    return columns


def _written(config: Config) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    asked = config.measure
    if asked is not None and asked.mail is not None:
        for key in ("kind", "message", "machine"):
            column = getattr(asked.mail, key)
            if column is not None:
                yield asked.mail.source, column, ("measure", "mail", key)
    if asked is not None and asked.revenue is not None:
        source, _dot, column = asked.revenue.partition(".")
        yield source, column, ("measure", "revenue")


def people(config: Config, loaded: Loaded, evaluated: pa.Table) -> pa.Table:
    """`email`, `joined` and `in:SEGMENT`; `evaluated` is an evaluation's table."""
    segments = [name for name in evaluated.column_names if name.startswith("in:")]
    found = evaluated.select(["email", *segments])
    name = Names.of(config, loaded).column(CONTACTS, JOINED)
    if name is None or loaded.types[CONTACTS].get(name) not in ("date", "timestamp"):
        return found.append_column("joined", pa.nulls(found.num_rows, INSTANT))
    told = _rows(loaded, CONTACTS, {"email": _["email"], "joined": _[name].cast("timestamp(6)")})
    row = pc.index_in(found["email"], value_set=told["email"].cast(pa.string()))
    return found.append_column("joined", told["joined"].cast(INSTANT).take(row))


def mail(config: Config, loaded: Loaded, asked: Mail) -> pa.Table:
    """email, at, kind, message, machine."""
    names = Names.of(config, loaded)

    def column(written: str | None, kind: str) -> object:
        name = None if written is None else names.column(asked.source, written)
        return ibis.null(kind) if name is None else _[name].cast(kind)

    return _rows(
        loaded,
        asked.source,
        {
            "email": _["_email"],
            "at": _["_at"].cast("timestamp(6)"),
            "kind": column(asked.kind, "string"),
            "message": column(asked.message, "string"),
            "machine": column(asked.machine, "boolean"),
        },
    )


def revenue(config: Config, loaded: Loaded) -> pa.Table | None:
    """email, at, amount: one row per event, those without an amount or a time left out."""
    if config.measure is None or config.measure.revenue is None:
        return None
    source, _dot, written = config.measure.revenue.partition(".")
    name = Names.of(config, loaded).column(source, written)
    amount = _[name].cast("float64")
    made = {"email": _["_email"], "at": _["_at"].cast("timestamp(6)"), "amount": amount}
    table = loaded.related[source]
    if EVENT in table.columns:  # several lines of one order
        table = table.group_by("_email", EVENT).aggregate(_at=_["_at"].min(), **{str(name): _[name].sum()})
    table = table.select(**made).filter(_["amount"].notnull() & _["at"].notnull())
    return engine.arrow(loaded.connection, table)


def happened(loaded: Loaded, source: str) -> pa.Table:
    """email, at of every event with a time."""
    found = loaded.related[source].select(email=_["_email"], at=_["_at"].cast("timestamp(6)"))
    return engine.arrow(loaded.connection, found.filter(_["at"].notnull()))


def _rows(loaded: Loaded, source: str, columns: Mapping[str, object]) -> pa.Table:
    table = loaded.contacts if source == CONTACTS else loaded.related[source]
    return engine.arrow(loaded.connection, table.select(**columns))
