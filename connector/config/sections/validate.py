"""pydantic's errors -> problems with a place and advice.

Owns: the translation of error types and of pydantic's `loc` to places. Must not: know a section of the file, or
quote what was written unless it is one of a few known words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError

from connector.config.language.rules import Loc
from connector.config.language.values import kind, shown
from connector.config.sections.codes import CODES, Code
from connector.config.sections.collector import Collector
from connector.config.sections.fields import keys
from connector.core.problem import one_of

M = TypeVar("M", bound=BaseModel)

_NEEDS = {"string": "Text", "int": "A whole number", "bool": "true or false", "float": "A number", "dict": "A mapping"}
_NEEDS |= {"tuple": "A list", "list": "A list", "model": "A mapping", "mapping": "A mapping", "decimal": "A number"}


def validate(
    model: type[M],
    written: Any,
    loc: Loc,
    problems: Collector,
    *,
    given: Mapping[str, Any] | None = None,
    elsewhere: Collection[str] = (),
) -> M | None:
    """`written` as `model`, or None and problems. `given` are fields that come from outside the mapping (its name);
    the keys in `elsewhere` are read by other code and left out here."""
    given = given or {}
    if not isinstance(written, Mapping):
        problems.add(loc, "wrong-type", f"A mapping `key: value` is needed here, not {kind(written)}.")
        return None
    known = [*(key for key in keys(model) if key not in given), *elsewhere]
    good = {}
    for key, value in written.items():
        if key not in known:
            problems.add_unknown((*loc, key), known)
        elif key not in elsewhere:
            good[key] = value
    try:
        return model.model_validate({**good, **given})
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        for detail in sorted(details, key=lambda detail: detail["type"] == "missing"):  # misspelled keys come first
            _report(model, detail, loc, problems)
        return None


def _report(model: type[BaseModel], detail: Any, base: Loc, problems: Collector) -> None:
    type_, value = detail["type"], detail["input"]
    path = detail["loc"]
    loc = _written(base, path, problems)
    if type_ == "missing":
        problems.add_missing(loc, str(path[-1]), f"`{path[-1]}` is missing here.")
    elif type_ == "extra_forbidden":
        problems.add_unknown(loc, keys(_model_at(model, path[:-1])))
    elif type_ in CODES:
        problems.add((*loc, *detail.get("ctx", {}).get("inside", ())), cast(Code, type_), detail["msg"])
    elif type_ in ("literal_error", "enum"):
        problems.add(loc, "unknown-value", _words(detail, value))
    elif type_.startswith(("greater", "less")):
        problems.add(loc, "range", f"{detail['msg'].replace('Input should be', 'The number must be')}.")
    elif type_.startswith(("too_short", "string_too_short")):
        problems.add(loc, "empty", "Nothing stands here; name at least one.")
    else:
        need = _NEEDS.get(type_.split("_")[0], "Another value")
        problems.add(loc, "wrong-type", f"{need} is needed here, not {kind(value)}.")


def _written(base: Loc, path: tuple[str | int, ...], problems: Collector) -> Loc:
    """pydantic's loc in the file: names of unions and models, and keys that are not there, are passed over."""
    loc = base
    for part in path:
        if (*loc, part) in problems.document.values:
            loc = (*loc, part)
    return loc


def _model_at(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel]:
    """The model that reads the part at `path`."""
    for part in path:
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                model = next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _words(detail: Any, value: Any) -> str:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    words = re.findall(r"'([^']*)'", expected) or [expected]
    if isinstance(value, str):
        return f"{shown(value)} is none of the words allowed here.{one_of(value, words)}"
    return f"One of these words is needed here: {', '.join(words)}."
