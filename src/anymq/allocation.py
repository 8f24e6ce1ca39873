"""Sharing queues and choosing them, for programs with RocketMQ's clients: import these.

Where clients decide (most do), all members of a group must decide alike, and producers send what
belongs together to one queue. These are RocketMQ's own ways, with those it left out: a producer's
choice of a nearby room.

    from anymq.allocation import QueueName, Rooms, allocate, by_hash, strategy_named

docs/explanation/allocation.md says what each gives.
"""

from anymq.core.streams.allocation import (
    ByConfig,
    ByMachineRoom,
    ConsistentHash,
    NearbyMachineRoom,
    QueueName,
    Rooms,
    Strategy,
    allocate,
    averagely,
    averagely_by_circle,
    strategy_named,
)
from anymq.core.streams.choosing import (
    ByRandom,
    Choice,
    NearestRoom,
    RoundRobin,
    by_hash,
    java_hash,
)

__all__ = [
    "ByConfig",
    "ByMachineRoom",
    "ByRandom",
    "Choice",
    "ConsistentHash",
    "NearbyMachineRoom",
    "NearestRoom",
    "QueueName",
    "Rooms",
    "RoundRobin",
    "Strategy",
    "allocate",
    "averagely",
    "averagely_by_circle",
    "by_hash",
    "java_hash",
    "strategy_named",
]
