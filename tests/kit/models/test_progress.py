"""How far the files of a version have come, on a terminal and in the log."""

import io
import logging
import sys
import time
from pathlib import Path

import pytest

from servekit.registry import progress
from servekit.registry.progress import reported
from servekit.registry.settings import StoreSettings
from servekit.testing.store import STORE

from tests.registry import Registry


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.05)


def test_a_fetch_that_takes_long_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry(STORE)
    registry.fetch_s = 0.5
    with caplog.at_level(logging.WARNING):
        settings = StoreSettings("registry://models", tmp_path, 10.0, 5.0)
        settings.opened([registry.kind]).open("language:1")
    assert "fetching language:1: 0.0 MB after" in caplog.text


def test_what_is_done_at_once_is_not_mentioned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 5.0)
    with reported("copying churn:2", tmp_path):
        pass
    assert caplog.text == ""


def test_on_a_terminal_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "weights").write_bytes(bytes(2_500_000))
    with reported("copying churn:2", tmp_path):
        until = time.monotonic() + 5
        while terminal.getvalue().count("\r") < 2 and time.monotonic() < until:
            time.sleep(0.01)
    text = terminal.getvalue()
    assert text.startswith("\rcopying churn:2: 2.5 MB after 0 s")
    assert text.count("\n") == 1
    assert caplog.text == ""
