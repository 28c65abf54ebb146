"""`sync doctor` tells before a push what the push would stumble over: rights that a key lacks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connector.app import doctor
from connector.app.workspace import Options, open_workspace
from connector.rehearsal.core.process import Running, start
from connector.report.doctor import Health
from connector.vendors import OWN, Use
from tests.path.platforms import HUBSPOT

FILE = """
version: 1
sources:
  contacts: {file: people.csv, email: Email, columns: {seen: {type: timestamp}}}
consent: {when: {opt_in: true}, proof: {at: seen}}
destinations:
  mailchimp: {platform: mailchimp, api_key: "${MC}", audience: Newsletter, new_contacts: transactional}
  klaviyo: {platform: klaviyo, api_key: "${KL}", new_contacts: transactional, fields: {first_name: name}}
  hubspot: {platform: hubspot, access_token: "${HS}", new_contacts: transactional, fields: {firstname: name}}
  brevo: {platform: brevo, api_key: "${BR}"}
segments:
  readers:
    when: {plan: paid}
    send_to: {mailchimp: {tag: R}, klaviyo: {list: R, tag: r}, hubspot: {list: R, tag: r}, brevo: {list: R, tag: r}}
lifecycle:
  - for: {to: [hubspot]}
    signals: [seen]
    inactive: {after: 1 year}
    stages: [{name: bye, action: unsubscribe}]
  - signals: [seen]
    inactive: {after: 1 year}
    stages: [{name: bye, action: default}]
"""
LITTLE = """
version: 1
sources:
  contacts: {file: people.csv, email: Email}
destinations:
  klaviyo: {platform: klaviyo, api_key: "${KL}"}
  hubspot: {platform: hubspot, access_token: "${HS}"}
segments:
  readers: {when: {plan: paid}, send_to: {klaviyo: {tag: r}, hubspot: {list: R}}}
"""


class Desk:
    """A folder before rehearsal platforms that run for the whole module."""

    def __init__(self, folder: Path, running: Running) -> None:
        self.folder, self.running = folder, running
        (folder / "people.csv").write_text("Email,Name,Plan,Opt in,Seen\nann@example.com,Ann,paid,yes,2026-01-05\n")

    def found(self, file: str = FILE, to: str = "", **lacks: str) -> dict[str, Health]:
        nothing = dict.fromkeys(OWN, "")
        self.running.settings(lacks=nothing | lacks, limits=False)
        (self.folder / "segments.yaml").write_text(file)
        options = Options(file=self.folder / "segments.yaml", rehearse=True, to=(to,) if to else ())
        with open_workspace(options, threading.Event()) as workspace:
            return {one.destination: one for one in doctor.examine(workspace)}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("doctor")
    place = folder / ".connector" / "rehearsal"
    place.mkdir(parents=True)
    with start(place / "platforms.db", "--no-samples") as running:
        (place / "address").write_text(running.url)
        yield Desk(folder, running)


def test_every_right_that_is_missing_is_named_at_once(desk: Desk) -> None:
    """Each right of the facts is asked for; none is named that is there; nothing was changed on the way."""
    whole = {name: item.problems for name, item in desk.found().items()}
    assert whole == dict.fromkeys(OWN, ())
    before = desk.running.state()["platforms"]
    for name, vendor in OWN.items():
        found = desk.found(to=name, **{name: ",".join(vendor.rights)})[name]
        told = [right for right in vendor.rights if any(f"{vendor.right} {right}," in line for line in found.problems)]
        assert told == list(vendor.rights) and found.code == 4, name
    assert desk.running.state()["platforms"] == before


@pytest.mark.parametrize(("name", "right"), [(name, right) for name in OWN for right in OWN[name].rights])
def test_one_missing_right_is_named_alone(desk: Desk, name: str, right: str) -> None:
    vendor = OWN[name]
    found = desk.found(to=name, **{name: right})[name]
    (problem,) = [line for line in found.problems if " lacks the " in line]
    assert f"The {vendor.secret} lacks the {vendor.right} {right}, which is needed for " in problem


def test_only_what_the_file_needs_is_asked_for(desk: Desk) -> None:
    """A tag at Klaviyo needs neither events nor suppressions; a list at HubSpot neither contacts' writing nor tags."""
    everything = {name: ",".join(OWN[name].rights) for name in ("klaviyo", "hubspot")}
    found = desk.found(LITTLE, **everything)
    named = {name: " ".join(item.problems) for name, item in found.items()}
    assert "lists:write, which is needed for tags." in named["klaviyo"]
    assert "Your API key is missing required scopes: lists:write" in named["klaviyo"]  # the vendor's own sentence
    assert not [word for word in ("events:read", "metrics:read", "subscriptions:write") if word in named["klaviyo"]]
    assert "crm.lists.write, which is needed for lists." in named["hubspot"]
    assert not [word for word in ("contacts.write", "communication_preferences") if word in named["hubspot"]]


OPTIONS = """
version: 1
sources:
  contacts: {file: people.csv, email: Email}
destinations:
  mailchimp: {platform: mailchimp, api_key: "${MC}", audience: Newsletter, fields: {PLAN: plan}}
  hubspot: {platform: hubspot, access_token: "${HS}", fields: {grade: name}}
segments:
  readers: {when: {sent: {is: yes}}, send_to: {mailchimp: {tag: R}, hubspot: {tag: r}}}
"""


def test_values_that_are_no_option(desk: Desk) -> None:
    """Counted, nearest option told, addresses masked, with the line; who is not sent does not count."""
    rows = ["Team,Lead", "team,lead", "free,lead", "gold,ann@example.com", "gold,lead", ",lead"]
    lines = [f"p{n}@example.com,{row.split(',')[1]},{row.split(',')[0]},yes" for n, row in enumerate(rows)]
    (desk.folder / "people.csv").write_text("\n".join(["Email,Name,Plan,Sent", *lines, "x@example.com,no,no,no"]))
    place = {"groupName": "contactinformation", "type": "enumeration", "fieldType": "select"}
    options = [{"label": label, "value": value} for label, value in (("Lead", "lead"), ("Customer", "customer"))]
    body = {"name": "grade", "label": "Grade", "options": options, **place}
    path = f"{desk.running.url}/crm/properties/2026-03/contacts"
    desk.running.settings(lacks=dict.fromkeys(OWN, ""))
    assert requests.post(path, json=body, headers=HUBSPOT, timeout=300).ok
    found = desk.found(OPTIONS)
    (told,) = found["mailchimp"].problems
    assert "segments.yaml:6:" in told and "PLAN (column plan) has 2 values that are no option there" in told
    assert "“gold” (2 people)" in told and "“Team” (1 person; did you mean “team”?)" in told and "“no”" not in told
    assert "Add it to the options in Mailchimp" in told and found["mailchimp"].code == 1
    (told,) = found["hubspot"].problems
    assert "“Lead” (1 person; that is a label, its value is “lead”)" in told and "“(address)” (1 person)" in told
    (desk.folder / "people.csv").unlink()
    absent = desk.found(OPTIONS)["mailchimp"]
    assert not absent.problems and "The values of PLAN were not compared" in absent.notes[0]


def test_every_use_has_a_right_or_needs_none() -> None:
    assert all(use in Use for vendor in OWN.values() for serves in vendor.rights.values() for use in serves)
    assert all(Use.READ in frozenset().union(*OWN[name].rights.values()) for name in ("klaviyo", "hubspot", "brevo"))
