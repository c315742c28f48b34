"""Requests while nodes drain, die, are cut off, and while builds and models change.

The tests follow each other on one cluster, under one load that never pauses; each leaves both
workers as it found them.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from .conftest import Recorded
from .load import CONNECT_S, GATEWAY_RATE, KEEP_ALIVE_CLIENTS, LOST, NO_CONNECTION
from .manifests import Manifests
from .ray_cluster import REFRESH_S, WORKERS, RayCluster

DRAINED, OTHER = "w2", "w1"
STEADY_S = 5
CUT_S = 20
TIMED_OUT = "504"
NOTICED_S = 2
"""After which nothing is sent any more over connections to a node that has vanished."""
WITHOUT_HEAD_S = 15
MOST_S = 5
"""The longest time that the other node may take from one answer to the next, with 50 requests a
second; a busy machine needs some of it."""


def test_both_workers_answer_and_the_head_wants_its_token(cluster: RayCluster, recorded: Recorded):
    with recorded("nothing happens") as done:
        time.sleep(STEADY_S)
    [step] = done
    assert not step.failed()
    answering = {one.nodes[0] for one in step.requests}
    assert answering == {*WORKERS}
    assert [cluster.answers_to(token) for token in ("", "0" * 64)] == [401, 403]


def test_a_promoted_version_reaches_both_workers_in_time(project: Path, recorded: Recorded):
    with recorded("a version is promoted") as done:
        promote(project, "2")
        promoted = time.monotonic()
        time.sleep(REFRESH_S + 2 + STEADY_S)
    [step] = done
    assert not step.failed()
    late = [one for one in step.requests if one.begun > promoted + REFRESH_S + 2]
    assert {one.nodes[-1] for one in late} == {*WORKERS}
    assert {one.version for one in late} == {"language:2"}
    assert "language:1" in {one.version for one in step.requests}


def promote(project: Path, version: str) -> None:
    """What `make promote` runs, on a machine that has the folder of the store."""
    package = next((project / "src").glob("*/app.py")).parent.name
    subprocess.run(
        [sys.executable, "-m", package, "promote", "--model", "language", version],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        check=True,
        timeout=60,
    )


def test_a_new_build_rolls_out_without_a_failure(cluster: RayCluster, recorded: Recorded):
    before = cluster.replicas()
    with recorded("a new build rolls out") as done:
        cluster.deploy(build="2")
        cluster.wait_until_settled(but=before)
    assert not done[0].failed()


def test_a_drained_worker_leaves_without_a_failure(
    cluster: RayCluster, values: Manifests, recorded: Recorded
):
    worker = cluster.hosts[DRAINED]
    with recorded("a worker drains", OTHER) as done:
        worker.terminate()
        worker.wait(values.grace_s)
        time.sleep(values.readiness.period_s)
    [step] = done
    assert not step.lost()
    assert not step.failed("gateway")
    # The proxy leaves with its idle connections, of which a client may not know yet.
    assert step.failed().keys() <= {LOST, NO_CONNECTION}
    assert step.failed().total() <= KEEP_ALIVE_CLIENTS
    assert step.longest_gap() < MOST_S
    with recorded("and is replaced") as done:
        cluster.start_workers(DRAINED)
        cluster.wait_until_settled()
    assert not done[0].failed()


def test_a_killed_worker_costs_at_most_what_it_was_answering(
    cluster: RayCluster, recorded: Recorded
):
    with recorded("a worker is killed", OTHER) as done:
        time.sleep(1)
        gone = cluster.hosts[DRAINED].kill()
        time.sleep(2 * STEADY_S)
    [step] = done
    assert not step.lost()
    assert step.longest_gap() < MOST_S
    # Nothing is sent to it any more, through neither proxy, once it is gone.
    assert [one for one in step.broken() if one.begun > gone] == []
    with recorded("and is replaced") as done:
        cluster.start_workers(DRAINED)
        cluster.wait_until_settled()
    assert not done[0].failed()


def test_a_worker_that_is_cut_off_comes_back(cluster: RayCluster, recorded: Recorded):
    worker = cluster.hosts[DRAINED]
    with recorded(f"a worker is cut off for {CUT_S} s", OTHER) as done:
        worker.cut()
        cut = time.monotonic()
        time.sleep(CUT_S)
        worker.join()
        # TCP doubles the pauses after which it tries again.
        time.sleep(CUT_S + 1)
    [step] = done
    # A call across the cut ends after BATCHER_TIMEOUT_S, with a 504 that is not repeated. Those
    # that waited for a connection get one at the end, and their calls may meet a connection
    # between the workers that TCP has not tried again yet.
    assert step.lost().keys() <= {TIMED_OUT}
    assert step.lost().total() <= GATEWAY_RATE * CONNECT_S
    others = [one for one in step.broken() if one.failures[0] != TIMED_OUT]
    noticed, healing = cut + NOTICED_S, cut + CUT_S - CONNECT_S
    assert [one for one in others if noticed < one.begun < healing] == []
    assert step.longest_gap() < MOST_S
    cluster.wait_until_settled()
    with recorded("and is back") as done:
        time.sleep(STEADY_S)
    assert not done[0].failed()


def test_the_head_dies_and_starts_again_and_no_request_fails(
    cluster: RayCluster, recorded: Recorded
):
    before = cluster.replicas()
    with recorded("the head is killed, and started again") as done:
        cluster.hosts["head"].kill()
        time.sleep(WITHOUT_HEAD_S)
        cluster.start_head()
        after = cluster.wait_until_settled()
    assert not done[0].failed()
    assert after == before, "Replicas were started again."
