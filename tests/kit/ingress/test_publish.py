"""Models on their way into a store: trained there, or copied from the folder of the project."""

import json
from pathlib import Path

import pytest

from servekit.testing.store import STORE

from tests.commands import run


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that `MODEL_STORE` names, which is not there yet."""
    monkeypatch.setenv("MODEL_STORE", (tmp_path / "store").as_uri())
    monkeypatch.chdir(STORE.parent)
    return tmp_path / "store"


def publish_all() -> None:
    assert run("publish") == ""


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def aliases(store: Path) -> dict[str, str]:
    return json.loads((store / "language" / "aliases.json").read_text())


def test_what_is_published_is_what_the_folder_has(store: Path, capsys: pytest.CaptureFixture[str]):
    publish_all()
    for version in ("1", "2"):
        folder = Path("language") / version
        assert contents(store / folder) == contents(STORE / folder)
    assert aliases(store) == {"champion": "1"}
    assert capsys.readouterr().out == f"{store.as_uri()} has language:1, language:2.\n"


def test_publishing_again_moves_no_alias(store: Path):
    publish_all()
    (store / "language" / "aliases.json").write_text('{"champion": "2"}')
    publish_all()
    assert aliases(store) == {"champion": "2"}


def test_a_version_with_other_content_stops_it(store: Path):
    publish_all()
    manifest = store / "language" / "2" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("0.3", "0.4").replace("8192", "4096"))
    assert "language:2 is at " in run("publish")
    assert "with other content" in run("publish")


def test_training_goes_where_the_setting_says(store: Path):
    assert run("train") == ""
    assert contents(store / "language" / "1") == contents(STORE / "language" / "1")


def test_a_malformed_setting_stops_both(store: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODEL_TIMEOUT_S", "soon")
    for command in ("train", "publish"):
        assert run(command).startswith("MODEL_TIMEOUT_S: a number")
