"""Choosing: to which queue of a topic a producer sends a message.

In RocketMQ the producer decides; these are its ways, ours where its own is missing: its choice by
machine room is an interface that returns nothing.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from struct import unpack
from typing import Generic, Protocol, TypeVar

Queue = TypeVar("Queue", bound=Hashable)


class Choice(Protocol[Queue]):
    """One way to choose."""

    def __call__(self, queues: Sequence[Queue], key: str, /) -> Queue:
        """Return one of the queues; `key` is what belongs together, for those who ask."""


def by_hash(queues: Sequence[Queue], key: str) -> Queue:
    """What has the same key goes to the same queue: to the one that Java's producers choose."""
    return queues[abs(_remainder(java_hash(key), len(queues)))]


@dataclass(frozen=True, slots=True)
class ByRandom:
    """Any of them. `below(n)` returns a number from 0 to before n: `random.Random().randrange`."""

    below: Callable[[int], int]

    def __call__(self, queues: Sequence[Queue], key: str = "", /) -> Queue:
        """Return any."""
        return queues[self.below(len(queues))]


@dataclass(slots=True)
class RoundRobin:
    """One after another."""

    _next: int = field(default=0, init=False)

    def __call__(self, queues: Sequence[Queue], key: str = "", /) -> Queue:
        """Return the next one."""
        self._next += 1
        return queues[(self._next - 1) % len(queues)]


@dataclass(frozen=True, slots=True)
class NearestRoom(Generic[Queue]):
    """A queue in the producer's own room; any of all when there is none."""

    room: str
    room_of_queue: Callable[[Queue], str]
    inner: Choice[Queue]

    def __call__(self, queues: Sequence[Queue], key: str = "", /) -> Queue:
        """Return one nearby."""
        near = [queue for queue in queues if self.room_of_queue(queue) == self.room]
        return self.inner(near or queues, key)


def java_hash(text: str) -> int:
    """Return what Java's `String.hashCode` does, a signed number of 32 bits."""
    units = text.encode("utf-16-le", "surrogatepass")
    found = 0
    for unit in unpack(f"<{len(units) // 2}H", units):
        found = (31 * found + unit) & 0xFFFFFFFF
    return found - (1 << 32) if found >> 31 else found


def _remainder(number: int, by: int) -> int:
    """Return it with the sign of the number, as Java does."""
    return number % by if number >= 0 else -(-number % by)
