"""New credentials: what is printed works, and a new `.env` has what it needs."""

import io
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv import dotenv_values
from fastapi.testclient import TestClient

from servekit.features.auth import auth
from servekit.features.auth.__main__ import main
from servekit.testing.features.auth import knowing

from acme_service import SLUG

from tests.fakes import create_app, fake_ports

TEXT = {"text": "fine"}
NEW_ENV = "AUTH_SECRETS=\n#AUTH_USERS=\n#AUTH_API_KEYS=\n"
"""As `.env.example` begins, whatever it has been changed to since."""


Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command, and gives what it prints."""
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def printed(*arguments: str) -> str:
        main(arguments)
        return capsys.readouterr().out

    return printed


def client(**settings: object) -> TestClient:
    return TestClient(create_app(fake_ports(), [auth(service=SLUG, settings=knowing(**settings))]))


def test_a_user_that_was_made_can_log_in(run: Run) -> None:
    made = run("user", "ada", "predict+admin")
    password, entry = re.findall(r": +(\S+)$", made, re.MULTILINE)
    form = {"username": "ada", "password": password}
    assert client(users=entry).post("/v1/token", data=form).json()["scope"] == "admin predict"


def test_a_key_that_was_made_opens_the_models(run: Run) -> None:
    made = run("key", "nightly")
    key, entry = re.findall(r": +(\S+)$", made, re.MULTILINE)
    asked = client(api_keys=entry).post("/v1/detect", json=TEXT, headers={"X-API-Key": key})
    assert asked.is_success


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["user", ""], "a name has 1 to 64 letters, digits and . _ @ -"),
        (["key", "a:b"], "a name has 1 to 64 letters, digits and . _ @ -"),
        (["user", "ada", "everything"], "the scopes are predict and admin, joined by +"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(run: Run, arguments: list[str], sentence: str) -> None:
    with pytest.raises(SystemExit) as refused:
        run(*arguments)
    assert refused.value.code == sentence


@pytest.fixture
def env(tmp_path: Path) -> Path:
    file = tmp_path / ".env"
    file.write_text(NEW_ENV, encoding="utf-8")
    return file


def test_a_new_env_lets_its_user_and_its_key_in(run: Run, env: Path) -> None:
    made = run("fill", str(env))
    [password] = re.findall(r"password (\S+) ", made)
    filled = dotenv_values(env)
    known = {"secrets": filled["AUTH_SECRETS"], "api_keys": filled["AUTH_API_KEYS"]}
    local = client(users=filled["AUTH_USERS"], **known)
    form = {"username": "local", "password": password}
    assert local.post("/v1/token", data=form).is_success
    name, _, key = str(filled["LOAD_HEADER"]).partition(": ")
    assert local.post("/v1/detect", json=TEXT, headers={name: key}).is_success


def test_a_new_env_is_its_owners_alone_and_holds_no_password(run: Run, env: Path) -> None:
    [password] = re.findall(r"password (\S+) ", run("fill", str(env)))
    assert password not in env.read_text(encoding="utf-8")
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_every_env_has_secrets_of_its_own(run: Run, env: Path) -> None:
    run("fill", str(env))
    first = dotenv_values(env)
    env.write_text(NEW_ENV, encoding="utf-8")
    run("fill", str(env))
    second = dotenv_values(env)
    for name in ("AUTH_SECRETS", "AUTH_USERS", "AUTH_API_KEYS", "LOAD_HEADER"):
        assert first[name] != second[name]


def test_an_env_that_is_filled_stays_as_it_is(run: Run, env: Path) -> None:
    run("fill", str(env))
    before = env.read_bytes()
    assert run("fill", str(env)) == ""
    assert env.read_bytes() == before


@pytest.mark.parametrize(
    "account",
    ["AUTH_USERS=ada:predict:hash", "AUTH_API_KEYS=ada:predict:0", "AUTH_ISSUER=https://a"],
)
def test_an_account_that_is_there_is_the_only_one(run: Run, env: Path, account: str) -> None:
    name = account.partition("=")[0]
    others = [line for line in NEW_ENV.splitlines() if name not in line]
    env.write_text("\n".join([*others, account, ""]), encoding="utf-8")
    assert run("fill", str(env)) == ""
    filled = env.read_text(encoding="utf-8")
    assert f"\n{account}\n" in filled
    assert "LOAD_HEADER" not in filled
    assert len(str(dotenv_values(env)["AUTH_SECRETS"])) >= 32


SECRET = "x" * 40


@pytest.mark.parametrize("form", ["export {}={}", "  {}={}", "{} = '{}'"])
def test_a_secret_is_kept_in_whatever_form_it_is_read(run: Run, env: Path, form: str) -> None:
    others = "export AUTH_USERS=\nexport AUTH_API_KEYS=''"
    env.write_text(f"{form.format('AUTH_SECRETS', SECRET)}\n{others}", encoding="utf-8")
    run("fill", str(env))
    filled = dotenv_values(env)
    assert filled["AUTH_SECRETS"] == SECRET
    assert str(filled["AUTH_USERS"]).startswith("local:")
    assert env.read_text(encoding="utf-8").count("export ") == 2 + form.startswith("export")
    before = env.read_bytes()
    run("fill", str(env))
    assert env.read_bytes() == before


def test_the_header_for_a_load_run_has_a_line_of_its_own(run: Run, env: Path) -> None:
    env.write_text(f"{NEW_ENV}OTHER=1", encoding="utf-8")
    run("fill", str(env))
    filled = dotenv_values(env)
    assert filled["OTHER"] == "1"
    [line] = [one for one in env.read_text("utf-8").splitlines() if one.startswith("LOAD_HEADER")]
    sourced = ["sh", "-c", f'{line}; echo "$LOAD_HEADER"']
    printed = subprocess.run(sourced, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == filled["LOAD_HEADER"]


def test_an_env_without_a_place_for_the_secret_is_refused(run: Run, env: Path) -> None:
    env.write_text("# none\n", encoding="utf-8")
    with pytest.raises(SystemExit) as refused:
        run("fill", str(env))
    assert refused.value.code == f"{env} has no line `AUTH_SECRETS=` to fill in."
    assert env.read_text(encoding="utf-8") == "# none\n"
