"""Attempts: who guesses passwords has to wait, and those who know theirs hardly notice.

Each guess fills three buckets, that empty slowly: of the name from this address, of the address,
of the name. The full bucket of a name from everywhere does not shut out those who have logged in
from where they are before: else anybody could lock out anybody.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

WITHOUT_LIMIT = -1
REMEMBERED_MAX = 10_000  # of each kind
ADDRESS_FACTOR = 5  # how many names may be tried from one address
NAME_FACTOR = 10  # from how many addresses
TRUSTED_FACTOR = 10  # a good client and a bad one may share an address
TRUSTED_S = 24 * 3_600.0

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """How many guesses there may be."""

    failures_max: int = 10  # -1: without limit
    forgotten_after_s: float = 10.0  # each


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


@dataclass(slots=True)
class Tally:
    """How many came."""

    succeeded: int = 0
    failed: int = 0


class _Remembered(OrderedDict[Key, Value], Generic[Key, Value]):
    """What was touched longest ago is forgotten first."""

    def keep(self, key: Key, value: Value) -> Value:
        """Remember it as the newest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED_MAX:
            self.popitem(last=False)
        return value


class Attempts:
    """What was tried, over all protocols."""

    def __init__(
        self, now: Callable[[], float], limits: Callable[[], AttemptLimits] = AttemptLimits
    ) -> None:
        self.by_protocol: dict[str, Tally] = {}
        self.by_source: _Remembered[tuple[str, str, str], Tally] = _Remembered()
        self._now = now
        self._limits = limits
        self._buckets: _Remembered[tuple[str, str], _Bucket] = _Remembered()
        self._trusted: _Remembered[tuple[str, str], float] = _Remembered()

    def wait_s(self, name: str, host: str) -> float:
        """Return how long this name has to wait at this address; 0: it may try now."""
        limits = self._limits()
        if limits.failures_max == WITHOUT_LIMIT:
            return 0.0
        return max(
            self._over(key, factor, limits) for key, factor in self._asked(name, _network(host))
        )

    def charge(self, name: str, host: str) -> None:
        """A password is looked at that was not before."""
        now, limits = self._now(), self._limits()
        for key, factor in self._keys(name, _network(host)):
            level = self._level(key, factor, limits)
            self._buckets.keep(key, _Bucket(level + 1, now))

    def refund(self, name: str, host: str) -> None:
        """It was right."""
        for key, _ in self._keys(name, _network(host)):
            if (bucket := self._buckets.get(key)) is not None:
                bucket.level = max(0.0, bucket.level - 1)

    def count(self, protocol: str, name: str, host: str, *, right: bool) -> None:
        """Count it, for whoever looks; trust who was right."""
        if right:
            self._trusted.keep((name, _network(host)), self._now())
        source = (host, name, protocol)
        for tally in (
            self.by_protocol.setdefault(protocol, Tally()),
            self.by_source.keep(source, self.by_source.get(source) or Tally()),
        ):
            tally.succeeded += right
            tally.failed += not right

    def reset(self) -> None:
        """Count anew. Who has to wait still has to."""
        self.by_protocol.clear()
        self.by_source.clear()

    def _asked(self, name: str, network: str) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield the buckets that count for somebody, and how large they are."""
        since = self._trusted.get((name, network))
        trusted = since is not None and self._now() - since < TRUSTED_S
        (pair, _), address, anywhere = self._keys(name, network)
        yield pair, TRUSTED_FACTOR if trusted else 1
        if not trusted:
            yield address
            yield anywhere

    @staticmethod
    def _keys(name: str, network: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return (
            ((name, network), 1),
            (("", network), ADDRESS_FACTOR),
            ((name, ""), NAME_FACTOR),
        )

    def _level(self, key: tuple[str, str], factor: int, limits: AttemptLimits) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return 0.0
        gone = (self._now() - bucket.at) * factor / limits.forgotten_after_s
        return max(0.0, bucket.level - gone)

    def _over(self, key: tuple[str, str], factor: int, limits: AttemptLimits) -> float:
        """Return for how long this bucket is full."""
        over = self._level(key, factor, limits) - limits.failures_max * factor + 1
        return max(0.0, over * limits.forgotten_after_s / factor)


def _network(host: str) -> str:
    """Return what is one place: who has an address of IPv6 has 2^64 of them."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "?"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
