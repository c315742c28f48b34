"""What operators do about corrections: give them to training, forget them, move the schema."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from servekit.corrections import read_corrections
from servekit.features.feedback.__main__ import main

from .feedback_answers import (
    MOOD,
    ROUTING,
    TRIAGE,
    VERSION,
    Ticket,
    Verdict,
    ask,
    ask_model,
    put,
    rows,
    service,
    url_of,
)


@pytest.fixture(autouse=True)
def _logs_go_on() -> Iterator[None]:
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "feedback.db"
    monkeypatch.setenv("FEEDBACK_URL", url_of(file))
    return file


def given(file: Path, *teams: str) -> None:
    with service(url_of(file)) as client:
        for number, team in enumerate(teams):
            answer = ask(client, f"Text „{number}“\nin two lines", f"{number}")
            assert put(client, answer, {"team": team}).status_code == 201


def test_what_is_exported_is_what_training_takes(file: Path, tmp_path: Path) -> None:
    given(file, "billing", "support")
    with service(url_of(file)) as client:
        put(client, ask_model(client, "/v1/mood", "glad", "mood")._replace(output=None), 0.25)
    main(["export", str(tmp_path / "corrections.jsonl")])
    lines = (tmp_path / "corrections.jsonl").read_text(encoding="utf-8").splitlines()
    found = read_corrections(TRIAGE, lines)
    assert sorted(found, key=lambda one: one.input.subject) == [
        (Ticket(subject="Text „0“\nin two lines"), Verdict(team="billing")),
        (Ticket(subject="Text „1“\nin two lines"), Verdict(team="support")),
    ]
    assert read_corrections(MOOD, lines) == [("glad", 0.25)]
    written = {line["model"]: line for line in map(json.loads, lines)}
    assert (written["triage"]["version"], written["triage"]["output"]) == (VERSION, ROUTING)
    assert written["mood"]["output"] is None


def test_corrections_are_readable_to_their_owner_alone(file: Path, tmp_path: Path) -> None:
    given(file, "billing")
    main(["export", str(tmp_path / "corrections.jsonl")])
    kept = [file, tmp_path / "corrections.jsonl"]
    assert [one.stat().st_mode & 0o077 for one in kept] == [0, 0]


def test_neither_needs_a_secret(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FEEDBACK_SECRET")
    main(["migrate"])
    main(["export", str(tmp_path / "corrections.jsonl")])
    assert "0 corrections." in capsys.readouterr().out


def test_what_is_old_is_forgotten(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given(file, "billing", "billing", "support")
    with closing(sqlite3.connect(file)) as connection, connection:
        old = "UPDATE feedback SET given_at = '2020-01-01 00:00:00.000000' WHERE label LIKE ?"
        connection.execute(old, ("%billing%",))
    main(["purge", "--older-than-days", "365"])
    assert [row["request_id"] for row in rows(file)] == ["2"]
    assert "2 corrections" in capsys.readouterr().out
    main(["purge", "--older-than-days", "0"])
    assert rows(file) == []


def test_what_one_caller_has_given_is_forgotten(file: Path) -> None:
    given(file, "billing")
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


def test_a_new_env_file_gets_a_secret_of_its_own(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "other"):
        (tmp_path / name).write_text("FEEDBACK_SECRET=\n", encoding="utf-8")
        main(["fill", str(tmp_path / name)])
        texts.append((tmp_path / name).read_text(encoding="utf-8"))
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    secrets = [line for text in texts for line in text.splitlines() if "FEEDBACK_SECRET=" in line]
    assert len(set(secrets)) == 2
    assert all(len(one) >= len("FEEDBACK_SECRET=") + 32 for one in secrets)
    main(["fill", str(tmp_path / "one")])
    assert (tmp_path / "one").read_text(encoding="utf-8") == texts[0]
    (tmp_path / "other").write_text("# none\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no line"):
        main(["fill", str(tmp_path / "other")])


def test_a_secret_in_another_form_is_kept(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# FEEDBACK_SECRET=\nexport FEEDBACK_SECRET = mine\n", encoding="utf-8")
    main(["fill", str(file)])
    assert file.read_text(encoding="utf-8").endswith("\nexport FEEDBACK_SECRET = mine\n")


SLOW = """
import os, sys, time
with open(os.environ["TMPDIR"] + "/../told", "a") as told:
    told.writelines(f"{argument}\\n" for argument in sys.argv[1:])
time.sleep(float(os.environ["TAKES_S"]))
"""


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment whose Python says what it is told, and takes its time."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    # No sleep of a shell's: interrupted while it begins, it would sleep on.
    python.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{SLOW}' \"$@\"\n")
    python.chmod(0o700)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setenv("TAKES_S", "0")
    return tmp_path


def make_train(folder: Path, project: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = ["make", "train", "SYNCED=", f"VENV={folder / 'venv'}", *arguments]
    with (folder / "errors").open("wb") as errors:
        return subprocess.Popen(command, cwd=project, stderr=errors, start_new_session=True)


def test_training_learns_from_the_database_by_a_file_that_is_gone(
    training: Path, project: Path
) -> None:
    assert make_train(training, project, "FEEDBACK=1").wait(10) == 0
    told = (training / "told").read_text(encoding="utf-8").splitlines()
    assert told[1:3] == ["servekit.features.feedback", "export"]
    assert told[-2:] == ["--corrections", told[3]]
    assert list((training / "scratch").iterdir()) == []


def test_training_asks_the_database_only_where_it_is_told_to(training: Path, project: Path) -> None:
    assert make_train(training, project, "FEEDBACK=0").wait(10) == 0
    told = (training / "told").read_text(encoding="utf-8").splitlines()
    assert told == ["-m", "acme_service", "train", "--model", ""]


@pytest.fixture
def _with_ctrl_c() -> Iterator[None]:
    """Jobs in the background of a shell ignore it, and so does all that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_with_ctrl_c")
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_training_leaves_no_texts_behind(
    training: Path, project: Path, monkeypatch: pytest.MonkeyPatch, ended_by: signal.Signals
) -> None:
    monkeypatch.setenv("TAKES_S", "20")
    making = make_train(training, project, "FEEDBACK=1")
    deadline = monotonic() + 10
    while not (training / "told").exists() and monotonic() < deadline:
        sleep(0.01)
    assert list((training / "scratch").iterdir())
    os.killpg(making.pid, ended_by)
    assert making.wait(10) != 0
    assert list((training / "scratch").iterdir()) == []


def test_training_takes_a_file_of_any_name(training: Path, project: Path) -> None:
    name = """it's "one" of `mine`"""
    assert make_train(training, project, f"CORRECTIONS={name}").wait(10) == 0
    told = (training / "told").read_text(encoding="utf-8").splitlines()
    assert told[-2:] == ["--corrections", name]


def test_training_from_both_is_refused_before_anything_is_read(
    training: Path, project: Path
) -> None:
    assert make_train(training, project, "FEEDBACK=1", "CORRECTIONS=mine.jsonl").wait(10) != 0
    assert "either FEEDBACK=1 or CORRECTIONS=" in (training / "errors").read_text(encoding="utf-8")
    assert not (training / "told").exists()
