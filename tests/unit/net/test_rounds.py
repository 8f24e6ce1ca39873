"""A round ends once, in its order; and who answers listens a moment longer, where that helps."""

import os
from collections.abc import Iterator

import pytest
from tests.unit.net.room import LOOPS, Loop, running

from anymq.net.rounds import Rounds

AWAKE = 0.001


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    with running(request.param) as loop:
        yield loop


class Clock:
    """Time that passes by itself, by so much at each look."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        self.now += self.step
        return self.now


def test_queues_deal_then_the_disk_writes_then_answers_leave(loop: Loop) -> None:
    """All in one round, whoever asked first; what one of them asks of the next is done at once."""
    rounds, done = Rounds(loop.real), list[str]()
    rounds.flush(lambda: done.append("first answer"))

    def deal() -> None:
        done.append("deal")
        rounds.commit(write)

    def write() -> None:
        done.append("write")
        rounds.flush(lambda: done.append("second answer"))

    rounds.turn(deal)
    loop.turn()
    assert done == ["deal", "write", "first answer", "second answer"]


def test_what_is_due_again_waits_for_the_next_round(loop: Loop) -> None:
    """So that others have their turn."""
    rounds, done = Rounds(loop.real), list[str]()

    def again() -> None:
        done.append("again")
        if len(done) < 4:
            rounds.turn(again)
            loop.real.call_soon(done.append, "others")

    rounds.turn(again)
    loop.until(lambda: len(done) == 5)
    assert done == ["again", "others", "again", "others", "again"]


def test_a_bug_in_one_act_does_not_stop_the_others(loop: Loop) -> None:
    rounds, done = Rounds(loop.real), list[str]()
    bug = ValueError("a bug")

    def fail() -> None:
        raise bug

    rounds.turn(fail)
    rounds.flush(fail)
    rounds.flush(lambda: done.append("answer"))
    loop.turn()
    assert done == ["answer"]
    assert [said["exception"] for said in loop.unhandled] == [bug, bug]  # type: ignore[index]
    loop.unhandled.clear()


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("two_processors")
def test_after_answers_it_looks_for_requests_until_the_time_is_up(loop: Loop) -> None:
    clock = Clock(AWAKE / 10)
    rounds = Rounds(loop.real, AWAKE, clock)
    rounds.turn(lambda: None)  # nobody was answered
    loop.turn()
    assert not clock.looks
    rounds.flush(lambda: None)
    loop.until(lambda: clock.now > 1.05 * AWAKE)
    looks = clock.looks
    for _ in range(5):
        loop.turn()
    assert clock.looks == looks  # it sleeps


@pytest.mark.usefixtures("two_processors")
def test_it_looks_ever_more_seldom_when_nobody_asks_so_soon(loop: Loop) -> None:
    clock = Clock(2 * AWAKE)  # the time is up at once
    rounds = Rounds(loop.real, AWAKE, clock)
    begun: list[int] = []
    for number in range(40):
        before = clock.looks
        rounds.flush(lambda: None)
        for _ in range(4):
            loop.turn()
        if clock.looks > before:
            begun.append(number)
    assert begun == [0, 2, 6, 14, 30]


@pytest.mark.usefixtures("two_processors")
def test_who_asks_soon_again_has_it_look_each_time(loop: Loop) -> None:
    clock = Clock(0.0)
    rounds = Rounds(loop.real, AWAKE, clock)
    for _ in range(20):
        clock.looks = 0
        rounds.flush(lambda: None)
        loop.until(lambda: clock.looks > 3)
    clock.step = 2 * AWAKE
    loop.until(lambda: clock.now > AWAKE)


@pytest.mark.usefixtures("two_processors")
def test_a_thread_that_works_for_it_has_the_processor(loop: Loop) -> None:
    clock = Clock(0.0)
    rounds = Rounds(loop.real, AWAKE, clock)
    rounds.flush(lambda: None)
    loop.until(lambda: clock.looks > 3)
    rounds.helped = True
    loop.turn()
    looks = clock.looks
    rounds.flush(lambda: None)
    for _ in range(5):
        loop.turn()
    assert clock.looks == looks


def test_on_one_processor_it_would_keep_clients_from_asking(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    clock = Clock(AWAKE)
    rounds = Rounds(loop.real, AWAKE, clock)
    rounds.flush(lambda: None)
    for _ in range(4):
        loop.turn()
    assert not clock.looks
