"""Private copies of the files of an address, fetched once per command, as whole as their place tells.

Owns: files(), the checks of size and time, and how every trouble on the way becomes a SourceError. Must not: know a
protocol (web.py, stores.py), or show more of an address than connector.config.sections.remote.shown.

Libraries quote addresses and keys in their texts, so of their errors only the class survives.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.config.sections import remote, variables
from connector.config.sections.models import Config
from connector.core.errors import ConnectorError
from connector.core.files import portable
from connector.core.problem import Place
from connector.core.session import Session
from connector.core.sftp import UnknownServer
from connector.sources.remote.model import CutOff, Denied, Item, Refused, Way, same
from connector.sources.text import plain
from connector.sources.trouble import fail

_UNFIT = re.compile(r'[<>:"\\|?*]|[. ]$')
_DENIED = ("credential", "auth", "permission", "forbidden", "denied", "token")
_CODES = ("403", "401", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")
_CHATTY = ("paramiko", "botocore", "aiobotocore", "s3fs", "gcsfs", "azure", "adlfs", "urllib3", "fsspec", "asyncio")


def files(config: Config, address: str, place: Place) -> tuple[Path, ...]:
    """Copies of the files that the address means, with the times of the originals; none where there is no file.
    Raises SourceError, ConfigError for a variable that is not set, Interrupted."""
    session = config.session
    if address not in session.copies:
        url = variables.filled(address.strip(), place)
        with _working(place, address):
            session.copies[address] = tuple(_fetched(session, way(url), address, place))
    return session.copies[address]


def require_times(config: Config, address: str, place: Place) -> None:
    """Raises SourceError where nobody knows how old the files are."""
    if config.session.untimed.isdisjoint(config.session.copies[address]):
        return
    text = f"{_named(address)}: the server does not tell when the file was made, so max_age and pick cannot hold."
    fail(place, "remote-refused", f"{text} Take them out, or let the file's name tell the day.")


def way(url: str) -> Way:
    """How the files of an address are reached. Raises ImportError without the driver."""
    scheme = remote.scheme_of(url) or ""
    for name in _CHATTY:  # libraries log addresses, with what follows the `?`
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheme in remote.WEB:
        from connector.sources.remote.web import Web

        return Web(url)
    from connector.sources.remote.stores import Store

    return Store(scheme, url)


def _fetched(session: Session, opened: Way, address: str, place: Place) -> Iterator[Path]:
    found = opened.find()
    for item in found:
        session.go_on()
        if Path(item.name).suffix.lower() in (".parquet", ".pq") and (kind := opened.log_above(item)):
            text = f"{plain(item.name)} is a part of a {kind} table, whose log says which files and rows count."
            fail(place, "table-log", f"{text} Deleted rows are still in the files. Export it to files of its own.")
        yield _copy(session, opened, item, address, place)
    if len(found) > 1 or remote.has_joker(address):
        now = opened.find()
        if len(now) != len(found) or not all(map(same, found, now)):
            text = f"{_named(address)}: files came, went or changed while they were read. Try again when it is done."
            fail(place, "remote-changed", text)


def _copy(session: Session, opened: Way, item: Item, address: str, place: Place) -> Path:
    file = _place_of(session, item)
    size = 0
    with file.open("xb") as into:
        for piece in opened.read(item):
            session.go_on()
            size += into.write(piece)
    told = opened.told(item)
    if told.size is not None and size != told.size:
        text = f"{_named(address)}: {size:,} of {told.size:,} bytes of {plain(item.name)} came."
        fail(place, "remote-changed", f"{text} It is cut off, or was replaced meanwhile. Try again.")
    after = opened.again(told)
    if not same(told, after):
        text = f"{_named(address)}: {plain(item.name)} changed while it was read. Try again when its export is done."
        fail(place, "remote-changed", text)
    if told.modified is None:
        session.untimed.add(file)
    else:
        os.utime(file, (told.modified.timestamp(),) * 2)
    return file


def _place_of(session: Session, item: Item) -> Path:
    """A folder of its own, below the folders whose names hold values (year=2026)."""
    folder = session.new_folder()
    above: list[str] = []
    for part in reversed(item.path.split("/")[:-1]):
        if "=" not in part or "?" in part:
            break
        above.insert(0, _UNFIT.sub(lambda sign: f"%{ord(sign[0]):02X}", part))  # a value, read back by its signs
    folder = folder.joinpath(*above)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (portable(item.name) or "export")


@contextmanager
def _working(place: Place, address: str) -> Iterator[None]:
    """Turn whatever a library raises inside into a SourceError."""
    scheme = remote.scheme_of(address) or ""
    where = _named(address)
    try:
        yield
    except (ConnectorError, KeyboardInterrupt):
        raise
    except ImportError:
        extra = remote.EXTRAS.get(scheme)
        fail(place, "remote-driver", f"{scheme}:// needs its driver: pip install 'segment-connector[{extra}]'.")
    except (Refused, Denied) as error:
        fail(place, "remote-refused" if isinstance(error, Refused) else "remote-denied", f"{where}: {error}")
    except UnknownServer as error:
        fail(place, "remote-denied", f"{where}: {error}.")
    except FileNotFoundError:
        fail(place, "file-missing", f"{where} does not exist, or may not be seen. Export it there, or correct `file:`.")
    except CutOff:
        fail(place, "remote-changed", f"{where} was cut off while it was read. Try again.")
    except Exception as error:  # noqa: BLE001 - the edge to six libraries: anything they raise is about this address
        _explain(place, where, error)


def _explain(place: Place, where: str, error: Exception) -> None:
    kind = type(error).__name__
    if any(word in kind.lower() for word in _DENIED) or _code(error) in _CODES:
        text = f"{where} may not be read with the credentials that the environment gives ({kind})."
        fail(place, "remote-denied", text)
    if isinstance(error, OSError) and error.errno in (28, 122):
        fail(place, "file-too-big", f"{where} does not fit on the disk. Give the folder for temporary files more room.")
    fail(place, "remote-unreachable", f"{where} cannot be fetched ({kind}). Check the address and the connection.")


def _code(error: BaseException) -> str:
    """What S3 calls its refusal."""
    told = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    found = told.get("Error", {}).get("Code", "") if isinstance(told, dict) else ""
    return str(found)


def _named(address: str) -> str:
    return plain(remote.shown(address))
