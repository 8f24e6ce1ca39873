"""The look at everything, now and then: in small pieces, and whatever happens to one of them."""

import pytest

from anymq.management.api import numbers
from anymq.management.api.sampler import THINGS_PER_PIECE
from anymq.testing.http import HttpRoom


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


def pieces(room: HttpRoom) -> int:
    """Return in how many turns of the loop everything is looked at."""
    room.sampler.start()
    count = 0
    while room.soon:
        room.soon.pop()()
        count += 1
    return count


def test_many_queues_are_looked_at_a_few_at_a_time(room: HttpRoom) -> None:
    few = pieces(room)
    vhost = room.broker.vhost("/")
    for number in range(10 * THINGS_PER_PIECE):
        vhost.declare_queue(f"q{number}")
    assert pieces(room) >= few + 10
    assert room.sampler.sums.all.queues == 10 * THINGS_PER_PIECE
    # The room keeps histories of a hundred things, and no more.
    assert len(room.sampler.history) == 100


def test_it_looks_again_and_again(room: HttpRoom) -> None:
    room.look()
    room.put("/api/queues/%2F/jobs", {"durable": True})
    room.pass_time(4)
    assert room.soon == []
    room.pass_time(1)
    assert len(room.soon) == 1


def test_who_watches_few_queues_hears_of_them_every_second(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/jobs", {"durable": True})
    room.sampler.watchers = 1
    room.look()
    room.pass_time(1)
    assert len(room.soon) == 1


def test_a_bug_does_not_end_it(room: HttpRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> int:
        raise RuntimeError("a bug")

    room.put("/api/topics/orders", {"partitions": 1})
    with monkeypatch.context() as patched:
        patched.setattr(numbers, "written", fails)
        room.look()
    room.pass_time(5)
    assert len(room.soon) == 1


def test_a_wanted_history_takes_the_place_of_one_that_nobody_wants(room: HttpRoom) -> None:
    vhost = room.broker.vhost("/")
    for number in range(150):
        vhost.declare_queue(f"q{number:03}")
    room.look()
    assert room.sampler.history.of(vhost.queue("q149")) is None
    path = "/api/queues/%2F/q149?lengths_age=60&lengths_incr=5"
    assert room.get(path).json["messages_details"]["samples"] == []
    room.clock.seconds += 5
    room.look()
    assert len(room.get(path).json["messages_details"]["samples"]) == 1
    assert len(room.sampler.history) == 100
