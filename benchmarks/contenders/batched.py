"""What `serve.batch` in a model's deployment adds to the batcher in front of it.

Each model is deployed twice: as the project does it, and with `serve.batch` merging the calls
that meet in its replica. Those who ask stand where ingress replicas stand, with the project's
own batcher or with a call for each text. Prints one line of JSON for each round of each case.
"""

import asyncio
import itertools
import json
import sys
import threading
import time
from typing import Any

import ray
from my_service.app import WIRING
from my_service.contracts.language import Query
from my_service.contracts.opinion import Question
from ray import serve
from servekit.contracts import CHAMPION, Contract, NullMeter
from servekit.registry.sources.folder import folder
from servekit.serving.batcher import Batcher
from servekit.serving.model import Model
from servekit.serving.ray import RayTransport
from servekit.serving.settings import BatcherSettings
from servekit.serving.sizes import size_bytes

TEXT = "The bus was late again, so we walked home together and talked about the summer."
MAX_CALLS = 32
WAIT_S = 0.002
"""Batches are closed after so long, even while another one is under way: with 0 none ever grows."""
CONNECTIONS = 32
CALL_S = 0.005


class FixedCost:
    """Stands for a network on an accelerator, where a call takes as long for one text as for many.

    Calls take turns.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def predict(self, texts: list[str]) -> list[int]:
        with self._turn:
            time.sleep(CALL_S)
        return [len(text) for text in texts]


FIXED = Model(
    Contract("fixed", str, int), "benchmarks.contenders.batched:FixedCost", versioned=False
)
MODELS = {one.name: one for one in [*WIRING.models(), FIXED]}
ITEMS: dict[str, type[Any]] = {"language": Query, "opinion": Question}
"""What a text is put in, for models that do not take it as it is."""


def item_of(model: str) -> Any:
    return ITEMS.get(model, str)(TEXT)


class Plain:
    """Answers each call by itself."""

    def __init__(self, name: str) -> None:
        self._model = MODELS[name].held([folder], NullMeter)

    async def answer(self, items: list[Any]) -> list[Any]:
        return await self._model.predict_batch(items, [CHAMPION] * len(items))


class Batched(Plain):
    """Answers all calls that wait at the moment by one call to the model."""

    async def answer(self, items: list[Any]) -> list[Any]:
        return await self._together(items)

    @serve.batch(max_batch_size=MAX_CALLS, batch_wait_timeout_s=WAIT_S)
    async def _together(self, calls: list[list[Any]]) -> list[list[Any]]:
        answers = iter(await super().answer([item for call in calls for item in call]))
        return [[next(answers) for _ in call] for call in calls]


class Ingress:
    """Stands for an ingress replica."""

    def __init__(self, **models: Any) -> None:
        self._calls = {name: RayTransport(name, handle, 30) for name, handle in models.items()}

    async def ask(
        self, model: str, kind: str, through_batcher: bool, connections: int, seconds: float
    ) -> int:
        """How many texts were answered."""
        item = item_of(model)
        calls = self._calls[f"{model}_{kind}"]

        async def together(items: Any) -> Any:
            return await calls.call("answer", items)

        batcher: Any = Batcher(
            model, together, lambda _: size_bytes(TEXT), BatcherSettings(), NullMeter()
        )
        answered, until = 0, time.monotonic() + seconds

        async def caller() -> None:
            nonlocal answered
            while time.monotonic() < until:
                await (batcher.ask(item) if through_batcher else together([item]))
                answered += 1

        await asyncio.gather(*(caller() for _ in range(connections)))
        return answered


def deployed() -> Any:
    """Deploy the models and what stands for the ingress replicas; return a handle to these."""
    sizes: Any = {
        "max_ongoing_requests": 1000,
        "ray_actor_options": {"num_cpus": 0.1},
        "logging_config": {"enable_access_log": False},
    }
    models = {
        f"{name}_{kind.__name__.lower()}": serve.deployment(
            name=f"{name}-{kind.__name__}", **sizes
        )(kind).bind(name)
        for name in MODELS
        for kind in (Plain, Batched)
    }
    ingresses = []
    for number in range(2):
        ingress = serve.deployment(name=f"ingress-{number}", **sizes)(Ingress).bind(**models)
        ingresses.append(ingress)

    class Both:
        def __init__(self, *asking: Any) -> None:
            self._asking = asking

        async def ask(self, count: int, *case: Any) -> int:
            asked = [one.ask.remote(*case) for one in self._asking[:count]]
            return sum([await one for one in asked])

    return serve.run(
        serve.deployment(name="both", **sizes)(Both).bind(*ingresses), route_prefix=None
    )


async def measure(asking: Any, rounds: int, seconds: float) -> None:
    cases = list(itertools.product(MODELS, (True, False), (1, 2)))
    for number in range(-1, rounds):
        for model, through_batcher, ingresses in cases:
            rates = {}
            # Side by side, and each first in turn.
            for kind in ("plain", "batched")[:: 1 if number % 2 else -1]:
                case = (model, kind, through_batcher, CONNECTIONS // ingresses, seconds)
                began = time.monotonic()
                answered = await asking.ask.remote(ingresses, *case)
                rates[kind] = answered / (time.monotonic() - began)
            if number >= 0:  # what came before warmed up
                case = {"model": model, "through_batcher": through_batcher, "ingresses": ingresses}
                print(json.dumps(case | rates), flush=True)


if __name__ == "__main__":
    ray.init("local", include_dashboard=False, num_cpus=4, log_to_driver=False)
    serve.start(proxy_location="Disabled")
    handle = deployed()
    asyncio.run(measure(handle, int(sys.argv[1]), float(sys.argv[2])))
    ray.shutdown()
