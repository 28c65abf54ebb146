"""How many orders to expect of each person, and of which value: BG/NBD and Gamma-Gamma.

Owns: the two models. Must not: know exports or traits.

Fader, Hardie, Lee: “Counting Your Customers” the Easy Way, Marketing Science 24 (2005); Fader, Hardie: The Gamma-Gamma
Model of Monetary Value, note of 2013 (brucehardie.com/notes/025). Time is in days; `frequency` is the number of orders
after the first, `recency` the days from the first to the last, `age` the days from the first until now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

WEEK = 7.0  # days; the models are fitted in weeks, in which the published figures are


@dataclass(frozen=True, slots=True)
class Orders:
    """numpy arrays of one length, a row per person with an order. `value` is the mean of the orders after the first."""

    frequency: Any
    recency: Any
    age: Any
    value: Any


@dataclass(frozen=True, slots=True)
class BgNbd:
    """r and alpha of the rate of orders per week, a and b of the chance to leave after an order."""

    r: float
    alpha: float
    a: float
    b: float

    def expected(self, orders: Orders, days: float) -> Any:
        """The number of orders to expect in the next `days`, per person."""
        import numpy as np
        from scipy.special import hyp2f1

        r, alpha, b = self.r, self.alpha, self.b
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6  # the formula has a gap there, its value has none
        x, last, age, ahead = orders.frequency, orders.recency / WEEK, orders.age / WEEK, days / WEEK
        left = (alpha + age) / (alpha + age + ahead)
        shape = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
        alive = 1 + (x > 0) * a / np.maximum(b + x - 1, 1e-9) * ((alpha + age) / (alpha + last)) ** (r + x)
        return (a + b + x - 1) / (a - 1) * (1 - left ** (r + x) * shape) / alive


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """p of the values of one person's orders, q and v of their scale among people."""

    p: float
    q: float
    v: float

    def expected(self, orders: Orders) -> Any:
        """The value of an order to expect, per person; those who ordered once are like everybody."""
        x, p, q, v = orders.frequency, self.p, self.q, self.v
        return p * (v + x * orders.value) / (p * x + q - 1)


class NotFitted(Exception):
    """The data do not say enough for the model."""


def bg_nbd(orders: Orders) -> BgNbd:
    """The most likely parameters. Raises NotFitted."""
    import numpy as np
    from scipy.special import gammaln

    x, last, age = orders.frequency, orders.recency / WEEK, orders.age / WEEK

    def loss(logs: Any) -> float:
        r, alpha, a, b = np.exp(logs)
        rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        leaving = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        alive = -(r + x) * np.log(alpha + age)
        gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last)
        return float(-np.mean(rate + leaving + np.where(x > 0, np.logaddexp(alive, gone), alive)))

    return BgNbd(*_fitted(loss, 4))


def gamma_gamma(orders: Orders) -> GammaGamma:
    """The most likely parameters, from those who ordered more than once. Raises NotFitted."""
    import numpy as np
    from scipy.special import gammaln

    again = (orders.frequency > 0) & (orders.value > 0)
    x, value = orders.frequency[again], orders.value[again]
    if len(x) < 2:
        raise NotFitted

    def loss(logs: Any) -> float:
        p, q, v = np.exp(logs)
        known = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        rest = (p * x - 1) * np.log(value) + p * x * np.log(x) - (p * x + q) * np.log(x * value + v)
        return float(-np.mean(known + rest))

    found = GammaGamma(*_fitted(loss, 3))
    if found.q <= 1:  # no mean: a few orders are worth everything
        raise NotFitted
    return found


def _fitted(loss: Callable[[Any], float], parameters: int) -> list[float]:
    """The parameters, all positive, of the least loss."""
    import numpy as np
    from scipy.optimize import minimize

    with np.errstate(all="ignore"):
        found = minimize(loss, np.zeros(parameters), method="L-BFGS-B", bounds=[(-_FAR, _FAR)] * parameters)
    if not np.isfinite(found.fun) or np.abs(found.x).max() >= _FAR:
        raise NotFitted
    return [float(one) for one in np.exp(found.x)]


_FAR = 12.0  # logarithm of a parameter that has run away: the likelihood is flat
