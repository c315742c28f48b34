"""The generic cell rate algorithm, in memory or over all replicas in Redis.

All that is kept of a caller is the moment from which on nothing is owed any more: one number, no
windows, and the time to wait is known exactly. A fixed window lets twice the limit pass at its
edge, and a log of requests costs memory for each of them.
"""

from time import monotonic
from typing import TYPE_CHECKING

from .limits import Limit, Verdict

if TYPE_CHECKING:
    from servekit.stores.redis import SharedRedis

MAX_CALLERS = 100_000
"""Beyond this many, the callers that were idle longest are forgotten, and start afresh."""

SWEEP_AT = 1024

# Redis' own clock, so that those of the replicas need not agree. In microseconds.
SCRIPT = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1]
local wait = free - now - ARGV[2]
if wait >= 1 then
    return {math.ceil(wait), free - ARGV[1] - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000))
return {0, free - now}
"""


class Limiter:
    """Counts in Redis where there is one and it answers, else in this process.

    prefix: of its keys in Redis, which other services may share.
    """

    def __init__(self, redis: "SharedRedis | None" = None, prefix: str = "rate_limit") -> None:
        self._prefix = prefix
        self._redis = redis
        self._memory = MemoryLimiter()

    async def hit(self, caller: str, limit: Limit) -> Verdict:
        """Count one request of a caller, unless it is one too many."""
        if self._redis:
            interval_us, seconds_us = limit.interval_s * 1e6, limit.seconds * 1_000_000
            key = f"{self._prefix}:{caller}:{limit.amount}/{limit.seconds}"
            reply = await self._redis.ask("EVAL", SCRIPT, 1, key, interval_us, seconds_us)
            if reply is not None:
                wait_us, full_us = reply
                return Verdict(limit, wait_us / 1e6, full_us / 1e6)
        return self._memory.hit(caller, limit)


class MemoryLimiter:
    """Counts in this process."""

    def __init__(self) -> None:
        self._free: dict[str, float] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        """How many callers owe anything, roughly."""
        return len(self._free)

    def hit(self, caller: str, limit: Limit) -> Verdict:
        now = monotonic()
        # Put back at the end, even if refused: the caller that was idle longest is forgotten first.
        free = max(self._free.pop(caller, now), now)
        owed_s = free - now
        wait_s = owed_s + limit.interval_s - limit.seconds
        # A microsecond is lost in adding up; it must not cost the last request that fits.
        if wait_s > 1e-6:
            self._free[caller] = free
            return Verdict(limit, wait_s, owed_s)
        owed_s += limit.interval_s
        self._free[caller] = now + owed_s
        if len(self._free) > self._sweep_at:
            self._sweep(now)
        return Verdict(limit, 0.0, owed_s)

    def _sweep(self, now: float) -> None:
        """Forget the callers that owe nothing any more."""
        owing = {caller: free for caller, free in self._free.items() if free > now}
        excess = len(owing) - MAX_CALLERS
        self._free = dict(list(owing.items())[excess:]) if excess > 0 else owing
        self._sweep_at = 2 * len(self._free) + SWEEP_AT
