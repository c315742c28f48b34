"""What MLflow shows of a version: a run with its parameters, metrics and files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from time import time
from typing import Any, NamedTuple

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

from servekit.registry.sources.layout import MANIFEST
from servekit.registry.version_files import ModelFiles

FOLDER = "model"
"""Where the files lie among the artifacts of the run."""

_LONGEST_VALUE = 6000
"""Characters of a parameter, to MLflow."""

_SHOWN_ELSEWHERE = {"name", "version", "files", "metrics"}


class Facts(NamedTuple):
    """What a run says of its version."""

    params: list[Param]
    metrics: list[Metric]


class LoggedRun(NamedTuple):
    run_id: str
    files_uri: str


def facts_of(files: ModelFiles) -> Facts:
    return Facts(_params(files), _metrics(files))


@contextmanager
def logged_run(client: MlflowClient, files: ModelFiles, facts: Facts) -> Iterator[LoggedRun]:
    """A run of the experiment that is called like the model, finished unless this fails."""
    run = client.create_run(_experiment(client, files.name), run_name=files.reference)
    run_id, artifacts = run.info.run_id, run.info.artifact_uri
    try:
        client.log_batch(run_id, metrics=facts.metrics, params=facts.params)
        for file in (*files.manifest["files"], MANIFEST):
            folder = PurePosixPath(FOLDER, file).parent
            client.log_artifact(run_id, str(files.folder / file), str(folder))
        yield LoggedRun(run_id, f"{artifacts}/{FOLDER}")
    except BaseException:
        with suppress(Exception):  # it is shown as unfinished, then
            client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)


def _experiment(client: MlflowClient, name: str) -> str:
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    try:
        return client.create_experiment(name)
    except MlflowException:
        # Another process was faster.
        if found := client.get_experiment_by_name(name):
            return found.experiment_id
        raise


def _params(files: ModelFiles) -> list[Param]:
    facts = {key: fact for key, fact in files.manifest.items() if key not in _SHOWN_ELSEWHERE}
    return [Param(key, value[:_LONGEST_VALUE]) for key, value in _flat(facts)]


def _metrics(files: ModelFiles) -> list[Metric]:
    now_ms = round(time() * 1000)
    numbers = dict(files.manifest.get("metrics", {}))
    for file, expected in files.manifest["files"].items():
        numbers[f"size_bytes/{file}"] = expected["size_bytes"]
    return [Metric(key, float(number), now_ms, 0) for key, number in numbers.items()]


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Facts within facts as `outer.inner`, and lists as words."""
    for key, fact in facts.items():
        if isinstance(fact, Mapping):
            yield from _flat(fact, f"{prefix}{key}.")
        else:
            yield (
                f"{prefix}{key}",
                " ".join(map(str, fact)) if isinstance(fact, list) else str(fact),
            )
