"""What other programs read is held against their schemas and linters, in every render."""

import json
from collections.abc import Callable
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.export import ROOT

from .answers import ALL, Answers, matrix
from .conftest import Render
from .environment import run, said
from .template import files, template_files

SCHEMAS = {
    ".github/dependabot.yml": "vendor.dependabot",
    ".github/workflows/*.yml": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    "compose.yaml": "vendor.compose-spec",
}
BACKENDS = {
    "redis": ("cache", "rate_limit"),
    "prometheus": ("metrics",),
    "grafana": ("metrics",),
    "jaeger": ("tracing",),
}
"""Which features bring a backend into Compose."""

RENDERS = matrix()
every_render = pytest.mark.parametrize("answers", RENDERS.values(), ids=RENDERS)


@pytest.fixture(scope="module")
def collect(
    render: Callable[..., Render], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[Path]]:
    """Every content that the files of a name have in some render, each in a folder of its own."""

    def collected(pattern: str) -> list[Path]:
        top = tmp_path_factory.mktemp("collected")
        for answers in RENDERS.values():
            for path, content in files(render(**answers).folder).items():
                if fnmatch(path, pattern):
                    copy = top / sha256(content).hexdigest()[:12] / Path(path).name
                    copy.parent.mkdir(exist_ok=True)
                    copy.write_bytes(content)
        return sorted(path for path in top.rglob("*") if path.is_file())

    return collected


@pytest.mark.parametrize(("pattern", "schema"), SCHEMAS.items(), ids=SCHEMAS)
def test_a_file_has_the_form_that_its_reader_expects(
    pattern: str, schema: str, collect: Callable[[str], list[Path]]
):
    found = collect(pattern)
    done = run(ROOT, "check-jsonschema", "--builtin-schema", schema, *found)
    assert done.returncode == 0, said(done)


def test_the_image_has_nothing_to_complain_about(collect: Callable[[str], list[Path]]):
    done = run(ROOT, "hadolint", "--failure-threshold=style", *collect("Dockerfile"))
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("ours", [True, False], ids=["template", "project"])
def test_workflows_are_safe(ours: bool, render: Callable[..., Render]):
    folder = ROOT if ours else render(**ALL).folder
    done = run(folder, "zizmor", "--offline", "--no-progress", "--persona=pedantic", ".github")
    assert done.returncode == 0, said(done)


def test_our_own_workflows_have_the_form_that_is_expected():
    workflows = [*(ROOT / ".github/workflows").glob("*.yml")]
    schema = "vendor.github-workflows"
    done = run(ROOT, "check-jsonschema", "--builtin-schema", schema, *workflows)
    assert done.returncode == 0, said(done)


@every_render
def test_every_file_of_data_parses(answers: Answers, render: Callable[..., Render]):
    for path, content in files(render(**answers).folder).items():
        if path.endswith((".yaml", ".yml")):
            assert list(yaml.load_all(content, yaml.CSafeLoader)) != [None], path
        elif path.endswith(".json"):
            json.loads(content)


def compose(answers: Answers, render: Callable[..., Render]) -> dict[str, Any]:
    path = render(**answers).folder / "compose.yaml"
    if not path.exists():
        return {}
    return yaml.safe_load(path.read_text(encoding="utf-8"))["services"]


@every_render
def test_compose_has_the_backends_that_were_chosen(answers: Answers, render: Callable[..., Render]):
    services = compose(answers, render)
    chosen = {
        backend
        for backend, features in BACKENDS.items()
        if any(answers.get(feature) for feature in features)
    }
    assert services.keys() == ({"service"} | chosen if answers.get("docker") else set())


@every_render
def test_backends_are_healthy_first_and_not_published(
    answers: Answers, render: Callable[..., Render]
):
    services = compose(answers, render)
    backends = {name: service for name, service in services.items() if name != "service"}
    for name, backend in backends.items():
        assert backend["healthcheck"]["test"], name
        assert "ports" not in backend, name
        assert services["service"]["depends_on"][name] == {"condition": "service_healthy"}, name
    assert [service["ports"] for service in services.values() if "ports" in service] == (
        [["8000:8000"]] if services else []
    )


def test_every_image_says_its_exact_version():
    dockerfile = template_files()["Dockerfile"].decode()
    compose = yaml.safe_load(template_files()["compose.yaml"])["services"]
    images = [line.split()[1] for line in dockerfile.splitlines() if line.startswith("FROM ")]
    images += [service["image"] for service in compose.values() if "image" in service]
    tags = [image.rpartition(":")[2].split("-")[0].removeprefix("v") for image in images]
    assert [tag for tag in tags if len(tag.split(".")) != 3] == []
    assert all(part.isdecimal() for tag in tags for part in tag.split("."))
