"""What a how-to of the project shows is done to a copy of it, and its own test runs there."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from servekit.registry.golden import matches

from .conftest import Render
from .environment import environment_of, make, run, said
from .projections import seen
from .template import PROJECT, template_files

PAGE = PROJECT / "docs/how-to/version-the-api.md"
NEW_FILE = re.compile(r"^`([\w./]+)`[^\n]*:\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CHANGED_FILE = re.compile(
    r"^In `([\w./]+)`[^\n]*:\n\n((?:```diff\n.*?^```\n\n)+)", re.DOTALL | re.MULTILINE
)
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def side(diff: str, other: str) -> str:
    """The lines of a diff before or after it: all but those that begin with `other`."""
    return "".join(
        line[1:] for line in diff.splitlines(keepends=True) if not line.startswith(other)
    )


@pytest.fixture
def versioned(tmp_path: Path) -> Path:
    """The project with a second version of a route, as the page says."""
    text = PAGE.read_text(encoding="utf-8")
    for path, content in seen(template_files()).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    for path, content in NEW_FILE.findall(text):
        assert not (tmp_path / path).exists()
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    for path, diffs in CHANGED_FILE.findall(text):
        file = tmp_path / path
        for diff in DIFF.findall(diffs):
            before = file.read_text(encoding="utf-8")
            assert before.count(side(diff, "+")) == 1, diff
            file.write_text(before.replace(side(diff, "+"), side(diff, "-")), encoding="utf-8")
    return tmp_path


def test_a_second_version_of_a_route_is_added_as_shown(versioned: Path):
    tests = "tests/routes/test_versions.py"
    done = run(versioned, "python", "-m", "pytest", "-q", "-m", "not serve", tests)
    assert "4 passed" in done.stdout, said(done)
    checked = ["src/acme_service/api", tests]
    for command in (["format", "--check"], ["check"]):
        done = run(versioned, "ruff", *command, *checked)
        assert done.returncode == 0, said(done)


OWN_MODEL = PROJECT / "docs/how-to/your-own-model.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def with_a_model(tmp_path: Path, render: Callable[..., Render]) -> Path:
    """A project without the sample, with the model that the page brings."""
    text = OWN_MODEL.read_text(encoding="utf-8")
    project = render(sample="none")
    shutil.copytree(project.folder, tmp_path / "project")
    folder, package = tmp_path / "project", str(project.answers["package_name"])

    def named(content: str) -> str:
        return content.replace("acme_service", package)

    for path, content in NEW_FILE.findall(text):
        file = folder / named(path)
        assert not file.exists()
        file.write_text(named(content), encoding="utf-8")
    blocks = [(kind, named(content)) for kind, content in BLOCK.findall(text)]
    models, routers = [content for kind, content in blocks if content.startswith("    from ")]
    wiring = folder / "src" / package / "features.py"
    lines = wiring.read_text(encoding="utf-8")
    for function, added in (("models", models), ("routers", routers)):
        pattern = rf"(def {function}\(\).*?    yield from \(\)\n)"
        lines, times = re.subn(pattern, rf"\1\n{added}", lines, count=1, flags=re.DOTALL)
        assert times == 1
    wiring.write_text(lines, encoding="utf-8")
    [deployment] = [content for kind, content in blocks if kind == "yaml"]
    serve = folder / "serve.yaml"
    serve.write_text(serve.read_text(encoding="utf-8") + deployment, encoding="utf-8")
    [training] = [content for kind, content in blocks if "Training(FolderSource" in content]
    (folder / "train.py").write_text(training, encoding="utf-8")
    return folder


def test_a_model_of_ones_own_serves_as_shown(with_a_model: Path):
    config = [str(with_a_model / "serve.yaml")]
    for command in (
        ["python", "train.py"],
        ["python", "-m", "servekit.commands.check_config", *config],
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["lint-imports", "--no-cache"],
    ):
        done = run(with_a_model, *command)
        assert done.returncode == 0, said(done)
    done = run(with_a_model, "python", "-m", "pytest", "-q", "-m", "not serve and not slow")
    assert done.returncode == 0, said(done)
    assert "skipped" in done.stdout, "The contract does not stream."


SKLEARN = PROJECT / "docs/how-to/from-scikit-learn.md"
ASK = """
import json, sys
from fastapi.testclient import TestClient
from {package}.app import WIRING
with TestClient(WIRING.development()) as client:
    print("answer:", client.post("/v1/iris", json=json.loads(sys.argv[1])).text)
"""


def test_a_model_of_scikit_learn_serves_as_shown(
    tmp_path: Path, render_again: Callable[..., Render]
):
    blocks = BLOCK.findall(SKLEARN.read_text(encoding="utf-8"))
    [export] = [content for kind, content in blocks if kind == "python"]
    [item, answer] = [json.loads(content) for kind, content in blocks if kind == "json"]
    python = environment_of(Path(__file__).with_name("exporters.txt")) / "bin/python"
    subprocess.run([python, "-I", "-c", export], cwd=tmp_path, check=True, timeout=120)
    made = render_again(sample="none", auth=False)  # which would want credentials
    shutil.copy(tmp_path / "iris.onnx", made.folder)
    [commands] = [content for kind, content in blocks if kind == "sh"]
    first, *_ = commands.splitlines()
    assert first.startswith("make model ")
    done = make(made.folder, *first.split()[1:])
    assert done.returncode == 0, said(done)
    done = run(made.folder, "python", "-m", "pytest", "-q", "-m", "not serve and not slow")
    assert done.returncode == 0, said(done)
    asked = ASK.format(package=made.answers["package_name"])
    done = run(made.folder, "python", "-c", asked, json.dumps(item))
    [line] = re.findall(r"(?m)^answer: (.*)$", done.stdout)
    assert matches(answer, json.loads(line)), "Numbers of 32 bits differ in the seventh digit."
