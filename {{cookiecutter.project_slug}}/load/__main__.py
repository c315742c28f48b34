"""Refuses what cannot be measured, measures the rest, and ends with 1 when an answer was wrong."""

# Locust is imported inside a function: it takes a second, in which a Ctrl-C must be a sentence.

import argparse
import io
import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

STOPS = (signal.SIGINT, signal.SIGTERM)


def stop(*_: object) -> NoReturn:
    sys.exit("Stopped before anything was measured.")


def main() -> None:
    for number in STOPS:
        signal.signal(number, stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that knows no block characters gets question marks, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(prog="load", description="Measure a running service.")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--connections", default="32")
    parser.add_argument("--seconds", default="15")
    parser.add_argument("--plot", type=Path, default=Path("build/load.svg"))
    options = parser.parse_args()

    connections = positive("CONNECTIONS", options.connections)
    seconds = positive("SECONDS", options.seconds)
    url = options.url.rstrip("/")
    refuse_silence(url)
    read_header()

    from .plot import plot
    from .report import report
    from .running import run

    print(f"{url}: {connections} connections for {seconds} s, after a warm-up.", flush=True)
    measured = run(url, connections, seconds, STOPS)
    if not measured.seconds:
        stop()
    if not measured.requests:
        sys.exit("Nothing was measured: no answer arrived in time.")
    options.plot.parent.mkdir(parents=True, exist_ok=True)
    options.plot.write_text(plot(measured, f"{url}, {connections} connections"), encoding="utf-8")
    print(report(measured), f"\n  The plot is in {options.plot}.", sep="\n")
    if measured.seconds < seconds - 0.5:
        sys.exit(f"Stopped after {measured.seconds:.0f} of {seconds} seconds.")
    sys.exit(1 if measured.failures else 0)


def positive(name: str, value: str) -> int:
    """The number that `value` is. Raises SystemExit unless it is a whole one above 0."""
    if not re.fullmatch("[1-9][0-9]{0,4}", value):
        sys.exit(f"{name} has to be a whole number from 1 to 99999, and {value!r} is not.")
    return int(value)


def read_header() -> None:
    """Take LOAD_HEADER from .env, unless it is set. Raises SystemExit when it is no header."""
    from dotenv import dotenv_values

    settings = dotenv_values(os.environ.get("ENV_FILE", ".env"))
    header = os.environ.setdefault("LOAD_HEADER", settings.get("LOAD_HEADER") or "")
    if header and not re.fullmatch(r"[A-Za-z0-9-]+: [!-~]([ -~]*[!-~])?", header):
        sys.exit("LOAD_HEADER has to look like `Name: value`, in one line.")


def refuse_silence(url: str) -> None:
    """Raise SystemExit unless `url` is one, and something listens there."""
    if not re.match(r"https?://[^\s/?#:]", url):
        sys.exit(f"URL has to look like http://127.0.0.1:8000, and {url!r} does not.")
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        with socket.create_connection((parts.hostname or "", port), timeout=5):
            return
    except ValueError as error:
        sys.exit(f"URL cannot be used: {error}.")
    except OSError as error:
        reason = error.strerror or error
        sys.exit(f"Nothing answers at {url} ({reason}): start a service with `make serve`.")


if __name__ == "__main__":
    main()
