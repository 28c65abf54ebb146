"""Damage to values of exports: what people, spreadsheets and shops do to cells and rows. The syntax stays sound.

A value that could be right is no damage that anybody can see, and none here: another number or day, a blank where
blanks are usual, another word of a free column, an event that is missing.

Owns: the kinds of damage. Must not: judge what came of them (values.py).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

Row = list[str]
CONTACTS, ORDERS, CLICKS = "contacts.csv", "orders-2026-10.csv", "clicks-1.csv"


@dataclass
class Desk:
    """The exports in memory: file -> rows of cells, the header first. `touched`: (file, line) of what was damaged."""

    files: dict[str, list[Row]]
    touched: set[tuple[str, int]] = field(default_factory=set)
    all: bool = False  # the damage is of whole columns or of a file: a finding about the file covers it
    encoding: str = "utf-8"

    def column(self, file: str, header: str) -> int:
        return self.files[file][0].index(header)

    def some(self, file: str, dice: random.Random, most: int = 3) -> list[int]:
        rows = range(1, len(self.files[file]))
        return sorted(dice.sample(rows, dice.randint(1, most)))

    def cells(self, file: str, header: str, dice: random.Random, change: Callable[[str], str], most: int = 3) -> None:
        """Change some filled cells of a column."""
        at = self.column(file, header)
        filled = [row for row in range(1, len(self.files[file])) if self.files[file][row][at]]
        for row in dice.sample(filled, dice.randint(1, most)):
            self.files[file][row][at] = change(self.files[file][row][at])
            self.touched.add((file, row + 1))

    def events(self, contact: Row) -> set[tuple[str, int]]:
        """(file, line) of the events of a contact, which tell when nobody finds it."""
        return {
            (file, line)
            for file, rows in self.files.items()
            for line, row in enumerate(rows, start=1)
            if file != CONTACTS and (contact[0] in row or contact[1] in row)
        }

    def insert(self, file: str, at: int, row: Row) -> None:
        self.files[file].insert(at, row)
        self.touched = {(name, line + (name == file and line > at)) for name, line in self.touched}
        self.touched.add((file, at + 1))


Kind = Callable[[Desk, random.Random], None]
NUMBERS = ((CONTACTS, "Spent"), (ORDERS, "Total"))
DATES = ((CONTACTS, "Signed up"), (ORDERS, "Placed at"))
WORDS = ((CONTACTS, "Email"), (CONTACTS, "Country"), (CONTACTS, "Opt-in"), (CLICKS, "Email"))
JUNK = ("n.a.", "unknown", "#REF!", "?", "tbd", "ca. 12", "12 or 13", "#DIV/0!", "none yet")


def no_number(desk: Desk, dice: random.Random) -> None:
    desk.cells(*dice.choice(NUMBERS), dice, lambda _old: dice.choice(JUNK))


def decimal_comma(desk: Desk, dice: random.Random) -> None:
    desk.cells(*dice.choice(NUMBERS), dice, lambda old: f"{float(old):.2f}".replace(".", ","))


def grouped(desk: Desk, dice: random.Random) -> None:
    desk.cells(*dice.choice(NUMBERS), dice, lambda old: f"{float(old):,.2f}")


def currency(desk: Desk, dice: random.Random) -> None:
    sign = dice.choice(("€", "US$ ", "R$ ", "kr ", "EUR ", "zł ", "£"))
    desk.cells(*dice.choice(NUMBERS), dice, lambda old: sign + old)


def accounting(desk: Desk, dice: random.Random) -> None:
    form = dice.choice(("({})", "{}-", "{}k", "{} %"))
    desk.cells(*dice.choice(NUMBERS), dice, form.format)


def shifted(desk: Desk, dice: random.Random) -> None:
    """An unquoted comma: all cells behind it moved by one."""
    file = dice.choice((CONTACTS, ORDERS))
    for row in desk.some(file, dice, 2):
        cells = desk.files[file][row]
        cells.insert(dice.randrange(2, len(cells)), "")
        desk.touched.add((file, row + 1))


def other_order(desk: Desk, dice: random.Random) -> None:
    form = dice.choice(("{2}/{1}/{0}", "{1}/{2}/{0}", "{2}.{1}.{0}", "{2}.{1}.{y}", "{1}/{2}/{y}", "{y}{1}{2}"))
    desk.cells(*dice.choice(DATES), dice, lambda old: _day(old, form))


def all_other_order(desk: Desk, dice: random.Random) -> None:
    file, header = dice.choice(DATES)
    form = dice.choice(("{2}/{1}/{0}", "{1}/{2}/{0}"))
    at = desk.column(file, header)
    for row in desk.files[file][1:]:
        row[at] = _day(row[at], form) if row[at] else ""
    desk.all = True


def _day(old: str, form: str) -> str:
    year, month, day = old[:10].split("-")
    return form.format(year, month, day, y=year[2:]) + old[10:]


def no_day(desk: Desk, dice: random.Random) -> None:
    words = ("0000-00-00", "2026-02-30", "yesterday", "#VALUE!", "46346", "1763251200", "Nov 2026", "########")
    desk.cells(*dice.choice(DATES), dice, lambda _old: dice.choice(words))


def future(desk: Desk, dice: random.Random) -> None:
    desk.cells(ORDERS, "Placed at", dice, lambda old: "2062" + old[4:])


def shortened_key(desk: Desk, dice: random.Random) -> None:
    _key(desk, dice, lambda old: f"{int(old):.2E}")


def float_key(desk: Desk, dice: random.Random) -> None:
    form = dice.choice(("{}.0", '="{}"', "'{}", " {} ", "{}\u00a0", "0{}", "#{}", "{:,}"))
    _key(desk, dice, lambda old: form.format(int(old) if ":," in form else old))


def wrong_key(desk: Desk, dice: random.Random) -> None:
    word = dice.choice(("", "0", "guest", "#N/A", "70012399999"))
    _key(desk, dice, lambda _old: word)


def _key(desk: Desk, dice: random.Random, change: Callable[[str], str]) -> None:
    file = dice.choice((CONTACTS, ORDERS))
    before = [list(row) for row in desk.files[file]]
    desk.cells(file, "Customer id", dice, change)
    for row, now in zip(before, desk.files[CONTACTS], strict=False):
        if file == CONTACTS and row != now:
            desk.touched |= desk.events(row)


def shared_key(desk: Desk, dice: random.Random) -> None:
    at, rows = desk.column(CONTACTS, "Customer id"), desk.files[CONTACTS]
    one, other = dice.sample(range(1, len(rows)), 2)
    rows[one][at] = rows[other][at]
    desk.touched |= {(CONTACTS, one + 1), (CONTACTS, other + 1)}


def consent(desk: Desk, dice: random.Random) -> None:
    word = dice.choice(("opted out", "?", "maybe", "see note", "unsubscribed", "2", "x"))
    desk.cells(CONTACTS, "Opt-in", dice, lambda _old: word)


def blank_consent(desk: Desk, dice: random.Random) -> None:
    desk.cells(CONTACTS, "Opt-in", dice, lambda _old: dice.choice(("", " ", "-", "n/a")))


def contradiction(desk: Desk, dice: random.Random) -> None:
    at = desk.column(CONTACTS, "Opt-in")
    for row in desk.some(CONTACTS, dice):
        copy = list(desk.files[CONTACTS][row])
        copy[at] = "no" if copy[at] == "yes" else "yes"
        desk.touched.add((CONTACTS, row + 1))
        desk.insert(CONTACTS, dice.randint(row + 1, len(desk.files[CONTACTS])), copy)


def header_again(desk: Desk, dice: random.Random) -> None:
    file = dice.choice(list(desk.files))
    desk.insert(file, dice.randint(1, len(desk.files[file])), list(desk.files[file][0]))


def footer(desk: Desk, dice: random.Random) -> None:
    file = dice.choice(list(desk.files))
    words = dice.choice(
        (["Total", "60"], ["Generated by the shop on 2026-11-20"], ["", "", "Sum", "1234.50"], ["60 rows"])
    )
    width = len(desk.files[file][0])
    row = (words + [""] * width)[:width] if dice.random() < 0.5 else words[:width]
    desk.insert(file, len(desk.files[file]), row)


def repeated_rows(desk: Desk, dice: random.Random) -> None:
    """The same rows once more at the end of the file."""
    file = dice.choice(list(desk.files))
    for row in desk.some(file, dice):
        desk.insert(file, len(desk.files[file]), list(desk.files[file][row]))
        desk.touched.add((file, row + 1))


def overlap(desk: Desk, dice: random.Random) -> None:
    """Rows of one monthly file in the next one, too."""
    one, other = dice.choice(((ORDERS, "orders-2026-11.csv"), (CLICKS, "clicks-2.csv")))
    for row in desk.some(one, dice):
        desk.insert(other, 1, list(desk.files[one][row]))
        desk.touched.add((one, row + 1))


def lost_contact(desk: Desk, dice: random.Random) -> None:
    """The row of a contact with events is gone. Only those tell."""
    contacts = desk.files[CONTACTS]
    row = dice.choice([row for row in range(1, len(contacts)) if desk.events(contacts[row])])
    desk.touched |= desk.events(contacts.pop(row))


def blanks(desk: Desk, dice: random.Random) -> None:
    file, header = dice.choice((*NUMBERS, *DATES, *WORDS, (CONTACTS, "Tags")))
    form = dice.choice((" {} ", "\u00a0{}", "{}\u200b", "\ufeff{}", "{}\t", "\u2007{}\u202f"))
    desk.cells(file, header, dice, form.format)


def address(desk: Desk, dice: random.Random) -> None:
    form = dice.choice(("Ada Byron <{}>", "{} (work)", "mailto:{}", "{};", "{} | {}", "a {}", "<{}>", "“{}”", "{},",
                        "{}; other@example.com", "{}|", "ada|{}", "Byron, Ada <{}>"))  # fmt: skip
    file = dice.choice((CONTACTS, CLICKS))
    desk.cells(file, "Email", dice, lambda old: form.format(old, old))


def no_address(desk: Desk, dice: random.Random) -> None:
    form = dice.choice(("", "none", "{}@", "@{}", "n/a"))
    file = dice.choice((CONTACTS, CLICKS))
    desk.cells(file, "Email", dice, lambda old: form.format(old.partition("@")[0]))


def upper(desk: Desk, dice: random.Random) -> None:
    desk.cells(
        *dice.choice((*WORDS, (CONTACTS, "City"), (ORDERS, "Status"))), dice, dice.choice((str.upper, str.title))
    )


def country(desk: Desk, dice: random.Random) -> None:
    words = ("Deutschlnd", "Republik", "??", "N.A.", "EU", "Europe", "D E", "49")
    desk.cells(CONTACTS, "Country", dice, lambda _old: dice.choice(words))


def tags(desk: Desk, dice: random.Random) -> None:
    sign = dice.choice((", ", "|", "; ", "/", "\u037e"))
    desk.cells(CONTACTS, "Tags", dice, lambda old: old.replace(";", sign))


def twice_encoded(desk: Desk, dice: random.Random) -> None:
    desk.cells(CONTACTS, "City", dice, lambda _old: "Zürich".encode().decode("cp1252"))


def other_encoding(desk: Desk, dice: random.Random) -> None:
    desk.encoding, desk.all = dice.choice(("mac-roman", "cp1250", "cp1252", "latin-1", "utf-16")), True


def replaced_letters(desk: Desk, dice: random.Random) -> None:
    word = dice.choice(("Z?rich", "Z\ufffdrich"))
    desk.cells(CONTACTS, "City", dice, lambda _old: word)


def two_currencies(desk: Desk, dice: random.Random) -> None:
    at = desk.column(ORDERS, "Total")
    for row in desk.files[ORDERS][1:]:
        row[at] = "€" + row[at]
    desk.cells(ORDERS, "Total", dice, lambda old: dice.choice(("$", "US$ ")) + old[1:])


KINDS: tuple[Kind, ...] = (
    no_number, decimal_comma, grouped, currency, accounting, shifted, other_order, all_other_order, no_day, future,
    shortened_key, float_key, wrong_key, shared_key, consent, blank_consent, contradiction, header_again, footer,
    repeated_rows, overlap, lost_contact, blanks, address, no_address, upper, country, tags, twice_encoded,
    other_encoding, replaced_letters, two_currencies,
)  # fmt: skip


def damage(desk: Desk, seed: int) -> str:
    """One damage, decided by `seed` alone; its name. Seeds go round the kinds, so that a few meet all."""
    kind = KINDS[seed % len(KINDS)]
    kind(desk, random.Random(seed))
    return re.sub("_", " ", kind.__name__)
