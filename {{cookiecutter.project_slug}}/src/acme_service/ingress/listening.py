"""Which ports are free, found out before anything starts."""

import socket


def is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def refuse_taken_port(host: str, port: int) -> None:
    """Raise SystemExit, naming the port, when something listens on it already."""
    if not is_free(host, port):
        raise SystemExit(f"Port {port} is taken: stop what listens there, or choose another port.")


def free_port_near(port: int) -> int:
    """`port`, or the next one above it that is free on all interfaces."""
    return next(one for one in range(port, port + 1000) if is_free("", one))
