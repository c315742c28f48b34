"""The feature `huggingface` with a hub that does not answer, or must not be asked."""

from functools import partial
from pathlib import Path
from time import monotonic
from traceback import format_exception

import pytest

from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.store import ModelStore
from servekit.registry.version_files import verified
from servekit.testing.store import STORE
from servekit.testing.subprocesses import free_port, printed_by

from acme_service.features import sources

from .huggingface_hub import REPOSITORY, TOKEN, Hub, client_asks, opened, running
from .web_servers import answering, dripping, silent

URL = f"hf:{REPOSITORY}"


def nobody() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_a_port_that_nobody_listens_on_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    client_asks(nobody(), tmp_path, monkeypatch)
    source = opened(URL)
    folder = STORE / "language" / "1"
    for call in (
        lambda: source.aliases("language"),
        lambda: source.versions("language"),
        lambda: source.fetch("language", "1", tmp_path),
        lambda: source.move_alias("language", "champion", "2", "1"),
        lambda: source.publish("language", "1", folder),
    ):
        with pytest.raises(StoreUnreachableError) as caught:
            call()
        assert str(caught.value) == "Cannot reach the Hugging Face Hub for hf:example/models@main."
        assert TOKEN not in "".join(format_exception(caught.value))


def test_a_silent_or_dripping_hub_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for misbehaving in (silent, dripping):
        with misbehaving() as url:
            client_asks(url, tmp_path / "home", monkeypatch)
            store = ModelStore([*sources()], URL, tmp_path / "cache", timeout_s=0.2)
            for call in (store.aliases, store.versions, partial(store.open_version, version="1")):
                began = monotonic()
                with pytest.raises(StoreUnreachableError):
                    call("language")
                assert monotonic() - began < 2


@pytest.mark.parametrize(
    ("status", "kind"), [(500, StoreUnreachableError), (429, StoreUnreachableError), (400, None)]
)
def test_a_hub_in_trouble_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[ModelStoreError] | None
):
    with answering(status) as url:
        client_asks(url, tmp_path, monkeypatch)
        with pytest.raises(ModelStoreError, match=f"status {status}") as caught:
            opened(URL).aliases("language")
    assert type(caught.value) is (kind or ModelStoreError)


def test_a_web_server_is_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with answering(200, b"<html>") as url:
        client_asks(url, tmp_path, monkeypatch)
        with pytest.raises(ModelStoreError, match="is not a Hugging Face Hub"):
            opened(URL).aliases("language")


def test_what_the_client_has_in_its_cache_is_no_answer_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(tmp_path, monkeypatch)
    client_asks(nobody(), tmp_path / "home", monkeypatch)
    with pytest.raises(StoreUnreachableError):
        opened(URL).aliases("language")


def fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client's cache hold version 1."""
    hub = Hub()
    hub.add(STORE)
    (tmp_path / "first").mkdir()
    with running(hub) as url:
        client_asks(url, tmp_path / "home", monkeypatch)
        opened(URL).aliases("language")
        opened(URL).fetch("language", "1", tmp_path / "first")


def test_offline_the_cache_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(tmp_path, monkeypatch)
    client_asks(nobody(), tmp_path / "home", monkeypatch, offline=True)
    source = opened(URL)
    assert source.aliases("language") == {"champion": "1"}
    assert source.versions("language") == ["1"]
    (tmp_path / "again").mkdir()
    verified(source.fetch("language", "1", tmp_path / "again"), "language", "1")


def test_offline_what_is_not_in_the_cache_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(tmp_path, monkeypatch)
    client_asks(nobody(), tmp_path / "home", monkeypatch, offline=True)
    with pytest.raises(StoreUnreachableError, match="HF_HUB_OFFLINE is set"):
        opened(URL).fetch("language", "2", tmp_path)
    with pytest.raises(StoreUnreachableError, match="HF_HUB_OFFLINE is set"):
        opened(URL).move_alias("language", "champion", "2", "1")
    client_asks(nobody(), tmp_path / "empty", monkeypatch, offline=True)
    with pytest.raises(StoreUnreachableError, match="HF_HUB_OFFLINE is set"):
        opened(URL).aliases("language")


def test_the_switches_are_those_of_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(tmp_path, monkeypatch)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    printed = printed_by(
        "from servekit.registry.sources import huggingface\n"
        f"source = huggingface.huggingface.open('{URL}', 5.0)\n"
        "print(source.aliases('language'))"
    )
    assert printed == "{'champion': '1'}"
