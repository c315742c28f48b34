import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from servekit.registry.errors import ModelStoreError
from servekit.registry.store import open_model
from servekit.testing.versions import publish

from acme_service.contracts.language import Query
from acme_service.models.language import LanguageModel

from tests.fakes import detection

SOUND: dict[str, Any] = {
    "alphabet": np.array([[97, 122, 97]], dtype=np.uint16),
    "languages": np.array(["de", "en"]),
    "weights": np.zeros((8, 2), dtype=np.float16),
}
FACTS = {"format": "language-ngrams-1", "languages": ["de", "en"]}


def npz(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def load(store: Path, content: bytes, file: str = "model.npz", **facts: Any) -> LanguageModel:
    publish(store, "language", "1", {file: content}, FACTS | facts)
    return LanguageModel.load(open_model(store.as_uri(), "language:1"))


def test_sound_arrays_make_a_model(tmp_path: Path):
    model = load(tmp_path, npz(**SOUND))
    assert model.predict([Query("ab")])[0] == detection(de=0.5, en=0.5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights": np.array([[None, None]] * 8)}, "no .npz file of plain arrays"),
        ({"weights": np.zeros((8, 3), np.float16)}, "not a (buckets, 2) array of float16"),
        ({"weights": np.zeros(8, np.float16)}, "not a (buckets, 2) array of float16"),
        ({"weights": np.zeros((8, 2))}, "not a (buckets, 2) array of float16"),
        ({"weights": np.zeros((7, 2), np.float16)}, "7 rows, no power of two"),
        ({"weights": np.zeros((0, 2), np.float16)}, "0 rows, no power of two"),
        ({"weights": np.full((8, 2), np.nan, np.float16)}, "not all finite"),
        ({"weights": np.full((8, 2), -np.inf, np.float16)}, "not all finite"),
        ({"languages": np.array(["en", "de"])}, "not distinct, sorted ISO 639 codes"),
        ({"languages": np.array(["en", "en"])}, "not distinct, sorted ISO 639 codes"),
        ({"languages": np.array(["DE", "EN"])}, "not distinct, sorted ISO 639 codes"),
        ({"languages": np.array([["de", "en"]])}, "not distinct, sorted ISO 639 codes"),
        ({"languages": np.array([], dtype="<U2")}, "not distinct, sorted ISO 639 codes"),
        ({"languages": np.array([1, 2])}, "not distinct, sorted ISO 639 codes"),
        ({"languages": np.array(["de", "fr"])}, "other languages than its manifest says"),
        ({"alphabet": np.zeros((1, 2), np.uint16)}, "not an (n, 3) array of uint16"),
        ({"alphabet": np.zeros((1, 3))}, "not an (n, 3) array of uint16"),
        ({"alphabet": np.array([[0, 122, 97]], np.uint16)}, "has letters that are none"),
    ],
)
def test_unsound_arrays_are_refused(tmp_path: Path, changes: dict[str, Any], reason: str):
    with pytest.raises(ModelStoreError) as caught:
        load(tmp_path, npz(**SOUND | changes))
    assert reason in str(caught.value)
    assert str(tmp_path / "language" / "1" / "model.npz") in str(caught.value)


@pytest.mark.parametrize("name", SOUND)
def test_every_array_must_be_there(tmp_path: Path, name: str):
    with pytest.raises(ModelStoreError, match="lacks one of the arrays alphabet, languages, weig"):
        load(tmp_path, npz(**{key: array for key, array in SOUND.items() if key != name}))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04N.", b"\x93NUMPY", b"text"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(ModelStoreError, match=r"model\.npz is no \.npz file of plain arrays\."):
        load(tmp_path, content)


def test_arrays_that_would_inflate_are_refused(tmp_path: Path):
    content = io.BytesIO()
    np.savez_compressed(content, **SOUND)
    with pytest.raises(ModelStoreError, match=r"model\.npz is compressed: save it without"):
        load(tmp_path, content.getvalue())


def test_a_single_array_is_no_archive(tmp_path: Path):
    content = io.BytesIO()
    np.save(content, SOUND["weights"])
    with pytest.raises(ModelStoreError, match=r"is no \.npz file"):
        load(tmp_path, content.getvalue())


def test_another_format_is_refused(tmp_path: Path):
    with pytest.raises(ModelStoreError, match="does not say that its format is language-ngrams-1"):
        load(tmp_path, npz(**SOUND), format="language-ngrams-2")


def test_a_manifest_without_the_arrays_is_refused(tmp_path: Path):
    with pytest.raises(ModelStoreError, match=r"manifest\.json names no file 'model\.npz'"):
        load(tmp_path, npz(**SOUND), file="weights.npz")
