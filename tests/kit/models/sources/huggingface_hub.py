"""A hub of the tests' own: the few routes of the Hugging Face Hub that reading and committing take.

Written from what the client asks and understands. No test has seen the real hub.
"""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from huggingface_hub import constants

from servekit.registry.sources.source import ModelSource
from servekit.registry.store import open_source

from acme_service.features import sources

from .web_servers import Quiet, listening

REPOSITORY = "example/models"
TOKEN = "hf_ThisIsNoTokenOfAnybody"


def opened(url: str, timeout_s: float = 5.0) -> ModelSource:
    """A source as the service opens it."""
    return open_source(tuple(sources()), url, timeout_s)


def client_asks(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch, *, offline: bool = False
) -> None:
    """As HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE, which the client reads once in a process."""
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Hub:
    """Keeps one repository with one branch; each commit is all its files."""

    def __init__(self) -> None:
        self.commits: list[dict[str, bytes]] = [{}]
        self._changing = Lock()

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1]

    def add(self, folder: Path) -> None:
        """Commit all that is in a folder."""
        paths = [path for path in folder.rglob("*") if path.is_file()]
        new = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self.commits.append(self.files | new)

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        match path.removeprefix("/").split("/"):
            case ["api", "models", *repository] if repository[:2] != REPOSITORY.split("/"):
                return missing("RepoNotFound")
            case ["api", "models", _, _, "revision", revision]:
                return self._info(revision)
            case ["api", "models", _, _, "preupload", _]:
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                return Answer(200, json.dumps({"files": files}).encode())
            case ["api", "models", _, _, "commit", "main"]:
                with self._changing:
                    return self._commit([json.loads(line) for line in body.splitlines()])
            case [owner, name, "resolve", revision, *file] if f"{owner}/{name}" == REPOSITORY:
                return self._file(revision, "/".join(file))
        return missing("RepoNotFound")

    def sha(self, number: int) -> str:
        return sha1(str(number).encode()).hexdigest()

    def _number(self, revision: str) -> int | None:
        numbers = {self.sha(number): number for number in range(len(self.commits))}
        return (numbers | {"main": len(self.commits) - 1}).get(revision)

    def _info(self, revision: str) -> Answer:
        number = self._number(revision)
        if number is None:
            return missing("RevisionNotFound")
        siblings = [{"rfilename": path} for path in self.commits[number]]
        info = {"id": REPOSITORY, "sha": self.sha(number), "siblings": siblings}
        return Answer(200, json.dumps(info).encode())

    def _file(self, revision: str, path: str) -> Answer:
        number = self._number(revision)
        if number is None:
            return missing("RevisionNotFound")
        content = self.commits[number].get(path)
        commit = ("X-Repo-Commit", self.sha(number))
        if content is None:
            return Answer(404, headers=(commit, ("X-Error-Code", "EntryNotFound")))
        return Answer(200, content, (commit, ("ETag", f'"{sha1(content).hexdigest()}"')))

    def _commit(self, lines: list[dict[str, Any]]) -> Answer:
        if lines[0]["value"].get("parentCommit") != self.sha(len(self.commits) - 1):
            return Answer(412, b'{"error": "The branch has moved on"}')
        new = {
            line["value"]["path"]: b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        self.commits.append(self.files | new)
        oid = self.sha(len(self.commits) - 1)
        url = f"https://huggingface.co/{REPOSITORY}/commit/{oid}"
        return Answer(200, json.dumps({"commitUrl": url, "commitOid": oid}).encode())


def missing(code: str) -> Answer:
    return Answer(404, headers=(("X-Error-Code", code),))


@contextmanager
def running(hub: Hub) -> Iterator[str]:
    """The hub's address. Only those are served who send the token."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                path = unquote(self.path.partition("?")[0])
                answer = hub.answer(self.command, path, body)
            else:
                answer = Answer(401)
            self.send_response(answer.status)
            for header in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                self.send_header(*header)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

    with listening(Handler) as url:
        yield url
