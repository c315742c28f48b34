"""`make model` adds a model of each kind to a project, and takes it out again."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml
from moto.server import ThreadedMotoServer
from servekit.commands.scaffold import edits

from . import onnx_files
from .answers import ALL, BARE, Answers
from .conftest import Render
from .environment import ENVIRONMENT, Done, make, run, said
from .template import files

KINDS = ("python", "onnx", "function")
PROJECTS: dict[str, Answers] = {
    "everything": ALL,
    "no sample": ALL | {"sample": "none", "composition": False},
    "bare": BARE,
}
CHECKS = [
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("lint-imports", "--no-cache"),
    ("python", "-m", "servekit.commands.check_config", "serve.yaml"),
]
FAST = ("python", "-m", "pytest", "-q", "-m", "not serve and not slow")


def name_of(kind: str) -> str:
    """One name needs an import on several lines, the others are short."""
    names = {"python": "churn", "function": "reading"}
    return names.get(kind, "a_model_with_a_name_as_long_as_may_be")


def content(project: Path) -> dict[str, bytes]:
    """All files, without the settings that `make` may have filled in."""
    return {path: text for path, text in files(project).items() if path != ".env"}


def passed(done: Done) -> str:
    assert done.returncode == 0, said(done)
    return done.stdout


def refused(done: Done) -> str:
    assert done.returncode, said(done)
    assert "Traceback" not in done.stdout
    return done.stdout


@pytest.fixture(scope="module", params=PROJECTS)
def answers(request: pytest.FixtureRequest) -> Answers:
    return PROJECTS[request.param]


@pytest.fixture
def scaffolded(render_again: Callable[..., Render], answers: Answers) -> Path:
    """A project that has a model of each kind."""
    project = render_again(**answers).folder
    before = content(project)
    for kind in KINDS:
        printed = passed(make(project, "model", f"NAME={name_of(kind)}", f"KIND={kind}"))
        assert (f"model_store has {name_of(kind)}:1." in printed) == (kind != "function")
    whole = content(project)
    for kind in KINDS:
        passed(make(project, "model", f"NAME={name_of(kind)}", "REMOVE=1"))
    assert content(project) == before
    for path, text in whole.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(text)
    return project


def test_a_model_of_each_kind_passes_all_checks(scaffolded: Path):
    for check in CHECKS:
        passed(run(scaffolded, *check))
    own = [path for path in files(scaffolded) if any(name_of(kind) in path for kind in KINDS)]
    typed = [path for path in own if path.endswith(".py")]
    interpreter = ENVIRONMENT / "bin/python"
    passed(run(scaffolded, "basedpyright", "--pythonpath", interpreter, *typed))
    tests = [path for path in typed if path.startswith("tests/")]
    passed(run(scaffolded, *FAST, "tests/test_models.py", *tests))


FILES = {
    "regression": (onnx_files.regression, {"x": [1.0] * 10}, {"variable": 11.0}),
    "image": (
        onnx_files.image_classifier,
        {"input_image_0": [[[1.0] * 4] * 4] * 3},
        {"label": 0, "model_scores_": [1.0, -1.0]},
    ),
    "texts": (
        onnx_files.texts,
        {"tokens": [5, 6, 7], "class_": "a"},
        {"copy_": [5, 6, 7], "json_": "a"},
    ),
}
"""Files of others, what their models are asked, and what they answer."""


SHORTER = {"texts": ({"tokens": [8], "class_": "b"}, {"copy_": [8], "json_": "b"})}
"""What does not fit into one array with the item above."""


@pytest.mark.parametrize("name", FILES)
def test_an_onnx_file_becomes_a_model(
    name: str, render_again: Callable[..., Render], tmp_path: Path
):
    made = render_again(**BARE)
    project, package = made.folder, str(made.answers["package_name"])
    write, item, answer = FILES[name]
    before = content(project)
    passed(make(project, "model", f"NAME={name}", f"FROM={write(tmp_path / 'exported file.onnx')}"))
    for check in CHECKS:
        passed(run(project, *check))
    own = [path for path in files(project) if name in path and path.endswith(".py")]
    interpreter = ENVIRONMENT / "bin/python"
    passed(run(project, "basedpyright", "--pythonpath", interpreter, *own))
    passed(run(project, *FAST, "tests/test_models.py", f"tests/models/test_{name}.py"))
    short, short_answer = SHORTER.get(name, (item, answer))
    items = [item, short, item]
    asked = ASK.format(package=package, name=name, item=item, items=items)
    lines = re.findall(r"(?m)^answer: (.*)$", passed(run(project, "python", "-c", asked)))
    assert [json.loads(line) for line in lines] == [
        answer,
        {"results": [answer, short_answer, answer]},
    ]
    assert "FROM is required, e.g." in refused(make(project, "train", f"MODEL={name}"))
    again = make(project, "train", f"MODEL={name}", f"FROM={tmp_path / 'exported file.onnx'}")
    assert f"{name}:2" in passed(again)
    passed(make(project, "model", f"NAME={name}", "REMOVE=1"))
    assert content(project) == before


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """The settings of a store in an empty bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
        "MODEL_STORE": "s3://models",
    }
    urlopen(Request(f"{settings['AWS_ENDPOINT_URL']}/models", method="PUT"), timeout=10).close()
    yield settings
    server.stop()


def test_a_version_in_the_store_becomes_a_model(
    bucket: dict[str, str], render_again: Callable[..., Render], tmp_path: Path
):
    made = render_again(**BARE | {"cloud_storage": True})
    project, package = made.folder, str(made.answers["package_name"])
    settings = bucket | {"MODEL_CACHE": str(tmp_path / "cache")}
    saved = onnx_files.regression(tmp_path / "saved.onnx").read_bytes()
    url = f"{bucket['AWS_ENDPOINT_URL']}/models/regression/3/exported/net.onnx"
    binary = {"Content-Type": "application/octet-stream"}
    urlopen(Request(url, saved, binary, method="PUT"), timeout=10).close()
    before = content(project)
    wrong = make(project, "model", "NAME=churn", "FROM=regression:3", **settings)
    assert "FROM=regression:3 is a version of 'regression'" in refused(wrong)
    missing = make(project, "model", "NAME=regression", "FROM=regression:4", **settings)
    assert "There is no file '*.onnx' in s3://models/regression/4." in refused(missing)
    assert content(project) == before
    passed(make(project, "model", "NAME=regression", "FROM=regression:3", **settings))
    # What is in the bucket is served as it is.
    passed(make(project, "promote", "MODEL=regression", "VERSION=3", **settings))
    item = {"x": [1.0] * 10}
    asked = ASK.format(package=package, name="regression", item=item, items=[item])
    printed = passed(run(project, "python", "-c", asked, **settings))
    assert json.loads(re.findall(r"(?m)^answer: (.*)$", printed)[0]) == {"variable": 11.0}
    assert [*(tmp_path / "cache").rglob("regression/3/exported/net.onnx")]


ASK = """
from fastapi.testclient import TestClient
from {package}.app import WIRING
with TestClient(WIRING.development()) as client:
    print("answer:", client.post("/v1/{name}", json={item}).text)
    print("answer:", client.post("/v1/{name}/batch", json=dict(items={items})).text)
"""


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (onnx_files.fixed_batch, "'x' has the shape [1, 2]: export the model with a first"),
        (onnx_files.same_fields, "Two of the inputs would be called 'x': rename one of them."),
        (onnx_files.sequence, "'y' is of the type seq(tensor(float)): export tensors of numbers"),
        (lambda path: path.write_bytes(b"none") and path, "is not an ONNX model that ONNX Runtime"),
        (onnx_files.weights_elsewhere, "its weights are in another file; export it with"),
        (lambda path: path.with_name("missing"), "There is no file"),
    ],
    ids=["fixed batch", "same fields", "sequence", "no ONNX", "weights", "missing"],
)
def test_a_file_that_cannot_become_a_model_is_one_sentence(
    project: Path, tmp_path: Path, write: Callable[[Path], Path], message: str
):
    before = content(project)
    source = write(tmp_path / "model.onnx")
    assert message in refused(make(project, "model", "NAME=churn", f"FROM={source}"))
    assert content(project) == before


def test_training_again_publishes_the_next_version(render_again: Callable[..., Render]):
    project = render_again(**BARE).folder
    passed(make(project, "model", "NAME=churn"))
    assert "churn:2" in passed(make(project, "train", "MODEL=churn"))
    assert "champion" in passed(make(project, "models", "MODEL=churn"))
    passed(make(project, "promote", "MODEL=churn", "VERSION=2"))


@pytest.fixture(scope="module")
def project(render: Callable[..., Render], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One to which nothing is added, though it is tried."""
    folder = tmp_path_factory.mktemp("refusing")
    for path, text in files(render(**ALL).folder).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "NAME is required, e.g. `make model NAME=churn`."),
        (("NAME=language",), "The model 'language' already exists."),
        (("NAME=Churn",), "Invalid model name 'Churn': use lower-case letters"),
        (("NAME=ingress",), "Invalid model name 'ingress'"),
        (("NAME=class",), "Invalid model name 'class': use no word of Python"),
        (("NAME=list",), "Invalid model name 'list': use no word of Python"),
        ((f"NAME={'x' * 41}",), "at most 40 characters."),
        (("NAME=token",), "Invalid model name 'token': there is a route /v1/token already."),
        (("NAME=routers",), "api/v1/__init__.py has something else called that."),
        (("NAME=size", "KIND=onnx"), "its contract has another constant SIZE."),
        (("NAME=v1",), "routers() in features.py has something else called 'v1'."),
        (
            ("NAME=churn", "KIND=cobol"),
            "Unknown kind 'cobol': the kinds are python, function, onnx.",
        ),
        (("NAME=churn", "KIND=python", "FROM=x"), "FROM takes an ONNX file: leave out KIND"),
        (("NAME=churn", "REMOVE=1"), "There is no model 'churn' that `make model` has added."),
        (("NAME=language", "REMOVE=1"), "There is no model 'language' that `make model`"),
        (("NAME=../x", "REMOVE=1"), "There is no model '../x' that `make model` has added."),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_sentence(project: Path, options: tuple[str, ...], message: str):
    before = content(project)
    assert message in refused(make(project, "model", *options))
    assert content(project) == before


BROKEN = {
    "src/{}/features.py": (
        b"def models() -> Iterator[Model]:",
        b"def own() -> Iterator[Model]:",
        b"models = own\n",
        "features.py has no function models().",
    ),
    "serve.yaml": (b"deployments:", b"deploiments:", b"", "in serve.yaml lists its deployments."),
    "pyproject.toml": (b"dev = [", b"dew = [", b"", "pyproject.toml has no list 'dev'"),
}
"""By file: what is replaced in it and by what, what is added to its end, and what is said."""


@pytest.mark.parametrize("path", BROKEN)
def test_a_shared_file_that_cannot_be_edited_is_named(
    path: str, render_again: Callable[..., Render]
):
    made = render_again(**BARE)
    file = made.folder / path.format(made.answers["package_name"])
    there, instead, end, message = BROKEN[path]
    assert there in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(there, instead) + end)
    before = content(made.folder)
    assert message in refused(make(made.folder, "model", "NAME=churn", "KIND=onnx"))
    assert content(made.folder) == before


def test_a_training_that_fails_leaves_nothing(render_again: Callable[..., Render]):
    made = render_again(**BARE)
    (made.folder / "uv.lock").write_text("as it was", encoding="utf-8")
    before = content(made.folder)
    package = str(made.answers["package_name"])
    setup = "sh -c 'echo changed > uv.lock; exit 1'"
    done = run(made.folder, "python", "-m", package, "model", "churn", "--setup", setup)
    assert "cannot be installed, see above: nothing was changed." in refused(done)
    assert content(made.folder) == before


def test_a_model_that_others_need_is_not_removed(render_again: Callable[..., Render]):
    made = render_again(**BARE)
    package = str(made.answers["package_name"])
    passed(make(made.folder, "model", "NAME=churn"))
    needing = made.folder / "src" / package / "api/report.py"
    for line in (
        f"from {package}.contracts.churn import CHURN",
        f"from {package}.contracts import (\n    churn as other,\n)",
        "from .v1 import churn",
        f"MODEL = '{package}.models.churn:ChurnModel'",
    ):
        needing.write_text(f"{line}\n", encoding="utf-8")
        before = content(made.folder)
        printed = refused(make(made.folder, "model", "NAME=churn", "REMOVE=1"))
        assert f"src/{package}/api/report.py needs the churn model: remove that first." in printed
        assert content(made.folder) == before


def test_files_that_do_not_end_a_line_are_edited_too(render_again: Callable[..., Render]):
    made = render_again(**BARE)
    package = str(made.answers["package_name"])
    shared = ["serve.yaml", "pyproject.toml", f"src/{package}/features.py"]
    for path in shared:
        file = made.folder / path
        file.write_bytes(file.read_bytes().rstrip(b"\n"))
    passed(make(made.folder, "model", "NAME=churn"))
    for check in CHECKS[1:]:
        passed(run(made.folder, *check))


def test_removal_leaves_wiring_shared_with_other_models(
    render_again: Callable[..., Render],
):
    made = render_again(**BARE)
    passed(make(made.folder, "model", "NAME=churn"))
    features = made.folder / "src" / str(made.answers["package_name"]) / "features.py"
    text = features.read_text(encoding="utf-8")
    features.write_text(text.replace("yield churn.router", "yield from [churn.router]"))
    before = content(made.folder)
    printed = refused(make(made.folder, "model", "NAME=churn", "REMOVE=1"))
    assert "remove by hand what stands there instead." in printed
    assert content(made.folder) == before


SERVE = """\
applications:
  - import_path: own.app:build
    deployments:
      -   name: first
          num_replicas: 1
    other: 1
"""


def test_a_deployment_is_added_in_the_style_of_the_others():
    edited = edits.with_deployment(SERVE, "own", "churn")
    [application] = yaml.safe_load(edited)["applications"]
    assert [one["name"] for one in application["deployments"]] == ["first", "churn"]
    assert application["other"] == 1
    assert edits.without_deployment(edited, "own", "churn") == SERVE


def test_a_deployment_that_would_be_added_wrongly_is_not():
    text = SERVE.replace("num_replicas: 1", "note: |\n            several\n            lines")
    with pytest.raises(edits.EditError, match="put another one behind it"):
        edits.with_deployment(text, "own", "churn")


def test_statements_do_not_go_into_a_function_of_one_line():
    with pytest.raises(edits.EditError, match="has to be a block of statements"):
        edits.with_statements("def models(): yield from ()\n", "models", "    yield 1\n")
