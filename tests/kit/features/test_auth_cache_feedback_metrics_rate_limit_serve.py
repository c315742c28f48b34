"""All features of a service over two replicas of each deployment: the callers see one service."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from httpx2 import Response
from prometheus_client.samples import Sample

from servekit.api.canary import position
from servekit.commands.aliases import Aliases
from servekit.registry.settings import StoreSettings
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.cluster import Cluster, UrlOf
from servekit.testing.features.auth import NAME as USER
from servekit.testing.features.auth import PASSWORD

from acme_service.features import models, sources

from .auth_provider import SigningKey
from .feedback_answers import RECEIPT, Answered, correction
from .test_metrics_serve import scrape, scrape_until
from tests.applications import replicated
from tests.applications.replicated import FRACTION, NAME, SIGN_INS, provider, redis
from tests.ingress.test_swapping import Load, wait_until
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.serve, pytest.mark.application(NAME)]

ASKED = 12
"""Times, each over a connection of its own: the proxy gives them to one replica and the other."""

BATCH_TIMES = 40
"""A batch of so many texts, five times over, takes more than one call."""

TEXT = "Das ist ein schöner Tag, und wir gehen heute im Wald spazieren."


@pytest.fixture
def url(url_of: UrlOf) -> str:
    return url_of(NAME)


@pytest.fixture(scope="module")
def _shared_store(cluster: Cluster) -> Iterator[None]:
    """Redis is there, and both replicas have found it."""
    with redis():
        wait_until(lambda: {*cached(f"{cluster.url}/{NAME}", f"{uuid4()}")} == {"hit"})
        yield


def detect(url: str, text: str = TEXT, **headers: str) -> Response:
    return httpx2.post(
        f"{url}/v1/detect", json={"text": text}, headers=headers or HEADERS, timeout=30
    )


def cached(url: str, text: str) -> list[str]:
    """What the cache had to do with the answers after the first one."""
    stored = redis().stored()
    detect(url, text)
    deadline = time.monotonic() + 2
    while redis().stored() == stored and time.monotonic() < deadline:
        time.sleep(0.01)
    answers = [detect(url, text) for _ in range(ASKED)]
    return [one.headers["cache-status"].partition("; ")[2] for one in answers]


@pytest.mark.usefixtures("_shared_store")
def test_what_one_replica_answered_the_other_one_remembers(url: str) -> None:
    assert cached(url, f"{TEXT} {uuid4()}") == ["hit"] * ASKED


@pytest.mark.usefixtures("_shared_store")
def test_replicas_count_sign_ins_together(url: str) -> None:
    # Wrong ones: a right one costs both replicas the time of a good hash.
    form = {"username": USER, "password": "wrong", "grant_type": "password"}
    headers = {"X-Forwarded-For": f"192.0.2.{time.time_ns() % 200 + 1}"}
    tried = [httpx2.post(f"{url}/v1/token", data=form, headers=headers) for _ in range(ASKED)]
    assert [one.status_code for one in tried] == [401] * SIGN_INS + [429] * (ASKED - SIGN_INS)
    assert all(int(one.headers["retry-after"]) > 0 for one in tried[SIGN_INS:])


@pytest.mark.usefixtures("_shared_store")
def test_replicas_count_the_requests_of_a_principal_together(url: str) -> None:
    bearer = {"Authorization": f"Bearer {provider().token(sub=f'{uuid4()}')}"}
    began = time.monotonic()
    answers = [httpx2.get(f"{url}/v1/languages", headers=bearer) for _ in range(ASKED)]
    limit = int(answers[0].headers["ratelimit-limit"])
    left = [int(one.headers["ratelimit-remaining"]) for one in answers]
    given_back = limit / 3600 * (time.monotonic() - began)
    assert {one.status_code for one in answers} == {200}
    # Each for itself would have counted half of them.
    assert left[-1] <= limit - ASKED + given_back + 1


def test_a_token_of_one_replica_is_good_for_the_other(url: str) -> None:
    form = {"username": USER, "password": PASSWORD}
    headers = {"X-Forwarded-For": f"198.51.100.{time.time_ns() % 200 + 1}"}
    token = httpx2.post(f"{url}/v1/token", data=form, headers=headers).json()["access_token"]
    answers = [
        httpx2.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"})
        for _ in range(ASKED)
    ]
    assert {one.json()["id"] for one in answers} == {USER}


def test_every_replica_finds_the_new_key_of_the_provider(url: str) -> None:
    def asked(token: str) -> Counter[int]:
        bearer = {"Authorization": f"Bearer {token}"}
        return Counter(
            httpx2.get(f"{url}/v1/me", headers=bearer, timeout=30).status_code for _ in range(ASKED)
        )

    assert asked(provider().token()) == {200: ASKED}
    before = provider().keys
    provider().keys = [SigningKey("second", "ES256"), *before]
    # They ask again for a key that they do not know, though not more than every ten seconds.
    wait_until(lambda: asked(provider().token()) == {200: ASKED})
    assert asked(provider().token(SigningKey("third"))) == {401: ASKED}


def test_a_caller_is_on_one_side_of_the_canary_at_every_replica(url: str) -> None:
    sides: set[str] = set()
    for subject in ("eve", "ada"):
        bearer = {"Authorization": f"Bearer {provider().token(sub=subject)}"}
        drawn = position([f"oidc:{subject}"]) < float(FRACTION)
        versions = {
            detect(url, f"{TEXT} {number}", **bearer).headers["x-model"] for number in range(ASKED)
        }
        assert versions == {"language:2" if drawn else "language:1"}
        sides |= versions
    assert len(sides) == 2


def test_a_correction_is_found_at_every_replica(url: str) -> None:
    response = detect(url, text := f"{TEXT} {uuid4()}")
    answer = Answered(response.headers["X-Request-ID"], response.headers[RECEIPT], {"text": text})
    path = f"{url}/v1/feedback/{answer.id}"
    receipt = HEADERS | {RECEIPT: answer.receipt}

    def statuses() -> set[int]:
        return {httpx2.get(path, headers=receipt, timeout=30).status_code for _ in range(ASKED)}

    given = [
        httpx2.put(path, json=correction(answer, "gd"), headers=receipt, timeout=30).status_code
        for _ in range(4)
    ]
    assert given == [201, 200, 200, 200]
    assert statuses() == {200}
    assert httpx2.delete(path, headers=receipt, timeout=30).status_code == 204
    assert statuses() == {404}


def test_requests_of_both_replicas_are_added_up(cluster: Cluster, url: str) -> None:
    route = {"application": NAME, "route": "/v1/languages/{code}", "status": "404"}

    def counted(samples: dict[str, list[Sample]]) -> Counter[str]:
        by_replica: Counter[str] = Counter()
        for one in samples.get("ray_http_requests_total", []):
            if route.items() <= one.labels.items():
                by_replica[one.labels["replica"]] += int(one.value)
        return by_replica

    before = counted(scrape(cluster)).total()
    for number in range(ASKED):
        httpx2.get(f"{url}/v1/languages/x{number}", headers=HEADERS)
    samples = scrape_until(cluster, lambda now: counted(now).total() >= before + ASKED)
    assert counted(samples).total() == before + ASKED
    assert len(counted(samples)) == 2, "One replica has answered them all."


@pytest.fixture
def promote(cluster: Cluster) -> Iterator[Callable[[str], object]]:
    """What `make promote` does; the version of the other tests is promoted again in the end."""
    [model] = [one for one in models() if one.versioned]
    settings = StoreSettings(replicated.store(cluster).as_uri(), Path("unused"), 0.5, 5.0)
    aliases = Aliases(model, settings, tuple(sources()))
    yield lambda version: aliases.promote("champion", version)
    aliases.promote("champion", "1")


def everywhere(url: str, version: str) -> bool:
    """Whether every replica answers with this version by now."""
    answers = [detect(url, f"{TEXT} {uuid4()}").headers["x-model"] for _ in range(ASKED)]
    return {*answers} == {f"language:{version}"}


def test_no_answer_mixes_versions_while_one_is_promoted(
    url: str, promote: Callable[[str], object]
) -> None:
    wait_until(lambda: everywhere(url, "1"))
    load = Load(url, BATCH_TIMES)
    with load.running():
        for version in ("2", "1", "2", "1"):
            wait_until(load.latest("1" if version == "2" else "2"))
            promote(version)
            wait_until(lambda version=version: everywhere(url, version))
    assert load.failures == []
    assert {*load.answers} == {"1", "2"}


@pytest.mark.usefixtures("_shared_store")
def test_a_redis_that_fails_in_any_way_fails_no_request(url: str) -> None:
    """Killed, frozen, or after a failover a replica, which takes no writes."""
    load = Load(url)

    def some_more() -> None:
        asked = load.requests + 50
        wait_until(lambda: load.requests >= asked)

    with load.running(), RedisServer() as other, redis().client() as admin:
        some_more()
        redis().freeze()
        some_more()
        redis().thaw()
        some_more()
        admin.replicaof("127.0.0.1", str(other.port))
        some_more()
        admin.replicaof("NO", "ONE")
        redis().kill()
        some_more()
        redis().start()
        some_more()
    assert load.failures == []
