"""From `MODEL_STORE` to a registry."""

import math
import os
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from servekit.registry.errors import ModelStoreError

if TYPE_CHECKING:
    from .registry import MlflowSource

SWITCHES = {
    # It would tell the makers of MLflow about every start.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # By default it tries seven times and waits for two minutes each.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
"""What this service wants of MLflow's client, which can only be told by its environment."""


def open_registry(store_url: str, timeout_s: float) -> "MlflowSource":
    """The registry at `mlflow:http://host:5000`.

    timeout_s: for each answer; the client's own MLFLOW_HTTP_REQUEST_TIMEOUT goes before it.

    Raises ModelStoreError for every other URL.
    """
    address = registry_address(store_url)
    switches = SWITCHES | {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(math.ceil(timeout_s))}
    for name, value in switches.items():
        os.environ.setdefault(name, value)
    from .registry import MlflowSource

    return MlflowSource(address)


def registry_address(store_url: str) -> str:
    """What MLflow calls the tracking URI."""
    address = store_url.partition(":")[2]
    parts = _parts(address)
    if not parts or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        # The URL itself is left out: it may hold credentials.
        raise ModelStoreError(
            "A model store in MLflow is written mlflow:http://host:5000 or mlflow:https://host."
        )
    if "@" in parts.netloc:
        raise ModelStoreError(
            "The model store in MLflow has credentials in its URL, where logs show them: put them"
            " into MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    return address.rstrip("/")


def _parts(address: str) -> SplitResult | None:
    """Nothing, when there is no host, or a port that is none."""
    try:
        parts = urlsplit(address)
        named = parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if named else None
