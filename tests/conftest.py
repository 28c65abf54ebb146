"""Everything that is sent in a test run is checked against the vendors' documents (see tests/contract/plugin.py), and
everything that it leaves behind is searched for keys (tests/artefacts.py)."""

import pytest

from tests.artefacts import Artefacts
from tests.contract import plugin
from tests.contract.plugin import (
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_unconfigure,
)

__all__ = [
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_unconfigure",
]


def pytest_configure(config: pytest.Config) -> None:
    plugin.pytest_configure(config)
    artefacts = Artefacts(config)
    artefacts.listen()
    config.pluginmanager.register(artefacts, "artefacts")
