"""`goal`, `measure:` and `experiments:`: what is read, and what is wrong at which place."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load_text
from connector.config.sections.measure import Goal
from connector.core.errors import ConfigError

FILE = """
version: 1
sources:
  contacts: {file: c.csv, email: Email}
  orders: {file: o.csv, join: {email: email}, at: at}
  notes: {file: n.csv, join: {email: email}}
consent: none_needed
measure:
  mail: {source: orders, clicked: [tapped]}
  revenue: orders.amount
segments:
  vip: {goal: {orders: {within: 7 days, after: click}}, when: {a: 1}}
  text: {goal: a second order, when: {a: 1}}
  a: {when: {split: {name: x, part: a, of: {a: 50, b: 50}}}}
  b: {when: {split: {name: x, part: b, of: {a: 50, b: 50}}}}
experiments:
  subject: {parts: [a, b], goal: clicks, from: 2026-10-01, to: 2026-11-01}
"""


def test_what_is_read() -> None:
    config = load_text(FILE, Path("segments.yaml"))
    goal = config.segments["vip"].goal
    assert isinstance(goal, Goal) and str(goal) == "orders within 7 days of a click"
    assert config.segments["text"].goal == "a second order"
    assert config.measure is not None and config.measure.mail is not None
    assert config.measure.mail.clicked == ("tapped",) and "received" in config.measure.mail.sent
    one = config.experiments["subject"]
    assert (one.parts, one.goal, one.method, one.effect) == (("a", "b"), "clicks", "sequential", 10)


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("{orders: {within: 7 days, after: click}}", "{orders: {within: 7 days}, notes: {}}", "wrong-type"),
        ("after: click", "after: open", "unknown-value"),
        ("goal: {orders:", "goal: {oders:", "unknown-source"),
        ("goal: {orders:", "goal: {notes:", "missing-time"),
        ("revenue: orders.amount", "revenue: amount", "wrong-type"),
        ("mail: {source: orders", "mail: {source: mails", "unknown-source"),
        ("parts: [a, b]", "parts: [a, vip]", "split-differs"),
        ("parts: [a, b]", "parts: [a, a]", "twice"),
        ("parts: [a, b]", "parts: [a, bb]", "unknown-segment"),
        ("goal: clicks", "goal: clics", "unknown-value"),
        ("to: 2026-11-01", "to: 2026-10-01", "contradiction"),
        ("to: 2026-11-01", "to: 2026-11-01, effect: 0%", "bad-percent"),
    ],
)
def test_what_is_wrong(right: str, wrong: str, code: str) -> None:
    assert right in FILE
    with pytest.raises(ConfigError) as caught:
        load_text(FILE.replace(right, wrong), Path("segments.yaml"))
    assert [problem.code for problem in caught.value.problems] == [code]
