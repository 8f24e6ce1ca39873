"""Confirms: every message is told once, and never before it is safe."""

from collections.abc import Iterator
from random import Random
from struct import unpack_from

import pytest

from anymq.protocols.amqp.confirms import Confirms


def told(frames: bytes) -> Iterator[tuple[str, int, bool]]:
    for at in range(0, len(frames), 21):
        kind, channel, size, class_id, method_id, tag, flags, end = unpack_from(
            ">BHIHHQBB", frames, at
        )
        assert (kind, channel, size, class_id, end) == (1, 7, 13, 60, 0xCE)
        assert method_id == 80 or flags & 2  # a nack says requeue, as RabbitMQ's do
        yield {80: "ack", 120: "nack"}[method_id], tag, bool(flags & 1)


def all_told(confirms: Confirms) -> list[tuple[str, int, bool]]:
    return list(told(confirms.take()))


@pytest.fixture
def confirms() -> Confirms:
    return Confirms(7)


def test_numbers_begin_with_one(confirms: Confirms) -> None:
    assert [confirms.number(1), confirms.number(10), confirms.number(1)] == [1, 2, 12]


def test_a_single_message_is_told_alone(confirms: Confirms) -> None:
    confirms.answer(confirms.number(1), 1, ok=True)
    assert all_told(confirms) == [("ack", 1, False)]
    assert all_told(confirms) == []


def test_what_is_safe_together_is_told_with_one_frame(confirms: Confirms) -> None:
    runs = [confirms.number(10) for _ in range(3)]
    for first in runs:
        confirms.answer(first, 10, ok=True)
    assert all_told(confirms) == [("ack", 30, True)]
    assert confirms.waiting == 0


def test_a_gap_is_never_told_with_what_is_behind_it(confirms: Confirms) -> None:
    first, second, third = confirms.number(2), confirms.number(2), confirms.number(1)
    confirms.answer(second, 2, ok=True)
    confirms.answer(third, 1, ok=False)
    assert all_told(confirms) == [("ack", 3, False), ("ack", 4, False), ("nack", 5, False)]
    confirms.answer(first, 2, ok=True)
    assert all_told(confirms) == [("ack", 2, True)]


def test_refused_ones_are_told_apart(confirms: Confirms) -> None:
    for first, ok in ((confirms.number(2), True), (confirms.number(3), False)):
        confirms.answer(first, 2 if ok else 3, ok=ok)
    confirms.answer(confirms.number(1), 1, ok=True)
    confirms.answer(confirms.number(1), 1, ok=False)
    assert all_told(confirms) == [
        ("ack", 2, True),
        ("nack", 5, True),
        ("ack", 6, False),
        ("nack", 7, True),
    ]


@pytest.mark.parametrize("seed", range(50))
def test_in_any_order_each_is_told_once_and_rightly(seed: int) -> None:
    """As a publisher counts: `multiple` answers what is open up to it."""
    chance, confirms = Random(seed), Confirms(7)
    waiting: list[tuple[int, int, bool]] = []
    truth: dict[int, str] = {}
    heard: dict[int, str] = {}
    last = 0

    def hear() -> None:
        for answer, tag, multiple in told(confirms.take()):
            tags = [t for t in truth if t <= tag and t not in heard] if multiple else [tag]
            assert tag not in heard
            heard.update(dict.fromkeys(tags, answer))

    for _ in range(200):
        if chance.random() < 0.6:
            count, ok = chance.randint(1, 4), chance.random() < 0.8
            first = confirms.number(count)
            last = first + count - 1
            truth.update((n, "ack" if ok else "nack") for n in range(first, last + 1))
            waiting.append((first, count, ok))
        elif waiting:
            first, count, ok = waiting.pop(chance.randrange(len(waiting)))
            confirms.answer(first, count, ok=ok)
        if chance.random() < 0.5:
            hear()
            assert heard.items() <= truth.items()
    for first, count, ok in waiting:
        confirms.answer(first, count, ok=ok)
    hear()
    assert heard == truth
    assert confirms.waiting == 0
