"""What listens beside the service is what the launcher says, or listens on loopback."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest

from servekit.commands.launcher.environment import keep_to_loopback
from servekit.commands.stopping import descendants
from servekit.testing.cluster import Cluster

LISTENS = "0A"

REPLACED_S = 20
"""HAProxy is replaced when replicas come or go, as in the tests before."""


class Listener(NamedTuple):
    port: int
    program: str


def sockets_of(pid: int) -> Iterator[str]:
    """The inodes of a process's sockets."""
    with suppress(OSError):
        for opened in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(opened.readlink())):
                    yield found[1]


def is_loopback(address: str) -> bool:
    """Whether an address of /proc/net/tcp, in words of 32 bits of this machine, is loopback."""
    words = [address[start : start + 8] for start in range(0, len(address), 8)]
    found = ip_address(b"".join(bytes.fromhex(word)[::-1] for word in words))
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def listeners() -> set[Listener]:
    """What the processes below this one listen on for other machines."""
    owners = {
        inode: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        for pid in descendants()
        for inode in sockets_of(pid)
    }
    found: set[Listener] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            address, port = local.split(":")
            if state == LISTENS and inode in owners and not is_loopback(address):
                found.add(Listener(int(port, 16), owners[inode]))
    return found


def said_by(cluster: Cluster) -> list[range]:
    """The ports that the launcher says others can reach."""
    [said] = re.findall(r"Reachable from other machines: (.*)", cluster.log.read_text())
    grpc = re.findall(r"Serving gRPC on port (\d+) of every", cluster.log.read_text())
    numbers = re.findall(r"(\d+)(?: to (\d+))?", " ".join([said, *grpc]))
    return [range(int(first), int(last or first) + 1) for first, last in numbers]


@pytest.mark.serve
def test_others_reach_what_the_launcher_says_and_nothing_else(cluster: Cluster) -> None:
    said = said_by(cluster)
    single = {ports[0] for ports in said if len(ports) == 1}
    found = listeners()
    until = time.monotonic() + REPLACED_S
    while not single <= {one.port for one in found} and time.monotonic() < until:
        time.sleep(0.5)
        found = listeners()
    unsaid = [one for one in found if not any(one.port in ports for ports in said)]
    # Ray Serve lets the system choose the ports of calls between replicas.
    assert [one for one in unsaid if not one.program.startswith("ray::ServeReplica")] == []
    assert single <= {one.port for one in found}


@pytest.mark.parametrize(
    ("host", "there"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False)],
)
def test_ray_listens_where_the_service_does(host: str, there: bool) -> None:
    environment: dict[str, str] = {}
    keep_to_loopback(host, environment)
    assert bool(environment) is there
