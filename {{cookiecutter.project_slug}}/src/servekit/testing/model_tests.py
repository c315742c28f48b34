"""Tests that every model of a service gets.

A project has them by one subclass:

    class TestModels(ModelTests):
        pass
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from servekit.contracts import ModelError
from servekit.registry.golden import matches
from servekit.registry.settings import StoreSettings
from servekit.serving.model import Model

from .asked import Asked, PoisonedDeployment
from .project import tested

WRONG_TYPE: Mapping[str, Any] = {
    **dict.fromkeys(("array", "boolean", "integer", "number", "object"), "wrong"),
    "string": [],
}


class ModelTests:
    """Asks each model what its golden examples ask: in process, and over Serve by two replicas.

    A model whose router is not in the service is asked by an application of its own, in process.
    """

    def models(self) -> Iterable[Model]:
        return tested().wiring.models()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "model" in metafunc.fixturenames:
            models = [*self.models()]
            metafunc.parametrize("model", models, ids=[one.name for one in models])

    def test_golden_examples_are_answered(self, asked: Asked) -> None:
        for example in asked.examples:
            response = asked.post("", example.input)
            assert response.status_code == 200
            assert response.headers.get("x-model", asked.version) == asked.version
            assert matches(example.output, asked.value(response.json())), example

    def test_batch_equals_singles_in_order(self, asked: Asked) -> None:
        items = [one.input for one in reversed(asked.examples)]
        singles = [asked.post("", item).json() for item in items]
        batch = asked.post("/batch", {"items": items})
        assert batch.headers.get("x-model", asked.version) == asked.version
        assert matches(singles, batch.json()["results"])
        lines = asked.post("/lines", {"items": items}).text.splitlines()
        assert matches(singles, [json.loads(line) for line in lines])

    def test_stream_ends_with_done(self, asked: Asked) -> None:
        if not asked.model.contract.streams:
            pytest.skip("The contract does not stream.")
        stream = asked.post("/stream", asked.examples[0].input).text
        events = [line for line in stream.splitlines() if line.startswith("event:")]
        assert [*dict.fromkeys(events)] == ["event: prediction", "event: done"]

    def test_socket_answers_each_message(self, asked: Asked) -> None:
        asked.need("websockets")
        if not isinstance(asked.client, TestClient):
            pytest.skip("Sockets are asked in process.")
        with asked.client.websocket_connect(f"{asked.prefix}/ws") as socket:
            for example in asked.examples:
                socket.send_json(example.input)
                while (answer := socket.receive_json())["type"] == "prediction":
                    pass
                assert answer["type"] == "done"
                assert matches(example.output, asked.value(answer["value"])), example

    def test_tensors_get_the_same_answer(self, asked: Asked) -> None:
        asked.need("open_inference")
        path = f"/v2/models/{asked.model.name}"
        metadata = asked.get(path).json()
        for example in asked.examples:
            given = by_name(example.input, metadata["inputs"], "input")
            body = {
                "inputs": [
                    tensor(one, given[one["name"]])
                    for one in metadata["inputs"]
                    if one["name"] in given
                ]
            }
            response = asked.client.post(f"{path}/infer", json=body)
            assert response.status_code == 200
            assert response.headers.get("x-model", asked.version) == asked.version
            answer = {one["name"]: value_of(one) for one in response.json()["outputs"]}
            assert matches(by_name(example.output, metadata["outputs"], "output"), answer), example

    def test_what_the_schema_forbids_is_refused(self, asked: Asked) -> None:
        schema = TypeAdapter(asked.model.contract.input).json_schema()
        bodies = [*forbidden(schema, asked.examples[0].input, schema.get("$defs", {}))]
        if not bodies:
            pytest.skip("The schema of the input says nothing that can be broken.")
        for body in bodies:
            refused = asked.post("", body)
            assert refused.status_code == 422, body
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["errors"]

    def test_model_is_listed_with_its_schemas(self, asked: Asked) -> None:
        contract = asked.model.contract
        assert contract.name in [one["name"] for one in asked.get("/v1/models").json()]
        details = asked.get(f"/v1/models/{contract.name}").json()
        assert details["input"] == TypeAdapter(contract.input).json_schema()
        assert details["output"] == TypeAdapter(contract.output).json_schema(mode="serialization")

    def test_second_answer_is_a_hit(self, asked: Asked) -> None:
        asked.need("cache")
        if not asked.model.contract.cacheable:
            pytest.skip("The contract is not cacheable.")
        # Each of two replicas has a memory of its own.
        answers = [asked.post("", asked.examples[0].input) for _ in range(3)]
        assert any(one.headers["cache-status"].endswith("hit") for one in answers)
        assert all(matches(answers[0].json(), one.json()) for one in answers)

    def test_requests_without_credentials_are_refused(self, asked: Asked) -> None:
        asked.need("auth")
        assert asked.post("", asked.examples[0].input, anonymous=True).status_code == 401

    def test_answer_says_what_is_left_of_the_limit(self, asked: Asked) -> None:
        asked.need("rate_limit")
        assert int(asked.post("", asked.examples[0].input).headers["ratelimit-remaining"]) >= 0

    async def test_poisoned_item_fails_alone(self, model: Model) -> None:
        """The model is made to fail on one item: few inputs that a schema allows break a model."""
        examples = model.golden(tuple(tested().wiring.sources()))
        if model.deployment or len(examples) < 2:
            pytest.skip("It needs two golden examples, and a class without one for Serve.")
        poison, *others = [one.item(model.contract) for one in examples]
        deployment = PoisonedDeployment(model, poison)
        with closing(deployment):
            for example, item in zip(examples[1:], others, strict=True):
                poisoned, answer = await deployment.predict_batch([poison, item], ["", ""])
                assert isinstance(poisoned, ModelError)
                assert not isinstance(answer, ModelError)
                assert matches(example.output, answer.value), example

    async def test_every_version_answers_and_names_itself(self, model: Model) -> None:
        if not model.versioned:
            pytest.skip("The model has no versions in the store.")
        kinds = tuple(tested().wiring.sources())
        deployment = model.held(kinds, None)
        with closing(deployment):
            for version in StoreSettings.load().opened(kinds).versions(model.name):
                reference = f"{model.name}:{version}"
                examples = model.golden(kinds, reference)
                await deployment.reconfigure({"reference": reference})
                items = [one.item(model.contract) for one in examples]
                answers = await deployment.predict_batch(items, [""] * len(items))
                assert {one.version for one in answers} == {reference}
                assert matches([one.output for one in examples], [one.value for one in answers])


Tensor = dict[str, Any]
"""As the Open Inference Protocol writes it in JSON."""


def by_name(value: Any, fields: Iterable[Tensor], alone: str) -> Mapping[str, Any]:
    """The parts of an item or of an answer, by the names that its tensors have."""
    return {alone: value} if [one["name"] for one in fields] == [alone] else value


def tensor(field: Tensor, value: Any) -> Tensor:
    """The tensor of one item: lists as JSON, because an empty one has no other shape."""
    as_json = "parameters" in field or isinstance(value, list)
    return {
        "name": field["name"],
        "datatype": "BYTES" if as_json else field["datatype"],
        "shape": [1],
        "data": [json.dumps(value) if as_json else value],
    }


def value_of(tensor: Tensor) -> Any:
    """The value for one item."""
    data = tensor["data"]
    if "parameters" in tensor:
        return json.loads(data[0])
    for size in reversed(tensor["shape"][1:]):
        data = [data[place : place + size] for place in range(0, len(data), size or 1)]
    return data[0]


def forbidden(schema: Mapping[str, Any], example: Any, known: Mapping[str, Any]) -> Iterator[Any]:
    """Values that a JSON Schema forbids, each an example that is wrong in one place.

    Args:
        schema: Of the value.
        example: A value that it allows.
        known: The schemas that `$ref` may name.
    """
    schema = known.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if (kind := schema.get("type", "")) in WRONG_TYPE:
        yield WRONG_TYPE[kind]
    yield from _beyond_limits(schema)
    if kind != "object" or not isinstance(example, Mapping):
        return
    for name in schema.get("required", ()):
        yield {key: value for key, value in example.items() if key != name}
    for name, inner in schema.get("properties", {}).items():
        for wrong in forbidden(inner, example.get(name), known):
            yield {**example, name: wrong}


LONGEST = 1_000_000
"""Longer texts are refused for the size of their request, whatever the schema says."""


def _beyond_limits(schema: Mapping[str, Any]) -> Iterator[Any]:
    for name, limit in schema.items():
        match name:
            case "minimum":
                yield limit - 1 - abs(limit)
            case "maximum":
                yield limit + 1 + abs(limit)
            case "exclusiveMinimum" | "exclusiveMaximum":
                yield limit
            case "minLength" if limit:
                yield "x" * (limit - 1)
            case "maxLength" if limit < LONGEST:
                yield "x" * (limit + 1)
            case "enum" | "const":
                yield f"{limit}x"
            case _:
                pass
