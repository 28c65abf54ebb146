"""`python -m connector.rehearsal`: the rehearsal platforms as a process of their own.

Owns: its options. Must not: anything else.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from pathlib import Path
from typing import NoReturn

from connector.rehearsal.core import faults
from connector.rehearsal.core.recording import VARIABLE
from connector.rehearsal.core.world import Settings
from connector.rehearsal.server import serve


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m connector.rehearsal", description="Rehearsal platforms on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", default=":memory:", help="file that keeps what the platforms hold")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="added to every request")
    parser.add_argument("--faults", type=faults.parse, default=(), help="for example error=0.05,drop_after@w3")
    parser.add_argument("--no-limits", action="store_true", help="no rate limits, no connection cap")
    parser.add_argument("--limit-scale", type=float, default=1.0, help="0.5 halves the rate limits")
    parser.add_argument("--polls", type=int, default=2, help="a job is done when it is polled for the nth time")
    parser.add_argument("--no-samples", action="store_true", help="start without the invented people")
    parser.add_argument(
        "--record",
        type=Path,
        default=Path(folder) if (folder := os.environ.get(VARIABLE)) else None,
        help=f"folder for whole requests and answers, one file per process (default: ${VARIABLE})",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the starting process does")
    return parser.parse_args()


def main() -> None:
    args = _arguments()
    if args.state != ":memory:":
        Path(args.state).parent.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        latency_ms=args.latency_ms,
        faults=args.faults,
        limits=not args.no_limits,
        limit_scale=args.limit_scale,
        polls=args.polls,
        samples=not args.no_samples,
    )
    try:
        serve(args.state, args.port, settings, until_stdin_closes=args.until_stdin_closes, record=args.record)
    except KeyboardInterrupt:
        return
    except OSError as error:
        _give_up(f"port {args.port} of this machine cannot be used ({error.strerror})")
    except sqlite3.Error as error:
        _give_up(f"the state file {args.state} cannot be used ({error})")


def _give_up(why: str) -> NoReturn:
    """The reason is the first line of stdout, where start() looks for the address."""
    sys.stdout.write(f"cannot start: {why}\n")
    raise SystemExit(1)


if __name__ == "__main__":
    main()
