"""An identity provider on this machine: a real HTTP server whose keys change when it is told so."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "https://api.example"


class SigningKey:
    """A key pair, and what the provider publishes of it."""

    def __init__(self, name: str, kind: str = "RS256") -> None:
        self.name = name
        self.algorithm = kind
        self.private: Any
        if kind == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
            published = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = rsa.generate_private_key(65537, 2048)
            published = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.published = published | {"kid": name, "use": "sig", "alg": kind}

    def public_pem(self) -> bytes:
        kind = PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(Encoding.PEM, kind)


class Provider:
    """Publishes `keys`, counts who asks for them, and fails in the way that `failure` says.

    beside: what it publishes before them.
    failure: "" for none, "error", "garbage", "hang", "name", "no list".
    """

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}/realm"
        self.keys: list[SigningKey] = []
        self.beside: list[Any] = []
        self.failure = ""
        self.fetches = 0
        self.released = Event()

    def answer(self, path: str) -> tuple[int, bytes]:
        if self.failure == "hang":
            self.released.wait(30)
        if self.failure == "error":
            return 500, b"{}"
        if self.failure == "garbage":
            return 200, b"[" * 100_000
        if path == "/realm/.well-known/openid-configuration":
            name = "https://elsewhere.example" if self.failure == "name" else self.issuer
            return 200, json.dumps({"issuer": name, "jwks_uri": f"{self.issuer}/keys"}).encode()
        self.fetches += 1
        if self.failure == "no list":
            return 200, b'{"keys": {}}'
        published = [*self.beside, *(one.published for one in self.keys)]
        return 200, json.dumps({"keys": published}).encode()

    def token(self, key: SigningKey | None = None, **claims: Any) -> str:
        """A good token, but for what `claims` say otherwise; None leaves a claim out."""
        key = key or self.keys[0]
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ada", "scope": "openid predict"}
        usual |= {"exp": time.time() + 60, "iat": time.time()}
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(said, key.private, key.algorithm, {"kid": key.name})


@contextmanager
def running_provider(*keys: SigningKey, port: int = 0) -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = provider.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return None

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", port), Handler) as server:
        provider = Provider(server.server_port)
        provider.keys = list(keys)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield provider
        provider.released.set()
        server.shutdown()
