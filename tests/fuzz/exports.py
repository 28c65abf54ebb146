"""Damage to exports: CSV, packed CSV, JSON lines, Parquet and workbooks.

An error for certain: a packed, Parquet or workbook file that is cut off or not one, an empty file, one without the
column of the address, one whose header is not divided by the delimiter, and rubbish. Everything else may leave text
that is legal.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CONTACTS, ORDERS, EVENTS = "contacts-2026-11-20.csv", "orders.csv", "email_events.csv.gz"
RUBBISH = b"\x00\x01\x02\xfe\xff\x7fELF\x00PK\xff"
Change = Callable[[bytes, random.Random], bytes]


def damage(folder: Path, seed: int) -> tuple[str, bool]:
    """Damage one export under `folder`, as decided by `seed`; (what was done, whether it must be an error)."""
    dice = random.Random(seed)
    format_ = dice.choice(("csv", "csv", "orders", "gz", "jsonl", "parquet", "xlsx"))
    path = _prepared(folder, format_)
    certain = dice.random() < 0.5
    changes = _CERTAIN[format_] if certain else _FREE
    change = dice.choice(changes)
    path.write_bytes(change(path.read_bytes(), dice))
    return f"{format_}: {change.__name__.strip('_')}", certain


def _prepared(folder: Path, format_: str) -> Path:
    """The file to damage; the contacts are brought into its format."""
    exports = folder / "exports"
    if format_ in ("orders", "gz"):
        return exports / (ORDERS if format_ == "orders" else EVENTS)
    source = exports / CONTACTS
    if format_ == "csv":
        return source
    rows = list(csv.DictReader(io.StringIO(source.read_text(encoding="utf-8-sig"))))
    source.unlink()
    path = exports / f"contacts-2026-11-20.{format_}"
    if format_ == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif format_ == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        _workbook(path, rows)
    text = (folder / "segments.yaml").read_text(encoding="utf-8")
    (folder / "segments.yaml").write_text(text.replace("contacts-*.csv", f"contacts-*.{format_}"), encoding="utf-8")
    return path


def _workbook(path: Path, rows: list[dict[str, str]]) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    book.save(path)


def _cut_off(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(1, len(content) - 8)]


def _empty(content: bytes, dice: random.Random) -> bytes:
    return b""


def _rubbish(content: bytes, dice: random.Random) -> bytes:
    return RUBBISH + dice.randbytes(dice.randrange(2000))


def _no_address(content: bytes, dice: random.Random) -> bytes:
    return content.replace(b"Email,", b"Mail address,", 1).replace(b"customer_email,", b"who,", 1)


def _no_address_json(content: bytes, dice: random.Random) -> bytes:
    return content.replace(b'"Email":', b'"Mail address":')


def _other_delimiter(content: bytes, dice: random.Random) -> bytes:
    head, _, rest = content.partition(b"\n")
    return head.replace(b",", dice.choice((b"~", b"#", b" / "))) + b"\n" + rest


def _no_header(content: bytes, dice: random.Random) -> bytes:
    return content.partition(b"\n")[2]


def _flipped(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 30)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _zeros(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + b"\0" * dice.randint(1, 64) + content[at:]


def _quotes(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + dice.choice((b'"', b'""', b'"\n', b"\r", b"\n\n", b"'", b"\\", b",,,,")) + content[at:]


def _shortened(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(1, len(content))]


def _repeated(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + content[at : at + 500] * dice.randint(2, 9) + content[at:]


def _other_encoding(content: bytes, dice: random.Random) -> bytes:
    text = content.decode("utf-8-sig", "replace")
    return text.encode(dice.choice(("utf-16", "utf-16-le", "cp1252", "utf-32", "utf-7", "cp037")), "replace")


def _packed_badly(content: bytes, dice: random.Random) -> bytes:
    """Sound outside, damaged inside."""
    inside = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    packed = gzip.compress(_quotes(_flipped(inside, dice), dice))
    return packed if content[:2] == b"\x1f\x8b" else inside


def _wrong_check_sum(content: bytes, dice: random.Random) -> bytes:
    return content[:-8] + bytes(byte ^ 0xFF for byte in content[-8:-4]) + content[-4:]


_FREE: tuple[Change, ...] = (_flipped, _zeros, _quotes, _shortened, _repeated, _other_encoding, _packed_badly)
_CERTAIN: dict[str, tuple[Change, ...]] = {
    "csv": (_empty, _rubbish, _no_address, _other_delimiter, _no_header),
    "orders": (_empty, _rubbish, _no_address, _other_delimiter, _no_header),
    "gz": (_cut_off, _empty, _rubbish, _wrong_check_sum),
    "jsonl": (_empty, _rubbish, _no_address_json),
    "parquet": (_cut_off, _empty, _rubbish),
    "xlsx": (_cut_off, _empty, _rubbish),
}
