"""What a new rehearsed Mailchimp account holds.

Owns: the audience Newsletter, its merge fields, a few invented people of every status. Must not: be random.
"""

from __future__ import annotations

from dataclasses import replace

from connector.rehearsal.core.world import World
from connector.rehearsal.mailchimp import store, wire
from connector.rehearsal.mailchimp.lists import add_field, create
from connector.rehearsal.mailchimp.rules import Member

AUDIENCE = {
    "name": "Newsletter",
    "permission_reminder": "You are getting this because you asked for our newsletter.",
    "email_type_option": False,
    "contact": {"company": "Rehearsal Ltd", "address1": "1 Stage Door", "city": "Berlin", "state": "", "zip": "10115"}
    | {"country": "DE"},
    "campaign_defaults": {
        "from_name": "Rehearsal Ltd",
        "from_email": "news@example.com",
        "subject": "",
        "language": "en",
    },
}
FIELDS = (
    ("LTV", "Lifetime value", "number"),
    ("ORDERS", "Orders", "number"),
    ("LASTORDER", "Last order", "date"),
    ("COUNTRY", "Country", "text"),
    ("PLAN", "Plan", "dropdown"),
    ("BIRTHDAY", "Birthday", "birthday"),
)
CHOICES = ["free", "team", "business"]
# first name, last name, status, rating
PEOPLE = (
    ("Ada", "Okafor", "subscribed", 5),
    ("Bruno", "Silva", "subscribed", 4),
    ("Chiara", "Neri", "subscribed", 3),
    ("Dmitri", "Volkov", "subscribed", 1),
    ("Elif", "Yıldız", "transactional", 2),
    ("Farid", "Haddad", "pending", 2),
    ("Greta", "Lund", "unsubscribed", 2),
    ("Hugo", "Petit", "unsubscribed", 1),
    ("Ines", "Costa", "cleaned", 1),
    ("Jonas", "Weber", "archived", 2),
)


def plant(world: World) -> None:
    """The audience; with settings.samples also the people, two of them tagged."""
    list_id = create(world, AUDIENCE)
    for tag, name, kind in FIELDS:
        options = {"choices": CHOICES} if kind == "dropdown" else {}
        add_field(world, list_id, {"tag": tag, "name": name, "type": kind, "options": options})
    if not world.settings.samples:
        return
    people = [_person(number, *person) for number, person in enumerate(PEOPLE)]
    store.save(world, list_id, people)
    store.tag(world, store.create_tag(world, list_id, "Met at the fair"), [person.hash for person in people[:2]])


def _person(number: int, first: str, last: str, status: str, rating: int) -> Member:
    email = f"{first.lower()}@example.com"
    since = f"2025-0{number % 9 + 1}-15T09:00:00+00:00"
    member = Member(wire.subscriber_hash(email), email, status, merge={"FNAME": first, "LNAME": last})
    return replace(
        member,
        was="subscribed" if status == "archived" else "",
        signup=since,
        opt=since if status in ("subscribed", "unsubscribed", "cleaned", "archived") else "",
        changed=since,
        reason="NORMAL" if status == "unsubscribed" else "",
        rating=rating,
        open_rate=round(rating * 0.11, 2),
        click_rate=round(rating * 0.03, 2),
    )
