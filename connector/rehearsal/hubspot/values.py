"""What a property accepts: HubSpot's validation of the values of one contact.

Owns: types, options, the append syntax of checkboxes, address syntax. Must not: read or write the state file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connector.rehearsal.hubspot.store import STAGES
from connector.rehearsal.hubspot.wire import Trouble, iso

_EMAIL = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@(?:[^\s@.<>(),;:\\\"\[\]]+\.)+[^\s@.\d<>(),;:\\\"\[\]]{2,}")
LONGEST = 65_536

Definition = Mapping[str, Any]


def valid_email(value: str) -> bool:
    local, _, _ = value.rpartition("@")
    plain = not local.startswith(".") and not local.endswith(".") and ".." not in value
    return plain and len(value) <= 254 and bool(_EMAIL.fullmatch(value))


def check(definitions: Mapping[str, Definition], held: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """`held` with `values` written over it; "" unsets. Raises Trouble that names every bad property of this contact.

    An unknown property refuses the whole batch, whatever else it asks for."""
    found = dict(held)
    bad: list[tuple[str, str, str]] = []
    for name, raw in values.items():
        definition = definitions.get(name)
        if definition is None:
            bad.append((name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
            continue
        try:
            found[name] = _value(definition, held.get(name, ""), raw)
        except ValueError as error:
            code, _, message = str(error).partition(": ")
            bad.append((name, code, message))
    if bad:
        raise _invalid(bad)
    return {name: value for name, value in found.items() if value != ""}


def _invalid(bad: list[tuple[str, str, str]]) -> Trouble:
    listed = [{"isValid": False, "message": text, "error": code, "name": name} for name, code, text in bad]
    details = tuple({"message": text, "code": code, "context": {"propertyName": [name]}} for name, code, text in bad)
    whole = any(code == "PROPERTY_DOESNT_EXIST" for _, code, _ in bad)
    return Trouble(400, f"Property values were not valid: {json.dumps(listed)}", details, whole=whole)


def _value(definition: Definition, held: str, raw: Any) -> str:
    """One value as HubSpot keeps it. Raises ValueError "CODE: message"."""
    if isinstance(raw, dict | list):
        raise ValueError("INVALID_VALUE: a text was expected")
    text = "" if raw is None else str(raw).lower() if isinstance(raw, bool) else str(raw)
    name, kind = definition["name"], definition["type"]
    if definition["modificationMetadata"]["readOnlyValue"]:
        raise ValueError(f'READ_ONLY_VALUE: "{name}" is a read only property; its value cannot be set.')
    if text == "":
        return ""
    if len(text) > LONGEST:
        raise ValueError(f"VALUE_TOO_LONG: at most {LONGEST} characters")
    if name == "email":
        return _email(text)
    if name == "hs_additional_emails":
        return ";".join(dict.fromkeys(_email(each) for each in _picked(held, text)))
    if name == "lifecyclestage":
        return _stage(definition, held, text)
    readers = {"number": _number, "date": _date, "datetime": _datetime}
    if kind in readers:
        return readers[kind](text)
    return _choice(definition, held, text) if kind in ("enumeration", "bool") else text


def _email(text: str) -> str:
    value = text.strip().lower()
    if not valid_email(value):
        raise ValueError(f"INVALID_EMAIL: Email address {text} is invalid")
    return value


def _picked(held: str, text: str) -> list[str]:
    """The values of a checkbox: with a leading ";" they are added to what is held."""
    before = held.split(";") if text.startswith(";") else []
    return list(dict.fromkeys(each for each in [*before, *text.split(";")] if each))


def _choice(definition: Definition, held: str, text: str) -> str:
    valid = {each["value"] for each in definition["options"]}
    several = definition["fieldType"] == "checkbox"
    new = [each for each in text.split(";") if each] if several else [text]
    wrong = [each for each in new if each not in valid]
    if wrong:
        shown = ", ".join(sorted(valid)[:20])
        raise ValueError(f"INVALID_OPTION: {wrong[0]} was not one of the allowed options: [{shown}]")
    return ";".join(_picked(held, text)) if several else text


def _stage(definition: Definition, held: str, text: str) -> str:
    """The lifecycle stage only moves forward; a step back is ignored without a word."""
    _choice(definition, "", text)
    back = held in STAGES and text in STAGES and STAGES.index(text) < STAGES.index(held)
    return held if back else text


def _number(text: str) -> str:
    try:
        float(text)
    except ValueError:
        raise ValueError(f"INVALID_NUMBER: {text} was not a valid number.") from None
    return text


def instant(text: str) -> datetime:
    """Milliseconds since 1970 or ISO 8601, as UTC. Raises ValueError "CODE: message"."""
    try:
        if re.fullmatch(r"-?\d{1,15}", text):
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"INVALID_DATE: {text} was not a valid date.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _date(text: str) -> str:
    at = instant(text)
    if (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
        raise ValueError(f"INVALID_DATE: {text} is at {at:%H:%M:%S} UTC, not midnight!")
    return at.date().isoformat()


def _datetime(text: str) -> str:
    return iso(instant(text))
