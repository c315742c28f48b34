"""What operators do about corrections: give them to training, forget them, move the schema."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from acme_service.features.feedback.__main__ import main
from acme_service.models.training.corrections import read_corrections

from .feedback_answers import ask, put, rows, service, url_of


@pytest.fixture(autouse=True)
def _logs_go_on() -> Iterator[None]:
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "feedback.db"
    monkeypatch.setenv("FEEDBACK_URL", url_of(file))
    return file


def given(file: Path, *labels: str) -> None:
    with service(url_of(file)) as client:
        for number, label in enumerate(labels):
            put(client, ask(client, f"Text „{number}“\nin two lines", f"{number}"), label)


def test_what_is_exported_is_what_training_takes(file: Path, tmp_path: Path) -> None:
    given(file, "de", "und")
    main(["export", str(tmp_path / "corrections.jsonl")])
    lines = (tmp_path / "corrections.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(read_corrections(lines)) == [
        ("Text „0“\nin two lines", "de"),
        ("Text „1“\nin two lines", "und"),
    ]
    assert [set(json.loads(line)) for line in lines] == [{"text", "language"}] * 2


def test_neither_needs_a_secret(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FEEDBACK_SECRET")
    main(["migrate"])
    main(["export", str(tmp_path / "corrections.jsonl")])
    assert "0 corrections." in capsys.readouterr().out


def test_what_is_old_is_forgotten(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given(file, "de", "fr", "it")
    with closing(sqlite3.connect(file)) as connection, connection:
        old = "UPDATE feedback SET given_at = '2020-01-01 00:00:00.000000' WHERE language <> 'it'"
        connection.execute(old)
    main(["purge", "--older-than-days", "365"])
    assert [row["language"] for row in rows(file)] == ["it"]
    assert "2 corrections" in capsys.readouterr().out
    main(["purge", "--older-than-days", "0"])
    assert rows(file) == []


def test_what_one_caller_has_given_is_forgotten(file: Path) -> None:
    given(file, "de")
    main(["purge", "--caller", "somebody"])
    assert len(rows(file)) == 1
    main(["purge", "--caller", "anonymous"])
    assert rows(file) == []


@pytest.mark.parametrize("days", ["-1", "x", "40000", "1e3"])
def test_days_that_are_none_are_refused(file: Path, days: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["purge", "--older-than-days", days])
    assert caught.value.code == 2


def test_a_database_that_is_away_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no folder").touch()
    monkeypatch.setenv("FEEDBACK_URL", url_of(tmp_path / "no folder" / "feedback.db"))
    with pytest.raises(SystemExit, match=r"does not answer\. .*no folder"):
        main(["migrate"])


def test_a_new_env_file_gets_a_secret_of_its_own(tmp_path: Path, project: Path) -> None:
    template = (project / ".env.example").read_text(encoding="utf-8")
    texts = []
    for name in ("one", "other"):
        (tmp_path / name).write_text(template, encoding="utf-8")
        main(["fill", str(tmp_path / name)])
        texts.append((tmp_path / name).read_text(encoding="utf-8"))
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    secrets = [line for text in texts for line in text.splitlines() if "FEEDBACK_SECRET=" in line]
    assert len(set(secrets)) == 2
    assert all(len(one) >= len("FEEDBACK_SECRET=") + 32 for one in secrets)
    with pytest.raises(SystemExit, match="no line"):
        main(["fill", str(tmp_path / "one")])
