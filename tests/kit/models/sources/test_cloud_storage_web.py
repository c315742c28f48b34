"""The feature `cloud_storage` at an address of the web, where models can be read alone."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from servekit.registry.errors import ModelStoreError, StoreUnreachableError
from servekit.registry.version_files import verified
from servekit.testing.store import STORE
from servekit.testing.subprocesses import free_port

from .cloud_storage_server import opened
from .web_servers import answering, dripping, serving, silent


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the project's own store is on the web."""
    with serving(STORE.parent) as url:
        yield f"{url}/{STORE.name}"


def test_a_version_is_fetched(address: str, tmp_path: Path):
    source = opened(address)
    assert source.aliases("language") == {"champion": "1"}
    assert verified(source.fetch("language", "2", tmp_path), "language", "2").version == "2"


def test_the_versions_are_those_that_have_an_alias(address: str):
    assert opened(f"{address}/").versions("language") == ["1"]


def test_an_unknown_model_is_named(address: str):
    for ask in (opened(address).aliases, opened(address).versions):
        with pytest.raises(ModelStoreError) as caught:
            ask("other")
        assert str(caught.value) == f"There is no {address}/other/aliases.json."


def test_nothing_is_changed_over_the_web(address: str):
    source = opened(address)
    with pytest.raises(ModelStoreError, match="can only be read: promote and publish where"):
        source.move_alias("language", "champion", "2", "1")
    with pytest.raises(ModelStoreError, match="can only be read: promote and publish where"):
        source.publish("language", "1", STORE / "language" / "1")


def test_a_space_in_the_address_is_no_obstacle(tmp_path: Path):
    shutil.copytree(STORE, tmp_path / "the models")
    with serving(tmp_path) as url:
        assert opened(f"{url}/the%20models").aliases("language") == {"champion": "1"}


def test_a_port_that_nobody_listens_on_is_no_answer():
    with pytest.raises(StoreUnreachableError, match="cannot be reached"):
        opened(f"http://127.0.0.1:{free_port()}/models").aliases("language")


def test_a_server_that_says_nothing_or_drips_is_no_answer(tmp_path: Path):
    for misbehaving in (silent, dripping):
        with misbehaving() as url:
            with pytest.raises(StoreUnreachableError):
                opened(f"{url}/models", timeout_s=0.1).aliases("language")
            with pytest.raises(StoreUnreachableError):
                opened(f"{url}/models", timeout_s=0.1).fetch("language", "1", tmp_path)


def test_over_tls_only_authorities_that_are_known_are_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    authority = certificate(tmp_path)
    with serving(STORE, certificate=authority) as url:
        with pytest.raises(StoreUnreachableError):
            opened(url).aliases("language")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert opened(url).aliases("language") == {"champion": "1"}


def certificate(folder: Path) -> Path:
    """A file with a certificate of this machine's own, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(key.private_bytes(*form) + signed.public_bytes(Encoding.PEM))
    return file


def test_a_page_in_place_of_aliases_is_no_json():
    with (
        answering(200, b"<html>") as url,
        pytest.raises(ModelStoreError, match="is not valid JSON"),
    ):
        opened(url).aliases("language")


def test_files_without_a_manifest_are_fetched_by_their_names(tmp_path: Path):
    version = tmp_path / "web/churn/3"
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(b"weights")
    with serving(tmp_path / "web") as url:
        opened(url).fetch("churn", "3", tmp_path / "into", ["model.onnx"])
        assert (tmp_path / "into/model.onnx").read_bytes() == b"weights"
        with pytest.raises(ModelStoreError, match=r"There is no .*/churn/3/vocabulary\.json"):
            opened(url).fetch("churn", "3", tmp_path / "into", ["vocabulary.json"])
