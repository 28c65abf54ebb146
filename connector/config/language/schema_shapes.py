"""The parts that JSON Schemas of the language are made of.

Owns: shapes of single values, and of lists and mappings of them. Must not: know a word of the language.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from connector.config.sections.fields import DURATION, PERCENT

Shape = dict[str, Any]

SCALAR: Shape = {"type": ["string", "number", "boolean"]}
NUMBER: Shape = {"type": "number"}
WHOLE: Shape = {"type": "integer", "minimum": 0}
TEXT: Shape = {"type": ["string", "number"]}
WINDOW: Shape = {"type": "string", "pattern": DURATION, "examples": ["36 hours", "90 days"]}
SHARE: Shape = {"type": "string", "pattern": PERCENT, "examples": ["10%"]}
MOMENT: Shape = {"type": "string", "pattern": r"^\s*\d{4}-\d{2}-\d{2}", "examples": ["2026-01-31", "2026-01-31T12:00"]}


def ref(name: str) -> Shape:
    return {"$ref": f"#/$defs/{name}"}


def mapping(properties: Mapping[str, Shape], required: Collection[str] = (), **more: Any) -> Shape:
    """An object that knows no other key."""
    shape: Shape = {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}
    return {**shape, "required": list(required)} if required else shape


def items(shape: Shape, least: int = 1) -> Shape:
    return {"type": "array", "items": shape, "minItems": least}


def or_list(shape: Shape) -> Shape:
    return {"anyOf": [shape, items(shape)]}


def phrases(known: Collection[str]) -> Shape:
    """One of these, in any case and with any blanks between the words."""
    letters = ["".join(r"\s+" if sign == " " else f"[{sign}{sign.upper()}]" for sign in phrase) for phrase in known]
    return {"anyOf": [{"enum": list(known)}, {"type": "string", "pattern": rf"^\s*({'|'.join(letters)})\s*$"}]}


def names(known: tuple[str, ...]) -> Shape:
    """Full or three letters, in any case; the editor offers the full ones."""
    letters = ["".join(f"[{sign}{sign.upper()}]" for sign in name) for name in known]
    either = "|".join(f"{name[:12]}({name[12:]})?" for name in letters)  # one letter is written [aA]
    return {"anyOf": [{"enum": list(known)}, {"type": "string", "pattern": f"^({either})$"}]}
