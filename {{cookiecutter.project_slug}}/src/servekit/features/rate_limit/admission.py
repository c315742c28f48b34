"""Counts requests: by address before the guards, by principal after them."""

import math
from functools import partial
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servekit.api.access import Group, GuardedApi
from servekit.api.client_address import address_of, site_of
from servekit.api.errors import ProblemError, problem, problem_response
from servekit.api.principal import ANONYMOUS, Principal
from servekit.api.quota import STATE as QUOTA
from servekit.contracts import Meter

from .gcra import Limiter
from .limits import Limit, Verdict, limit_of
from .settings import RateLimitSettings

VERDICT = "rate_limit"
GROUP = "rate_limit_group"
TELLS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}
BEGINS = {*TELLS, "websocket.close"}
"""A socket that is closed before it was accepted is a response too, without headers."""


class Admission:
    """Counts each request once, by principal where there is one."""

    meter: Meter

    def __init__(self, settings: RateLimitSettings, limiter: Limiter, trusted_hops: int) -> None:
        self._limits = {
            Group.MODELS: limit_of(settings.models),
            Group.SIGN_IN: limit_of(settings.sign_in),
        }
        self._trusted_hops = trusted_hops
        self._limiter = limiter

    def limit_for(self, group: Group) -> Limit | None:
        """Return the limit of a group; None for no limit."""
        return self._limits.get(group)

    async def count_address(self, scope: Scope, group: Group, limit: Limit) -> Verdict:
        address = site_of(address_of(scope, self._trusted_hops))
        return await self._count(scope, group, f"address:{address}", limit)

    async def count_authenticated(self, scope: Scope, group: Group, limit: Limit) -> Verdict:
        """Count by principal if the request is authenticated, else by address."""
        caller: Principal = scope["state"].get("caller", ANONYMOUS)
        if caller.id == ANONYMOUS.id:
            return await self.count_address(scope, group, limit)
        return await self._count(scope, group, f"caller:{caller.id}", limit)

    async def limit_by_principal(self, connection: HTTPConnection) -> None:
        """Runs before each model route, after the guards that authenticate."""
        scope = connection.scope
        if VERDICT in scope["state"]:
            return
        group = scope["state"][GROUP]
        limit = self.limit_for(group)
        if limit is None:
            return
        verdict = await self.count_authenticated(scope, group, limit)
        if not verdict.passes:
            raise ProblemError(429, detail(verdict))

    async def _count(self, scope: Scope, group: Group, caller: str, limit: Limit) -> Verdict:
        verdict = await self._hit(group, caller, limit)
        scope["state"][VERDICT] = verdict
        if scope["type"] == "websocket":
            scope["state"][QUOTA] = partial(self._once_more, group, caller, limit)
        return verdict

    async def _once_more(self, group: Group, caller: str, limit: Limit) -> None:
        verdict = await self._hit(group, caller, limit)
        if not verdict.passes:
            raise ProblemError(429, detail(verdict))

    async def _hit(self, group: Group, caller: str, limit: Limit) -> Verdict:
        verdict = await self._limiter.hit(f"{group}:{caller}", limit)
        if not verdict.passes:
            self.meter.count("rate_limit_refused_total", group=group)
        return verdict


def detail(verdict: Verdict) -> str:
    return f"Too many requests: the next is possible in {math.ceil(verdict.wait_s)} s."


def refusal(verdict: Verdict) -> Response:
    headers = {name.decode(): value.decode() for name, value in verdict.headers()}
    return problem_response(problem(429, detail(verdict)), headers)


class LimitByAddress:
    """Refuses anonymous callers, before anything is read or checked.

    It also adds the remaining requests to every response.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self.app = app
        self.admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        api: GuardedApi = scope["app"]
        # Kept for the guard: a mounted application sees another path.
        group = scope["state"][GROUP] = api.group_of(scope)
        limit = self.admission.limit_for(group)
        if limit is None:
            await self.app(scope, receive, send)
            return

        # Callers with credentials are counted once the guards have authenticated them.
        nameless = api.credentials.isdisjoint(name for name, _ in scope["headers"])
        if nameless or group is Group.SIGN_IN:
            verdict = await self.admission.count_address(scope, group, limit)
            if not verdict.passes:
                await refusal(verdict)(scope, receive, send)
                return
        await self.app(scope, receive, self._telling(scope, receive, send, group, limit))

    def _telling(
        self, scope: Scope, receive: Receive, send: Send, group: Group, limit: Limit
    ) -> Send:
        """Add the remaining requests to the response, or replace it by a 429."""
        state: dict[str, Any] = scope["state"]
        replaced = False

        async def tell(message: Message) -> None:
            nonlocal replaced
            if replaced:
                return
            if message["type"] in BEGINS:
                verdict: Verdict | None = state.get(VERDICT)
                if verdict is None:
                    # It had credentials, and ended before a guard has counted it.
                    verdict = await self.admission.count_authenticated(scope, group, limit)
                    if not verdict.passes:
                        replaced = True
                        await refusal(verdict)(scope, receive, send)
                        return
                if message["type"] in TELLS:
                    message["headers"] = [*message.get("headers", []), *verdict.headers()]
            await send(message)

        return tell
