"""Ids that nobody else has: of topics, clusters and producers."""

from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

ID_BYTES = 16
PRODUCER_ID_BLOCK = 1000  # reserved with one write
_LOW_WATER = PRODUCER_ID_BLOCK // 2  # so few left: reserve more before anybody has to wait

Random = Callable[[int], bytes]
ThenId = Callable[[int, Exception | None], None]


def new_topic_id(random: Random) -> UUID:
    """Return a random id."""
    return UUID(bytes=_id_bytes(random), version=4)


def new_cluster_id(random: Random) -> str:
    """Return a random id as Kafka writes it: 22 characters."""
    return urlsafe_b64encode(_id_bytes(random)).decode().rstrip("=")


def _id_bytes(random: Random) -> bytes:
    # Where it is written as text, a leading "-" would look like a flag to command lines.
    drawn = random(ID_BYTES)
    return bytes([drawn[0] & 0x7F]) + drawn[1:]


class Counters(Protocol):
    """Where numbers are kept (`core.catalog.Catalog`)."""

    counters: dict[str, int]

    def put_counter(self, name: str, value: int, then: Callable[[Exception | None], None]) -> None:
        """Keep a number."""


class ProducerIds:
    """Producer ids, in blocks: an id is given away only once a restart would not give it again."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._next = self._end = self._reserved = counters.counters.get("producer_id", 0)
        self._waiting: deque[ThenId] = deque()
        self._reserving = False

    def take(self, then: ThenId) -> None:
        """Call `then` with an id, or -1 and why there is none."""
        self._waiting.append(then)
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._next < self._end:
            producer_id, self._next = self._next, self._next + 1
            self._waiting.popleft()(producer_id, None)
        if self._end - self._next < _LOW_WATER and not self._reserving:
            self._reserve()

    def _reserve(self) -> None:
        self._reserving = True
        self._reserved += max(PRODUCER_ID_BLOCK, len(self._waiting))
        self._counters.put_counter("producer_id", self._reserved, self._kept)

    def _kept(self, error: Exception | None) -> None:
        self._reserving = False
        if error is None:
            self._end = self._reserved
            self._serve()
        else:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, deque()
        for then in waiting:
            then(-1, error)
