"""The values of the export beside the options that a platform has for them, before a push stumbles over one.

Owns: which values are no option, how many people have them, the words. Must not: call a platform, print.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace
from connector.core.counts import count_of
from connector.core.errors import ConnectorError
from connector.core.problem import meant
from connector.core.scrub import scrub
from connector.vendors import title

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.sections.models import Config, Destination
    from connector.platforms.base import Choices

SHOWN = 5  # values of one field in a text
_LONGEST = 60  # characters of a value


class Values:
    """What the exports say, evaluated when it is first asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._table: pa.Table | None = None
        self._trouble = ""

    def table(self) -> pa.Table | None:
        """None when the exports cannot be read: `trouble` says why."""
        from connector.app.offline import evaluate

        if self._table is None and not self._trouble:
            try:
                self._table = evaluate(self._workspace).table
            except ConnectorError as error:
                self._trouble = scrub(f"{error}".splitlines()[0]) or type(error).__name__
        return self._table

    def compare(self, item: Destination, options: Mapping[str, Choices]) -> tuple[list[str], list[str]]:
        """Problems, and notes: that this was not looked at."""
        asked = {name: item.fields[name] for name in options if name in item.fields}
        if not asked:
            return [], []
        table = self.table()
        if table is None:
            names = ", ".join(asked)
            return [], [f"The values of {names} were not compared with their options there. {self._trouble}"]
        people = _sent(self._workspace.config, item, table)
        found = (
            _problem(self._workspace.config, item, name, _missing(people, column, options[name]), options[name])
            for name, column in asked.items()
        )
        return [text for text in found if text], []


def _sent(config: Config, item: Destination, table: pa.Table) -> pa.Table:
    """Those of the export that a segment sends there."""
    import pyarrow.compute as pc

    names = [
        f"in:{segment.name}"
        for segment in config.segments.values()
        if any(send.destination == item.name for send in segment.send_to) and f"in:{segment.name}" in table.column_names
    ]
    if not names:
        return table.slice(0, 0)
    wanted = table[names[0]]
    for name in names[1:]:
        wanted = pc.or_(wanted, table[name])
    return table.filter(pc.and_(wanted, table["consent"]))


def _missing(people: pa.Table, column: str, choices: Choices) -> Counter[str]:
    """The values that are no option -> how many people have them."""
    import pyarrow.compute as pc

    found: Counter[str] = Counter()
    if f"value:{column}" not in people.column_names:
        return found
    for pair in pc.value_counts(people[f"value:{column}"]).to_pylist():
        for value in _texts(pair["values"], choices.several):
            found[value] += pair["counts"] if value and value not in choices.values else 0
    return +found


def _texts(value: object, several: bool) -> Iterator[str]:
    """As platforms write values of a choice; of one that takes several, each."""
    if isinstance(value, list):
        yield from map(_text, value) if several else [", ".join(map(_text, value))]
    elif value is not None:
        yield from _text(value).split(";") if several else [_text(value)]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value)


def _problem(config: Config, item: Destination, name: str, missing: Counter[str], choices: Choices) -> str:
    if not missing:
        return ""
    place = config.place(("destinations", item.name, "fields", name))
    values = "; ".join(_told(value, count, choices) for value, count in missing.most_common(SHOWN))
    more = f"; and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
    return (
        f"{place}: {name} (column {item.fields[name]}) has {_values(len(missing))}: {values}{more}. "
        f"Such a value is refused, and the person is sent without it. Add it to the options in {title(item.platform)}, "
        "or write in the column what the option is called there."
    )


def _values(count: int) -> str:
    return count_of(count, "value that is", "values that are") + " no option there"


def _told(value: str, count: int, choices: Choices) -> str:
    shown = scrub(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…")
    people = count_of(count, "person", "people")
    if value in choices.labels:
        return f"“{shown}” ({people}; that is a label, its value is “{scrub(choices.labels[value])}”)"
    near = _near(value, choices.values)
    return f"“{shown}” ({people}; did you mean “{scrub(near)}”?)" if near else f"“{shown}” ({people})"


def _near(value: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return next((name for name in names if name.casefold() == value.casefold()), "") or meant(value, names) or ""
