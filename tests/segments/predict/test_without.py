"""Which segments depend on a prediction, and what else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load_text
from connector.config.sections.models import Config
from connector.segments.names import references
from connector.segments.predict.without import without

FILE = """
version: 1
sources:
  contacts: {{file: contacts.csv, email: email}}
  orders: {{file: orders.csv, join: {{email: email}}, at: at}}
traits:
  risk: {{churn: {{orders: {{within: 90 days}}}}}}
  spent: {{sum: orders.amount}}
  worst: {{greatest: [risk, spent]}}
{more}
segments:
  plain: {{when: {{spent: {{at_least: 1}}}}}}
  leaving: {{when: {{risk: {{top: 10%}}}}}}
{segments}
"""
REFUSED = {"risk": "it is no better than the naive rule"}
STAGES = "signals: [created_at], inactive: {after: 90 days}, stages: [{name: quiet, tag: quiet}]"
DESTINATION = "destinations: {m: {platform: mailchimp, api_key: '${K}', audience: A, fields: {RISK: risk}}}"


def written(segments: str = "", more: str = "") -> Config:
    return load_text(FILE.format(segments=segments, more=more), Path("segments.yaml"))


@pytest.mark.parametrize(
    ("rule", "depends"),
    [
        ("{spent: {at_least: 1}}", False),
        ("{risk: {at_least: 0.5}}", True),
        ("{all: [{spent: {at_least: 1}}, {not: {risk: {at_least: 0.5}}}]}", True),
        ("{risk.drivers: {contains: orders}}", True),
        ("{worst: {at_least: 1}}", True),
        ("{segment: leaving}", True),
        ("{not: {segment: leaving}}", True),
        ("{segment: plain}", False),
        ("{top: {spent: 10}}", False),
        ('{sql: "risk > 0.5"}', True),
        ('{sql: "spent > 5"}', False),
    ],
)
def test_what_a_rule_asks_for(rule: str, depends: bool) -> None:
    if rule.startswith("{top"):
        rule = "{spent: {top: 10}}"
    config = written(f"  other: {{when: {rule}}}\n  after: {{when: {{segment: other}}}}")
    found = without(config, REFUSED, ())
    assert found is not None
    reduced, left_out = found
    assert set(left_out) == {"leaving"} | ({"other", "after"} if depends else set())
    assert all(why == REFUSED["risk"] for why in left_out.values())
    assert not {"risk", "risk.drivers", "worst"} & {one.written for one in references(reduced)}
    assert list(reduced.segments) == list(config.segments) and reduced.segments["plain"] == config.segments["plain"]


def test_those_that_come_later_in_the_priorities_are_unknown_and_no_others() -> None:
    config = written(
        "  last: {when: {spent: {at_least: 0}}}\n  asks: {when: {segment: last}}",
        "priorities: [[plain, leaving, last]]",
    )
    found = without(config, REFUSED, ())
    assert found is not None and set(found[1]) == {"leaving", "last"}
    assert "priorities" in found[1]["last"]
    assert found[0].segments["last"] == config.segments["last"], "its rule is known; `segment: last` may be asked"


def test_a_segment_that_was_decided_keeps_its_members() -> None:
    config = written("  kept: {when: {risk: {top: 5}}, frozen: true}\n  asks: {when: {segment: kept}}")
    found = without(config, REFUSED, {"kept"})
    assert found is not None and set(found[1]) == {"leaving"}
    assert found[0].segments["asks"] == config.segments["asks"]


@pytest.mark.parametrize(
    "more",
    [
        DESTINATION,
        "consent: {when: {risk: {at_most: 0.5}}}",
        "consent: {when: {segment: leaving}}",
        f"lifecycle: {{{STAGES}, protect: [leaving]}}",
        f"lifecycle: [{{{STAGES}, for: {{when: {{risk: {{at_least: 0.5}}}}}}}}]",
        f"lifecycle: [{{{STAGES}, for: leaving}}]",
    ],
)
def test_consent_lifecycle_and_fields_cannot_do_without(more: str) -> None:
    assert without(written(more=more), REFUSED, ()) is None
