"""The manifests of renders are checked, and held against KubeRay's own schema where it is there."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from servekit.commands.manifests.envelope import Whole

from scripts.export import ROOT

from .answers import ALL, Answers, matrix
from .conftest import Render
from .environment import Done, run, said
from .template import files

STRICT = ROOT.parent / "shared/reference/kuberay-1.7.0-rayservice.schema.json"
"""KubeRay's definition of a RayService, in which no other key is allowed."""

DEPLOYED = ("deploy/", "serve.yaml", "src/servekit/commands/manifests/")
RENDERS = {name: one for name, one in matrix().items() if one["kubernetes"]}
OVERLAYS = ("local", "production")


@pytest.fixture(scope="module")
def strict() -> dict[str, Any]:
    if not STRICT.is_file():
        pytest.skip(f"KubeRay's schema is not at {STRICT}.")
    return json.loads(STRICT.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def kuberay(strict: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(strict)


def checked(folder: Path, *overlays: str) -> Done:
    """What `make manifests` does, for several overlays at once."""
    made = ("--to", "build/kubernetes")
    return run(folder, "python", "-m", "servekit.commands.manifests", *overlays, *made)


def services(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "build/kubernetes").glob("*.yaml")):
        for one in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if one["kind"] == "RayService":
                yield one


def identity(project: Render) -> str:
    """The same for renders that deploy the same."""
    deployed = {
        path: content
        for path, content in files(project.folder).items()
        if path.startswith(DEPLOYED)
    }
    return sha256(repr(sorted(deployed.items())).encode()).hexdigest()


@pytest.fixture(scope="module")
def distinct(
    render: Callable[..., Render], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A copy of a render for each kind of manifests, by its name: they are written into it."""
    once: dict[str, tuple[str, Path]] = {}
    for name, answers in RENDERS.items():
        project = render(**answers)
        once.setdefault(identity(project), (name, project.folder))
    copies = tmp_path_factory.mktemp("distinct")
    return {name: Path(shutil.copytree(one, copies / name)) for name, one in once.values()}


@pytest.fixture(scope="module")
def outcomes(distinct: dict[str, Path], pool: ThreadPoolExecutor) -> dict[str, Done]:
    runs = {name: pool.submit(checked, folder, *OVERLAYS) for name, folder in distinct.items()}
    return {name: one.result() for name, one in runs.items()}


def test_the_overlays_of_every_render_have_no_mistakes(outcomes: dict[str, Done]):
    assert [said(done) for done in outcomes.values() if done.returncode] == []
    assert len(outcomes) > len(RENDERS) / 4


@pytest.mark.usefixtures("outcomes")
def test_kuberay_takes_the_overlays_of_every_render(
    distinct: dict[str, Path], kuberay: jsonschema.Draft202012Validator
):
    for folder in distinct.values():
        found = [*services(folder)]
        assert len(found) == len(OVERLAYS)
        for one in found:
            kuberay.validate(one)


def test_kuberay_takes_every_component(
    render_again: Callable[..., Render], kuberay: jsonschema.Draft202012Validator
):
    project = render_again(**ALL | {"sample": "language"})
    components = project.folder / "deploy/kubernetes/components"
    name = project.answers["project_slug"]
    overlays = []
    for component in sorted(path.name for path in components.iterdir()):
        if component in {"grpc", "gpu"}:  # in the base; and for models that want one
            continue
        overlays.append(component)
        own = components.parent / "overlays" / component
        own.mkdir()
        text = yaml.safe_dump(
            {
                "resources": ["../../base"],
                "components": [f"../../components/{component}"],
                "images": [{"name": name, "newTag": "1.2.3"}],
            }
        )
        (own / "kustomization.yaml").write_text(text, encoding="utf-8")
    done = checked(project.folder, *overlays)
    assert done.returncode == 0, said(done)
    found = [*services(project.folder)]
    assert len(found) == len(overlays) > 5
    for one in found:
        kuberay.validate(one)


def test_kubernetes_refuses_an_overlay_that_was_not_completed(
    render: Callable[..., Render], kuberay: jsonschema.Draft202012Validator
):
    overlay = render(**ALL).folder / "deploy/kubernetes/overlays/production"
    done = run(overlay, "kubectl", "kustomize", ".")
    [service] = [one for one in yaml.safe_load_all(done.stdout) if one["kind"] == "RayService"]
    [error] = kuberay.iter_errors(service)
    assert list(error.path) == ["spec", "serveConfigV2"]


def inside(model: Any, schema: Any, path: str = "") -> Iterator[str]:
    """Keys of a model that the schema does not have."""
    known = schema.get("items", schema).get("properties", {})
    for field in model.model_fields.values():
        key = str(field.alias or "")
        if key and key not in known:
            yield f"{path}.{key}"
    for name, field in model.model_fields.items():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if hasattr(part, "model_fields"):
                key = field.alias or name
                yield from inside(part, known[key], f"{path}.{key}")


def test_what_a_rayservice_may_have_is_what_kuberay_has(strict: dict[str, Any]):
    assert list(inside(Whole, strict)) == []


def test_without_manifests_nothing_speaks_of_them(render: Callable[..., Render]):
    answers: Answers = ALL | {"kubernetes": False}
    project = files(render(**answers).folder)
    words = (b"KubeRay", b"kubectl", b"manifests:", b"commands.manifests", b"kubernetes_validate")
    kept = ("docs/", "constraints.txt", "deploy/prometheus/", "deploy/serve.env")
    speaking = [
        path
        for path, content in project.items()
        if not path.startswith(kept) and any(word in content for word in words)
    ]
    assert speaking == []
    assert not any(path.startswith("deploy/kubernetes") for path in project)
