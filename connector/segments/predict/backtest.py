"""How good a score is, on a time that it was not learnt from.

Owns: Backtest, the comparison with the naive rule, and when a score is refused. Must not: learn, print.

The naive rule orders people by the time since their last event. Both are judged by the area under the ROC curve, which
is the chance that somebody who bought is above somebody who did not; their difference by DeLong, DeLong, Clarke-Pearson
(Biometrics 44, 1988). A score holds when that difference, and its own distance from chance, are above 0 with 95 %
confidence (one-sided).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector.core.counts import by_count, count_of

CONFIDENT = 1.6448536269514722  # standard deviations: 95 %, one-sided
ENOUGH = 30  # people on either side


@dataclass(frozen=True, slots=True)
class Tenth:
    """People of one decile of the score: how many, what was foretold for them and what happened, on average."""

    people: int
    foretold: float
    happened: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """`auc` of the score and `naive` of the time since the last event; `surely` is the least by which the first is
    better: of areas, or of errors where those are given. `error` and `naive_error` are mean absolute errors of values.
    `refused` says why it may not be used."""

    people: int
    happened: int
    auc: float | None = None
    naive: float | None = None
    surely: float | None = None
    tenths: tuple[Tenth, ...] = ()
    error: float | None = None
    naive_error: float | None = None
    refused: str | None = None


def judged(score: Any, happened: Any, since: Any, foretold: Any, came: Any) -> Backtest:
    """`score` orders people, `happened` is whether they did, `since` the days since their last event; `foretold` and
    `came` are what is compared per decile. numpy arrays of one length."""
    import numpy as np

    people, yes = len(score), int(happened.sum())
    if yes < ENOUGH or people - yes < ENOUGH:
        few, all_ = min(yes, people - yes), count_of(people, "person", "people")
        text = f"only {few:,} of {all_} {by_count(few, 'is', 'are')} on one side; {ENOUGH} are needed"
        return Backtest(people, yes, refused=text)
    (own, naive), covariance = _delong(np.stack([score, -since]), happened)
    spread = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0)))
    surely = own - naive - CONFIDENT * spread
    refused = None
    if own - CONFIDENT * float(np.sqrt(covariance[0, 0])) <= 0.5:
        refused = f"it is no better than chance (AUC {own:.3f})"
    elif surely <= 0:
        refused = f"it does not beat the time since the last event (AUC {own:.3f} against {naive:.3f})"
    return Backtest(people, yes, own, naive, surely, _tenths(foretold, came), refused=refused)


def _tenths(foretold: Any, came: Any) -> tuple[Tenth, ...]:
    import numpy as np

    order = np.argsort(foretold, kind="stable")
    return tuple(
        Tenth(len(some), float(foretold[some].mean()), float(came[some].mean()))
        for some in np.array_split(order, 10)
        if len(some)
    )


def _delong(scores: Any, happened: Any) -> tuple[tuple[float, float], Any]:
    """The areas under the curves of scores (rows), and their covariance."""
    import numpy as np

    yes, no = scores[:, happened], scores[:, ~happened]
    m, n = yes.shape[1], no.shape[1]
    among_yes = np.stack([_midranks(row) for row in yes])
    among_no = np.stack([_midranks(row) for row in no])
    among_all = np.stack([_midranks(np.concatenate(pair)) for pair in zip(yes, no, strict=True)])
    areas = (among_all[:, :m].sum(axis=1) / m - (m + 1) / 2) / n
    by_yes = (among_all[:, :m] - among_yes) / n
    by_no = 1 - (among_all[:, m:] - among_no) / m
    return (float(areas[0]), float(areas[1])), np.cov(by_yes) / m + np.cov(by_no) / n


def _midranks(values: Any) -> Any:
    """Ranks from 1, equal values share theirs."""
    import numpy as np

    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[where]
