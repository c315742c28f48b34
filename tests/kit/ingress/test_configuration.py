"""What is wrong with a Serve configuration is said before anything starts."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from servekit.commands.check_config import checks as configuration
from servekit.commands.check_config.advice import advice
from servekit.commands.check_config.checks import checked, mistakes
from servekit.commands.check_config.strict_yaml import ConfigurationError, read
from servekit.testing.configurations import own
from servekit.testing.subprocesses import PROJECT

Edit = Callable[[dict[str, Any]], object]

UNCUT = (
    "http_options.request_timeout_s would cut streams and WebSockets too: leave it unset; "
    "BATCHER_TIMEOUT_S limits the time of each model call."
)


UNCUT_TOO = (
    "grpc_options.request_timeout_s would cut streams too: leave it unset; callers set deadlines."
)
TENANT = "Invalid route prefix '/{tenant}' of 'default'"
ALLOWED = "letters, digits and -._~"
BOUNDS = "applications.default.deployments.language.autoscaling_config"
ANY = "builtins:print"
"""Something to import."""


def service(config: dict[str, Any], **changes: object) -> dict[str, Any]:
    """The application of the tests' `serve.yaml`, changed."""
    config["applications"][0] |= changes
    return config["applications"][0]


def beside(config: dict[str, Any], **changes: object) -> None:
    """Another application like it."""
    config["applications"].append(config["applications"][0] | {"name": "other"} | changes)


def language(config: dict[str, Any], **changes: object) -> dict[str, Any]:
    """The block of the deployment `language`, changed."""
    [block] = [one for one in service(config)["deployments"] if one["name"] == "language"]
    block |= changes
    return block


def said_of(edit: Edit) -> list[str]:
    config = own()
    edit(config)
    return list(mistakes(config))


def for_serve() -> Iterator[Any]:
    """What operators change: tests ask of it no more than that Serve can take it."""
    for path in (PROJECT / "serve.yaml", *sorted((PROJECT / "deploy").glob("*.yaml"))):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and "applications" in content:
            yield pytest.param(content, id=path.name)


@pytest.mark.parametrize("config", [*for_serve()])
def test_what_comes_with_the_project_is_right(config: dict[str, Any]) -> None:
    assert list(mistakes(config)) == []


@pytest.mark.parametrize(
    ("edit", "key", "near"),
    [
        (lambda c: c.update(http_option={}), "http_option", "http_options"),
        (lambda c: c["http_options"].update(prot=1), "http_options.prot", "port"),
        (lambda c: c["logging_config"].update(encodin=""), "logging_config.encodin", "encoding"),
        (lambda c: c.update(grpc_options={"prot": 1}), "grpc_options.prot", "port"),
        (lambda c: service(c, arg={}), "applications.default.arg", "args"),
        (
            lambda c: service(c, runtime_env={"env_var": {}}),
            "applications.default.runtime_env.env_var",
            "env_vars",
        ),
        *(
            (
                lambda c, outer=outer, key=key: language(c, **{outer: {key: 1}}),
                f"applications.default.deployments.language.{outer}.{key}",
                near,
            )
            for outer, key, near in [
                ("autoscaling_config", "max_replica", "max_replicas"),
                ("logging_config", "log_levl", "log_level"),
                ("ray_actor_options", "num_cpu", "num_cpus"),
                ("request_router_config", "request_router_clas", "request_router_class"),
            ]
        ),
        (
            lambda c: language(c, autoscaling_config={"policy": {"policy_functoin": ""}}),
            "applications.default.deployments.language.autoscaling_config.policy.policy_functoin",
            "policy_function",
        ),
        (
            lambda c: language(c, max_ongoing_request=1),
            "applications.default.deployments.language.max_ongoing_request",
            "max_ongoing_requests",
        ),
    ],
)
def test_a_misspelt_key_is_named_with_the_one_that_was_meant(
    edit: Edit, key: str, near: str
) -> None:
    assert said_of(edit) == [f"Unknown key {key!r}. Did you mean {near!r}?"]


def test_an_unknown_key_without_a_near_match_is_named_alone() -> None:
    assert said_of(lambda c: c.update(colour=1)) == ["Unknown key 'colour'."]


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: language(c, user_config={"num_replica": 1}),
        lambda c: language(c, ray_actor_options={"resources": {"num_cpu": 1}}),
        lambda c: language(c, autoscaling_config={"min_replicas": 1}, num_replicas=None),
        lambda c: service(c, runtime_env={"env_vars": {"ENV_VAR": "1"}}),
        lambda c: beside(c, route_prefix=None),
        lambda c: language(c, autoscaling_config={"min_replicas": 3}, num_replicas="auto"),
        lambda c: c.pop("http_options"),
    ],
)
def test_what_is_free_is_left_free(edit: Edit) -> None:
    assert said_of(edit) == []


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (beside, "Duplicate route prefix / of 'default' and 'other'."),
        (
            lambda c: beside(c, name="default", route_prefix="/other"),
            "Duplicate application name 'default'.",
        ),
        (
            lambda c: service(c, route_prefix="api"),
            "Invalid route prefix 'api' of 'default': it does not begin with \"/\".",
        ),
        (
            lambda c: service(c, route_prefix="/api/"),
            "Invalid route prefix '/api/' of 'default': it ends with \"/\".",
        ),
        (
            lambda c: service(c, route_prefix="/{tenant}"),
            f"{TENANT}: it has braces, but prefixes take no parameters.",
        ),
        *(
            (
                lambda c, prefix=prefix: service(c, route_prefix=prefix),
                f"Invalid route prefix {prefix!r} of 'default': it may have {ALLOWED}/ only.",
            )
            for prefix in ["/it's", "/a b", "/a//b", "/ä"]
        ),
        (
            lambda c: service(c, name="my words"),
            f"Invalid application name 'my words': use {ALLOWED}.",
        ),
        (lambda c: c["http_options"].update(request_timeout_s=60), UNCUT),
        (
            lambda c: c.update(grpc_options={"request_timeout_s": 60}),
            UNCUT_TOO,
        ),
        (lambda c: c.pop("applications"), "applications: Field required."),
        (lambda c: c.update(applications=1), "applications: Input should be a valid list."),
        (
            lambda c: c["http_options"].update(port={}),
            "http_options.port: Input should be a valid integer.",
        ),
        (
            lambda c: service(c)["deployments"].append({"name": "ingress"}),
            "Duplicate block for 'ingress' in 'default'.",
        ),
        (
            lambda c: service(c, args={"placment": "inline"}),
            "Invalid args of 'default' at placment: Extra inputs are not permitted.",
        ),
        (
            lambda c: service(c, runtime_env={"env_vars": {"CANARY_FRACTION": 0.5}}),
            "The variable CANARY_FRACTION of 'default' must be a string: put it in quotes.",
        ),
        (
            lambda c: language(c, ray_actor_options={"runtime_env": {"env_vars": {"A": 1}}}),
            "The variable A of 'default' must be a string: put it in quotes.",
        ),
        *(
            (
                lambda c, nothing=nothing: service(c, runtime_env={"env_vars": nothing}),
                "The env_vars of 'default' must map names to values.",
            )
            for nothing in [None, [], "A=1"]
        ),
        (
            lambda c: language(
                c, num_replicas=None, autoscaling_config={"min_replicas": 5, "max_replicas": 2}
            ),
            f"{BOUNDS}: max_replicas (2) must be greater than or equal to min_replicas (5)!.",
        ),
        (
            lambda c: language(
                c,
                num_replicas=None,
                autoscaling_config={"policy": {"policy_function": "nowhere:at_all"}},
            ),
            "Not accepted by Serve: No module named 'nowhere'.",
        ),
        (
            lambda c: service(c, deployments=[None]),
            "Not accepted by Serve: 'NoneType' object has no attribute 'get'.",
        ),
        (
            lambda c: c["http_options"].update(port=99999),
            "http_options.port: 99999 is not between 1 and 65535.",
        ),
        (
            lambda c: c.update(grpc_options={"port": 8000, "grpc_servicer_functions": [ANY]}),
            "http_options and grpc_options both use port 8000.",
        ),
        (
            lambda c: c.update(grpc_options={"grpc_servicer_functions": ["nowhere:add"]}),
            "nowhere:add of grpc_options cannot be imported: No module named 'nowhere'.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(edit: Edit, sentence: str) -> None:
    assert said_of(edit) == [sentence]


def test_a_deployment_that_the_application_does_not_have_is_named() -> None:
    [said] = said_of(lambda c: language(c, name="langage"))
    assert said.startswith("Unknown deployment 'langage' in 'default'. Did you mean 'language'?")


def test_a_placement_has_only_its_own_deployments() -> None:
    config = own()
    service(config, args={"placement": "inline"})
    assert {one["name"] for one in service(config)["deployments"]} > {"ingress"}
    [application] = checked(config).applications
    assert [one.name for one in application.deployments] == ["ingress"]
    language(config, name="languages")
    said = list(mistakes(config))
    assert said == ["Unknown deployment 'languages' in 'default'. There are: ingress."]


@pytest.mark.parametrize("path", ["acme_service.no:app", "tests:no"])
def test_an_application_that_is_not_there_is_named(path: str) -> None:
    [said] = said_of(lambda c: service(c, import_path=path))
    assert said.startswith(f"'default' cannot be built from {path}: ")
    assert "\n" not in said


def test_an_application_from_elsewhere_is_not_looked_for_here() -> None:
    far = {"import_path": "far:app", "runtime_env": {"working_dir": "https://e.example/a.zip"}}
    assert said_of(lambda c: service(c, **far)) == []


def test_an_application_that_wants_to_end_the_check_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaving.py").write_text("raise SystemExit('Bye.')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    said = said_of(lambda c: service(c, import_path="leaving:app"))
    assert said == ["'default' cannot be built from leaving:app: Bye."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("applications: []\napplications: []", "Duplicate key 'applications' on line 2."),
        ("a:\n  - b: 1\n    c: 2\n    b: 3", "Duplicate key 'b' on line 4."),
        ("applications: &all [*all]", "Not valid YAML."),
        ("a: 1\n---\nb: 2", "Not valid YAML."),
        ("a: 2026-02-30", "Not valid YAML."),
        ("[" * 3000, "Not valid YAML."),
    ],
)
def test_what_yaml_would_misread_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "serve.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path / "serve.yaml")
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}",
        # Releases of PyYAML differ in this one: x is 2, or 1 in 6.0.4.
        "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\n<<: *b\ny: 3",
        "port: 08\nday: 2026-11-28\nyes: no",
    ],
    ids=["a merge", "a merge of a merge", "scalars"],
)
def test_a_file_is_read_as_serve_reads_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "serve.yaml").write_text(text, encoding="utf-8")
    assert read(tmp_path / "serve.yaml") == yaml.safe_load(text)


@pytest.mark.parametrize("nothing", [None, [], "text"])
def test_what_holds_no_applications_is_refused(nothing: object) -> None:
    with pytest.raises(ConfigurationError, match="No applications: the file has no keys"):
        checked(nothing)


def test_files_are_checked_before_they_are_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, noted, broken, wrong, absent = files = [
        tmp_path / name for name in ("right", "noted", "broken", "wrong", "absent")
    ]
    right.write_text(yaml.safe_dump(own()), encoding="utf-8")
    noted.write_text(
        yaml.safe_dump(own() | {"http_options": {"keep_alive_timeout_s": 60}}), encoding="utf-8"
    )
    broken.write_text("a: [", encoding="utf-8")
    wrong.write_text(yaml.safe_dump(own() | {"colour": 1}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["", *map(str, files)])
    with pytest.raises(SystemExit) as ended:
        configuration.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out.startswith(f"{right}: OK\n{noted}: OK\n  Note: http_options.keep_alive_timeout")
    assert said.err.splitlines() == [
        f"{broken}: Not valid YAML.",
        f"{wrong}: Unknown key 'colour'.",
        f"{absent}: Not readable: No such file or directory.",
    ]


def notes_on(edit: Edit) -> list[str]:
    config = own()
    edit(config)
    assert list(mistakes(config)) == []
    return list(advice(config))


def test_what_the_tests_run_is_what_is_advised() -> None:
    assert notes_on(lambda _: None) == []


@pytest.mark.parametrize(
    ("edit", "note"),
    [
        (
            lambda c: c["http_options"].update(keep_alive_timeout_s="60"),
            "keep_alive_timeout_s is 60 sec",
        ),
        (
            lambda c: language(c, max_surge_percent=0),
            "'language' of 'default' may have one replica",
        ),
        (
            lambda c: language(
                c,
                num_replicas=None,
                autoscaling_config={"max_replicas": 4},
                max_surge_percent=0,
            ),
            "'language' of 'default' may have one replica",
        ),
        (
            lambda c: language(c, graceful_shutdown_timeout_s=1),
            "'language' of 'default' gives requests 1 seconds to finish",
        ),
        (
            lambda c: language(
                c,
                num_replicas=None,
                autoscaling_config={"min_replicas": "1", "max_replicas": "4"},
                max_surge_percent="0",
                graceful_shutdown_timeout_s="1",
            ),
            "'language' of 'default' gives requests 1 seconds to finish",
        ),
        (
            lambda c: service(c, runtime_env={"env_vars": {"BATCHER_TIMEOUT_S": "30"}}),
            "'language' of 'default' gives requests 20 seconds to finish",
        ),
    ],
    ids=["keep-alive", "surge", "surge of a scaled one", "grace", "quoted", "grace for longer"],
)
def test_what_costs_requests_is_a_note(edit: Edit, note: str) -> None:
    found = notes_on(edit)
    assert [one for one in found if note in one], found


def test_serve_keeps_idle_connections_long_enough_by_default() -> None:
    assert notes_on(lambda c: c.pop("http_options")) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: language(c, num_replicas=2, max_surge_percent=0),
        lambda c: language(
            c,
            num_replicas=None,
            autoscaling_config={"min_replicas": 2, "max_replicas": 4},
            max_surge_percent=0,
        ),
    ],
)
def test_an_update_may_stop_one_of_two_replicas_first(edit: Edit) -> None:
    assert notes_on(edit) == []
