"""The feature `rate_limit` over Ray Serve: a proxy passes on what it says."""

import time

import httpx2
import pytest

from servekit.testing.cluster import Cluster, UrlOf

from tests.applications.rate_limit import NAME, REDIS

pytestmark = [pytest.mark.serve, pytest.mark.application(NAME)]


@pytest.fixture
def limited(url_of: UrlOf) -> str:
    return url_of(NAME)


def ask(url: str, forwarded_for: str) -> httpx2.Response:
    headers = {"X-Forwarded-For": forwarded_for}
    return httpx2.get(f"{url}/v1/languages", headers=headers)


def test_one_too_many_is_a_429(limited: str) -> None:
    answers = [ask(limited, "192.0.2.1") for _ in range(6)]
    assert [one.status_code == 429 for one in answers] == [False] * 5 + [True]
    left = [one.headers["ratelimit-remaining"] for one in answers]
    assert left == ["4", "3", "2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 700 < int(refused.headers["retry-after"]) <= 720
    assert refused.headers["ratelimit-limit"] == "5"
    assert refused.json()["status"] == 429


def test_the_proxy_passes_a_forged_address_on_and_it_is_not_believed(limited: str) -> None:
    # Only what the outermost trusted proxy has added counts, and here that is the last address.
    asked = [ask(limited, f"192.0.2.{number}, 203.0.113.9").status_code for number in range(6)]
    assert [status == 429 for status in asked] == [False] * 5 + [True]
    assert ask(limited, "203.0.113.10").status_code != 429


def test_a_redis_that_comes_and_goes_is_used_while_it_is_there(limited: str) -> None:
    with REDIS:
        deadline = time.monotonic() + 15
        while not REDIS.stored() and time.monotonic() < deadline:
            ask(limited, "192.0.2.50")
            time.sleep(0.2)
        ask(limited, "192.0.2.51")
        assert any(key.endswith(b":address:192.0.2.51:5/3600") for key in REDIS.stored())
    assert ask(limited, "192.0.2.52").headers["ratelimit-remaining"] == "4"


def test_health_is_not_limited(limited: str) -> None:
    for _ in range(10):
        assert httpx2.get(f"{limited}/health/live").status_code == 200


def test_the_start_up_log_says_who_shares_a_bucket(cluster: Cluster) -> None:
    assert "API_TRUSTED_HOPS is 0" in cluster.log.read_text()
