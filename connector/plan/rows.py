"""People by what the export says of them, and people who are not to come back.

Owns: the hash of a person's row (a refused change waits until it changes), and who of many people was forgotten.
Must not: know a platform or a store, decide consent (gate.py).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from connector.core.sql import scratch
from connector.state.tombstones import PERSON

# SQL over `person` of people.compare: what would be sent of them, and their consent. Not which segments they are in, so
# that somebody a platform refuses is not tried again for entering another segment. 64 bits are enough for one person.
HASH = "left(md5(concat_ws('|', fields_now, consent, epoch_us(consent_at), consent_source)), 16)"
FORGOTTEN = "forgotten_here"


def forgotten(emails: pa.Array, salt: str, hashes: pa.Array) -> pa.Array:
    """Those of `emails` whose salted hash is among `hashes` (Upkeep.tombstones)."""
    if not len(hashes):
        return pa.array([], pa.string())
    with scratch() as connection:
        connection.register("asked", pa.table({"email": emails.cast(pa.string())}))
        connection.register("tombstones", pa.table({"hash": hashes}))
        sql = "select email from asked where sha256(? || email) in (select hash from tombstones)"
        found = connection.sql(sql, params=[salt]).to_arrow_table().column("email")
        return found.combine_chunks().cast(pa.string())


def under_forgotten_ids(desired: pa.Table, salt: str, hashes: pa.Array) -> pa.Array:
    """The addresses of `desired` whose person's CRM id was forgotten, whichever address it had then."""
    if not len(hashes) or "person" not in desired.column_names:
        return pa.array([], pa.string())
    with scratch() as connection:
        connection.register("asked", desired.select(["email", "person"]))
        connection.register("tombstones", pa.table({"hash": hashes}))
        sql = "select email from asked where sha256(? || person) in (select hash from tombstones)"
        found = connection.sql(sql, params=[salt + PERSON]).to_arrow_table().column("email")
        return found.combine_chunks().cast(pa.string())


def block(connection: duckdb.DuckDBPyConnection, emails: pa.Array) -> None:
    """Nothing is added, created or changed for these; after people.compare, before memberships.differing."""
    if len(emails):
        connection.register("forgotten", pa.table({"email": emails}))
        connection.execute(f"""
            update person set reason = '{FORGOTTEN}', status_at = null where email in (select email from forgotten)
        """)
