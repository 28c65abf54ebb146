"""`destinations:` and `send_to:` -> Destination, SendTo.

Owns: reading them, and refusing what the platform does not offer. Must not: know a platform beyond connector/vendors.
"""

from __future__ import annotations

from collections.abc import Mapping
from re import ASCII, compile
from typing import Any

from connector.config.language import values
from connector.config.language.rules import Loc
from connector.config.sections.codes import BadValue
from connector.config.sections.collector import Collector
from connector.config.sections.fields import secret_name
from connector.config.sections.models import Destination, Guards, Secret, SendTo
from connector.config.sections.platforms import offered, vendor
from connector.config.sections.validate import validate
from connector.core.model import Kind, SyncMode
from connector.core.problem import did_you_mean, one_of
from connector.vendors import VENDORS, Vendor

_VERSION = compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", ASCII)
_PROPERTY = compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", ASCII)


def destination(name: str, value: Any, loc: Loc, problems: Collector, guards: Guards) -> Destination | None:
    """One account. `guards` are those of the whole file."""
    if not isinstance(value, dict):
        problems.add(loc, "wrong-type", f"A destination is a mapping: platform, a key, …, not {values.kind(value)}.")
        return None
    keys = _keys(value, loc, problems)
    if keys is None:
        return None
    secret = _secret(value, keys, loc, problems)
    given = {"name": name, "secret": secret or Secret(variable="X"), "settings": _settings(value, keys, loc, problems)}
    if not keys.audience:
        given["audience"] = None
    elif "audience" not in value:
        problems.add_key(loc, "missing-key", f"`audience` is missing here: the name of the {keys.title} audience.")
    found = validate(Destination, value, loc, problems, given=given, elsewhere=(keys.secret, *keys.settings))
    if found is None:
        return None
    _offered(found, keys, loc, problems)
    return found.model_copy(update={"guards": guards.overridden(_written_guards(found))})


def _offered(found: Destination, keys: Vendor, loc: Loc, problems: Collector) -> None:
    if found.new_contacts not in keys.new_contacts:
        text = (
            f"{keys.title} cannot create contacts as “{found.new_contacts}”. Write one of: {', '.join(keys.policies)}."
        )
        problems.add((*loc, "new_contacts"), "not-offered", text)


def _written_guards(found: Destination) -> Guards | None:
    return found.guards if "guards" in found.model_fields_set else None


def _keys(value: Mapping[str, Any], loc: Loc, problems: Collector) -> Vendor | None:
    if "platform" in value:
        return problems.take((*loc, "platform"), vendor, value["platform"])
    problems.add_key(loc, "missing-key", f"`platform` is missing here. Installed: {', '.join(VENDORS)}.")
    return None


def _secret(value: Mapping[str, Any], keys: Vendor, loc: Loc, problems: Collector) -> Secret | None:
    if keys.secret not in value:
        text = f"`{keys.secret}: ${{NAME}}` is missing here; the key itself belongs in the environment."
        problems.add_key(loc, "missing-key", text)
        return None
    variable = problems.take((*loc, keys.secret), secret_name, value[keys.secret])
    return None if variable is None else Secret(variable=variable)


def _settings(value: Mapping[str, Any], keys: Vendor, loc: Loc, problems: Collector) -> dict[str, str]:
    """The platform's own keys as text; those without default are left out when nobody wrote them."""
    found = {}
    for key, default in keys.settings.items():
        parse = _property if key == "tag_property" else _word
        written = problems.take((*loc, key), parse, value[key]) if key in value else default
        if key == "tag_property" and written and (text := keys.property_problem(written)):
            problems.add((*loc, key), "bad-name", text)
        if written is not None:
            found[key] = written
    return found


def _word(value: Any) -> str:
    found = values.text(value).strip()
    if not _VERSION.fullmatch(found):
        raise BadValue("unknown-value", "One word like 2026-03 is needed here.")
    return found


def _property(value: Any) -> str:
    found = values.text(value).strip()
    if not _PROPERTY.fullmatch(found):
        raise BadValue("bad-name", "The name of a property has letters, digits and _, and begins with a letter.")
    return found


def send_to(value: Any, loc: Loc, known: Mapping[str, Any] | None, problems: Collector) -> tuple[SendTo, ...]:
    """{DESTINATION: {tag: …, list: …, mode: …}}. `known` are the destinations as written; None when that section
    could not be read, so that nobody is told about each of its names."""
    if not isinstance(value, dict):
        problems.add(loc, "wrong-type", "`send_to` names destinations: {newsletter: {tag: VIP}}.")
        return ()
    found = []
    for name, targets in value.items():
        if known is None:
            continue
        if name not in known:
            hint = did_you_mean(name, known) or " No destination is declared."
            problems.add_key((*loc, name), "unknown-destination", f"There is no destination “{name}”.{hint}")
        else:
            found.append(_entry(name, targets, (*loc, name), known[name], problems))
    return tuple(entry for entry in found if entry is not None)


def _entry(name: str, value: Any, loc: Loc, account: Any, problems: Collector) -> SendTo | None:
    if not isinstance(value, dict):
        problems.add(loc, "wrong-type", "Say what to set there: {tag: VIP} or {list: VIP customers}.")
        return None
    for key in value.keys() - {"tag", "list", "mode"}:
        problems.add_unknown((*loc, key), ("tag", "list", "mode"))
    mode = problems.take((*loc, "mode"), _mode, value["mode"]) if "mode" in value else None
    keys = offered(account.get("platform")) if isinstance(account, dict) else None
    found = [_target(kind, value[kind], keys, (*loc, str(kind)), problems) for kind in Kind if kind in value]
    whole = account.get("mode") if isinstance(account, dict) else None
    strangers = value.keys() - {"tag", "list", "mode"}
    if not found and not strangers and SyncMode.ENRICH not in (mode, whole):
        problems.add_key(loc, "missing-key", "Say what to set there: {tag: VIP} or {list: VIP customers}.")
    return SendTo(destination=name, targets=tuple(target for target in found if target is not None), mode=mode)


def _mode(value: Any) -> SyncMode:
    modes = [str(mode) for mode in SyncMode]
    if value not in modes:
        raise BadValue("unknown-value", f"{values.shown(value)} is no mode.{one_of(value, modes)}")
    return SyncMode(value)


def _target(kind: Kind, value: Any, keys: Vendor | None, loc: Loc, problems: Collector) -> tuple[Kind, str] | None:
    if keys is not None and kind not in keys.kinds:
        inside = " inside an audience" if keys.audience else ""
        other = " or ".join(f"`{each}:`" for each in Kind if each in keys.kinds)
        problems.add_key(loc, "no-list", f"{keys.title} has no {kind}{inside}; write {other}.")
        return None
    name = problems.take(loc, values.text, value)
    if name is None:
        return None
    if keys is not None and (text := keys.name_problem(kind, name.strip())):
        problems.add(loc, "bad-target", text)
    return kind, name.strip()
