"""The simplest application: a class that is called with a request, and no FastAPI around it.

It has none of what the service has: no limits, no problem details, no features, and no ports.
docs/how-to/many-applications.md says how it gets beside the service, at a route prefix of its own.
"""

from ray import serve
from starlette.requests import Request


class Words:
    """Counts the words of what is sent to it."""

    async def __call__(self, request: Request) -> dict[str, int]:
        body = await request.body()
        return {"words": len(body.split())}


app = serve.deployment(name="words")(Words).bind()
