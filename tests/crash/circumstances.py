"""What may happen in a random history: exports, what others do on the platform, and kinds of platforms.

Owns: the strategies that draw them. Must not: know what follows from them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import hypothesis.strategies as st

from connector.core.model import Kind, Op
from connector.platforms.base import Capabilities, TagStyle
from tests.push.fake import capabilities

# Everybody has two addresses in the course of a history, one at a time.
ADDRESSES = [(f"p{number}@example.com", f"q{number}@example.com") for number in range(5)]
PERSON = {email: number for number, emails in enumerate(ADDRESSES) for email in emails}
TARGETS = {"a": (Kind.TAG, "vip"), "b": (Kind.LIST, "in")}
HOLD = timedelta(hours=3)
BY_ID = {"addressed_by": "id", "max_batch": 2}
JOB = {"asynchronous": True}


def _with_moves(made: Capabilities) -> Capabilities:
    move = replace(made.operations[Op.UPDATE, None], addressed_by="id", max_batch=2)
    return replace(made, operations={**made.operations, (Op.MOVE, None): move})


PROFILES = [
    replace(_with_moves(capabilities(concurrency=1)), gone_is_final=True),
    _with_moves(
        capabilities(
            TagStyle.PROPERTY,
            specs={Op.CREATE: JOB, Op.UPDATE: {**JOB, **BY_ID}, Op.ADD: BY_ID, Op.REMOVE: {"addressed_by": "id"}},
            concurrency=1,
        )
    ),
    capabilities(
        specs={
            Op.CREATE: {"replayable": False, "max_batch": 2},
            Op.UPDATE: {"atomic": True},
            Op.ADD: {"max_batch": 2, "atomic": True},
        },
        concurrency=1,
    ),
]
person = st.sampled_from(range(len(ADDRESSES)))
people = st.sets(person)


@dataclass(frozen=True)
class Export:
    """Who is in segments a and b, everybody's name, who consents, and who has the second address now."""

    a: set[int]
    b: set[int]
    name: str
    consent: set[int]
    second: set[int]


@dataclass(frozen=True)
class Meanwhile:
    """What others do before we do anything."""

    create: set[str]
    add: set[tuple[str, str]]  # address, segment
    no: set[str]
    refuse: set[int] | None  # people that the platform does not take from now on; None: as before
    late: bool  # the jobs whose numbers nobody heard run
    retry: bool  # `sync rejects retry`
    suppress: set[str]  # a human suppresses the contact
    readdress: set[int]  # people whose contact gets their other address there
    erase: set[str]
    merge: set[tuple[int, int]]  # people whose contacts become one, where platforms do that
    leave: set[str]  # who unsubscribes from the list, where the platform tells
    restorable: bool = True  # what is erased can be restored, where platforms keep what was deleted


everybody = st.sampled_from(list(PERSON))
EXPORTS = st.builds(Export, people, people, st.sampled_from(["Ann", "Bo"]), people, people)
MEANWHILE = st.builds(
    Meanwhile,
    st.sets(everybody, max_size=3),
    st.sets(st.tuples(everybody, st.sampled_from(list(TARGETS))), max_size=4),
    st.one_of(st.just(set()), st.sets(everybody, max_size=2)),
    st.one_of(st.none(), st.none(), people),
    st.booleans(),
    st.booleans(),
    *[st.one_of(st.just(set()), st.just(set()), st.sets(some, max_size=2)) for some in (everybody, person, everybody)],
    st.one_of(st.just(set()), st.just(set()), st.sets(st.tuples(person, person), max_size=1)),
    st.one_of(st.just(set()), st.sets(everybody, max_size=2)),
    st.booleans(),
)
DIES = st.one_of(st.none(), st.integers(1, 40))
