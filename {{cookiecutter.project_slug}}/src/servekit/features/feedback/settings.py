"""Settings: the database of corrections, and the secrets that sign receipts."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from servekit.settings import Settings

SECRET_BYTES = 32
MAX_PORT = 65_535
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""What libpq knows; the driver would find out only when it connects."""

NOT_OF_THE_DRIVER = frozenset({"channel_binding", "connect_timeout", "gssencmode"})
"""What libpq understands besides, and providers put into the addresses that they hand out. The
driver binds no channel, and would take these for settings of the server, which refuses them; time
limits are `FEEDBACK_TIMEOUT_S`."""

PARAMETERS = NOT_OF_THE_DRIVER | {
    "application_name",
    "database",
    "dbname",
    "gsslib",
    "host",
    "krbsrvname",
    "lock_timeout",
    "options",
    "passfile",
    "password",
    "port",
    "search_path",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "target_session_attrs",
    "timezone",
    "user",
}
"""What the driver understands, and settings of the server. What the server does not know, it would
refuse at every request."""


def address_of(url: SecretStr) -> URL:
    """Read the URL of a database. Raises ValueError when corrections cannot be kept there."""
    try:
        address = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):
        address = URL.create("none")
    # What is kept in memory, no other replica and no restart would find again.
    kept = address.database and address.database != ":memory:"
    if address.drivername not in {"sqlite", "postgresql"} or not kept:
        # Not the address itself: a password may stand in it.
        raise ValueError(
            "a file, such as sqlite:////var/lib/feedback.db, or postgresql://user@host/name"
        ) from None
    return _file(address) if address.drivername == "sqlite" else _server(address)


def _file(address: URL) -> URL:
    if address.host or address.query:
        raise ValueError("a file has three slashes before its path, four if that begins with one")
    file = Path(str(address.database)).expanduser().absolute()
    return address.set(database=str(file))


def _server(address: URL) -> URL:
    if (address.port or 0) > MAX_PORT:
        raise ValueError(f"its port is {MAX_PORT} at most")
    for name in address.query:
        if name not in PARAMETERS:
            raise ValueError(f"its address has an unknown parameter {name!r}")
    if address.query.get("sslmode", "prefer") not in SSL_MODES:
        raise ValueError(f"its sslmode is one of {', '.join(SSL_MODES)}")
    return address


def _usable(url: SecretStr) -> SecretStr:
    try:
        address_of(url)
    except RuntimeError:
        raise ValueError("starts with ~, but this user has no home directory") from None
    return url


def _long(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < SECRET_BYTES:
        raise ValueError(f"wants a random secret of at least {SECRET_BYTES} bytes")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_long)]


class DatabaseSettings(Settings):
    """The database of corrections.

    url: a file of SQLite, for the replicas of one machine, or a PostgreSQL for those of many.
    migrate: bring the schema to this version at the start; without it, `make migrate` does.
    timeout_s: how long a request may take there altogether; beyond it, the answer is 503.
    max_connections: of each replica to PostgreSQL.
    """

    model_config = SettingsConfigDict(env_prefix="FEEDBACK_")

    url: Annotated[SecretStr, AfterValidator(_usable)]
    migrate: bool = True
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    max_connections: int = Field(default=4, ge=1, le=100)


class ReceiptSettings(Settings):
    """The secrets that sign receipts, and how long these are valid.

    secret: signs receipts; the same in all replicas.
    previous_secret: what it was before; receipts that it has signed are accepted too.
    receipt_lifetime_s: how long an answer may be corrected.
    """

    model_config = SettingsConfigDict(env_prefix="FEEDBACK_")

    secret: Secret = Field(default=SecretStr(""), validate_default=True)
    previous_secret: Secret | None = None
    receipt_lifetime_s: int = Field(default=7 * 24 * 3600, ge=60, le=366 * 24 * 3600)

    @property
    def secrets(self) -> list[bytes]:
        """The one that signs first."""
        both = [self.secret, self.previous_secret]
        return [one.get_secret_value().encode() for one in both if one]
