"""What the rehearsed Mailchimp does with one submitted member: accept, change, or refuse the row.

Owns: Member, RowError, consent, address and merge-field rules. Must not: read or write the state file, or
build answers.

Two made-up marks let a test provoke refusals that the service bases on reputation: an address whose local part starts
with "fake" looks fake, one that starts with "toomany" has signed up to too many lists lately.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
SAID_NO = ("unsubscribed", "cleaned")
MOST_TEXT = 255
_ADDRESS = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s.,;<>()\"]{2,}")
_VALUES = {
    "number": (re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)"), "Please enter a number"),
    "date": (re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}"), "Please enter a date"),
    "birthday": (re.compile(r"(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])"), "Please enter a month and a day"),
    "zip": (re.compile(r"\d{5}"), "Please enter a zip code (5 digits)"),
    "url": (re.compile(r"https?://\S+\.\S+"), "Please enter a complete URL"),
    "imageurl": (re.compile(r"https?://\S+\.\S+"), "Please enter a complete URL"),
}
_ADDRESS_PARTS = ("addr1", "city", "state", "zip")


@dataclass
class Member:
    """One member of an audience. `was` is the status before it was archived; times are texts as wire.stamp writes."""

    hash: str
    email: str
    status: str
    was: str = ""
    merge: dict[str, Any] = field(default_factory=dict)
    email_type: str = "html"
    language: str = ""
    vip: bool = False
    source: str = "API - Generic"
    signup: str = ""
    opt: str = ""
    changed: str = ""
    reason: str = ""
    rating: int = 2
    open_rate: float = 0.0
    click_rate: float = 0.0
    number: int = 0  # given by the state file

    @property
    def last_word(self) -> str:
        """The status that consent is judged by: archiving does not make anybody forget an opt-out."""
        return self.was if self.status == "archived" else self.status


class RowError(Exception):
    """The row is refused. `title` as a single request would carry it; `code` as a row of a batch carries it."""

    def __init__(
        self, title: str, detail: str, code: str = "ERROR_GENERIC", field: str = "", message: str = ""
    ) -> None:
        self.title, self.detail, self.code, self.field, self.message = title, detail, code, field, message
        super().__init__(title)


def apply(
    item: Mapping[str, Any],
    old: Member | None,
    fields: Mapping[str, Mapping[str, Any]],
    now: str,
    *,
    hash: str,
    forgotten: bool,
    skip_required: bool,
) -> Member:
    """The member as it is after this row. `old` is left as it was. Raises RowError."""
    email = item["email_address"].strip()
    check_address(email)
    if old is None and forgotten:
        raise RowError(
            "Forgotten Email Not Subscribed",
            f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe by themselves.",
        )
    if old is None:
        member = _new(item, email, hash, now)
    else:
        member = replace(old, email=email)
        _change_status(member, item.get("status"), now)
    member.merge = merged(member.merge, item.get("merge_fields") or {}, fields, skip_required)
    for name in ("email_type", "language", "vip"):
        if name in item:
            setattr(member, name, item[name])
    member.signup = item.get("timestamp_signup") or member.signup
    member.opt = item.get("timestamp_opt") or member.opt
    member.changed = now
    return member


def _new(item: Mapping[str, Any], email: str, hash: str, now: str) -> Member:
    status = item.get("status_if_new") or item.get("status")
    if not status:
        text = "The resource submitted could not be validated: a new member needs a status."
        raise RowError("Invalid Resource", text)
    opt = now if status == "subscribed" else ""
    reason = "N/A (Unsubscribed by admin)" if status == "unsubscribed" else ""
    return Member(hash, email, status, signup=now, opt=opt, reason=reason)


def _change_status(member: Member, status: str | None, now: str) -> None:
    """Nobody who opted out, or whose address bounced, comes back but through a confirmation mail (pending)."""
    if not status or status == member.status:
        return
    if member.last_word in SAID_NO and status not in (*SAID_NO, "pending"):
        raise RowError(
            "Member In Compliance State",
            f"{member.email} is in a compliance state due to unsubscribe, bounce, or compliance review"
            " and cannot be subscribed.",
        )
    member.reason = "N/A (Unsubscribed by admin)" if status == "unsubscribed" else ""
    member.opt = now if status == "subscribed" else member.opt
    member.status, member.was = status, ""


def check_address(email: str) -> None:
    """Raises RowError for an address that is none, looks fake, or signs up too often."""
    local = email.partition("@")[0].lower()
    if not _ADDRESS.fullmatch(email) or local.startswith("fake"):
        detail = f"{email} looks fake or invalid, please enter a real email address."
        raise RowError("Invalid Resource", detail, field="email_address", message=detail)
    if local.startswith("toomany"):
        detail = f"{email} has signed up to a lot of lists very recently; we're not allowing more signups for now."
        raise RowError("Invalid Resource", detail)


def schema_faults(item: Any, where: str = "") -> list[tuple[str, str]]:
    """What makes a submitted member unfit for the schema, as (field, message); it refuses the whole request."""
    if not isinstance(item, dict):
        return [(where.rstrip("."), "Schema describes object, another type was found instead.")]
    faults = []
    if "email_address" in item and not isinstance(item["email_address"], str):
        faults.append((f"{where}email_address", "Schema describes string, another type was found instead."))
    for name in ("status", "status_if_new"):
        if name in item and item[name] not in STATUSES:
            faults.append(
                (f"{where}{name}", f"Data presented is not one of the accepted values: {', '.join(STATUSES)}.")
            )
    merge = item.get("merge_fields") or {}
    if not isinstance(merge, dict):
        return [*faults, (f"{where}merge_fields", "Schema describes object, another type was found instead.")]
    for tag, value in merge.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float | dict):
            faults.append((f"{where}merge_fields.{tag}", "Data did not match any of the schemas described in anyOf."))
    return faults


def merged(
    old: Mapping[str, Any], new: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]], skip_required: bool
) -> dict[str, Any]:
    """The merge values afterwards. Tags that the audience does not have are ignored; "" clears."""
    values = dict(old)
    for tag, value in new.items():
        if tag not in fields:
            continue
        if value == "":
            values.pop(tag, None)
        else:
            values[tag] = _value(fields[tag], value)
    for tag, described in fields.items():
        if described["required"] and tag not in values and not skip_required:
            raise _bad_merge(tag, "Please enter a value")
    return values


def _value(described: Mapping[str, Any], value: Any) -> Any:
    kind, tag = described["type"], described["tag"]
    if kind == "address":
        if not isinstance(value, dict) or not all(value.get(part) for part in _ADDRESS_PARTS):
            raise _bad_merge(tag, "Please enter a complete address")
        return value
    if isinstance(value, dict):
        raise _bad_merge(tag, "Please enter a value")
    text = str(value)
    if kind in ("radio", "dropdown") and text not in described["options"].get("choices", []):
        raise _bad_merge(tag, "Please select one of the choices")
    pattern, message = _VALUES.get(kind, (None, ""))
    if pattern and not pattern.fullmatch(text):
        raise _bad_merge(tag, message)
    if len(text) > MOST_TEXT:
        raise _bad_merge(tag, f"Please enter at most {MOST_TEXT} characters")
    return _number(text) if kind == "number" else text


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _bad_merge(tag: str, message: str) -> RowError:
    return RowError("Invalid Resource", "Your merge fields were invalid.", "ERROR_GENERIC", tag, message)
