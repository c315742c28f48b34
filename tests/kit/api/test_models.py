"""Routes of any contract, and the features that apply to them without a further line."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from pydantic import AfterValidator, BaseModel, Field, create_model
from typing_extensions import TypedDict

from servekit.api import Feature, Service, create_app
from servekit.api.canary import CanarySettings
from servekit.api.contract_types import check_contracts
from servekit.api.models import model_router
from servekit.contracts import CHALLENGER, CHAMPION, Contract, ModelTimeoutError, Ports
from servekit.settings import SettingsError
from servekit.testing.fakes import FakeMeter

from tests.in_process import ports_around


class Customer(BaseModel):
    months: Annotated[int, Field(ge=0, examples=[12])]
    spend: float = 0.0


class Risk(BaseModel):
    churn: float


CHURN = Contract("churn", Customer, Risk, streams=True)
PARITY = Contract("parity", int, bool)


class Churn:
    """Loyal customers stay; those of 13 months make it fail."""

    version = "3"
    facts: dict[str, Any] = {"threshold": 12}  # noqa: RUF012

    def predict(self, items: Sequence[Customer]) -> list[Risk]:
        if any(item.months == 13 for item in items):
            raise ValueError("secret")
        return [Risk(churn=1 / (1 + item.months)) for item in items]

    def stream(self, item: Customer) -> Iterator[Risk]:
        for month in range(item.months):
            yield Risk(churn=1 / (1 + month))


class Parity:
    def predict(self, items: Sequence[int]) -> list[bool]:
        return [item % 2 == 0 for item in items]


def ports() -> Ports:
    return ports_around({CHURN: Churn, PARITY: Parity})


def client_of(*features: Feature, **options: Any) -> TestClient:
    service = Service(name="Churn", slug="churn", package="churn", version="1")
    routers = [model_router(CHURN, "/v1/churn"), model_router(PARITY, "/parity")]
    return TestClient(create_app(service, ports(), routers, features, **options))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of() as client:
        yield client


def test_one_item_is_answered_and_names_its_version(client: TestClient) -> None:
    answer = client.post("/v1/churn", json={"months": 3})
    assert (answer.status_code, answer.json()) == (200, {"churn": 0.25})
    assert answer.headers["x-model"] == "churn:3"
    assert client.post("/parity", json=4).json() is True


def test_a_batch_is_answered_in_order(client: TestClient) -> None:
    items = [{"months": months} for months in (0, 1, 3)]
    answer = client.post("/v1/churn/batch", json={"items": items})
    assert answer.json() == {"results": [{"churn": 1.0}, {"churn": 0.5}, {"churn": 0.25}]}
    assert answer.headers["x-model"] == "churn:3"


def test_lines_are_answered_in_order(client: TestClient) -> None:
    answer = client.post("/parity/lines", json={"items": [1, 2, 3]})
    assert answer.text.split() == ["false", "true", "false"]


def test_a_stream_has_an_event_for_each_piece(client: TestClient) -> None:
    answer = client.post("/v1/churn/stream", json={"months": 2})
    events = [line for line in answer.text.splitlines() if line.startswith("event")]
    assert events == ["event: prediction", "event: prediction", "event: done"]
    assert answer.headers["x-model"] == "churn:3"
    assert client.post("/parity/stream", json=2).status_code == 404


def test_a_stream_that_breaks_on_the_way_ends_with_an_error_event() -> None:
    class Late:
        async def stream(self, item: Any, version: str = CHAMPION) -> AsyncIterator[Any]:
            async for one in model.stream(item, version):
                yield one
            raise ModelTimeoutError("late")

    app: Any = client_of().app
    model = app.state.ports.models["churn"]
    app.state.ports = Ports({"churn": Late()}, FakeMeter(), {"churn": CHURN})
    answer = TestClient(app).post("/v1/churn/stream", json={"months": 1})
    assert "event: error" in answer.text
    assert "event: done" not in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/churn", {"months": -1}),
        ("/v1/churn", {}),
        ("/v1/churn/batch", {"items": []}),
        ("/v1/churn/batch", {"items": [{"months": "many"}]}),
        ("/v1/churn/lines", {"items": [None]}),
        ("/parity", "even"),
    ],
)
def test_an_item_that_the_contract_does_not_allow_is_a_problem(
    client: TestClient, path: str, body: object
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "many" not in answer.text


def test_an_item_that_fails_shows_no_reason(client: TestClient) -> None:
    answer = client.post("/v1/churn", json={"months": 13})
    assert (answer.status_code, answer.json()["detail"]) == (500, "The churn model failed.")
    assert "secret" not in answer.text


def test_the_routes_are_documented_like_any_other(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/churn"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    answer = operation["responses"]["200"]
    assert operation["operationId"] == "predict_churn"
    assert body["$ref"].endswith("/Customer")
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Risk")
    assert "X-Model" in answer["headers"]
    assert {"/v1/churn/batch", "/v1/churn/lines", "/v1/churn/stream"} <= {*document["paths"]}
    assert "/parity/stream" not in document["paths"]


def test_models_are_listed_with_their_schemas(client: TestClient) -> None:
    assert client.get("/v1/models").json() == [
        {"name": "churn", "version": "3", "path": "/v1/churn"},
        {"name": "parity", "version": "", "path": "/parity"},
    ]
    churn = client.get("/v1/models/churn").json()
    assert (churn["version"], churn["facts"]) == ("3", {"threshold": 12})
    assert (churn["path"], churn["streams"]) == ("/v1/churn", True)
    assert churn["input"]["properties"]["months"]["minimum"] == 0
    assert churn["output"]["required"] == ["churn"]
    assert client.get("/v1/models/price").status_code == 404


def test_readiness_asks_every_model(client: TestClient) -> None:
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_all_callers_of_a_canary_ask_the_challenger() -> None:
    asked: list[str] = []

    class Noting:
        async def predict(self, item: Any, version: str) -> Any:
            asked.append(version)
            return await model.predict(item)

    app: Any = client_of(canary=CanarySettings(fraction=1)).app
    model = app.state.ports.models["churn"]
    app.state.ports = Ports({"churn": Noting()}, FakeMeter(), {"churn": CHURN})
    assert TestClient(app).post("/v1/churn", json={"months": 1}).is_success
    assert asked == [CHALLENGER]


class Opaque:
    """Nothing that JSON could describe."""


def local() -> type[BaseModel]:
    class Local(BaseModel):
        text: str

    return Local


Outer = create_model("Outer", __module__=__name__, inner=(local(), ...))
"""A class that can travel, with a field that cannot."""


def test_types_that_cannot_be_documented_or_travel_are_refused() -> None:
    class Pair(NamedTuple):
        one: Opaque

    class LocalTuple(NamedTuple):
        text: str

    class Keys(TypedDict):
        text: str

    check_contracts([CHURN, PARITY, Contract("keys", Keys, list[Keys])])
    with pytest.raises(SettingsError, match="'odd', the output type has no JSON Schema: "):
        check_contracts([Contract("odd", int, Opaque)])
    with pytest.raises(SettingsError, match="'odd', the input type has no JSON Schema: "):
        check_contracts([Contract("odd", Pair, int)])
    for kind in (local(), LocalTuple, dict[str, LocalTuple | None], Outer, list[Outer]):
        with pytest.raises(SettingsError, match=r"'odd', the input type cannot be pickled: define"):
            check_contracts([Contract("odd", kind, int)])


def test_the_label_has_to_do_too() -> None:
    with pytest.raises(SettingsError, match="'odd', the label type has no JSON Schema: "):
        check_contracts([Contract("odd", int, int, label=Opaque)])


def test_a_rule_of_a_type_need_not_travel() -> None:
    stripped = Annotated[str, AfterValidator(lambda text: text.strip())]
    check_contracts([Contract("odd", stripped, list[stripped] | None)])


def test_routes_for_a_model_that_is_not_there_stop_the_start() -> None:
    service = Service(name="Churn", slug="churn", package="churn", version="1")
    price = model_router(Contract("price", int, int), "/v1/price")
    with pytest.raises(SettingsError, match=r"^Routes for an unknown model 'price'"):
        create_app(service, ports(), [price])
