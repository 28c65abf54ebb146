"""A new way to a platform is noticed: every command that reaches a push or a resume has its entry points in the matrix.

Commands are found in the code: from a function that is registered as a command, over all functions that it names, to
those of app/pushing.py that apply a run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.matrix.entries import ENTRIES

ROOT = Path(__file__).parent.parent.parent
SENDING = {"connector.app.pushing.push", "connector.app.pushing.resume"}
# Command -> its entry points.
COVERED = {
    "push": {
        "fresh_push",
        "prompt_answered_late",
        "saved_plan",
        "saved_plan_after_another_plan",
        "refresh",
        "push_after_abandon",
    },
    "resume": {"resume"},
    "undo": {"undo"},
    "adopt": {"adopt"},
    "cleanup": {"cleanup", "cleanup_unsubscribes"},
}


def test_every_command_that_sends_is_in_the_matrix() -> None:
    assert {name for name, function in commands().items() if SENDING & reached(function)} == COVERED.keys()
    assert set().union(*COVERED.values()) == ENTRIES.keys()


def test_runs_are_applied_in_one_place() -> None:
    """No other module has what applies a run, so that the search above misses none."""
    applying = {"connector.push.run", "connector.push.run.apply", "connector.push.run.resume"}
    paths = sorted((ROOT / "connector").rglob("*.py"))
    assert [_module(path) for path in paths if applying & {full for _, full in _imported(_tree(path))}] == [
        "connector.app.pushing"
    ]


@pytest.mark.parametrize("command", ["plan", "drift", "forget", "status", "abandon"])
def test_commands_that_do_not_send_are_told_apart(command: str) -> None:
    assert not SENDING & reached(commands()[command])


def commands() -> dict[str, str]:
    """Name -> the function behind it, as `command(app, "NAME", …)(function)` registers it."""
    found = {}
    for path in sorted((ROOT / "connector" / "cli").glob("*.py")):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and len(node.args) == 1:
                made, function = node.func, node.args[0]
                if isinstance(made.func, ast.Name) and made.func.id == "command" and isinstance(function, ast.Name):
                    assert isinstance(made.args[1], ast.Constant)
                    found[str(made.args[1].value)] = f"{_module(path)}.{function.id}"
    return found


def reached(function: str) -> set[str]:
    """Itself, and all functions of the package that it names, directly or through others."""
    found, waiting = {function}, [function]
    while waiting:
        name = waiting.pop()
        new = {other for other in named(name, functions()[name]) if other in functions()} - found
        found |= new
        waiting += new
    return found


@cache
def functions() -> dict[str, ast.FunctionDef]:
    """Every function at the top of a module."""
    return {
        f"{_module(path)}.{node.name}": node
        for path in sorted((ROOT / "connector").rglob("*.py"))
        for node in _tree(path).body
        if isinstance(node, ast.FunctionDef)
    }


def named(name: str, function: ast.FunctionDef) -> Iterator[str]:
    """What a function names, in full: of its module, or imported there or inside of the function."""
    module = name.rpartition(".")[0]
    known = _imports(module) | dict(_imported(function))
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            yield known.get(node.id, f"{module}.{node.id}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield f"{known[node.value.id]}.{node.attr}"


@cache
def _imports(module: str) -> dict[str, str]:
    path = ROOT / Path(*module.split("."))
    return dict(_imported(_tree(path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py")))


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
