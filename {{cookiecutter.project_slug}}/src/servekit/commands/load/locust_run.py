"""Locust, from the first connection to the last answer."""

# Locust is there only where `make load` has been run.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

import json
import logging
from collections.abc import Iterable
from itertools import count, cycle
from time import perf_counter
from typing import Any, NamedTuple

import gevent
from gevent.event import Event
from locust import FastHttpUser, User, task
from locust.env import Environment

from servekit.registry.golden import as_answered, matches

from .measurements import Measurements
from .questions import ANYTHING, Question, Service, Target
from .retries import pause_s

WARM_UP_S = 2
SHOWN = 60
"""Characters of an item or an answer that the report shows."""


RETRIED, EARLIER_MS = "retried", "earlier_ms"
"""What Locust is told of an attempt: another one follows, and how long the earlier ones took."""


class Pace(NamedTuple):
    """How many ask at the same time, for how long, and how often a request is sent again."""

    connections: int
    seconds: int
    retries: int


def run(service: Service, target: Target, pace: Pace, stops: Iterable[int]) -> Measurements:
    """What was measured until the time was up, or one of the signals `stops` came."""
    logging.disable()  # the report says what matters, once
    measured = Measurements()
    stopped = Event()
    for number in stops:
        gevent.signal_handler(number, stopped.set)

    environment = Environment(
        user_classes=[caller(service, target, pace.retries)], host=service.url
    )
    listen(environment, measured)
    runner = environment.create_local_runner()
    runner.start(pace.connections, spawn_rate=pace.connections)
    try:
        if not stopped.wait(min(WARM_UP_S, pace.seconds)):
            measured.begin()
            stopped.wait(pace.seconds)
            measured.end()
    finally:
        runner.quit()
    return measured


def caller(service: Service, target: Target, retries: int) -> type[User]:
    """A kind of user that asks the questions of the target, over and over."""
    questions = cycle((one, json.dumps(one.item)) for one in target.questions)
    # It is the model that is measured: nothing on the way may answer for it.
    headers = {"Content-Type": "application/json", "Cache-Control": "no-cache", **service.headers}

    class Caller(FastHttpUser):
        """One connection: asks, waits for the answer, asks again at once."""

        # Seconds. What takes longer has failed.
        connection_timeout = 10.0
        network_timeout = 10.0

        @task
        def ask(self) -> None:
            question, body = next(questions)
            began = perf_counter()
            for attempt in count():
                said = {EARLIER_MS: (perf_counter() - began) * 1000}
                asking = self.client.post(
                    target.path, data=body, headers=headers, catch_response=True, context=said
                )
                pause = pause_after(asking, attempt) if attempt < retries else None
                asking.request_meta["context"][RETRIED] = pause is not None
                with asking as answer:
                    # No answer, and statuses from 400 on, are failures by themselves.
                    if 0 < answer.status_code < 400 and (wrong := fault(question, answer)):
                        answer.failure(wrong)
                if pause is None:
                    return
                gevent.sleep(pause)

    return Caller


def pause_after(answer: Any, attempt: int) -> float | None:
    """How long to wait before the request is sent again; None if it is not."""
    if isinstance(getattr(answer, "error", None), TimeoutError):
        return None  # a service that is too slow would get more to do
    headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
    return pause_s(attempt, answer.status_code, headers)


def fault(question: Question, answer: Any) -> str:
    """What is wrong with an answer that was not refused; empty if nothing is."""
    if answer.status_code != 200:
        return f"the status is {answer.status_code}, not 200"
    found = answer.json()
    value = as_answered(question.contract, found) if question.contract else found
    if question.expected is ANYTHING or matches(question.expected, value):
        return ""
    return f"{short(question.item)} gives {short(found)}, not {short(question.expected)}"


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def listen(environment: Environment, measured: Measurements) -> None:
    def on_request(
        name: str,
        response_time: float,
        exception: Exception | None,
        context: dict[str, Any],
        **_: Any,
    ) -> None:
        failure = exception and f"{name}: {exception}"
        if failure and context[RETRIED]:
            measured.add_retried(failure)
        else:
            measured.add(context[EARLIER_MS] + response_time, failure)

    def on_error(exception: Exception, **_: Any) -> None:
        # The check of an answer itself failed, for instance over one that is no JSON.
        measured.add(0, f"{type(exception).__name__}: {exception}")

    environment.events.request.add_listener(on_request)
    environment.events.user_error.add_listener(on_error)
