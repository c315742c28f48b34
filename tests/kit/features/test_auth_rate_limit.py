"""The features `auth` and `rate_limit` together: whoever has a name is counted by it."""

import httpx2
import pytest
from fastapi.testclient import TestClient

from servekit.features.auth import auth
from servekit.features.auth.credentials import new_key
from servekit.features.rate_limit import rate_limit
from servekit.features.rate_limit.settings import RateLimitSettings
from servekit.testing.features.auth import NAME, PASSWORD, USER, knowing

from acme_service import SLUG

from tests.fakes import create_app, fake_ports

ADA, BOB = new_key("ada", ["predict"]), new_key("bob", ["predict"])
IDLE = new_key("idle", [])


def client(**limits: str) -> TestClient:
    knows = auth(
        service=SLUG,
        settings=knowing(users=(USER,), api_keys=f"{ADA.entry},{BOB.entry},{IDLE.entry}"),
    )
    limiting = rate_limit(RateLimitSettings.model_validate(limits), service=SLUG)
    return TestClient(create_app(fake_ports(), [knows, limiting]))


def statuses(asking: TestClient, count: int, **headers: str) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [asking.get("/v1/languages", headers=named).status_code for _ in range(count)]


def test_each_name_has_a_limit_of_its_own() -> None:
    asking = client(models="2/day")
    assert statuses(asking, 3, x_api_key=ADA.secret) == [200, 200, 429]
    assert statuses(asking, 3, x_api_key=BOB.secret) == [200, 200, 429]


def test_refused_requests_count_by_address_and_block_no_user() -> None:
    asking = client(models="2/day")
    assert statuses(asking, 1) == [401]
    assert statuses(asking, 3, x_api_key="made up") == [401, 429, 429]
    assert statuses(asking, 1) == [429]
    assert statuses(asking, 1, x_api_key=ADA.secret) == [200]


def test_everything_that_one_with_a_name_asks_counts_for_that_name() -> None:
    asking = client(models="2/day")
    named = {"x-api-key": IDLE.secret}
    me = [asking.get("/v1/me", headers=named) for _ in range(2)]
    assert [one.headers["ratelimit-remaining"] for one in me] == ["1", "0"]
    assert asking.get("/v1/me", headers=named).status_code == 429
    assert statuses(asking, 1) == [401], "Their address has asked nothing."


def test_forbidden_requests_count_by_principal() -> None:
    asking = client(models="2/day")
    assert statuses(asking, 3, x_api_key=IDLE.secret) == [403, 403, 429]
    assert statuses(asking, 1, x_api_key=ADA.secret) == [200]
    assert statuses(asking, 1) == [401]


def test_guessing_passwords_ends_before_another_is_looked_at() -> None:
    asking = client(sign_in="2/day")
    guesses = [{"username": NAME, "password": word} for word in ("one", "two", PASSWORD)]
    answers = [asking.post("/v1/token", data=guess) for guess in guesses]
    assert [one.status_code for one in answers] == [401, 401, 429]
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.serve
def test_with_no_trusted_proxy_no_claimed_address_is_believed(service: str) -> None:
    # The service as it is by default. One more sign-in becomes possible every second.
    claims = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(60, 66)]
    answers = [httpx2.post(f"{service}/v1/token", headers=claim) for claim in claims]
    left = [int(one.headers["ratelimit-remaining"]) for one in answers]
    assert left[-1] <= left[0] - 3
