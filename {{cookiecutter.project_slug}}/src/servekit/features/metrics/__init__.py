"""Counts requests by status, and measures how long they take.

It reports through the meter of the ports; where the numbers go is not decided here.
"""

from starlette.middleware import Middleware

from servekit.api import Feature

from .requests import RequestMetrics


def metrics() -> Feature:
    """Export `http_requests_total` and `http_request_seconds`, by route."""
    return Feature(name="metrics", middleware=[Middleware(RequestMetrics)])
