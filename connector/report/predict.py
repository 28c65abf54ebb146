"""The back-tests of predictions as text and JSON ("connector.predict/1", docs/json.md).

Owns: their shape and words. Must not: judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from connector.core.counts import count_of

if TYPE_CHECKING:
    from connector.segments.predict.backtest import Backtest
    from connector.segments.predict.scores import Prediction

_WHAT = {
    "predict": "chance of an event of {source} within {ahead}",
    "churn": "chance of no event of {source} within {ahead}",
    "expected_value": "sum of {source} to expect in {ahead}",
}


def what(one: Prediction) -> str:
    trait = one.trait
    source = trait.source if trait.column is None else f"{trait.source}.{trait.column}"
    return _WHAT[trait.kind].format(source=source, ahead=trait.ahead)


def predict_json(found: Sequence[Prediction]) -> dict[str, Any]:
    return {
        "schema": "connector.predict/1",
        "predictions": [
            {
                "trait": one.name,
                "kind": one.trait.kind,
                "source": one.trait.source,
                "column": one.trait.column,
                "ahead": f"{one.trait.ahead}",
                "usable": one.test.refused is None,
                "refused": one.test.refused,
                "people": one.test.people,
                "happened": one.test.happened,
                "auc": one.test.auc,
                "naive_auc": one.test.naive,
                "surely_better_by": one.test.surely,
                "error": one.test.error,
                "naive_error": one.test.naive_error,
                "deciles": [
                    {"people": each.people, "foretold": each.foretold, "happened": each.happened}
                    for each in one.test.tenths
                ],
            }
            for one in found
        ],
    }


def predict_text(found: Sequence[Prediction]) -> str:
    return "\n\n".join("\n".join(_lines(one)) for one in found)


def _lines(one: Prediction) -> Iterator[str]:
    test = one.test
    yield f"{one.name}: {what(one)}"
    yield f"  refused: {test.refused}." if test.refused else "  usable: it beats the time since the last event."
    if test.auc is None:
        return
    yield f"  tested on {count_of(test.people, 'person', 'people')}; {test.happened:,} of them had an event"
    surely = f"surely better by {test.surely:+,.3f}"
    if test.error is None:
        yield f"  AUC {test.auc:.3f}; by the time since the last event {test.naive:.3f}; {surely}"
    else:
        errors = f"mean error per person {test.error:,.2f}; by the time since the last event {test.naive_error:,.2f}"
        yield f"  {errors}; {surely}"
    yield from _deciles(test, money=one.trait.kind == "expected_value")


def _deciles(test: Backtest, *, money: bool) -> Iterator[str]:
    yield f"  {'tenth':>7} {'people':>8} {'foretold':>12} {'happened':>12}"
    for number, each in enumerate(test.tenths, start=1):
        foretold, happened = (
            (f"{each.foretold:,.2f}", f"{each.happened:,.2f}")
            if money
            else (f"{each.foretold:.1%}", f"{each.happened:.1%}")
        )
        yield f"  {number:>7} {each.people:>8,} {foretold:>12} {happened:>12}"
