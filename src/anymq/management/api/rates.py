"""Rates: how fast numbers grow. Nothing is counted twice, and nothing while nobody looks."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from anymq.core.clock import Clock

LEAST_SECONDS = 1.0  # between two looks that make a rate


class _Seen:
    """The numbers at the last look, and what they told."""

    __slots__ = ("at", "numbers", "rates")

    def __init__(self, at: float, numbers: Mapping[str, float]) -> None:
        self.at = at
        self.numbers = numbers
        self.rates: dict[str, float] = dict.fromkeys(numbers, 0.0)


class Rates:
    """Of everything that is looked at: between this look and the one before.

    The page and other tools ask every few seconds; who asks once learns no rate, only the numbers.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: WeakKeyDictionary[Any, dict[str, _Seen]] = WeakKeyDictionary()

    def with_rates(self, of: Any, numbers: Mapping[str, float]) -> dict[str, Any]:
        """Return the numbers of a thing with `…_details` for each, as RabbitMQ says rates."""
        now = self._clock.monotonic()
        group = next(iter(numbers))  # a thing may have several groups of numbers
        of_thing = self._seen.setdefault(of, {})
        seen = of_thing.get(group)
        if seen is None:
            seen = of_thing[group] = _Seen(now, dict(numbers))
        elif now - seen.at >= LEAST_SECONDS:
            passed = now - seen.at
            rates = {key: (each - seen.numbers[key]) / passed for key, each in numbers.items()}
            seen.at, seen.numbers, seen.rates = now, dict(numbers), rates
        said: dict[str, Any] = {}
        for key, each in numbers.items():
            said[key] = each
            said[key + "_details"] = {"rate": round(seen.rates[key], 2)}
        return said
