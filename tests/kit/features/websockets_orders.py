"""A service in this process whose models take a record, a number, and a text piece by piece."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from servekit.api import Feature, Service, create_app
from servekit.api.models import model_router
from servekit.contracts import CHAMPION, Contract, ModelCard, Ports, Prediction
from servekit.features.websockets import websockets
from servekit.features.websockets.settings import WebsocketsSettings
from servekit.testing.fakes import FakeMeter

from .websockets_guesser import GUESS, Guesser
from tests.in_process import listening

NAME = "Orders & more"


class Place(BaseModel):
    city: str
    floor: int | None = None


class Point(NamedTuple):
    x: float
    marks: list[str] = []  # noqa: RUF012
    y: float = 0.5


class Order(BaseModel):
    article: Annotated[str, Field(max_length=40, description="As the catalogue calls it.")]
    count: Annotated[int, Field(ge=1, le=99)] = 1
    weight_kg: float | None = None
    gift: bool = False
    insured: bool | None = None
    size: Literal["small", "large"] = "small"
    place: Place | None = None
    point: Point = Point(0.25)
    tags: list[str] = []
    codes: dict[str, int] = {}

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"article": "desk", "count": 2, "tags": ["oak", "new"]},
                {"article": "lamp", "place": {"city": "Ulm"}},
            ]
        }
    }


class Forecast(BaseModel):
    """received: the order, as the model was given it."""

    received: dict[str, Any]
    arrival: dict[str, float]


ORDERS = Contract("orders", Order, Forecast)
SQUARE = Contract("square", int, int)


class Answers:
    """A model that answers by a function."""

    def __init__(self, name: str, answer: Any) -> None:
        self.name = name
        self.answer = answer

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        return Prediction(self.answer(item), f"{self.name}:4")

    async def card(self, version: str = CHAMPION) -> ModelCard:
        return ModelCard(self.name, "4", {})

    async def check(self) -> str:
        return ""


def forecast(order: Order) -> Forecast:
    received = order.model_dump(mode="json", exclude_unset=True)
    return Forecast(received=received, arrival={"late": 0.2, "on time": 0.8})


@contextmanager
def running(*features: Feature) -> Iterator[str]:
    """The URL of the service, which has these features beside `websockets`."""
    routers = [
        model_router(ORDERS, "/v1/orders"),
        model_router(SQUARE, "/square"),
        model_router(GUESS, "/v1/guess"),
    ]
    models = {
        "orders": Answers("orders", forecast),
        "square": Answers("square", lambda number: number * number),
        "guess": Guesser(),
    }
    contracts = {one.name: one for one in (ORDERS, SQUARE, GUESS)}
    app = create_app(
        Service(name=NAME, slug="orders", package="orders", version="1"),
        Ports(models, FakeMeter(), contracts),
        routers,
        [*features, websockets(WebsocketsSettings())],
    )
    with listening(app) as url:
        yield url
