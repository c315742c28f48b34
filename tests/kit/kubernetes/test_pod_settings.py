"""`make manifests` names settings with which the service would not start, or would show secrets."""

import os
from pathlib import Path

import pytest

from servekit.commands.manifests.rules import Manifests

from tests.kubernetes.edits import (
    Edit,
    changed,
    expect_mistake,
    one_of_settings,
    pod,
    ray,
    said_of,
    set_env,
)

SEEDS: dict[str, tuple[Edit, str]] = {
    "a misspelt name": (
        lambda m: one_of_settings(m).update(API_DOC="false"),
        ": Unknown setting API_DOC. Did you mean API_DOCS?",
    ),
    "a misspelt name of one group": (
        lambda m: set_env(m, "BATCHER_TIMEOUT", "10"),
        "The group 'serve': Unknown setting BATCHER_TIMEOUT. Did you mean BATCHER_TIMEOUT_S?",
    ),
    "a misspelt name in serve.yaml": (
        lambda m: m.serve["applications"][0].update(runtime_env={"env_vars": {"API_DOC": "a"}}),
        "env_vars of 'default': Unknown setting API_DOC.",
    ),
    "a name of before": (
        lambda m: one_of_settings(m).update(RATE_LIMIT_TRUSTED_HOPS="1"),
        "The setting RATE_LIMIT_TRUSTED_HOPS is API_TRUSTED_HOPS now.",
    ),
    "a line that is no setting": (
        lambda m: one_of_settings(m).update({"API_LOG_LEVEL: INFO": ""}),
        "'API_LOG_LEVEL: INFO' is not a name of a variable: write NAME=value.",
    ),
    "a truth that is none": (
        lambda m: one_of_settings(m).update(API_DOCS="flase"),
        ": API_DOCS: input should be a valid boolean",
    ),
    "a number that is none": (
        lambda m: one_of_settings(m).update(BATCHER_MAX_ITEMS="lots"),
        ": BATCHER_MAX_ITEMS: input should be a valid integer",
    ),
    "a number out of bounds": (
        lambda m: one_of_settings(m).update(CANARY_FRACTION="5"),
        ": CANARY_FRACTION: input should be less than or equal to 1.",
    ),
    "a number of the store that is none": (
        lambda m: one_of_settings(m).update(MODEL_REFRESH_S="often"),
        ": MODEL_REFRESH_S: a number of seconds above 0 and up to 86400 is needed.",
    ),
    "quotes": (
        lambda m: one_of_settings(m).update(API_CORS_ORIGINS='"https://example.com"'),
        ": remove the quotes of API_CORS_ORIGINS: they would be a part of its value.",
    ),
    "a secret": (
        lambda m: one_of_settings(m).update(AUTH_SECRETS=40 * "a"),
        ": AUTH_SECRETS is a secret: move it into the Secret of the service.",
    ),
    "a secret of a cloud": (
        lambda m: set_env(m, "AWS_SECRET_ACCESS_KEY", "a"),
        "The group 'serve': AWS_SECRET_ACCESS_KEY is a secret",
    ),
    "a password in an address": (
        lambda m: one_of_settings(m).update(CACHE_URL="redis://:a@redis.example.com:6379/0"),
        ": CACHE_URL has a password in it: move it into the Secret of the service.",
    ),
    "what the profile sets": (
        lambda m: set_env(m, "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S", "600"),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S has no effect, because deploy/serve.env sets it",
    ),
    "a store in no volume": (
        lambda m: one_of_settings(m).update(MODEL_STORE="file:/mnt/models"),
        "The group 'serve' has no volume at MODEL_STORE, which is /mnt/models.",
    ),
    "corrections in a file": (
        lambda m: one_of_settings(m).update(FEEDBACK_URL="sqlite:////tmp/feedback.db"),
        "FEEDBACK_URL is a file, of which each pod would have its own: take PostgreSQL.",
    ),
    "addresses of Services": (
        lambda m: pod(m).pop("enableServiceLinks"),
        "The group 'serve' needs enableServiceLinks: false",
    ),
    "a command": (
        lambda m: ray(m).update(command=["ray", "start"]),
        "The group 'serve' must have no command",
    ),
    "a command by annotation": (
        lambda m: (
            m.workers[0]
            .template["metadata"]
            .update(annotations={"ray.io/overwrite-container-cmd": "true"})
        ),
        "The group 'serve' must have no command",
    ),
}


@pytest.mark.parametrize(("edit", "sentence"), SEEDS.values(), ids=SEEDS)
def test_a_mistake_is_named(production: Manifests, edit: Edit, sentence: str) -> None:
    expect_mistake(production, edit, sentence)


def test_settings_of_a_team_are_not_refused(production: Manifests) -> None:
    own = {
        "PARTNER_URL": "https://user@partner.example.com",
        "MAX_TOKENS": "100",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "a",
        "HF_HOME": "/tmp/hf",
        "LD_PRELOAD": "",
        "MODEL_STORE": "s3://bucket/models",
        "BATCHER_TIMEOUT_S": "20",
        "FEEDBACK_URL": "postgresql://service@postgresql.example.com/corrections",
    }
    assert said_of(changed(production, lambda m: one_of_settings(m).update(own))) == []


def moved(manifests: Manifests, package: str) -> None:
    """Have the application elsewhere, and a misspelt setting."""
    manifests.serve["applications"][0]["import_path"] = f"{package}:application"
    one_of_settings(manifests).update(API_DOC="false")


def application(manifests: Manifests) -> str:
    """The text of a module that has the application too."""
    module, _, name = manifests.serve["applications"][0]["import_path"].partition(":")
    return f"from {module} import {name} as application\n"


def test_an_application_may_be_a_module(
    production: Manifests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "one_module.py").write_text(application(production), encoding="utf-8")
    found = said_of(changed(production, lambda m: moved(m, "one_module")))
    assert all("Unknown setting API_DOC." in one for one in found)
    assert found


def test_folders_that_are_no_packages_hold_no_settings(
    production: Manifests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for folder in ("", ".checkpoints", "v1.2"):
        (tmp_path / "one_package" / folder).mkdir()
        (tmp_path / "one_package" / folder / "settings.py").write_text("", encoding="utf-8")
    init = tmp_path / "one_package/__init__.py"
    init.write_text(application(production), encoding="utf-8")
    found = said_of(changed(production, lambda m: moved(m, "one_package")))
    assert all("Unknown setting API_DOC." in one for one in found)
    assert found


def test_settings_of_this_machine_play_no_part(
    production: Manifests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_DOCS", "flase")
    before = dict(os.environ)
    assert said_of(production) == []
    assert os.environ == before
