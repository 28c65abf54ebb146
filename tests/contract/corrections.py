"""Where a published document is wrong, and why we say so. Nothing else is waived.

Each correction is one statement about one vendor: an edit of the documents, a path that they describe under another
name, or an answer that does not come from the API they describe. A correction without effect is an error.

Owns: the list. Must not: grow past 14.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Correction:
    """`edit` changes a document in place; `paths` leads from a path to the one under which the documents describe it;
    `outside` is a pattern of "PATH MEDIA-TYPE" of answers that do not come from the documented API at all."""

    vendor: str  # "": all
    name: str
    reason: str
    edit: Callable[[Json], None] | None = None
    paths: tuple[tuple[str, str], ...] = ()
    outside: str = ""


def _each(node: Any, change: Callable[[Json], None]) -> None:
    """Call `change` with every object of a document, the inner ones first."""
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _each(child, change)
    if isinstance(node, dict):
        change(node)


def _merge_values(document: Json) -> None:
    def change(node: Json) -> None:
        found = node.get("merge_fields")
        if isinstance(found, dict) and isinstance(found.get("additionalProperties"), dict):
            found["additionalProperties"] = {}

    _each(document, change)


def _empty_times(document: Json) -> None:
    def change(node: Json) -> None:
        if node.get("format") == "date-time" and node.get("type") == "string":
            node.clear()
            node["oneOf"] = [{"type": "string", "format": "date-time"}, {"type": "string", "enum": [""]}]

    _each(document, change)


def _batch_params(document: Json) -> None:
    document["components"]["schemas"]["Operations"]["properties"]["params"]["additionalProperties"] = {}


def _bearer(document: Json) -> None:
    document["components"]["securitySchemes"]["oauth2"] = {}
    document["security"].append({"oauth2": []})


def _chosen_fields(document: Json) -> None:
    content = document["paths"]["/lists"]["get"]["responses"]["200"]["content"].values()
    for schema in (each["schema"] for each in content):
        name = schema.get("$ref", "").rpartition("/")[2]
        (document["components"]["schemas"][name] if name else schema).pop("required", None)


def _archived(document: Json) -> None:
    """Only where it is answered: a request may not set it, and has its own schemas."""

    def change(node: Json) -> None:
        status = node.get("status")
        if isinstance(status, dict) and "cleaned" in status.get("enum", ()) and "unique_email_id" in node:
            status["enum"] = sorted({*status["enum"], "archived"})

    _each(document, change)


def _sparse_fields(document: Json) -> None:
    def change(node: Json) -> None:
        required = node.get("required")
        if isinstance(required, list) and "joined_group_at" in required:
            required.remove("joined_group_at")

    _each(document, change)


def _alike_options(document: Json) -> None:
    def change(node: Json) -> None:
        choice = node.get("oneOf")
        if isinstance(choice, list) and any("EmailSendOptions" in str(one.get("$ref")) for one in choice):
            node["anyOf"] = node.pop("oneOf")

    _each(document, change)


def _null_properties(document: Json) -> None:
    def change(node: Json) -> None:
        found = node.get("properties", {}).get("properties") if isinstance(node.get("properties"), dict) else None
        if isinstance(found, dict) and (found.get("additionalProperties") or {}).get("type") == "string":
            found["additionalProperties"]["nullable"] = True

    _each(document, change)


def _search_body(document: Json) -> None:
    search = document["components"]["schemas"].get("PublicObjectSearchRequest")
    if search:
        search["required"] = []
        sort = {
            "propertyName": {"type": "string"},
            "direction": {"type": "string", "enum": ["ASCENDING", "DESCENDING"]},
        }
        search["properties"]["sorts"]["items"] = {"type": "object", "properties": sort}


CORRECTIONS: tuple[Correction, ...] = (
    Correction(
        "mailchimp",
        "merge values",
        "The document types the value of a merge field as an object; it is a text or a number, and an object only for "
        "an address (the vendor's guide “Merge fields” shows all three).",
        edit=_merge_values,
    ),
    Correction(
        "mailchimp",
        "empty times",
        "A time that there is not yet is written as an empty text (completed_at of an unfinished batch in the vendor's "
        "guide on batches), which the format date-time does not allow.",
        edit=_empty_times,
    ),
    Correction(
        "mailchimp",
        "result files",
        "A batch hands out the address of its result file, which lies in a file store and not in the documented API.",
        outside="/mailchimp-batch-results/.*",
    ),
    Correction(
        "mailchimp",
        "batch parameters",
        "The query of an operation is an object of any names, as its own description and example show; the document "
        "gives it no properties, so that a strict reading allows none (brandonseydel/MailChimp.Net#179 has them sent).",
        edit=_batch_params,
    ),
    Correction(
        "mailchimp",
        "bearer",
        "The document (3.0.85) knows Basic only; the later collection (3.0.91) and the vendor's guide on OAuth have "
        "tokens in Authorization: Bearer.",
        edit=_bearer,
    ),
    Correction(
        "mailchimp",
        "chosen fields",
        "Every answer can be cut down with `fields`, so that nothing in it is required; GET /lists requires `lists`.",
        edit=_chosen_fields,
    ),
    Correction(
        "mailchimp",
        "archived",
        "GET members knows the status archived; the answers of the writing calls leave it out of their lists, though "
        "they return archived members too (brandonseydel/MailChimp.Net#552).",
        edit=_archived,
    ),
    Correction(
        "klaviyo",
        "sparse fields",
        "Every answer can be cut down with fields[profile] (the vendor's guide “Sparse fieldsets”), yet the members of "
        "a list require joined_group_at.",
        edit=_sparse_fields,
    ),
    Correction(
        "klaviyo",
        "send options",
        "The send options of a campaign are one of three schemas that read the same, so no answer is of exactly one.",
        edit=_alike_options,
    ),
    Correction(
        "hubspot",
        "unset properties",
        "A contact's property that was asked for and is not set is answered as null; the document allows only texts.",
        edit=_null_properties,
    ),
    Correction(
        "hubspot",
        "search",
        "The document requires all five parts of a search and has sorts as texts; the vendor's guide on search leaves "
        "each of them out somewhere, and writes sorts as {propertyName, direction}.",
        edit=_search_body,
    ),
    Correction(
        "hubspot",
        "versions",
        "The documents at hand are those of 2026-03; v3 and the other dated versions serve the same operations, with "
        "the version elsewhere in the path. 0-1 is the id of the object type contacts.",
        paths=(
            (r"/crm/v3/(objects)/contacts", r"/crm/\1/2026-03/contacts"),
            (r"/crm/v3/(lists|properties)", r"/crm/\1/2026-03"),
            (r"/crm/(lists|properties)/20\d\d-\d\d", r"/crm/\1/2026-03"),
            (r"/crm/objects/20\d\d-\d\d/(contacts|0-1)", "/crm/objects/2026-03/contacts"),
            (r"/(communication-preferences|account-info)/(v4|v3(?=/details)|20\d\d-\d\d)", r"/\1/2026-03"),
        ),
    ),
    Correction(
        "hubspot",
        "without a document",
        "The vendor's client still calls v3 of the communication preferences, which is unlike the later ones, and a "
        "Singer tap asks for custom objects; others ask for deals, and for associations with them. Of none of these "
        "there is a document here. Those clients are the judges (test_witnesses.py, tests/clients); the "
        "connector calls none.",
        outside="/communication-preferences/v3/.*|/crm/v3/schemas .*|/crm/.*/?associations/.*"
        r"|/crm/(v3/objects|objects/20\d\d-\d\d)/(?!contacts[/ ]|0-1[/ ]).*",
    ),
    Correction(
        "",
        "the edge",
        "Under load a page of HTML comes from what stands before the API (Akamai, Cloudflare), whatever was asked.",
        outside=".* text/html",
    ),
)


def corrected(vendor: str, document: Json) -> Json:
    """The document, edited in place."""
    for one in CORRECTIONS:
        if one.vendor == vendor and one.edit:
            one.edit(document)
    return document


def path(vendor: str, written: str) -> str:
    """The path under which the documents describe this one."""
    for one in CORRECTIONS:
        for pattern, name in one.paths if one.vendor in ("", vendor) else ():
            if re.match(pattern, written):
                return re.sub(pattern, name, written, count=1)
    return written


def outside(vendor: str, written: str, media: str) -> bool:
    """Whether an answer of this path and media type does not come from the documented API."""
    answered = f"{written} {media}"
    return any(one.vendor in ("", vendor) and one.outside and re.match(one.outside, answered) for one in CORRECTIONS)
