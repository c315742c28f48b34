"""Whether HAProxy is in front of the replicas, in place of a proxy written in Python."""

import os


def haproxy_is_in_front() -> bool:
    """Whether Ray Serve has HAProxy pass requests on, as `deploy/serve.env` says."""
    return os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1"
