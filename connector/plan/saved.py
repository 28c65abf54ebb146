"""A plan as one file: saved for review, loaded for `push --plan`, proved unchanged by its content hash.

Owns: the file's format (a zip of a JSON header and an Arrow file a table), the hash. Must not: decide whether a loaded
plan still fits the ledger (the store compares revisions inside the transaction that opens the run).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core import files
from connector.core.errors import Stale
from connector.core.plan import Export, GuardHit, Moment, Plan
from connector.plan.rows import FORGOTTEN
from connector.state.frozen import counted

FORMAT = 7
TABLES = ("changes", "blocked", "frozen", "stages")  # of a Plan
LEARNT = ("segments", "people", "moved")  # of its Moment


def save(plan: Plan, path: Path) -> None:
    """Write the plan; the file holds addresses, so only its owner may read it."""
    plan = _unnamed(plan)
    with (
        files.replacing(path) as raw,
        zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr("plan.json", json.dumps(_header(plan) | {"id": plan.id, "hash": content_hash(plan)}, indent=1))
        for name, table in _parts(plan).items():
            archive.writestr(f"{name}.arrow", _bytes(table))


def _unnamed(plan: Plan) -> Plan:
    """A plan is kept without the addresses of forgotten people: nothing is sent about them."""
    out = pc.equal(plan.blocked.column("reason"), FORGOTTEN)
    emails = pc.if_else(out, "", plan.blocked.column("email"))
    return replace(plan, blocked=plan.blocked.set_column(plan.blocked.column_names.index("email"), "email", emails))


def load(path: Path) -> Plan:
    """Read a saved plan. Raises Stale when it is not one, is of another format, or was altered."""
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read("plan.json"))
            tables = _tables(archive, header, path)
        plan = _plan(header, tables)
    except FileNotFoundError:
        raise Stale(f"There is no plan at {path}. Make one with `sync plan --out FILE`.") from None
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, pa.ArrowException):
        raise Stale(
            f"{path.name} is not a saved plan, or is damaged. Make a new one with `sync plan --out FILE`."
        ) from None
    if content_hash(plan) != header["hash"]:
        raise Stale(f"{path.name} was altered after it was saved. Make a new one with `sync plan --out FILE`.")
    return plan


def _tables(archive: zipfile.ZipFile, header: dict[str, Any], path: Path) -> dict[str, pa.Table]:
    if header.get("format") != FORMAT:
        raise Stale(f"{path.name} is a plan of format {header.get('format')}; this version reads {FORMAT}. Plan again.")
    return {name: _table(archive.read(f"{name}.arrow")) for name in (*TABLES, *LEARNT)}


def _parts(plan: Plan) -> dict[str, pa.Table]:
    return {name: getattr(plan, name) for name in TABLES} | {name: getattr(plan.moment, name) for name in LEARNT}


def content_hash(plan: Plan) -> str:
    """Over everything that the plan would do and was made from; not over its id or its own hash."""
    digest = hashlib.blake2b(json.dumps(_header(plan), sort_keys=True).encode(), digest_size=16)
    for table in _parts(plan).values():
        digest.update(_bytes(table))
    return digest.hexdigest()


def identity(plan: Plan) -> str:
    """A short name for a plan, cheap even when the plan is large."""
    header = json.dumps(_header(plan), sort_keys=True) + f"{plan.changes.num_rows} {plan.stages.num_rows}"
    return hashlib.blake2b(header.encode(), digest_size=8).hexdigest()


def _header(plan: Plan) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "as_of": plan.as_of.isoformat(),
        "made_at": plan.made_at.isoformat(),
        "revisions": dict(plan.revisions),
        "requests": dict(plan.requests),
        "seconds": dict(plan.seconds),
        "guards": [asdict(hit) for hit in plan.guards],
        "notes": list(plan.notes),
        "findings": list(plan.findings),
        "inputs": dict(plan.inputs),
        "export": asdict(plan.export),
        "limit": plan.limit,
        "platforms": dict(plan.platforms),
        "irreversible": {name: dict(counts) for name, counts in plan.irreversible.items()},
        "frozen": dict(counted(plan.frozen)),
        "released": list(plan.released),
        "after": plan.moment.after,
        **({"unread": dict(plan.unread)} if plan.unread else {}),
        **({"skipped": dict(plan.skipped)} if plan.skipped else {}),
    }


def _plan(header: dict[str, Any], tables: dict[str, pa.Table]) -> Plan:
    return Plan(
        id=header["id"],
        as_of=datetime.fromisoformat(header["as_of"]),
        made_at=datetime.fromisoformat(header["made_at"]),
        revisions=header["revisions"],
        requests=header["requests"],
        seconds=header["seconds"],
        guards=tuple(GuardHit(**hit) for hit in header["guards"]),
        notes=tuple(header["notes"]),
        findings=tuple(header.get("findings", ())),  # plans of older versions have none
        inputs=header["inputs"],
        export=Export(**header["export"]),
        limit=header["limit"],
        platforms=header["platforms"],
        irreversible=header["irreversible"],
        released=tuple(header["released"]),
        unread=header.get("unread", {}),
        skipped=header.get("skipped", {}),
        moment=Moment(header["after"], **{name: tables[name] for name in LEARNT}),
        **{name: tables[name] for name in TABLES},
    )


def with_inputs(plan: Plan, inputs: dict[str, str]) -> Plan:
    """The same plan, bound to the content of the files that it was made from."""
    bound = replace(plan, inputs=inputs)
    return replace(bound, id=identity(bound))


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _table(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()
