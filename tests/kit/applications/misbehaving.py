"""Applications whose models misbehave: one never answers, one answers slowly, one by one."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from ray import serve
from ray.serve import Application

from servekit.contracts import ModelCard, Prediction
from servekit.ingress.application import ingress
from servekit.serving.chunks import Chunked, Whole
from servekit.serving.deployment import ModelDeployment
from servekit.testing.cluster import SMALL, Cluster

from acme_service.contracts.language import LANGUAGE, Detection, Query
from acme_service.features import models

from tests.fakes import detection

log = logging.getLogger(__name__)

ENGLISH = Prediction(detection(en=1.0))

BUSY_S, BUSY_WAITING = 0.4, 4
"""How long each call of the busy model takes, and how many requests may wait for one."""

FAILS = "fail"
"""The text at which the model of `mortal` fails."""

IMPATIENT = {
    "BATCHER_TIMEOUT_S": "2",
    "BATCHER_MAX_WAITING": str(BUSY_WAITING),
    "BATCHER_MAX_IN_FLIGHT": "2",
    "BATCHER_MAX_STREAMS_PER_CALLER": "8",
}
PATIENT = IMPATIENT | {"BATCHER_TIMEOUT_S": "10"}


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    notes(cluster).touch()
    proxied = IMPATIENT | {"API_TRUSTED_HOPS": "1"}
    yield application(cluster, "stuck", 100, proxied, notes=str(notes(cluster)))
    yield application(cluster, "busy", 1, PATIENT)
    yield application(cluster, "mortal", 100, IMPATIENT)
    yield cluster.inline("lonely")


def application(
    cluster: Cluster, name: str, max_ongoing_requests: int, limits: dict[str, str], **args: str
) -> dict[str, Any]:
    """The service with the model of that name, a function of this module."""
    model = {
        "name": "model",
        "max_ongoing_requests": max_ongoing_requests,
        "max_queued_requests": 4,
        "graceful_shutdown_timeout_s": 1,
        "ray_actor_options": SMALL,
    }
    service = cluster.inline(name, 1, **limits)
    return service | {
        "import_path": f"{__name__}:{name}",
        "args": args,
        "deployments": [*service["deployments"], model],
    }


def notes(cluster: Cluster) -> Path:
    """The file in which the stuck model notes what happens to it."""
    return cluster.folder / "notes"


class StuckModel(Chunked):
    """Begins everything, ends nothing, and notes what is cancelled."""

    def __init__(self, notes: str) -> None:
        self._notes = Path(notes)

    async def predict_batch(self, items: list[Any], versions: list[str]) -> None:
        await self._never("predict_batch")

    async def predict_each(
        self, items: Sequence[Any], version: str
    ) -> AsyncIterator[Prediction[Detection]]:
        yield ENGLISH
        await self._never("predict_each")

    async def stream(self, item: Any, version: str) -> AsyncIterator[Prediction[Detection]]:
        yield ENGLISH
        await self._never("stream")

    async def whole_streams(self, items: list[Any], versions: list[str]) -> list[None]:
        return [None for _ in items]

    async def card(self) -> None:
        await self._never("card")

    async def _never(self, method: str) -> None:
        self._note(f"{method} began")
        with self._noted(f"{method} cancelled"):
            await asyncio.Event().wait()

    @contextmanager
    def _noted(self, note: str) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            self._note(note)
            raise

    def _note(self, note: str) -> None:
        with self._notes.open("a") as notes:
            notes.write(note + "\n")


class BusyModel:
    """Answers everything, but takes a while."""

    def predict_batch(self, items: list[Any], versions: list[str]) -> list[Prediction[Detection]]:
        time.sleep(BUSY_S)
        return [ENGLISH for _ in items]

    def card(self) -> ModelCard:
        return ModelCard("busy", "1", {"languages": ["en"]})


class Guesser:
    """Answers everything at once, but for one text, and notes in the log what it is asked."""

    version = "1"
    facts: ClassVar = {"languages": ["en"]}

    def predict(self, items: Sequence[Query]) -> list[Detection]:
        for item in items:
            log.info("guessing", extra={"chars": len(item.text)})
            if item.text == FAILS:
                raise ValueError("It cannot be guessed.")
        return [ENGLISH.value for _ in items]

    def stream(self, item: Query) -> Iterator[Detection]:
        yield ENGLISH.value


class QuickModel(ModelDeployment):
    """Answers at once, and streams nothing whole."""

    def __init__(self) -> None:
        super().__init__(LANGUAGE, f"{__name__}:Guesser")

    async def whole_streams(self, items: Sequence[Any], versions: Sequence[str]) -> list[Whole]:
        return [None for _ in items]


def stuck(args: dict[str, Any]) -> Application:
    return everywhere(serve.deployment(name="model")(StuckModel).bind(args["notes"]))


def busy(args: dict[str, Any]) -> Application:
    return everywhere(serve.deployment(name="model")(BusyModel).bind())


def mortal(args: dict[str, Any]) -> Application:
    return everywhere(serve.deployment(name="model")(QuickModel).bind())


def everywhere(model: Application) -> Application:
    """The service, with one model in place of all of its own."""
    return ingress.bind("acme_service.app:WIRING", {one.name: model for one in models()})
