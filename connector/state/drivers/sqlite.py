"""One SQLite file through ADBC: rows for small things, Arrow for bulk, transactions, errors with advice.

Owns: the driver, the connection, the lock around it. Must not: know a table.

Only ADBC may open the file in this process. Python's own sqlite3 is another copy of SQLite: when one of the two
closes the file, the operating system drops the locks of both, and the one that closes first deletes the other's
write-ahead log with committed rows in it (sqlite.org/howtocorrupt.html, section 2.2.1; seen here with ADBC 1.13).
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager import Error
from adbc_driver_sqlite import dbapi

from connector.core.errors import StateError
from connector.core.private import Folder
from connector.state.drivers.reading import copied, writable

BUSY_SECONDS = 30
FORGET_AGAIN = "People who were forgotten must be forgotten again then."
SYNCHRONOUS = "FULL"  # a commit has reached the disk: an intention must outlive a power cut
_NO_INTEGER = -(2**63)  # stands for NULL on the way out: no id and no time is that small
_ROWS_AT_ONCE = {"adbc.sqlite.query.batch_rows": "65536"}


class Database:
    """Thread-safe: one statement at a time. Raises StateError for whatever the driver raises."""

    elsewhere = "Choose another file with --state."
    narrows = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._copy: Folder | None = None
        self._place = path
        with self._explained():
            self.read_only = not writable(path)
            if self.read_only:
                self._copy = Folder("state")
                self._place = copied(path, self._copy.path)
            _make(self._place)
            self._connection = dbapi.connect(str(self._place.absolute()), autocommit=True)
            self._file = _file(self._place)
        try:
            for pragma in (
                f"busy_timeout = {BUSY_SECONDS * 1000}",
                "journal_mode = WAL",
                f"synchronous = {SYNCHRONOUS}",
                "secure_delete = ON",  # as far as it goes: see erasing()
            ):
                self.rows(f"PRAGMA {pragma}")
        except StateError:
            self.close()
            raise

    def close(self) -> None:
        with self._lock, self._explained():
            self._connection.close()
            if self._copy is not None:
                self._copy.remove()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        with self._statement() as cursor:
            cursor.execute(sql, list(parameters) or None)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A few rows. Use `table` where a column may begin with thousands of NULLs."""
        with self._statement() as cursor:
            cursor.execute(sql, list(parameters) or None)
            return list(cursor.fetchall())

    def table(self, sql: str, schema: pa.Schema, parameters: Sequence[Any] = (), order: str = "") -> pa.Table:
        """Many rows. `sql` yields the columns of `schema` by name, times in microseconds, lists as text joined
        by char(31). An empty text comes back as null. `order` are columns: SQLite drops an ORDER BY in `sql`."""
        columns = ", ".join(
            f"coalesce({field.name}, {_NO_INTEGER if _is_integer(field.type) else chr(39) * 2}) AS {field.name}"
            for field in schema
        )  # ADBC takes a column's type from its first rows, so there must be no NULL among them
        wrapped = f"SELECT {columns} FROM ({sql}){order and ' ORDER BY ' + order}"
        with self._statement() as cursor:
            cursor.execute(wrapped, list(parameters) or None)
            batches = [_typed_batch(batch, schema) for batch in cursor.fetch_record_batch()]
        return pa.Table.from_batches(batches, schema=schema)

    def load(self, sql: str, table: pa.Table) -> None:
        """Run `sql` once for every row, the columns in order as its parameters; times as microseconds."""
        if not table.num_rows:
            return
        plain = [column.cast(_storage(column.type)) for column in table.columns]
        with self._statement() as cursor:
            cursor.executemany(sql, pa.table(plain, names=table.column_names))

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[None]:
        """Everything or nothing. Not nested. `writes=False` only holds one moment of the data still."""
        with self._lock:
            self.run("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                yield
                self._commit()
            except BaseException:
                self._rollback()
                raise

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """A transaction after which what it deleted is nowhere in the files, not even as free space. The file is
        written again: secure_delete leaves what a row was before SQLite moved it to another page."""
        with self._lock:
            with self.transaction():
                yield
            self.shrink()

    def content(self) -> bytes:
        """The whole file, with all that was committed."""
        with self._lock, self._explained(), self._vacuumed() as copy:
            return copy.read_bytes()

    @contextmanager
    def _vacuumed(self) -> Iterator[Path]:
        """A copy: this process must not open and close the file itself (see above)."""
        copy = self.path.with_suffix(".copy")
        copy.unlink(missing_ok=True)
        self.run("VACUUM INTO ?", [str(copy)])
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def shrink(self) -> None:
        with self._lock:
            self.run("VACUUM")
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def changed(self) -> int:
        """Rows that the last statement changed."""
        return int(self.rows("SELECT changes()")[0][0])

    def tables(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def prepare(self) -> None:
        """Before a migration: SQLite has all that the statements need."""

    def _commit(self) -> None:
        self._require_place()
        self.run("COMMIT")

    def _require_place(self) -> None:
        """A file that was removed lives on for those who have it open: all would seem recorded, and be gone with us."""
        with suppress(OSError):
            if _file(self._place) == self._file:
                return
        raise StateError(
            f"The state {self.path} was removed or replaced while this command worked, so nothing more is recorded or "
            "sent. Put back a copy and run `sync resume`, or run `sync push --refresh`, which makes a new one from the "
            "platforms."
        )

    def _rollback(self) -> None:
        try:
            self.run("ROLLBACK")
        except StateError:
            return  # SQLite has already rolled back (disk full, broken file); the first error tells

    @contextmanager
    def _statement(self) -> Iterator[dbapi.Cursor]:
        with self._lock, self._explained(), self._connection.cursor(adbc_stmt_kwargs=_ROWS_AT_ONCE) as cursor:
            yield cursor

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (Error, OSError) as error:
            raise StateError(f"The state {self.path} cannot be used: {_reason(error)}") from None


def _make(path: Path) -> None:
    """The file, readable only by its owner; SQLite gives its companions the same mode."""
    for folder in reversed([path.parent, *path.parent.parents]):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        _make_new(path)
    if path.is_file() and path.stat().st_size == 0:
        raise StateError(
            f"The state {path} is empty (0 bytes): a full disk or a broken copy left it so, and it is not taken for a "
            f"new one. Restore a copy. Without one, remove it and run `sync push --refresh`. {FORGET_AGAIN}"
        )
    path.chmod(0o600)  # not opened: closing it again would drop the locks of another store in this process


def _make_new(path: Path) -> None:
    """A file that is never seen empty, whenever somebody looks and whenever this process dies."""
    new = path.with_name(f"{path.name}.new-{secrets.token_hex(4)}")
    os.close(os.open(new, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with dbapi.connect(str(new.absolute()), autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")  # writes the file's header
            cursor.fetchall()
        try:
            os.link(new, path)
        except FileExistsError:
            return  # another process was faster
        except OSError:  # a filesystem without links
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _file(path: Path) -> tuple[int, int]:
    """Which file this is, whatever its name."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _reason(error: Exception) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"another process has been writing for {BUSY_SECONDS} s. Try again when it is done."
    if "not a database" in text or "malformed" in text:
        return "it is not a sound SQLite file. Restore a copy, or choose another file with --state."
    if "full" in text or "No space" in text:
        return "the disk is full. Make room, then run `sync resume`."
    if "disk I/O" in text:
        return "the disk does not take what is written: full, over quota, or broken. Then run `sync resume`."
    if "readonly" in text or "unable to open" in text:
        return "it cannot be written. Give yourself the right to its file and folder, or choose another with --state."
    if isinstance(error, OSError):
        return f"{error.strerror}. Choose another place with --state."
    return text.splitlines()[0]


def _is_integer(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_timestamp(kind))


def _storage(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if _is_integer(kind) else pa.string()


def _typed_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([_typed(batch.column(field.name), field.type) for field in schema], schema=schema)


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if _is_integer(kind):
        return _nulled(column.cast(pa.int64()), _NO_INTEGER).cast(kind)
    text = _nulled(column.cast(pa.string()), "")
    return pc.split_pattern(text, "\x1f") if pa.types.is_list(kind) else text


def _nulled(column: pa.Array, stand_in: int | str) -> pa.Array:
    missing = pc.equal(column, stand_in)
    return pc.if_else(missing, pa.scalar(None, column.type), column) if pc.any(missing).as_py() else column
