"""Locust, from the first connection to the last answer."""

import logging
from collections.abc import Iterable
from typing import Any

import gevent
from gevent.event import Event
from locust import User
from locust.env import Environment

from . import scenario
from .measurements import Measurements

WARM_UP_S = 2


def run(url: str, connections: int, seconds: int, stops: Iterable[int]) -> Measurements:
    """What was measured until the time was up, or one of the signals `stops` came."""
    logging.disable()  # the report says what matters, once
    measured = Measurements()
    stopped = Event()
    for number in stops:
        gevent.signal_handler(number, stopped.set)

    environment = Environment(user_classes=users(), host=url)
    listen(environment, measured)
    runner = environment.create_local_runner()
    runner.start(connections, spawn_rate=connections)
    try:
        if not stopped.wait(min(WARM_UP_S, seconds)):
            measured.begin()
            stopped.wait(seconds)
            measured.end()
    finally:
        runner.quit()
    return measured


def users() -> list[type[User]]:
    """The kinds of users that the scenario has."""
    found = [one for one in vars(scenario).values() if isinstance(one, type)]
    return [one for one in found if issubclass(one, User) and not one.abstract]


def listen(environment: Environment, measured: Measurements) -> None:
    def on_request(name: str, response_time: float, exception: Exception | None, **_: Any) -> None:
        measured.add(response_time, exception and f"{name}: {exception}")

    def on_error(exception: Exception, **_: Any) -> None:
        # The scenario itself failed, for instance over an answer that is no JSON.
        measured.add(0, f"{type(exception).__name__}: {exception}")

    environment.events.request.add_listener(on_request)
    environment.events.user_error.add_listener(on_error)
