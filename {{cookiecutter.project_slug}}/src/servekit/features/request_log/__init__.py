"""Logs one line per request. Always on."""

import logging

from servekit.api import Feature
from servekit.api.exchange import Exchange, ExchangeHooks

log = logging.getLogger(__name__)


def log_request(exchange: Exchange) -> None:
    """Log method, path, status, duration and principal of an HTTP request when it ends."""
    if log.isEnabledFor(logging.INFO):
        extra = {
            "method": exchange.scope["method"],
            "path": exchange.scope["path"],
            "status": exchange.status,
            "seconds": round(exchange.seconds, 4),
        }
        principal = exchange.scope.get("state", {}).get("caller")
        if principal:
            extra["principal"] = principal.id
        log.info("request", extra=extra)


def request_log() -> Feature:
    return Feature(name="request_log", hooks=[ExchangeHooks(end=log_request)])
