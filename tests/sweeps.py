"""Long sweeps run reduced in the whole suite, and whole when they are asked for.

A test marked `@pytest.mark.sweep(keep=N)` runs N of its cases, spread evenly over all of them, when the whole suite
runs; those of a test over platforms have as little as possible in common, and begin with another one in each test.
`python -m pytest --whole` runs every case; so does naming files, or selecting by -k or -m.

A test marked `@pytest.mark.long` is a whole story of some seconds each part of which faster tests hold, or a second
story of the same kind: it runs where every case does. What keeps people from being mailed against their will, lists
from being emptied or changes from being lost is none.

A test that does on several platforms at once what it could do on one asks `some` for them: the whole suite gets one of
them, another one for the next test, and all in a run that is not reduced.

Owns: which cases and which platforms are left out. Must not: depend on anything but the cases themselves.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")
_REDUCED = pytest.StashKey[bool]()
_reduced = [False]  # whether the run of this process is reduced: for those that have no config
OVER = {"platform", "kit"}  # names of parameters that are platforms
_INPUT = "sweeps_reduced"  # what a worker of -n is told


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run every case of the long sweeps")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.stash[_REDUCED] = config.workerinput[_INPUT]
    else:
        chosen = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
        options = config.option
        config.stash[_REDUCED] = not (options.whole or chosen or options.keyword or options.markexpr)
    _reduced[0] = config.stash[_REDUCED]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Item) -> None:
    node.workerinput[_INPUT] = node.config.stash[_REDUCED]  # type: ignore[attr-defined]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.stash[_REDUCED]:
        return
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sweep"):
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out = {id(item) for found in cases.values() for item in _left_out(found)}
    left_out |= {id(item) for item in items if item.get_closest_marker("long")}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if id(item) in left_out])
        items[:] = [item for item in items if id(item) not in left_out]


def _left_out(cases: list[pytest.Item]) -> list[pytest.Item]:
    marker = cases[0].get_closest_marker("sweep")
    assert marker
    keep, specs = marker.kwargs["keep"], [getattr(case, "callspec", None) for case in cases]
    if specs[0] and specs[0].params.keys() & OVER:
        turn = _turn(cases[0].nodeid.partition("[")[0].rpartition("::")[2])
        kept = varied([[*spec.params.values()] for spec in specs if spec], keep, turn)
    else:
        kept = spread(len(cases), keep)
    return [case for number, case in enumerate(cases) if number not in kept]


def spread(cases: int, keep: int) -> set[int]:
    """So many numbers of 0 to cases - 1, the first and the last among them."""
    return {round(number * (cases - 1) / max(1, keep - 1)) for number in range(keep)}


def varied(cases: Sequence[Sequence[object]], keep: int, turn: int) -> set[int]:
    """The numbers of so many cases, given as the values of their parameters: beginning with that of the turn, always
    the one that has least in common with those before."""
    kept: list[int] = []
    for _ in range(min(keep, len(cases))):
        left = [number for step in range(len(cases)) if (number := (turn + step) % len(cases)) not in kept]
        kept.append(min(left, key=lambda number: _common(cases[number], [cases[each] for each in kept])))
    return set(kept)


def _common(case: Sequence[object], others: Sequence[Sequence[object]]) -> int:
    return sum(mine == theirs for other in others for mine, theirs in zip(case, other, strict=True))


def some(values: Sequence[T], turn: int | str, keep: int = 1) -> tuple[T, ...]:
    """All values; in a reduced run so many of them, in their order, beginning with another one at every turn. A text is
    a turn by its letters: the name of a test, for example."""
    if not _reduced[0]:
        return tuple(values)
    first = _turn(turn) if isinstance(turn, str) else turn
    chosen = {(first + step) % len(values) for step in range(keep)}
    return tuple(value for place, value in enumerate(values) if place in chosen)


def _turn(name: str) -> int:
    return zlib.crc32(name.encode())
