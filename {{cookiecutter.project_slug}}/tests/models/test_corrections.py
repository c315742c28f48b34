"""Training that learns from corrections."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from servekit.registry.store import open_model
from servekit.registry.training import TrainingError
from servekit.testing.store import STORE

from acme_service.contracts.language import Query
from acme_service.models import training
from acme_service.models.language import LanguageModel
from acme_service.models.training.corrections import (
    FEWEST_TEXTS,
    Correction,
    read_corrections,
    sift,
)
from acme_service.models.training.held_out import MORE, TEN, accuracy

from .test_training import contents, needs_langdetect
from tests.commands import run

SWISS = [
    "Grüezi mitenand, wie gaht's eu hüt?",
    "Mir gönd hüt z'Nacht no is Kino.",
    "Ich ha gester es neus Velo kauft.",
    "Chasch mer bitte s'Salz gäh?",
    "Äs rägnet scho de ganz Tag.",
    "Wänn chunnt dä nächscht Zug?",
    "Dä Bueb isch no z'chli für d'Schuel.",
    "Morn fahre mer is Tessin.",
]
ASKED = "Isch das dis Velo?"
"""Also German as it is spoken in Switzerland, which the profiles do not know."""


def lines_of(corrections: Sequence[tuple[str, str]], file: Path) -> Path:
    lines = [json.dumps({"input": {"text": text}, "label": code}) for text, code in corrections]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def filled(store: Path) -> Path:
    """A store with the versions of the project."""
    shutil.copytree(STORE, store)
    return store


def train(store: Path, *arguments: str) -> str:
    """What training into the store has failed with, if it has."""
    return run("train", "--store", store.as_uri(), *arguments)


def sifted(*corrections: tuple[str, str]) -> tuple[dict[str, int], dict[str, int]]:
    """How many are used by language, and left out by reason."""
    found = sift([Correction(*one) for one in corrections], ["de", "en"], ["A held-out sentence."])
    return {code: len(texts) for code, texts in found.texts.items()}, dict(found.left_out)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a version that has learned from corrections."""
    folder = tmp_path_factory.mktemp("learned")
    file = lines_of([(text, "de") for text in SWISS], folder / "corrections.jsonl")
    assert train(filled(folder / "store"), "--corrections", str(file)) == ""
    return folder


@needs_langdetect
def test_corrections_change_the_corrected_answers_alone(learned: Path, thirty_one: LanguageModel):
    model = LanguageModel.load(open_model((learned / "store").as_uri(), "language:3"))
    before, after = thirty_one.predict([Query(ASKED)]), model.predict([Query(ASKED)])
    assert (before[0].language, after[0].language) == ("nl", "de")
    assert accuracy(model, {"de": SWISS}) > accuracy(thirty_one, {"de": SWISS})
    assert accuracy(model, TEN | MORE) >= training.LEAST_ACCURACY


@needs_langdetect
def test_a_manifest_counts_corrections_and_holds_no_texts(learned: Path):
    folder = learned / "store" / "language" / "3"
    manifest = json.loads((folder / "manifest.json").read_text())
    corrections = manifest["training"]["corrections"]
    assert corrections["used"] == {"de": len(SWISS)}
    assert corrections["left_out"] == {}
    published = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not any(text.encode() in published for text in SWISS)
    aliases = json.loads((learned / "store" / "language" / "aliases.json").read_text())
    assert aliases["champion"] == "1", "It answers nobody yet."


@needs_langdetect
def test_the_same_corrections_give_the_same_bytes_in_whatever_order(learned: Path, tmp_path: Path):
    again = lines_of([(text, "de") for text in reversed(SWISS)], tmp_path / "again.jsonl")
    assert train(filled(tmp_path / "store"), "--corrections", str(again)) == ""
    version = Path("store/language/3")
    assert contents(tmp_path / version) == contents(learned / version)


@needs_langdetect
def test_a_version_gets_the_next_number_or_the_one_that_is_asked_for(
    learned: Path, capsys: pytest.CaptureFixture[str]
):
    file = learned / "corrections.jsonl"
    assert train(learned / "store", "--corrections", str(file), "--version", "7") == ""
    assert train(learned / "store", "--corrections", str(file)) == ""
    assert "language:8" in capsys.readouterr().out


@needs_langdetect
def test_a_version_that_is_not_good_enough_is_not_published(
    learned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(training, "LEAST_ACCURACY", 1.01)
    file = learned / "corrections.jsonl"
    said = train(filled(tmp_path / "store"), "--corrections", str(file))
    assert "nothing was published" in said
    assert contents(tmp_path / "store") == contents(STORE)


@needs_langdetect
def test_many_wrong_corrections_do_not_turn_a_language_over(tmp_path: Path):
    wrong = [(f"{text} {number}", "de") for text in TEN["fr"] for number in range(100)]
    file = lines_of(wrong, tmp_path / "wrong.jsonl")
    assert train(filled(tmp_path / "store"), "--corrections", str(file)) == ""
    model = LanguageModel.load(open_model((tmp_path / "store").as_uri(), "language:3"))
    assert accuracy(model, TEN) >= training.LEAST_ACCURACY


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "None of 0 corrections"),
        ('{"input": {"text": "Grüezi mitenand"}, "label": "de"}', "None of 1 corrections"),
        ('\n{"input": {"text": "Grüezi"}}', "Line 2 of the corrections"),
        ("s3cret", "Line 1 of the corrections"),
        ('{"input": {"text": "s3cret"}, "label": "german"}', "Line 1 of the corrections"),
    ],
)
def test_a_file_of_no_use_is_refused_in_one_sentence(content: str, complaint: str, tmp_path: Path):
    file = tmp_path / "corrections.jsonl"
    file.write_text(content, encoding="utf-8")
    said = train(tmp_path / "store", "--corrections", str(file))
    assert said.startswith(complaint)
    assert len(said.splitlines()) == 1
    assert "s3cret" not in said
    assert contents(tmp_path).keys() == {"corrections.jsonl"}


def test_a_file_that_is_missing_or_no_text_is_refused_in_one_sentence(
    tmp_path: Path,
):
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for file in (binary, tmp_path / "missing"):
        said = train(tmp_path / "store", "--corrections", str(file))
        assert str(file) in said
        assert len(said.splitlines()) == 1


def test_what_cannot_be_believed_is_left_out():
    good = [(text, "de") for text in SWISS]
    assert sifted(*good) == ({"de": len(SWISS)}, {})
    assert sifted(*good[: FEWEST_TEXTS - 1]) == ({}, {"too few of a language": FEWEST_TEXTS - 1})
    assert sifted(*good, *good[:2])[1] == {"repeated": 2}
    assert sifted(*good, ("  " + SWISS[0].replace(" ", "\n "), "de"))[1] == {"repeated": 1}
    assert sifted(*good, (SWISS[0], "en")) == ({"de": len(SWISS) - 1}, {"contradicted": 2})
    outvoted = sifted(*good, (SWISS[0], "de"), (SWISS[0], "en"))
    assert outvoted == ({"de": len(SWISS)}, {"contradicted": 1, "repeated": 1})
    assert sifted(*good, ("123 !!! ok", "de"))[1] == {"too short": 1}
    assert sifted(*good, ("A held-out  sentence.", "en"))[1] == {"in the test set": 1}
    unknown = {"in no language of the model": 2}
    assert sifted(*good, ("Moien, wéi geet et?", "lb"), ("asdf jklö asdf", "und"))[1] == unknown


@pytest.mark.parametrize("labels", [["de", "lb"], ["lb", "de"], ["en", "de", "lb"]])
def test_contradicted_texts_are_left_out_in_any_order(labels: list[str]):
    assert sifted(*((SWISS[0], label) for label in labels)) == ({}, {"contradicted": len(labels)})


def test_lines_may_hold_more_than_is_asked_for():
    line = json.dumps({"input": {"text": "a"}, "label": "de", "version": "language:1"})
    assert read_corrections([line, "\n"]) == [Correction("a", "de")]
    with pytest.raises(TrainingError):
        read_corrections(["{}"])
