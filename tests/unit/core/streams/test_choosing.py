"""How producers choose a queue: what belongs together must go where Java's producers send it."""

import random

import pytest

from anymq.core.streams.choosing import ByRandom, NearestRoom, RoundRobin, by_hash, java_hash

QUEUES = ["A0", "A1", "B0", "B1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("hello", 99162322),
        ("order-10001", 478770291),
        ("polygenelubricants", -(1 << 31)),  # Math.abs of it is negative: producers fall over it
        ("\U0001f600", 1772899),  # two units
    ],
)
def test_java_hash(text: str, expected: int) -> None:
    """As `String.hashCode` says."""
    assert java_hash(text) == expected


def test_by_hash_keeps_together_what_belongs_together() -> None:
    """Also where Java's hash is the lowest number there is."""
    assert by_hash(QUEUES, "hello") == QUEUES[99162322 % 4]
    assert by_hash(QUEUES[:3], "polygenelubricants") == QUEUES[(1 << 31) % 3]
    assert {by_hash(QUEUES, "order 7") for _ in range(10)} == {by_hash(QUEUES, "order 7")}


def test_round_robin_and_random_reach_all() -> None:
    turn, chance = RoundRobin(), ByRandom(random.Random(1).randrange)
    assert [turn(QUEUES) for _ in range(5)] == [*QUEUES, "A0"]
    assert {chance(QUEUES) for _ in range(100)} == set(QUEUES)


def test_nearest_room_goes_elsewhere_only_when_it_must() -> None:
    """A producer in B sends to B; one where no queue is sends anywhere."""
    near: NearestRoom[str] = NearestRoom("B", lambda queue: queue[0], RoundRobin())
    far: NearestRoom[str] = NearestRoom("C", lambda queue: queue[0], RoundRobin())
    assert [near(QUEUES) for _ in range(3)] == ["B0", "B1", "B0"]
    assert [far(QUEUES) for _ in range(4)] == QUEUES
