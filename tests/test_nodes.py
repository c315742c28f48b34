"""The service on a head and two workers, each on a host made of Linux namespaces."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from scripts.export import ROOT

from .answers import LEAST
from .conftest import Render
from .environment import run, said

pytestmark = pytest.mark.serve

TABLE = ROOT / "build/nodes.md"
ANSWERS = LEAST | {"docker": True, "kubernetes": True}
# Its own `lo` is up, and /run is its own, where `ip` keeps the names of networks. Whatever becomes
# of the tests, all that they have made ends with this.
NAMESPACE = ["--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"]
INSIDE = 'mount -t tmpfs tmpfs /run; ip link set lo up; exec "$@"'


def in_namespaces(*command: str) -> list[str]:
    """The command, in namespaces in which it may make networks and mounts."""
    without_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["unshare", *without_root, *NAMESPACE, "sh", "-euc", INSIDE, "sh", *command]
    # They end, too, should pytest be killed.
    return ["setpriv", "--pdeathsig", "KILL", *unshare]


@pytest.fixture
def namespaces() -> None:
    """Skips where this machine lets no hosts be made of it."""
    for program in ("ip", "redis-server", "setpriv", "unshare"):
        if shutil.which(program) is None:
            reason = f"{program} is missing: `make programs` installs what tests start."
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    bridge = in_namespaces("ip", "link", "add", "br0", "type", "bridge")
    done = subprocess.run(bridge, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"Namespaces cannot be made here: {done.stderr}")


@pytest.mark.usefixtures("namespaces")
def test_requests_survive_what_happens_to_nodes(
    render_again: Callable[..., Render], capsys: pytest.CaptureFixture[str]
):
    project = render_again(**ANSWERS).folder
    TABLE.unlink(missing_ok=True)
    command = in_namespaces(sys.executable, "-m", "pytest", "-x", "tests/nodes")
    done = run(ROOT, "/usr/bin/env", *command, NODES_PROJECT=str(project), NODES_TABLE=str(TABLE))
    with capsys.disabled():
        print(f"\n{TABLE.read_text('utf-8')}" if TABLE.is_file() else "")
    assert done.returncode == 0, said(done)
