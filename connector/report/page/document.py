"""The document of a report ("connector.report/1"): every number that text and page show, each once.

Owns: its keys, and how values become plain JSON. Must not: word a sentence for people beyond names and reasons, or hold
an address without --people.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from connector.core.scrub import scrub
from connector.report.lifecycle import side_json
from connector.report.page.course import flows_json, history_json
from connector.report.page.measures import performance_json
from connector.report.page.model import Told
from connector.report.page.outside import destination_json, quality_json
from connector.segments.picture.profiles import Profile, Typical

SCHEMA = "connector.report/1"
MATRIX = 10  # segments of the page's matrix of overlaps
LONGEST = 2000  # signs of one text
CORE = 6  # segments that a team can act on; more are noise


def document(told: Told) -> dict[str, Any]:
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "as_of": told.as_of.isoformat(),
        "timezone": told.config.timezone,
        "file": told.config.path.name,
        "contacts": told.evaluation.contacts,
        "consenting": told.consent,
        "pushed": told.pushed,
        "notes": [*told.evaluation.notes, *_notes(told)],
        "segments": [_segment(told, name) for name in told.names],
        "history": history_json(told.past, told.names),
        "flows": flows_json(told.past, told.names),
        "overlap": _overlap(told),
        "profiles": {
            "from": told.roles.asked,
            "segments": [_profile(one) for one in told.profiles],
        },
        "rfm": _grid(told),
        "lifecycle": [side_json(side.lifecycle) for side in told.sides if side.lifecycle is not None],
        **performance_json(*told.measured, told.asked, told.alike),
        "quality": quality_json(told.quality),
        "destinations": [destination_json(side, told.people is not None) for side in told.sides],
    }
    if told.people is None:
        return {key: _without_addresses(value) for key, value in found.items()}
    return {**found, "people": {name: list(emails) for name, emails in told.people.items()}}


def _without_addresses(value: Any) -> Any:
    """Also in what others wrote: an owner in the file, a value of the export, a target's name on a platform."""
    if isinstance(value, dict):
        return {key: _without_addresses(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_addresses(one) for one in value]
    return scrub(value, LONGEST) if isinstance(value, str) else value


def _notes(told: Told) -> list[str]:
    notes = [] if told.pushed else ["Nothing was pushed yet: what destinations hold is not known."]
    if len(told.names) > CORE:
        notes.append(f"{len(told.names)} segments: more than {CORE} are hard to act on.")
    return notes


def share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _segment(told: Told, name: str) -> dict[str, Any]:
    segment, size = told.config.segments[name], told.evaluation.sizes[name]
    due, today = segment.review_by, told.as_of.astimezone(told.config.zone).date()
    return {
        "name": name,
        "title": _title(told, name),
        "description": segment.description,
        "goal": None if segment.goal is None else str(segment.goal),
        "owner": segment.owner,
        "review_by": due,
        "review_overdue": due is not None and date.fromisoformat(due) < today,
        "paused": segment.paused,
        "frozen": segment.frozen,
        "members": size,
        "share": share(size, told.evaluation.contacts),
        "consenting": told.consenting[name],
    }


def _title(told: Told, name: str) -> str:
    """The title, with the name where two segments have the same."""
    title = told.config.segments[name].title or name
    twice = sum((told.config.segments[other].title or other) == title for other in told.names) > 1
    return f"{title} ({name})" if twice else title


def _overlap(told: Told) -> dict[str, Any]:
    found = told.overlaps
    return {
        "threshold": told.threshold,
        "most": _most(told),
        "pairs": [
            {
                "segments": [pair.one, pair.other],
                "both": pair.both,
                "share_of_smaller": pair.share,
                "marked": pair.share > told.threshold,
            }
            for pair in found.pairs
        ],
        "combinations": [{"segments": list(one.segments), "contacts": one.contacts} for one in found.combinations],
        "other_combinations": {"kinds": found.kinds, "contacts": found.rest},
        "in_no_segment": found.nowhere,
    }


def _most(told: Told) -> list[str]:
    """The segments that overlap most, by how many marked pairs they are in, in the order of the file."""
    weight = dict.fromkeys(told.names, (0, 0.0))
    for pair in told.overlaps.pairs:
        for name in (pair.one, pair.other):
            marked, shares = weight[name]
            weight[name] = (marked + (pair.share > told.threshold), shares + pair.share)
    most = sorted(told.names, key=lambda name: weight[name], reverse=True)[:MATRIX]
    return [name for name in told.names if name in most]


def _profile(profile: Profile) -> dict[str, Any]:
    names = {"last": "days_since_last", "tenure": "days_known"}
    values = {
        names.get(role, role): {"members": _typical(members), "others": _typical(others)}
        for role, (members, others) in profile.values.items()
    }
    countries = [
        {"country": one.country, "members": one.members, "share": one.share, "share_of_others": one.others}
        for one in profile.countries
    ]
    return {"name": profile.segment, **values, "countries": countries}


def _typical(one: Typical) -> dict[str, Any]:
    return {"known": one.known, "low": one.low, "median": one.median, "high": one.high}


def _grid(told: Told) -> dict[str, Any]:
    contacts = sum(cell.contacts for cell in told.cells)
    return {
        "contacts": contacts,
        "cells": [
            {
                "recency": cell.recency,
                "frequency": cell.frequency,
                "contacts": cell.contacts,
                "share": share(cell.contacts, contacts),
                "mean_spend": cell.spend,
            }
            for cell in told.cells
        ],
    }


def moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def named(found: Mapping[str, Any]) -> dict[str, str]:
    """Segment -> its title, of a document."""
    return {one["name"]: one["title"] for one in found["segments"]}
