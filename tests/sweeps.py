"""Long sweeps run reduced in the whole suite, and whole when they are asked for.

A test marked `@pytest.mark.sweep(keep=N)` runs N of its cases, spread evenly over all of them, when the whole suite
runs. `python -m pytest --whole` runs every case; so does naming files, or selecting by -k or -m.

Owns: which cases are left out. Must not: depend on anything but the cases themselves.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

_REDUCED = pytest.StashKey[bool]()
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
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if id(item) in left_out])
        items[:] = [item for item in items if id(item) not in left_out]


def _left_out(cases: list[pytest.Item]) -> list[pytest.Item]:
    marker = cases[0].get_closest_marker("sweep")
    assert marker
    kept = spread(len(cases), marker.kwargs["keep"])
    return [case for number, case in enumerate(cases) if number not in kept]


def spread(cases: int, keep: int) -> set[int]:
    """So many numbers of 0 to cases - 1, the first and the last among them."""
    return {round(number * (cases - 1) / max(1, keep - 1)) for number in range(keep)}
