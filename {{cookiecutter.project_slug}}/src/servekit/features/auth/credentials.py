"""Makes passwords, keys and secrets, and their entries in settings."""

import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .accounts import KEY_HEADER, SCOPES, Account, digest
from .passwords import hashing
from .settings import SECRET_BYTES

LOCAL = "local"

MIN_PASSWORD_CHARS = 12

NOTE = "# The key in AUTH_API_KEYS, for requests from this machine: `make load` sends it."


class Issued(NamedTuple):
    """A secret for its holder, and the entry for the settings."""

    secret: str
    entry: str


def new_user(name: str, scopes: Iterable[str], password: str = "") -> Issued:
    """Make a user, with a random password by default.

    Raises:
        ValueError: The password is too short, or as Account does.
    """
    if password and len(password) < MIN_PASSWORD_CHARS:
        raise ValueError(f"A password has at least {MIN_PASSWORD_CHARS} characters.")
    password = password or secrets.token_urlsafe(16)
    return Issued(password, Account(name, frozenset(scopes), hashing.hash(password)).entry())


def new_key(name: str, scopes: Iterable[str]) -> Issued:
    """Make an API key. Raises ValueError as Account does."""
    key = secrets.token_urlsafe(SECRET_BYTES)
    return Issued(key, Account(name, frozenset(scopes), digest(key)).entry())


def fill(path: Path) -> str | None:
    """Fill in what is empty in a file of settings: a secret, and a user and a key.

    A user and a key are made where no settings let any caller in. The key itself is put there too,
    for requests from this machine. Values that are there stay.

    Args:
        path: Of the file.

    Returns:
        The password of the new user, if there is one.

    Raises:
        ValueError: The file lacks a line of `.env.example` to fill in.
    """
    text = path.read_text(encoding="utf-8")
    if not _is_set(text, "AUTH_SECRETS"):
        text = _filled(path, text, "AUTH_SECRETS", secrets.token_urlsafe(SECRET_BYTES))
    password = None
    if not any(_is_set(text, name) for name in ("AUTH_USERS", "AUTH_API_KEYS", "AUTH_ISSUER")):
        user, key = new_user(LOCAL, SCOPES), new_key(LOCAL, SCOPES)
        text = _filled(path, text, "AUTH_USERS", user.entry)
        text = _filled(path, text, "AUTH_API_KEYS", key.entry)
        # The key of an account that was emptied is of no use any more.
        text = re.sub(f"^(?:{re.escape(NOTE)}\n)?LOAD_HEADER=.*\n", "", text, flags=re.MULTILINE)
        text = f"{text}{NOTE}\nLOAD_HEADER={KEY_HEADER}: {key.secret}\n"
        password = user.secret
    if text != path.read_text(encoding="utf-8"):
        path.chmod(0o600)
        path.write_text(text, encoding="utf-8")
    return password


def _is_set(text: str, name: str) -> bool:
    return bool(re.search(f"^{name}=.", text, re.MULTILINE))


def _filled(path: Path, text: str, name: str, value: str) -> str:
    text, times = re.subn(f"^#?{name}=$", f"{name}={value}", text, flags=re.MULTILINE)
    if times != 1:
        raise ValueError(f"{path} has no line `{name}=` to fill in.")
    return text
