"""The feature `mlflow` for models that MLflow itself has logged, without a manifest."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from servekit.commands.scaffold import onnx_file
from servekit.commands.scaffold.edits import EditError
from servekit.commands.scaffold.in_store import fetched, is_in_store
from servekit.contracts import Contract
from servekit.registry.errors import ModelStoreError
from servekit.registry.store import ModelStore
from servekit.registry.version_files import ModelFiles
from servekit.serving.deployment import checked_load, files_of

from acme_service.features import sources

from .mlflow_server import new_name, server_port

pytestmark = pytest.mark.slow

PRICE = Contract("price", list[float], float)


def logged(flavor: str) -> str:
    """The name of a model that MLflow has logged."""
    name = new_name()
    script = Path(__file__).with_name("mlflow_logging.py")
    done = subprocess.run(
        # Isolated from what PYTHONPATH says of the project.
        [sys.executable, "-I", script, f"http://127.0.0.1:{server_port()}", name, flavor],
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return name


def store(tmp_path: Path, files: tuple[str, ...]) -> ModelStore:
    url = f"mlflow:http://127.0.0.1:{server_port()}"
    return ModelStore([*sources()], url, tmp_path / "cache", 30, files=files)


class SkopsPrice:
    """A scikit-learn model that was saved by skops."""

    files = ("model.skops",)
    golden: ClassVar[list[Any]] = []

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    @classmethod
    def load(cls, files: ModelFiles) -> "SkopsPrice":
        from skops.io import load

        return cls(load(files.path("model.skops")))

    def predict(self, items: list[list[float]]) -> list[float]:
        return self._estimator.predict(np.array(items)).tolist()


class OnnxPrice:
    """An ONNX file, wherever MLflow has put it."""

    files = ("*.onnx",)

    def __init__(self, session: Any) -> None:
        self._session = session

    @classmethod
    def load(cls, files: ModelFiles) -> "OnnxPrice":
        from onnxruntime import InferenceSession

        [name] = files.manifest["files"]
        return cls(InferenceSession(str(files.path(name)), providers=["CPUExecutionProvider"]))

    def predict(self, items: list[list[float]]) -> list[float]:
        [found] = self._session.run(None, {"x": np.array(items, dtype=np.float32)})
        return found[:, 0].tolist()


@pytest.mark.parametrize(("flavor", "kind"), [("sklearn", SkopsPrice), ("onnx", OnnxPrice)])
def test_a_model_that_mlflow_has_logged_is_served(
    tmp_path: Path, flavor: str, kind: type[Any]
) -> None:
    name, path = logged(flavor), f"{__name__}:{kind.__name__}"
    files = store(tmp_path, files_of(PRICE, path)).open(f"{name}@champion")
    assert (files.reference, files.has_no_manifest) == (f"{name}:1", True)
    [file] = files.manifest["files"]
    assert Path(file).suffix in {".skops", ".onnx"}
    model = checked_load(PRICE, path)(files)
    assert model.predict([[1.0, 1.0]]) == pytest.approx([6.0])


def test_a_pickle_that_mlflow_has_logged_is_refused_by_name(tmp_path: Path) -> None:
    name = logged("pickle")
    with pytest.raises(
        ModelStoreError, match=r"There is no file .*; 'model\.pkl' there is a pickle"
    ):
        store(tmp_path, SkopsPrice.files).open(f"{name}:1")
    with pytest.raises(ModelStoreError, match=r"has no manifest\.json at"):
        store(tmp_path, ()).open(f"{name}:1")


def test_make_model_takes_the_onnx_file_of_a_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = logged("onnx")
    monkeypatch.setenv("MODEL_STORE", f"mlflow:http://127.0.0.1:{server_port()}")
    monkeypatch.setenv("MODEL_CACHE", str(tmp_path))
    assert is_in_store(f"{name}:1")
    assert not is_in_store("churn.onnx")
    path, file = fetched([*sources()], name, f"{name}:1")
    assert path.as_posix().endswith(f"/1/{file}")
    assert len(onnx_file.read_tensors(path)) == 2
    with pytest.raises(EditError, match="is a version of 'churn', not of"):
        fetched([*sources()], name, "churn:1")
    with pytest.raises(EditError, match="mlflow:http"):
        fetched([*sources()], name, f"{name}:2")
