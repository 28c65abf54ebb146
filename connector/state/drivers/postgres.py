"""One schema of a PostgreSQL database: the same few verbs as database.py, with COPY for bulk.

Owns: psycopg, the connection, the lock around it, one writer at a time. Must not: know a table.

Where SQLite lets one connection write, an advisory lock does here, so a check of the lease and what is written after it
are one moment for every runner. A runner that stops responding in the middle of a transaction is cut off by the server.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql as words
from pyarrow import csv

from connector.core import refusals
from connector.core.errors import StateError
from connector.state.address import shown_postgres
from connector.state.drivers import dialect, shadow

BUSY_SECONDS = 30
STALLED_SECONDS = 60  # in the middle of a transaction
CONNECT_SECONDS = 15
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('segment connector ' || current_schema()))"
_AT_ONCE = 1 << 20  # bytes


class PostgresDatabase:
    """As connector.state.drivers.sqlite.Database. Raises StateError for whatever the driver raises.

    `url`: postgresql://USER@HOST/DATABASE?… as libpq reads it. The password may also come from PGPASSWORD or ~/.pgpass.
    """

    elsewhere = "Give --state an empty database, or a schema of its own: postgresql://…/DATABASE?options=-csearch_path%3DSCHEMA."
    narrows = True

    def __init__(self, url: str) -> None:
        self.path = shown_postgres(url)
        self._lock = threading.RLock()
        self._changed = 0
        with self._explained():
            self._connection = psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_SECONDS, cursor_factory=psycopg.ClientCursor
            )
            self._connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
            self._connection.execute(f"SET idle_in_transaction_session_timeout = '{STALLED_SECONDS}s'")
            self._connection.execute("SET client_min_messages = warning")
            self._make_schema()
            self.read_only = shadow.hide(self._connection)

    def _make_schema(self) -> None:
        """The schema that the URL names, if it is not there yet."""
        found = self._connection.execute("SELECT current_schema() IS NULL, current_setting('search_path')").fetchone()
        if found and found[0]:
            name = found[1].split(",")[0].strip().strip('"')
            self._connection.execute(words.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(words.Identifier(name)))

    def close(self) -> None:
        with self._lock, self._explained():
            self._connection.close()

    def now(self) -> datetime:
        """The server's clock: the one that all runners share."""
        with self._cursor() as cursor:
            row = cursor.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        return cast(datetime, row[0]).astimezone(UTC)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        with self._cursor() as cursor:
            cursor.execute(dialect.translate(sql), list(parameters))
            self._changed = cursor.rowcount

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            cursor.execute(dialect.translate(sql), list(parameters))
            return [tuple(row) for row in cursor.fetchall()]

    def table(self, sql: str, schema: pa.Schema, parameters: Sequence[Any] = (), order: str = "") -> pa.Table:
        """Many rows, as Database.table."""
        columns = ", ".join(schema.names)
        wrapped = f"SELECT {columns} FROM ({sql}) AS asked{order and ' ORDER BY ' + order}"
        copy = f"COPY ({dialect.translate(wrapped)}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
        found = io.BytesIO()
        with self._cursor() as cursor, cursor.copy(copy, list(parameters)) as blocks:
            for block in blocks:
                found.write(block)
        if not found.tell():
            return schema.empty_table()
        found.seek(0)
        return _typed(found, schema)

    def load(self, sql: str, table: pa.Table) -> None:
        """Run `sql` once for every row, in order, as Database.load."""
        if not table.num_rows:
            return
        plain = pa.table([column.cast(_storage(column.type)) for column in table.columns], names=_names(table))
        kinds = ", ".join(
            f"{field.name} {'BIGINT' if pa.types.is_integer(field.type) else 'TEXT'}" for field in plain.schema
        )
        statement = dialect.at_once(sql, table.num_columns) or dialect.for_each(sql, table.num_columns)
        with self._cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE incoming(n BIGINT GENERATED ALWAYS AS IDENTITY, {kinds})")
            with cursor.copy(f"COPY incoming({', '.join(plain.column_names)}) FROM STDIN (FORMAT csv)") as copy:
                for block in _blocks(plain):
                    copy.write(block)
            cursor.execute(statement)
            cursor.execute("DROP TABLE incoming")

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[None]:
        """Everything or nothing. Not nested. `writes=False` only holds one moment of the data still."""
        with self._lock:
            self.run("BEGIN" if writes else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                if writes:
                    self.rows(_LOCK)
                yield
                self._commit()
            except BaseException:
                self._rollback()
                raise

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """A transaction that deletes people. The server reuses the room on its disk when it next cleans up."""
        with self.transaction():
            yield

    def shrink(self) -> None:
        """Rows and indexes are rewritten, without the room that the server else leaves for more. Only the owner of
        the tables may do so; for others the server reuses the room by itself."""
        indexes = self.rows("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
        todo = [("ALTER INDEX {} SET (fillfactor = 100)", name) for (name,) in indexes]
        todo += [("VACUUM (FULL, ANALYZE) {}", name) for name in sorted(self.tables())]
        for statement, name in todo:
            with self._cursor() as cursor, suppress(psycopg.errors.InsufficientPrivilege):
                cursor.execute(words.SQL(statement).format(words.Identifier(name)))

    def changed(self) -> int:
        return self._changed

    def tables(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}

    def prepare(self) -> None:
        """What statements for SQLite expect to be built in. In the transaction of a migration."""
        with self._cursor() as cursor:
            cursor.execute(dialect.FUNCTIONS)

    def _commit(self) -> None:
        self.run("COMMIT")

    def _rollback(self) -> None:
        try:
            self.run("ROLLBACK")
        except StateError:
            return  # the connection is gone, and the transaction with it; the first error tells

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[Any]]:
        with self._lock, self._explained(), self._connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise StateError(f"The state {self.path} cannot be used: {_reason(error)}") from None


_CONNECTING = ("connection failed", "connection timeout", "failed to resolve")


def _reason(error: psycopg.Error) -> str:
    """Never the driver's own words where they may hold a row."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return f"another process has been writing for {BUSY_SECONDS} s. Try again when it is done."
    if isinstance(error, psycopg.errors.InvalidPassword | psycopg.errors.InvalidAuthorizationSpecification):
        return "the server refuses the user or the password. Look at the URL and PGPASSWORD."
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return (
            "the user may not do this. It needs to create tables in the schema, and read and write them; for plans "
            "alone, to read them and make temporary ones."
        )
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return "the server is read-only (a replica?). Give the primary's address."
    if isinstance(error, psycopg.errors.DiskFull):
        return "the server's disk is full. Make room, then run `sync resume`."
    if isinstance(error, psycopg.OperationalError):
        # One class of error for all, also for a connection that is lost later.
        if (told := str(error)).startswith(_CONNECTING) and (reason := refusals.why(told)):
            return f"no connection to the server. {reason}. Look at the URL, PGPASSWORD and the server."
        return "no connection to the server, or it was lost. Look at the URL and the server, then run `sync resume`."
    return f"the server refused a statement ({error.sqlstate}, {type(error).__name__})."


def _names(table: pa.Table) -> list[str]:
    return [f"p{number}" for number in range(1, table.num_columns + 1)]


def _storage(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_integer(kind) or pa.types.is_timestamp(kind) else pa.string()


def _blocks(table: pa.Table) -> Iterator[bytes]:
    """CSV in which only NULL stands without quotes. PyArrow writes an empty chunk as zeros, so there are none."""
    sink = io.BytesIO()
    csv.write_csv(table.combine_chunks(), sink, csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    view = sink.getbuffer()
    for start in range(0, len(view), _AT_ONCE):
        yield bytes(view[start : start + _AT_ONCE])


def _typed(found: io.BytesIO, schema: pa.Schema) -> pa.Table:
    """The CSV of COPY as `schema`: times from microseconds, lists from text joined by char(31), empty text as null."""
    stored = {field.name: _storage(field.type) for field in schema}
    read = csv.read_csv(
        found,
        csv.ReadOptions(column_names=schema.names),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(column_types=stored, null_values=[""], strings_can_be_null=True),
    )
    return pa.table([_column(read.column(field.name), field.type) for field in schema], schema=schema)


def _column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return pc.split_pattern(column, "\x1f") if pa.types.is_list(kind) else column.cast(kind)
