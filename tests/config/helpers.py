"""Small files for the tests of config: a whole one with one part replaced, and a mark where a problem is expected."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from connector.config.load import load_text
from connector.config.sections.models import Config
from connector.core.errors import ConfigError

MARK = "▸"  # stands right before the character that a problem must point at

SECTIONS = {
    "version": "version: 1\n",
    "timezone": "timezone: Europe/Berlin\n",
    "sources": """\
sources:
  contacts: {file: contacts.csv, email: Email}
  orders: {file: orders.csv, join: {customer_email: email}, at: ordered_at}
  visits: {file: visits.csv, join: {email: email}}
""",
    "traits": "traits:\n  spent: {sum: orders.amount}\n",
    "destinations": """\
destinations:
  mail: {platform: mailchimp, api_key: "${MAIL_KEY}", audience: News}
  klav: {platform: klaviyo, api_key: "${KLAV_KEY}"}
  hub: {platform: hubspot, access_token: "${HUB_TOKEN}"}
""",
    "segments": "segments:\n  vip:\n    when: {spent: {at_least: 1000}}\n",
}


def file_with(**parts: str) -> str:
    """The small file with these sections replaced or added; an empty one is left out."""
    sections = {**SECTIONS, **{name: dedent(text) for name, text in parts.items()}}
    return "".join(text if text.endswith("\n") or not text else text + "\n" for text in sections.values())


def file_when(condition: str) -> str:
    """The small file whose segment has this condition, given as the YAML after `when:`."""
    return file_with(segments=f"segments:\n  vip:\n    when:\n{indent(dedent(condition), '      ')}\n")


def load(text: str) -> Config:
    return load_text(text, Path("segments.yaml"))


def found(text: str) -> list[tuple[int, int, str]]:
    """(line, column, code) of every problem; none when the file is good."""
    try:
        load(text)
    except ConfigError as error:
        return [(problem.place.line, problem.place.column, problem.code) for problem in error.problems]
    return []


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without marks, and the places that were marked."""
    places: list[tuple[int, int]] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        while MARK in line:
            places.append((number, line.index(MARK) + 1))
            line = line.replace(MARK, "", 1)
        lines[number - 1] = line
    return "\n".join(lines), places


def assert_problem(text: str, *codes: str) -> None:
    """Exactly the marked places have problems, with these codes in the file's order."""
    clean, places = marked(text)
    expected = [(line, column, code) for (line, column), code in zip(places, codes, strict=True)]
    assert found(clean) == expected, f"found {found(clean)}, expected {expected} in\n{clean[:3000]}"
