"""Makes passwords, keys and secrets, and their entries in settings."""

import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from servekit.env_text import filled, values_of

from .accounts import KEY_HEADER, SCOPES, Account, digest
from .passwords import hashing
from .settings import SECRET_BYTES

LOCAL = "local"

MIN_PASSWORD_CHARS = 12

NOTE = "# The key in AUTH_API_KEYS, for requests from this machine: `make load` sends it."

OLD_KEY = re.compile(
    rf"^(?:{re.escape(NOTE)}\n)?[ \t]*(?:export[ \t]+)?LOAD_HEADER[ \t]*=.*(?:\n|\Z)", re.MULTILINE
)
"""The key of an account that was emptied, which is of no use any more."""


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
    if not values_of(text).get("AUTH_SECRETS"):
        text = filled(text, "AUTH_SECRETS", secrets.token_urlsafe(SECRET_BYTES), path)
    password = None
    if not any(
        values_of(text).get(name) for name in ("AUTH_USERS", "AUTH_API_KEYS", "AUTH_ISSUER")
    ):
        user, key = new_user(LOCAL, SCOPES), new_key(LOCAL, SCOPES)
        text = filled(text, "AUTH_USERS", user.entry, path)
        text = filled(text, "AUTH_API_KEYS", key.entry, path)
        text = OLD_KEY.sub("", text)
        ended = "" if text.endswith("\n") or not text else "\n"
        # Quoted, because shells that read the file would take the space for the end of the value.
        text = f'{text}{ended}{NOTE}\nLOAD_HEADER="{KEY_HEADER}: {key.secret}"\n'
        password = user.secret
    if text != path.read_text(encoding="utf-8"):
        path.chmod(0o600)
        path.write_text(text, encoding="utf-8")
    return password
