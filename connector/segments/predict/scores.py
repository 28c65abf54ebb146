"""The columns that predictions become: the score of everybody, and what drives it.

Owns: which predictions are asked for, their back-test before they are used, the two columns of each. Must not: learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from ibis import _

from connector.config.language.rules import Predict
from connector.config.sections.models import Config
from connector.core.errors import ConfigError, PredictionRefused
from connector.core.problem import Problem
from connector.segments.compile import engine
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.windows import Clock
from connector.segments.names import DRIVERS, Names, references
from connector.segments.predict import chance, value
from connector.segments.predict.backtest import Backtest
from connector.segments.predict.history import History, days, history
from connector.segments.predict.lifetime import NotFitted
from connector.sources.model import Loaded

_SHOWN = 3  # drivers of a score
_SCORE, _VALUE = dt.Decimal(9, 6), dt.Decimal(18, 2)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A trait and its back-test."""

    name: str
    trait: Predict
    test: Backtest


def predictions(config: Config, loaded: Loaded, clock: Clock, names: Names) -> Iterator[Prediction]:
    """Every prediction of the file with its back-test. Raises ConfigError without the libraries."""
    for name, trait in _declared(config).items():
        _require(config, trait)
        past = history(config, loaded, names, clock, trait)
        yield Prediction(name, trait, _tested(past, trait))


def add(frame: Frame, config: Config, names: Names, loaded: Loaded, clock: Clock) -> None:
    """Give the contacts' frame NAME and NAME.drivers for each prediction; those that nothing asks for are missing.

    Raises PredictionRefused for those that are asked for and do not beat the naive rule."""
    declared = _declared(config)
    used = {name for name in declared if name in _asked(config)}
    refused: dict[str, str] = {}
    for name, trait in declared.items():
        dtype = _VALUE if trait.kind == "expected_value" else _SCORE
        if name not in used:
            frame.derive(name, "number", dtype, ibis.null(dtype))
            frame.derive(f"{name}.{DRIVERS}", "text", dt.string, ibis.null(dt.string))
            continue
        _require(config, trait)
        past = history(config, loaded, names, clock, trait)
        test = _tested(past, trait)
        if test.refused:
            refused[name] = test.refused
            continue
        try:
            scored = _scored(past, trait)
        except NotFitted:
            refused[name] = "the present exports say too little to learn it from"
            continue
        _join(frame, loaded, name, scored, dtype)
    if refused:
        problems = [_refusal(config, name, declared[name], why) for name, why in refused.items()]
        told = {name: f"its prediction “{name}” may not be used: {why}" for name, why in refused.items()}
        raise PredictionRefused(problems, told)


def _declared(config: Config) -> Mapping[str, Predict]:
    return {name: trait for name, trait in config.traits.items() if isinstance(trait, Predict)}


def _asked(config: Config) -> set[str]:
    """The names that rules, other traits and fields of destinations mention."""
    return {part for one in references(config) for part in (one.written, one.written.removesuffix(f".{DRIVERS}"))}


def _ahead(trait: Predict) -> timedelta:
    return timedelta(days=days(trait.ahead))


def _tested(past: History, trait: Predict) -> Backtest:
    if trait.kind == "expected_value":
        return value.tested(past, _ahead(trait))
    return chance.tested(past, _ahead(trait))


def _scored(past: History, trait: Predict) -> pa.Table:
    """`_key`, `score` and `drivers` of everybody who had an event of the source. Raises NotFitted: the test learns from
    an earlier past than the score that is used."""
    import numpy as np

    if trait.kind == "expected_value":
        known = past.orders(past.now)
        score = value.fitted(known).scores(known, _ahead(trait))
        score = pa.array(score, mask=~np.isfinite(score))
        return pa.table({"_key": known["email"], "score": score, "drivers": _orders_as_text(known)})
    model = chance.final(past, _ahead(trait))
    if model is None:
        raise NotFitted
    known = past.before(past.now)
    parts = model.parts(known)
    sign = -1 if trait.kind == "churn" else 1
    score = model.scores(parts)
    return pa.table(
        {
            "_key": known["email"],
            "score": pa.array(np.round(1 - score if sign < 0 else score, 6)),
            "drivers": _drivers(known, model, parts * sign),
        }
    )


def _drivers(known: pa.Table, model: chance.Learnt, parts: Any) -> pa.Array:
    """The features that move each score most, with their values: “days since last orders 140 (+)”."""
    import numpy as np

    count = len(model.names)
    moved = parts[:, 0 : 2 * count : 2] + parts[:, 1 : 2 * count : 2]
    top = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :_SHOWN]
    values = np.stack([np.round(known[name].to_numpy().astype(float), 1) for name in model.names], axis=1)
    texts = []
    for row, which in enumerate(top):
        texts.append("; ".join(_driver(model.names[at], values[row, at], moved[row, at]) for at in which))
    return pa.array(texts, pa.string())


def _driver(name: str, amount: float, moved: float) -> str:
    told = "none" if amount != amount else f"{amount:,.1f}".removesuffix(".0")
    return f"{name}: {told} ({'+' if moved > 0 else '-'})"


def _orders_as_text(known: pa.Table) -> pa.Array:
    columns = (known[name].to_pylist() for name in ("frequency", "recency", "age", "value"))
    return pa.array(
        [
            f"orders: {again + 1:,.0f}; days since last: {age - last:,.0f}; average after the first: {worth:,.2f}"
            for again, last, age, worth in zip(*columns, strict=True)
        ],
        pa.string(),
    )


def _join(frame: Frame, loaded: Loaded, name: str, scored: pa.Table, dtype: dt.DataType) -> None:
    table = engine.table(loaded.connection, scored)
    frame.join(
        table,
        {
            name: (Column("", "number", dtype), _["score"].cast(dtype)),
            f"{name}.{DRIVERS}": (Column("", "text", dt.string), _["drivers"]),
        },
    )


def _require(config: Config, trait: Predict) -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        text = "A prediction needs scikit-learn: pip install 'segment-connector[predict]'."
        raise ConfigError([Problem(config.place((*trait.loc, trait.kind)), "predict-missing", text)]) from None


def _refusal(config: Config, name: str, trait: Predict, why: str) -> Problem:
    text = (
        f"“{name}” may not be used: {why}. Judged by the past, it would choose people no better than a rule with "
        f"`last` on {trait.source}. `sync predict` shows the test; take the trait out of rules and fields."
    )
    return Problem(config.place((*trait.loc, trait.kind)), "prediction-refused", text)
