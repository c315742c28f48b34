"""What went wrong in MLflow's client, in one sentence."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from mlflow.exceptions import MlflowException, RestException

from servekit.registry.errors import ModelStoreError, StoreUnreachableError

_UNANSWERED = (
    ConnectionError,
    TimeoutError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.RetryError,  # 429, 500, 502, 503, 504, and no more tries
)
_REFUSED = {"UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED"}
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES}


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Raise what goes wrong in here as an error of a model store; a full disk stays an OSError."""
    try:
        yield
    except ModelStoreError:
        raise
    except ImportError as error:
        raise ModelStoreError(
            f"The model store {url} keeps its files where {error.name} is needed to read them: let"
            " it serve them itself, or install that."
        ) from error
    # The client fails in many ways over an answer that is none.
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(
            error, (*_UNANSWERED, requests.RequestException)
        ):
            raise
        raise _explained(error, url) from error


@contextmanager
def explained_download(url: str, file: str) -> Iterator[None]:
    """The same for a file that is known to be there.

    The client keeps the text of what went wrong with it, and nothing else.
    """
    try:
        yield
    except MlflowException as error:
        found = re.search(r"\n\[Errno (\d+)\]", str(error))
        if found and int(found[1]) in _DISK:
            number = int(found[1])
            raise OSError(number, os.strerror(number), file) from error
        raise StoreUnreachableError(
            f"The model store {url} broke off in the middle of {file}."
        ) from error


def _explained(error: Exception, url: str) -> ModelStoreError:
    causes = list(_causes(error))
    if any(isinstance(cause, _UNANSWERED) for cause in causes):
        return StoreUnreachableError(f"The model store {url} cannot be reached: {_reason(causes)}.")
    if isinstance(error, MlflowException) and error.error_code in _REFUSED:
        return ModelStoreError(
            f"The model store {url} refuses this service: see MLFLOW_TRACKING_USERNAME,"
            " MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_TOKEN here, and --allowed-hosts there."
        )
    if isinstance(error, RestException):
        said = str(error).partition(": ")[2].partition("\n")[0].rstrip(".")
        return ModelStoreError(f"The model store {url} says: {said[:200]}.")
    return ModelStoreError(f"The server at {url} is not an MLflow registry.")


def _reason(causes: list[BaseException]) -> str:
    if any(isinstance(cause, requests.Timeout) for cause in causes):
        return "it did not answer in time"
    if any(isinstance(cause, requests.exceptions.RetryError) for cause in causes):
        return "it is not able to answer now"
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return str(reasons[-1]) if reasons else "the connection broke"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
