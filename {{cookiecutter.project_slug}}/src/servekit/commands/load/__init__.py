"""`make load`: a short load test of a running service, which asks one of its models.

It refuses what cannot be measured, measures the rest, and ends with 1 when an answer was wrong.
"""

# All but the standard library is imported inside `measure`: Locust alone takes a second, in which
# a Ctrl-C must be a sentence.

import argparse
import io
import os
import re
import signal
import sys
from pkgutil import resolve_name
from typing import NoReturn
from urllib.parse import urlsplit

STOPS = (signal.SIGINT, signal.SIGTERM)


def stop(*_: object) -> NoReturn:
    sys.exit("Stopped before anything was measured.")


def measure(wiring: str, options: argparse.Namespace) -> None:
    """Run the load test that the command line asks for.

    Args:
        wiring: Where the wiring of the service is, "package.module:NAME".
        options: The model, the URL, connections, seconds, retries and the file of the plot.
    """
    for number in STOPS:
        signal.signal(number, stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that knows no block characters gets question marks, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    connections = whole_number("CONNECTIONS", options.connections, 1)
    seconds = whole_number("SECONDS", options.seconds, 1)
    retries = whole_number("RETRIES", options.retries, 0)
    url = checked_url(options.url)

    from dotenv import load_dotenv

    from .questions import Service

    load_dotenv(os.environ.get("ENV_FILE", ".env"))
    service = Service(url, header())
    name = service.chosen(options.model)

    # Locust patches the standard library, so it comes before what starts threads or takes from
    # there what it patches, as a model store and the service's own modules do.
    from .locust_run import Pace, run
    from .plot import plot
    from .report import report

    target = service.target(name, resolve_name(wiring))
    shown = f"{url}{target.path}"
    print(f"{shown}: {connections} connections for {seconds} s, after a warm-up.", flush=True)
    if target.note:
        print(target.note, flush=True)
    measured = run(service, target, Pace(connections, seconds, retries), STOPS)
    if not measured.seconds:
        stop()
    if not measured.requests:
        sys.exit("Nothing was measured: no answer arrived in time.")
    options.plot.parent.mkdir(parents=True, exist_ok=True)
    options.plot.write_text(plot(measured, f"{shown}, {connections} connections"), "utf-8")
    print(report(measured), f"\n  The plot is in {options.plot}.", sep="\n")
    if measured.seconds < seconds - 0.5:
        sys.exit(f"Stopped after {measured.seconds:.0f} of {seconds} seconds.")
    sys.exit(1 if measured.failures else 0)


def whole_number(name: str, value: str, least: int) -> int:
    """Parse a whole number. Raises SystemExit unless it is at least `least`."""
    if not re.fullmatch("0|[1-9][0-9]{0,4}", value) or int(value) < least:
        sys.exit(f"{name} has to be a whole number from {least} to 99999, and {value!r} is not.")
    return int(value)


def header() -> dict[str, str]:
    """The header that LOAD_HEADER holds. Raises SystemExit when it is malformed."""
    text = os.environ.get("LOAD_HEADER", "")
    if text and not re.fullmatch(r"[A-Za-z0-9-]+: [!-~]([ -~]*[!-~])?", text):
        sys.exit("LOAD_HEADER has to look like `Name: value`, in one line.")
    name, _, value = text.partition(": ")
    return {name: value} if name else {}


def checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises SystemExit when it cannot be used."""
    if not re.match(r"https?://[^\s/?#:]", url):
        sys.exit(f"URL has to look like http://127.0.0.1:8000, and {url!r} does not.")
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        sys.exit(f"URL cannot be used: {error}.")
    return url.rstrip("/")
