"""Metrics: declared once, counted as plain integers, read only when somebody asks.

    REQUESTS = counter("anymq_requests_total", "Requests answered.", "protocol", "api")
    registry.read(REQUESTS, lambda: [("kafka", "Produce", session.requests)])

Whoever counts adds to an attribute of its own; the registry looks at it when /metrics is read. So
a metric costs the hot path one addition, and nothing has to be told that a topic was deleted.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal

from anymq.observability.log import Log

log = Log(__name__)

Number = int | float
# The values of the labels, in the order they were declared, then the number or the histogram.
Sample = tuple[object, ...]
Source = Callable[[], Iterable[Sample]]

SAMPLES_MAX = 50_000  # of one metric: who has more topics than this looks at them otherwise
LINES_PER_PIECE = 500  # a few milliseconds

# From the time a page cache takes to what nobody waits for.
SECONDS_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured."""

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]


DECLARED: dict[str, Metric] = {}


def counter(name: str, help: str, *labels: str) -> Metric:
    """Declare what only grows. By convention the name ends in `_total`."""
    assert name.endswith("_total")
    return _declare(Metric(name, help, "counter", labels))


def gauge(name: str, help: str, *labels: str) -> Metric:
    """Declare what goes up and down."""
    return _declare(Metric(name, help, "gauge", labels))


def histogram(name: str, help: str, *labels: str) -> Metric:
    """Declare how something is spread: its samples are `Histogram`s."""
    return _declare(Metric(name, help, "histogram", labels))


class Histogram:
    """How often a value fell where; plain integers, like every other count."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS_BUCKETS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last: above every bound
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Registry:
    """Where the numbers of one server come from."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[Metric, list[Source]]] = {}

    def read(self, metric: Metric, source: Source) -> None:
        """Ask `source` for samples of `metric` whenever metrics are read. There may be several."""
        self._sources.setdefault(metric.name, (metric, []))[1].append(source)

    def read_number(self, metric: Metric, number: Callable[[], Number]) -> None:
        """Ask for the one number of a metric that has no labels."""
        self.read(metric, lambda: [(number(),)])

    def exposition(self, lines_max: int | None = None) -> Iterator[bytes]:
        """Write everything as Prometheus reads it (text format 0.0.4), piece by piece."""
        lines: Iterator[str] = chain.from_iterable(
            _lines_of(metric, sources) for metric, sources in self._sources.values()
        )
        lines = islice(lines, lines_max)
        while piece := list(islice(lines, LINES_PER_PIECE)):
            yield ("\n".join(piece) + "\n").encode()


def _declare(metric: Metric) -> Metric:
    assert metric.name not in DECLARED, f"{metric.name} is declared twice"
    DECLARED[metric.name] = metric
    return metric


def _lines_of(metric: Metric, sources: Iterable[Source]) -> Iterator[str]:
    yield f"# HELP {metric.name} {_escape_help(metric.help)}"
    yield f"# TYPE {metric.name} {metric.kind}"
    line, left = _line(metric), SAMPLES_MAX
    for sample in _samples(metric, sources):
        left -= 1
        if left < 0:
            log.warning("too many samples, the rest is left out", metric=metric.name)
            return
        if isinstance(number := sample[-1], Histogram):
            labels = ",".join(map(_label, metric.labels, sample))
            yield from _histogram_lines(metric.name, labels, number)
        else:
            yield line % tuple(map(_escaped, sample))


def _samples(metric: Metric, sources: Iterable[Source]) -> Iterator[Sample]:
    for source in sources:
        try:
            yield from source()
        except Exception:
            # One broken number must not hide all others from who looks for the trouble.
            log.exception("metric cannot be read", metric=metric.name)


def _histogram_lines(name: str, labels: str, histogram: Histogram) -> Iterator[str]:
    before = f"{labels}," if labels else ""
    total = 0
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        total += count
        yield f'{name}_bucket{{{before}le="{bound}"}} {total}'
    yield f"{name}_sum{_braced(labels)} {histogram.sum}"
    yield f"{name}_count{_braced(labels)} {total}"


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _line(metric: Metric) -> str:
    """Return a line of this metric with `%s` for each value: ten thousand are made from it."""
    return metric.name + _braced(",".join(f'{name}="%s"' for name in metric.labels)) + " %s"


def _label(name: str, value: object) -> str:
    return f'{name}="{_escaped(value)}"'


def _escaped(value: object) -> object:
    if not isinstance(value, str):
        return value
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
