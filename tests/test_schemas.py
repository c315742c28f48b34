"""What other programs read is held against their schemas and linters, in every render."""

import json
import re
from collections.abc import Callable
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.export import ROOT, known_to_git

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
    "postgresql": ("feedback",),
    "mlflow": ("mlflow",),
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
    found = [*collect("*Dockerfile"), ROOT / ".devcontainer/Dockerfile"]
    done = run(ROOT, "hadolint", "--failure-threshold=style", *found)
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("ours", [True, False], ids=["template", "project"])
def test_workflows_are_safe(ours: bool, render: Callable[..., Render]):
    folder = ROOT if ours else render(**ALL).folder
    done = run(folder, "zizmor", "--offline", "--no-progress", "--persona=pedantic", ".github")
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize(
    ("pattern", "schema"),
    [("workflows/*.yml", "vendor.github-workflows"), ("dependabot.yml", "vendor.dependabot")],
)
def test_our_own_files_have_the_form_that_is_expected(pattern: str, schema: str):
    found = [*(ROOT / ".github").glob(pattern)]
    done = run(ROOT, "check-jsonschema", "--builtin-schema", schema, *found)
    assert done.returncode == 0, said(done)


FOLLOWED = {"docker": "Dockerfile", "docker-compose": "compose.yaml"}
"""By what dependabot calls it, the files that name images."""


@pytest.mark.parametrize("ours", [True, False], ids=["template", "project"])
def test_dependabot_follows_every_file_that_names_an_image(
    ours: bool, render: Callable[..., Render]
):
    folder = ROOT if ours else render(**ALL).folder
    known = known_to_git() if ours else [Path(path) for path in files(folder)]
    updates = yaml.safe_load((folder / ".github/dependabot.yml").read_bytes())["updates"]
    for ecosystem, name in FOLLOWED.items():
        [update] = [one for one in updates if one["package-ecosystem"] == ecosystem]
        followed = update.get("directories") or [update["directory"]]
        there = {f"/{path.parent}".rstrip("/.") or "/" for path in known if path.name == name}
        assert {*followed} == there


def exported(part: Any) -> set[str]:
    """The variables that a configuration of continuous integration sets for its commands."""
    if isinstance(part, list):
        return {name for one in part for name in exported(one)}
    if not isinstance(part, dict):
        return set()
    names: set[str] = set()
    for key, value in part.items():
        if key in {"env", "variables"}:
            names |= value.keys()
        elif key == "matrix" and isinstance(value, list):  # GitLab's; GitHub's stays outside
            names |= {name for row in value for name in row}
        else:
            names |= exported(value)
    return names


def test_ci_sets_no_variable_that_the_makefile_reads():
    makefile = template_files()["Makefile"].decode()
    taken = set(re.findall(r"^(?:export )?(\w+) \?=", makefile, re.MULTILINE))
    paths = [*(ROOT / ".github/workflows").glob("*.yml")]
    texts = [path.read_bytes() for path in paths]
    texts += [
        content
        for path, content in template_files().items()
        if path == ".gitlab-ci.yml" or path.startswith(".github/workflows/")
    ]
    found = {name for text in texts for name in exported(yaml.safe_load(text))}
    assert "PYTHON" in taken
    assert "UV_LOCKED" in found
    assert found & taken == set()


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
    doors = ["8000:8000", "9000:9000"] if answers.get("grpc") else ["8000:8000"]
    assert [service["ports"] for service in services.values() if "ports" in service] == (
        [doors] if services else []
    )


@every_render
def test_compose_mounts_what_is_there(answers: Answers, render: Callable[..., Render]):
    folder = render(**answers).folder
    services = compose(answers, render).values()
    mounts = [mount for service in services for mount in service.get("volumes", [])]
    sources = [mount.split(":")[0] for mount in mounts]
    missing = [one for one in sources if one.startswith("./") and not (folder / one).exists()]
    assert missing == []


def test_prometheus_asks_the_service_where_its_metrics_are():
    launcher = template_files()["src/servekit/commands/launcher/serve.py"].decode()
    [port] = re.findall(r"^METRICS_PORT = (\d+)$", launcher, re.MULTILINE)
    config = yaml.safe_load(template_files()["deploy/compose/prometheus.yml"])
    [job] = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"service:{port}"]}]


def images_of(dockerfile: bytes) -> list[str]:
    lines = dockerfile.decode().splitlines()
    return [line.split()[1] for line in lines if line.startswith("FROM ")]


def images_of_compose() -> list[str]:
    services = yaml.safe_load(template_files()["compose.yaml"])["services"]
    return [service["image"] for service in services.values() if "image" in service]


DEVCONTAINERS = [
    template_files()[".devcontainer/Dockerfile"],
    (ROOT / ".devcontainer/Dockerfile").read_bytes(),
]


def test_every_image_says_its_exact_version():
    for dockerfile in (template_files()["Dockerfile"], *DEVCONTAINERS):
        assert images_of(dockerfile)
    images = [*images_of(template_files()["Dockerfile"]), *images_of_compose()]
    images += [image for one in DEVCONTAINERS for image in images_of(one)]
    for image in images:
        name, _, tag = image.rpartition(":")
        version = tag.split("-")[0].removeprefix("v").split(".")
        # PostgreSQL has no third number.
        assert len(version) == (2 if name == "postgres" else 3), image
        assert all(map(str.isdecimal, version)), image


def test_a_project_is_developed_on_the_python_that_it_is_served_with():
    dockerfiles = [template_files()["Dockerfile"], *DEVCONTAINERS]
    images = [image for one in dockerfiles for image in images_of(one)]
    pythons = {image.split("-")[0] for image in images if image.startswith("python:")}
    assert len(pythons) == 1


def test_licences_of_all_images_are_said():
    page = template_files()["docs/how-to/supply-chain.md"].decode()
    said = set(re.findall(r"^\| `([\w./:-]+)` \|", page, re.MULTILINE))
    [*_, served] = images_of(template_files()["Dockerfile"])
    assert said == {served, *(image.rpartition(":")[0] for image in images_of_compose())}
