"""The launchers refuse in one sentence, and leave nothing running."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import yaml
from ray.serve._private import api, constants
from ray.serve.schema import ServeApplicationSchema, ServeDeploySchema

from servekit.commands import main, serve
from servekit.commands.free_ports import claimed_ports
from servekit.commands.launcher.environment import (
    grpc_ports_of_its_own,
    prepare_environment,
)
from servekit.commands.launcher.haproxy import HAProxy
from servekit.commands.launcher.serve import (
    are_running,
    deploy,
    grace_s,
    start_timeout_s,
    wait_until_running,
)
from servekit.commands.launcher.settings import LaunchSettings
from servekit.commands.stopping import SIGNALS, Stopper, descendants
from servekit.testing.authenticated_client import HEADERS
from servekit.testing.subprocesses import PORTS, PROJECT, start

from acme_service.app import WIRING

from tests.inline_configuration import write_inline


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The tests' `serve.yaml` on free ports, placed inline: a launcher starts it the sooner."""
    return write_inline(tmp_path / "serve.yaml")


def port_of(config: Path) -> int:
    return yaml.safe_load(config.read_text(encoding="utf-8"))["http_options"]["port"]


def begin(launcher: str, config: Path, **settings: str) -> subprocess.Popen[str]:
    where = {
        "dev": ["--port", str(port_of(config))],
        "serve": ["--config", str(config)],
    }[launcher]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    group: dict[str, Any] = {"start_new_session": True}
    return start(
        "-m", "acme_service", launcher, *where, settings=settings, text=True, **pipes, **group
    )


LONG = {"text": "Das ist ein guter Tag. " * 38}


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        yield


def nothing_left(config: Path) -> bool:
    """Whether the port is free again and no process has the configuration on its command line."""
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port_of(config)))
    return not any(str(config).encode() in command for command in commands)


@pytest.fixture(params=["dev", "serve"])
def refusal(
    request: pytest.FixtureRequest, config: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], str]]:
    """Runs a launcher that must refuse, and gives what it says."""
    where = {"dev": ["--port", str(port_of(config))], "serve": ["--config", str(config)]}
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("ENV_FILE", "nowhere")
    monkeypatch.setattr(serve, "end_descendants", lambda: None)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def refused() -> str:
        with pytest.raises(SystemExit) as refusal:
            main("acme_service.app:WIRING", [request.param, *where[request.param]])
        return str(refusal.value)

    yield refused
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_a_taken_port_is_one_sentence(refusal: Callable[[], str], config: Path) -> None:
    with listening(port := port_of(config)):
        said = refusal()
    assert said == f"Port {port} is in use: stop what listens there, or choose another port."


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("BATCHER_TIMEOUT_S", "much", "BATCHER_TIMEOUT_S: input should be a valid number"),
        ("BATCHER_MAX_ITEM", "9", "Unknown setting BATCHER_MAX_ITEM. Did you mean"),
        ("MODEL_REFRESH_S", "0", "MODEL_REFRESH_S: a number of seconds above 0"),
        ("SERVE_START_TIMEOUT", "9", "Unknown setting SERVE_START_TIMEOUT. Did you mean"),
        ("MODEL_CACH", "/cache", "Unknown setting MODEL_CACH. Did you mean MODEL_CACHE?"),
        ("MODEL_STORE", "ftp://models", "A model store at ftp: is not supported, only file:"),
    ],
)
def test_a_bad_setting_is_one_sentence(
    refusal: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(variable, value)
    said = refusal()
    assert said.startswith(sentence)
    assert "\n" not in said


@pytest.mark.parametrize("refusal", ["serve"], indirect=True)
@pytest.mark.parametrize(
    ("value", "complaint"),
    [("soon", "input should be a valid number"), ("0", "input should be greater than 0")],
)
def test_a_bad_time_limit_of_the_start_is_one_sentence(
    refusal: Callable[[], str], monkeypatch: pytest.MonkeyPatch, value: str, complaint: str
) -> None:
    monkeypatch.setenv("SERVE_START_TIMEOUT_S", value)
    assert refusal().startswith(f"SERVE_START_TIMEOUT_S: {complaint}")


@pytest.mark.parametrize("text", ["", "http_options: 1", "http_options: {host: h, port: x}"])
def test_a_broken_configuration_is_one_sentence(
    config: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    config.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="must have http_options with host"):
        serve.checked_configuration(config, WIRING.check)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("a: [", "Not valid YAML."), ("a: 1\na: 2", "Duplicate key 'a' on line 2.")],
)
def test_an_ambiguous_file_is_one_sentence(config: Path, text: str, sentence: str) -> None:
    config.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=f"^{re.escape(f'{config}: {sentence}')}$"):
        serve.checked_configuration(config, WIRING.check)


@pytest.mark.parametrize(
    ("there", "named", "expected"),
    [
        ({}, set(), True),
        ({"a": "RUNNING"}, {"a"}, True),
        ({"a": "DEPLOYING"}, {"a"}, False),
        ({}, {"a"}, False),
        ({"a": "RUNNING", "b": "DELETING"}, {"a"}, False),
    ],
)
def test_a_configuration_is_applied_when_there_is_what_it_names(
    there: dict[str, str], named: set[str], expected: bool
) -> None:
    applications = {name: SimpleNamespace(status=status) for name, status in there.items()}
    assert are_running(applications, named) is expected


def test_what_was_changed_again_is_not_waited_for() -> None:
    assert not wait_until_running(ServeDeploySchema(applications=[]), Stopper(), lambda: True)


@pytest.mark.parametrize(
    ("timeout_s", "environments", "expected"),
    [
        ("", [], 300),
        ("7", [{}], 7),
        ("7", [{"MODEL_FETCH_TIMEOUT_S": "900"}], 7),
        ("7", [{"MODEL_STORE": "registry://models"}], 307),
        ("7", [{}, {"MODEL_STORE": "registry://models", "MODEL_FETCH_TIMEOUT_S": "900"}], 907),
    ],
    ids=["default", "set", "folder", "elsewhere", "longest"],
)
def test_a_start_may_take_as_long_as_models_take_to_arrive(
    monkeypatch: pytest.MonkeyPatch,
    timeout_s: str,
    environments: list[dict[str, str]],
    expected: float,
) -> None:
    monkeypatch.setenv("SERVE_START_TIMEOUT_S", timeout_s)
    applications = [
        ServeApplicationSchema(
            name=name, route_prefix=None, import_path="a:b", runtime_env={"env_vars": one}
        )
        for name, one in zip("ab", environments, strict=False)
    ]
    assert start_timeout_s(ServeDeploySchema(applications=applications)) == expected


def test_a_bad_setting_of_an_application_is_one_sentence() -> None:
    variables = {"env_vars": {"MODEL_FETCH_TIMEOUT_S": "long"}}
    application = ServeApplicationSchema(name="a", import_path="a:b", runtime_env=variables)
    with pytest.raises(SystemExit, match=r"^MODEL_FETCH_TIMEOUT_S: a number"):
        start_timeout_s(ServeDeploySchema(applications=[application]))


PROXY_TRIES = 3
"""How often Ray Serve asks whether a proxy has started, before it kills that."""


def test_proxies_may_start_as_slowly_as_the_service(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment: dict[str, str] = {}
    prepare_environment(project / "deploy/serve.env", tmp_path, environment)
    each = float(environment["RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"])
    assert PROXY_TRIES * each >= LaunchSettings().start_timeout_s
    assert constants.PROXY_HEALTH_CHECK_UNHEALTHY_THRESHOLD == PROXY_TRIES

    granted: list[float] = []
    limits: Any = api  # which exports none of them

    def late(**_: object) -> None:
        granted.append(limits.HTTP_PROXY_TIMEOUT)
        raise TimeoutError("HTTP proxies not available")

    monkeypatch.setattr(api, "HTTP_PROXY_TIMEOUT", limits.HTTP_PROXY_TIMEOUT)
    monkeypatch.setattr(api, "serve_start", late)
    monkeypatch.setenv("SERVE_START_TIMEOUT_S", "700")
    application = ServeApplicationSchema(name="a", import_path="a:b")
    with pytest.raises(SystemExit, match=r"^Serve did not start: HTTP proxies not available"):
        deploy(ServeDeploySchema(applications=[application]))
    assert granted == [700]


def test_an_address_that_is_not_ours_is_not_called_taken(config: Path) -> None:
    config.write_text("http_options: {host: 192.0.2.1, port: 8000}", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"Cannot listen on 192\.0\.2\.1:8000"):
        serve.checked_configuration(config, WIRING.check)


def ports_prepared(project: Path, scratch: Path) -> set[str]:
    environment: dict[str, str] = {}
    prepare_environment(project / "deploy" / "serve.env", scratch, environment)
    return {environment[f"RAY_SERVE_{name}_PORT"] for name in PORTS}


def listen(until: ExitStack, port: int, within_s: float = 2) -> bool:
    """Listen on a port, unless it is taken for good: a test beside this one may only look at it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(OSError):
            until.enter_context(listening(port))
            return True
        time.sleep(0.05)
    return False


def test_what_serve_listens_on_beside_is_not_what_others_do(project: Path, tmp_path: Path) -> None:
    first = ports_prepared(project, tmp_path)
    with ExitStack() as others:
        # Another service may take one before this test does, and free it again in its middle.
        taken = {port for port in first if listen(others, int(port))}
        second = ports_prepared(project, tmp_path)
    assert len(first) == len(second) == len(PORTS)
    assert taken
    assert not taken & second


def test_services_on_one_machine_get_ports_of_their_own_for_grpc() -> None:
    one: dict[str, str] = {}
    other: dict[str, str] = {}
    with grpc_ports_of_its_own(one), grpc_ports_of_its_own(other):
        pass
    lowest, highest = (f"RAY_SERVE_DIRECT_INGRESS_{end}_GRPC_PORT" for end in ("MIN", "MAX"))
    ports = [range(int(own[lowest]), int(own[highest]) + 1) for own in (one, other)]
    assert not {*ports[0]} & {*ports[1]}
    with listening(ports[0][3]), claimed_ports(ports[0][0] - 1, 100) as claimed:
        assert ports[0][3] not in claimed


def test_a_profile_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^There is no profile nowhere: start in"):
        prepare_environment(Path("nowhere"), tmp_path, {})


def test_the_token_of_ray_is_readable_to_its_user_alone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    token = tmp_path / ".ray/auth_token"
    for mode in (0o600, 0o644):  # made here, and left by another program
        prepare_environment(project / "deploy/serve.env", tmp_path, environment := {})
        assert token.stat().st_mode & 0o777 == 0o600
        assert len(token.read_text()) == 64
        assert "RAY_AUTH_TOKEN" not in environment
        token.chmod(mode)


def test_a_user_without_a_home_has_a_token_of_the_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    environment: dict[str, str] = {}
    prepare_environment(project / "deploy/serve.env", tmp_path, environment)
    assert len(environment["RAY_AUTH_TOKEN"]) == 64


def test_an_unknown_propagator_of_opentelemetry_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_PROPAGATORS", "tracecontext, unheard-of")
    with pytest.raises(SystemExit, match=r"^OTEL_PROPAGATORS names unheard-of, for which no"):
        main("acme_service.app:WIRING", ["models"])


def test_a_file_of_settings_may_name_it_too(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("OTEL_PROPAGATORS=unheard-of\n", encoding="utf-8")
    settings = {"ENV_FILE": str(tmp_path / "env")}
    process = start(
        "-m", "acme_service", "dev", settings=settings, stderr=subprocess.PIPE, text=True
    )
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == (1, 1)
    assert said.startswith("OTEL_PROPAGATORS names unheard-of")


def test_a_path_that_ray_cannot_use_is_one_sentence(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    process = begin("serve", config, RAY_TMPDIR=str(folder))
    said, _ = process.communicate(timeout=60)
    last = said.splitlines()[-1]
    assert last.startswith(f"Ray cannot use {folder}")
    assert last.endswith("RAY_TMPDIR must have no apostrophes and no backslashes.")
    assert process.returncode == 1


def test_requests_get_the_longest_grace_of_any_deployment() -> None:
    def granting(*deployments: dict[str, Any]) -> float:
        named = [{"name": str(number)} | one for number, one in enumerate(deployments)]
        application = {"import_path": "a:b", "deployments": named}
        return grace_s(ServeDeploySchema.model_validate({"applications": [application]}))

    assert granting({"graceful_shutdown_timeout_s": 5}, {}) == 20
    assert granting({"graceful_shutdown_timeout_s": 5}, {"graceful_shutdown_timeout_s": 60}) == 60
    assert granting() == 20


def test_a_haproxy_that_does_not_answer_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servekit.commands.launcher.haproxy.TIMEOUT_S", 0.05)
    path = tmp_path / "s"
    assert (HAProxy(path).requests(), HAProxy(path).stop_listening()) == (0, False)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        assert HAProxy(path).requests() == 1


def test_the_command_lines_address_overrides_the_files(config: Path) -> None:
    with pytest.raises(SystemExit, match=r"Cannot listen on 198\.51\.100\.1:\d+"):
        serve.checked_configuration(config, WIRING.check, host="198.51.100.1")


def test_development_starts_answers_and_stops(config: Path) -> None:
    process = begin("dev", config)
    try:
        url = f"http://127.0.0.1:{port_of(config)}"
        answer = answered(process, f"{url}/v1/detect", {"text": "Guten Morgen!"})
        assert answer["language"] == "de"
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    assert "Traceback" not in said
    assert nothing_left(config)


def answered(process: subprocess.Popen[str], url: str, body: dict[str, object]) -> Any:
    """The first answer of a service that starts, however long that takes on a busy machine."""
    with httpx2.Client(headers=HEADERS) as client:
        while True:
            try:
                return client.post(url, json=body).raise_for_status().json()
            except httpx2.HTTPError:
                if process.poll() is not None and process.stdout:
                    pytest.fail(f"It has ended: {process.stdout.read()}")
                time.sleep(0.1)


def wait_until_it_listens_to_signals(process: subprocess.Popen[str]) -> None:
    """Python alone handles Ctrl-C, but not SIGTERM: when that is caught, the launcher began."""
    status = Path(f"/proc/{process.pid}/status")
    terminate = 1 << (signal.SIGTERM - 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        [caught] = re.findall(r"SigCgt:\t(\w+)", status.read_text(encoding="utf-8"))
        if int(caught, 16) & terminate:
            return
        time.sleep(0.01)


REPLICA = re.compile(r"(\x1b\[\d+m)?\(\w+ .*pid=\d+")
"""How Ray begins a line that another process has written."""


def from_launcher(said: str) -> str:
    """What the launcher itself has written; Serve's own processes may complain when they end."""
    return "\n".join(line for line in said.splitlines() if not REPLICA.match(line))


@pytest.mark.serve
@pytest.mark.parametrize(
    ("after_s", "number"),
    [(0, signal.SIGINT), (1.5, signal.SIGTERM), (4, signal.SIGINT), (8, signal.SIGTERM)],
)
def test_stopping_at_any_moment_leaves_nothing(
    config: Path, after_s: float, number: signal.Signals
) -> None:
    process = begin("serve", config)
    wait_until_it_listens_to_signals(process)
    time.sleep(after_s)
    process.send_signal(number)
    said, _ = process.communicate(timeout=40)
    assert "Traceback" not in from_launcher(said)
    assert nothing_left(config)


SWALLOWING = """
import os, signal
from argparse import Namespace
from servekit.commands import serve

def compiled_code(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException as stop:
        raise SystemError("returned a result with an exception set") from stop

serve.{place} = compiled_code
serve.serve("acme_service.app:WIRING", Namespace(config="serve.yaml", profile="", host=None))
"""


@pytest.mark.parametrize("place", ["adopt_orphans", "Changes", "tempfile.TemporaryDirectory"])
def test_a_stop_that_compiled_code_turns_into_an_error_is_still_one(place: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWING.format(place=place)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Stopped.\n", "")


@pytest.mark.serve
def test_a_signal_to_all_that_it_started_leaves_nothing(config: Path) -> None:
    process = begin("serve", config)
    url = f"http://127.0.0.1:{port_of(config)}/v1/detect"
    answered(process, url, {"text": "Guten Morgen!"})
    os.killpg(process.pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=40)
    assert "Traceback" not in from_launcher(said)
    assert nothing_left(config)


def process_id(launcher: int, name: str) -> int:
    """Of the only process below a launcher with this program."""
    [found] = [
        pid
        for pid in descendants(launcher)
        if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(name.encode())
    ]
    return found


@pytest.mark.serve
@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_service_whose_ray_dies_says_so_and_ends(config: Path, name: str) -> None:
    process = begin("serve", config)
    url = f"http://127.0.0.1:{port_of(config)}/v1/detect"
    answered(process, url, {"text": "Guten Morgen!"})
    os.kill(process_id(process.pid, f"/{name}"), signal.SIGKILL)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Ray has died: its " in said
    assert nothing_left(config)


@contextmanager
def stopping_under_a_stream(
    config: Path, beside: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
) -> Iterator[str]:
    """Stop a service while a stream runs, which has to be finished; give the URL of a route.

    Args:
        config: Of the service.
        beside: Entered with that URL before, and left while the service stops.
    """
    process = begin("serve", config)
    url = f"http://127.0.0.1:{port_of(config)}/v1/detect"
    try:
        answered(process, url, {"text": "Guten Morgen!"})
        asking = {"json": {"items": [LONG] * 1000}, "headers": HEADERS, "timeout": 60}
        with httpx2.stream("POST", f"{url}/lines", **asking) as response:
            lines = response.iter_lines()
            next(lines)
            with beside(url):
                process.send_signal(signal.SIGTERM)
                yield url
            assert sum(1 for _ in lines) == 999
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert "Traceback" not in from_launcher(said)
    assert nothing_left(config)


REQUESTS = 12


@pytest.mark.serve
def test_what_is_under_way_is_finished_before_the_service_stops(config: Path) -> None:
    """Requests, a stream and a WebSocket."""

    def ask(url: str) -> int:
        body = {"items": [LONG] * 500}
        return httpx2.post(f"{url}/batch", json=body, headers=HEADERS, timeout=60).status_code

    with ThreadPoolExecutor(REQUESTS) as threads:
        asked: list[Future[int]] = []

        @contextmanager
        def beside(url: str) -> Iterator[None]:
            with conversation(url) as say_something:
                asked.extend(threads.submit(ask, url) for _ in range(REQUESTS))
                time.sleep(1)  # by then the proxy has them
                yield
                say_something()

        with stopping_under_a_stream(config, beside):
            pass
    assert [one.result() for one in asked] == [200] * REQUESTS


@contextmanager
def conversation(url: str) -> Iterator[Callable[[], None]]:
    """A WebSocket that is open, where the service has them, and something to say over it."""
    if find_spec("servekit.features.websockets") is None:
        yield lambda: None
        return
    with (
        httpx2.Client(headers=HEADERS, timeout=60) as client,
        client.websocket(url.replace("http", "ws", 1) + "/ws") as socket,
    ):

        def say_something() -> None:
            socket.send_json({"text": "Guten Morgen!"})
            while (answer := socket.receive_json(60))["type"] == "prediction":
                pass
            assert answer["type"] == "done"

        say_something()
        yield say_something


@pytest.mark.serve
@pytest.mark.skipif(os.environ.get("PROXY") == "python", reason="It listens until the end.")
def test_while_a_service_stops_new_connections_are_refused(config: Path) -> None:
    said: list[int] = []
    refused = cut = 0
    with stopping_under_a_stream(config) as url:
        while refused < 20:
            try:
                said.append(httpx2.post(url, json=LONG, headers=HEADERS, timeout=5).status_code)
            except (httpx2.ConnectError, httpx2.ReadError, httpx2.RemoteProtocolError) as error:
                # One may be on its way to be accepted just when nothing listens any more.
                cut += not isinstance(error, httpx2.ConnectError)
                refused += 1
                time.sleep(0.05)
    assert {*said} <= {200}
    assert cut <= 1


@pytest.mark.serve
def test_a_damaged_model_stops_the_start_and_is_named(config: Path, tmp_path: Path) -> None:
    damaged = f"file://{tmp_path}/damaged"
    process = begin("serve", config, MODEL_STORE=damaged)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "damaged" in said.splitlines()[-1]
    assert nothing_left(config)


@pytest.mark.serve
@pytest.mark.parametrize(
    ("variable", "value", "cause", "advice"),
    [
        ("RAY_TMPDIR", "{file}", "Not a directory", "set RAY_TMPDIR to a short path"),
        ("RAY_TMPDIR", "{file}" + "x" * 100, "path length cannot exceed", "set RAY_TMPDIR to"),
        ("RAY_gcs_server_port_wait_time_s", "0", "Timed out waiting", "Try again if the machine"),
    ],
    ids=["file", "long", "late"],
)
def test_ray_that_does_not_start_is_one_sentence(
    config: Path, tmp_path: Path, variable: str, value: str, cause: str, advice: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    settings = {variable: value.format(file=file)}
    process = begin("serve", config, **settings)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in from_launcher(said)
    last = said.splitlines()[-1]
    assert last.startswith("Ray did not start: ")
    assert cause in last
    assert advice in last
    assert nothing_left(config)


@pytest.mark.serve
def test_serve_that_does_not_start_is_one_sentence(config: Path) -> None:
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    broken = {"runtime_env": {"env_vars": {"RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "soon"}}}
    config.write_text(yaml.safe_dump(settings | {"controller_options": broken}), encoding="utf-8")
    process = begin("serve", config)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("Serve did not start: ")
    assert nothing_left(config)


@pytest.mark.serve
def test_a_service_that_takes_too_long_says_which_setting(config: Path) -> None:
    short = {"SERVE_START_TIMEOUT_S": "0.01"}
    process = begin("serve", config, **short)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in from_launcher(said)
    assert said.splitlines()[-1] == (
        "The service did not start within 0.01 seconds: see the log, or set "
        "SERVE_START_TIMEOUT_S to more."
    )
    assert nothing_left(config)
