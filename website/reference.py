"""The reference pages, made from the code when the site is built; nothing of them is committed.

Owns: one function per page, each giving Markdown. Must not: hold facts of its own, or know MkDocs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import typer

from connector.cli.main import app
from connector.config.language.event_words import EVENTS
from connector.config.language.platform_words import WORDS as PLATFORM_WORDS
from connector.config.language.schema import json_schema
from connector.config.language.traits import MEASURES
from connector.config.language.words import BESIDE
from connector.config.language.words import WORDS as TESTS
from connector.config.sections.advice_codes import ADVICE
from connector.config.sections.codes import CODES
from connector.plan import gate
from connector.plan.guards import rules
from website import platforms

Line = tuple[str, ...]


def pages() -> dict[str, str]:
    """Path below docs/ -> Markdown."""
    return {
        "reference/commands.md": commands(),
        "reference/words.md": words(),
        "reference/codes.md": codes(),
        "reference/platforms.md": platforms.page(table),
        "reference/schema.md": schema(),
    }


def table(titles: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [[*titles]]
    lines += [["---"] * len(lines[0]), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def every_command() -> Iterator[tuple[str, Any]]:
    """("sync push", its command) of all commands, those inside groups too."""
    yield from _inside("sync", typer.main.get_command(app))


def _inside(name: str, group: Any) -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        yield f"{name} {word}", command
        if hasattr(command, "commands"):
            yield from _inside(f"{name} {word}", command)


def commands() -> str:
    known = list(every_command())
    shared = set.intersection(*(set(_records(name, command)) for name, command in known))
    parts = [
        "# Commands\n\nEvery command and option of `--help`. See also [exit codes](codes.md#exit-codes).\n",
        table(
            ("command", "purpose"),
            ((f"[`{name}`](#{name.replace(' ', '-')})", command.get_short_help_str(300)) for name, command in known),
        ),
        "## Options of every command\n",
        table(("option", "meaning"), sorted(_coded(record) for record in shared)),
    ]
    whole = map(_coded, _records("sync", typer.main.get_command(app)))
    parts += ["## Options of sync itself\n", table(("option", "meaning"), whole)]
    parts += [_command(name, command, shared) for name, command in known]
    return "\n".join(parts)


def _records(name: str, command: Any) -> list[Line]:
    """(syntax, help) of each argument and option."""
    with command.context_class(command, info_name=name) as context:
        found = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    return [record for record in found if record]


def _coded(record: Line) -> Line:
    return (f"`{record[0]}`", record[1].replace("<", "&lt;").replace("*", "\\*"))


def _command(name: str, command: Any, shared: set[Line]) -> str:
    text, _, examples = (command.help or "").replace("\b", "").partition("Examples:")
    with command.context_class(command, info_name=name) as context:
        usage = " ".join([name, *command.collect_usage_pieces(context)])
    own = [record for record in _records(name, command) if record not in shared]
    parts = [f"## {name}\n\n{' '.join(text.split())}\n\n```text\n{usage}\n```\n"]
    if own:
        parts.append(table(("option", "meaning"), map(_coded, own)))
    if examples.strip():
        lines = "\n".join(line.strip() for line in examples.strip().splitlines())
        parts.append(f"```sh\n{lines}\n```\n")
    return "\n".join(parts)


def words() -> str:
    tests = ((f"`{w.name}`", ", ".join(w.families), w.operand.text, w.help, f"`{w.example}`") for w in _tests())
    return "\n".join([
        "# Words of conditions\n\nThe tables that the parser, the type check and the JSON Schema use."
        " [Language](../language.md) explains them with examples.\n",
        "## Tests of a column\n", table(("word", "columns", "takes", "true when", "example"), tests),
        "## Tests of events\n",
        table(("word", "meaning", "example"), ((f"`{n}`", w.help, f"`{w.example}`") for n, w in EVENTS.items())),
        "## Measures of traits\n", ", ".join(f"`{name}`" for name in MEASURES) + "\n",
        "## Columns that a platform gives\n",
        table(("column", "type"), ((f"`DESTINATION.{name}`", kind) for name, kind in PLATFORM_WORDS.items())),
    ])  # fmt: skip


def _tests() -> Iterator[Any]:
    return iter({**TESTS, **BESIDE}.values())


def codes() -> str:
    ends = re.findall(r"(\d+) ([^,.]+)", typer.main.get_command(app).epilog or "")
    return "\n".join([
        "# Codes\n\n[Errors and advice](../errors.md) says what to do about each of them.\n",
        "## Exit codes\n", table(("code", "meaning"), ends),
        "## Errors in segments.yaml\n", table(("code", "meaning"), ((f"`{c}`", text) for c, text in CODES.items())),
        "## Advice of sync check\n", table(("code", "meaning"), ((f"`{c}`", text) for c, text in ADVICE.items())),
        "## Why a change is blocked\n",
        table(("reason", "meaning"), ((f"`{c}`", gate.words(c, "").strip()) for c in gate.REASONS)),
        "## Guards\n\n[Safety](../safety.md#guards) explains each of them. `sync push --allow NAME --reason TEXT`"
        " overrides one for one run.\n",
        ", ".join(f"`{name}`" for name in rules.NAMES) + "\n",
    ])  # fmt: skip


def schema() -> str:
    """Every key of segments.yaml, section by section, and the whole document."""
    whole = json_schema()
    parts = [
        "# JSON Schema of segments.yaml\n\n`sync schema` prints this document, and with `--for segments.yaml` one that"
        " also completes your own columns and segments. Other documents that commands print: [JSON of the"
        " commands](../json.md) and [plan as JSON](../plan-json.md).\n"
    ]
    for name, shape in {**whole["properties"], **whole["$defs"]}.items():
        rows = list(_keys(shape))
        if rows:
            parts += [f"## {name}\n\n{shape.get('description', '')}\n", table(("key", "type", "required"), rows)]
    parts += ["## The whole document\n", f"```json\n{json.dumps(whole, indent=1, ensure_ascii=False)}\n```\n"]
    return "\n".join(parts)


def _keys(shape: Any, inside: str = "") -> Iterator[Line]:
    """(key, type, required) of an object; of a mapping of names, those of its values; of alternatives, of each."""
    for name, value in shape.get("properties", {}).items():
        needed = "yes" if name in shape.get("required", ()) else ""
        yield (f"`{inside}{name}`", _kind(value), needed)
        yield from _keys(value, f"{inside}{name}.")
    values = shape.get("additionalProperties")
    for each in (values or {}).get("anyOf", [values]) if isinstance(values, dict) else ():
        fixed = each.get("properties", {}).get("platform", {}).get("const", "NAME")
        yield from _keys(each, f"{inside}{fixed}.")


def _kind(shape: Any) -> str:
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return f"{name}"
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_kind(each) for each in shape["anyOf"]))
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}))}"
    kind = shape.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else kind
