"""What --state may say: the forms, and why another text is refused.

Owns: the forms of an address, and how it is shown. Must not: open anything, or put a part of a refused address into a
text: a password may stand anywhere in it.

A mistyped address must not become a new state: without the ledger, former members stay for good, and who was forgotten
is pushed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connector.core.errors import StateAddress
from connector.core.problem import did_you_mean

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
FORMS = "Give a path, sqlite:///PATH, postgresql://USER@HOST/DATABASE, or a bucket as s3://BUCKET/PATH."
_OWN = ("sqlite", "postgresql", "postgres")
_ESCAPE = (
    "In the --state URL, the user or the password holds a character that must be escaped there: / as %2F, @ as %40, "
    ": as %3A, ? as %3F, # as %23, % as %25, a space as %20. Or leave the password out and set PGPASSWORD."
)
# Filesystems of fsspec that keep nothing, cannot be written to, or only wrap another one.
_KEEPS_NOTHING = frozenset(
    {
        "async_wrapper",
        "asynclocal",
        "asyncwrapper",
        "blockcache",
        "cached",
        "dask",
        "data",
        "dir",
        "filecache",
        "generic",
    }
    | {"gist", "git", "github", "http", "https", "jlab", "jupyter", "libarchive", "local_cache", "memory", "pyscript"}
    | {"reference", "root", "simplecache", "tar", "zip"}
)
_WITH_ACCOUNT = ("abfs", "abfss", "adl", "az")  # CONTAINER@ACCOUNT is a name there
_SERVERS = ("ftp", "sftp", "ssh", "smb", "hdfs", "webhdfs", "dav", "webdav")  # USER:PASSWORD@HOST is usual there
_LIBPQ = re.compile(
    r"\s*(host|hostaddr|port|dbname|user|password|passfile|service|servicefile|sslmode|options|connect_timeout|"
    r"application_name|target_session_attrs)\s*=",
    re.IGNORECASE,
)


def check(url: str) -> None:
    """Raises StateAddress for what cannot be a state that is kept."""
    form(url)
    scheme = scheme_of(url)
    if scheme == "memory":
        raise StateAddress(f"--state cannot be memory://: nothing is left of it when the command ends. {FORMS}")


def form(url: str) -> str:
    """ "file", "postgresql" or "remote". Raises StateAddress for a text that is none of them."""
    if not url.strip():
        raise StateAddress(f"--state is empty. {FORMS}")
    if _LIBPQ.match(url):
        raise StateAddress(
            "--state is in libpq's form of keywords and values, which would be the name of a file here. Write it as "
            "postgresql://USER@HOST:PORT/DATABASE, and the password as PGPASSWORD."
        )
    scheme = scheme_of(url)
    if scheme is None:
        _check_path(url)
        return "file"
    _check_scheme(scheme, url)
    if url.startswith(SQLITE):
        _refuse(not url.removeprefix(SQLITE).strip("/ "), f"--state names no file. {FORMS}")
        return "file"
    if url.startswith(POSTGRES):
        _check_postgres(url)
        return "postgresql"
    _check_remote(scheme, url)
    return "remote"


def scheme_of(url: str) -> str | None:
    """What stands before the colon of a URL, also of a broken one; None for a path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(//|/|)", url)
    if found is None:
        return None
    known = found[1].lower() in (*_OWN, *_protocols())
    return found[1] if found[2] or known else None


def _check_path(path: str) -> None:
    """What was meant as a URL would make a file, and with it a name that holds a password."""
    first, slashes, _ = path.strip().partition("//")
    meant = "://" in path or (bool(slashes) and first.lower() in (*_OWN, *_protocols()))
    _refuse(meant or bool(re.match(r"\s*[^/\\]*:[^/\\]*@", path)), f"--state is neither a path nor a URL. {FORMS}")


def _check_scheme(scheme: str, url: str) -> None:
    known = scheme in _OWN or scheme in _protocols()
    if not known:
        hint = did_you_mean(scheme, [*_OWN, "s3", "gs", "abfs", "file"])
        raise StateAddress(f"--state cannot be a {scheme}:// URL.{hint} {FORMS}")
    _refuse(not url.startswith(f"{scheme}://"), f"--state begins with {scheme}: but not with {scheme}://. {FORMS}")
    _refuse(
        scheme == "sqlite" and not url.startswith(SQLITE),
        "--state cannot be a sqlite:// URL with two slashes: write sqlite:///PATH, or sqlite:////PATH for an absolute "
        "path.",
    )


def _check_remote(scheme: str, url: str) -> None:
    rest = url.split("://", 1)[1]
    host, _, path = rest.partition("/")
    _refuse(
        scheme in _KEEPS_NOTHING - {"memory"} or "::" in url,
        f"--state cannot be a {scheme}:// URL: no state can be kept there. {FORMS}",
    )
    _refuse(
        "?" in rest or "#" in rest,
        "--state has a ? or # in it, which would be part of the file's name. Options of the store come from its "
        "client's environment, for example AWS_ENDPOINT_URL or AWS_PROFILE.",
    )
    if scheme in ("file", "local"):
        _refuse(
            bool(host), f"--state has two slashes after {scheme}: where a share has three: {scheme}:///FOLDER/FILE."
        )
    elif scheme not in (*_SERVERS, *_WITH_ACCOUNT, "memory"):
        secret = "@" in host or (":" in host and not host.startswith("arn:"))
        _refuse(
            secret,
            f"--state holds a key or a port before the path. A bucket is {scheme}://BUCKET/PATH; keys come from the "
            "environment or the profile of its client (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY on S3), another "
            "server from AWS_ENDPOINT_URL.",
        )
    _refuse(
        not path.strip("/ ") or path.endswith("/"),
        f"--state names no file: after the bucket comes the state's name, as in {scheme}://BUCKET/state.db.",
    )


def _check_postgres(url: str) -> None:
    """Unescaped signs move the parts of a URL, so that a password becomes a host or a database and is shown."""
    rest = url.split("://", 1)[1]
    user = rest.rpartition("@")[0]
    parts = conninfo(url)
    broken = any(sign in user for sign in "/?#@ ")
    odd = "@" in str(parts.get("host", "")) or "@" in str(parts.get("dbname", ""))
    ports = str(parts.get("port", "")).split(",")
    if broken or odd or not all(not port or (port.isdigit() and int(port) < 65_536) for port in ports):
        raise StateAddress(_ESCAPE if "@" in rest else f"--state has a port that is none. {FORMS}")


def conninfo(url: str) -> dict[str, Any]:
    """The parts of a PostgreSQL URL as libpq reads them. Raises StateAddress where it cannot."""
    parse = _parser()
    try:
        return dict(parse(url))
    except Exception:  # noqa: BLE001 - psycopg's, whose text may hold the password
        raise StateAddress(
            "--state is no PostgreSQL URL that can be read: an unknown parameter after ?, or an unescaped sign. "
            f"{_ESCAPE}"
        ) from None


def _parser() -> Callable[..., dict[str, Any]]:
    try:
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        text = "--state postgresql:// needs the driver psycopg: pip install 'segment-connector[postgres]'."
        raise StateAddress(text) from None
    return conninfo_to_dict


def shown_postgres(url: str) -> str:
    """A PostgreSQL URL for people: hosts, ports and database."""
    parts = conninfo(url)
    hosts = [host for host in str(parts.get("host", "")).split(",") if not host.startswith("/")]
    ports = [port for port in str(parts.get("port", "")).split(",") if port]
    if len(ports) == 1:
        ports *= len(hosts)
    hosts = [f"[{host}]" if ":" in host else host for host in hosts]
    named = [f"{host}:{port}" for host, port in zip(hosts, ports, strict=False)] if ports else hosts
    return f"postgresql://{','.join(named)}/{parts.get('dbname', '')}"


def _refuse(wrong: bool, text: str) -> None:
    if wrong:
        raise StateAddress(text)


def _protocols() -> frozenset[str]:
    try:
        from fsspec import available_protocols  # type: ignore[import-untyped]
    except ImportError:
        return frozenset()
    return frozenset(available_protocols())
