"""A port that is taken is said before anything starts."""

import socket
import sys


def refuse_taken_port(host: str, port: int, then: str) -> None:
    """Exit with one sentence when something listens there already.

    then: what to do once it does not.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            sys.exit(f"Port {port} is taken: stop what listens there, then {then}.")
