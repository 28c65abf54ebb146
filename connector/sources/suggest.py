"""What the rows of exports offer for a first segments.yaml: consent, spending, orders, clicks, birthdays, a time zone.

Owns: suggest(), Facts. Must not: write text, or suggest a column whose values it has not looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from connector.core.model import ColumnType
from connector.sources import engine
from connector.sources.columns import normalise
from connector.sources.model import Loaded
from connector.sources.outline import CONTACTS, Draft
from connector.sources.text import fold, name

_TIMES = ("date", "timestamp")
_NUMBERS = ("number", "integer")
_ROUND = [digit * 10**power for power in range(9) for digit in range(1, 10)]
_FEWEST, _MOST = 0.03, 0.2  # shares of the buyers that are the best customers
_WORDS = 12  # different words of a column that may tell of consent
_OPT_IN = re.compile(
    r"^marketing_status$|opt(ed)?_?in|accepts|consent|newsletter|subscri|einwillig|consen[ts]|toestemming"
)
_OPT_OUT = re.compile(r"unsubscri|opt(ed)?_?out|do_not_(e?mail|contact)|abgemeldet|desinscri")
_NOT_MAIL = re.compile(r"sms|phone|whatsapp|_(at|on|date|time|source|ip)$|timestamp|count")
_WHEN = re.compile(r"^(opt|consent|subscri|confirm).*(_at|_on|date|time)$")
_WHENCE = re.compile(r"^(opt|consent|subscri).*source$")
_YES = frozenset({"subscribed", "opted in", "opt-in", "opted-in"})
_ACTIVE = "active"  # says yes to mail only beside a word that is of mail
_OF_MAIL = frozenset({"unsubscribed", "unconfirmed", "bounced"})
_JOINED = re.compile(r"^(created?_(at|date|time|on)|signed_up_at|sign_up|date_(created|registered)|customer_since)$")
_SPENT = re.compile(r"^(total_spen[td]|lifetime_value|ltv|clv|revenue|total_revenue|amount_spent)$")
_COUNT = re.compile(r"^(orders_count|total_orders|orders|number_of_orders|order_count|payments_count)$")
_LAST_ORDER = re.compile(r"^last_(order|purchase)\w*$")
_LAST_SIGN = re.compile(r"^last_(click|engage|activ|visit|login)\w*$")
_BIRTHDAY = re.compile(r"birth|geburts")
_AMOUNT = re.compile(r"^(order_)?(total|amount|total_amount|order_total|grand_total|revenue|price)(_amount)?$")


@dataclass(frozen=True, slots=True)
class Facts:
    """Columns by their names. `consent` is (column, its value); `clicks` a source whose `type` tells clicks."""

    drafts: tuple[Draft, ...]
    columns: tuple[str, ...] = ()
    consent: tuple[str, str] | None = None
    proof_at: str | None = None
    proof_source: str | None = None
    joined: str | None = None
    birthday: str | None = None
    spent: str | None = None
    much: int | None = None  # a round sum that about a tenth of the buyers have spent
    orders_count: str | None = None
    last_order: str | None = None
    last_sign: str | None = None
    orders: Draft | None = None
    amount: str | None = None
    clicks: tuple[Draft, str, str] | None = None  # source, column, word
    country: str | None = None  # where most contacts are
    shape: Mapping[str, ColumnType] = field(default_factory=dict)


def suggest(drafts: Sequence[Draft], loaded: Loaded) -> Facts:
    """The facts of exports that were loaded with every column."""
    return _Look(tuple(drafts), loaded).facts()


@dataclass(frozen=True)
class _Look:
    drafts: tuple[Draft, ...]
    loaded: Loaded

    @cached_property
    def types(self) -> Mapping[str, ColumnType]:
        empty = self.loaded.empty.get(CONTACTS, frozenset())
        return {name: type_ for name, type_ in self.loaded.types[CONTACTS].items() if name not in empty}

    def facts(self) -> Facts:
        consent = self._consent()
        proof = self._named(_WHEN, None)
        contacts = self.drafts[0]
        if consent is not None and consent[1] in ("true", "false"):
            contacts = self._declared(contacts, consent[0], "boolean")
        if consent is not None and proof is not None:
            contacts = self._declared(contacts, proof, "timestamp")
        orders = next((draft for draft in self.drafts[1:] if draft.name == "orders" and draft.at), None)
        spent, amount = self._named(_SPENT, _NUMBERS), self._amount(orders)
        return Facts(
            (contacts, *self.drafts[1:]),
            tuple(self.loaded.catalog[CONTACTS].known()),
            consent,
            proof if consent else None,
            self._named(_WHENCE, None) if consent and proof else None,
            joined=self._named(_JOINED, _TIMES),
            birthday=self._named(_BIRTHDAY, ("date", "day", "timestamp")),
            spent=spent,
            much=self._much(spent, orders, amount),
            orders_count=self._named(_COUNT, _NUMBERS),
            last_order=self._named(_LAST_ORDER, _TIMES),
            last_sign=self._named(_LAST_SIGN, _TIMES),
            orders=orders,
            amount=amount,
            clicks=self._clicks(),
            country=self._country(),
            shape=self.types,
        )

    def _declared(self, draft: Draft, column: str, type_: ColumnType) -> Draft:
        """With a type where the values alone do not fix it."""
        if self.types[column] in (type_, "date"):
            return draft
        header = self.loaded.catalog[CONTACTS].columns[column].headers[0]
        return replace(draft, declared={**draft.declared, column: (header, type_)})

    def _named(self, shape: re.Pattern[str], types: Sequence[str] | None) -> str | None:
        return next(
            (
                column
                for column, type_ in self.types.items()
                if shape.search(column) and (types is None or type_ in types)
            ),
            None,
        )

    def _consent(self) -> tuple[str, str] | None:
        """A column of consent to mail, else one of its opposite."""
        for shape, value in ((_OPT_IN, "true"), (_OPT_OUT, "false")):
            named = [one for one in self.types if shape.search(one) and not _NOT_MAIL.search(one)]
            if shape is _OPT_IN:
                named = [one for one in named if not _OPT_OUT.search(one)]
            for column in sorted(named, key=lambda one: "mail" not in one):
                found = self._says(column, value)
                if found is not None:
                    return column, found
        return None

    def _says(self, column: str, value: str) -> str | None:
        """What the column holds for yes; None when it is no such column."""
        if self.types[column] == "boolean":
            return value
        words = self._words(CONTACTS, column) if self.types[column] == "text" else []
        if words and all(normalise.boolean(word) is not None for word in words):
            return value
        of_mail = not _OF_MAIL.isdisjoint(map(fold, words))
        yes = _YES | ({_ACTIVE} if of_mail or column != "marketing_status" else set())
        return next((word for word in words if value == "true" and fold(word) in yes), None)

    def _words(self, source: str, column: str) -> list[str]:
        query = f"SELECT DISTINCT {name(column)} FROM {name('source_' + source)} ORDER BY 1 LIMIT {_WORDS + 2}"
        words = [word for (word,) in self.loaded.connection.con.execute(query).fetchall() if word]
        return words if len(words) <= _WORDS else []

    def _amount(self, orders: Draft | None) -> str | None:
        if orders is None:
            return None
        types = self.loaded.types[orders.name]
        return next((one for one, type_ in types.items() if _AMOUNT.search(one) and type_ in _NUMBERS), None)

    def _much(self, spent: str | None, orders: Draft | None, amount: str | None) -> int | None:
        """None where a round sum would be that of nearly nobody, or of many."""
        if orders is not None and amount:
            sums = f"SELECT sum({name(amount)}) AS spent FROM {name('source_' + orders.name)} GROUP BY _email"
        elif spent:
            sums = f"SELECT {name(spent)} AS spent FROM source_contacts"
        else:
            return None
        con, buyers = self.loaded.connection.con, f"FROM ({sums}) WHERE spent > 0"
        (tenth,) = engine.row(con, f"SELECT quantile_cont(spent::DOUBLE, 0.9) {buyers}")
        if not tenth or tenth < 1:
            return None
        round_ = min(_ROUND, key=lambda one: abs(math.log(one / tenth)))
        share = engine.row(con, f"SELECT avg((spent >= {round_})::INT) {buyers}")[0]
        return round_ if _FEWEST <= share <= _MOST else None

    def _clicks(self) -> tuple[Draft, str, str] | None:
        for draft in self.drafts[1:]:
            types = self.loaded.types[draft.name]
            for column in (one for one in types if one in ("type", "event", "event_type", "action")):
                words = self._words(draft.name, column) if types[column] == "text" and draft.at else []
                word = next((word for word in words if fold(word) in ("clicked", "click", "clicked email")), None)
                if word is not None:
                    return draft, column, word
        return None

    def _country(self) -> str | None:
        """Where more than half of those are who have a country."""
        for column in (column for column, type_ in self.types.items() if type_ == "country"):
            query = (
                f"SELECT {name(column)}, count(*) AS n, sum(n) OVER () FROM source_contacts"
                f" WHERE {name(column)} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT 1"
            )
            most = engine.row(self.loaded.connection.con, query)
            if most and 2 * most[1] > most[2]:
                return normalise.country(most[0])
        return None
