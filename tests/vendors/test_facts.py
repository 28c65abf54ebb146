"""What is derived from the facts of our platforms agrees with what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import connector
from connector.cli.common import SAMPLE
from connector.config.load import load
from connector.config.sections import platforms
from connector.core.model import RETIRED
from connector.rehearsal.core.world import ACCOUNTS, KEYS
from connector.rehearsal.server import load_platforms
from connector.report.upkeep import forget_text
from connector.sources.columns.presets import PRESETS
from connector.vendors import OWN, VENDORS, Vendor, find, title

each = pytest.mark.parametrize("vendor", OWN.values(), ids=list(OWN))


def test_every_word_of_preset_has_its_columns() -> None:
    assert set(platforms.presets()) == set(PRESETS)


def test_the_destination_of_the_examples_is_one_of_the_sample() -> None:
    sample = load(Path(connector.__file__).parent / "demo" / "segments.yaml")
    assert sample.destinations[SAMPLE].platform == SAMPLE


def test_names_and_places_are_unique() -> None:
    assert len({vendor.order for vendor in OWN.values()}) == len(OWN)
    assert len({vendor.sample_key for vendor in OWN.values()}) == len(OWN)
    assert list(VENDORS)[: len(OWN)] == list(OWN)


def test_the_rehearsal_serves_each_under_its_name() -> None:
    served = {module.NAME: module for module in load_platforms()}
    assert list(served) == list(OWN) == list(KEYS) == list(ACCOUNTS)
    for vendor in OWN.values():
        assert vendor.rehearsal and vendor.title == served[vendor.name].TITLE
        assert not vendor.rehearsal.path or vendor.rehearsal.path in served[vendor.name].PREFIXES


@each
def test_the_example_of_a_destination_is_valid(vendor: Vendor, tmp_path: Path) -> None:
    kind = min(vendor.kinds)
    text = f"""version: 1
sources: {{contacts: {{file: a.csv, email: E}}}}
destinations:
  {vendor.example}
segments:
  all: {{when: {{email: {{exists: true}}}}, send_to: {{{vendor.name}: {{{kind}: All}}}}}}
"""
    (tmp_path / "segments.yaml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "segments.yaml").destinations[vendor.name].platform == vendor.name


@each
def test_who_is_to_be_erased_is_told_the_way(vendor: Vendor) -> None:
    text = forget_text({"here": "subscribed"}, {"here": vendor.name})
    assert f"  here: {vendor.title}: {vendor.erase}" in text and vendor.erase.endswith(".")


def test_a_platform_that_is_not_installed_any_more_is_shown_by_its_name() -> None:
    assert find("postbox") is None and title("postbox") == "postbox"
    assert "  here: erase the contact there." in forget_text({"here": "subscribed"}, {"here": "postbox"})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "Post Box"}, "is not one lower-case word"),
        ({"retire": "delete"}, " or ".join(RETIRED)),
        ({"kinds": frozenset()}, "it needs kinds"),
        ({"adapter": "postbox.adapter"}, "package.module:Class"),
    ],
)
def test_facts_that_nothing_could_act_on_are_refused(wrong: dict[str, object], why: str) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match=why):
        replace(next(iter(OWN.values())), **wrong)  # type: ignore[arg-type]
