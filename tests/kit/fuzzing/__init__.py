"""Asks a service what its OpenAPI document allows, and much that it forbids.

Schemathesis makes up the requests, and holds each answer to the document. `make fuzz` of the
template runs this module; a small fixed part runs with the other tests.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemathesis import Config, openapi
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

SEED = 20260

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
)
"""What every answer is held to. Whether invalid data is refused is for the tests of each route:
numbers in texts are taken for numbers, on purpose."""

Load = Callable[[Config], Any]
"""Loads the OpenAPI document of a service, from wherever it runs."""


@dataclass
class Findings:
    """What came of asking.

    Attributes:
        statuses: How often each came.
        failures: What was wrong, by operation and check, each once.
        errors: What schemathesis itself could not do.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.statuses.total()

    def add(self, event: ScenarioFinished) -> None:
        for identity, interaction in event.recorder.interactions.items():
            if interaction.response is not None:
                self.statuses[interaction.response.status_code] += 1
            for check in event.recorder.checks.get(identity, ()):
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    said = f"{failure.title}: {failure.message}\n{check.failure_info.code_sample}"
                    self.failures.setdefault(f"{event.label} {check.name}", said)

    def __str__(self) -> str:
        statuses = ", ".join(
            f"{status}: {times}" for status, times in sorted(self.statuses.items())
        )
        wrong = [f"{where}\n{what}" for where, what in self.failures.items()]
        return "\n\n".join([f"{self.cases} requests ({statuses})", *wrong, *self.errors])


def fuzzed(load: Load, headers: Mapping[str, str], phases: set[str], examples: int = 1) -> Findings:
    """Ask a service, the same each time.

    Args:
        load: Loads its OpenAPI document.
        headers: What every request has.
        phases: Of schemathesis: `examples` of the document, `coverage` of limits, `fuzzing` at
            random, `stateful` by links.
        examples: The most requests for an operation that are made up at random.
    """
    every = {"examples", "coverage", "fuzzing", "stateful"}
    config = Config.from_dict(
        {
            "seed": SEED,
            "headers": dict(headers),
            "workers": 1,
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "generation": {
                "mode": "all",
                "max-examples": examples,
                "deterministic": True,
                "no-shrink": True,
                "database": "none",
            },
            "phases": {name: {"enabled": name in phases} for name in every},
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
        }
    )
    findings = Findings()
    with warnings.catch_warnings():
        # Said of a strategy when any thread of this process draws a random number meanwhile.
        warnings.filterwarnings("ignore", "Do not use the `random` module inside strategies")
        for event in from_schema(load(config)).execute():
            if isinstance(event, ScenarioFinished):
                findings.add(event)
            elif isinstance(event, NonFatalError):
                findings.errors.append(f"{event.label}: {event.value!r}")
            elif isinstance(event, FatalError):
                raise event.exception
    return findings


def in_process(app: Any) -> Load:
    """Ask an application in this process."""
    return lambda config: openapi.from_asgi("/openapi.json", app, config=config)


def at(url: str) -> Load:
    """Ask a service that runs."""
    return lambda config: openapi.from_url(f"{url}/openapi.json", config=config)
