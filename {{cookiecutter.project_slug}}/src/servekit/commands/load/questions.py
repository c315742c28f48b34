"""What a load test asks a model, and which answers are right."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from servekit.contracts import Contract
from servekit.registry.errors import ModelStoreError

TIMEOUT_S = 10.0
ANYTHING = object()
"""What is expected where only the status of an answer is checked."""


class Question(NamedTuple):
    """An item as JSON, and what has to be in the answer to it.

    Attributes:
        item: What is asked.
        expected: As golden examples say it.
        contract: Of the model, by which fields of an answer have names.
    """

    item: Any
    expected: Any = ANYTHING
    contract: Contract | None = None


class Target(NamedTuple):
    """What is asked.

    Attributes:
        path: Of the model's route for one item.
        questions: At least one.
        note: What the reader of the report has to know about them; may be empty.
    """

    path: str
    questions: Sequence[Question]
    note: str = ""


class Service:
    """A running service. Each method raises SystemExit, with one sentence, where it cannot go on.

    Args:
        url: Its address, with the path before its routes if there is one.
        headers: Let the caller in.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self.headers = headers

    def chosen(self, name: str) -> str:
        """The model of that name, or the only one that has routes when the name is empty."""
        try:
            names = [one["name"] for one in self._get("/v1/models") if one["path"] is not None]
        except (TypeError, KeyError):
            sys.exit(
                f"GET {self.url}/v1/models answered no models: is it the address of a service?"
            )
        if not names:
            sys.exit("The service has no model with routes.")
        known = " and ".join(names)
        if name and name not in names:
            sys.exit(f"Unknown model {name!r}. The service has {known}.")
        if not name and len(names) != 1:
            sys.exit(f"MODEL has to name the model to ask. The service has {known}.")
        return name or names[0]

    def target(self, name: str, wiring: Any) -> Target:
        """What to ask a model: the golden examples of the version that answers.

        Where there are none here, what the schema of its input gives as examples.

        Args:
            name: Of the model.
            wiring: Of the service, with its `models` and `sources`.
        """
        details = self._get(f"/v1/models/{name}")
        reference = f"{name}:{details['version']}" if details["version"] else name
        try:
            model = next((one for one in wiring.models() if one.name == name), None)
            version = reference if details["version"] else ""
            golden = model.golden(tuple(wiring.sources()), version) if model else []
            if model and golden:
                questions = [Question(*one, contract=model.contract) for one in golden]
                return Target(details["path"], questions)
            reason = f"{reference} has no golden examples here."
        except ModelStoreError as error:
            reason = str(error)
        questions = [Question(item) for item in schema_examples(details["input"])]
        if not questions:
            sys.exit(f"Nothing to ask: the input has no `examples`, and {reason}")
        return Target(details["path"], questions, f"Answers are not compared: {reason}")

    def _get(self, path: str) -> Any:
        # Locust asks no proxy either.
        opener = build_opener(ProxyHandler({}))
        request = Request(self.url + path, headers={**self.headers})  # noqa: S310
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except HTTPError as error:
            error.close()
            hint = ": set LOAD_HEADER to a header that lets you in" * (error.code in {401, 403})
            sys.exit(f"GET {request.full_url} answered {error.code} {error.reason}{hint}.")
        except (OSError, HTTPException) as error:
            cause = error.reason if isinstance(error, URLError) else error
            reason = getattr(cause, "strerror", None) or cause
            sys.exit(f"Nothing answers at {self.url} ({reason}): start one with `make serve`.")
        except ValueError:
            sys.exit(f"GET {request.full_url} answered no JSON: is it the address of a service?")


def schema_examples(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Whole items: the `examples` of a JSON Schema, or items made from those of its properties."""
    if "examples" in schema or not schema.get("properties"):
        yield from schema.get("examples", [])
        return
    given = {
        name: one["examples"] for name, one in schema["properties"].items() if one.get("examples")
    }
    if given.keys() >= {*schema.get("required", [])}:
        for number in range(max(map(len, given.values()), default=0)):
            yield {name: values[number % len(values)] for name, values in given.items()}
