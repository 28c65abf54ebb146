"""Whole requests and answers, written down to be checked against the vendors' documents.

Owns: the file of one process, one JSON object a line. Must not: be on unless asked for (bodies hold addresses), or keep
a key.

    platform, method, path, query, template, headers, body, status, fault, answer_headers, answer

`path` and `query` as they were sent; `template` is "" when no route matched; `answer` is the parsed JSON, or
{"bytes": N} when it is none; `status` 0: the connection was dropped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from starlette.types import Scope

from connector.rehearsal.core.world import Request, Response
from connector.vendors import VENDORS

_SECRET = {"authorization"} | {vendor.auth_header.lower() for vendor in VENDORS.values()}
VARIABLE = "REHEARSAL_RECORD"  # names the folder, like --record


class Recorder:
    """Appends to a file of its own in `folder`, which is made if missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8")

    def add(self, platform: str, scope: Scope, request: Request, response: Response | None, fault: str) -> None:
        line = {
            "platform": platform,
            "method": request.method,
            "path": scope["raw_path"].decode("latin-1"),
            "query": scope["query_string"].decode("latin-1"),
            "template": request.template,
            "headers": _without_keys(request),
            "body": request.body.decode("utf-8", "replace"),
            "status": response.status if response else 0,
            "fault": fault,
            "answer_headers": _sent_headers(response) if response else {},
            "answer": _content(response.body) if response else None,
        }
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()


def _without_keys(request: Request) -> dict[str, str]:
    """The headers; of those with a key only how the request said who it is."""
    held = {"authorization", *request.headers} & _SECRET
    return request.headers | {name: _scheme(request.headers.get(name, "")) for name in held}


def _scheme(value: str) -> str:
    """The word before the key; nothing when the key stands alone."""
    scheme, blank, _ = value.partition(" ")
    return scheme if blank else ""


def _sent_headers(response: Response) -> dict[str, str]:
    return {"content-type": "application/json", **{name.lower(): v for name, v in response.headers.items()}}


def _content(body: Any) -> Any:
    return {"bytes": len(body)} if isinstance(body, bytes) else body
