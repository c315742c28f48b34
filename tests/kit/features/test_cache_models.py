"""The feature `cache` for models of any contract."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from servekit.features.cache import cache
from servekit.features.cache.settings import CacheSettings

from tests.api.test_models import client_of

HIT, MISS = "any; hit", "any; fwd=miss"


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of(cache(CacheSettings(), service="any")) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "item", "other"),
    [
        ("/v1/churn", {"months": 1}, {"months": 1, "spend": 2.5}),
        ("/parity", 1, 3),
    ],
)
def test_an_equal_item_is_answered_from_memory(
    client: TestClient, path: str, item: object, other: object
) -> None:
    answers = [client.post(path, json=one) for one in (item, item, other, item)]
    assert [one.headers["cache-status"] for one in answers] == [MISS, HIT, MISS, HIT]
    assert answers[0].json() == answers[1].json()


def test_models_do_not_share_answers(client: TestClient) -> None:
    client.post("/parity/batch", json={"items": [1, 2]})
    assert client.post("/parity", json=2).headers["cache-status"] == HIT
    assert client.post("/v1/churn", json={"months": 2}).headers["cache-status"] == MISS
