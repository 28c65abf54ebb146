"""The chance of an event in the time to come: a logistic regression over features of the past.

Owns: which moments are learnt from, the preparation of features, the model and what drives a score. Must not: read
events, decide whether a score is good enough.

It is learnt from up to four spans of the past, one after another, each as long as the time to come: what was known at
its beginning, and who had an event in it. The back-test learns from all but the last and is judged by the last; the
score that is used then learns from the last as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.counts import count_of
from connector.segments.predict.backtest import Backtest, judged
from connector.segments.predict.history import History, names_of

_SPANS = 4
_MOST = 50_000  # rows that a model learns from; more change nothing but the time it takes
_SEED = 20_241


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model: the features' names, how each column of them is brought to a common scale, and its weight."""

    source: str
    names: Sequence[str]
    middle: Any
    spread: Any
    weights: Any
    base: float

    def parts(self, known: pa.Table) -> Any:
        """What each column adds to each person's score, people by columns: two per feature, and one for silence."""
        return (_numbers(known, self.names, self.source) - self.middle) / self.spread * self.weights

    def scores(self, parts: Any) -> Any:
        """Chances between 0 and 1."""
        import numpy as np

        return 1 / (1 + np.exp(-np.clip(self.base + parts.sum(axis=1), -35, 35)))


def tested(history: History, ahead: timedelta) -> Backtest:
    """How the score would have done in the last span."""
    began = history.now - ahead
    moments = _moments(history, began, ahead)
    if not moments:
        span = 3 * ahead
        return Backtest(
            0, 0, refused=f"the events are of less than {count_of(span.days, 'day')}, three times the time to come"
        )
    model = learnt(history, moments, ahead)
    if model is None:
        return Backtest(0, 0, refused="everybody or nobody had an event in the spans to learn from")
    known = history.before(began)
    happened = _happened(history, known, began, ahead)
    score = model.scores(model.parts(known))
    since = known[f"days since last {history.source}"].to_numpy()
    return judged(score, happened, since, score, happened.astype(float))


def final(history: History, ahead: timedelta) -> Learnt | None:
    """The model that scores the present."""
    return learnt(history, _moments(history, history.now, ahead), ahead)


def _moments(history: History, end: datetime, ahead: timedelta) -> list[datetime]:
    """The beginnings of spans that are over by `end`, the latest first; each has as much history before it."""
    if history.first is None:
        return []
    found = [end - number * ahead for number in range(1, _SPANS + 1)]
    return [at for at in found if at - history.first >= ahead]


def learnt(history: History, moments: Sequence[datetime], ahead: timedelta) -> Learnt | None:
    """From what was known at each moment and happened after it. None when there is nothing to tell apart."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    known = [(at, table) for at in moments if (table := history.before(at)).num_rows]
    if not known:
        return None
    names = names_of(known[0][1])
    x = np.concatenate([_numbers(table, names, history.source) for _, table in known])
    y = np.concatenate([_happened(history, table, at, ahead) for at, table in known])
    if len(x) > _MOST:
        some = np.random.default_rng(_SEED).choice(len(x), _MOST, replace=False)
        x, y = x[some], y[some]
    if y.all() or not y.any():
        return None
    middle, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-9] = 1.0
    model = LogisticRegression(C=0.5, max_iter=1000).fit((x - middle) / spread, y)
    return Learnt(history.source, names, middle, spread, model.coef_[0], float(model.intercept_[0]))


def _happened(history: History, known: pa.Table, at: datetime, ahead: timedelta) -> Any:
    after = history.after(at, ahead)["email"].combine_chunks()
    return pc.is_in(known["email"], value_set=after).to_numpy()


def _numbers(known: pa.Table, names: Sequence[str], source: str) -> Any:
    """Per feature its logarithm, in which ratios are differences, and whether it is missing; and at last, how long
    somebody has been silent for one who orders as often."""
    import numpy as np

    columns = {}
    for name in names:
        raw = known[name].to_numpy().astype(float)
        missing = ~np.isfinite(raw)
        raw = np.where(missing, 0, raw)
        columns[name] = np.sign(raw) * np.log1p(np.abs(raw))
        columns[f"no {name}"] = missing.astype(float)
    both = columns[f"days since last {source}"] * columns[f"number of {source}"]
    return np.stack([*columns.values(), both], axis=1)
