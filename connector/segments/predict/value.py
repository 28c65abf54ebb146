"""What somebody's orders will be worth: the number to expect times the value to expect.

Owns: the fit on a sample, the score, its back-test. Must not: know the models' formulas (lifetime.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from connector.segments.predict.backtest import CONFIDENT, Backtest, judged
from connector.segments.predict.history import History
from connector.segments.predict.lifetime import BgNbd, GammaGamma, NotFitted, Orders, bg_nbd, gamma_gamma

_MOST = 20_000  # people that the models are fitted to
_SEED = 20_241
_LEAST = 100  # people with an order; fewer say too little


@dataclass(frozen=True, slots=True)
class Fitted:
    number: BgNbd
    value: GammaGamma

    def scores(self, known: pa.Table, ahead: timedelta) -> Any:
        """What to expect of each row of History.orders."""
        orders = _orders(known)
        return self.number.expected(orders, ahead / timedelta(days=1)) * self.value.expected(orders)


def fitted(known: pa.Table) -> Fitted:
    """Of History.orders. Raises NotFitted."""
    import numpy as np

    if known.num_rows < _LEAST:
        raise NotFitted
    if known.num_rows > _MOST:
        known = known.take(pa.array(np.sort(np.random.default_rng(_SEED).choice(known.num_rows, _MOST, replace=False))))
    orders = _orders(known)
    return Fitted(bg_nbd(orders), gamma_gamma(orders))


def tested(history: History, ahead: timedelta) -> Backtest:
    """Fitted to what was known some time ago, judged by what came since: the whole time ahead, or a third of the
    history where that is shorter."""
    import numpy as np

    if history.first is None:
        return Backtest(0, 0, refused="there are no events")
    span = min(ahead, (history.now - history.first) / 3)
    known, came = history.orders(history.now - span), history.after(history.now - span, span)
    try:
        model = fitted(known)
    except NotFitted:
        return Backtest(known.num_rows, 0, refused="too few people have ordered again for the model to be fitted")
    score = model.scores(known, span)
    actual = _of(known, came)
    since = known["age"].to_numpy() - known["recency"].to_numpy()
    found = judged(score, actual > 0, since, score, actual)
    if found.auc is None:
        return found
    naive = np.zeros(len(actual))
    for some in np.array_split(np.argsort(since, kind="stable"), 10):
        naive[some] = actual[some].mean()  # it is told what came, which no rule is: a hard rival
    own, other = np.abs(score - actual), np.abs(naive - actual)
    gain = other - own
    surely = float(gain.mean() - CONFIDENT * gain.std(ddof=1) / np.sqrt(len(gain)))
    refused = None
    if surely <= 0:
        refused = f"it errs no less than the time since the last event ({own.mean():,.2f} against {other.mean():,.2f})"
    return replace(found, surely=surely, error=float(own.mean()), naive_error=float(other.mean()), refused=refused)


def _of(known: pa.Table, came: pa.Table) -> Any:
    """What came, row by row of `known`."""
    joined = known.select(["email"]).append_column("place", pa.array(range(known.num_rows)))
    joined = joined.join(came, "email", join_type="left outer").sort_by("place")
    return joined["value"].fill_null(0).to_numpy().astype(float)


def _orders(known: pa.Table) -> Orders:
    return Orders(*(known[name].to_numpy().astype(float) for name in ("frequency", "recency", "age", "value")))
