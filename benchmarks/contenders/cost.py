"""What one `POST /v1/detect` costs the process that answers it, without a server around it.

Prints one line of JSON for each round of each application: microseconds of CPU time a request, of
the thread that the event loop runs in. Applications take turns, so that what slows the machine
slows all of them.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from typing import Any

from my_service.api import v1
from my_service.app import WIRING
from my_service.contracts.language import LANGUAGE, Detection, Query
from servekit.api import Feature, Service, create_app
from servekit.contracts import CHAMPION, NullMeter, Ports, Prediction
from servekit.features.auth import auth
from servekit.features.auth.credentials import new_user
from servekit.features.auth.settings import AuthSettings
from servekit.features.auth.tokens import OwnTokens
from servekit.features.cache import cache
from servekit.features.metrics import metrics
from servekit.features.rate_limit import rate_limit
from servekit.features.rate_limit.settings import RateLimitSettings
from servekit.features.request_log import request_log
from servekit.logs import configure_logging
from servekit.serving.settings import BatcherSettings
from servekit.testing.fakes import FakePredictor

from benchmarks.contenders import idiomatic

TEXT = "Wie geht es dir heute, mein lieber Freund?"
ANSWER = Detection(
    "de",
    0.99,
    [
        {"language": "de", "score": 0.99},
        {"language": "en", "score": 0.01},
        {"language": "fr", "score": 0.0},
    ],
)
PATH = "/v1/detect"
TIMES = 500
SECRET = "of the benchmarks alone and of no service anywhere"
SERVICE = Service(name="Costs", slug="costs", package="costs", version="1")

Headers = list[tuple[bytes, bytes]]


class Forgetful(FakePredictor):
    """Remembers nothing of what it was asked."""

    async def predict(self, item: Any, version: str = CHAMPION) -> Prediction[Any]:
        self.asked.clear()
        self.versions.clear()
        return await super().predict(item, version)


class ConstantModel:
    """Gives one answer, at once."""

    def predict(self, items: list[Query], /) -> list[Detection]:
        return [ANSWER] * len(items)

    def stream(self, _: Query, /) -> list[Detection]:
        return [ANSWER]


def constant(_: Any) -> Detection:
    return ANSWER


def fake_ports() -> Ports:
    return Ports({"language": Forgetful(LANGUAGE, constant)}, NullMeter(), {"language": LANGUAGE})


def bare() -> Any:
    """Ours, with a fake model and no feature."""
    return create_app(SERVICE, fake_ports(), v1.routers)


def sample() -> Any:
    """Ours, with the model behind the batcher, and no feature."""
    settings = BatcherSettings.load()
    ports = WIRING.ports(WIRING.held(settings, NullMeter()), NullMeter(), [], settings)
    return create_app(SERVICE, ports, v1.routers)


def featured() -> tuple[Any, Headers]:
    """Ours, with the default features and a fake model; every text is new to the cache."""
    configure_logging("INFO", "my_service")
    os.environ["AUTH_SECRETS"] = SECRET
    os.environ["AUTH_USERS"] = new_user("bench", ["predict"]).entry
    settings = AuthSettings.load()
    features: list[Feature] = [
        request_log(),
        metrics(),
        auth(settings, service=SERVICE.slug),
        rate_limit(RateLimitSettings(models="1000000/second"), service=SERVICE.slug),
        cache(service=SERVICE.slug),
    ]
    token = OwnTokens(settings, SERVICE.slug).issue("bench", ["predict"])
    app = create_app(SERVICE, fake_ports(), v1.routers, features)
    return app, [(b"authorization", f"Bearer {token}".encode())]


def request(number: int, headers: Headers) -> tuple[dict[str, Any], bytes]:
    """The scope and the body of one request, as uvicorn gives them."""
    body = json.dumps({"text": f"{TEXT} {number}"}).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    return scope, body


async def ask(app: Any, number: int, headers: Headers) -> list[dict[str, Any]]:
    """Return the messages of the answer."""
    scope, body = request(number, headers)
    sent: list[dict[str, Any]] = []
    pieces = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(pieces)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def measure(rounds: int) -> None:
    applications = {
        "idiomatic": (idiomatic.around(ConstantModel()), []),
        "bare": (bare(), []),
        "sample": (sample(), []),
        "featured": featured(),
    }
    numbers = itertools.count()
    for app, headers in applications.values():
        start, *_ = await ask(app, next(numbers), headers)
        assert start["status"] == 200, start
    for number in range(-1, rounds):
        for name, (app, headers) in applications.items():
            began = time.thread_time()
            for _ in range(TIMES):
                await ask(app, next(numbers), headers)
            taken = (time.thread_time() - began) / TIMES
            if number >= 0:  # what came before warmed up
                print(json.dumps({"application": name, "us": taken * 1e6}), flush=True)


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1])))
