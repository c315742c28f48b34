"""Routers of models beside each other, inside other routers, and for unusual types."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from fastapi import APIRouter, Depends
from fastapi.testclient import TestClient
from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema
from starlette.requests import HTTPConnection

from servekit.api import Feature, Service, create_app
from servekit.api.errors import ProblemError
from servekit.api.models import model_router
from servekit.contracts import Contract, Ports
from servekit.settings import SettingsError

from tests.in_process import ports_around

SERVICE = Service(name="Churn", slug="churn", package="churn", version="1")
ABSENT = Contract("absent", int | None, bool, streams=True)


class Absent:
    """Finds out which items are null."""

    def predict(self, items: Sequence[int | None]) -> list[bool]:
        return [item is None for item in items]

    def stream(self, item: int | None) -> list[bool]:
        return [item is None]


class Problem(BaseModel):
    """A class of the user's own, with a name that the kit uses too."""

    cause: str


class InvalidField(NamedTuple):
    name: str


class Counted(BaseModel):
    """Counts how often its schema is made."""

    text: str

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        MADE.append(cls)
        return handler(core_schema)


MADE: list[type] = []


def ports(*contracts: Contract) -> Ports:
    """The ports of models that say of each item whether it is null."""
    return ports_around(dict.fromkeys(contracts, Absent))


def client_of(*contracts: Contract) -> TestClient:
    routers = [model_router(one, f"/{one.name}") for one in contracts]
    return TestClient(create_app(SERVICE, ports(*contracts), routers))


def openapi(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def test_operation_ids_differ_whatever_models_are_called() -> None:
    names = ["x", "x_batch", "batch_x", "x_lines", "lines_x", "stream_x"]
    paths = openapi(client_of(*(Contract(name, int, int, streams=True) for name in names)))["paths"]
    ids = [
        one["operationId"] for path, item in paths.items() for one in item.values() if "_" in path
    ]
    assert len({*ids}) == len(ids) == 4 * len(names) - 4


@pytest.mark.parametrize("path", ["/absent", "/absent/stream"])
def test_null_is_an_item_where_the_contract_allows_it(path: str) -> None:
    with client_of(ABSENT) as client:
        answer = client.post(path, content="null", headers={"content-type": "application/json"})
        assert answer.status_code == 200
        assert "true" in answer.text
        assert client.post("/absent/batch", json={"items": [None]}).json() == {"results": [True]}


class Point(BaseModel):
    """An item with numbers at several depths."""

    x: float
    more: list[float] = []
    named: dict[str, float | None] = {}


class Echo:
    """Answers with the item itself; of one below zero the root is not a number."""

    def predict(self, items: Sequence[Point]) -> list[Point]:
        return [one.model_copy(update={"x": math.nan}) if one.x < 0 else one for one in items]

    def stream(self, item: Point) -> list[Point]:
        return self.predict([item])


POINT = Contract("point", Point, Point, streams=True)


def asking_points(contract: Contract) -> TestClient:
    app = create_app(SERVICE, ports_around({contract: Echo}), [model_router(contract, "/point")])
    return TestClient(app)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '"nan"'])
@pytest.mark.parametrize(
    ("body", "location"),
    [
        ('{"x": %s}', ["x"]),
        ('{"x": 1, "more": [0, %s]}', ["more", 1]),
        ('{"x": 1, "named": {"a": null, "b": %s}}', ["named", "b"]),
    ],
)
def test_a_number_that_is_not_finite_is_refused_where_it_is(
    number: str, body: str, location: list[str | int]
) -> None:
    headers = {"content-type": "application/json"}
    with asking_points(POINT) as client:
        for path in ("/point", "/point/stream"):
            refused = client.post(path, content=body % number, headers=headers)
            assert refused.status_code == 422
            assert refused.json()["errors"] == [
                {"location": ["body", *location], "message": "Input should be a finite number"}
            ]
        many = '{"items": [{"x": 1}, %s]}' % (body % number)
        for path in ("/point/batch", "/point/lines"):
            [error] = client.post(path, content=many, headers=headers).json()["errors"]
            assert error["location"] == ["body", "items", 1, *location]


def test_an_answer_that_is_not_finite_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    with asking_points(POINT) as client:
        failed = client.post("/point", json={"x": -1})
        assert (failed.status_code, failed.json()["detail"]) == (500, "The point model failed.")
        assert client.post("/point", json={"x": 1}).status_code == 200
        assert client.post("/point/batch", json={"items": [{"x": -1}]}).status_code == 500
        assert client.post("/point/stream", json={"x": -1}).status_code == 500
    assert "an answer of point is not a finite number: x" in caplog.text


def test_a_contract_may_allow_what_is_not_finite() -> None:
    allowing = Contract("point", Point, Point, streams=True, allow_inf_nan=True)
    with asking_points(allowing) as client:
        assert client.post("/point", json={"x": -1}).json()["x"] is None


def test_a_class_that_is_called_problem_keeps_its_schema() -> None:
    document = openapi(client_of(Contract("absent", Problem, list[InvalidField])))
    schemas = document["components"]["schemas"]
    operation = document["paths"]["/absent"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    refusal = operation["responses"]["422"]["content"]["application/problem+json"]["schema"]["$ref"]
    assert schemas[body.rpartition("/")[2]]["properties"].keys() == {"cause"}
    problem = schemas[refusal.rpartition("/")[2]]["properties"]
    assert problem.keys() > {"title", "status", "request_id"}
    field = problem["errors"]["anyOf"][0]["items"]["$ref"]
    assert schemas[field.rpartition("/")[2]]["properties"].keys() == {"location", "message"}


def test_schemas_are_made_once() -> None:
    client = client_of(Contract("absent", Counted, Counted))
    before = len(MADE)
    for _ in range(2):
        assert client.get("/v1/models/absent").json()["input"]["title"] == "Counted"
    assert len(MADE) == before


async def refuse(connection: HTTPConnection) -> None:
    raise ProblemError(403, "Not here.")


def routes_of(contract: Contract, prefix: str) -> APIRouter:
    router = APIRouter(prefix=prefix)

    @router.get("/name")
    async def name() -> str:
        return contract.name

    return router


def nested(*dependencies: Any) -> TestClient:
    """A client of an application whose model is two routers deep."""
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer", dependencies=dependencies)
    inner.include_router(model_router(ABSENT, "/absent"))
    outer.include_router(inner)
    feature = Feature(name="names", model_routes=routes_of)
    return TestClient(create_app(SERVICE, ports(ABSENT), [outer], [feature]))


def test_a_model_inside_other_routers_gets_the_routes_of_features() -> None:
    client = nested()
    assert client.post("/outer/inner/absent", json=1).json() is False
    assert client.get("/outer/inner/absent/name").json() == "absent"


def test_feature_routes_inherit_dependencies_of_outer_routers() -> None:
    client = nested(Depends(refuse))
    assert client.post("/outer/inner/absent", json=1).status_code == 403
    assert client.get("/outer/inner/absent/name").status_code == 403


def test_nested_routes_for_an_unknown_model_stop_the_start() -> None:
    outer = APIRouter(prefix="/outer")
    outer.include_router(model_router(Contract("price", int, int), "/v1/price"))
    with pytest.raises(SettingsError, match=r"^Routes for an unknown model 'price'"):
        create_app(SERVICE, ports(ABSENT), [outer])
