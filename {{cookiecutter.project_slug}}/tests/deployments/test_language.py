"""The deployments are plain callables: no Ray is needed to test them."""

import asyncio

import pytest

from servekit.registry.errors import ModelStoreError

from acme_service.deployments.language import QUICK_CHARS, LanguageDeployment
from acme_service.ports import Query

from tests.processes import printed_by


async def test_a_batch_is_answered_in_order() -> None:
    german, nothing = await LanguageDeployment().detect_batch([Query("Guten Morgen!"), Query("1")])
    assert (german.language, nothing.language) == ("de", "und")


async def test_streams_give_what_batches_give() -> None:
    model = LanguageDeployment()
    queries = [Query("Guten Morgen!"), Query("good morning")]
    assert [one async for one in model.detect_each(queries)] == await model.detect_batch(queries)
    guesses = [one async for one in model.guesses(Query("Guten Morgen!"))]
    assert (len(guesses), guesses[-1]) == (2, (await model.detect_batch(queries))[0])


async def test_the_loop_is_free_during_a_long_batch() -> None:
    model = LanguageDeployment()
    text = "Das ist ein guter Tag. " * 20
    batch = asyncio.create_task(model.detect_batch([Query(text)] * (QUICK_CHARS // len(text) + 1)))
    await asyncio.sleep(0)
    assert not batch.done()
    assert {one.language for one in await batch} == {"de"}


def test_the_store_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_STORE", "file:nowhere")
    with pytest.raises(ModelStoreError, match="nowhere"):
        LanguageDeployment()


def test_the_plain_class_needs_no_ray() -> None:
    source = """if True:
        import sys
        import acme_service.deployments.language
        print("ray" in sys.modules)
    """
    assert printed_by(source) == "False"
