"""The service on a store whose versions a test promotes, publishes and damages."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servekit.testing.cluster import Cluster
from servekit.testing.store import STORE


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    shutil.copytree(STORE, store(cluster))
    variables = {"MODEL_STORE": store(cluster).as_uri(), "MODEL_REFRESH_S": "0.2"}
    yield cluster.service | {
        "name": "swapping",
        "route_prefix": "/swapping",
        "runtime_env": {"env_vars": variables},
    }


def store(cluster: Cluster) -> Path:
    return cluster.folder / "swapping"
