"""Where a bucket is, from `MODEL_STORE`, and how to reach it, from its provider's own variables."""

import os
import re
from datetime import timedelta
from urllib.parse import urlsplit

import obstore
from obstore.store import ObjectStore

from servekit.loopback import is_loopback
from servekit.registry.errors import ModelStoreError

SHAPES = {
    "s3": "s3://bucket/prefix",
    "gs": "gs://bucket/prefix",
    "az": "az://container/prefix",
    "https": "https://host/path",
    "http": "http://localhost:port/path",
}

VARIABLES = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}
"""How the variables of each provider begin."""

ENDPOINTS = {
    "s3": ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_ENDPOINT", "AZURE_STORAGE_ENDPOINT"),
}
"""Variables that hold an address. The client takes what is none, and then gives up its thread."""

RETRIES = 2
"""For what passes, such as a dropped connection: within the time that a call has anyway."""

_ADDRESS = re.compile("https?://[^/]")


def checked(url: str) -> str:
    """The address with nothing in it that must not be shown.

    Raises ModelStoreError when it is none, or holds credentials, which belong elsewhere.
    """
    scheme = url.partition(":")[0].lower()
    shape = f"A model store at {scheme}: is written {SHAPES[scheme]}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ModelStoreError(f"{shape}.") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ModelStoreError(f"{shape}, without credentials and parameters.")
    segments = parts.path.removeprefix("/").removesuffix("/").split("/")
    unsound = segments != [""] and any(part in {"", ".", ".."} for part in segments)
    if not parts.hostname or unsound or (port and scheme in VARIABLES):
        raise ModelStoreError(f"{shape}.")
    if scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ModelStoreError("A model store at http: is on this machine; others are at https:.")
    return f"{scheme}://{parts.netloc}{parts.path.removesuffix('/')}"


def connected(where: str, timeout_s: float) -> ObjectStore:
    """The store at a checked address. Nothing has been asked of it yet.

    Raises ModelStoreError when a variable of its provider is missing or malformed.
    """
    scheme = where.partition(":")[0]
    prefix = VARIABLES.get(scheme)
    for variable in ENDPOINTS.get(scheme, ()):
        if not _ADDRESS.match(os.environ.get(variable, "http://none")):
            raise ModelStoreError(f"{variable} is no address that begins with http:// or https://.")
    allow_http = os.environ.get(f"{prefix}_ALLOW_HTTP", "").lower() in {"1", "true"}
    timeout = timedelta(seconds=timeout_s)
    try:
        return obstore.store.from_url(
            where,
            client_options={
                "allow_http": allow_http or scheme == "http",
                "connect_timeout": timeout,
                "timeout": timeout,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timeout},
        )
    except (obstore.exceptions.BaseError, ValueError, OSError):
        # Not the reason: it may quote a key.
        variables = f": look at the variables {prefix}_…" if prefix else ""
        raise ModelStoreError(f"The model store {where} cannot be opened{variables}.") from None
