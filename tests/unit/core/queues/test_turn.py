"""Turn: every queue that changed has its turn, and the disk hears of it once."""

import pytest

from anymq.core.queues.turn import PASSES_MAX, Turn


class Busy:
    """Something a turn takes care of."""

    def __init__(self, turn: Turn, then: "list[Busy] | None" = None) -> None:
        self.scheduled = False
        self.turn = turn
        self.then = then or []
        self.pumped = self.flushed = 0
        self.more = False
        self.broken = False

    def pump(self) -> bool:
        self.pumped += 1
        if self.broken:
            raise RuntimeError("a bug")
        for other in self.then:
            self.turn.add(other)
        return self.more

    def flush(self) -> None:
        self.flushed += 1


def test_what_changes_others_is_one_turn() -> None:
    finished: list[int] = []
    turn = Turn(finish=lambda: finished.append(1))
    last = Busy(turn)
    first = Busy(turn, [last])
    turn.add(first)
    turn.add(first)
    turn.run()
    turn.run()
    assert (first.pumped, first.flushed, last.pumped, last.flushed) == (1, 1, 1, 1)
    assert finished == [1]


def test_somebody_is_asked_to_run_it() -> None:
    asked: list[int] = []
    turn = Turn(lambda: asked.append(1))
    one, two = Busy(turn), Busy(turn)
    turn.add(one)
    turn.add(two)
    assert asked == [1]
    one.more = True
    turn.run()
    assert asked == [1, 1]  # for what one of them left
    one.more = False
    turn.run()
    assert (asked, one.pumped, two.pumped) == ([1, 1], 2, 1)


def test_what_never_ends_leaves_time_for_others() -> None:
    asked: list[int] = []
    turn = Turn(lambda: asked.append(1))
    one, two = Busy(turn), Busy(turn)
    one.then, two.then = [two], [one]
    turn.add(one)
    turn.run()
    assert one.pumped + two.pumped == PASSES_MAX
    assert asked == [1, 1]


def test_a_bug_in_one_queue_is_not_the_end_of_the_others() -> None:
    turn = Turn()
    queues = [Busy(turn) for _ in range(5)]
    queues[2].broken = True
    for queue in queues:
        turn.add(queue)
    with pytest.raises(RuntimeError):
        turn.run()
    turn.run()
    assert [queue.pumped for queue in queues] == [1] * 5
    assert [queue.flushed for queue in queues] == [1] * 5


def test_who_ends_a_turn_does_not_suffer_from_a_bug_in_a_queue() -> None:
    turn, bugs = Turn(), list[Exception]()
    turn.on_bug = bugs.append
    queues = [Busy(turn) for _ in range(3)]
    queues[1].broken = True
    for queue in queues:
        turn.add(queue)
    turn.run()
    assert len(bugs) == 1
    assert [(queue.pumped, queue.flushed) for queue in queues] == [(1, 1)] * 3
