"""The settings of the API itself."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from servekit.settings import CommaList, Settings


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value != "*" and not re.fullmatch(r"https?://[^/\s,]+", value):
            raise ValueError("an origin is a scheme and a host, such as https://app.example, or *")
    return values


class ApiSettings(Settings):
    """The API itself.

    cors_origins: origins that browsers may call from; none by default.
    max_body_bytes: larger requests are answered 413. Of bodies that are not whole, a process
        holds eight such, at least 64 MiB; a quarter of it is of one address.
    body_timeout_s: requests whose body takes longer to arrive are answered 408.
    write_timeout_s: clients that take no part of a stream for this long are hung up on.
    max_streams_per_caller: how many streams and WebSockets one caller may have open in each
        ingress replica, of whatever model; more are answered 429.
    max_requests_per_caller: how many guarded requests one caller may have under way in each
        ingress replica; more are answered 429. 0: no limit.
    max_file_bytes: larger uploaded files are answered 413.
    cookie_secure: mark cookies Secure, so that browsers send them over HTTPS only.
    docs: serve /docs and /openapi.json.
    log_level: of this service's own log; the audit trail is always written.
    trusted_hops: how many proxies in front of this service add to X-Forwarded-For. The address
        that the outermost of them has seen is the client's. 0: the header is never read.
    """

    model_config = SettingsConfigDict(env_prefix="API_")

    cors_origins: Annotated[CommaList, AfterValidator(_origins)] = ()
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    body_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    write_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    max_streams_per_caller: int = Field(default=256, ge=1)
    max_requests_per_caller: int = Field(default=0, ge=0)
    max_file_bytes: int = Field(default=1024 * 1024, ge=1, le=1024 * 1024)
    cookie_secure: bool = True
    docs: bool = True
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    trusted_hops: int = Field(default=0, ge=0, le=16)
