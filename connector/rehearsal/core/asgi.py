"""Between the sockets and the platforms: requests read, answers written, connections dropped.

Owns: the ASGI messages and uvicorn's protocol. Must not: know a path, a platform or a fault.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import parse_qs

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.rehearsal.core.world import Request, Response

_transports: dict[tuple[str, int], asyncio.BaseTransport] = {}


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


def request(scope: Scope) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    host, port = scope["server"]
    return Request(scope["method"], scope["path"], query, headers, base_url=f"http://{host}:{port}")


async def body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def answer(send: Send, response: Response, now: datetime, garble: bool = False) -> None:
    """`now` is the platforms' present moment, UTC: the header Date."""
    body = response.body
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    if garble and response.status != 204:
        content = content[: len(content) // 2] if len(content) > 1 else b"<"
    headers = {"date": format_datetime(now, usegmt=True), "content-type": "application/json"}
    headers |= {name.lower(): v for name, v in response.headers.items()}
    if response.status != 204:
        headers["content-length"] = str(len(content))
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    start: Message = {"type": "http.response.start", "status": response.status, "headers": pairs}
    await send(start)
    await send({"type": "http.response.body", "body": content})


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return


class Protocol(H11Protocol):
    """Remembers its transport by the client's address, so that a fault can close it without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        _transports[transport.get_extra_info("peername")[:2]] = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        _transports.pop(self.client, None)  # type: ignore[arg-type]
        super().connection_lost(exc)


async def drop(scope: Scope) -> None:
    transport = _transports.get(tuple(scope["client"]))
    if isinstance(transport, asyncio.Transport):
        transport.abort()
    await asyncio.sleep(0.01)  # the server must have noticed before the application returns
