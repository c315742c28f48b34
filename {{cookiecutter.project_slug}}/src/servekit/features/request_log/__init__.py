"""Logs one line per request, and one per WebSocket when it is closed. Always on."""

import logging

from servekit.api import Feature
from servekit.api.client_address import address_of
from servekit.api.exchange import Exchange, ExchangeHooks

log = logging.getLogger(__name__)


def log_request(exchange: Exchange) -> None:
    """Log method, path, status, duration, principal and address."""
    if log.isEnabledFor(logging.INFO):
        scope = exchange.scope
        extra = {
            "method": scope.get("method", "WebSocket"),
            "path": scope["path"],
            "status": exchange.status,
            "seconds": round(exchange.seconds, 4),
            "address": address_of(scope, exchange.app.state.settings.trusted_hops),
        }
        principal = scope.get("state", {}).get("caller")
        if principal:
            extra["principal"] = principal.id
        log.info("request", extra=extra)


def request_log() -> Feature:
    hooks = ExchangeHooks(end=log_request, closed=log_request)
    return Feature(name="request_log", hooks=[hooks])
