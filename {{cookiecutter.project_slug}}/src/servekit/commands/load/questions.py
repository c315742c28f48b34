"""What a load test asks a model, and which answers are right."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import StoreSettings
from servekit.registry.version_files import ModelFiles, bytes_of

TIMEOUT_S = 10.0
TOLERANCE = 1e-3
"""Relative to the larger of two numbers; below one, absolute."""

ANYTHING = object()
"""What is expected where only the status of an answer is checked."""


class Question(NamedTuple):
    """An item as JSON, and what has to be in the answer to it."""

    item: Any
    expected: Any = ANYTHING


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
        names = [one["name"] for one in self._get("/v1/models") if one["path"] is not None]
        known = " and ".join(names) or "no model with routes"
        if name and name not in names:
            sys.exit(f"Unknown model {name!r}. The service has {known}.")
        if not name and len(names) != 1:
            sys.exit(f"MODEL has to name the model to ask. The service has {known}.")
        return name or names[0]

    def target(self, name: str, features: Any) -> Target:
        """What to ask a model: the golden examples of the version that answers.

        Where there are none here, what the schema of its input gives as examples.

        Args:
            name: Of the model.
            features: Has `models()` and `sources()`.
        """
        details = self._get(f"/v1/models/{name}")
        reference = f"{name}:{details['version']}" if details["version"] else name
        try:
            versioned = any(one.name == name and one.versioned for one in features.models())
            if versioned and details["version"]:
                store = StoreSettings.load().opened(tuple(features.sources()))
                files = store.open_version(name, details["version"])
                return Target(details["path"], golden_questions(files))
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


def golden_questions(files: ModelFiles) -> list[Question]:
    """The golden examples of a version. Raises ModelStoreError when there are none."""
    lines = "golden.jsonl" in files.manifest["files"]
    path = files.path("golden.jsonl" if lines else "examples.json")
    content = bytes_of(path)
    try:
        if lines:
            found = map(json.loads, content.splitlines())
            questions = [Question(one["input"], one["output"]) for one in found]
        else:  # flat objects, whose last field is the answer
            examples = [[*one.items()] for one in json.loads(content)]
            questions = [Question(dict(inputs), dict([output])) for *inputs, output in examples]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelStoreError(f"{path} holds no examples.") from error
    if not questions:
        raise ModelStoreError(f"{path} holds no examples.")
    return questions


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


def matches(expected: Any, actual: Any) -> bool:
    """Whether an answer has in it what is expected: of an object, only the fields named there."""
    if expected is ANYTHING:
        return True
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            name in actual and matches(one, actual[name]) for name, one in expected.items()
        )
    if isinstance(expected, list):
        same = isinstance(actual, list) and len(actual) == len(expected)
        return same and all(map(matches, expected, actual))
    if type(expected) is float and type(actual) in {int, float}:
        return math.isclose(expected, actual, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(expected) is type(actual) and expected == actual
