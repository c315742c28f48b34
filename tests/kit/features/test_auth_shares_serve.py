"""What one caller holds and does not read, others have still: streams over the real proxy."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest

from servekit.testing.cluster import UrlOf
from servekit.testing.features.auth import HEADERS, OTHER_KEY

from tests.applications.misbehaving import IMPATIENT

pytestmark = [pytest.mark.serve, pytest.mark.application("stuck")]

OTHER = {"X-API-Key": OTHER_KEY.secret}
TEXT = {"text": "Das ist ein Tag"}
SHARE = int(IMPATIENT["BATCHER_MAX_STREAMS_PER_CALLER"])


@contextmanager
def stream(url: str, headers: dict[str, str]) -> Iterator[int]:
    """The status of a stream that goes on, and is not read."""
    with httpx2.stream(
        "POST", f"{url}/v1/detect/stream", json=TEXT, headers=headers, timeout=10
    ) as response:
        yield response.status_code


def test_one_caller_leaves_streams_to_others(url_of: UrlOf) -> None:
    url = url_of("stuck")
    # Each ends after some seconds, when the service gives up the model.
    with ExitStack() as held:
        found = [held.enter_context(stream(url, HEADERS)) for _ in range(SHARE + 1)]
        assert found == [200] * SHARE + [429]
        assert held.enter_context(stream(url, OTHER)) == 200
