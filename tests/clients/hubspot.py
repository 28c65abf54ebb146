"""HubSpot's client for Node.

Owns: what it saw and wrote, compared with what the rehearsal holds. Must not: know another platform.
"""

from __future__ import annotations

from tests.clients import people
from tests.clients.desk import Client, Desk
from tests.path import platforms

MADE = [f"h{number}@example.com" for number in range(100)]
GONE = {MADE[2], MADE[3], MADE[4]}  # merged, archived, erased


def run(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_hubspot(running)
    ids = {
        email: one["hs_object_id"] for email, one in platforms.hubspot_properties(running.url, "hs_object_id").items()
    }
    everybody = people.PEOPLE + MADE
    seen = desk.node("hubspot.cjs")
    held = platforms.hubspot_properties(running.url, "firstname", "hs_additional_emails", "hs_email_optout_1001")
    lists, _ = platforms.hubspot(running.url)

    same(f"pages through all {people.COUNT} contacts", lambda: sorted(seen["contacts"]), sorted(people.PEOPLE))
    same("creates 100 contacts in one batch", lambda: seen["created"], 100)
    same("updates 50 in one batch", lambda: seen["updated"], 50)
    same("reads a batch by address", lambda: set(seen["read"]), set(MADE[:50]))
    same("the contacts are there, as it wrote them", lambda: _names(held), _written())
    same("a contact that is there already is 409", lambda: seen.refused("conflict")[0], 409)
    same(f"pages through a search of {len(everybody)}", lambda: seen["everybody"], sorted(everybody))
    same("a search for 50% takes the sign as it is", lambda: seen["percent"], [people.PEOPLE[0]])
    same("a search for a_b takes the sign as it is", lambda: seen["underscore"], ["a_b@example.com"])
    same("CONTAINS_TOKEN takes the signs as they are", lambda: seen["token"], [[people.PEOPLE[0]], []])
    same("an option with _ is found exactly", lambda: seen["option"], [MADE[0]])
    same("sorts a search, the other way round", lambda: seen["down"], sorted(everybody)[:-4:-1])
    same("makes a list, adds and removes members", lambda: seen["list"], [100, 1])
    same("the list holds them", lambda: lists["60% off"], set(MADE[1:]) - GONE)
    same("pages through the members of a list", lambda: set(seen["members"]), {ids[email] for email in people.READERS})
    same("a renamed list was updated", lambda: seen["renamed"], ["60% off", True])
    same("a search of lists takes % and _ as they are", lambda: seen["searched"], [["60% off"], [], ["60% off"]])
    same("merges two contacts", lambda: seen["merged"])
    same("the other address is the merged contact's", lambda: held[MADE[1]]["hs_additional_emails"], MADE[2])
    same("archives a contact", lambda: set(seen["archived"]), set(everybody) - {MADE[2], MADE[3]})
    same("erases a contact", lambda: [seen["erased"], MADE[4] in held], [None, False])
    same("a list that is not there is 404", lambda: seen.refused("missing")[0], 404)
    same("reads what may be subscribed to", lambda: len(seen["definitions"]), 2)
    same("opts somebody out of one kind of mail", lambda: bool(seen["left"]))
    same("the contact is opted out of it", lambda: held[MADE[5]]["hs_email_optout_1001"], "true")
    same("asks for companies of contacts, of which there are none", lambda: seen["companies"], 10)
    same("asks for notes of contacts, of which there are none", lambda: seen["associations"], 10)
    same("reads deals, of which there are none", lambda: seen["deals"], [])
    for step, what in {
        "history": "`propertiesWithHistory`",
        "owners": "owners",
    }.items():
        seen.absent(desk.report, step, what)


def _names(held: dict[str, dict[str, str | None]]) -> dict[str, str | None]:
    return {email: held[email]["firstname"] for email in MADE if email in held}


def _written() -> dict[str, str]:
    return {email: "Changed" if at < 50 else "New" for at, email in enumerate(MADE) if email not in GONE}


CLIENTS = (Client("hubspot", "npm", "@hubspot/api-client", "14.0.1", run),)
