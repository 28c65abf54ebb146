"""The `notify:` section as typed values: who is told of trouble, and of what.

Owns: its keys and defaults. Must not: send, or read a secret's value.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from connector.config.language import values
from connector.config.sections.codes import BadValue, each
from connector.config.sections.fields import LimitPercent, Model, Whole, before, schema
from connector.core.problem import one_of

# failed: a destination or the whole run cannot work. refused: a guard, or a run that was cut off. rejected: records
# that a platform refused. stale: an export that is too old. recovered: one of these is over. size: a tag or list
# changed by more than `size_change`. first: the first success of a state.
Kind = Literal["failed", "refused", "rejected", "stale", "recovered", "size", "first"]
KINDS: tuple[Kind, ...] = ("failed", "refused", "rejected", "stale", "recovered", "size", "first")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
# Schemes of apprise whose addresses may be without a secret; everybody else's hold one in the path.
_OPEN = ("json", "jsons", "form", "forms", "xml", "xmls", "mailto", "mailtos", "http", "https", "syslog")


def _channel(value: Any) -> str:
    """${NAME}, or an address of apprise in which secrets stand as ${NAME}. It is never quoted."""
    written = values.text(value).strip()
    if VARIABLE.fullmatch(written):
        return written
    scheme, mark, rest = written.partition("://")
    if not mark or not rest or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise BadValue(
            "bad-url",
            "An address of apprise is needed here, best as ${NAME}: slack://…, msteams://…, mailtos://…, json://….",
        )
    user = rest.split("/")[0].rpartition("@")[0]
    bare = not VARIABLE.search(rest)
    if (bare and scheme.lower() not in _OPEN) or (":" in user and not VARIABLE.search(user)):
        raise BadValue(
            "literal-secret",
            "Write the secret part as ${NAME}, the name of an environment variable. One that stood in this file is "
            "known to everybody who read it: replace it.",
        )
    return written


def _channels(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return (_channel(value),)
    if not value:
        raise BadValue("empty", "The list is empty: name who is to be told, or delete the section.")
    return each(_channel, value)


def _kinds(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise BadValue("wrong-type", f"A list is needed here: [{', '.join(KINDS[:2])}].")
    return each(_kind, value)


def _kind(value: Any) -> Any:
    if value not in KINDS:
        raise BadValue("unknown-value", f"{values.shown(value)} is nothing to be told of.{one_of(value, KINDS)}")
    return value


_TEXT = {"type": "string"}
Channels = Annotated[
    tuple[str, ...], before(_channels), schema(anyOf=[_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}])
]
Kinds = Annotated[tuple[Kind, ...], before(_kinds), schema(type="array", items={"enum": list(KINDS)})]


class Notify(Model):
    """Who is told of what (docs/operations.md)."""

    to: Channels
    on: Kinds = KINDS
    size_change: LimitPercent = 30.0  # of a tag's or list's members, by one push
    floor: Whole = 20  # fewer changes than this are never unusual
