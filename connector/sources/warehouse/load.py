"""Tables of another engine as the tables of a run: people merged, events joined, all of it evaluated there.

Owns: load() for every engine but DuckDB. Must not: fetch rows (only what is counted, listed or looked up once), know
rules.

It says in Ibis what load.py and its helpers say in DuckDB's SQL for files; the language reference holds for both. A
table has no order: of two rows of one person that are equally new, the larger value wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import ibis
import pyarrow as pa
from ibis import _

from connector.config.sections.models import Config
from connector.core.counts import by_count
from connector.core.model import ColumnType
from connector.sources import emails
from connector.sources.columns import normalise, vacant
from connector.sources.columns.model import SourceInfo
from connector.sources.consent import UNCLEAR
from connector.sources.findings import Findings
from connector.sources.model import QUARANTINE_SCHEMA, Loaded
from connector.sources.refusals import refusals
from connector.sources.related import FINDS_NOBODY, later, strangers, undated
from connector.sources.trouble import fail
from connector.sources.warehouse import columns as warehouse_columns
from connector.sources.warehouse import connect, consent, lines, troubles

_LISTED = 1000  # rows without an address that are listed; all are counted


def load(
    config: Config, catalog: Mapping[str, SourceInfo], as_of: datetime, needed: Mapping[str, frozenset[str]] | None
) -> Loaded:
    """As sources.load.load, for tables. Raises SourceError."""
    return _Load(config, catalog, as_of, needed).run()


class _Load:
    def __init__(
        self,
        config: Config,
        catalog: Mapping[str, SourceInfo],
        as_of: datetime,
        needed: Mapping[str, frozenset[str]] | None,
    ) -> None:
        self.config, self.catalog, self.as_of, self.needed = config, catalog, as_of, needed
        self.opened = connect.backend(config)
        self.findings = Findings()
        self.rows: dict[str, int] = {}
        self.empty: dict[str, frozenset[str]] = {}
        self.types: dict[str, dict[str, ColumnType]] = {}
        self.listed = QUARANTINE_SCHEMA.empty_table()
        self.unclear = UNCLEAR.empty_table()
        self.extents: dict[str, warehouse_columns.Extent] = {}  # of the table that is being read

    def run(self) -> Loaded:
        others = [one for one in self.catalog if one != "contacts" and (self.needed is None or one in self.needed)]
        with troubles.working(self.config.place(("engine",)), self.config):
            people = self._contacts(others)
            related = {other: self._related(other, people) for other in others}
        asked = [name for name in people.columns if name == "email" or name in self._asked("contacts")]
        return Loaded(
            connection=self.opened,
            contacts=people.select(*asked),
            related=related,
            types=self.types,
            quarantine=self.listed,
            findings=self.findings.found,
            rows=self.rows,
            empty=self.empty,
            catalog=self.catalog,
            unclear=self.unclear,
        )

    def _contacts(self, others: list[str]) -> Any:
        """One row per person, kept by the engine for as long as the run."""
        updated = "updated_at" if "updated_at" in self.catalog["contacts"].columns else None
        keys = {self._join(other)[1] for other in others}
        columns = sorted((self._asked("contacts") | keys | ({updated} if updated else set())) - {"email"})
        table = self._typed("contacts", columns, {"_text": "email"})
        table = warehouse_columns.normal_email(self.opened, table, "_text", "_email")
        table = connect.keep(self.opened, table)  # four questions follow, and addresses are the dear part of each
        self._quarantine(table)
        known, refusing = table.filter(_["_email"].notnull()), refusals(self.config, self.catalog["contacts"])
        known, self.unclear = consent.settle(
            self.opened, known, self.types["contacts"], refusing, updated, self.findings
        )
        people = connect.keep(self.opened, self._merged(known, columns, updated))
        if self.opened.name == "postgres":  # ties go by address, in the order of its bytes
            text = f'ALTER TABLE "{people.get_name()}" ALTER COLUMN email TYPE text COLLATE "C"'
            self.opened.raw_sql(text).close()
        asked = self._asked("contacts")
        self.types["contacts"] = {name: type_ for name, type_ in self.types["contacts"].items() if name in asked}
        self.types["contacts"]["email"] = "text"
        self._count("contacts", people, sorted(asked - {"email"}))
        return people

    def _merged(self, table: Any, columns: list[str], updated: str | None) -> Any:
        """The newest value of each column that is not missing; most tables have each person once."""
        twice = table.group_by("_email").aggregate(n=_.count()).filter(_["n"] > 1).aggregate(n=_["n"].sum() - _.count())
        more = self._row(twice)["n"] or 0
        if not more:
            return table.select(email="_email", **{name: _[name] for name in columns})
        message = f"{by_count(more, 'row repeats', 'rows repeat')} the address of another: merged"
        self.findings.add("duplicates", "contacts", "email", int(more), message)
        plain = [name for name in columns if not table[name].type().is_nested()]
        by = [name for name in [updated, *plain] if name is not None]
        order = [part for name in by for part in (table[name].isnull(), table[name].desc())] or [table["_text"]]
        ranked = table.mutate(_rank=ibis.row_number().over(group_by="_email", order_by=order))
        best = {name: _[name].argmin(_["_rank"], where=_[name].notnull()) for name in plain}
        people = ranked.group_by("_email").aggregate(**best, _first=_["_rank"].min()).drop("_first")
        for name in set(columns) - set(plain):
            people = _with_first(people, ranked, name)
        return people.select(email="_email", **{name: _[name] for name in columns})

    def _related(self, other: str, people: Any) -> Any:
        source, info = self.config.sources[other], self.catalog[other]
        key, person = self._join(other)
        at = info.resolve(source.at) if source.at else None
        asked = sorted(self._asked(other))
        lines.check(self.config, self.opened, info, key, self.findings)
        table = self._typed(other, sorted({*asked, *([at] if at else ())}), {"_text": key})
        whose = people.select(_who=people["email"], _person=people[person].cast("string"))
        if person == "email":
            table = warehouse_columns.normal_email(self.opened, table, "_text", "_key")
            whose = whose.mutate(_theirs=_["_who"])
        else:
            table = warehouse_columns.folded(self.opened, table, "_text", "_key")
            whose = warehouse_columns.folded(self.opened, whose, "_person", "_theirs")
            alone = whose.group_by("_theirs").aggregate(_who=_["_who"].min(), _people=_.count())
            whose = alone.filter(_["_people"] == 1)  # a key of several contacts owns no events
        table = table.mutate(_at=self._happened(other, table, at))
        joined = table.left_join(whose, table["_key"] == whose["_theirs"])
        values = {name: table[name] for name in asked}
        events = joined.select(_email=whose["_who"], _at=table["_at"], _key=table["_text"], **values)
        now = ibis.literal(self.as_of.astimezone(UTC).replace(tzinfo=None), type="timestamp(6)")
        events = connect.keep(self.opened, events)
        self._told(other, source.at, events, now)
        kept = events.filter(_["_email"].notnull(), _["_at"].isnull() | (_["_at"] <= now)).drop("_key")
        self.types[other] = {name: type_ for name, type_ in self.types[other].items() if name in asked}
        self._count(other, kept, asked)
        return kept

    def _happened(self, other: str, table: Any, at: str | None) -> Any:
        if at is None:
            return ibis.null("timestamp(6)")
        if self.types[other][at] == "date":
            return warehouse_columns.start_of_day(table[at], self._zone(other), self._extent(at))
        if self.types[other][at] != "timestamp":
            place = self.config.place(("sources", other, "at"))
            fail(place, "table-type", f"{at} is {self.types[other][at]}, no date or time. Cast it in a view.")
        return table[at]

    def _typed(self, name: str, columns: list[str], texts: Mapping[str, str]) -> Any:
        """The wanted columns in their physical types, and `texts` (field -> column) as they are."""
        table, info = connect.table(self.config, self.config.sources[name]), self.catalog[name]
        native = dict(zip(info.exports[0].headers, info.exports[0].types, strict=True))
        types = {column: self._type(name, column, native) for column in columns}
        self.types[name] = types
        self.extents = self._extents(name, table, columns)
        made = {column: self._value(name, table, column, types[column]) for column in columns}
        made |= {field: table[info.columns[column].headers[0]].cast("string") for field, column in texts.items()}
        found = table.select(**made)
        for column in columns:
            found = self._spelled(found, column, types)
        return found

    def _value(self, name: str, table: Any, column: str, type_: ColumnType) -> Any:
        headers = self.catalog[name].columns[column].headers
        if type_ == "place":
            latitude, longitude = (table[header].cast("float64") for header in headers)
            whole = latitude.between(-90, 90) & longitude.between(-180, 180)
            pair = ibis.struct({"latitude": latitude, "longitude": longitude})
            return whole.ifelse(pair, ibis.null(pair.type()))
        return warehouse_columns.value(table[headers[0]], type_, self._zone(name), self._extent(column))

    def _extents(self, name: str, table: Any, columns: list[str]) -> dict[str, warehouse_columns.Extent]:
        """The days that columns without a time zone reach from and to."""
        headers = {column: self.catalog[name].columns[column].headers[0] for column in columns}
        local = {column: table[header].cast("date") for column, header in headers.items()
                 if warehouse_columns.is_local(table[header].type())}  # fmt: skip
        if not local:
            return {}
        ends = {f"{end}{n}": getattr(day, end)() for n, day in enumerate(local.values()) for end in ("min", "max")}
        row = self._row(table.aggregate(**ends))
        return {column: (row[f"min{n}"], row[f"max{n}"]) for n, column in enumerate(local)}

    def _extent(self, column: str) -> warehouse_columns.Extent:
        return self.extents.get(column, (None, None))

    def _row(self, query: Any) -> dict[str, Any]:
        """The only row of an answer."""
        found: dict[str, Any] = connect.rows(self.opened, query).to_pylist()[0]
        return found

    def _type(self, name: str, column: str, native: Mapping[str, ColumnType | None]) -> ColumnType:
        """The table's own type; a text may be declared a country or phone, a whole number a number."""
        info = self.catalog[name].columns[column]
        if len(info.headers) == 2:
            return "place"
        here = native[info.headers[0]] or "text"
        wanted = info.type or here
        declared = self.config.sources[name].columns.get(column)
        if wanted == here or (here, wanted) in (("text", "country"), ("text", "phone"), ("integer", "number")):
            return wanted
        if declared is not None and declared.type is not None:
            place = self.config.place(("sources", name, "columns", column))
            text = f"{info.headers[0]} is {here} in the table, not {wanted}. Cast it in a view, or take `type` out."
            fail(place, "table-type", text)
        return here

    def _spelled(self, table: Any, column: str, types: Mapping[str, ColumnType]) -> Any:
        """Countries and phone numbers in their usual spelling; unknown ones stay."""
        if types[column] not in ("country", "phone"):
            return table
        meaning = normalise.country if types[column] == "country" else normalise.phone
        into = f"_{column}"
        made = warehouse_columns.through(self.opened, table, column, into, lambda text: meaning(text) or text)
        return made.mutate(**{column: made[into]}).drop(into)

    def _quarantine(self, table: Any) -> None:
        """List the rows without a usable address; a table's rows have no numbers."""
        row = self._row(table.aggregate(rows=_.count(), lost=_["_email"].isnull().sum()))
        self.rows["contacts"], count = int(row["rows"]), int(row["lost"] or 0)
        vacant.people(self.rows["contacts"], self.rows["contacts"] - count, self.findings)
        if not self.rows["contacts"]:
            what = f"the table {self.config.sources['contacts'].origin} is empty"
            vacant.no_rows("contacts", what, self.findings)
        if not count:
            return
        lost = table.filter(table["_email"].isnull())
        message = by_count(count, "row has no usable address and is", "rows have no usable address and are")
        self.findings.add("no-address", "contacts", "email", count, f"{message} in no segment")
        texts = connect.rows(self.opened, lost.select(text="_text").limit(_LISTED))["text"].to_pylist()
        reasons = [emails.normalise(text)[1] if text is not None else "empty" for text in texts]
        columns = {
            "source": ["contacts"] * len(texts),
            "file": [self.config.sources["contacts"].origin] * len(texts),
            "row": [0] * len(texts),
            "reason": reasons,
            "value": [emails.masked(text) for text in texts],
        }
        self.listed = pa.table(columns, schema=QUARANTINE_SCHEMA)

    def _told(self, other: str, at: str | None, events: Any, now: Any) -> None:
        mine = events["_email"].notnull()
        counts = events.aggregate(
            rows=_.count(),
            strangers=(~mine).sum(),
            later=(events["_at"] > now).sum(),
            undated=events["_at"].isnull().sum(),
            keyed=events["_key"].count(),
        )
        found = {name: int(number or 0) for name, number in self._row(counts).items()}
        self.rows[other] = found["rows"]
        if not found["rows"]:
            vacant.no_rows(other, f"the table {self.config.sources[other].origin} is empty", self.findings)
        elif at is not None and found["undated"] == found["rows"]:
            vacant.no_times(other, at, found["rows"], "", self.findings)
        add = self.findings.add
        add("no-person", other, "", found["strangers"], strangers(found["strangers"]))
        if found["keyed"] and found["strangers"] == found["rows"]:
            here, there = self.config.sources[other].join or ("email", "email")
            message = (
                f"{other}: none of the rows with “{here}” ({found['keyed']:,}) belongs to a contact by “{there}”."
                " Correct `join`, or the table."
            )
            add(FINDS_NOBODY, other, here, found["keyed"], message)
        if at is not None:
            add("after-as-of", other, at, found["later"], later(found["later"]))
            add("undated", other, at, found["undated"], undated(found["undated"]))

    def _count(self, name: str, table: Any, columns: list[str]) -> None:
        """Which columns nobody has a value in."""
        if not columns:
            self.empty[name] = frozenset()
            return
        counts = table.aggregate(**{f"n{number}": table[column].count() for number, column in enumerate(columns)})
        row = self._row(counts)
        self.empty[name] = frozenset(column for number, column in enumerate(columns) if not row[f"n{number}"])

    def _join(self, other: str) -> tuple[str, str]:
        told = self.config.sources[other].join or ("email", "email")
        key, person = self.catalog[other].resolve(told[0]), self.catalog["contacts"].resolve(told[1])
        assert key and person, "catalog() has checked the columns of joins"
        return key, person

    def _asked(self, source: str) -> frozenset[str]:
        return frozenset(self.catalog[source].columns) if self.needed is None else self.needed.get(source, frozenset())

    def _zone(self, source: str) -> str:
        return self.config.sources[source].timezone or self.config.timezone


def _with_first(people: Any, ranked: Any, name: str) -> Any:
    """`people` with the first list or place of each that is not missing."""
    given = ranked.filter(ranked[name].notnull())
    first = given.group_by("_email").aggregate(_first=given["_rank"].min()).rename(_mine="_email")
    given = given.select(_owner=given["_email"], _rank=given["_rank"], **{name: given[name]})
    chosen = given.join(first, [given["_owner"] == first["_mine"], given["_rank"] == first["_first"]])
    chosen = chosen.select("_owner", name)
    kept = {column: people[column] for column in people.columns}
    return people.left_join(chosen, people["_email"] == chosen["_owner"]).select(**kept, **{name: chosen[name]})
