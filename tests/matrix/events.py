"""What people and others do on the platforms, and here, between a plan and its first request: each event happens to a
person of its own, who is named after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from connector.app import upkeep
from connector.app.workspace import open_state
from tests.conformance.kits import Kit
from tests.matrix.world import READERS, Everywhere

NEWCOMER = "newcomer"  # in the names of events that happen to people that the platforms do not hold at the plan
FORMER = "former"  # of those that happen under an address that the export names no more at the plan
OWN = "own words"  # what people write into a field that is not ours


class Promise(StrEnum):
    """What must hold of the person from then on (test_cells.py)."""

    OPTED_OUT = "opted out"
    ERASED = "erased"
    FORGOTTEN = "forgotten"
    MEMBER = "member"


@dataclass(frozen=True)
class Event:
    name: str
    happen: Callable[[Everywhere, str, str], None]
    promise: Promise

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"

    @property
    def moved(self) -> str:
        return f"{self.name}.moved@example.com"

    @property
    def addresses(self) -> frozenset[str]:
        """All of the person."""
        return frozenset({self.email, self.moved})

    @property
    def held(self) -> str:
        """The address of the export that the platforms are given first."""
        return self.moved if self.name.startswith(FORMER) else self.email

    @property
    def is_new(self) -> bool:
        return self.name.startswith(NEWCOMER)


EVENTS: dict[str, Event] = {}
Happening = Callable[[Everywhere, str, str], None]


def event(promise: Promise) -> Callable[[Happening], Happening]:
    def register(function: Happening) -> Happening:
        EVENTS[function.__name__] = Event(function.__name__, function, promise)
        return function

    return register


def _unsubscribe(kit: Kit, email: str) -> None:
    kit.make("unsubscribed" if "unsubscribed" in kit.statuses else "opted_out", [email])


@event(Promise.OPTED_OUT)
def unsubscribed(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        _unsubscribe(kit, email)


@event(Promise.OPTED_OUT)
def opted_out_lifted_and_set_again(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        _unsubscribe(kit, email)
        kit.make("subscribed", [email])
        _unsubscribe(kit, email)


@event(Promise.OPTED_OUT)
def created_again_and_unsubscribed(world: Everywhere, email: str, moved: str) -> None:
    """Another contact has the address now, with an id of its own."""
    for kit in world.kits.values():
        kit.replace(email)
        _unsubscribe(kit, email)


@event(Promise.OPTED_OUT)
def merged_into_somebody_who_opted_out(world: Everywhere, email: str, moved: str) -> None:
    """Where contacts can be merged."""
    for kit in world.kits.values():
        if kit.merges:
            kit.make("subscribed", [moved])
            _unsubscribe(kit, moved)
            kit.merge(moved, email)
        else:
            _unsubscribe(kit, email)


@event(Promise.OPTED_OUT)
def suppressed(world: Everywhere, email: str, moved: str) -> None:
    """The platform's own kind of “undeliverable”, where others can bring it about."""
    for kit in world.kits.values():
        own = [status for status in ("cleaned", "suppressed") if status in kit.statuses]
        kit.make(own[0], [email]) if own else _unsubscribe(kit, email)


@event(Promise.OPTED_OUT)
def re_addressed_and_unsubscribed(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        kit.move(email, moved)
        _unsubscribe(kit, moved)


@event(Promise.OPTED_OUT)
def former_address_unsubscribed(world: Everywhere, email: str, moved: str) -> None:
    """The plan moves their contact, or makes another one."""
    for kit in world.kits.values():
        _unsubscribe(kit, moved)


@event(Promise.OPTED_OUT)
def former_address_created_again_and_unsubscribed(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        kit.replace(moved)
        _unsubscribe(kit, moved)


@event(Promise.OPTED_OUT)
def newcomer_signed_up_and_unsubscribed(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        kit.make("subscribed", [email])
        _unsubscribe(kit, email)


@event(Promise.OPTED_OUT)
def newcomer_opted_out_without_a_contact(world: Everywhere, email: str, moved: str) -> None:
    """Where the platform keeps nothing of an address without a contact, there is one."""
    for kit in world.kits.values():
        if not kit.opt_out_without_contact(email):
            kit.make("subscribed", [email])
            _unsubscribe(kit, email)


@event(Promise.ERASED)
def erased(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        kit.delete([email])


@event(Promise.FORGOTTEN)
def forgotten(world: Everywhere, email: str, moved: str) -> None:
    with world.open() as workspace, open_state(workspace) as store:
        upkeep.forget(workspace, store, email)


@event(Promise.FORGOTTEN)
def newcomer_forgotten(world: Everywhere, email: str, moved: str) -> None:
    forgotten(world, email, moved)


@event(Promise.MEMBER)
def newcomer_signed_up(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        kit.make("subscribed", [email])
        kit.fill(email, OWN)


@event(Promise.MEMBER)
def signed_up_again(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        kit.make("subscribed", [email])
        kit.fill(email, OWN)


@event(Promise.MEMBER)
def left_one_list(world: Everywhere, email: str, moved: str) -> None:
    """Where people can; they stay subscribed to everything else."""
    for kit in world.kits.values():
        kit.leave(email, READERS)
        kit.fill(email, OWN)


@event(Promise.MEMBER)
def re_addressed(world: Everywhere, email: str, moved: str) -> None:
    for kit in world.kits.values():
        kit.move(email, moved)
