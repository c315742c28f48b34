"""The benchmarks refuse what cannot work, judge rightly, and the report says what was measured."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmarks import HOST, PORT, bench, report
from benchmarks.environments import MEASURED, answers, variables
from benchmarks.floors import Floor, ingress_memory, ratio, times
from benchmarks.loads import Outcome, percentile
from benchmarks.measure import Measurement, Visit
from benchmarks.results import Results, throughput
from scripts.export import ROOT

from . import environment
from .conftest import Render


def measured(load: str, per_second: float, failed: int = 0) -> Measurement:
    requests = round(per_second * 10)
    return Measurement(load, Outcome(requests, 10.0, failed, 0.001, 0.002), {"ingress": 5.0}, 1.0)


def results(**rates: list[float]) -> Results:
    """What so many requests a second, round by round, would have been measured as."""
    return Results(
        {"processor": "one"},
        [
            Visit(name, 1, number, 2.0, [measured("single-32", rate)], {})
            for name, rounds in rates.items()
            for number, rate in enumerate(rounds)
        ],
    )


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks"]
    variables = os.environ | environment
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "contender", ["batch_sizes", "batched", "cost", "documented", "idiomatic", "idle", "plain"]
)
def test_a_contender_fits_the_service_that_it_measures(
    contender: str, render: Callable[..., Render]
):
    """All but those that bring a framework, which only `make bench` installs."""
    project = render(composition=True).folder
    path = os.pathsep.join([str(project / "src"), str(ROOT)])
    done = environment.run(
        project, "python", "-c", f"import benchmarks.contenders.{contender}", PYTHONPATH=path
    )
    assert done.returncode == 0, environment.said(done)


def test_without_wrk_one_sentence_says_so(tmp_path: Path):
    done = run(PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "The benchmarks need wrk: install the package of that name.\n"


def test_a_taken_port_is_said(tmp_path: Path):
    wrk = tmp_path / "wrk"
    wrk.touch(mode=0o755)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, PORT))
        taken.listen()
        done = run(PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 1
    assert done.stderr == f"Port {PORT} is taken: stop what listens there, then start again.\n"


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch):
    class Little:
        available = 1024**3

    monkeypatch.setattr(bench.shutil, "which", lambda _: "/usr/bin/wrk")
    monkeypatch.setattr(bench, "PORT", 0)
    monkeypatch.setattr(psutil, "virtual_memory", Little)
    with pytest.raises(SystemExit, match=r"need 6 GiB of free memory; 1\.0 are there"):
        bench.refuse_what_cannot_work()


def test_what_is_measured_has_no_feature_that_peers_do_not_have():
    prompts = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    features = {name for name, default in prompts.items() if isinstance(default, bool)}
    assert {answer.partition("=")[0] for answer in answers(MEASURED)} == features
    assert {answer for answer in answers(MEASURED) if answer.endswith("=yes")} == {"websockets=yes"}


def test_a_contender_sees_no_setting_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    for name in ("BATCHER_MAX_IN_FLIGHT", "PROXY", "RAY_ADDRESS", "SOCKETS"):
        monkeypatch.setenv(name, "1")
        assert name not in variables()


def test_a_ratio_is_taken_round_by_round():
    floor = times("inline", "plain", 0.6)
    found = floor.value(results(inline=[100, 50, 70], plain=[100, 100, 100]))
    assert found
    assert (found.middle, found.least, found.most) == (0.7, 0.5, 1.0)
    assert floor.holds(found)


def test_a_median_under_its_floor_fails(capsys: pytest.CaptureFixture[str]):
    floor = times("inline", "plain", 0.6)
    slow = results(inline=[50, 50, 90], plain=[100, 100, 100])
    assert bench.say_verdicts(slow, [floor]) == 1
    assert capsys.readouterr().out.startswith("\nFAILS")


def test_a_ceiling_holds_from_below():
    floor = Floor("", ratio("inline", "plain", "single-32", throughput), 2, at_most=True)
    assert floor.holds(floor.value(results(inline=[150], plain=[100])))
    assert not floor.holds(floor.value(results(inline=[250], plain=[100])))


def test_what_was_not_measured_holds_nothing():
    floor = times("inline", "plain", 0.6)
    assert not floor.holds(floor.value(results(plain=[100])))


def test_memory_is_unknown_until_an_idle_worker_was_weighed():
    assert ingress_memory("separate")(results(separate=[100], plain=[100])) is None


def test_a_failed_request_disqualifies_its_measurement():
    found = results(inline=[100])
    found.visits[0].measurements[0] = measured("single-32", 100, failed=1)
    assert found.spread("inline", "single-32", throughput) is None
    assert found.disqualified() == ["inline, single-32, round 1: 1 of 1000 failed"]


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_value_that_was_seen(percent: int, value: int):
    assert percentile(range(100, 0, -1), percent) == value


def test_results_are_read_as_they_were_saved(tmp_path: Path):
    saved = results(inline=[100, 90], plain=[100, 100])
    saved.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == saved


def test_the_committed_report_says_what_was_measured():
    measured = Results.load(report.FOLDER / "results.json")
    assert report.text(measured) == (report.FOLDER / "report.md").read_text(encoding="utf-8")


def test_the_readme_says_what_was_measured():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = Results.load(report.FOLDER / "results.json")
    assert report.with_headline(readme, measured) == readme


def test_a_readme_without_a_place_for_numbers_is_refused():
    with pytest.raises(ValueError, match="must have the lines"):
        report.with_headline("# Title\n", results(inline=[100]))


def test_the_report_has_a_row_for_each_contender():
    text = report.text(results(inline=[100, 90, 110], idiomatic=[150, 150, 150]))
    assert "| ours, inline | **100** (90–110) | **1.0** (1.0–1.0) |" in text
    assert "| BentoML | – |" in text
    assert "| inline / idiomatic, requests/s | **0.67** (0.60–0.73) | at least 0.50 | yes |" in text
