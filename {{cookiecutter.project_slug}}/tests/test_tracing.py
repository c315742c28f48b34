"""The feature `tracing` is on: a request belongs to the trace of its client."""

import secrets

from httpx2 import Client

from servekit.testing.features.tracing import RECEIVER


def test_a_request_belongs_to_the_trace_of_its_client(client: Client) -> None:
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    assert client.get("/v1/models", headers=headers).is_success
    # Its name has the prefix that the application stands below.
    assert RECEIVER.trace_with(
        trace_id, lambda spans: any(one.name.endswith("/v1/models") for one in spans)
    )
