"""The traits of the file -> rules.Trait.

Owns: aggregates over related sources, greatest and least, rfm, predictions; and that traits do not run in a circle.
Must not: know columns, compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from connector.config.language import durations, values
from connector.config.language.conditions import condition
from connector.config.language.rules import Aggregate, Loc, MeasureName, Pick, Predict, PredictionName, Rfm, Trait
from connector.config.language.scope import Scope
from connector.config.language.shapes import keys_of
from connector.config.language.windows import WINDOWS, window
from connector.config.sections.codes import BadValue
from connector.core.problem import did_you_mean, one_of

AGGREGATES: tuple[MeasureName, ...] = tuple(word for word in get_args(MeasureName) if word != "count_distinct")
SIDES: tuple[Literal["greatest", "least"], ...] = ("greatest", "least")
PREDICTIONS: Mapping[PredictionName, str] = {"predict": "within", "churn": "within", "expected_value": "next"}
MEASURES = (*AGGREGATES, *SIDES, "rfm", *PREDICTIONS)


def trait(value: Any, loc: Loc, scope: Scope) -> Trait | None:
    """One entry of `traits:`: exactly one measure, with a window and where beside an aggregate."""
    if not isinstance(value, dict):
        text = "A trait is a mapping: {sum: orders.amount}, {greatest: [last_click_at, last_order_at]}."
        scope.problems.add(loc, "wrong-type", text)
        return None
    given = [word for word in value if word in MEASURES]
    if not given:
        _no_measure(value, loc, scope)
        return None
    if len(given) > 1:
        scope.problems.add_key((*loc, given[1]), "contradiction", f"A trait has one measure; `{given[0]}` is one.")
        return None
    word = given[0]
    known = {word, *WINDOWS, "where"} if word in AGGREGATES else {word}
    keys_of(value, known, {word}, loc, scope)
    return _READERS[word](word, value, loc, scope)


def _no_measure(value: Mapping[str, Any], loc: Loc, scope: Scope) -> None:
    strangers = [key for key in value if key not in (*WINDOWS, "where")]
    if strangers:
        hint = one_of(strangers[0], MEASURES)
        text = f"“{strangers[0]}” is not a measure of traits.{hint}"
        scope.problems.add_key((*loc, strangers[0]), "unknown-key", text)
    else:
        scope.problems.add_key(loc, "missing-key", f"The trait has no measure.{did_you_mean('', MEASURES)}")


def _aggregate(word: Any, value: Mapping[str, Any], loc: Loc, scope: Scope) -> Trait | None:
    written, place = value[word], (*loc, word)
    if word == "count" and isinstance(written, dict) and written.keys() == {"distinct"}:
        word, written, place = "count_distinct", written["distinct"], (*place, "distinct")
    found = _path(written, place, scope)
    if found is None:
        return None
    source, column = found
    if column is None and word == "count_distinct":
        scope.problems.add(place, "wrong-type", f"Name a column: {{distinct: {source}.sku}}.")
    if column is None and word != "count":
        column = _own_time(word, source, (*loc, word), scope)
    within = window(value, source, loc, scope)
    inner = scope.within_source(source)
    where = condition(value["where"], (*loc, "where"), inner) if "where" in value else None
    return Aggregate(word, source, column, within, where, loc)


def _own_time(word: str, source: str, loc: Loc, scope: Scope) -> str | None:
    """`latest: orders` is about the time of the event."""
    at = scope.sources[source]
    if word not in ("latest", "earliest"):
        scope.problems.add(loc, "wrong-type", f"Name a column: `{word}: {source}.amount`.")
    elif at is None:
        text = f"“{source}” has no `at: COLUMN`; add it there, or name a column: `{word}: {source}.ordered_at`."
        scope.problems.add(loc, "missing-time", text)
    return at


def _path(value: Any, loc: Loc, scope: Scope) -> tuple[str, str | None] | None:
    """SOURCE or SOURCE.COLUMN."""
    text = scope.problems.take(loc, _plain_text, value)
    if text is None:
        return None
    name, dot, column = (part.strip() for part in text.partition("."))
    if dot and not column:
        scope.problems.add(loc, "wrong-type", f"A column is missing after the dot: {name}.amount.")
    source = scope.source(name, loc)
    return None if source is None else (source, column or None)


def _plain_text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise BadValue("wrong-type", "Name a source, or a source and its column: orders.amount.")
    return values.text(value)


def _pick(word: Any, value: Mapping[str, Any], loc: Loc, scope: Scope) -> Trait | None:
    written = value[word]
    if not isinstance(written, list) or not written:
        text = f"`{word}` takes a list of columns and traits: [last_click_at, last_order_at]."
        scope.problems.add((*loc, word), "wrong-type", text)
        return None
    found = [scope.problems.take((*loc, word, index), values.text, name) for index, name in enumerate(written)]
    return Pick(word, tuple(name for name in found if name is not None), loc)


def _rfm(word: Any, value: Mapping[str, Any], loc: Loc, scope: Scope) -> Trait | None:
    keys, place, written = {"recency", "frequency", "monetary"}, (*loc, word), value[word]
    if not keys_of(written, keys | {"where"}, keys, place, scope):
        return None
    recency = _path(written["recency"], (*place, "recency"), scope)
    monetary = _path(written["monetary"], (*place, "monetary"), scope)
    frequency = _path(written["frequency"], (*place, "frequency"), scope)
    if frequency is not None and frequency[1] is not None:
        scope.problems.add((*place, "frequency"), "wrong-type", f"Frequency counts a source: {frequency[0]}.")
    if recency is None or monetary is None or frequency is None:
        return None
    at = recency[1] or _own_time("latest", recency[0], (*place, "recency"), scope)
    if monetary[1] is None:
        scope.problems.add((*place, "monetary"), "wrong-type", f"Name a column: {monetary[0]}.amount.")
    where = None
    if "where" in written:
        where = condition(written["where"], (*place, "where"), scope.within_source(frequency[0]))
        if len({recency[0], monetary[0], frequency[0]}) > 1:
            text = "With `where` recency, frequency and monetary are of one source."
            scope.problems.add((*place, "where"), "contradiction", text)
    return Rfm((recency[0], at or ""), frequency[0], (monetary[0], monetary[1] or ""), where, loc)


def _predict(word: Any, value: Mapping[str, Any], loc: Loc, scope: Scope) -> Trait | None:
    written, place, ahead = value[word], (*loc, word), PREDICTIONS[word]
    path = "orders.amount" if word == "expected_value" else "orders"
    one = next(iter(written.items())) if isinstance(written, dict) and len(written) == 1 else None
    if one is None or not isinstance(one[1], dict):
        text = f"`{word}` takes one source and how far ahead: {{{path}: {{{ahead}: 30 days}}}}."
        scope.problems.add(place, "wrong-type", text)
        return None
    name, inner = one
    found = _path(name, (*place, name), scope)
    if not keys_of(inner, {ahead}, {ahead}, (*place, name), scope) or found is None:
        return None
    time = scope.problems.take((*place, name, ahead), durations.duration, inner[ahead])
    source, column = found
    if (column is None) == (word == "expected_value"):
        text = f"Name a column: {source}.amount." if column is None else f"`{word}` counts events: write {source}."
        scope.problems.add_key((*place, name), "wrong-type", text)
        return None
    if scope.sources[source] is None:
        text = f"“{source}” has no `at: COLUMN`, and what has no time cannot be learnt from; add it there."
        scope.problems.add_key((*place, name), "missing-time", text)
        return None
    return None if time is None else Predict(word, source, column, time, loc)


_READERS: Mapping[str, Callable[[Any, Mapping[str, Any], Loc, Scope], Trait | None]] = {
    **dict.fromkeys(AGGREGATES, _aggregate),
    **dict.fromkeys(SIDES, _pick),
    "rfm": _rfm,
    **dict.fromkeys(PREDICTIONS, _predict),
}
