import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

from servekit.registry.store import open_model
from servekit.testing.store import STORE

from acme_service.models.training import held_out
from acme_service.models.training.golden import SENTENCES

from tests.commands import run

needs_langdetect = pytest.mark.skipif(
    # On CI the training data must be there: a skip would hide that nothing was checked.
    importlib.util.find_spec("langdetect") is None and os.environ.get("CI") != "true",
    reason="langdetect, which holds the training data, is not installed",
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was trained just now, twice."""
    store = tmp_path_factory.mktemp("training") / "model_store"
    assert run("train", "--store", store.as_uri()) == ""
    (store / "language" / "aliases.json").write_text('{"champion": "2"}')
    assert run("train", "--store", store.as_uri()) == ""
    return store


@needs_langdetect
def test_training_reproduces_the_store_byte_for_byte(trained: Path):
    for version in ("1", "2"):
        folder = Path("language") / version
        assert contents(trained / folder) == contents(STORE / folder)


@needs_langdetect
def test_training_leaves_the_aliases_alone_and_nothing_behind(trained: Path):
    assert names(trained / "language") == ["1", "2", "aliases.json"]
    assert open_model(trained.as_uri(), "language@champion").version == "2"


@needs_langdetect
def test_training_reports_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run("train", "--store", tmp_path.as_uri()) == ""
    report = capsys.readouterr().out
    assert "language:1  10 languages" in report
    assert "language:2  31 languages" in report
    assert json.loads((tmp_path / "language" / "aliases.json").read_text()) == {"champion": "1"}


def test_training_without_its_data_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "langdetect", None)
    assert "run make setup" in run("train", "--store", tmp_path.as_uri())
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("store", ["s3://bucket", "file:/dev/null/store"])
def test_training_into_no_folder_is_refused(store: str):
    assert len(run("train", "--store", store).splitlines()) == 1


def test_examples_are_no_test_sentences():
    examples = {text for texts in SENTENCES.values() for text in texts}
    assert examples.isdisjoint(text for texts in held_out.MORE.values() for text in texts)
    assert examples.isdisjoint(text for texts in held_out.TEN.values() for text in texts)
