"""Promotions and rollbacks, as `make` runs them."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from servekit.commands import parsed
from servekit.commands.models import work_on_models
from servekit.contracts import Contract
from servekit.registry.version_files import ModelFiles
from servekit.serving.model import Model
from servekit.testing.store import STORE
from servekit.testing.versions import damage, publish_copy

from acme_service.app import WIRING
from acme_service.features import models

Says = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = shutil.copytree(STORE, tmp_path / "store")
    monkeypatch.setenv("MODEL_STORE", folder.as_uri())
    monkeypatch.delenv("AUTH_SECRETS", raising=False)
    return folder


@pytest.fixture
def says(store: Path, capsys: pytest.CaptureFixture[str]) -> Says:
    def run(*arguments: str) -> str:
        main(arguments)
        return capsys.readouterr().out

    assert store
    return run


def aliases(store: Path) -> dict[str, str]:
    return json.loads((store / "language" / "aliases.json").read_text())


def main(arguments: Sequence[str], *more: Model) -> None:
    wiring = replace(WIRING, models=lambda: [*models(), *more])
    work_on_models(wiring, parsed([*arguments]))


def refusal(*arguments: str) -> str:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_versions_and_their_aliases_are_listed(store: Path, says: Says) -> None:
    publish_copy(store / "language", "10", "2")
    assert says("models").splitlines() == [
        f"language in {store.as_uri()}",
        "  1        champion",
        "  2",
        "  10",
    ]


def test_an_alias_of_a_version_that_is_not_there_is_listed(store: Path, says: Says) -> None:
    (store / "language" / "aliases.json").write_text('{"champion": "9"}')
    assert says("models").splitlines()[1:] == [
        "  1",
        "  2",
        "  9        champion (missing)",
    ]


@pytest.mark.usefixtures("store")
def test_a_version_that_no_folder_can_be_called_is_one_sentence() -> None:
    assert refusal("promote", "9" * 300).startswith("There is no version language:999")


def test_a_promotion_says_what_it_did_and_how_far_it_reaches(store: Path, says: Says) -> None:
    said = says("promote", "2")
    assert said.startswith(
        "language@champion is language:2 now, and was language:1."
        " Replicas follow within 10 seconds."
    )
    assert "replicas on other machines see it only where" in said
    assert aliases(store)["champion"] == "2"


def test_a_rollback_goes_to_the_version_before(store: Path, says: Says) -> None:
    publish_copy(store / "language", "3", "2")
    for version in ("2", "3"):
        says("promote", version)
    assert says("rollback").startswith("language@champion is language:2 now, and was language:3.")
    assert aliases(store)["champion"] == "2"


def test_there_is_one_way_back_and_not_a_second(store: Path, says: Says) -> None:
    says("promote", "2")
    says("rollback")
    assert "has no version to roll back to: name one" in refusal("rollback")
    assert aliases(store)["champion"] == "1"
    says("promote", "2")
    says("rollback")
    assert aliases(store)["champion"] == "1"


@pytest.mark.usefixtures("store")
def test_a_rollback_without_a_history_is_refused() -> None:
    said = refusal("rollback")
    assert said.startswith("language@champion has no version to roll back to")


def test_a_challenger_is_named_and_becomes_the_champion(store: Path, says: Says) -> None:
    says("promote", "2", "--alias", "challenger")
    assert aliases(store) == {"champion": "1", "challenger": "2"}
    says("promote", "2")
    assert aliases(store)["champion"] == "2"


def test_a_promotion_of_what_is_there_already_does_nothing(store: Path, says: Says) -> None:
    assert says("promote", "1") == "language@champion is language:1 already.\n"
    assert aliases(store) == {"champion": "1"}


def test_an_unknown_alias_is_refused(store: Path) -> None:
    said = refusal("promote", "2", "--alias", "champoin")
    assert said == "Unknown alias 'champoin': there are challenger and champion."
    assert aliases(store) == {"champion": "1"}


@pytest.mark.parametrize("version", ["9", "../2", "", "2/", ".."])
def test_a_version_that_is_not_there_is_refused(store: Path, version: str) -> None:
    assert "version" in refusal("promote", version).lower()
    assert aliases(store) == {"champion": "1"}


def test_a_damaged_version_is_refused_before_the_alias_moves(store: Path) -> None:
    damage(store / "language" / "2" / "model.npz")
    assert "another sha256" in refusal("promote", "2")
    assert aliases(store) == {"champion": "1"}


def test_failing_examples_stop_a_promotion(store: Path) -> None:
    publish_copy(
        store / "language",
        "3",
        "2",
        b'{"input": {"text": "Guten Morgen"}, "output": {"language": "fr"}}',
    )
    assert "fails one of its own examples" in refusal("promote", "3")
    assert aliases(store) == {"champion": "1"}


def test_a_version_that_breaks_its_program_is_refused(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(files: ModelFiles) -> None:
        raise IndexError("out of bounds")

    monkeypatch.setattr("acme_service.models.language.LanguageModel.load", load)
    assert refusal("promote", "2").startswith("language:2 cannot be loaded: IndexError")
    assert aliases(store) == {"champion": "1"}


def test_a_rollback_to_a_damaged_version_is_refused(store: Path, says: Says) -> None:
    says("promote", "2")
    damage(store / "language" / "1" / "model.npz")
    assert "another sha256" in refusal("rollback")
    assert aliases(store)["champion"] == "2"


def test_settings_are_read_from_the_file_that_make_names(
    store: Path, says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").write_text(f"MODEL_STORE={store.as_uri()}\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "env"))
    # Set first, so that what the file sets is taken away again after the test.
    monkeypatch.setenv("MODEL_STORE", "")
    monkeypatch.delenv("MODEL_STORE")
    assert says("models").startswith(f"language in {store.as_uri()}")


def test_a_bad_setting_is_one_sentence(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_TIMEOUT_S", "soon")
    assert refusal("models").startswith("MODEL_TIMEOUT_S: a number of seconds")
    assert store


@pytest.mark.parametrize("store_url", ["ftp://host/models", "model_store"])
def test_a_store_that_cannot_be_read_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, store_url: str
) -> None:
    monkeypatch.setenv("MODEL_STORE", store_url)
    assert refusal("models").startswith(("A model store at ftp:", "The model store 'model_store'"))


def test_of_several_models_one_has_to_be_named(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    churn = Model(Contract("churn", int, float), "no_such.module:Churn")
    shutil.copytree(store / "language", store / "churn")
    with pytest.raises(SystemExit, match=r"^MODEL is required: one of language, churn\.$"):
        main(["promote", "2"], churn)
    main(["promote", "2", "--model", "language"], churn)
    assert aliases(store)["champion"] == "2"
    with pytest.raises(
        SystemExit, match=r"churn model, 'no_such\.module:Churn', cannot be imported"
    ):
        main(["promote", "2", "--model", "churn"], churn)
    capsys.readouterr()
    main(["models"], churn)
    named = [line for line in capsys.readouterr().out.splitlines() if line[0] != " "]
    assert named == [f"{name} in {store.as_uri()}" for name in ("language", "churn")]


def test_a_model_without_versions_is_not_promoted(store: Path) -> None:
    assert store
    mood = Model(Contract("mood", str, str), "mine:Mood", versioned=False)
    sentence = r"^No versions of the model 'mood'. Models with versions: language\.$"
    with pytest.raises(SystemExit, match=sentence):
        main(["promote", "2", "--model", "mood"], mood)


@pytest.mark.parametrize("training", ["no_such.module:train", "servekit.testing.fakes:no_such"])
def test_training_that_is_not_there_is_one_sentence(store: Path, training: str) -> None:
    assert store
    mood = Model(Contract("mood", str, str), "mine:Mood", training=training)
    with pytest.raises(SystemExit, match=rf"^The training '{training}' cannot be imported: "):
        main(["train", "--model", "mood"], mood)
