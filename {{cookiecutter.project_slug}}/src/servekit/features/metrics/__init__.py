"""Counts requests by status, and measures how long they take.

It reports through the meter of the ports; where the numbers go is not decided here.
"""

from starlette.middleware import Middleware

from servekit.api import Feature
from servekit.api.exchange import ExchangeHooks

from .requests import RequestMetrics, SocketMetrics


def metrics() -> Feature:
    """Export `http_requests_total` and `http_request_seconds`, by route."""
    requests = RequestMetrics()
    return Feature(
        name="metrics",
        hooks=[ExchangeHooks(end=requests.measure)],
        middleware=[Middleware(SocketMetrics, metrics=requests)],
    )
