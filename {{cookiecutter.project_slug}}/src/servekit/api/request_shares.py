"""Keeps one caller from taking all places that requests have in a replica."""

from starlette.requests import HTTPConnection

from servekit.contracts import TooManyRequestsError
from servekit.contracts.shares import Shares

from .exchange import Exchange, ExchangeHooks
from .feature import Feature
from .principal import caller_of


def request_shares(most: int) -> Feature:
    """Answer 429 to a request beyond so many of its caller that are under way.

    They are counted once the guards of other features have let them pass. Without a limit there is
    none of this: it costs each request some microseconds.

    Args:
        most: How many one caller may have at a time, in this process.
    """
    shares = Shares(most, "concurrent requests", TooManyRequestsError)
    # A key of its own: an API that is mounted in another one counts the same request again.
    held = f"servekit.request_share.{id(shares)}"

    async def take(connection: HTTPConnection) -> None:
        scope = connection.scope
        # WebSockets have a share of their own. An unknown caller has none: all would share it.
        if scope["type"] == "http" and (caller := caller_of(scope)):
            shares.take(caller)
            scope["state"][held] = caller

    def give_back(exchange: Exchange) -> None:
        if caller := exchange.scope["state"].pop(held, ""):
            shares.give_back(caller)

    return Feature(
        name="request_shares",
        guards=[take],
        refusals=[429],
        hooks=[ExchangeHooks(end=give_back)],
    )
