"""Some random histories; ten thousand with `python -m tests.crash.histories`. And those that once failed."""

from __future__ import annotations

from tests.crash.circumstances import PROFILES, Export, Meanwhile
from tests.crash.histories import Histories, run


def test_whatever_happens_the_invariants_hold() -> None:
    run(8)


def test_a_contact_of_two_rows_leaves_a_list_while_one_of_them_moves() -> None:
    """The other row's membership stayed in the ledger: an undo, or coming back into the segment, added nobody."""
    nobody: set[str] = set()
    history = Histories()
    history.begin(hold=False, profile=PROFILES[1])
    for export, others in (
        (
            Export({2, 3}, {1, 2, 3, 4}, "Bo", {0, 3, 4}, {0, 1, 2}),
            Meanwhile(
                {"q0@example.com"},
                {("p3@example.com", "a"), ("q3@example.com", "a"), ("p2@example.com", "b"), ("p0@example.com", "b")},
                nobody, None, False, False, nobody, {0, 1}, nobody, set(), nobody,
            ),
        ),
        (
            Export({0, 1, 2, 4}, {2, 4}, "Bo", {3}, {0, 1, 2, 3, 4}),
            Meanwhile(
                {"q4@example.com"}, set(), nobody, set(), False, True, {"p3@example.com"}, set(), nobody, set(),
                {"q4@example.com", "q1@example.com"},
            ),
        ),
        (
            Export({0, 1, 2, 3}, {0, 3}, "Bo", {0}, {0}),
            Meanwhile(
                nobody, {("q4@example.com", "a")}, {"q0@example.com", "p1@example.com"}, {2, 3, 4}, False, True,
                nobody, set(), nobody, {(2, 1)}, {"p2@example.com", "p0@example.com"},
            ),
        ),
    ):  # fmt: skip
        history.push_and_undo(export=export, others=others)
        history.the_ledger_claims_only_what_was_accepted()
    history.teardown()
