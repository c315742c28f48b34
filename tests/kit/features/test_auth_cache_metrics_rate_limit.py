"""Features do the same around a fast route as around one that FastAPI made."""

from fastapi import FastAPI

from servekit.api.canary import CanarySettings
from servekit.features.auth import auth
from servekit.features.auth.accounts import Account, digest
from servekit.features.auth.settings import AuthSettings
from servekit.features.cache import cache
from servekit.features.metrics import metrics
from servekit.features.rate_limit import rate_limit
from servekit.features.rate_limit.settings import RateLimitSettings
from servekit.features.request_log import request_log

from tests.both_ways import Sent, api, compare

KEY = "the key of a test"
ITEM = b'{"Name": "a"}'


def guarded() -> FastAPI:
    holder = Account("holder", frozenset({"predict"}), digest(KEY))
    settings = AuthSettings.model_validate(
        {"secrets": "a secret that is long enough for a test", "api_keys": holder.entry()}
    )
    features = [
        request_log(),
        metrics(),
        auth(settings, service="churn"),
        rate_limit(RateLimitSettings(models="100/day"), service="churn"),
        cache(service="churn"),
    ]
    return api(features, canary=CanarySettings(fraction=0.5))


def test_features_do_the_same_on_both_ways() -> None:
    key = (b"x-api-key", KEY.encode())
    requests = [
        Sent("/v1/item", [ITEM]),
        Sent("/v1/item", [b"{"]),
        Sent("/v1/item", [b'{"Name": 1}']),
        *(Sent("/v1/item", [one], headers=[key]) for one in [ITEM, ITEM, b"{", b"1"]),
        Sent("/v1/item", [ITEM], headers=[key, (b"cache-control", b"no-store")]),
        Sent("/v1/maybe", [b"1"], headers=[key, (b"origin", b"https://example.org")]),
        Sent("/v1/maybe/batch", [b'{"items": [1, 1, 2]}'], headers=[key]),
        *(Sent("/v1/maybe", [b"1"], headers=[key]) for _ in range(100)),
    ]
    assert {200, 401, 422, 429} <= {*compare(guarded, requests)}
