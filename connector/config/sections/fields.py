"""Types of single keys for the pydantic models: text, yes/no, durations, shares, secrets, with their JSON Schema.

Owns: Model, the annotated types, and how a BadValue becomes a pydantic error (its type is our code).
Must not: know a section of the file.

Each type also takes its parsed form, so that configurations can be built in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from connector.config.language import durations, values
from connector.config.language.rules import Duration
from connector.config.sections import remote, urls, variables
from connector.config.sections.advice_codes import ADVICE
from connector.config.sections.codes import CODES, BadValue, each
from connector.core.problem import did_you_mean

_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_OFF = ("off", "none")
ENGINES = ("duckdb", "sqlite", "spark", "postgres", "postgresql", "bigquery", "snowflake", "trino")


class Model(BaseModel):
    """Frozen, and a key it does not know is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_by_name=True, validate_by_alias=True
    )


def keys(model: type[BaseModel]) -> list[str]:
    """The keys as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def before(parse: Callable[[Any], Any]) -> BeforeValidator:
    """`parse` in front of pydantic's own check."""

    def checked(value: Any) -> Any:
        try:
            return parse(value)
        except BadValue as bad:
            raise PydanticCustomError(bad.code, bad.message, {"inside": bad.inside}) from None

    return BeforeValidator(checked)


def secret_name(value: Any) -> str:
    """The variable's name of exactly ${NAME}. The value is never quoted: it may be the key itself."""
    match = _SECRET.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue(
            "literal-secret",
            "Write ${NAME}, the name of an environment variable that holds the key. A key that stood in this file is "
            "known to everybody who read it: replace it on the platform.",
        )
    return match[1]


def is_secret(value: Any) -> bool:
    return isinstance(value, str) and _SECRET.fullmatch(value.strip()) is not None


def _texts(value: Any) -> Any:
    """A list of texts, or one."""
    return each(values.text, value) if isinstance(value, list | tuple) else (values.text(value),)


def _price(value: Any) -> Any:
    if isinstance(value, Decimal) and value >= 0:
        return value
    if values.number(value) < 0:
        raise BadValue("range", "A price is 0 or more.")
    return Decimal(value)


def _text_list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise BadValue("wrong-type", "A list is needed here: [one, two].")
    if not value:
        raise BadValue("empty", "The list is empty.")
    return _texts(value)


def _codes(value: Any) -> Any:
    return each(_code, _text_list(value))


def _code(code: str) -> str:
    if code in CODES and code not in ADVICE:
        raise BadValue("unknown-value", f"{values.shown(code)} is an error, not advice: correct what it names.")
    if code not in ADVICE:
        raise BadValue("unknown-value", f"{values.shown(code)} is no code of advice.{did_you_mean(code, ADVICE)}")
    return code


def _missing(value: Any) -> Any:
    """Words that mean a missing value; an empty list means that only blank cells do."""
    return () if value in ([], ()) else _text_list(value)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """All of them. It takes 50 ms to find them, so only who mistyped one waits for that."""
    return frozenset(available_timezones())


def _is_zone(name: str) -> bool:
    """What is only a file beside the zones (posixrules, right/UTC) is none."""
    if name in ("posixrules", "localtime") or name.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _zone(value: Any) -> str:
    name = values.text(value)
    if not _is_zone(name):
        hint = did_you_mean(name, _zones()) if len(name) < 50 else ""
        raise BadValue("unknown-timezone", f"{values.shown(name)} is no time zone; write one like Europe/Berlin.{hint}")
    return name


def _engine(value: Any) -> str:
    """duckdb, or the address of an engine without a password."""
    written = values.text(value).strip()
    scheme, mark, rest = written.partition("://")
    _, colon, password = rest.rpartition("@")[0].partition(":")
    keys = re.findall(r"(?:password|passwd|token|secret)=([^&#]*)", rest.partition("?")[2], re.IGNORECASE)
    if mark and any(not variables.only(one) for one in (*([password] if colon else ()), *keys)):
        text = "There is a password in the address; write ${NAME}, or leave it out: the engine's settings hold it."
        raise BadValue("literal-secret", text)
    if scheme not in ENGINES or (scheme != "duckdb" and not mark):
        raise BadValue(
            "unknown-engine",
            f"Engines are duckdb, or an address like postgres://host/db.{did_you_mean(scheme, ENGINES)}",
        )
    if mark and scheme in ("duckdb", "sqlite") and not rest.lstrip("/"):
        raise BadValue("unknown-engine", f"The address names no file: {scheme}:///PATH, beside segments.yaml.")
    if mark and scheme in ("duckdb", "sqlite") and not rest.startswith("/"):
        raise BadValue("unknown-engine", f"Three slashes are needed: {scheme}:///PATH; an absolute path has four.")
    return written


def _delimiter(value: Any) -> str:
    if value == "tab":
        return "\t"
    if not isinstance(value, str) or len(value) != 1 or value in '\r\n"':
        raise BadValue("wrong-type", 'A delimiter is one character in quotes, ";", or the word tab.')
    return value


def _encoding(value: Any) -> str:
    name = values.text(value).strip()
    try:
        "".encode(name)
    except (LookupError, ValueError, UnicodeError):
        hint = did_you_mean(name, ("utf-8", "utf-16", "cp1252", "latin-1"))
        raise BadValue("unknown-value", f"{values.shown(name)} is no encoding of text.{hint}") from None
    return name


def _limit(value: Any) -> int | None:
    """A number of changes, or off."""
    return None if value in _OFF or value is None else values.whole(value)


def _limit_percent(value: Any) -> float | None:
    """20%, 20, or off."""
    if value in _OFF or value is None:
        return None
    if isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        share = float(value)
    else:
        share = float(values.percent(value))
    if not 0 <= share <= 100:
        raise BadValue("bad-percent", "A share lies between 0% and 100%, or is `off`.")
    return share


def _switch(value: Any) -> bool:
    if value == "off":
        return False
    if not isinstance(value, bool):
        raise BadValue("wrong-type", "Write true or off.")
    return value


def schema(**shape: Any) -> WithJsonSchema:
    return WithJsonSchema(shape)


DURATION = r"^\s*[1-9][0-9]*\s*([hH]ours?|[dD]ays?|[wW]eeks?|[mM]onths?|[yY]ears?)\s*$"
PERCENT = r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"
_TEXT = {"type": ["string", "number"]}

Text = Annotated[str, before(values.text), schema(**_TEXT)]
File = Annotated[str, before(remote.origin), schema(**_TEXT)]
Texts = Annotated[tuple[str, ...], before(_texts), schema(anyOf=[_TEXT, {"type": "array", "items": _TEXT}])]
TextList = Annotated[tuple[str, ...], before(_text_list), schema(type="array", items=_TEXT, minItems=1)]
Missing = Annotated[tuple[str, ...], before(_missing), schema(type="array", items=_TEXT)]
Codes = Annotated[tuple[str, ...], before(_codes), schema(type="array", items={"enum": list(ADVICE)}, minItems=1)]
Day = Annotated[str, before(values.iso_date), schema(type="string", format="date")]
Zone = Annotated[str, before(_zone), schema(type="string", examples=["Europe/Berlin", "UTC"])]
Url = Annotated[str, before(urls.base_url), schema(type="string", format="uri", pattern=urls.SHAPE)]
Engine = Annotated[str, before(_engine), schema(type="string", examples=["duckdb"])]
Delimiter = Annotated[str, before(_delimiter), schema(type="string")]
Encoding = Annotated[str, before(_encoding), schema(type="string", examples=["utf-8", "utf-16", "cp1252", "latin-1"])]
Whole = Annotated[int, before(values.whole), schema(type="integer", minimum=0)]
Price = Annotated[Decimal, before(_price), schema(type="number", minimum=0)]
YesNo = Annotated[bool, Strict()]
Window = Annotated[Duration, before(durations.duration), schema(type="string", pattern=DURATION)]
Days = Annotated[Duration, before(durations.calendar), schema(type="string", pattern=DURATION)]
Switch = Annotated[bool, before(_switch), schema(enum=[True, False, "off"])]
Limit = Annotated[int | None, before(_limit), schema(anyOf=[{"type": "integer", "minimum": 0}, {"const": "off"}])]
LimitPercent = Annotated[
    float | None,
    before(_limit_percent),
    schema(
        anyOf=[
            {"type": "number", "minimum": 0, "maximum": 100},
            {"type": "string", "pattern": PERCENT},
            {"const": "off"},
        ]
    ),
]
