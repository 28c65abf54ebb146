"""What drift, forget and rejects found, for people and programs.

Owns: their words, and the next step for every code of a refusal. Must not: read a platform or a store, show an address
in full in text unless that was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connector.core.scrub import mask
from connector.report.table import table
from connector.report.values import printable
from connector.state.failures import CODE
from connector.vendors import find

if TYPE_CHECKING:
    from connector.reconcile.drift import Drift

SHOWN = 20

# A code of a refusal -> what it means, and what to do.
REFUSED = {
    "compliance": ("opted out there earlier", "nothing: only the person can subscribe again"),
    "duplicate_phone_number": ("two people have one phone number", "give each person their own in the CRM"),
    "duplicate": ("another row is the same contact there", "merge the two in the CRM"),
    "forgotten": ("erased there for good", "nothing: only the person can come back"),
    "invalid_email": ("the platform does not take the address", "correct the address in the CRM"),
    "invalid_field": ("a field's value is not taken", "correct the value, or the field under `fields:`"),
    "invalid_option": ("a value is not among the property's options", "add the option there, or correct the value"),
    "invalid_phone_number": ("the phone number is not complete", "write it with the country code in the CRM"),
    "invalid_value": ("a field's value is not taken", "correct the value, or the field under `fields:`"),
    CODE: (
        "failed on every run for too long: needs a person",
        "look at the contact there, then: sync rejects retry",
    ),
    "left_list": ("the person unsubscribed from this list", "respect it; they may join the list by themselves"),
    "looks_fake": ("the address looks made up to the platform", "check the address in the CRM"),
    "missing_required_field": ("a required field is missing", "map it under `fields:`, or make it optional there"),
    "not_archivable": ("the platform does not archive this contact", "look at the contact there"),
    "not_held": ("the platform does not hold the contact any more", "sync rejects retry, once it is back"),
    "too_long": ("a text is longer than the platform takes", "shorten the field"),
    "TooLarge": ("one record is larger than the platform takes", "shorten its longest field"),
    "value_kept": ("the platform has another value than was sent", "correct the value, or leave the field out"),
}
_UNSAID = ("refused, without a reason", "look at the contact there; then: sync rejects retry")
_OTHERWISE = ("refused", "read what the platform says; then: sync rejects retry")


def drift_json(found: Sequence[Drift], verbose: bool, unread: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Counts; with -v the addresses as well. `unread` are destinations that could not be read, and why."""
    targets = [_drift(item, verbose) for item in found]
    return {"schema": "connector.drift/1", "targets": targets, "unread": dict(unread or {})}


def _drift(item: Drift, verbose: bool) -> dict[str, Any]:
    people = {"people_added": list(item.added), "people_removed": list(item.removed)} if verbose else {}
    return {
        "destination": item.destination,
        "kind": str(item.kind),
        "name": item.name,
        "ours": item.ours,
        "members": item.members,
        "added": len(item.added) + item.strangers,
        "removed": len(item.removed),
        "gone": item.gone,
        "hidden": item.hidden,
        "renamed": item.renamed or None,
    } | people


def drift_text(found: Sequence[Drift], verbose: bool) -> str:
    if not found:
        return "Nothing of ours is on the platforms yet."
    rows = [
        (
            item.destination,
            f"{item.kind} “{item.name}”",
            f"{item.ours:,}",
            _there(item),
            f"+{len(item.added) + item.strangers:,}",
            f"−{len(item.removed):,}",
        )
        for item in found
    ]
    head = ("destination", "target", "ours", "there", "others added", "others removed")
    lines = [table(head, rows, right=(2, 3, 4, 5))]
    for item in found if verbose else ():
        lines += [f"  + {item.destination} {item.kind} “{item.name}”: {mask(email)}" for email in item.added[:SHOWN]]
        lines += [f"  − {item.destination} {item.kind} “{item.name}”: {mask(email)}" for email in item.removed[:SHOWN]]
    if any(found):
        lines.append("Members added by others are never touched; those removed by others are not added again.")
    else:
        lines.append("Nobody else changed anything in our targets.")
    return "\n".join(lines)


def _there(item: Drift) -> str:
    """How many are in the target; what it is called there when that is another name; who is not shown."""
    if item.gone:
        return "gone"
    archived = f" ({item.hidden:,} of ours archived, not shown)" if item.hidden else ""
    return f"{item.members:,}{archived}" + (f", renamed to “{printable(item.renamed)}”" if item.renamed else "")


def forget_json(held: Mapping[str, str], addresses: int = 1) -> dict[str, Any]:
    """`held`: destination -> status, where the person is held still; `addresses`: how many were forgotten."""
    return {"schema": "connector.forget/1", "held": dict(held), "addresses": addresses}


def forget_text(held: Mapping[str, str], platforms: Mapping[str, str], addresses: int = 1) -> str:
    """Without the address: it is forgotten. `platforms`: destination -> platform."""
    lines = ["Forgotten here: contact, memberships, rejects and journal. A salted hash stays, so that an old export"]
    lines.append("cannot bring the person back. Saved plans and exports are yours to delete.")
    if addresses > 1:
        lines.append(f"The state knew {addresses:,} addresses of this person; all of them are forgotten.")
    if not held:
        return "\n".join([*lines, "No platform is known to hold the person."])
    lines.append("Still held, with tags, lists and fields, until you erase the person there:")
    lines += [f"  {name}: {_erase(platforms.get(name, ''))}" for name in held]
    return "\n".join(lines)


def _erase(platform: str) -> str:
    """What is to be done on the platform itself."""
    vendor = find(platform)
    return f"{vendor.title}: {vendor.erase}" if vendor else "erase the contact there."


def rejects_json(found: Mapping[str, pa.Table]) -> dict[str, Any]:
    """With addresses: this is the data that the user asked for, to mend the export with."""
    rows = [row for rejects in found.values() for row in rejects.to_pylist()]
    told = [row | dict(zip(("meaning", "next_step"), _words(row["code"]), strict=True)) for row in rows]
    return {"schema": "connector.rejects/1", "rejects": told}


def rejects_text(found: Mapping[str, pa.Table], verbose: bool) -> str:
    """Masked; with verbose in full, since the row must be found to mend the export."""
    rows = [row for rejects in found.values() for row in rejects.to_pylist()]
    if not rows:
        return "No rejects."
    lines = [
        table(
            ("destination", "person", "change", "code", "the platform says"),
            [
                (
                    row["destination"],
                    row["email"] if verbose else mask(row["email"]),
                    f"{row['kind']} “{row['target']}”" if row["kind"] else row["op"],
                    row["code"],
                    row["detail"] or "",
                )
                for row in rows
            ],
        ),
        "",
    ]
    said = {row["code"] or "" for row in rows if row["detail"]}
    for code, count in Counter(row["code"] or "" for row in rows).items():
        meaning, step = _words(code) if code in said or code in REFUSED else _UNSAID
        lines.append(f"{count:,} {printable(code)}: {meaning}. To do: {step}.")
    lines.append("Each is tried again when the person's row changes, or after: sync rejects retry")
    return "\n".join(lines if verbose else [*lines, "Addresses in full: sync rejects -v"])


def retry_json(count: int) -> dict[str, Any]:
    return {"schema": "connector.retry/1", "rejects": count}


def retry_text(count: int) -> str:
    if not count:
        return "No rejects to try again."
    return f"{count:,} refused changes are tried once more by the next push."


def _words(code: str | None) -> tuple[str, str]:
    return REFUSED.get(code or "", _OTHERWISE)
