"""Consent that a table does not tell clearly: texts that are no yes or no, rows of one person that contradict.

Owns: settle(), which says in Ibis what sources/consent.py says in DuckDB's SQL for files; the meaning is there.
Must not: decide consent (the rule does), read the rule (refusals.py). Only the unclear people are fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import pyarrow as pa
from ibis import _

from connector.core.model import ColumnType
from connector.sources.cells import quoted
from connector.sources.columns.normalise import boolean
from connector.sources.consent import UNCLEAR, Asked, sentence
from connector.sources.findings import Findings
from connector.sources.refusals import Refusal
from connector.sources.warehouse import columns as warehouse_columns
from connector.sources.warehouse import connect


def settle(
    opened: Any,
    table: Any,
    types: Mapping[str, ColumnType],
    refusing: Mapping[str, Refusal],
    updated: str | None,
    findings: Findings,
) -> tuple[Any, pa.Table]:
    """`table` (with `_email`) with the refusing value where a column is unclear, and UNCLEAR: the people."""
    unclear = [UNCLEAR.empty_table()]
    for column, refusal in refusing.items():
        if column not in types:
            continue
        asked = Asked.of(column, types[column], refusal)
        table, doubted = _settled(opened, table, asked, updated)
        people = doubted["_email"]
        columns = [people.cast(pa.string()), pa.repeat(bool(asked.value), len(people))]
        unclear.append(pa.table(columns, schema=UNCLEAR))
        found = tuple(quoted(text) for text in doubted["_sample"].to_pylist()[:1] if text is not None)
        findings.add("consent-unclear", "contacts", column, len(people), sentence(len(people)), examples=found)
    together = pa.concat_tables(unclear).group_by("email").aggregate([("decided", "all")])
    return table, together.select(["email", "decided_all"]).rename_columns(UNCLEAR.names).cast(UNCLEAR)


def _settled(opened: Any, table: Any, asked: Asked, updated: str | None) -> tuple[Any, pa.Table]:
    """One column: the table with it, and (_email, _sample) of the unclear people."""
    if asked.says_yes is not None:
        table = warehouse_columns.through(opened, table, asked.name, "_said", _word)
    doubted = connect.rows(opened, _doubted(table, asked, updated))
    made = _one_word(table, asked)
    if not len(doubted) or not asked.value:
        return made, doubted
    them = connect.lookup(opened, pa.table({"_doubted": doubted["_email"]}))
    joined = made.left_join(them, made["_email"] == them["_doubted"])
    kept = {name: made[name] for name in made.columns}
    refused = them["_doubted"].notnull().ifelse(_refusal(made, asked), made[asked.name])
    return joined.select(**{**kept, asked.name: refused}), doubted


def _word(text: str) -> str | None:
    return {True: "yes", False: "no", None: None}[boolean(text)]


def _refusal(table: Any, asked: Asked) -> Any:
    return ibis.null(table[asked.name].type()) if asked.refusing is None else ibis.literal(asked.refusing)


def _one_word(table: Any, asked: Asked) -> Any:
    """Texts of the same meaning as the rule's word become that word."""
    if asked.says_yes is None:
        return table
    same = table["_said"] == ("yes" if asked.says_yes else "no")
    return table.mutate(**{asked.name: same.ifelse(ibis.literal(asked.refusing), table[asked.name])}).drop("_said")


def _doubted(table: Any, asked: Asked, updated: str | None) -> Any:
    """People whose newest rows that say anything are unreadable or disagree. An undated row is the oldest."""
    lost = ibis.literal(0)
    if asked.says_yes is not None:
        lost = (table["_said"].isnull() & table[asked.name].notnull()).ifelse(1, 0)
    changed = table[updated] if updated is not None and updated != asked.name else ibis.null("timestamp(6)")
    said = table.select(_email=table["_email"], _value=_plain(table, asked), _lost=lost, _changed=changed)
    several = said.group_by("_email").aggregate(_rows=_.count(), _odd=_["_lost"].sum())
    several = several.filter((_["_rows"] > 1) | (_["_odd"] > 0)).select(_who="_email")
    said = said.semi_join(several, said["_email"] == several["_who"]).filter(_["_value"].notnull())
    order = [said["_changed"].isnull(), said["_changed"].desc()]
    ranked = said.mutate(_rank=ibis.rank().over(group_by="_email", order_by=order))
    newest = ranked.filter(_["_rank"] == 0).group_by("_email")
    found = newest.aggregate(
        _values=_["_value"].nunique(), _odd=_["_lost"].sum(), _sample=_["_value"].min(where=_["_lost"] > 0)
    )
    return found.filter((_["_values"] > 1) | (_["_odd"] > 0)).select("_email", "_sample").order_by("_email")


def _plain(table: Any, asked: Asked) -> Any:
    """The value as a text that is equal where the rule sees no difference."""
    value = table[asked.name]
    if asked.type == "place":
        return value["latitude"].cast("string") + " " + value["longitude"].cast("string")
    if asked.type != "text":
        return value.cast("string")
    plain = value.strip().lower()
    return plain if asked.says_yes is None else ibis.coalesce(table["_said"], plain)
