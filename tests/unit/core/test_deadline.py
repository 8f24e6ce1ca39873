"""A deadline that heartbeats put off: cheap to put off, and never missed."""

from anymq.core.timers import Deadline, Timers


def test_it_comes_when_it_is_due() -> None:
    timers, heard = Timers(), list[str]()
    Deadline(timers, lambda: heard.append("now")).set(10.0)
    timers.run(9.9)
    assert heard == []
    timers.run(10.0)
    assert heard == ["now"]
    timers.run(100.0)
    assert heard == ["now"]


def test_putting_it_off_makes_no_new_timer() -> None:
    """A member sends heartbeats for years."""
    timers, heard = Timers(), list[str]()
    deadline = Deadline(timers, lambda: heard.append("now"))
    for second in range(1000):
        deadline.set(second + 10.0)
    assert len(timers) == 1
    timers.run(1008.9)
    assert heard == []
    timers.run(1009.0)
    assert heard == ["now"]


def test_it_may_come_earlier_than_it_was_set() -> None:
    timers, heard = Timers(), list[str]()
    deadline = Deadline(timers, lambda: heard.append("now"))
    deadline.set(300.0)
    deadline.set(10.0)
    timers.run(10.0)
    assert heard == ["now"]
    assert timers.next_due() is None


def test_cancelled_it_never_comes_until_set_again() -> None:
    timers, heard = Timers(), list[str]()
    deadline = Deadline(timers, lambda: heard.append("now"))
    deadline.set(10.0)
    deadline.cancel()
    timers.run(20.0)
    assert heard == []
    deadline.set(30.0)
    timers.run(30.0)
    assert heard == ["now"]


def test_its_callback_may_set_it_again() -> None:
    timers, heard = Timers(), list[float]()

    def again() -> None:
        heard.append(1.0)
        if len(heard) < 3:
            deadline.set(10.0 + len(heard))

    deadline = Deadline(timers, again)
    deadline.set(10.0)
    timers.run(20.0)
    assert len(heard) == 3


def test_cancelled_timers_do_not_pile_up() -> None:
    """A reader that may wait for minutes is mostly answered at once."""
    timers, heard = Timers(), list[int]()
    for i in range(20_000):
        timer = timers.at(300.0 + i % 7, lambda i=i: heard.append(i))  # type: ignore[misc]
        if i % 100:
            timer.cancel()
    assert len(timers) < 2_000
    timers.run(400.0)
    assert sorted(heard) == list(range(0, 20_000, 100))
