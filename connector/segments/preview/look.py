"""A segment before it is sent: its size, its funnel, and some of its members with the values that decided, masked.

Owns: Preview and preview(). Must not: show an address, know the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.config.language.rules import Rule
from connector.config.sections.models import Config
from connector.segments import kept
from connector.segments import probes as further
from connector.segments.compile.measures import Ask
from connector.segments.evaluate import Evaluation, Look, evaluate
from connector.segments.explain.person import leaves, looked_at
from connector.segments.names import CONTACTS, Names
from connector.segments.preview.funnel import Step, count, funnel, probes
from connector.segments.priorities import waterfall
from connector.segments.testing.masking import BIRTH, Mask
from connector.sources.model import Loaded

MASKED = "masked"


@dataclass(frozen=True, slots=True)
class Preview:
    """`matches` fulfil the rule, `members` are left after the priorities (`taken` by an earlier segment of these).
    `decided` says why no rule was asked. A row of `sample` has a value per column of `columns`."""

    name: str
    contacts: int
    matches: int
    members: int
    taken_by: tuple[str, ...]
    decided: str | None
    steps: tuple[Step, ...]
    columns: tuple[str, ...]
    sample: tuple[tuple[Any, ...], ...]
    table: pa.Table  # Evaluation.table, for what is compared with it
    notes: tuple[str, ...]


def preview(config: Config, loaded: Loaded, as_of: datetime, name: str, people: int) -> Preview:
    """Raises ConfigError like evaluate()."""
    decided = kept.reason(config, loaded, name)
    rule = config.segments[name].when if decided is None else None
    asked = probes(config, name) if rule is not None else {}
    looked = _looked(rule)
    found = evaluate(
        further.with_probes(config, {probe: ask for probe, (_node, ask) in asked.items()}),
        loaded,
        as_of,
        look=Look(also=tuple(looked)),
    )
    matching = {one: _filled(found, one) for one in config.segments}
    members = waterfall(matching, config.priorities)
    masks = {id(node): _filled(found, probe) for probe, (node, _ask) in asked.items()}
    group = next((group for group in config.priorities if name in group), ())
    return Preview(
        name=name,
        contacts=found.contacts,
        matches=count(matching[name]),
        members=count(members[name]),
        taken_by=tuple(group[: group.index(name)]) if name in group else (),
        decided=decided,
        steps=funnel(config, rule, masks, matching) if rule is not None else (),
        columns=tuple(looked.values()),
        sample=tuple(_sample(config, loaded, found.table, members[name], looked, people)),
        table=_plain(found.table, config, members),
        notes=found.notes,
    )


def _filled(found: Evaluation, name: str) -> pa.ChunkedArray:
    return pc.fill_null(found.table[f"in:{name}"], False)


def _looked(rule: Rule | None) -> dict[str | Ask, str]:
    """What the rule looks at -> what to call it."""
    found: dict[str | Ask, str] = {}
    for node in leaves(rule) if rule is not None else ():
        for what, label in looked_at(node):
            found.setdefault(what, label)
    return found


def _plain(table: pa.Table, config: Config, members: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    """Addresses, consent and who is in which segment."""
    told = {name: table[name] for name in ("email", "consent", "unclear")}
    return pa.table(told | {f"in:{name}": members[name] for name in config.segments})


def _sample(
    config: Config, loaded: Loaded, table: pa.Table, members: Any, looked: Mapping[str | Ask, str], people: int
) -> Iterator[tuple[Any, ...]]:
    """Some members, drawn by the hash of their address, so that the same file shows the same ones."""
    columns = [f"also:{number}" for number in range(len(looked))]
    inside = table.select(["email", *columns]).filter(members)
    with duckdb.connect() as con:
        con.register("inside", inside)
        chosen = con.sql("SELECT email FROM inside ORDER BY md5(email) LIMIT $n", params={"n": people}).fetchall()
    names = Names.of(config, loaded)
    rows = inside.filter(pc.is_in(inside["email"], value_set=pa.array([one for (one,) in chosen], pa.string())))
    for row in rows.to_pylist():
        mask = Mask(config, names, config.zone)
        yield tuple(
            _masked(mask, names, loaded, what, row[column]) for what, column in zip(looked, columns, strict=True)
        )


def _masked(mask: Mask, names: Names, loaded: Loaded, what: str | Ask, value: Any) -> Any:
    """The value as it may be shown: measures, traits and what platforms say name nobody."""
    if not isinstance(what, str) or names.computed(what):
        return value
    column = names.column(CONTACTS, what) or what
    type_ = loaded.types[CONTACTS].get(column, "text")
    if isinstance(value, date | datetime) and not BIRTH.search(column):
        return value
    shown = mask.value(CONTACTS, column, type_, value)
    return MASKED if shown is None and value is not None else shown
