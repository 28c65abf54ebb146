"""What was measured, as text for people.

Owns: its words, and which columns fit. Must not: compute a figure, read a store, show an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from connector.core.counts import count_of
from connector.measure.experiment import Result
from connector.measure.mail import Readback
from connector.measure.performance import MONEY_FIGURES, Figure, Performance
from connector.measure.rates import Estimate
from connector.report.measured.campaigns import campaigns_text, unread
from connector.report.measured.experiments import UNTOLD, result_text
from connector.report.table import table

_MONEY = ("revenue_per_member", "revenue")
_SHARES = ("_rate", "_share", "click_to_open")
LEFT_OUT = "This terminal is too narrow for every column: --format csv and --format json have them."
PLAIN = "plain"  # of a column: the value without its interval
# Columns of the tables, from all of them to the fewest.
_FORMS: tuple[tuple[str, ...], ...] = (
    ("members", "n", "everybody else", "times", "before", "a year before"),
    ("members", "n", "others plain", "times plain", "before", "a year before"),
    ("members", "n", "others plain", "times plain", "before"),
    ("members", "n", "others plain", "times plain"),
    ("members plain", "n", "others plain", "times plain"),
)
_WITHOUT_PERIOD = ("before", "a year before")


def measure_text(
    performances: Sequence[Performance], results: Sequence[Result], hints: Sequence[str], zone: ZoneInfo, width: int = 0
) -> str:
    """`width` of the terminal; 0: as wide as it gets."""
    form = next((form for form in _FORMS if not width or _widest(performances, form) <= width), _FORMS[-1])
    parts = [_segment_text(one, zone, form) for one in performances] + [result_text(one, zone) for one in results]
    narrow = [LEFT_OUT] if performances and form is not _FORMS[0] else []
    return "\n\n".join([*parts, *unread(performances), *hints, *narrow])


def _widest(performances: Sequence[Performance], form: tuple[str, ...]) -> int:
    lines = (line for one in performances for made in _tables(one, form) for line in made.splitlines())
    return max(map(len, lines), default=0)


def _told_text(one: Readback) -> str:
    if one.why or one.since is None:
        return f"  {one.destination}: {one.why}"
    if not one.mails and not one.others_mails:
        return f"  {one.destination} told of no mail in the period (since {one.since})"
    pairs = [
        ("open", one.open_rate, one.others_open_rate),
        ("click", one.click_rate, one.others_click_rate),
        ("bounce", one.bounce_rate, one.others_bounce_rate),
    ]
    told = ", ".join(f"{name} {_share(mine)}, everybody else {_share(other)}" for name, mine, other in pairs)
    return f"  {one.destination} told (since {one.since}): {count_of(one.mails, 'mail')} to members; {told}"


def _share(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return UNTOLD
    return f"{one.value:.2%} ({one.low:.2%} to {one.high:.2%})"


def _segment_text(one: Performance, zone: ZoneInfo, form: tuple[str, ...]) -> str:
    days = f"{one.period.low.astimezone(zone):%Y-%m-%d} to {one.period.high.astimezone(zone):%Y-%m-%d %H:%M}"
    named = one.segment if one.title == one.segment else f"{one.segment}, {one.title}"
    since = f"members known since {one.known_since.astimezone(zone):%Y-%m-%d}" if one.known_since else "no history yet"
    lines = [
        f"{named}: {count_of(one.members, 'member')}; {days}; {since}; {count_of(one.sent, 'mail')} to members",
        *_tables(one, form),
    ]
    notes: dict[str, list[str]] = {}
    for figure in (*one.figures, *one.lifetime):
        if figure.why:
            notes.setdefault(figure.why, []).append(_name(figure))
    lines += [f"  {', '.join(names)}: {why}" for why, names in notes.items()]
    return "\n".join([*lines, *(_told_text(each) for each in one.told), *campaigns_text(one)])


def _tables(one: Performance, form: tuple[str, ...]) -> list[str]:
    told = [figure for figure in one.figures if figure.members.value is not None or figure.others.value is not None]
    whole = [figure for figure in one.lifetime if figure.members.value is not None]
    short = tuple(column for column in form if column not in _WITHOUT_PERIOD)
    parts = (("in the period", told, form), ("over their whole time", whole, short))
    return [_table(title, figures, columns) for title, figures, columns in parts if figures]


def _table(title: str, figures: Sequence[Figure], columns: tuple[str, ...]) -> str:
    header = (f"  {title}", *(column.removesuffix(f" {PLAIN}") for column in columns))
    rows = [(f"  {_name(figure)}", *(_cell(figure, column) for column in columns)) for figure in figures]
    return table(header, rows, right=(2,))


def _cell(figure: Figure, column: str) -> str:
    name, plain = column.removesuffix(f" {PLAIN}"), column.endswith(PLAIN)
    if name == "n":
        return f"{figure.members.people if figure.name in MONEY_FIGURES else figure.members.number:,.0f}"
    if name == "times":
        return (
            (UNTOLD if figure.times.value is None else f"{figure.times.value:.2f}") if plain else _times(figure.times)
        )
    if name in ("before", "a year before"):
        return _value(figure, (figure.before if name == "before" else figure.year_before).value)
    one = figure.members if name == "members" else figure.others
    return _value(figure, one.value) if plain else _estimate(figure, one)


def _name(figure: Figure) -> str:
    return figure.name.replace("_", " ")


def _estimate(figure: Figure, one: Estimate) -> str:
    if one.low is None or one.high is None:
        return _value(figure, one.value)
    return f"{_value(figure, one.value)} ({_value(figure, one.low)} to {_value(figure, one.high)})"


def _times(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return UNTOLD
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _value(figure: Figure, value: float | None) -> str:
    if value is None:
        return UNTOLD
    if figure.name.endswith(_SHARES):
        return f"{value:.2%}"
    return f"{value:,.2f}" if figure.name in _MONEY else f"{value:,.1f}"
