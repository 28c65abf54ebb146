"""Everything that is sent in a test run is checked against the vendors' documents (see tests/contract/plugin.py), and
everything that it leaves behind is searched for keys (tests/artefacts.py)."""

import gc
import os
import shutil
import sys

import pytest

from connector.cli.process import COLLECT_AFTER
from tests import launcher, shared, sweeps
from tests.artefacts import Artefacts
from tests.contract import plugin
from tests.contract.plugin import (
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_unconfigure,
)
from tests.sweeps import pytest_addoption, pytest_collection_modifyitems, pytest_configure_node

__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure_node",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_unconfigure",
]


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(COLLECT_AFTER)  # as in every process of `sync`
    _keep_bytecode(config)
    plugin.pytest_configure(config)
    sweeps.pytest_configure(config)
    launcher.begin()
    ours = shared.VARIABLE not in os.environ  # not so in a pytest that a test starts
    kept = shared.folder()
    if not plugin.is_worker(config):  # the workers of -n have the variable, and share one process
        os.environ[launcher.VARIABLE] = launcher.forks()
    if ours:
        config.add_cleanup(lambda: shutil.rmtree(kept, ignore_errors=True))
        config.add_cleanup(lambda: os.environ.pop(shared.VARIABLE, None))
    config.add_cleanup(gc.unfreeze)  # DuckDB tells on stderr of whatever is left of it at the end
    artefacts = Artefacts(config)
    artefacts.listen()
    config.pluginmanager.register(artefacts, "artefacts")


def pytest_collection_finish() -> None:
    """Tests and libraries live as long as the process: they are not looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


def _keep_bytecode(config: pytest.Config) -> None:
    """What is compiled once is not compiled again by each of hundreds of processes, also where Python is told to leave
    nothing beside the sources: it lies in pytest's cache then."""
    if sys.dont_write_bytecode and hasattr(config, "cache") and config.cache:
        sys.pycache_prefix = str(config.cache.mkdir("bytecode"))
        sys.dont_write_bytecode = False
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
