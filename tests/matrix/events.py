"""What people and others do on the platforms meanwhile: each event happens to a person of its own, who is named after
it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.kits import KITS
from tests.path.platforms import HUBSPOT, KLAVIYO, MAILCHIMP
from tests.path.small import PLATFORMS, Small

NEWCOMER = "newcomer"  # in the names of events that happen to people whom the platforms do not hold at the plan


@dataclass(frozen=True)
class Event:
    """`addresses` are those of the person from then on; `erased`: no platform may hold the person again."""

    name: str
    happen: Callable[[Small, str, str], None]
    erased: bool = False

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"

    @property
    def moved(self) -> str:
        return f"{self.name}.moved@example.com"

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset({self.email, self.moved})

    @property
    def is_new(self) -> bool:
        return self.name.startswith(NEWCOMER)


EVENTS: dict[str, Event] = {}


def event(*, erased: bool = False) -> Callable[[Callable[[Small, str, str], None]], None]:
    def register(function: Callable[[Small, str, str], None]) -> None:
        name = function.__name__
        EVENTS[name] = Event(name, function, erased)

    return register


@event()
def unsubscribed(world: Small, email: str, moved: str) -> None:
    for platform in PLATFORMS:
        world.unsubscribe(platform, email)


@event()
def suppressed(world: Small, email: str, moved: str) -> None:
    """The platform's own kind of “undeliverable”; HubSpot has no endpoint for one."""
    for platform, status in (("mailchimp", "cleaned"), ("klaviyo", "suppressed"), ("hubspot", "opted_out")):
        KITS[platform](world.running).make(status, [email])


@event()
def re_addressed_and_unsubscribed(world: Small, email: str, moved: str) -> None:
    re_address(world, email, moved)
    for platform in PLATFORMS:
        world.unsubscribe(platform, moved)


@event()
def newcomer_signed_up_and_unsubscribed(world: Small, email: str, moved: str) -> None:
    for platform, status in (("mailchimp", "subscribed"), ("klaviyo", "subscribed"), ("hubspot", "never")):
        KITS[platform](world.running).make(status, [email])
        world.unsubscribe(platform, email)


@event(erased=True)
def erased(world: Small, email: str, moved: str) -> None:
    digest = hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()
    world._send("POST", f"{world.audience()}/members/{digest}/actions/delete-permanent", MAILCHIMP)
    profile = {"type": "profile", "attributes": {"email": email}}
    job = {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
    world._send("POST", "/api/data-privacy-deletion-jobs", KLAVIYO, {"data": job})
    world._send("POST", "/crm/v3/objects/contacts/gdpr-delete", HUBSPOT, {"objectId": email, "idProperty": "email"})


def re_address(world: Small, email: str, moved: str) -> None:
    """The contact gets another address on every platform; its id stays."""
    world._send("PATCH", f"{world.audience()}/members/{email}", MAILCHIMP, {"email_address": moved})
    (profile,) = world._send("GET", f'/api/profiles?filter=equals(email,"{email}")', KLAVIYO)["data"]
    data = {"type": "profile", "id": profile["id"], "attributes": {"email": moved}}
    world._send("PATCH", f"/api/profiles/{profile['id']}", KLAVIYO, {"data": data})
    path = f"/crm/v3/objects/contacts/{email}?idProperty=email"
    world._send("PATCH", path, HUBSPOT, {"properties": {"email": moved}})
