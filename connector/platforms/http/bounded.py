"""An answer's content, within bounds: so many bytes after decompression, so many seconds for the whole of it.

Owns: both bounds, and that a connection with more to say is closed. Must not: parse, know a platform.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from time import monotonic

import requests
import urllib3.exceptions

# The largest pages of members that platforms send are a few MiB.
MOST_BYTES, MOST_SECONDS = 32 * 1024**2, 300.0
_CHUNK = 64 * 1024


class Excessive(Exception):
    """An answer that does not end within the bounds. The text says which."""


def read(
    response: requests.Response,
    most: int = MOST_BYTES,
    seconds: float = MOST_SECONDS,
    now: Callable[[], float] = monotonic,
) -> bytes:
    """The decompressed content of a response that was asked for with `stream`. Raises Excessive, and
    requests.ConnectionError when the connection breaks or the compression is wrong. What wraps requests, as a recorder
    or a tracer does, may have read it already."""
    if getattr(response, "_content_consumed", False):
        return response.content or b""
    until, size, parts = now() + seconds, 0, list[bytes]()
    try:
        while part := response.raw.read1(_CHUNK, decode_content=True):
            size += len(part)
            parts.append(part)
            if size > most:
                raise Excessive(f"more than {most // 1024**2} MiB")
            if now() > until:
                raise Excessive(f"not at its end after {seconds:.0f} seconds")
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error
    finally:
        response.close() if size > most or now() > until else response.raw.release_conn()
    return b"".join(parts)


def unzip(content: bytes, most: int = 8 * MOST_BYTES) -> bytes:
    """The content of a gzip file. Raises Excessive, and what gzip raises (OSError, EOFError, zlib.error)."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise Excessive(f"more than {most // 1024**2} MiB")
    return found
