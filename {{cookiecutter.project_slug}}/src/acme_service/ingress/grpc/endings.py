"""How a stream ends that is not OK."""

from traceback import walk_stack

STRAIGHT = "_direct_ingress_grpc_streaming_response"
"""What Ray Serve calls its function for a call that no proxy in Python has passed on."""


class StreamFailedError(Exception):
    """Makes Ray Serve look at the code and the details that the context has."""


def end_stream() -> None:
    """To be called once the context has a code, with nothing more to be sent.

    A proxy in Python hears of the code with the next message, or else by an error. HAProxy has
    one too, for the moments in which it knows of no replica. Where a replica took the call itself,
    an error would cost a traceback in the log and the metadata. Nothing in a call tells whether
    it did but who waits for it; where that is not known, the code counts for more.
    """
    if all(frame.f_code.co_name != STRAIGHT for frame, _ in walk_stack(None)):
        raise StreamFailedError
