"""Names in SQL.

Owns: how a name becomes an identifier. Must not: hold statements.
"""

from __future__ import annotations


def identifier(name: str) -> str:
    """A name as an SQL identifier, whatever signs are in it."""
    return '"' + name.replace('"', '""') + '"'
