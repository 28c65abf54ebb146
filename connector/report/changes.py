"""Who is in a plan: one row per change and per blocked change, with the reason and the rule; and a plan for the comment
of a pull request.

Owns: these rows as CSV and JSON, and the Markdown. Must not: compute changes. CSV and JSON hold addresses, for one who
asks for them; Markdown holds masked ones.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.counts import count_of
from connector.core.model import Op
from connector.core.plan import Plan
from connector.core.scrub import mask
from connector.plan import gate
from connector.report.plan import as_json, is_empty

COLUMNS = ("destination", "target", "operation", "email", "reason", "rule")
SAMPLES = 3  # of each target and operation
REASONS = {
    Op.ADD: "is in the segment",
    Op.REMOVE: "is in the segment no longer",
    Op.CREATE: "is not held there yet",
    Op.UPDATE: "values differ from what was written",
    Op.MOVE: "has another address in the export",
    Op.ADOPT: "is in the segment, and there already",
    Op.DISOWN: "is there no longer",
    Op.RETIRE: "was inactive until the end of the lifecycle",
    Op.UNSUBSCRIBE: "was inactive until the end of the lifecycle",
    Op.RESTORE: "was archived or suppressed",
}
Rules = Mapping[tuple[str, str, str], str]  # destination, kind, target -> the segments or stages that fill it


def rows(plan: Plan, rules: Rules) -> pa.Table:
    """COLUMNS; changes first, then what is blocked, each sorted."""
    parts = [_rows(plan, plan.changes, rules, blocked=False), _rows(plan, plan.blocked, rules, blocked=True)]
    return pa.concat_tables(parts)


def _rows(plan: Plan, table: pa.Table, rules: Rules, *, blocked: bool) -> pa.Table:
    keys = ["destination", "kind", "target", "op", *(["reason"] if blocked else [])]
    groups = table.group_by(keys, use_threads=False).aggregate([]).to_pylist()
    names = [_key(*(pa.array([row[key]], pa.string()) for key in keys))[0].as_py() for row in groups]
    number = pc.index_in(_key(*(table[key] for key in keys)), value_set=pa.array(names, pa.string()))

    def of(values: Sequence[str]) -> pa.Array:
        return pa.array(values, pa.string()).take(number)

    made = pa.table(
        [
            table["destination"],
            of([f"{row['kind']} {row['target']}" if row["kind"] else "contact" for row in groups]),
            of([f"blocked {row['op']}" if blocked else f"{row['op']}" for row in groups]),
            table["email"],
            of([_reason(plan, row, blocked) for row in groups]),
            of([rules.get((row["destination"], row["kind"] or "", row["target"] or ""), "") for row in groups]),
        ],
        names=list(COLUMNS),
    )
    return made.sort_by([(name, "ascending") for name in ("destination", "target", "operation", "email")])


def _key(*columns: Any) -> Any:
    return pc.binary_join_element_wise(*(pc.fill_null(column.cast(pa.string()), "") for column in columns), "\x1f")


def _reason(plan: Plan, row: Mapping[str, Any], blocked: bool) -> str:
    if blocked:
        return gate.words(row["reason"], plan.platforms.get(row["destination"], ""))
    return REASONS.get(Op(row["op"]), "")


def changes_csv(plan: Plan, rules: Rules) -> str:
    """RFC 4180; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    from pyarrow import csv

    table = rows(plan, rules)
    for place, name in enumerate(COLUMNS):
        column = table[name]
        table = table.set_column(place, name, pc.replace_substring_regex(column, r"^([=+\-@\t\r])", r"'\1"))
    sink = io.BytesIO()
    sink.write(f"{','.join(COLUMNS)}\n".encode())
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return sink.getvalue().decode().rstrip("\n")


def changes_json(plan: Plan, rules: Rules) -> dict[str, Any]:
    """For `sync plan --format json --people`."""
    return {"people": rows(plan, rules).to_pylist()}


def markdown(plan: Plan, rules: Rules, zone: ZoneInfo, allowed: Sequence[str] = ()) -> str:
    """For the comment of a pull request: totals, guards, targets, what is blocked, a few masked people."""
    told = as_json(plan, allowed)
    sums = told["summary"]
    moment = f"{plan.as_of.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
    lines = [f"### Plan {_code(plan.id)}", "", f"{count_of(plan.export.contacts, 'contact')} as of {moment}.", ""]
    if is_empty(plan):
        lines += ["No changes.", ""]
    lines += ["| create | update | add | remove | move | archive or suppress | blocked | irreversible | requests |"]
    lines += ["|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    names = ("creates", "updates", "adds", "removes", "moves", "retires", "blocked", "irreversible", "requests")
    lines += [f"| {' | '.join(f'{sums[name]:,}' for name in names)} |", ""]
    lines += [f"> **Not planned:** {_plain(why)}" for why in plan.unread.values()]
    lines += [f"> **Left out:** segment {_plain(name)}: {_plain(why)}" for name, why in plan.skipped.items()]
    for guard in told["guards"]:
        word = "Guard overridden" if guard["overridden"] else "Guard trips"
        lines.append(f"> **{word}: {guard['name']}.** {_plain(guard['message'])}")
    lines += ["", *_targets(told["destinations"]), *_blocked(told["destinations"])]
    return "\n".join([*lines, *_samples(plan, rules), *_notes(plan)]).rstrip()


def _targets(sides: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["| destination | target | add | remove | blocked |", "|---|---|--:|--:|--:|"]
    for side in sides:
        contacts = side["contacts"]
        if any(contacts.values()):
            told = f"{contacts['creates']:,} new, {contacts['updates']:,} updated, {contacts['moves']:,} moved"
            lines.append(f"| {_code(side['name'])} | contacts: {told} | | | |")
        for target in side["targets"]:
            counts = " | ".join(f"{target[name]:,}" for name in ("adds", "removes", "blocked"))
            lines.append(f"| {_code(side['name'])} | {target['kind']} {_code(target['name'])} | {counts} |")
    return [*lines, ""] if len(lines) > 2 else []


def _blocked(sides: Sequence[Mapping[str, Any]]) -> list[str]:
    total: Counter[tuple[str, str]] = Counter()
    for side in sides:
        for code, count in side["blocked"].items():
            total[side["name"], gate.words(code, side["platform"])] += count
    if not total:
        return []
    lines = ["| blocked at | because | changes |", "|---|---|--:|"]
    return [*lines, *(f"| {_code(name)} | {_plain(why)} | {count:,} |" for (name, why), count in total.items()), ""]


def _samples(plan: Plan, rules: Rules) -> list[str]:
    """The first people of each target and operation, masked."""
    table, lines = rows(replace_blocked(plan), rules), ["<details><summary>Samples (masked)</summary>", ""]
    groups: dict[tuple[str, str, str], list[str]] = {}
    keys = table.group_by(["destination", "target", "operation"], use_threads=False)
    for row in keys.aggregate([("email", "count")]).to_pylist():
        groups[row["destination"], row["target"], row["operation"]] = []
    for (name, target, op), people in groups.items():
        here = pc.and_(pc.equal(table["destination"], name), pc.equal(table["target"], target))
        some = table.filter(pc.and_(here, pc.equal(table["operation"], op)))["email"].slice(0, SAMPLES)
        people += [mask(email) for email in some.to_pylist()]
        lines.append(f"- {_code(name)} {_code(target)} {op}: {', '.join(_code(one) for one in people)}")
    return [*lines, "", "</details>", ""] if groups else []


def replace_blocked(plan: Plan) -> Plan:
    """Without those that are blocked: nothing happens to them."""
    from dataclasses import replace

    return replace(plan, blocked=plan.blocked.slice(0, 0))


def _notes(plan: Plan) -> list[str]:
    return [f"- {_plain(note)}" for note in (*plan.notes, *plan.findings)]


def _plain(text: str) -> str:
    """Text that cannot become markup or end a table's cell."""
    for sign in "\\`*_<>|[]":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    blank = " " if "`" in text else ""
    return f"{fence}{blank}{' '.join(text.split()).replace('|', '¦')}{blank}{fence}"
