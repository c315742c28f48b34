"""What the service needs to know of its models, and what it refuses before anything starts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from servekit.commands.check_config.checks import mistakes
from servekit.contracts import Contract
from servekit.serving.model import Model, by_name
from servekit.serving.settings import BatcherSettings
from servekit.settings import SettingsError
from servekit.testing.configurations import own
from servekit.testing.fakes import FakeMeter

from acme_service import app, features
from acme_service.features import sources


class Own:
    """A Serve class of one's own."""

    def __init__(self, *given: Any) -> None:
        self.given = given


def model(name: str, *, required: bool = True, **rest: Any) -> Model:
    return Model(Contract(name, str, str, required=required), "mine:Model", **rest)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what `features.py` says."""

    def say(*named: Model) -> None:
        wiring = replace(app.WIRING, models=lambda: iter(named))
        monkeypatch.setattr(app, "WIRING", wiring)

    return say


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^Duplicate model name 'mood' in features\.py\.$"):
        by_name([model("mood"), model("language"), model("mood")])


@pytest.mark.parametrize("name", ["ingress", "Mood", "my-mood", "1st", ""])
def test_a_name_that_no_model_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^Invalid model name {name!r}"):
        Contract(name, str, str)


@pytest.mark.parametrize("placement", ["separate", "inline"])
def test_a_name_that_two_models_share_stops_the_start(
    models: Callable[..., None], placement: str
) -> None:
    models(model("language"), model("language"))
    with pytest.raises(SettingsError, match="Duplicate model name"):
        app.WIRING.check()
    config = own()
    config["applications"][0]["args"] = {"placement": placement}
    [sentence] = mistakes(config)
    assert sentence.startswith("'default' cannot be built from ")
    assert sentence.endswith("Duplicate model name 'language' in features.py.")


def test_models_and_blocks_of_the_configuration_have_to_match(models: Callable[..., None]) -> None:
    def said(*blocks: str) -> Iterator[str]:
        config = own()
        config["applications"][0]["deployments"] = [{"name": one} for one in blocks]
        return mistakes(config)

    models(model("language"), model("mood"))
    assert [*said("ingress", "language", "mood")] == []
    assert [*said("ingress", "language")] == ["'default' has no block for its deployment 'mood'."]
    assert [*said("ingress", "language", "mood", "price")] == [
        "Unknown deployment 'price' in 'default'. There are: ingress, language, mood."
    ]


def test_what_holds_a_model_is_given_its_contract_and_its_class() -> None:
    kinds = tuple(sources())
    named = (Contract("mood", str, str), "mine:Model")
    assert model("mood").arguments(kinds, FakeMeter) == (*named, kinds, FakeMeter)
    assert model("mood", versioned=False).arguments(kinds, FakeMeter) == named
    assert model("mood", deployment=Own).held(kinds, None).given == (*named, kinds, None)


def test_an_optional_model_is_waited_for_as_long_as_it_says(models: Callable[..., None]) -> None:
    models(model("language"), model("mood", required=False, timeout_s=lambda: 0.5))
    calls: Any = {"language": None, "mood": None}
    ports = app.WIRING.ports(calls, FakeMeter(), [], BatcherSettings())
    assert ({*ports.models}, ports.optional) == ({"language", "mood"}, {"mood"})
    settings = BatcherSettings(timeout_s=4)
    assert model("mood", timeout_s=lambda: 0.5).within(settings).timeout_s == 0.5
    assert model("mood", timeout_s=lambda: 3).within(settings).timeout_s == 2
    assert model("mood").within(settings) == settings


def test_a_name_that_no_model_can_have_stops_the_start() -> None:
    wiring = replace(app.WIRING, models=lambda: iter([model("Mood")]))
    with pytest.raises(SettingsError, match=r"^Invalid model name 'Mood'"):
        wiring.check()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such.module:Model", "cannot be imported: there is no such module"),
        ("servekit.testing.fakes:FakeMeter", "has no method predict"),
    ],
)
def test_a_class_that_is_not_there_is_one_sentence_before_the_start(path: str, reason: str) -> None:
    wrong = Model(Contract("mood", str, str), path, versioned=False)
    wiring = replace(app.WIRING, models=lambda: iter([*features.models(), wrong]))
    with pytest.raises(SettingsError, match=reason):
        wiring.check_all()


def test_routes_without_their_model_are_one_sentence_before_the_start() -> None:
    wiring = replace(app.WIRING, models=tuple)
    with pytest.raises(SettingsError, match=r"^Routes for an unknown model 'language'"):
        wiring.check_all()
