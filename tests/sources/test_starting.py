"""`sync init`: what it writes for an export passes `sync check`, and fits the export."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connector.app.starting import start
from connector.config.load import load_text
from connector.config.sections.models import Config
from connector.core.errors import SourceError
from connector.demo.exports import exports
from connector.sources.columns.presets import EVENTS, PRESETS
from connector.vendors import Known
from tests import launcher

DAY = date(2026, 11, 20)


def begun(folder: Path, *names: str, day: date = DAY) -> Config:
    """The file for these exports, after `sync init` and `sync check` in that folder."""
    words = [word for name in names for word in ("--from", name)]
    made = launcher.sync(folder, "init", *words)
    assert made.returncode == 0, made.stderr
    checked = launcher.sync(folder, "check", "--format", "json", "--as-of", str(day))
    assert checked.returncode == 0, checked.stdout
    assert not json.loads(checked.stdout)["errors"]
    return load_text((folder / "segments.yaml").read_text(), folder / "segments.yaml")


def export(folder: Path, name: str, headers: dict[str, str], people: int = 12) -> str:
    """A file with these headers; {n} in a cell is the number of the row."""
    lines = [",".join(f'"{header}"' for header in headers)]
    lines += [",".join(f'"{cell.format(n=n)}"' for cell in headers.values()) for n in range(1, people + 1)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return name


def test_the_sample_gives_the_sample_again(tmp_path: Path) -> None:
    day = datetime.now(UTC).date()  # `sync init` counts by the clock
    for name, content in exports(day).items():
        (tmp_path / name).write_bytes(content)
    names = sorted(path.name for path in tmp_path.iterdir())
    made = begun(tmp_path, *names, day=day)
    contacts = made.sources["contacts"]
    assert (contacts.preset, contacts.id, contacts.updated_at) == ("hubspot", "Record ID", "Last Modified Date")
    assert made.sources["orders"].join == ("customer_email", "email") and made.sources["orders"].at == "ordered_at"
    assert made.consent is not None and made.consent.proof_at == "opted_in_at"
    assert str(made.lifecycle[0].inactive.after) == "90 days"
    told = json.loads(launcher.sync(tmp_path, "segments", "--format", "json", "--as-of", str(day)).stdout)
    sizes = {item["name"]: item["members"] for item in told["segments"]}
    sample = {"new_subscribers": 492, "repeat_customers": 1258, "vip": 264, "at_risk": 512, "inactive": 519}
    assert all(abs(sizes[name] - count) <= max(5, count // 20) for name, count in sample.items()), sizes


CELLS = {
    "text": "word {n}", "country": "Germany", "phone": "+49 30 55500{n}", "integer": "{n}", "number": "{n}.50",
    "date": "2026-10-{n:02}", "timestamp": "2026-10-{n:02} 10:00:00", "boolean": "true", "list": "a",
    "day": "10/{n:02}",
}  # fmt: skip


OF_ORDERS = re.compile(r"^(order |item |lineitem|sku$|quantity|amount|currency|captured|converted|status$|description)")


def cell(known: Known) -> str:
    if known.column == "email":
        return "p{n}@example.com"
    if re.fullmatch(r"email_(\d|home|other|label)", known.column):
        return "home" if "label" in known.column else ""
    if known.column == "marketing_status":
        return "Subscribed"
    if known.column == "birthday":
        return "1990-10-{n:02}"
    if known.column == "id":
        return "70{n:03}"
    return CELLS[(known.type or "text").format(n="{n}")] if known.type in CELLS else "word {n}"


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "none"])
@pytest.mark.sweep(keep=2)
def test_an_export_of_each_product(tmp_path: Path, preset: str) -> None:
    """With the headers of the preset that are about people, each column once."""
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for header, known in PRESETS[preset].items():
        if known.column not in seen and not (preset in EVENTS and OF_ORDERS.search(header)):
            seen.add(known.column)
            headers[header] = cell(known)
    made = begun(tmp_path, export(tmp_path, "people.csv", headers))
    assert made.sources["contacts"].preset == preset
    if preset in ("pipedrive", "google_contacts"):
        assert len(made.sources["contacts"].addresses) == 3
    if "marketing_status" in seen or "email_opt_in" in seen or "unsubscribed" in seen:
        assert made.consent is not None
    if {"birthdate", "birthday"} & seen:
        assert "birthday" in made.segments


SHOP = {"Customer ID": "'70{n:03}", "First Name": "Ann", "Last Name": "Bo", "Email": "p{n}@example.com",
        "Accepts Email Marketing": "yes", "Total Spent": "{n}.50", "Total Orders": "{n}", "Tags": ""}  # fmt: skip
ORDERS = {"Name": "#10{n:02}", "Email": "p{n}@example.com", "Paid at": "2026-10-{n:02} 10:00:00 +0100",
          "Total": "{n}.00", "Subtotal": "{n}.00", "Created at": "2026-10-{n:02} 10:00:00 +0100",
          "Lineitem quantity": "1", "Lineitem name": "Sock", "Lineitem price": "1.00"}  # fmt: skip


def test_customers_and_orders_of_a_shop_in_any_order(tmp_path: Path) -> None:
    shop, orders = export(tmp_path, "customers.csv", SHOP), export(tmp_path, "orders_export.csv", ORDERS)
    made = begun(tmp_path, orders, shop)
    assert made.sources["contacts"].file == "customers.csv" and made.sources["contacts"].preset == "shopify"
    assert made.sources["orders"].preset == "shopify" and made.sources["orders"].at == "Created at"
    assert {"repeat_customers", "vip", "at_risk", "engaged"} <= made.segments.keys()


def test_consent_that_is_an_opt_out_and_words(tmp_path: Path) -> None:
    file = export(tmp_path, "p.csv", {"Email": "p{n}@example.com", "First Name": "Ann", "Email Opt Out": "false"})
    assert "when: {email_opt_out: false}" in start([tmp_path / file], tmp_path / "segments.yaml")
    (tmp_path / "w.csv").write_text("Email,Newsletter status\na@example.com,subscribed\nb@example.com,cleaned\n")
    assert "when: {newsletter_status: subscribed}" in start([tmp_path / "w.csv"], tmp_path / "segments.yaml")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"orders.csv": ORDERS}, "no-contacts"),
        ({"a.csv": SHOP, "b.csv": SHOP}, "two-contacts"),
        ({"a.csv": {"Name": "x"}}, "no-email-column"),
        (
            {"a.csv": SHOP, "o.csv": {"order_id": "{n}", "ordered_at": "2026-10-{n:02}", "amount": "1"}},
            "no-email-column",
        ),
    ],
)
def test_what_is_no_export_of_contacts_is_refused(tmp_path: Path, files: dict[str, dict[str, str]], code: str) -> None:
    for name, headers in files.items():
        export(tmp_path, name, headers)
    with pytest.raises(SourceError, match=code):
        start([tmp_path / name for name in files], tmp_path / "segments.yaml")


def test_a_plain_list_of_addresses_gives_one_segment(tmp_path: Path) -> None:
    made = begun(tmp_path, export(tmp_path, "p.csv", {"Email": "p{n}@example.com", "Plan": "paid"}))
    assert list(made.segments) == ["everyone"] and made.consent is None and made.lifecycle == ()


def test_labels_of_google_contacts_and_the_status_of_pipedrive(tmp_path: Path) -> None:
    (tmp_path / "google.csv").write_text(
        "First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,Phone 1 - Value\n"
        "Ann,Bo,Friends ::: * myContacts,Home,ann@example.com,,\nBob,Bo,* myContacts,,,bob@example.com,\n"
    )
    begun(tmp_path, "google.csv")
    file = tmp_path / "segments.yaml"
    file.write_text(file.read_text() + "  friends: {when: {labels: {has: Friends}}}\n")
    assert launcher.sync(tmp_path, "members", "friends").stdout.split() == ["ann@example.com"]
    file.write_text(file.read_text() + "  all: {when: {email: {exists: true}}}\n".replace("all", "all_of_them"))
    assert launcher.sync(tmp_path, "members", "all_of_them").stdout.split() == ["ann@example.com", "bob@example.com"]
    (tmp_path / "people.csv").write_text(
        "Person - ID,Person - Name,Person - Email - Work,Person - Marketing status\n"
        "1,Ann,ann@example.com,Subscribed\n2,Bob,bob@example.com,No consent\n3,Cy,cy@example.com,Unsubscribed\n"
    )
    assert "when: {marketing_status: Subscribed}" in start([tmp_path / "people.csv"], file)


ZOHO = {"Record Id": "zcrm_10{n:02}", "Contact Owner": "Rob", "First Name": "Ann", "Last Name": "Bo",
        "Email": "p{n}@example.com", "Secondary Email": "second{n}@example.com", "Email Opt Out": "false",
        "Created Time": "2026-10-{n:02} 10:00:00", "Modified Time": "2026-11-{n:02} 10:00:00",
        "Date of Birth": "1990-10-{n:02}", "Tag": "press,vip"}  # fmt: skip
ACTIVE = {"Email": "p{n}@example.com", "First Name": "Ann", "Last Name": "Bo", "Phone": "", "Tags": "press,vip",
          "Status": "Active", "Favourite colour": "red"}  # fmt: skip


def test_an_export_of_zoho_and_of_activecampaign(tmp_path: Path) -> None:
    zoho = begun(tmp_path, export(tmp_path, "zoho.csv", ZOHO))
    contacts = zoho.sources["contacts"]
    assert (contacts.preset, contacts.id, contacts.updated_at) == ("zoho", "Record Id", "Modified Time")
    assert zoho.consent is not None and {"new_subscribers", "birthday"} <= zoho.segments.keys()
    (tmp_path / "segments.yaml").unlink()
    name = export(tmp_path, "active.csv", ACTIVE)
    with (tmp_path / name).open("a") as file:
        file.write("q@example.com,Cy,Do,,vip,Unsubscribed,blue\n")
    active = begun(tmp_path, name)
    assert active.sources["contacts"].preset == "activecampaign"
    assert "marketing_status: Active" in (tmp_path / "segments.yaml").read_text()


def test_a_status_that_is_not_of_mail_is_no_consent(tmp_path: Path) -> None:
    assert begun(tmp_path, export(tmp_path, "people.csv", ACTIVE)).consent is None


@pytest.mark.parametrize(
    ("spent", "rule"),
    [("{n}", "at_least: 30"), ("{n}000", "at_least: 30000"), ("40.00", "top: 10%"), ("0.{n}", "top: 10%")],
)
def test_the_best_customers_have_spent_a_round_sum(tmp_path: Path, spent: str, rule: str) -> None:
    name = export(tmp_path, "people.csv", {"Email": "p{n}@example.com", "Total spent": spent}, people=30)
    begun(tmp_path, name)
    assert f"total_spent: {{{rule}}}" in (tmp_path / "segments.yaml").read_text()
