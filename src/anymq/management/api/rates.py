"""Rates: how fast numbers grow, and how they were. Nothing is counted twice."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from anymq.core.clock import Clock
from anymq.management.history import Series, Span

LEAST_SECONDS = 1.0  # between two looks that make a rate


class _Seen:
    """The numbers at the last look, and what they told."""

    __slots__ = ("at", "numbers", "rates")

    def __init__(self, at: float, numbers: Mapping[str, float], rates: dict[str, float]) -> None:
        self.at = at
        self.numbers = numbers
        self.rates = rates


class Rates:
    """Of everything that is looked at: between this look and the one before.

    The page and other tools ask every few seconds. The first look tells what the history knows.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: WeakKeyDictionary[Any, dict[str, _Seen]] = WeakKeyDictionary()

    def with_rates(
        self,
        of: Any,
        numbers: Mapping[str, float],
        series: Series | None = None,
        span: Span | None = None,
    ) -> dict[str, Any]:
        """Return the numbers of a thing with `…_details` for each, as RabbitMQ says rates.

        With `span`, they have the samples that the series has.
        """
        rates = self._look(of, numbers, series)
        said: dict[str, Any] = {}
        for key, each in numbers.items():
            said[key] = each
            details = said[key + "_details"] = {"rate": round(rates[key], 2)}
            if span is not None and series is not None and key in series.names:
                details |= _told(series, key, span, self._clock.wall_ms())
        return said

    def _look(
        self, of: Any, numbers: Mapping[str, float], series: Series | None
    ) -> Mapping[str, float]:
        now = self._clock.monotonic()
        group = next(iter(numbers))  # a thing may have several groups of numbers
        of_thing = self._seen.get(of)
        if of_thing is None:
            of_thing = self._seen[of] = {}
        seen = of_thing.get(group)
        if seen is None:
            first = {key: _rate_of(series, key) for key in numbers}
            of_thing[group] = _Seen(now, dict(numbers), first)
            return first
        passed = now - seen.at
        if passed >= LEAST_SECONDS:
            before = seen.numbers
            rates = {key: (each - before.get(key, each)) / passed for key, each in numbers.items()}
            seen.at, seen.numbers, seen.rates = now, dict(numbers), rates
        return {key: seen.rates.get(key, 0.0) for key in numbers}


def _rate_of(series: Series | None, key: str) -> float:
    return series.rate(key) if series is not None and key in series.names else 0.0


def _told(series: Series, key: str, span: Span, now_ms: int) -> dict[str, Any]:
    """Return samples as RabbitMQ lists them, and what they are on the average."""
    samples = series.samples(key, span, now_ms)
    said: dict[str, Any] = {
        "samples": [{"sample": _plain(number), "timestamp": at} for at, number in samples]
    }
    if samples:
        (last_ms, last), (first_ms, first) = samples[0], samples[-1]
        passed = (last_ms - first_ms) / 1000
        said["avg"] = round(sum(number for _, number in samples) / len(samples), 2)
        said["avg_rate"] = round((last - first) / passed, 2) if passed else 0.0
    return said


def _plain(number: float) -> float:
    return int(number) if number.is_integer() else round(number, 3)
