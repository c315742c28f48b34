"""Lines of the log have the ids of the requests that a call to a model answers."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from servekit.contracts import Contract, ModelError, NullMeter
from servekit.contracts.request_id import request_id
from servekit.serving.client import ModelClient
from servekit.serving.deployment import ModelDeployment
from servekit.serving.in_process import InProcessTransport
from servekit.serving.settings import BatcherSettings

from tests.audit_lines import Lines

DOUBLE = Contract("double", int, int)
log = logging.getLogger(__name__)


class Quick:
    """Doubles numbers, and fails at one."""

    def predict(self, items: Sequence[int]) -> list[int]:
        log.error("doubling %s", [*items])
        if 13 in items:
            raise ValueError("It cannot be doubled.")
        return [2 * item for item in items]


class Slow(Quick):
    """Takes long enough for its calls to be joined in a thread."""

    def predict(self, items: Sequence[int]) -> list[int]:
        time.sleep(0.02)
        return super().predict(items)


@contextmanager
def lines_of(name: str) -> Iterator[Lines]:
    lines, logger = Lines(), logging.getLogger(name)
    logger.addHandler(lines)
    try:
        yield lines
    finally:
        logger.removeHandler(lines)


async def ask(client: ModelClient, number: int) -> object:
    request_id.set(f"request-{number}")
    try:
        return (await client.predict(number)).value
    except ModelError as error:
        return error


def client_of(model: type[Quick]) -> ModelClient:
    deployment = ModelDeployment(DOUBLE, f"{__name__}:{model.__name__}")
    transport = InProcessTransport("double", deployment, 10)
    return ModelClient("double", transport, BatcherSettings(), NullMeter())


@pytest.mark.parametrize("model", [Quick, Slow])
async def test_a_failed_item_is_a_line_with_the_id_of_its_request(model: type[Quick]) -> None:
    client = client_of(model)
    with lines_of("servekit.serving.deployment") as lines:
        answers = await asyncio.gather(*(ask(client, number) for number in range(10, 30)))
    assert [type(one) is int for one in answers] == [number != 13 for number in range(10, 30)]
    [failed] = [one for one in lines.found if one["message"] == "the double model failed"]
    assert failed["request_id"] == "request-13"
    assert "request_ids" not in failed


async def test_what_a_model_logs_has_the_ids_of_all_its_requests() -> None:
    client = client_of(Quick)
    with lines_of(__name__) as lines:
        await ask(client, 1)
        await asyncio.gather(*(asyncio.create_task(ask(client, one)) for one in (2, 3)))
    alone, together = lines.found
    assert alone["request_id"] == "request-1"
    assert together["request_ids"] == ["request-2", "request-3"]
