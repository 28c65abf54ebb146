"""JSON lines: one object a line.

Owns: the keys of a file and its rows as text; nested values stay JSON text. Must not: interpret values.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from connector.sources.files import encoding as enc
from connector.sources.files.batches import append
from connector.sources.files.csv import Dialect, Tally
from connector.sources.text import literal, literals

if TYPE_CHECKING:
    import duckdb

_LOOKED_AT = 10_000  # lines whose keys count as the file's columns


def dialect(file: Path, encoding: str | None) -> Dialect | None:
    """The encoding, and every key of the first lines in order of appearance; None when none of them is an object."""
    found: dict[str, None] = {}
    objects = 0
    encoding = encoding or enc.guess(enc.sample(file))
    with io.TextIOWrapper(enc.open_bytes(file), encoding, errors="replace", newline="\n") as stream:
        for line in islice(stream, _LOOKED_AT):
            value = _object(line)
            if value is not None:
                objects += 1
                found.update(dict.fromkeys(value))
    return Dialect(encoding, "", 0, tuple(found)) if objects else None


def read(con: duckdb.DuckDBPyConnection, file: Path, how: Dialect, wanted: Sequence[str | None], into: str) -> Tally:
    """Append every line that is not blank; one that is no object gets the reason "unreadable"."""
    import duckdb as engine

    paths = literals(_pointer(key) for key in wanted if key is not None) or "'/'"
    slots = iter(range(1, len(wanted) + 1))
    columns = "".join(", NULL" if key is None else f", cells[{next(slots)}]" for key in wanted)
    con.execute("CREATE OR REPLACE TEMP TABLE json_text (line BIGINT, value VARCHAR)")
    try:
        if how.encoding not in enc.UTF8:
            raise engine.Error
        con.execute(
            f"INSERT INTO json_text SELECT row_number() OVER (), value FROM read_csv({literal(str(file))},"
            " columns={'value': 'VARCHAR'}, header=false, delim='\x1f', quote='', escape='', auto_detect=false,"
            " hive_partitioning=false)"
        )
    except engine.Error:
        _in_python(con, file, how.encoding)
    con.execute(
        f"INSERT INTO {into} SELECT CASE WHEN cells IS NULL THEN 'unreadable' END, line{columns} FROM (SELECT line,"
        f" CASE WHEN json_valid(value) AND json_type(value) = 'OBJECT' THEN json_extract_string(value, [{paths}]) END"
        " AS cells FROM json_text WHERE trim(value, chr(65279) || ' \t\r') <> '') ORDER BY line"
    )
    con.execute("DROP TABLE json_text")
    return Tally()


def _in_python(con: duckdb.DuckDBPyConnection, file: Path, encoding: str) -> None:
    """The same for a file of another encoding, with mixed line ends or very long lines."""
    con.execute("CREATE OR REPLACE TEMP TABLE json_batch (_reason VARCHAR, _line BIGINT, h0 VARCHAR)")
    if encoding == "utf-8" and not enc.is_utf8(file):
        encoding = enc.whole_guess(file)
    with io.TextIOWrapper(enc.open_bytes(file), encoding, errors="replace", newline="\n") as stream:
        append(con, "json_batch", ((None, line, (text,)) for line, text in enumerate(stream, start=1)), [0])
    con.execute("INSERT INTO json_text SELECT _line, h0 FROM json_batch")
    con.execute("DROP TABLE json_batch")


def _object(line: str) -> dict[str, object] | None:
    try:
        value = json.loads(line.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")
