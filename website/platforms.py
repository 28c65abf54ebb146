"""The reference page of the platforms: what each offers, and the facts that the connector acts on.

Owns: the page. Must not: name a platform; everything comes from the vendors' facts and the adapters' capabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from connector.config.sections.models import Destination
from connector.core.events import silent
from connector.platforms.base import Capabilities, OpSpec
from connector.platforms.registry import create
from connector.vendors import OWN, Vendor

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def page(table: Table) -> str:
    parts = [
        "# Platforms\n\nFacts that the connector acts on, with the vendor's page and the day it was read.\n",
        table(("", *(vendor.title for vendor in OWN.values())), _overview()),
    ]
    for vendor in OWN.values():
        facts = capabilities(vendor)
        parts += [f"## {vendor.title}\n", table(("fact", "value"), _facts(vendor, facts))]
        parts += ["Requests:\n", table(_TITLES, map(_operation, facts.operations.items()))]
        if vendor.preset:
            known = ((f"`{header}`", f"`{to.column}`", to.type or "") for header, to in vendor.preset.items())
            parts += [f"Columns of `preset: {vendor.name}`:\n", table(("header", "column", "type"), known)]
    return "\n".join(parts)


def capabilities(vendor: Vendor) -> Capabilities:
    """As its adapter has them for a destination with the default settings. Nothing is sent."""
    settings = {name: value for name, value in vendor.settings.items() if value is not None}
    secret = f"${{{vendor.variable}}}"
    destination = Destination(name=vendor.name, platform=vendor.name, secret=secret, settings=settings)
    return create(destination, vendor.sample_key, _Stopped(), silent).capabilities


class _Stopped:
    """A clock for adapters that send nothing."""

    def now(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        pass


def _overview() -> Iterator[list[str]]:
    yield ["targets", *(_listed(vendor.kinds) for vendor in OWN.values())]
    yield ["`new_contacts`", *(", ".join(vendor.policies) for vendor in OWN.values())]
    yield ["end of the lifecycle", *(vendor.retire or "not offered" for vendor in OWN.values())]
    yield ["`action: unsubscribe`", *(_offered(vendor.unsubscribes) for vendor in OWN.values())]
    yield ["opens and clicks in bulk", *(_offered(vendor.engagement) for vendor in OWN.values())]


def _facts(vendor: Vendor, facts: Capabilities) -> Iterator[list[str]]:
    yield ["`platform`", f"`{vendor.name}`"]
    yield ["secret", f"`{vendor.secret}: ${{{vendor.variable}}}`"]
    yield ["rehearsal key", f"`{vendor.sample_key}`"]
    yield ["own settings", ", ".join(f"`{name}`" for name in vendor.settings) or "none"]
    limits = (f"{each.requests} requests in {each.seconds:g} s" for each in facts.limits)
    yield ["limits", "; ".join(limits) or "none that is published"]
    yield ["requests at once", str(facts.concurrency)]
    if facts.retire:
        yield [f"undo of {facts.retire.action}", facts.retire.how_to_undo]
    yield ["erase a person by hand", vendor.erase]


_TITLES = ("operation", "records per request", "addressed by", "answer", "source")


def _operation(item: tuple[tuple[Any, Any], OpSpec]) -> list[str]:
    (op, kind), spec = item
    answer = "a job that is polled" if spec.asynchronous else "at once"
    return [f"{op} {kind or ''}", f"{spec.max_batch:,}", spec.addressed_by, answer, spec.source]


def _listed(words: Iterable[Any]) -> str:
    return ", ".join(sorted(str(word) for word in words))


def _offered(yes: bool) -> str:
    return "offered" if yes else "not offered"
