"""How a stream ends that is not OK."""

import os


class StreamFailedError(Exception):
    """Makes Ray Serve look at the code and the details that the context has."""


def end_stream() -> None:
    """To be called once the context has a code, with nothing more to be sent.

    Serve's Python proxy hears of the code with the next message, or else by an error. In a replica
    that is called straight away, an error would cost a traceback in the log and the metadata.
    """
    straight = ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_ENABLE_DIRECT_INGRESS")
    if "1" not in {os.environ.get(name) for name in straight}:
        raise StreamFailedError
