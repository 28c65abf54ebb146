"""Files, ages, headers, presets: what is known before a row is read."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.config.language.rules import Duration
from connector.core.errors import SourceError
from connector.sources.columns.catalog import catalog, numbered
from connector.sources.columns.model import SourceInfo
from connector.sources.files.discover import fingerprint
from connector.sources.text import snake
from tests.sources.kit import AS_OF, column, config, loaded, rows, write


def _catalog(folder: Path, as_of: datetime = AS_OF, zone: str = "UTC", **sources: Any) -> dict[str, SourceInfo]:
    return dict(catalog(config(folder, zone, **sources), as_of))


def _contacts(folder: Path, as_of: datetime = AS_OF, zone: str = "UTC", **settings: Any) -> SourceInfo:
    return _catalog(folder, as_of, zone, contacts={"file": "c*.csv", "email": "email", **settings})["contacts"]


def _problem(folder: Path, **settings: Any) -> tuple[str, str]:
    with pytest.raises(SourceError) as caught:
        _contacts(folder, **settings)
    (problem,) = caught.value.problems
    return problem.code, problem.message


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Lifecycle Stage", "lifecycle_stage"), ("  Country/Region ", "country_region"), ("FirstName", "first_name"),
        ("MEMBER_RATING", "member_rating"), ("customerID", "customer_id"), ("HTMLMail", "html_mail"),
        ("Größe (cm)", "größe_cm"), ("Email", "email"), ("100%", "100"), ("€", ""),
    ],
)  # fmt: skip
def test_snake_case(header: str, name: str) -> None:
    assert snake(header) == name


def test_headers_become_columns(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "Lifecycle Stage,Email, LTV ,email,,Notes\n")
    info = _contacts(tmp_path, email="Email")
    assert list(info.columns) == ["email", "lifecycle_stage", "ltv", "email_2", "column_5", "notes"]
    spellings = ("lifecycle stage", "LIFECYCLE_STAGE", " Lifecycle Stage ", "ltv", "LTV", "EMAIL", "Email (2)", "nope")
    assert [info.resolve(text) for text in spellings] == [
        "lifecycle_stage", "lifecycle_stage", "lifecycle_stage", "ltv", "ltv", "email", "email_2", None,
    ]  # fmt: skip


def test_numbered() -> None:
    assert numbered(["a", "A ", "", "b", ""]) == ("a", "A  (2)", "Column 3", "b", "Column 5")


def test_settings_name_headers(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "E-mail Address,Customer No,Changed\n")
    info = _contacts(tmp_path, email="e-mail address", id="customer_no", updated_at="Changed")
    assert list(info.columns) == ["email", "id", "updated_at"]
    assert info.resolve("E-Mail Address") == "email" and info.resolve("customer_no") == "id"
    assert info.resolve("changed") == "updated_at"


def test_declared_columns_rename_and_correct(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,Company size,Tags,lat,lon\n")
    declared = {
        "size": {"from_": "company size", "type": "integer"},
        "tags": {"type": "list", "separator": "|"},
        "home": {"from_": ("lat", "lon")},
    }
    info = _contacts(tmp_path, columns=declared)
    assert {name: (found.headers, found.type) for name, found in info.columns.items()} == {
        "size": (("Company size",), "integer"), "tags": (("Tags",), "list"), "home": (("lat", "lon"), "place"),
        "email": (("email",), None), "lat": (("lat",), None), "lon": (("lon",), None),
    }  # fmt: skip
    assert info.resolve("Company Size") == "size"


@pytest.mark.parametrize(
    ("settings", "code", "part"),
    [
        ({"email": "e-mail"}, "column-missing", 'Did you mean "email"?'),
        ({"updated_at": "changed"}, "column-missing", "changed"),
        ({"columns": {"x": {"from_": "Nope"}}}, "column-missing", "Nope"),
        ({"columns": {"x": {"type": "integer"}}}, "column-missing", '"x"'),
        ({"file": "d.csv"}, "file-missing", 'Did you mean "c.csv"?'),
        ({"file": "x/*.csv"}, "file-missing", "no file matches x/*.csv"),
        ({"file": "."}, "file-missing", "folder"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, settings: dict[str, Any], code: str, part: str) -> None:
    write(tmp_path, "c.csv", "email,name\n")
    found = _problem(tmp_path, **settings)
    assert found[0] == code and part in found[1]


def test_all_sources_are_checked_at_once(tmp_path: Path) -> None:
    write(tmp_path, "o.csv", "who,when\n")
    with pytest.raises(SourceError) as caught:
        _catalog(tmp_path, contacts={"file": "c.csv", "email": "email"}, orders={"file": "x.csv"})
    assert len(caught.value.problems) == 2
    write(tmp_path, "c.csv", "email\n")
    orders = {"file": "o.csv", "join": ("buyer", "id"), "at": "date"}
    with pytest.raises(SourceError) as caught:
        _catalog(tmp_path, contacts={"file": "c.csv", "email": "email"}, orders=orders)
    assert [problem.code for problem in caught.value.problems] == ["column-missing"] * 3


def test_pick_newest(tmp_path: Path) -> None:
    old, new = AS_OF - timedelta(days=9), AS_OF - timedelta(days=1)
    write(tmp_path, "c-2026-11-02.csv", "email\n", old)
    write(tmp_path, "c-2026-11-01.csv", "email\n", new)
    assert [file.name for file in _contacts(tmp_path, pick="newest").files] == ["c-2026-11-02.csv"]
    write(tmp_path, "c-final.csv", "email\n", old)  # not every name has a date: by file time
    assert [file.name for file in _contacts(tmp_path, pick="newest").files] == ["c-2026-11-01.csv"]
    assert len(_contacts(tmp_path).files) == 3


@pytest.mark.parametrize(
    ("name", "age", "fresh"),
    [
        ("c-2026-11-21.csv", Duration(36, "hour"), True),
        ("c-20261120.csv", Duration(36, "hour"), True),
        ("c-2026-11-19.csv", Duration(36, "hour"), False),
        ("c_2026-11-20T23-30-00.csv", Duration(12, "hour"), False),
        ("c_2026-11-20T23-30-00.csv", Duration(13, "hour"), True),
        ("c-2026-11-19.csv", Duration(2, "day"), True),
        ("c-2026-11-18.csv", Duration(2, "day"), False),
        ("c-2026-10-21.csv", Duration(1, "month"), True),
        ("c-2026-10-20.csv", Duration(1, "month"), False),
    ],
)
def test_max_age(tmp_path: Path, name: str, age: Duration, fresh: bool) -> None:
    write(tmp_path, name, "email\n", AS_OF - timedelta(days=99))
    if fresh:
        assert _contacts(tmp_path, max_age=age).files
    else:
        assert _problem(tmp_path, max_age=age)[0] == "stale"


def test_max_age_by_file_time(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email\n", AS_OF - timedelta(hours=30))
    assert _contacts(tmp_path, max_age=Duration(31, "hour"))
    assert _problem(tmp_path, max_age=Duration(29, "hour"))[0] == "stale"


def test_fingerprint_tells_content_not_time(tmp_path: Path) -> None:
    file = write(tmp_path, "c.csv", "email\na@example.com\n")
    before = fingerprint([file])
    os.utime(file, (1, 1))
    assert fingerprint([file]) == before
    write(tmp_path, "c.csv", "email\nb@example.com\n")
    assert fingerprint([file]) != before


SAMPLES: dict[str, tuple[str, dict[str, Any], str]] = {
    "hubspot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,Country/Region,Create Date,"
        "Last Modified Date,Last marketing email click date,Unsubscribed from all email,Tags\n"
        "101,Ada,Love,Ada@example.com,+1 (415) 555-2671,Customer,United States,2024-03-12 09:14,"
        "2026-11-01 10:00,,No,a;b\n",
        {"id": 101, "first_name": "Ada", "phone": "+14155552671", "country": "US", "tags": ["a", "b"],
         "created_at": datetime(2024, 3, 12, 9, 14), "last_click_at": None, "unsubscribed": False},
        "Email",
    ),
    "salesforce": (
        "Contact ID,First Name,Last Name,Email,Mailing Country,Mailing Zip/Postal Code,Created Date,Email Opt Out\n"
        '"003A","Ada","Love","ada@example.com","Germany","01067","3/15/2024","0"\n'
        "Report Name: Contacts\nCopyright\n",
        {"id": "003A", "country": "DE", "postal_code": "01067", "created_at": datetime(2024, 3, 15),
         "unsubscribed": False},
        "Email",
    ),
    "klaviyo": (
        "Email,Klaviyo ID,First Name,Country,Email Marketing Consent,Profile Created On,Last Open\n"
        "ada@example.com,01H,Ada,Canada,SUBSCRIBED,2024-01-15 10:30:00+00:00,2026-01-01T00:00:00Z\n"
        "bob@example.com,01J,Bob,CA,NEVER_SUBSCRIBED,2024-01-15 10:30:00+00:00,\n",
        {"id": "01H", "country": "CA", "email_opt_in": True, "created_at": datetime(2024, 1, 15, 10, 30)},
        "Email",
    ),
    "mailchimp": (
        '"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,CC,LAST_CHANGED,LEID,EUID,TAGS\n'
        'ada@example.com,Ada,3,,"2023-06-25 18:38:27",US,"2026-01-02 03:04:05",12,c2cb,"""VIP"",""Blog, old"""\n',
        {"member_rating": 3, "opted_in_at": datetime(2023, 6, 25, 18, 38, 27), "country": "US", "id": "c2cb",
         "tags": ["VIP", "Blog, old"]},
        "Email Address",
    ),
    "shopify": (
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Country Code,"
        "Default Address Zip,Phone,Total Spent,Total Orders,Tags\n"
        "'7001,Ada,Love,ada@example.com,yes,DE,'01067,'+49301234567,120.50,3,\"vip, horeca\"\n",
        {"id": "7001", "email_opt_in": True, "postal_code": "01067", "phone": "+49301234567", "country": "DE",
         "total_spent": Decimal("120.5"), "orders_count": 3, "tags": ["vip", "horeca"]},
        "Email",
    ),
}  # fmt: skip


@pytest.mark.parametrize("preset", SAMPLES)
def test_presets(tmp_path: Path, preset: str) -> None:
    text, expected, email = SAMPLES[preset]
    write(tmp_path, "c.csv", text)
    found = loaded(tmp_path, contacts={"file": "c.csv", "email": email, "preset": preset})
    first = rows(found)[0]
    assert first["email"] == "ada@example.com"
    assert {name: first[name] for name in expected} == expected
    assert found.quarantine.num_rows == 0
    assert not [finding for finding in found.findings if finding.code == "not-of-type"]


def test_preset_columns_keep_their_headers_as_aliases(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "Email,Accepts Email Marketing\n")
    info = _contacts(tmp_path, email="Email", preset="shopify")
    assert info.resolve("accepts_email_marketing") == info.resolve("Accepts email marketing") == "email_opt_in"


def test_declared_type_wins_over_the_preset(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "Email,Tags\nada@example.com,a|b\n")
    declared = {"tags": {"type": "text"}}
    found = loaded(tmp_path, contacts={"file": "c.csv", "email": "Email", "preset": "hubspot", "columns": declared})
    assert column(found, "tags") == ["a|b"]


def test_a_source_has_a_time_zone_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,seen\na@example.com,2026-07-01 12:00\n")
    found = loaded(tmp_path, contacts={"file": "c.csv", "email": "email", "timezone": "Asia/Tokyo"}, timezone="UTC")
    assert column(found, "seen") == [datetime(2026, 7, 1, 3)]


def test_names_with_signs_of_sql(tmp_path: Path) -> None:
    write(tmp_path, "it's; --.csv", 'email,"a""b\'c",x;y,select\na@example.com,1,2,3\n')
    found = loaded(tmp_path, contacts={"file": "it's; --.csv", "email": "email"})
    assert rows(found) == [{"email": "a@example.com", "a_b_c": 1, "x_y": 2, "select": 3}]


def test_as_of_and_dates(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,born\na@example.com,1990-02-28\n")
    found = loaded(tmp_path, as_of=datetime(1980, 1, 1, tzinfo=UTC), contacts={"file": "c.csv", "email": "email"})
    assert column(found, "born") == [date(1990, 2, 28)]


def test_a_file_without_a_header_is_told_without_naming_people(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "ada@example.com,Ada\nbob@example.com,Bob\n")
    code, message = _problem(tmp_path)
    assert code == "no-header" and "ada" not in message
