"""A PostgreSQL state that the user may only read: copies of its tables for this connection alone.

Owns: whether a connection may write, and the copies. Must not: know a table.

Planning writes what it read of the platforms. A temporary table hides the one of the same name, so all statements work
as they are, and what they write is gone with the connection.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql as words

_MAY = """
    SELECT count(*), coalesce(bool_and(
        has_table_privilege(format('%I.%I', schemaname, tablename), 'INSERT')
        AND has_table_privilege(format('%I.%I', schemaname, tablename), 'UPDATE')
        AND has_table_privilege(format('%I.%I', schemaname, tablename), 'DELETE')), true)
        AND NOT current_setting('transaction_read_only')::bool
    FROM pg_tables WHERE schemaname = current_schema()"""
_TABLES = "SELECT current_schema(), tablename FROM pg_tables WHERE schemaname = current_schema()"
_NUMBERED = """
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = %s::regclass AND a.attidentity <> '' AND NOT a.attisdropped"""


def hide(connection: psycopg.Connection[Any]) -> bool:
    """Whether the user may only read, and the tables were hidden behind copies."""
    found = connection.execute(_MAY).fetchone()
    if found is None or not found[0] or found[1]:
        return False
    connection.execute("SET default_transaction_read_only = off")  # else not even a temporary table could be made
    for schema, table in connection.execute(_TABLES).fetchall():
        _copy(connection, schema, table)
    return True


def _copy(connection: psycopg.Connection[Any], schema: str, table: str) -> None:
    real, copy = words.Identifier(schema, table), words.Identifier("pg_temp", table)
    connection.execute(words.SQL("CREATE TEMP TABLE {} (LIKE {} INCLUDING ALL)").format(words.Identifier(table), real))
    connection.execute(words.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT * FROM {}").format(copy, real))
    name = copy.as_string(connection)
    for (column,) in connection.execute(_NUMBERED, [name]).fetchall():
        highest = words.SQL("SELECT setval(pg_get_serial_sequence(%s, %s), (SELECT max({}) FROM {}) + 1)")
        connection.execute(highest.format(words.Identifier(column), copy), [name, column])
