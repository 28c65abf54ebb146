"""The people for which anything may differ between the segments and the ledger.

Owns: that comparison. A contact's memberships are bits of integers (60 targets each), so one join of desired people
with the ledger's contacts compares every target at once.
Must not: decide policy (gate.py), loop over contacts.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from connector.core.model import Status
from connector.core.sql import identifier
from connector.plan import gate
from connector.plan.diff import fields
from connector.plan.routes import Route, Routing
from connector.state.base import Ledger

BITS = 60  # a signed 64-bit integer, with room to shift


def chunks(routes: Sequence[Route]) -> list[Sequence[Route]]:
    """The routes that share one integer; at least one chunk, so that the SQL has its columns."""
    return [routes[at : at + BITS] for at in range(0, len(routes), BITS)] or [()]


def compare(connection: duckdb.DuckDBPyConnection, routing: Routing, ledger: Ledger, *, gone_is_final: bool) -> None:
    """Make the table `person`: contacts whose memberships or fields may differ, with desired and current bit masks and
    the consent decision (see gate.reason for `gone_is_final`). Bits of doubt are memberships that may be there or not:
    both wanting and not wanting them need a change.

    Expects the view `desired` (segments.Evaluation.table). Columns: email, present (in the export), held (by the
    platform), reason (of the gate, null: may be touched), status_at, want<i>, have<i>, doubt<i>, wanted, enriched,
    consent, consent_at, consent_source, fields_now and fields_sent (JSON), fields_doubt (names)."""
    parts = chunks(routing.routes)
    connection.register("ledger_contacts", ledger.contacts)
    connection.register("ledger_memberships", ledger.memberships)
    connection.register("ledger_doubtful", ledger.doubtful)
    connection.register("ledger_doubtful_fields", ledger.doubtful_fields)
    _want(connection, routing, parts)
    _have(connection, parts, ledger)
    policy = routing.destination.new_contacts
    bits = ", ".join(
        f"coalesce(w.want{i}, 0) as want{i}, {_if_held(f'h.have{i}')} as have{i}, {_if_held(f'u.doubt{i}')} as doubt{i}"
        for i in range(len(parts))
    )
    want = " or ".join(f"want{i} <> 0" for i in range(len(parts)))
    differs = " or ".join(differ(i) for i in range(len(parts)))
    mapped = f"(({want}) or enriched or fields_sent is not null)" if routing.destination.fields else "false"
    connection.execute(f"""
        create or replace temp table person as
        with joined as (
            select coalesce(w.email, c.email) as email, w.email is not null as present, c.status, c.status_at,
                   c.held_before,
                   coalesce(w.consent, false) as consent, coalesce(w.unclear, false) as unclear,
                   w.consent_at, w.consent_source,
                   coalesce(w.enriched, false) as enriched, w.fields as fields_now, c.fields as fields_sent,
                   f.names as fields_doubt, {bits}
            from want w full join ledger_contacts c on w.email = c.email left join have h on h.contact = c.id
            left join doubt u on u.contact = c.id left join doubtful_field f on f.contact = c.id
        )
        select *, {gate.HELD} as held, {gate.reason(policy, gone_is_final=gone_is_final)} as reason, ({want}) as wanted
        from joined
        where {differs} or (present and {mapped})
    """)


def differ(chunk: int) -> str:
    return f"want{chunk} <> have{chunk} or doubt{chunk} <> 0 or (have{chunk} <> 0 and not consent)"


def _if_held(bits: str) -> str:
    """A contact that the platform lost has lost its memberships too, whatever the ledger remembers."""
    return f"case when c.status = '{Status.ABSENT}' then 0 else coalesce({bits}, 0) end"


def _want(connection: duckdb.DuckDBPyConnection, routing: Routing, parts: list[Sequence[Route]]) -> None:
    masks = ", ".join(f"{_mask(part)} as want{i}" for i, part in enumerate(parts))
    unclear = "unclear" if "unclear" in connection.table("desired").columns else "false"
    enriched = " or ".join(identifier(f"in:{name}") for name in routing.enriched) or "false"
    connection.execute(f"""
        create or replace temp view want as
        select email, consent, {unclear} as unclear, consent_at, consent_source, ({enriched}) as enriched,
               {fields.as_json(routing.destination.fields)} as fields, {masks}
        from desired
    """)


def _mask(part: Sequence[Route]) -> str:
    bits = [f"({identifier(f'in:{route.segment}')}::BIGINT << {at})" for at, route in enumerate(part)]
    return "(" + " | ".join(bits) + ")" if bits else "0::BIGINT"


def _have(connection: duckdb.DuckDBPyConnection, parts: list[Sequence[Route]], ledger: Ledger) -> None:
    """The ledger's memberships of the routed targets, as the same bits. Other targets' are left alone."""
    ids = {
        (kind, name): identity
        for identity, kind, name in zip(
            *(ledger.targets.column(column).to_pylist() for column in ("id", "kind", "name")), strict=True
        )
    }
    rows = [
        (ids[(str(route.target.kind), route.target.name)], chunk, at)
        for chunk, part in enumerate(parts)
        for at, route in enumerate(part)
        if (str(route.target.kind), route.target.name) in ids
    ]
    table = pa.table(
        {name: pa.array([row[i] for row in rows], pa.int64()) for i, name in enumerate(("target", "chunk", "bit"))}
    )
    connection.register("bits", table)
    for made, source in (("have", "ledger_memberships"), ("doubt", "ledger_doubtful")):
        masks = ", ".join(
            f"coalesce(bit_or(1::BIGINT << b.bit) filter (b.chunk = {i}), 0) as {made}{i}" for i in range(len(parts))
        )
        connection.execute(f"""
            create or replace temp table {made} as
            select m.contact, {masks} from {source} m join bits b on m.target = b.target group by m.contact
        """)
    connection.execute("""
        create or replace temp table doubtful_field as
        select contact, flatten(list(json_keys(fields))) as names from ledger_doubtful_fields group by contact
    """)
