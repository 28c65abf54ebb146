"""The exports of a run as typed tables inside one DuckDB connection.

Owns: load(), the order of its steps, the private folder. Must not: know how a step is done.

Internal tables are raw_N, typed_N and map_N_M; what is handed out are the views source_NAME.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.config.sections.engines import DUCKDB
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.core.private import Folder
from connector.sources import (
    consent,
    engine,
    further,
    identity,
    kept,
    keys,
    lines,
    members,
    quarantine,
    refusals,
    related,
)
from connector.sources.columns import currencies, vacant
from connector.sources.columns.layout import Layout, Wish
from connector.sources.columns.model import SourceInfo
from connector.sources.findings import Findings
from connector.sources.further import COLUMN
from connector.sources.hygiene.addresses import mark, quarantined
from connector.sources.kept import Kept
from connector.sources.model import EVENT, LINE, QUARANTINE_SCHEMA, Loaded
from connector.sources.tables import Builder, Typed
from connector.sources.text import name
from connector.sources.trouble import fail, room
from connector.sources.warehouse import load as warehouse_load

if TYPE_CHECKING:
    import duckdb
    import ibis
    from ibis.backends.duckdb import Backend

Needed = Mapping[str, frozenset[str]]


def load(
    config: Config,
    catalog: Mapping[str, SourceInfo],
    as_of: datetime,
    needed: Needed | None = None,
    connection: Backend | None = None,
    *,
    keep: bool = False,
) -> Loaded:
    """Read the needed columns (None: all) of the needed sources; `email` always. Related sources that `needed` does
    not name are not read. `as_of` carries a zone. Raises SourceError.

    `connection`: an Ibis DuckDB backend to use; a new one lives in memory and spills to a private folder. `keep`: hold
    on to the contacts' rows as they were read (Loaded.kept)."""
    if config.engine != DUCKDB:
        return _elsewhere(config, catalog, as_of, needed, keep)
    backend = connection or engine.in_memory()
    with Folder("read") as folder:
        work = _Load(config, catalog, as_of, needed, backend, folder, keep)
        return work.run()


def _elsewhere(
    config: Config, catalog: Mapping[str, SourceInfo], as_of: datetime, needed: Needed | None, keep: bool
) -> Loaded:
    """The tables of another engine; lists of members are files all the same."""
    if keep:
        message = "this command looks at the single rows of files; it cannot be asked about tables of an engine."
        fail(config.place(("engine",)), "not-on-engine", message)
    loaded = warehouse_load.load(config, catalog, as_of, needed)
    with Folder("read") as folder:
        listed = members.read(config, engine.in_memory().con, as_of, folder, 1)
    loaded.members, loaded.quarantine = listed.emails, pa.concat_tables([loaded.quarantine, listed.quarantine])
    loaded.findings += listed.findings
    return loaded


class _Load:
    """The steps of one load."""

    def __init__(
        self,
        config: Config,
        catalog: Mapping[str, SourceInfo],
        as_of: datetime,
        needed: Needed | None,
        backend: Backend,
        private: Path,
        keep: bool,
    ) -> None:
        self.config, self.catalog, self.as_of, self.needed = config, catalog, as_of, needed
        self.backend, self.private, self.keep = backend, private, keep
        self.kept: Kept | None = None
        self.con: duckdb.DuckDBPyConnection = backend.con
        self.findings = Findings()
        self.listed: list[pa.Table] = [QUARANTINE_SCHEMA.empty_table()]
        self.typed: dict[str, Typed] = {}
        self.moved = False  # whether the table `moved` of identity.py is there
        self.known: dict[str, str] = {}  # column of contacts that joins use -> table of its texts (_email, text)
        self.unclear = consent.UNCLEAR.empty_table()

    def run(self) -> Loaded:
        others = [one for one in self.catalog if one != "contacts" and (self.needed is None or one in self.needed)]
        self._contacts(others)
        for number, other in enumerate(others, start=1):
            self._related(other, number)
        listed = members.read(self.config, self.con, self.as_of, self.private, len(others) + 1, moved=self.moved)
        self.listed.append(listed.quarantine)
        self.findings.found += listed.findings
        return Loaded(
            connection=self.backend,
            contacts=_table(self.backend, "source_contacts"),
            related={other: _table(self.backend, f"source_{other}") for other in others},
            types={one: self._types(one) for one in self.typed},
            quarantine=pa.concat_tables(self.listed),
            findings=self.findings.found,
            rows={one: typed.rows for one, typed in self.typed.items()},
            empty={one: typed.empty & self._asked(one) for one, typed in self.typed.items()},
            catalog=self.catalog,
            members=listed.emails,
            kept=self.kept,
            unclear=self.unclear,
        )

    def _contacts(self, others: list[str]) -> None:
        source, info = self.config.sources["contacts"], self.catalog["contacts"]
        updated = "updated_at" if "updated_at" in info.columns else None
        joined_by = {self._join(other)[1] for other in others}
        id_ = "id" if "id" in info.columns and info.columns["id"].origin != "header" else None
        also = COLUMN if COLUMN in info.columns and info.columns[COLUMN].origin != "header" else None
        more = {one for one in (updated, id_, also, currencies.beside(info)) if one}
        columns = sorted((self._asked("contacts") | joined_by | more) - {"email"})
        wish = Wish(
            info=info, number=0, key="email", by_email=True, columns=columns,
            clocks=frozenset({"updated_at"}), zone=self._zone("contacts"), wants_address=True,
            zone_told=source.timezone is not None,
            place=self.config.place(("sources", "contacts", "file")), people=True, whole=frozenset(joined_by),
            encoding=source.encoding,
        )  # fmt: skip
        with room(wish.place, source.origin):
            builder = Builder(self.con, wish, self.private, self.findings)
            typed = self.typed["contacts"] = builder.build()
            vacant.files("contacts", typed.spans, self.findings)
            quarantine.mend_emails(self.con, typed)
            policy = self.config.cleanup.invalid if self.config.cleanup else None
            mark(self.con, typed.raw, typed.table, quarantined(policy))
            self.listed.append(quarantine.take_out(self.con, "contacts", typed, needs_email=True))
            vacant.people(typed.rows, engine.number(self.con, f"SELECT count(*) FROM {typed.table}"), self.findings)
            if id_ is not None:
                text = builder.layout.text(builder.layout.column(id_), builder.layout.slot(id_))
                identity.readdress(self.con, typed, text, updated, self.findings)
                self.moved = True
            if also is not None:
                text = builder.layout.text(builder.layout.column(also), builder.layout.slot(also))
                further.take(self.con, typed, text, self.findings)
                self.moved = True
            if self.keep:
                self._keep(typed, builder.layout, columns, updated)
            for number, column in enumerate(sorted(joined_by - {"email"})):
                self._know(typed, builder.layout, column, f"known_{number}")
            identity.repeated(self.con, typed.table)
            refusing = refusals.refusals(self.config, info)
            self.unclear = consent.settle(self.con, typed, builder.layout, refusing, updated, self.findings)
            identity.merge(self.con, typed, columns, updated, self.findings)
            if not self.keep:
                self._drop(typed)
            asked = "".join(f", {name(column)}" for column in sorted(self._asked("contacts") - {"email"}))
            self.con.execute(
                f"CREATE OR REPLACE VIEW source_contacts AS SELECT _email AS email{asked} FROM {typed.table}"
            )

    def _know(self, typed: Typed, layout: Layout, column: str, into: str) -> None:
        """The texts of a column that joins find people by, of all rows: before a person's rows become one."""
        text = layout.text(layout.column(column), layout.slot(column))
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT DISTINCT t._email, {text} AS text"
            f" FROM {typed.raw} r JOIN {typed.table} t ON t._row = r.rowid WHERE text IS NOT NULL"
        )
        self.known[column] = into
        keys.contacts(self.con, typed, text, column, self.findings)

    def _keep(self, typed: Typed, layout: Layout, columns: Sequence[str], updated: str | None) -> None:
        self.con.execute(f"CREATE OR REPLACE TABLE {kept.TABLE} AS SELECT * FROM {typed.table}")
        spans = tuple(typed.spans)
        self.kept = Kept(typed.raw, kept.TABLE, typed.key, layout, spans, tuple(columns), updated)

    def _related(self, other: str, number: int) -> None:
        source, info = self.config.sources[other], self.catalog[other]
        key, person = self._join(other)
        by_email, people = person == "email", "typed_0"
        at = info.resolve(source.at) if source.at else None
        asked = self._asked(other)
        event, seems = lines.told(source, info), lines.likely(source, info, key)
        code = currencies.beside(info) if asked else None
        wish = Wish(
            info=info, number=number, key=key, by_email=by_email,
            columns=sorted(asked | {one for one in (at, event, seems, code) if one}),
            clocks=frozenset({at} if at else ()), zone=self._zone(other), wants_address=by_email,
            zone_told=source.timezone is not None,
            place=self.config.place(("sources", other, "file")), whole=frozenset({key}),
            encoding=source.encoding,
        )  # fmt: skip
        with room(wish.place, source.origin):
            builder = Builder(self.con, wish, self.private, self.findings)
            typed = self.typed[other] = builder.build()
            if by_email:
                quarantine.mend_emails(self.con, typed)
                if self.moved:
                    identity.follow(self.con, typed.table)
            self.listed.append(quarantine.take_out(self.con, other, typed, needs_email=False))
            id_ = event or seems
            text = builder.layout.text(builder.layout.column(id_), builder.layout.slot(id_)) if id_ else ""
            by = "_email" if by_email else "_key"
            many = event is not None and lines.gather(self.con, other, typed, text, at, by, self.findings)
            if id_ is None:
                lines.same(self.con, other, typed, builder.whole, self.findings)
            if seems is not None:
                lines.repeated(self.con, info, typed, seems, text, self.findings)
            if not by_email:
                people = f"people_{number}"
                unowned = keys.assign(self.con, typed.table, self.known[person], people)
                related.unowned(self.con, other, key, typed, unowned, self.findings)
            vacant.files(other, typed.spans, self.findings)
            vacant.times(self.con, other, typed, (at, source.at) if at and source.at else None, self.findings)
            pair = source.join or ("email", "email")
            known = "typed_0" if by_email else self.known[person]
            kept_ = [*sorted(asked), *((EVENT, LINE) if many else ())]
            events, into = related.Events(other, typed, kept_, at, wish.zone, pair, known), f"joined_{number}"
            related.join(self.con, events, people, by, self.as_of, into, self.findings)
            self._drop(typed)
            self.con.execute(f"DROP TABLE {typed.table}")
            self.con.execute(f"CREATE OR REPLACE VIEW {name('source_' + other)} AS SELECT * FROM {into}")

    def _join(self, other: str) -> tuple[str, str]:
        """(column of the related source, column of contacts); `email` on both sides when nothing is said."""
        told = self.config.sources[other].join or ("email", "email")
        key, person = self.catalog[other].resolve(told[0]), self.catalog["contacts"].resolve(told[1])
        assert key and person, "catalog() has checked the columns of joins"
        return key, person

    def _asked(self, source: str) -> frozenset[str]:
        if self.needed is None:
            return frozenset(self.catalog[source].columns)
        return self.needed.get(source, frozenset())

    def _types(self, source: str) -> dict[str, ColumnType]:
        types: dict[str, ColumnType] = {"email": "text"} if source == "contacts" else {}
        asked = self._asked(source)
        return types | {column: type_ for column, type_ in self.typed[source].types.items() if column in asked}

    def _zone(self, source: str) -> str:
        return self.config.sources[source].timezone or self.config.timezone

    def _drop(self, typed: Typed) -> None:
        self.con.execute(f"DROP TABLE {typed.raw}")


def _table(backend: Backend, view: str) -> ibis.Table:
    with warnings.catch_warnings():  # Ibis 12 reads the schema by a name that DuckDB 2 is about to drop
        warnings.simplefilter("ignore", DeprecationWarning)
        return backend.table(view)
