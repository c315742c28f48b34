"""`make load` against services that really run, and against none."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import httpx2
import pytest
from starlette.requests import HTTPConnection

from servekit.api import Feature
from servekit.api.errors import ProblemError
from servekit.commands.load.questions import Service
from servekit.testing.subprocesses import free_port, start, without

from . import churn as churn_service
from .churn import GOLDEN, running, write_version


@pytest.fixture
def _locust() -> None:
    """Skips without Locust, which only `make load` needs; in CI it has to be there."""
    if find_spec("locust") is None:
        without("Locust is not installed: `uv sync --inexact --group load` does that.")


@pytest.fixture
def service() -> Iterator[str]:
    """The URL of a service as `make dev` starts it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("-m", "acme_service", "dev", "--port", str(port))
    process = start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{url}/health/ready", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the service did not start")


@pytest.fixture(scope="module")
def churn() -> Iterator[str]:
    """The URL of a service with three models."""
    with running() as url:
        yield url


def load(
    url: str, *arguments: str, of: str = "acme_service", **settings: str
) -> subprocess.CompletedProcess[str]:
    process = start(
        *("-m", of, "load", "--url", url, "--connections", "4", "--seconds", "1", *arguments),
        settings=settings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, complained = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


def asked(url: str, golden: list[object], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What `make load MODEL=churn` says where the version has these golden examples."""
    store = tmp_path / "store"
    write_version(store, golden)
    plot = ("--plot", str(tmp_path / "made" / "load.svg"))
    settings = {"MODEL_STORE": store.as_uri()}
    return load(url, "--model", "churn", *plot, of="tests.load.measure_churn", **settings)


@pytest.mark.slow
@pytest.mark.usefixtures("_locust")
def test_the_only_model_is_measured_and_plotted(service: str, tmp_path: Path) -> None:
    plot = tmp_path / "made" / "load.svg"
    done = load(service, "--plot", str(plot))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "not compared" not in done.stdout
    assert ", 0 failed" in done.stdout
    assert "p99" in done.stdout
    assert str(plot) in done.stdout
    assert plot.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.slow
@pytest.mark.usefixtures("_locust")
def test_golden_examples_are_asked_at_any_path(churn: str, tmp_path: Path) -> None:
    done = asked(churn, [*GOLDEN], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{churn}/other/risk: 4 connections" in done.stdout
    assert "not compared" not in done.stdout
    assert ", 0 failed" in done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("_locust")
def test_wrong_answers_are_failures(churn: str, tmp_path: Path) -> None:
    done = asked(churn, [{"input": {"months": 1}, "output": {"churn": 0.25}}], tmp_path)
    assert done.returncode == 1
    wrong = '{"months": 1} gives {"churn": 0.5, "reasons": ["basic"]}, not {"churn": 0.25}'
    assert wrong in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("_locust")
def test_examples_of_the_schema_are_asked_and_not_compared(churn: str, tmp_path: Path) -> None:
    arguments = ("--model", "square", "--plot", str(tmp_path / "load.svg"))
    done = load(churn, *arguments, of="tests.load.measure_churn")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Answers are not compared: square has no golden examples here." in done.stdout


async def refuse_every_third(connection: HTTPConnection) -> None:
    if connection.scope["method"] == "POST" and next(ASKED) % 3 == 0:
        raise ProblemError(503, "Come back later.")


ASKED = count()


@pytest.mark.slow
@pytest.mark.usefixtures("_locust")
@pytest.mark.parametrize(("retries", "fails"), [("0", True), ("9", False)])
def test_a_request_that_is_refused_is_sent_again(retries: str, fails: bool, tmp_path: Path) -> None:
    arguments = ("--model", "square", "--retries", retries, "--plot", str(tmp_path / "load.svg"))
    with running(Feature(name="refusing", guards=[refuse_every_third])) as url:
        done = load(url, *arguments, of="tests.load.measure_churn")
    assert done.returncode == int(fails), done.stdout + done.stderr
    assert (", 0 failed" in done.stdout) is not fails
    assert ("Requests were sent again" in done.stdout) is not fails
    assert "503" in done.stdout


def refusal(action: Callable[[], object]) -> str:
    """The sentence that ends the command."""
    with pytest.raises(SystemExit) as refused:
        action()
    return str(refused.value)


def test_a_missing_or_unknown_model_is_a_list_of_models(churn: str) -> None:
    service, known = Service(churn, {}), "The service has churn and square and silent."
    missing = refusal(lambda: service.chosen(""))
    assert missing == f"MODEL has to name the model to ask. {known}"
    assert refusal(lambda: service.chosen("chrun")) == f"Unknown model 'chrun'. {known}"


def test_a_model_without_examples_is_not_asked(churn: str) -> None:
    wrong = "the input has no `examples`, and silent has no golden examples here."
    said = refusal(lambda: Service(churn, {}).target("silent", churn_service))
    assert said == f"Nothing to ask: {wrong}"


@pytest.mark.parametrize(
    ("golden", "reason"),
    [
        (["text"], "is not an input of churn with its output."),
        ([{"input": 1}], "is not an input of churn with its output."),
        ([], "golden.jsonl holds no examples."),
    ],
)
def test_a_file_without_golden_examples_is_one_sentence(
    churn: str, golden: list[object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_version(tmp_path, golden)
    monkeypatch.setenv("MODEL_STORE", tmp_path.as_uri())
    said = refusal(lambda: Service(churn, {}).target("churn", churn_service))
    assert said.endswith(reason)


def test_the_header_lets_in() -> None:
    async def guard(connection: HTTPConnection) -> None:
        if connection.headers.get("x-api-key") != "s3cret":
            raise ProblemError(401, "A key is needed.")

    with running(Feature(name="guard", guards=[guard])) as url:
        assert Service(url, {"X-API-Key": "s3cret"}).chosen("silent") == "silent"
        refused = refusal(lambda: Service(url, {}).chosen("silent"))
    hint = "set LOAD_HEADER to a header that lets you in"
    assert refused == f"GET {url}/v1/models answered 401 Unauthorized: {hint}."


def test_an_address_of_something_else_is_one_sentence(churn: str) -> None:
    said = refusal(lambda: Service(f"{churn}/elsewhere", {}).chosen(""))
    assert said == f"GET {churn}/elsewhere/v1/models answered 404 Not Found."


def test_a_malformed_header_is_one_sentence_that_does_not_repeat_it() -> None:
    done = load("http://127.0.0.1:1", LOAD_HEADER="s3cret")
    assert done.returncode == 1
    assert done.stderr == "LOAD_HEADER has to look like `Name: value`, in one line.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--connections", "0"], "CONNECTIONS has to be a whole number from 1 to 99999"),
        (["--retries", "-1"], "RETRIES has to be a whole number from 0 to 99999"),
        (["--seconds", "x"], "SECONDS has to be a whole number from 1 to 99999"),
        (["--url", "127.0.0.1:8000"], "URL has to look like http://127.0.0.1:8000"),
        (["--url", ""], "URL has to look like http://127.0.0.1:8000"),
        (["--url", "http://127.0.0.1:99999"], "URL cannot be used: Port out of range 0-65535."),
        ([], "Nothing answers at http://127.0.0.1:"),
    ],
    ids=["connections", "retries", "seconds", "url", "no url", "no port", "nothing listens"],
)
def test_what_cannot_be_measured_is_one_sentence(arguments: list[str], sentence: str) -> None:
    done = load(f"http://127.0.0.1:{free_port()}", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("answered", [{"object": "list", "data": []}, ["churn"], [{"id": "churn"}]])
def test_models_of_another_kind_of_service_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, answered: object
) -> None:
    monkeypatch.setattr(Service, "_get", lambda self, path: answered)
    said = refusal(lambda: Service("http://127.0.0.1:1", {}).chosen(""))
    assert said.endswith("answered no models: is it the address of a service?")
