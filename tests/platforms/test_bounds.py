"""Answers of a hostile or broken server: each ends in a typed error, soon, and in little memory."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest
import requests

from connector.core.errors import ContractError, DestinationError, Retryable, Unanswered
from connector.platforms.http import bounded
from connector.platforms.mailchimp import wire
from tests.platforms.test_http import Bench

HEAD = "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{more}\r\n"
MEGABYTE = b" " * 1024**2
MOST = 400  # MiB


def bomb() -> Iterator[bytes]:
    """600 MB of blanks in 600 KB."""
    yield HEAD.format(status="200 OK", more="Content-Encoding: gzip\r\n").encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for _ in range(600):
        yield packer.compress(MEGABYTE)
    yield packer.flush()


def stream(status: str = "200 OK") -> Iterator[bytes]:
    yield HEAD.format(status=status, more="").encode()
    while True:
        yield MEGABYTE


def brackets() -> Iterator[bytes]:
    yield HEAD.format(status="200 OK", more="").encode()
    yield b"[" * 200_000


ANSWERS: dict[str, Callable[[], Iterator[bytes]]] = {"bomb": bomb, "stream": stream, "brackets": brackets}


@contextmanager
def serving(answer: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def work() -> None:
            with suppress(OSError):  # who hangs up, and the end of the test
                while True:
                    connection, _ = listening.accept()
                    with closing(connection), suppress(OSError):
                        connection.recv(65536)
                        for part in answer():
                            connection.sendall(part)

        threading.Thread(target=work, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_without_end_is_a_typed_error_in_little_memory(name: str) -> None:
    """In a process of its own, whose peak is measured; getrusage would tell that of the process which started it."""
    with serving(ANSWERS[name]) as url:
        script = (
            "import sys\n"
            "from connector.core.errors import DestinationError\n"
            "from tests.platforms.test_http import Bench\n"
            "try: Bench(sys.argv[1]).http.send('GET', '/things')\n"
            "except DestinationError as error: print(type(error).__name__, error.code)\n"
            "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])\n"
        )
        done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, timeout=300)
    kind, peak = done.stdout.splitlines()
    assert kind == ("Unanswered garbled" if name == "brackets" else "ContractError endless"), done.stderr
    assert int(peak) < MOST * 1024


@pytest.mark.parametrize(
    ("method", "status", "kind", "code"),
    [
        ("GET", "200 OK", ContractError, "endless"),
        ("POST", "200 OK", Unanswered, "endless"),  # it may have been taken
        ("GET", "503 Away", Retryable, "503"),  # the status says enough
    ],
)
def test_what_an_endless_answer_means(method: str, status: str, kind: type[DestinationError], code: str) -> None:
    with serving(lambda: stream(status)) as url, pytest.raises(kind) as caught:
        Bench(url).http.send(method, "/things", writes=method == "POST", replayable=False)
    assert caught.value.code == code


def test_a_trickle_ends_by_time() -> None:
    def trickle() -> Iterator[bytes]:
        yield HEAD.format(status="200 OK", more="").encode()
        while True:
            yield b" "

    times = iter(range(10**9))
    with (
        serving(trickle) as url,
        requests.get(url, stream=True, timeout=30) as response,
        pytest.raises(bounded.Excessive, match="after 20 seconds"),
    ):
        bounded.read(response, seconds=20, now=lambda: float(next(times)))


def test_a_result_file_that_unpacks_without_end() -> None:
    archive = gzip.compress(b" " * 300 * 1024**2)
    with pytest.raises(Retryable, match="cannot be read"):
        wire._results(archive, "crm")
