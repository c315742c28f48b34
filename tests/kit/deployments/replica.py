"""What tests do to a replica of the model, and to the store that it looks at."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from servekit.contracts import ModelReplacedError, Prediction
from servekit.serving.deployment import VersionedDeployment
from servekit.testing.versions import damage, publish_copy

from acme_service.contracts.language import LANGUAGE, Detection, Query

FINNISH = "Kirjasto on kiinni tänään, mutta huomenna se avataan taas."
"""Version 2 knows the language of this, and version 1 does not."""

MODEL = (LANGUAGE, "acme_service.models.language:LanguageModel")
"""The model of the sample, as `features.py` names it."""

BAD_EXAMPLES = b'{"input": {"text": "Guten Morgen"}, "output": {"language": "fr"}}'

Begin = Callable[..., VersionedDeployment]
"""Starts a replica: `timeout_s` and `refresh_s` are those of its settings."""


def promote(store: Path, **aliases: str) -> None:
    path = store / "language" / "aliases.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | aliases))


async def look(model: VersionedDeployment) -> None:
    """Have the replica look at the store, as naming an unknown version does."""
    with pytest.raises(ModelReplacedError):
        await model.predict_batch([Query("hello")], ["language:no-such"])


async def detect(model: VersionedDeployment, wanted: str = "") -> Prediction[Detection]:
    [prediction] = await model.predict_batch([Query(FINNISH)], [wanted])
    assert isinstance(prediction, Prediction)
    return prediction


def spoiled(store: Path, how: str) -> None:
    """Version 3, with something wrong."""
    if how == "gone":
        return
    folder = publish_copy(store / "language", "3", "2", BAD_EXAMPLES if how == "examples" else None)
    if how == "hash":
        damage(folder / "model.npz")
    if how == "cut":
        (folder / "model.npz").write_bytes((folder / "model.npz").read_bytes()[:1000])
    if how == "climbs":
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace("model.npz", "../2/model.npz"))
