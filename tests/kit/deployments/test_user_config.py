"""What `user_config` in `serve.yaml` does."""

from pathlib import Path

import pytest

from servekit.serving.deployment import VersionedDeployment

from .replica import detect, look, promote
from tests.registry import Registry


async def test_a_user_config_switches_at_once_and_pins(
    model: VersionedDeployment, store: Path
) -> None:
    await model.reconfigure({"reference": "language:2"})
    assert (await model.card()).reference == "language:2"
    promote(store, champion="1")
    await look(model)
    assert (await model.card()).reference == "language:2"
    await model.reconfigure({})
    assert (await model.card()).reference == "language:1"


async def test_a_pinned_version_in_the_cache_needs_no_registry(
    model: VersionedDeployment, registry: Registry
) -> None:
    await model.reconfigure({"reference": "language:2"})
    await model.reconfigure({"reference": "language:1"})
    registry.down = True
    await model.reconfigure({"reference": "language:2"})
    assert (await model.card()).reference == "language:2"


@pytest.mark.parametrize(
    "user_config",
    ["language:2", ["language:2"], {"referense": "language:2"}, {"reference": 2}, 1]
    + [{"reference": reference} for reference in ("", "language", "../language:2")],
)
async def test_a_malformed_user_config_changes_nothing_and_shows(
    model: VersionedDeployment, user_config: object
) -> None:
    await model.reconfigure(user_config)
    assert (await detect(model)).version == "language:1"
    note = "The user_config of the language model was refused; it changes nothing."
    assert (await model.card()).note == note
    await model.reconfigure({})
    assert (await model.card()).note == ""


@pytest.mark.parametrize("reference", ["language:9", "language@nobody", "other:1", "other@x"])
async def test_a_user_config_that_names_nothing_changes_nothing_and_shows(
    model: VersionedDeployment, reference: str
) -> None:
    await model.reconfigure({"reference": reference})
    assert (await detect(model)).version == "language:1"
    assert "language:1 " in (await model.card()).note
