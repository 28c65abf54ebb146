"""HubSpot's contact search: filters and sorting as SQL over the properties.

Owns: POST …/contacts/search, its caps. Must not: be used for anything but reading. Archived contacts are never found,
and secondary addresses are not searched through `email`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector.rehearsal.core.world import Request, Response, World
from connector.rehearsal.hubspot.contacts import COLUMNS, as_object, definitions, indexed
from connector.rehearsal.hubspot.values import Definition, instant
from connector.rehearsal.hubspot.wire import mapping, millis, number, refuse

MOST_RESULTS, PAGE, GROUPS, FILTERS, ALL_FILTERS = 10_000, 200, 5, 6, 18
_COMPARE = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}


def search(world: World, request: Request) -> Response:
    body = mapping(request.json())
    limit, after = number(body.get("limit") or 10, "limit"), number(body.get("after") or 0, "after")
    if not 1 <= limit <= PAGE:
        raise refuse(400, f"limit must be between 1 and {PAGE}, {limit} was given.")
    if after + limit > MOST_RESULTS:
        raise refuse(400, f"The search endpoint returns at most {MOST_RESULTS} results; paging beyond is not possible.")
    known = definitions(world)
    where, values = _where(known, body)
    where, values = f"({where}) AND created <= ?", [*values, indexed(world)]
    sort = _sort(known, body.get("sorts") or [])
    total = world.db.execute(f"SELECT count(*) FROM hs_contact WHERE {where}", values).fetchone()[0]
    query = f"SELECT {COLUMNS} FROM hs_contact WHERE {where} ORDER BY {sort} LIMIT ? OFFSET ?"
    rows = world.db.execute(query, [*values, limit, after]).fetchall()
    wanted = [str(name) for name in body.get("properties") or []]
    answer: dict[str, Any] = {"total": total, "results": [as_object(row, wanted) for row in rows]}
    if after + limit < total:
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return Response(body=answer)


def _where(known: Mapping[str, Definition], body: Mapping[str, Any]) -> tuple[str, list[Any]]:
    groups = [mapping(group).get("filters") or [] for group in body.get("filterGroups") or []]
    if len(groups) > GROUPS or any(len(g) > FILTERS for g in groups) or sum(map(len, groups)) > ALL_FILTERS:
        raise refuse(400, f"At most {GROUPS} filterGroups of {FILTERS} filters, {ALL_FILTERS} in all.")
    values: list[Any] = []
    either = []
    for group in groups:
        tests = []
        for each in group:
            sql, more = _filter(known, mapping(each))
            tests.append(sql)
            values += more
        either.append("(" + " AND ".join(tests or ["1"]) + ")")
    where = f"archived_at IS NULL AND ({' OR '.join(either) or '1'})"
    if body.get("query"):
        searched = ("email", "firstname", "lastname", "phone")
        where += " AND (" + " OR ".join(f"instr(lower({_text(name)}), lower(?)) > 0" for name in searched) + ")"
        values += [str(body["query"])] * len(searched)
    return where, values


def _text(name: str) -> str:
    return "json_extract(properties, '$.\"" + name.replace("'", "''").replace('"', "") + "\"')"


def _column(definition: Definition) -> str:
    """The property as SQL that compares as its type does."""
    if definition["name"] == "lastmodifieddate":
        return "modified"
    if definition["type"] == "datetime":
        return f"CAST(round((julianday({_text(definition['name'])}) - 2440587.5) * 86400000) AS INTEGER)"
    return f"CAST({_text(definition['name'])} AS REAL)" if definition["type"] == "number" else _text(definition["name"])


def _value(definition: Definition, raw: Any) -> Any:
    text = str(raw)
    try:
        if definition["type"] == "datetime":
            return millis(instant(text))
        if definition["type"] == "number":
            return float(text)
    except ValueError:
        raise refuse(400, f"{text} is not a valid value for {definition['name']}.") from None
    return text.lower() if definition["name"] == "email" else text


def _filter(known: Mapping[str, Definition], each: Mapping[str, Any]) -> tuple[str, list[Any]]:
    name, operator = str(each.get("propertyName", "")), str(each.get("operator", ""))
    definition = known.get(name)
    if definition is None:
        raise refuse(400, f'There was a problem with the request: property "{name}" does not exist.')
    column = _column(definition)
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return f"{_text(name)} IS {'NOT ' if operator == 'HAS_PROPERTY' else ''}NULL", []
    if operator in ("IN", "NOT_IN"):
        return _among(definition, column, each, operator)
    if operator == "BETWEEN":
        ends = [_value(definition, each.get("value", "")), _value(definition, each.get("highValue", ""))]
        return f"{column} BETWEEN ? AND ?", ends
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        without = "NOT " if operator.startswith("NOT") else ""
        return f"{_text(name)} {without}LIKE ? ESCAPE '\\'", [f"%{_pattern(str(each.get('value', '')))}%"]
    if operator not in _COMPARE or "value" not in each:
        raise refuse(400, f'Operator "{operator}" is not valid here, or its value is missing.')
    value = _value(definition, each["value"])
    if operator == "NEQ":
        return f"({column} IS NULL OR {column} <> ?)", [value]
    return f"{column} {_COMPARE[operator]} ?", [value]


def _pattern(text: str) -> str:
    """For LIKE: of all signs only * stands for others."""
    return re.sub(r"([\\%_])", r"\\\1", text).replace("*", "%")


def _among(definition: Definition, column: str, each: Mapping[str, Any], operator: str) -> tuple[str, list[Any]]:
    values = [_value(definition, value) for value in each.get("values") or []]
    if not values:
        raise refuse(400, f"{operator} needs values.")
    if definition["fieldType"] == "checkbox":
        test = " OR ".join([f"instr(lower(';' || {column} || ';'), lower(?)) > 0"] * len(values))
        values = [f";{value};" for value in values]
    else:
        test = f"{column} IN ({', '.join('?' * len(values))})"
    return (f"({test})" if operator == "IN" else f"({column} IS NULL OR NOT ({test}))"), values


def _sort(known: Mapping[str, Definition], sorts: list[Any]) -> str:
    """One sort, as {propertyName, direction} or as "-name". Ties come in the order of ids."""
    if len(sorts) > 1:
        raise refuse(400, "Only one sort can be applied.")
    if not sorts:
        return "id"
    each = sorts[0]
    if isinstance(each, dict):
        name, down = str(each.get("propertyName", "")), str(each.get("direction", "")).upper().startswith("DESC")
    else:
        name, down = str(each).lstrip("-"), str(each).startswith("-")
    if name not in known:
        raise refuse(400, f'Property "{name}" does not exist.')
    return f"{_column(known[name])} {'DESC' if down else 'ASC'}, id"
