"""Fields of a contact as JSON: what we would send, and what of it differs from what was confirmed.

Owns: the SQL that writes and compares JSON objects. Must not: know a platform's field types.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.core.sql import identifier


def _key(name: str) -> str:
    return name.replace("'", "''")


def path(name: str) -> str:
    """SQL: the JSON path of a field."""
    return "'$.\"" + _key(name).replace('"', '\\"') + "\"'"


def _same_number(one: str, other: str) -> str:
    """SQL over two JSON texts: whether both are the same number."""
    return f"coalesce(try_cast({one} as DECIMAL(38, 10)) = try_cast({other} as DECIMAL(38, 10)), false)"


def as_json(fields: Mapping[str, str]) -> str:
    """SQL: a JSON object of every mapped field (null where the value is missing), or null without any."""
    if not fields:
        return "null::VARCHAR"
    parts = ", ".join(f"'{_key(name)}', " + identifier(f"value:{column}") for name, column in fields.items())
    return f"json_object({parts})::VARCHAR"


def changed(fields: Mapping[str, str]) -> str:
    """SQL over fields_now, fields_sent, fields_doubt: a JSON object of the fields to send, or null when nothing
    differs. What may have been written without an answer (fields_doubt, names) differs in any case.

    Both sides are read by the same JSON reader before they are compared, so 12.50 and 12.5 are one value, as are 120
    and 120.0: how many decimals a column has is told by all of its values. A field that was never sent and is missing
    is not sent (a merge patch leaves out what is null); one that was sent and is missing now is cleared (null)."""
    if not fields:
        return "null::VARCHAR"
    members = []
    for name in fields:
        now = f"coalesce((fields_now -> {path(name)})::VARCHAR, 'null')"
        sent = f"coalesce((fields_sent -> {path(name)})::VARCHAR, 'null')"
        doubt = f"coalesce(list_contains(fields_doubt, '{_key(name)}'), false)"
        members.append(
            f"case when ({now} <> {sent} and not {_same_number(now, sent)}) or {doubt}"
            f" then to_json('{_key(name)}')::VARCHAR || ':' || {now} end"
        )
    text = f"array_to_string(list_filter([{', '.join(members)}], lambda x: x is not null), ',')"
    everything = "json_merge_patch('{}', fields_now)::VARCHAR"
    return f"""case when fields_doubt is null and fields_now = fields_sent then null
        when fields_doubt is null and fields_sent is null then nullif({everything}, '{{}}')
        else nullif('{{' || {text} || '}}', '{{}}') end"""
