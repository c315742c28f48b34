"""What operators do to a project: promote, train, publish, configure, rename."""

import json
import re
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

from .environment import Done, make, run, said

SWISS = [
    "Grüezi mitenand, wie gaht's eu hüt?",
    "Mir gönd hüt z'Nacht no is Kino.",
    "Ich ha gester es neus Velo kauft.",
    "Chasch mer bitte s'Salz gäh?",
    "Äs rägnet scho de ganz Tag.",
]
"""Enough of them to learn from."""

SECRET = "a secret of an operator that has 32 bytes and more"
HASH = urlsafe_b64encode(b"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA").decode()
OTHER_TEXTS = {
    "API_CORS_ORIGINS": "https://a.example",
    "API_LOG_LEVEL": "WARNING",
    "API_MAX_REQUESTS_PER_CALLER": "100",
    "MODEL_STORE": "file:elsewhere",
    "MODEL_CACHE": "kept",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "operator",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "HF_TOKEN": SECRET,
    "HF_HUB_OFFLINE": "0",
    "CACHE_URL": "redis://127.0.0.1:1/0",
    "RATE_LIMIT_MODELS": "7/hour",
    "RATE_LIMIT_SIGN_IN": "5/minute",
    "RATE_LIMIT_URL": "redis://127.0.0.1:1/1",
    "FEEDBACK_SECRET": SECRET,
    "FEEDBACK_PREVIOUS_SECRET": SECRET[::-1],
    "FEEDBACK_URL": "sqlite:///elsewhere.db",
    "AUTH_SECRETS": SECRET,
    "AUTH_USERS": f"ada:predict:{HASH.rstrip('=')}",
    "AUTH_API_KEYS": f"ada:predict:{'0' * 64}",
    "AUTH_ISSUER": "https://id.example",
    "AUTH_AUDIENCE": "operators",
    "AUTH_KEYS_URL": "https://id.example/keys",
    "AUTH_SCOPE_CLAIMS": "roles",
    "AUTH_SCOPE_PREFIX": "words/",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
}
"""Other valid values of settings that are neither yes or no, nor numbers that may be small."""


CHECK_SETTINGS = """
from dotenv import load_dotenv
from {}.app import WIRING
load_dotenv(".env")
WIRING.check_all()
"""


def _done(done: Done) -> None:
    assert done.returncode == 0, said(done)


def promote(project: Path, version: str) -> None:
    _done(make(project, "promote", f"VERSION={version}"))


def train(project: Path, version: str) -> None:
    """The next version, which has learned from corrections, becomes the champion."""
    corrections = project / "corrections.jsonl"
    lines = [json.dumps({"input": {"text": text}, "label": "de"}) for text in SWISS]
    corrections.write_text("\n".join(lines), encoding="utf-8")
    _done(make(project, "train", f"CORRECTIONS={corrections}"))
    promote(project, version)


def publish(project: Path, version: str) -> None:
    """A version like the second, under another number."""
    versions = project / "model_store/language"
    folder = shutil.copytree(versions / "2", versions / version)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    text = json.dumps(manifest | {"version": version})
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def remove(project: Path, version: str) -> None:
    """A version that answers nobody any more."""
    shutil.rmtree(project / "model_store/language" / version)


def serve_otherwise(project: Path) -> None:
    """Each number of `serve.yaml` is another, and so is where it listens."""
    file = project / "serve.yaml"
    text = file.read_text(encoding="utf-8").replace("host: 127.0.0.1", "host: 0.0.0.0")
    text = re.sub(r"(?m)^([^#\n]*: )(\d+)$", _other_number, text)
    text = re.sub(r"(?m)^([^#\n]*: )0\.\d+$", r"\g<1>0.125", text)
    text = re.sub(r"(?m)^([^#\n]*: )false$", r"\g<1>true", text)
    file.write_text(text, encoding="utf-8")
    _done(make(project, "config"))


def _other_number(found: re.Match[str]) -> str:
    key, number = found[1], int(found[2])
    # Some have a hundred for their limit.
    return f"{key}{number + 1 if number < 100 else number - 1}"


def set_everything(project: Path) -> None:
    """Each line of `.env.example` is a setting that has another value, and `.env` is the same."""
    file = project / ".env.example"
    lines = file.read_text(encoding="utf-8")
    lines = re.sub(r"(?m)^(?:# ?)?([A-Z][A-Z_]+)=(.*)$", _other, lines)
    for name in (".env.example", ".env"):
        (project / name).write_text(lines, encoding="utf-8")
    _done(run(project, "python", "-c", CHECK_SETTINGS.format(package_of(project).name)))


def _other(found: re.Match[str]) -> str:
    name, value = found.groups()
    return f"{name}={_other_value(name, value)}"


def _other_value(name: str, value: str) -> str:
    if name in OTHER_TEXTS:
        return OTHER_TEXTS[name]
    if value in {"true", "false"}:
        return "false" if value == "true" else "true"
    if value.isdecimal():
        return str(int(value) // 2 if int(value) > 1 else int(value) + 1)
    return str(float(value) / 2)


def package_of(project: Path) -> Path:
    """The folder of the service, beside the kit's."""
    [package] = {*(project / "src").iterdir()} - {project / "src/servekit"}
    return package


def rename(project: Path) -> None:
    """The display name, as the pages and OpenAPI show it."""
    file = package_of(project) / "__init__.py"
    text = file.read_text(encoding="utf-8")
    text, times = re.subn(r'(?m)^NAME = ".*"$', 'NAME = "Words of Ours, Ltd."', text)
    assert times == 1
    file.write_text(text, encoding="utf-8")
