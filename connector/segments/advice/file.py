"""Advice that segments.yaml alone gives: what is missing, unused, over, or too much.

Owns: texts for people (goal, owner, description, review_by), unused entries, the number of segments, secrets, zone.
Must not: look at rules' logic (advice_rules.py) or at data beyond headers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

from connector.config.language.rules import Pick, Sql
from connector.config.sections.models import Config
from connector.config.sections.notify import VARIABLE
from connector.core.counts import count_of
from connector.segments.advice.model import Advice, Evidence
from connector.segments.names import CONTACTS, Names, nodes, references, roots, sources
from connector.sources.text import fold, plain
from connector.vendors import VENDORS

_CONSENT = re.compile(
    r"opt(?:ed)?[ _-]?(?:in|out)|unsubscri|subscri(?:bed|ption)|consent|accepts.*marketing|einwillig|abgemeldet"
    r"|d[ée]sinscri|consentement|consentimiento|consenso|toestemming|do[ _-]?not[ _-]?(?:email|contact|mail)"
)
_PLAIN = ("email", "emails", "id", "updated_at")  # columns with a meaning of their own


def advice(given: Evidence) -> Iterator[Advice]:
    yield from _zone(given)
    yield from _consent(given)
    yield from _secrets(given)
    yield from _too_many(given)
    yield from _for_people(given)
    yield from _unused(given)


def _zone(given: Evidence) -> Iterator[Advice]:
    if "timezone" not in given.config.model_fields_set:
        text = "No `timezone` is set, so days begin in UTC. Write the zone of your customers: timezone: Europe/Berlin."
        yield given.file("no-timezone", ("version",), text)


def _consent(given: Evidence) -> Iterator[Advice]:
    """A column of the contacts that seems to say who may be mailed, and no rule that asks it."""
    contacts = given.loaded.catalog.get(CONTACTS)
    if given.config.consent is not None or not given.config.destinations or contacts is None:
        return
    for name in contacts.known():
        header = contacts.columns[name].headers[0]
        if _CONSENT.search(name) or _CONSENT.search(fold(header)):
            text = (
                f"The export has “{plain(header)}”, and no `consent:` asks it: everybody counts as consenting. Write"
                f" `consent: {{when: …}}` with {name}."
            )
            yield given.file("no-consent", ("version",), text)
            return


def _secrets(given: Evidence) -> Iterator[Advice]:
    for name, item in given.config.destinations.items():
        if item.secret.variable not in given.secrets:
            text = f"{item.secret} is not set. Set it before sync doctor, plan or push."
            yield given.file("secret-not-set", ("destinations", name, VENDORS[item.platform].secret), text)
    for number, written in enumerate(given.config.notify.to if given.config.notify else ()):
        for variable in VARIABLE.findall(written):
            if variable not in given.secrets:
                text = f"${{{variable}}} is not set, so no alert can be sent there."
                yield given.file("secret-not-set", ("notify", "to", number), text)


def _too_many(given: Evidence) -> Iterator[Advice]:
    sent = Counter(
        entry.destination
        for segment in given.config.segments.values()
        if not segment.paused
        for entry in segment.send_to
    )
    most = given.config.quality.most_segments
    for name, number in sent.items():
        if most is not None and number > most:
            text = (
                f"{count_of(number, 'segment is', 'segments are')} sent to {name}. Few teams act on more than {most}: "
                "merge those that get the same messages, or pause those that nobody uses."
            )
            yield given.file("too-many-segments", ("destinations", name), text)


def _for_people(given: Evidence) -> Iterator[Advice]:
    today = given.as_of.astimezone(given.config.zone).date()
    for name, segment in given.config.segments.items():
        if segment.goal is None:
            yield given.segment("no-goal", name, f"“{name}” has no `goal`: what should come of it?")
        if segment.owner is None:
            yield given.segment("no-owner", name, f"“{name}” has no `owner`: who answers for it?")
        if segment.description is None:
            yield given.segment("no-description", name, f"“{name}” has no `description`: who is meant, in plain words?")
        if segment.review_by is not None and date.fromisoformat(segment.review_by) < today:
            text = f"“{name}” was to be reviewed by {segment.review_by}. Set the next date, or delete the segment."
            yield given.segment("review-by-passed", name, text, "review_by")


def _unused(given: Evidence) -> Iterator[Advice]:
    config = given.config
    names = Names(config, given.loaded.catalog)
    columns, traits = _used(config, names)
    for source, declared in config.sources.items():
        if source not in sources(config) and not _in_sql(config, source):
            text = f"No rule or trait reads “{source}”. Use it, or delete it here."
            yield given.file("unused-source", ("sources", source), text)
            continue
        for column in declared.columns:
            if (source, column) not in columns and column not in _PLAIN:
                text = f"Nothing uses the column “{column}”. Delete the entry, or use it in a rule or field."
                yield given.file("unused-column", ("sources", source, "columns", column), text)
    for trait in config.traits:
        if trait not in traits:
            text = f"Nothing uses the trait “{trait}”. Delete it, or use it in a rule or field."
            yield given.file("unused-trait", ("traits", trait), text)


def _used(config: Config, names: Names) -> tuple[set[tuple[str, str]], set[str]]:
    """(source, column) and the traits that anything asks for; a trait that only feeds an unused one counts as used."""
    written = [(reference.source, reference.written) for reference in references(config)]
    written += [(CONTACTS, word) for word in _sql_words(config)]
    for source, declared in config.sources.items():
        settings = (declared.emails, declared.id, declared.updated_at, declared.at)
        written += [(source, name) for name in (*declared.addresses, *settings) if name]
        if declared.join:
            written += [(source, declared.join[0]), (CONTACTS, declared.join[1])]
    found = {(source, names.column(source, name) or name) for source, name in written}
    picked = {name for trait in config.traits.values() if isinstance(trait, Pick) for name in trait.columns}
    bases = {name.partition(".")[0] for source, name in written if source == CONTACTS} | {
        name.partition(".")[0] for name in picked
    }
    return found, bases


def _sql_words(config: Config) -> set[str]:
    texts = [node.text for root in roots(config) for node, _ in nodes(root) if isinstance(node, Sql)]
    return {word for text in texts for word in re.findall(r"[^\W\d]\w*(?:\.\w+)?", text)}


def _in_sql(config: Config, source: str) -> bool:
    return source in {word.partition(".")[0] for word in _sql_words(config)}
