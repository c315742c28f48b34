"""Two replicas of each deployment, which share all that the features of a service can share.

One Redis for cache and limits, one database of corrections, one identity provider, one model store
with a canary: 1 is the champion, 2 the challenger, and 3 fails its own examples. Tests of each
feature ask this application, and those of all of them together.
"""

# What a project without some feature lacks is imported inside functions.

import json
import shutil
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servekit.testing.cluster import Cluster
from servekit.testing.store import STORE
from servekit.testing.subprocesses import free_port
from servekit.testing.versions import publish_copy

if TYPE_CHECKING:
    from tests.features.auth_provider import Provider
    from tests.redis_server import RedisServer

NAME = "replicated"

FRACTION = "0.4"
"""Below where the tests stand, should the service ask for an identity: they get the champion."""

SIGN_INS = 5
"""As many as an address has in an hour."""

REQUESTS = "30000/hour"
"""More than the tests send, and given back so slowly that they can be counted."""


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """In place of the application of that name that every project has."""
    fill(store(cluster))
    variables = {
        "CANARY_FRACTION": FRACTION,
        "MODEL_STORE": store(cluster).as_uri(),
        "MODEL_REFRESH_S": "0.5",
    }
    for feature, settings in SETTINGS.items():
        if find_spec(f"servekit.features.{feature}"):
            variables |= settings()
    yield cluster.replicated(NAME) | {"runtime_env": {"env_vars": variables}}


def store(cluster: Cluster) -> Path:
    return cluster.folder / NAME


def fill(store: Path) -> None:
    shutil.copytree(STORE, store)
    aliases = json.dumps({"champion": "1", "challenger": "2"})
    (store / "language/aliases.json").write_text(aliases, encoding="utf-8")
    wrong = {"input": {"text": "Das ist ein Wald."}, "output": {"language": "fr"}}
    publish_copy(store / "language", "3", of="2", examples=json.dumps(wrong).encode())


@cache
def redis() -> "RedisServer":
    """It runs once a test starts it, so each replica uses its own memory at first."""
    from tests.redis_server import RedisServer

    return RedisServer()


@cache
def provider() -> "Provider":
    """An identity provider that runs for as long as the tests."""
    from tests.features.auth_provider import SigningKey, running_provider

    running = running_provider(SigningKey("first"), port=free_port())
    RUNNING.append(running)
    return running.__enter__()


RUNNING: list[Any] = []
"""What has to be kept, or it would end."""


def corrections() -> Path:
    """The database."""
    from tests.features.feedback_visitor import FOLDER

    return Path(FOLDER.name) / "shared.db"


def of_auth() -> dict[str, str]:
    from tests.features.auth_provider import AUDIENCE

    return {"AUTH_ISSUER": provider().issuer, "AUTH_AUDIENCE": AUDIENCE}


def of_cache() -> dict[str, str]:
    return {"CACHE_URL": redis().url}


def of_rate_limit() -> dict[str, str]:
    return {
        "RATE_LIMIT_URL": redis().url,
        "RATE_LIMIT_MODELS": REQUESTS,
        "RATE_LIMIT_SIGN_IN": f"{SIGN_INS}/hour",
        # Nothing but the tests stands before it, so that each test can be an address of its own.
        "API_TRUSTED_HOPS": "1",
    }


def of_feedback() -> dict[str, str]:
    return {"FEEDBACK_URL": f"sqlite:///{corrections()}", "FEEDBACK_TIMEOUT_S": "30"}


SETTINGS = {
    "auth": of_auth,
    "cache": of_cache,
    "feedback": of_feedback,
    "rate_limit": of_rate_limit,
}
"""What each feature shares, where the service has it."""
