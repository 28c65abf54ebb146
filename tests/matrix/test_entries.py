"""A new way to a platform is noticed: every place that pushes or resumes has its entry points in the matrix, or says
which tests take their place."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.matrix.entries import ENTRIES

PACKAGE = Path(__file__).parent.parent.parent / "connector"
SENDING = {"push", "resume"}
# Where a run is applied -> entry points of the matrix, or the tests that hold the same promise there.
COVERED = {
    "cli/pushing.py push": {
        "fresh_push",
        "prompt_answered_late",
        "saved_plan",
        "saved_plan_after_another_plan",
        "refresh",
    },
    "cli/pushing.py resume": {"resume"},
    "cli/upkeep.py push": {"undo"},  # and adopt, which sends nothing
    "app/cleaning.py push": set(),  # adds nobody; who changed since the plan is spared: tests/lifecycle/test_path.py
}


def test_every_way_to_a_platform_is_in_the_matrix() -> None:
    found = {
        f"{path.relative_to(PACKAGE).as_posix()} {node.func.attr}"
        for room in ("app", "cli")
        for path in sorted((PACKAGE / room).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in SENDING
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("pushing", "verbs")
    }
    assert found == COVERED.keys()
    assert set().union(*COVERED.values()) == ENTRIES.keys()
