"""Which columns and traits tell country, spend, number of orders, the last one, and since when somebody is known.

Owns: Roles and how they are found in a file. Must not: read rows, or invent a trait that the file does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from connector.config.language.rules import Aggregate, Rfm, Trait
from connector.config.sections.models import Config
from connector.segments.names import CONTACTS, JOINED, Names

# Columns that exports have for it, as presets and headers name them, where the file has no trait.
COUNTRY = ("country", "country_code")
SPEND = ("lifetime_value", "total_spent", "amount_spent", "total_revenue", "ltv")
ORDERS = ("orders_count", "orders", "number_of_orders", "total_orders")
LAST = ("last_order_at", "last_order_date", "last_purchase_at", "last_click_at", "last_activity_at")
TENURE = (JOINED, "opted_in_at", "first_order_at")


@dataclass(frozen=True, slots=True)
class Roles:
    """Names as the file may write them; None: the file and its contacts tell nothing of it. `rfm` is a trait."""

    country: str | None = None
    spend: str | None = None
    orders: str | None = None
    last: str | None = None
    tenure: str | None = None
    rfm: str | None = None

    @property
    def asked(self) -> dict[str, str]:
        """Role -> column, of those that are known; an rfm trait is three of them."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "rfm"}
        found = {role: name for role, name in plain.items() if name is not None}
        return found | ({part: f"{self.rfm}.{part}" for part in SCORES} if self.rfm else {})


SCORES = ("recency", "frequency")


def roles(config: Config, names: Names) -> Roles:
    """A trait is taken before a column; of several the first of the file. Traits of one source belong together: what
    was spent, how often and when last are asked of the source whose amounts are summed up."""
    spend = next(_traits(config, "sum"), None)
    source = config.traits[spend].source if spend else None  # type: ignore[union-attr]
    return Roles(
        country=_column(names, COUNTRY) or _typed(names),
        spend=spend or _column(names, SPEND),
        orders=next(_traits(config, "count", source), None) or _column(names, ORDERS),
        last=next(_traits(config, "latest", source), None) or next(_traits(config, "latest"), None)
        or _column(names, LAST),
        tenure=_column(names, TENURE),
        rfm=next((name for name, trait in config.traits.items() if isinstance(trait, Rfm)), None),
    )  # fmt: skip


def _traits(config: Config, measure: str, source: str | None = None) -> Iterator[str]:
    """Those over all events: a part of them (`within`, `where`) says something else."""
    for name, trait in config.traits.items():
        if _whole(trait, measure) and source in (None, trait.source):  # type: ignore[union-attr]
            yield name


def _whole(trait: Trait, measure: str) -> bool:
    return isinstance(trait, Aggregate) and trait.measure == measure and trait.within is None and trait.where is None


def _column(names: Names, known: tuple[str, ...]) -> str | None:
    return next((name for name in known if names.column(CONTACTS, name) is not None), None)


def _typed(names: Names) -> str | None:
    """A column that is declared as one of countries."""
    columns = names.catalog[CONTACTS].columns if CONTACTS in names.catalog else {}
    return next((name for name, info in columns.items() if info.type == "country"), None)
