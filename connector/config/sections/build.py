"""The document -> Config, section by section.

Owns: the sections of the file, and what of each is read by pydantic and what by the grammar of conditions.
Must not: read YAML, or check what spans sections (checks.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from connector.config.language.conditions import condition
from connector.config.language.rules import Loc, Trait
from connector.config.language.scope import CONTACTS, Scope
from connector.config.language.shapes import known_segment
from connector.config.language.traits import trait
from connector.config.language.values import kind
from connector.config.sections import aims, checks, destinations, engines, policies, rule_tests
from connector.config.sections.belongs import stray
from connector.config.sections.cases import Case
from connector.config.sections.collector import Collector
from connector.config.sections.fields import is_secret, keys
from connector.config.sections.measure import Experiment
from connector.config.sections.models import NONE_NEEDED, Config, Consent, Guards, Segment, Source
from connector.config.sections.platforms import offered
from connector.config.sections.quotable import allow, leaves
from connector.config.sections.validate import validate
from connector.config.yaml.nodes import Document
from connector.vendors import OWN

_ELSEWHERE = (
    *("version", "sources", "traits", "consent", "destinations", "segments", "priorities", "lifecycle", "tests"),
    "experiments",
)
_REQUIRED = ("version", "sources", "segments")


def build(document: Document, path: Path, problems: Collector) -> Config:
    """The whole Config. Raises ConfigError with every problem."""
    allow(document)
    if not isinstance(document.data, dict):
        problems.add((), "wrong-type", f"The file is a mapping of sections, not {kind(document.data)}.")
        problems.finish()
    _nothing_and_secrets(document, problems)
    config = _File(document, path, problems).config()
    problems.finish()
    assert config is not None  # finish() raises when anything was reported
    config._places, config._values = document.keys, document.values
    return config


def _nothing_and_secrets(document: Document, problems: Collector) -> None:
    """Keys with nothing after them, and ${NAME} where nobody would read it. An empty section is one left out."""
    for key in [key for key, value in document.data.items() if value is None and key not in _REQUIRED]:
        del document.data[key]
    for loc, value in leaves(document.data):
        if value is None:
            problems.add(loc, "empty-value", "Nothing stands here. Write a value, or delete the key.")
            document.damaged.add(loc)
        elif is_secret(value) and not _may_be_secret(loc, document.data):
            names = " and ".join(dict.fromkeys(vendor.secret for vendor in OWN.values()))
            text = f"Only {names} of a destination read ${{NAME}}; write the value itself."
            problems.add(loc, "misplaced-secret", text)


def _may_be_secret(loc: Loc, data: dict[str, Any]) -> bool:
    """In a key of a destination; a section that does not exist has a problem of its own."""
    if loc[0] not in keys(Config) or loc[:2] == ("notify", "to"):
        return True
    if loc[0] != "destinations" or len(loc) != 3:
        return False
    written = data["destinations"][loc[1]]
    vendor = offered(written.get("platform")) if isinstance(written, dict) else None
    return loc[2] in {each.secret for each in (*OWN.values(), vendor) if each}


class _File:
    """One file on its way to a Config."""

    def __init__(self, document: Document, path: Path, problems: Collector) -> None:
        self._data: dict[str, Any] = document.data
        self._path = path
        self._problems = problems
        sources = self._mapping("sources")
        times = {name: _time(source) for name, source in sources.items() if name != CONTACTS}
        complete = isinstance(self._data.get("sources"), dict)
        self._scope = Scope(problems, times, self._mapping("segments").keys(), complete=complete)

    def config(self) -> Config | None:
        self._required()
        sources, traits = self._each("sources", self._source), self._each("traits", self._trait)
        segments, consent = self._each("segments", self._segment), self._consent()
        guards = self._guards()
        accounts = self._each(
            "destinations", lambda name, value, loc: destinations.destination(name, value, loc, self._problems, guards)
        )
        priorities = self._priorities()
        experiments = self._each("experiments", self._experiment)
        checks.names(self._data, self._problems)
        checks.cycles(traits, segments, self._problems)
        checks.former_names(segments, self._problems)
        written = policies.read(self._data, self._accounts(), self._scope)
        checks.targets(written, accounts, segments, self._problems)
        checks.stage_targets(written, accounts, self._problems)
        checks.consent(accounts, consent, "consent" in self._data, self._problems)
        given = {
            "path": self._path,
            "sources": sources,
            "traits": traits,
            "consent": consent,
            "destinations": accounts,
            "segments": segments,
            "priorities": priorities,
            "experiments": experiments,
            "lifecycle": tuple(one.section for one in written if one.section is not None),
            "tests": self._tests(),
        }
        config = validate(Config, self._data, (), self._problems, given=given, elsewhere=_ELSEWHERE)
        if config is not None:
            aims.check(sources, segments, config.measure, experiments, self._problems)
            engines.check(config, self._problems)
            checks.actions(config, written, self._problems)
        return config

    def _required(self) -> None:
        for key in _REQUIRED:
            if key not in self._data:
                example = " Write `version: 1` at the top." if key == "version" else ""
                self._problems.add_key((), "missing-key", f"`{key}` is missing.{example}")
        version = self._data.get("version", 1)
        if version is not None and (isinstance(version, bool) or version != 1):
            self._problems.add(("version",), "version", "This connector reads version 1 of the language.")
        if CONTACTS not in self._mapping("sources") and "sources" in self._data:
            text = "The source `contacts`, one row per person, is missing."
            self._problems.add_key(("sources",), "missing-key", text)
        if "segments" in self._data and self._data["segments"] == {}:
            self._problems.add(("segments",), "empty", "There is no segment yet; add one.")

    def _mapping(self, key: str) -> dict[str, Any]:
        """A section that is a mapping of names; a wrong one is reported by _each."""
        value = self._data.get(key)
        return value if isinstance(value, dict) else {}

    def _each(self, key: str, read: Callable[[str, Any, Loc], Any]) -> dict[str, Any]:
        """Every entry of a section that can be read."""
        if key in self._data and not isinstance(self._data[key], dict):
            text = f"`{key}` is a mapping of names, not {kind(self._data[key])}."
            self._problems.add((key,), "wrong-type", text)
        found = {
            name: read(name, value, (key, name))
            for name, value in self._mapping(key).items()
            if not self._stray(key, name, value)
        }
        return {name: value for name, value in found.items() if value is not None}

    def _stray(self, section: str, name: str, value: Any) -> bool:
        """A key of an entry that is indented like an entry."""
        found = stray(section, name, value)
        if found:
            self._problems.add_unknown((section, name), ())
        return found

    def _source(self, name: str, value: Any, loc: Loc) -> Source | None:
        people = name == CONTACTS
        other = {"join": None, "at": None} if people else {"email": None, "emails": None, "updated_at": None}
        need = "email" if people else "join"
        found = validate(Source, value, loc, self._problems, given={"name": name, **other})
        if isinstance(value, dict) and need not in value:
            self._problems.add_missing(loc, need, f"`{need}` is missing here.")
        if isinstance(value, dict) and "file" not in value and "table" not in value:
            text = "`file` is missing here (or `table`, of another `engine`)."
            self._problems.add_missing(loc, "file", text)
        if found is not None:
            checks.columns(found, loc, self._problems)
        return found

    def _trait(self, name: str, value: Any, loc: Loc) -> Trait | None:
        return trait(value, loc, self._scope)

    def _consent(self) -> Consent | None:
        if "consent" not in self._data:
            return None
        value, loc = self._data["consent"], ("consent",)
        if value == NONE_NEEDED:
            return None
        if not isinstance(value, dict):
            text = f"Consent is a mapping: when, and proof; or `{NONE_NEEDED}`."
            self._problems.add(loc, "wrong-type", text)
            return None
        for key in value.keys() - {"when", "proof"}:
            self._problems.add_unknown((*loc, key), ("when", "proof"))
        if "when" not in value:
            self._problems.add_missing(loc, "when", "`when` is missing here: who may be contacted.")
            return None
        rule = condition(value["when"], (*loc, "when"), self._scope)
        proof = validate(checks.Proof, value["proof"], (*loc, "proof"), self._problems) if "proof" in value else None
        if rule is None:
            return None
        if proof is None:
            return Consent(when=rule)
        return Consent(when=rule, proof_at=proof.at, proof_source=proof.source)

    def _guards(self) -> Guards:
        written = self._data.get("guards")
        return (validate(Guards, written, ("guards",), self._problems) if written is not None else None) or Guards()

    def _segment(self, name: str, value: Any, loc: Loc) -> Segment | None:
        if not isinstance(value, dict):
            self._problems.add(loc, "wrong-type", "A segment is a mapping: title, when, send_to, …")
            return None
        rule = condition(value["when"], (*loc, "when"), self._scope.for_segment()) if "when" in value else None
        send_to = destinations.send_to(value.get("send_to", {}), (*loc, "send_to"), self._accounts(), self._problems)
        given = {"name": name, "when": rule, "send_to": send_to}
        found = validate(Segment, value, loc, self._problems, given=given, elsewhere=("when", "send_to"))
        checks.one_origin(value, loc, self._problems)
        if found is not None and found.members_from is not None:
            return found.model_copy(update={"frozen": True})
        return found

    def _experiment(self, name: str, value: Any, loc: Loc) -> Experiment | None:
        return validate(Experiment, value, loc, self._problems, given={"name": name})

    def _accounts(self) -> dict[str, Any] | None:
        """The destinations as written; None when the section is misspelled or no mapping."""
        if "destinations" not in self._data and all(key in keys(Config) for key in self._data):
            return {}
        written = self._data.get("destinations")
        return written if isinstance(written, dict) else None

    def _priorities(self) -> tuple[tuple[str, ...], ...]:
        value, loc = self._data.get("priorities", []), ("priorities",)
        if not isinstance(value, list) or not all(isinstance(group, list) for group in value):
            self._problems.add(loc, "wrong-type", "Priorities are a list of groups: - [vip, loyal, everyone_else].")
            return ()
        seen: dict[str, int] = {}
        for index, group in enumerate(value):
            if not group:
                self._problems.add((*loc, index), "empty", "The group is empty; name segments, or delete it.")
            for position, name in enumerate(group):
                self._in_one_group(name, (*loc, index, position), seen)
        return tuple(tuple(str(name) for name in group) for group in value)

    def _tests(self) -> tuple[Case, ...]:
        if "tests" not in self._data:
            return ()
        sources = self._mapping("sources").keys() - {CONTACTS} if self._scope.complete else None
        known = rule_tests.Known(list(self._mapping("segments")), sources)
        return rule_tests.cases(self._data["tests"], ("tests",), known, self._problems)

    def _in_one_group(self, name: Any, loc: Loc, seen: dict[str, int]) -> None:
        if not known_segment(name, loc, self._scope):
            return
        if str(name) in seen:
            text = f"“{name}” is in a group already, in line {seen[str(name)]}; a segment may be in one group."
            self._problems.add(loc, "twice", text)
        seen.setdefault(str(name), self._problems.line(loc))


def _time(source: Any) -> str | None:
    """The `at` of a source, as far as it can be read."""
    at = source.get("at") if isinstance(source, dict) else None
    return str(at) if isinstance(at, str | int) else None
