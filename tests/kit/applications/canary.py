"""The service with a challenger: 1 is the champion, and 3 fails its own examples."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servekit.testing.cluster import Cluster
from servekit.testing.store import STORE
from servekit.testing.versions import publish_copy

FRACTION = "0.9"
"""Above where the tests stand, should the service ask for an identity."""


def applications(cluster: Cluster) -> Iterator[dict[str, Any]]:
    fill(store(cluster))
    yield cluster.inline(
        "canary",
        CANARY_FRACTION=FRACTION,
        MODEL_STORE=store(cluster).as_uri(),
        MODEL_REFRESH_S="1",
    )


def store(cluster: Cluster) -> Path:
    return cluster.folder / "canary"


def fill(store: Path) -> None:
    shutil.copytree(STORE, store)
    aliases = json.dumps({"champion": "1", "challenger": "2"})
    (store / "language/aliases.json").write_text(aliases, encoding="utf-8")
    wrong = {"input": {"text": "Das ist ein Wald."}, "output": {"language": "fr"}}
    publish_copy(store / "language", "3", of="2", examples=json.dumps(wrong).encode())
