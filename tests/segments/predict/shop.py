"""Shops whose customers' ways are known: they order at a rate of their own until they leave, or at random for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from connector.segments.predict.history import History
from connector.segments.predict.lifetime import WEEK, BgNbd

NOW = datetime(2026, 11, 29, 9)
SPAN = 730  # days
TRUTH = BgNbd(r=1.5, alpha=45 / WEEK, a=1.2, b=8.0)


def history(people: int = 3000, seed: int = 1, *, noise: bool = False) -> History:
    chance = np.random.default_rng(seed)
    who, moments, values = [], [], []
    for number in range(people):
        times = _at_random(chance) if noise else _until_gone(chance)
        who += [f"p{number:05}@example.com"] * len(times)
        moments += [NOW - timedelta(days=SPAN - float(time)) for time in times]
        values += list(chance.gamma(6, 5) * chance.gamma(4, 0.25, len(times)))
    table = pa.table({"email": who, "moment": pa.array(moments, pa.timestamp("us")), "value": values})
    return History("orders", {"orders": table}, min(moments), NOW, lambda at: None)


def _until_gone(chance: Any) -> list[float]:
    rate, leaves = chance.gamma(TRUTH.r, 1 / (TRUTH.alpha * WEEK)), chance.beta(TRUTH.a, TRUTH.b)
    times, time = [], chance.uniform(0, SPAN - 30)
    while time < SPAN:
        times.append(time)
        if chance.random() < leaves:
            break
        time += chance.exponential(1 / rate)
    return times


def _at_random(chance: Any) -> Any:
    return np.sort(chance.uniform(0, SPAN, chance.poisson(12) + 1))
