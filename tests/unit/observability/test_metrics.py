"""What Prometheus reads."""

from collections.abc import Iterator

import pytest

from anymq.observability import metrics
from anymq.observability.metrics import Histogram, Metric, Registry, Sample, counter

REQUESTS = Metric("test_requests_total", "Requests.", "counter", ("api", "client"))
READY = Metric("test_ready", "Readiness.", "gauge", ())
SECONDS = Metric("test_seconds", "Time.", "histogram", ())


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    for metric in (REQUESTS, READY, SECONDS):
        monkeypatch.setitem(metrics.DECLARED, metric.name, metric)


def lines_of(registry: Registry) -> list[str]:
    return b"".join(registry.exposition()).decode().splitlines()


def test_a_number_is_read_when_somebody_asks() -> None:
    registry, count = Registry(), [1]
    registry.read(REQUESTS, lambda: [("Fetch", "a", count[0])])
    assert lines_of(registry)[2:] == ['test_requests_total{api="Fetch",client="a"} 1']

    count[0] += 41

    assert lines_of(registry) == [
        "# HELP test_requests_total Requests.",
        "# TYPE test_requests_total counter",
        'test_requests_total{api="Fetch",client="a"} 42',
    ]


def test_several_may_count_the_same_thing() -> None:
    registry = Registry()
    registry.read(REQUESTS, lambda: [("Fetch", "a", 1)])
    registry.read(REQUESTS, lambda: [("Fetch", "b", 2)])

    assert len(lines_of(registry)) == 4


def test_names_of_clients_cannot_break_the_format() -> None:
    registry = Registry()
    registry.read(REQUESTS, lambda: [("a", 'x"} 1\n\\', 1)])

    assert lines_of(registry)[2:] == ['test_requests_total{api="a",client="x\\"} 1\\n\\\\"} 1']


def test_a_histogram_counts_what_is_at_or_below_each_bound() -> None:
    registry, seconds = Registry(), Histogram((0.5, 1))
    registry.read(SECONDS, lambda: [(seconds,)])
    for value in (0.25, 0.5, 0.75, 2):
        seconds.observe(value)

    assert lines_of(registry)[2:] == [
        'test_seconds_bucket{le="0.5"} 2',
        'test_seconds_bucket{le="1"} 3',
        'test_seconds_bucket{le="+Inf"} 4',
        "test_seconds_sum 3.5",
        "test_seconds_count 4",
    ]


def test_one_broken_number_does_not_hide_the_others() -> None:
    def broken() -> Iterator[Sample]:
        raise RuntimeError

    registry = Registry()
    registry.read(REQUESTS, broken)
    registry.read_number(READY, lambda: 1)

    assert lines_of(registry)[-1] == "test_ready 1"


def test_a_metric_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SAMPLES_MAX", 10)
    registry = Registry()
    registry.read(REQUESTS, lambda: [("a", number, 1) for number in range(100)])

    assert len(lines_of(registry)) == 2 + 10


def test_a_name_is_declared_once() -> None:
    with pytest.raises(AssertionError, match="twice"):
        counter(REQUESTS.name, "Again.")
