"""What the service needs to know of its models, and what it refuses before anything starts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from servekit.commands.check_config.checks import mistakes
from servekit.serving.model import Model, by_name
from servekit.serving.settings import GatherSettings
from servekit.settings import SettingsError

from acme_service.ingress import app, assembly

from tests.configurations import own
from tests.fakes import FakeMeter


class LoadedVersions:
    """What holds a model."""

    def __init__(self, *given: Any) -> None:
        self.given = given


def model(name: str, **rest: Any) -> Model:
    return Model(name=name, deployment=LoadedVersions, client=lambda *_: name, **rest)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what `features.py` says."""

    def say(*named: Model) -> None:
        for module in (app, assembly):
            monkeypatch.setattr(module, "models", lambda: iter(named))

    return say


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"py two models are called 'mood'\.$"):
        by_name([model("mood"), model("language"), model("mood")])


def test_a_model_cannot_have_the_name_of_the_ingress() -> None:
    with pytest.raises(SettingsError, match=r"py the ingress and a model are called 'ingress'"):
        by_name([model("ingress")])


@pytest.mark.parametrize("placement", ["separate", "inline"])
def test_a_name_that_two_models_share_stops_the_start(
    models: Callable[..., None], placement: str
) -> None:
    models(model("language"), model("language"))
    with pytest.raises(SettingsError, match="two models"):
        assembly.check_settings()
    config = own()
    config["applications"][0]["args"] = {"placement": placement}
    [sentence] = mistakes(config)
    assert sentence.startswith("'default' cannot be built from ")
    assert sentence.endswith("In features.py two models are called 'language'.")


def test_models_and_blocks_of_the_configuration_have_to_match(models: Callable[..., None]) -> None:
    def said(*blocks: str) -> Iterator[str]:
        config = own()
        config["applications"][0]["deployments"] = [{"name": one} for one in blocks]
        return mistakes(config)

    models(model("language"), model("mood"))
    assert [*said("ingress", "language", "mood")] == []
    assert [*said("ingress", "language")] == ["'default' has no block for its deployment 'mood'."]
    assert [*said("ingress", "language", "mood", "price")] == [
        "'default' has no deployment 'price'. There are: ingress, language, mood."
    ]


def test_a_model_is_held_where_it_shares_a_process_as_it_says() -> None:
    def shared(*given: Any) -> str:
        return f"shared {given}"

    assert isinstance(model("mood").held(FakeMeter), LoadedVersions)
    assert model("mood", arguments=lambda meter: (meter,)).held(FakeMeter).given == (FakeMeter,)
    assert model("mood", in_process=shared).held(FakeMeter) == "shared ()"


def test_an_optional_model_is_waited_for_as_long_as_it_says(models: Callable[..., None]) -> None:
    models(model("language"), model("mood", patience_s=lambda: 0.5))
    calls: Any = {"language": None, "mood": None}
    ports = assembly.ports_over(calls, FakeMeter(), [], GatherSettings())
    assert ({*ports.models}, ports.optional) == ({"language", "mood"}, {"mood"})
    settings = GatherSettings(timeout_s=4)
    assert model("mood", patience_s=lambda: 0.5).within(settings).timeout_s == 0.5
    assert model("mood", patience_s=lambda: 3).within(settings).timeout_s == 2
    assert model("mood").within(settings) == settings
