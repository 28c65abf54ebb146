"""The models agree with what is published, and with what is true of shops that are made."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv as csv
import pytest
from sklearn.metrics import roc_auc_score

from connector.segments.predict import chance, value
from connector.segments.predict.backtest import _delong, judged
from connector.segments.predict.lifetime import WEEK, NotFitted, Orders, bg_nbd, gamma_gamma
from tests.segments.predict.shop import TRUTH, history

CDNOW = Path(__file__).with_name("cdnow.csv")  # brucehardie.com/datasets, 39 weeks; in weeks and dollars
AHEAD = timedelta(days=90)


@pytest.fixture(scope="module")
def cdnow() -> Orders:
    table = csv.read_csv(CDNOW)
    columns = (table[name].to_numpy().astype(float) for name in ("frequency", "recency", "age", "value"))
    frequency, recency, age, worth = columns
    return Orders(frequency, recency * WEEK, age * WEEK, worth)


def test_the_published_parameters_of_cdnow(cdnow: Orders) -> None:
    """Fader, Hardie, Lee 2005, table 2; for the first customer, note 004: 1.226 orders in the next 39 weeks."""
    model = bg_nbd(cdnow)
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=0.0006)
    assert model.expected(cdnow, 39 * WEEK)[0] == pytest.approx(1.226, abs=0.0005)


def test_the_published_values_of_cdnow(cdnow: Orders) -> None:
    """Fader, Hardie 2013: p 6.25, q 3.74, v 15.44."""
    model = gamma_gamma(cdnow)
    assert (model.p, model.q, model.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)


def test_too_little_is_not_fitted() -> None:
    once = Orders(*(np.zeros(5) for _ in range(4)))
    with pytest.raises(NotFitted):
        gamma_gamma(once)


def test_the_risk_group_is_found_nearly_as_well_as_can_be() -> None:
    """The best is who knows the true parameters of the shop."""
    known = history()
    found = chance.tested(known, AHEAD)
    began = known.now - AHEAD
    orders = known.orders(began)
    columns = (orders[name].to_numpy().astype(float) for name in ("frequency", "recency", "age", "value"))
    best = TRUTH.expected(Orders(*columns), AHEAD / timedelta(days=1))
    came = pc.is_in(orders["email"], value_set=known.after(began, AHEAD)["email"].combine_chunks()).to_numpy()
    assert found.refused is None and found.auc is not None
    assert found.auc >= roc_auc_score(came, best) - 0.03
    assert [tenth.happened for tenth in found.tenths] == pytest.approx(
        [tenth.foretold for tenth in found.tenths], abs=0.1
    )


@pytest.mark.parametrize("seed", range(4))
def test_on_noise_it_refuses(seed: int) -> None:
    found = chance.tested(history(1500, seed, noise=True), AHEAD)
    assert found.refused is not None and found.auc is not None and abs(found.auc - 0.5) < 0.05


def test_a_short_history_is_refused() -> None:
    found = chance.tested(history(200), timedelta(days=300))
    assert found.refused is not None and "900 days" in found.refused


def test_values_are_expected_within_the_tenths() -> None:
    found = value.tested(history(), timedelta(days=365))
    assert found.refused is None and found.error is not None and found.naive_error is not None
    assert found.error < found.naive_error
    foretold = sum(tenth.people * tenth.foretold for tenth in found.tenths)
    assert foretold == pytest.approx(sum(tenth.people * tenth.happened for tenth in found.tenths), rel=0.1)


def test_the_same_seed_gives_the_same_scores() -> None:
    one, other = (chance.final(history(400), AHEAD) for _ in range(2))
    assert one is not None and other is not None and one.weights.tolist() == other.weights.tolist()


def test_areas_and_their_spread() -> None:
    """The areas are scikit-learn's; their spread is that of areas drawn again."""
    random = np.random.default_rng(3)
    happened = random.random(300) < 0.4
    scores = np.stack([np.round(random.normal(size=300) + happened, 1), random.normal(size=300) + 0.5 * happened])
    areas, covariance = _delong(scores, happened)
    assert areas == pytest.approx([roc_auc_score(happened, row) for row in scores])
    drawn = [random.integers(0, 300, 300) for _ in range(200)]
    again = np.array([[roc_auc_score(happened[some], row[some]) for row in scores] for some in drawn])
    assert np.sqrt(np.diag(covariance)) == pytest.approx(again.std(axis=0), rel=0.2)


def test_few_people_on_one_side() -> None:
    happened = np.arange(100) < 10
    found = judged(np.arange(100.0), happened, np.arange(100.0), np.arange(100.0), happened.astype(float))
    assert found.refused == "only 10 of 100 people are on one side; 30 are needed"
