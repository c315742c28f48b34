"""Contracts of every kind of input and output: what JSON can say, a model is asked and answers."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from fastapi.testclient import TestClient
from pydantic import Base64Bytes, BaseModel, Field
from typing_extensions import TypedDict

from servekit.api import Service, create_app
from servekit.api.models import model_router
from servekit.contracts import Contract

from tests.in_process import ports_around


class Image(BaseModel):
    """A file of two bytes for width and height, and a byte for each pixel."""

    image: Annotated[Base64Bytes, Field(max_length=1000)]


class Seen(NamedTuple):
    width: int
    brightness: float


class Address(TypedDict):
    city: str


@dataclass
class Order:
    lines: list[tuple[str, int]]
    to: Address | None = None
    speed: Literal["slow", "fast"] = "slow"
    notes: dict[str, list[str]] | None = None


class Brightness:
    def predict(self, items: Sequence[Image]) -> list[Seen]:
        return [Seen(one.image[0], sum(one.image[2:]) / len(one.image[2:])) for one in items]


class Totals:
    def predict(self, items: Sequence[Order]) -> list[dict[str, int]]:
        return [
            {name: count * (2 if one.speed == "fast" else 1) for name, count in one.lines}
            for one in items
        ]


class Product:
    def predict(self, items: Sequence[list[list[float]]]) -> list[list[float]]:
        return [[sum(row) for row in matrix] for matrix in items]


class Tokens:
    def predict(self, items: Sequence[str]) -> list[str]:
        return [text.upper() for text in items]

    def stream(self, item: str) -> Iterator[str]:
        yield from item.upper().split()


MODELS: dict[Contract, type[Any]] = {
    Contract("image", Image, Seen): Brightness,
    Contract("order", Order, dict[str, int]): Totals,
    Contract("matrix", list[list[float]], list[float]): Product,
    Contract("tokens", str, str, streams=True): Tokens,
}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    service = Service(name="Types", slug="types", package="types", version="1")
    routers = [model_router(contract, f"/v1/{contract.name}") for contract in MODELS]
    with TestClient(create_app(service, ports_around(MODELS), routers)) as client:
        yield client


IMAGE = {"image": base64.b64encode(bytes([2, 2, 0, 100, 200, 100])).decode()}
WHOLE = {
    "lines": [["pen", 2], ["ink", 1]],
    "to": {"city": "Łódź"},
    "speed": "fast",
    "notes": {"pen": ["blue", ""], "ink": []},
}


@pytest.mark.parametrize(
    ("name", "item", "answer"),
    [
        ("image", IMAGE, [2, 100.0]),
        ("order", WHOLE, {"pen": 4, "ink": 2}),
        ("order", {"lines": []}, {}),
        ("order", {"lines": [["pen", 1]], "to": None, "notes": None}, {"pen": 1}),
        ("matrix", [[1, 2.5], [], [3]], [3.5, 0.0, 3.0]),
        ("matrix", [], []),
        ("tokens", "", ""),
    ],
)
def test_any_type_is_asked_and_answered(
    client: TestClient, name: str, item: Any, answer: Any
) -> None:
    assert client.post(f"/v1/{name}", json=item).json() == answer
    batch = client.post(f"/v1/{name}/batch", json={"items": [item, item]})
    assert batch.json() == {"results": [answer, answer]}
    lines = client.post(f"/v1/{name}/lines", json={"items": [item]})
    assert lines.status_code == 200
    assert client.get(f"/v1/models/{name}").json()["input"]


@pytest.mark.parametrize(
    ("name", "item", "location"),
    [
        ("image", {"image": "no base64 at all!"}, ["body", "image"]),
        ("image", {"image": base64.b64encode(bytes(1001)).decode()}, ["body", "image"]),
        ("order", {"lines": [["pen", "many"]]}, ["body", "lines", 0, 1]),
        ("order", {"lines": [], "to": {"town": "x"}}, ["body", "to", "city"]),
        ("order", {"lines": [], "speed": "faster"}, ["body", "speed"]),
        ("matrix", [[1], ["x"]], ["body", 1, 0]),
        ("matrix", [[1], 2], ["body", 1]),
    ],
)
def test_the_place_of_what_is_wrong_is_named(
    client: TestClient, name: str, item: Any, location: list[Any]
) -> None:
    refused = client.post(f"/v1/{name}", json=item)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == location


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_has_not_is_refused_in_a_matrix(client: TestClient, number: str) -> None:
    headers = {"Content-Type": "application/json"}
    refused = client.post("/v1/matrix", content=f"[[1, {number}]]", headers=headers)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == ["body", 0, 1]


def test_tokens_are_streamed(client: TestClient) -> None:
    stream = client.post("/v1/tokens/stream", json="one two three").text
    data = [line for line in stream.splitlines() if line.startswith("data")]
    assert data == ['data: "ONE"', 'data: "TWO"', 'data: "THREE"', "data: {}"]
