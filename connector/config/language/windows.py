"""The window of a test or trait over events: `within: 90 days` or `during: last month`.

Owns: the words for it, and that there is one at most. Must not: know what is asked of the events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.config.language import schema_shapes as shapes
from connector.config.language.durations import duration
from connector.config.language.periods import PAST, past
from connector.config.language.rules import Loc, Window
from connector.config.language.scope import Scope

_PARSE: Mapping[str, Callable[[Any], Window]] = {"within": duration, "during": past}
WINDOWS: Mapping[str, shapes.Shape] = {"within": shapes.WINDOW, "during": shapes.phrases(PAST)}


def window(value: Mapping[str, Any], source: str, loc: Loc, scope: Scope, own: str | None = None) -> Window | None:
    """What the words beside a measure say; `own` is a word of the measure that holds a window itself."""
    given = [word for word in (own, *WINDOWS) if word is not None and word in value]
    if not given:
        return None
    for word in given[1:]:
        text = f"`{given[0]}` has a window already; delete one of the two."
        scope.problems.add_key((*loc, word), "contradiction", text)
    found: Window | None = scope.problems.take((*loc, given[0]), _PARSE.get(given[0], duration), value[given[0]])
    scope.needs_time(source, (*loc, given[0]), found)
    return found
