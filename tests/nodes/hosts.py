"""Hosts made of network namespaces, joined by a bridge.

Linux's own namespaces, not containers: there is no daemon to need, and no image to build.

All of it happens inside namespaces that `tests/test_nodes.py` has made. They end with the process
that runs the tests, and with them all that is made here.
"""

import ctypes
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from servekit.commands.stopping import descendants

from scripts.export import ROOT

SUBNET = "10.77.0"
TESTS = f"{SUBNET}.1"
"""The address of the tests themselves, on the bridge."""

NAMES = {"head": f"{SUBNET}.2", "w1": f"{SUBNET}.3", "w2": f"{SUBNET}.4"}

PREPARE = """
hostname "$name"
mount --bind "$hosts" /etc/hosts
mount -t tmpfs -o size=1g tmpfs /dev/shm
mount --bind "$project" /srv
mount -o remount,bind,ro /srv
# Ray's and HAProxy's files are in /tmp, so each host has one of its own; a repository that is below
# /tmp stays where it is.
mount -t tmpfs tmpfs /mnt
case $root/ in /tmp/*) mkdir -p "/mnt${root#/tmp}"; mount --bind "$root" "/mnt${root#/tmp}";; esac
mount --rbind /mnt /tmp
cd /srv
exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all bash -c "$command"
"""
"""Run as root of a host, before its command is, which has no privilege left."""

NEW_NAMESPACES = ["--mount", "--pid", "--uts", "--ipc", "--mount-proc", "--fork"]
CLONE_NEWNET = 0x40000000
"""What setns(2) calls a network; Python says so from 3.12 on."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=10)


def enter_network(name: str) -> None:
    """Move this thread into the network of a host, as a kubelet is on the host of its pods."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", name).open("rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"Cannot enter the network of {name}")


def make_network() -> None:
    """Make a bridge, and one network namespace a host that is plugged into it."""
    ip("link", "add", "br0", "type", "bridge")
    ip("address", "add", f"{TESTS}/24", "dev", "br0")
    ip("link", "set", "br0", "up")
    for name, address in NAMES.items():
        ip("netns", "add", name)
        ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"to-{name}", "master", "br0", "up")
        ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", "eth0", "up")


class Host:
    """A host with a network, processes, /tmp and shared memory of its own, and one command.

    The command has process id 1 there, as in a container: all others end with it.

    Args:
        name: One of `NAMES`.
        project: The folder that is /srv there, read-only.
        folder: For its log.
        environment: Of the command.
    """

    def __init__(
        self, name: str, project: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name, self.address = name, NAMES[name]
        self.log = folder / f"{name}.log"
        self._project = project
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._hosts = folder / "hosts"
        known = ["127.0.0.1 localhost", *(f"{ip} {host}" for host, ip in NAMES.items())]
        self._hosts.write_text("\n".join([*known, ""]), encoding="utf-8")

    def start(self, command: str) -> None:
        settings = {
            "name": self.name,
            "hosts": str(self._hosts),
            "project": str(self._project),
            "root": str(ROOT),
            "command": command,
        }
        given = [f"{key}={shlex.quote(value)}" for key, value in settings.items()]
        script = "\n".join([*given, PREPARE])
        namespaces = ["unshare", *NEW_NAMESPACES, "--kill-child=KILL"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *namespaces, "sh", "-euc", script],
                env={**self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def terminate(self) -> None:
        """Ask it to end, as the end of a pod begins."""
        self._signal(signal.SIGTERM)

    def kill(self) -> float:
        """End all of its processes at once; return when they were gone."""
        self._signal(signal.SIGKILL)
        self.wait(10)
        return time.monotonic()

    def wait(self, timeout_s: float) -> None:
        if self._process:
            self._process.wait(timeout_s)

    def cut(self) -> None:
        """From now on no packet reaches it, and none of its own leaves."""
        ip("link", "set", f"to-{self.name}", "down")

    def join(self) -> None:
        ip("link", "set", f"to-{self.name}", "up")

    def _signal(self, number: signal.Signals) -> None:
        if not (self._process and self.runs):
            return
        # Its first process is the one child of the program that made its namespaces.
        for pid in descendants(self._process.pid)[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
