"""Translates the errors of the hub's client into those of the registry."""

from collections.abc import Iterator
from contextlib import contextmanager

from httpx2 import HTTPError
from huggingface_hub import is_offline_mode
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    XetDownloadError,
)

from servekit.registry.errors import (
    ModelCacheError,
    ModelStoreError,
    StoreUnreachableError,
)

from .repository_url import Repository

FORBIDDEN, CONFLICT, TOO_MANY = (401, 403), (409, 412), 429


class MovedOnError(Exception):
    """The revision has got another commit since it was looked at."""


@contextmanager
def understood(repository: Repository) -> Iterator[None]:
    """Raises StoreUnreachableError where the hub gave no answer, ModelStoreError where it did.

    Not the client's errors themselves: they quote addresses, which may be signed ones.
    """
    try:
        yield
    except RemoteEntryNotFoundError:
        raise  # the caller knows what a missing file means
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise _not_here(repository) from None
    except HfHubHTTPError as error:
        raise _meaning(error, repository) from None
    except HFValidationError:
        raise ModelStoreError(f"The Hugging Face Hub has no names such as {repository}.") from None
    except (HTTPError, ConnectionError, TimeoutError, XetDownloadError):
        raise StoreUnreachableError(
            f"Cannot reach the Hugging Face Hub for {repository}."
        ) from None
    except OSError as error:
        raise ModelCacheError(
            f"The files of {repository} cannot be cached: {error.strerror or error}."
        ) from error


def _not_here(repository: Repository) -> ModelStoreError:
    if is_offline_mode():
        return StoreUnreachableError(
            f"HF_HUB_OFFLINE is set, and HF_HOME does not hold what is needed of {repository}."
        )
    return StoreUnreachableError(f"Cannot reach the Hugging Face Hub for {repository}.")


def _meaning(error: HfHubHTTPError, repository: Repository) -> Exception:
    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return ModelStoreError(f"There is no revision {repository.revision!r} of {repository.id}.")
    # The hub does not say which of the two it is.
    if isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError):
        return ModelStoreError(
            f"There is no repository {repository.id} at the hub, or HF_TOKEN may not see it."
        )
    if status in FORBIDDEN:
        return ModelStoreError(f"The hub refuses {repository}: HF_TOKEN does not allow it.")
    if status in CONFLICT:
        return MovedOnError()
    if status == TOO_MANY or status >= 500:
        return StoreUnreachableError(f"The hub has no answer for {repository}: status {status}.")
    return ModelStoreError(f"The hub refuses what it was asked of {repository}: status {status}.")
