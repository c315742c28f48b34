"""`make fuzz` of the template: ask a service in this process, or one that runs."""

import argparse
import os
import sys

from servekit.testing.authenticated_client import HEADERS, SETTINGS
from servekit.testing.project import tested
from servekit.testing.store import STORE

from tests.fuzzing import at, fuzzed, in_process

PHASES = {"examples", "coverage", "fuzzing"}

WITHOUT_LIMITS = {"RATE_LIMIT_MODELS": "none", "RATE_LIMIT_SIGN_IN": "none"}
"""Else most requests would be answered 429, and show nothing."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzzing")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--url", default="", help="of a service that runs, such as `make dev`")
    parser.add_argument("--header", default="", help="lets requests to it in: 'X-API-Key: …'")
    options = parser.parse_args()
    os.environ |= SETTINGS | WITHOUT_LIMITS | {"MODEL_STORE": STORE.as_uri()}
    if options.url:
        name, _, value = options.header.partition(":")
        load, headers = at(options.url), {name: value.strip()} if name else {}
    else:
        load, headers = in_process(tested().wiring.development()), HEADERS
    failed, cases = False, 0
    for own in [headers, {}] if headers else [{}]:
        findings = fuzzed(load, own, PHASES, options.examples)
        who = "with" if own else "without"
        print(f"{tested().package}, {who} credentials: {findings}", flush=True)
        failed |= bool(findings.failures or findings.errors)
        cases += findings.cases
    print(f"{cases} requests.", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
