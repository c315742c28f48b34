"""The ids of requests, as they travel with a call to a replica of another deployment.

Ray Serve gives each call the id of the request that makes it. A batched call is made for several,
and for none by itself: it gets their ids together.
"""

import sys
from collections.abc import Sequence
from typing import Any

from servekit.contracts.request_id import current_request_ids, waiting_contexts

BETWEEN = "\n"
"""What no id of a request contains."""


def in_replica() -> bool:
    """Whether this process is a replica of Ray Serve, where nothing else sets up the log."""
    serve = sys.modules.get("ray.serve")
    try:
        return serve is not None and serve.get_replica_context() is not None
    except Exception:  # Serve's own, outside of a replica
        return False


def pass_request_ids() -> None:
    """Let the batched call that this context is of carry the ids of its requests."""
    serve: Any = sys.modules.get("ray.serve.context")
    if serve is not None and waiting_contexts.get():
        # It has no public way; where another release has another one, calls have ids of their own.
        set_context = getattr(serve, "_set_request_context", None)
        if set_context is not None:
            set_context(request_id=BETWEEN.join(current_request_ids()))


def replicas_request_ids() -> Sequence[str]:
    """Return the ids of the requests that a replica is answering, one for each item of a batch."""
    if own := current_request_ids():
        return own
    serve: Any = sys.modules.get("ray.serve.context")
    variable = getattr(serve, "_serve_request_context", None)
    context = variable.get() if variable is not None else None
    return context.request_id.split(BETWEEN) if context is not None else ()
