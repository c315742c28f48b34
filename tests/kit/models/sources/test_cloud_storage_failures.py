"""The feature `cloud_storage` without an answer that helps: one sentence, in time."""

from pathlib import Path
from time import monotonic
from traceback import format_exception

import pytest

from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.sources.source import ModelSource
from servekit.testing.store import STORE
from servekit.testing.subprocesses import free_port

from .cloud_storage_server import SECRET, opened, variables
from .web_servers import answering, dripping, silent

SHORT_S = 0.15

CALLS = {
    "aliases": lambda source, folder: source.aliases("language"),
    "versions": lambda source, folder: source.versions("language"),
    "fetch": lambda source, folder: source.fetch("language", "1", folder),
    "move_alias": lambda source, folder: source.move_alias("language", "champion", "2", "1"),
    "publish": lambda source, folder: source.publish("language", "1", STORE / "language" / "1"),
}

every_call = pytest.mark.parametrize("call", CALLS)


def failure(
    url: str, call: str, folder: Path, kind: type[ModelStoreError], timeout_s: float = 5.0
) -> str:
    """The only sentence of what a call raises, in time."""
    with variables(url):
        source: ModelSource = opened("s3://models/prefix", timeout_s)
        began = monotonic()
        with pytest.raises(ModelStoreError) as caught:
            CALLS[call](source, folder)
    assert monotonic() - began < timeout_s + 2
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.count("\n") == 0
    assert message.startswith(("s3://models/prefix", "There is no s3://models/prefix"))
    assert SECRET not in "".join(format_exception(caught.value))
    return message


def test_a_port_that_nobody_listens_on_is_no_answer(tmp_path: Path):
    url = f"http://127.0.0.1:{free_port()}"
    message = failure(url, "aliases", tmp_path, StoreUnreachableError)
    assert message == "s3://models/prefix/language/aliases.json cannot be reached."


@every_call
def test_a_server_that_says_nothing_is_no_answer(call: str, tmp_path: Path):
    with silent() as url:
        message = failure(url, call, tmp_path, StoreUnreachableError, SHORT_S)
    # The client's own limit and that of the whole call end at the same moment.
    assert message.endswith(("cannot be reached.", "did not answer within 0.15 seconds."))


@pytest.mark.parametrize("call", ["aliases", "fetch"])
def test_a_server_that_drips_is_no_answer(call: str, tmp_path: Path):
    with dripping() as url:
        failure(url, call, tmp_path, StoreUnreachableError, SHORT_S)


@pytest.mark.parametrize("status", [500, 429])
def test_a_server_in_trouble_is_no_answer(status: int, tmp_path: Path):
    with answering(status) as url:
        failure(url, "aliases", tmp_path, StoreUnreachableError)


@every_call
def test_a_server_that_forbids_is_an_answer(call: str, tmp_path: Path):
    for status in (401, 403):
        with answering(status) as url:
            message = failure(url, call, tmp_path, ModelStoreError)
        assert message.endswith("is refused: these credentials do not allow it.")


def test_what_a_server_objects_to_is_said(tmp_path: Path):
    with answering(400, b"<Error><Code>ExpiredToken</Code></Error>") as url:
        message = failure(url, "aliases", tmp_path, ModelStoreError)
    assert message.endswith("is refused with status 400 (ExpiredToken).")


def test_another_region_is_said(tmp_path: Path):
    with answering(301) as url:
        message = failure(url, "aliases", tmp_path, ModelStoreError)
    assert message.endswith("is in another region than the one that was named.")


def test_plain_http_is_for_those_who_allow_it(tmp_path: Path):
    with answering(200) as url, variables(url, AWS_ALLOW_HTTP="false"):
        source = opened("s3://models/prefix")
        with pytest.raises(ModelStoreError, match="over plain HTTP, which is not allowed"):
            source.aliases("language")


def test_a_file_that_is_no_json_but_endless_is_not_read(tmp_path: Path):
    with answering(200, b" " * (5 << 20)) as url:
        message = failure(url, "aliases", tmp_path, ModelStoreError)
    assert message.endswith("is too large for JSON of the model store.")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3:", "A model store at s3: is written s3://bucket/prefix."),
        ("s3://", "is written s3://bucket/prefix."),
        ("s3:///prefix", "is written s3://bucket/prefix."),
        ("s3://bucket//prefix", "is written s3://bucket/prefix."),
        ("s3://bucket/../prefix", "is written s3://bucket/prefix."),
        ("s3://bucket:80/prefix", "is written s3://bucket/prefix."),
        ("s3://[bucket", "is written s3://bucket/prefix."),
        (f"s3://key:{SECRET}@bucket", "without credentials and parameters."),
        (f"s3://bucket?secret={SECRET}", "without credentials and parameters."),
        (f"https://user:{SECRET}@host/models", "without credentials and parameters."),
        (f"https://host/models?sig={SECRET}", "without credentials and parameters."),
        (f"https://host/models#{SECRET}", "without credentials and parameters."),
        ("https://host:port/models", "is written https://host/path."),
        ("gs://", "A model store at gs: is written gs://bucket/prefix."),
        ("az://", "A model store at az: is written az://container/prefix."),
        ("http://example.com/models", "A model store at http: is on this machine"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_secrets(url: str, reason: str):
    with pytest.raises(ModelStoreError) as caught:
        opened(url)
    assert reason in str(caught.value)
    assert SECRET not in "".join(format_exception(caught.value))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (
        "AZURE_STORAGE_ACCOUNT_NAME",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
    ):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_variables_that_are_missing_are_named(elsewhere: pytest.MonkeyPatch):
    with pytest.raises(ModelStoreError) as caught:
        opened("az://container/models")
    assert str(caught.value) == (
        "The model store az://container/models cannot be opened: look at the variables AZURE_…."
    )


@pytest.mark.parametrize("endpoint", ["", "minio:9000", "http://", "ftp://minio"])
def test_an_endpoint_that_is_no_address_is_named(endpoint: str):
    with variables(endpoint), pytest.raises(ModelStoreError, match="AWS_ENDPOINT_URL is no addr"):
        opened("s3://bucket")


@pytest.mark.parametrize(
    "variable", [{"AWS_ACCESS_KEY_ID": f"{SECRET}\nAKIA"}, {"AWS_ENDPOINT_URL": "http://[::1"}]
)
def test_what_the_client_panics_over_is_a_sentence(variable: dict[str, str]):
    with variables("http://127.0.0.1:1", **variable):
        source = opened("s3://bucket")
        with pytest.raises(ModelStoreError, match="a variable of its provider is mal") as caught:
            source.aliases("language")
    assert SECRET not in "".join(format_exception(caught.value))


def test_a_key_that_is_none_is_not_shown(elsewhere: pytest.MonkeyPatch):
    elsewhere.setenv("AZURE_STORAGE_ACCOUNT_NAME", "models")
    elsewhere.setenv("AZURE_STORAGE_ACCOUNT_KEY", f"!{SECRET}")
    with pytest.raises(ModelStoreError) as caught:
        opened("az://container/models")
    assert SECRET not in "".join(format_exception(caught.value))


def test_what_google_needs_is_looked_for_at_once(elsewhere: pytest.MonkeyPatch):
    elsewhere.setenv("GOOGLE_SERVICE_ACCOUNT", "/no/such/file.json")
    with pytest.raises(ModelStoreError, match="look at the variables GOOGLE_"):
        opened("gs://bucket/models")
