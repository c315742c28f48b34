"""What is counted, compared and reported. Needs no Locust."""

from xml.etree import ElementTree

import pytest

from servekit.commands.load.measurements import Measurements, percentile
from servekit.commands.load.plot import plot
from servekit.commands.load.questions import schema_examples
from servekit.commands.load.report import report


def measured(*took_ms: float, failures: int = 0) -> Measurements:
    """What a load test of two seconds saw."""
    measurements = Measurements()
    measurements.begin()
    for took in took_ms:
        measurements.add(took, None)
    for _ in range(failures):
        measurements.add(1, "/v1/detect: <the answer> is wrong")
    measurements.end()
    measurements.seconds, measurements.cpu = 2.0, 0.1
    return measurements


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert percentile(range(1, 101), percent) == expected


def test_a_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 99) == 0


def test_neither_the_warm_up_nor_what_comes_late_counts() -> None:
    measurements = Measurements()
    measurements.add(900, None)
    measurements.begin()
    measurements.add(5, None)
    measurements.end()
    measurements.add(900, "late")
    assert measurements.took_ms() == [5]
    assert measurements.requests == 1


def test_a_failure_is_no_answer() -> None:
    measurements = measured(4, 8, failures=3)
    assert measurements.requests == 5
    assert measurements.took_ms() == [4, 8]


def test_every_answer_is_in_one_slice() -> None:
    slices = measured(4, 8, 6).slices()
    assert [one.took_ms for one in slices] == [[4, 6, 8], []]
    assert [one.rate for one in slices] == [3, 0]


def test_the_report_says_what_failed_and_how_often() -> None:
    said = report(measured(4, 8, failures=3))
    assert "5 in 2.0 s, 3 failed" in said
    assert "1.0 right answers a second" in said
    assert "p50 4.0   p90 8.0   p99 8.0   max 8.0" in said
    assert "3 × /v1/detect: <the answer> is wrong" in said


def test_the_report_says_what_was_sent_again_and_after_what() -> None:
    measurements = measured(4, 8)
    assert "again" not in report(measurements)
    measurements.retried["/v1/detect: 503"] = 2
    said = report(measurements)
    assert "2 in 2.0 s, 0 failed" in said
    assert "Requests were sent again 2 times, after:\n\n  2 × /v1/detect: 503" in said


def test_a_report_without_a_right_answer_has_no_latencies() -> None:
    assert "latency" not in report(measured(failures=2))


def test_a_load_test_that_was_too_busy_itself_says_so() -> None:
    measurements = measured(4)
    assert "of a core" not in report(measurements)
    measurements.cpu = 0.97
    assert "97% of a core" in report(measurements)


@pytest.mark.parametrize("took_ms", [(), (4, 8)], ids=["no answers", "some answers"])
def test_the_plot_is_one_file_that_needs_nothing_else(took_ms: tuple[float, ...]) -> None:
    drawn = plot(measured(*took_ms, failures=1), "http://127.0.0.1:8000?a&b")
    assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert "href" not in drawn


def test_items_are_made_from_the_examples_of_a_schema() -> None:
    properties = {"a": {"examples": [1, 2]}, "b": {"examples": ["x"]}, "c": {}}
    whole = [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert [*schema_examples({"properties": properties})] == whole
    assert [*schema_examples({"properties": properties, "required": ["c"]})] == []
    assert [*schema_examples({"properties": properties, "examples": [0]})] == [0]
    assert [*schema_examples({"type": "integer"})] == []
