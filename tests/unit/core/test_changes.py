"""The memory of what changed lately: who asks in time misses nothing, who is late knows it."""

from anymq.core.changes import CREATED, KEPT_MAX, Change, Changes


def noted(count: int) -> Changes:
    changes = Changes()
    for number in range(count):
        changes.note("queue", CREATED, "/", str(number))
    return changes


def names(some: list[Change]) -> list[str]:
    return [one.names[1] for one in some]


def test_who_asks_in_time_misses_nothing() -> None:
    changes = noted(5)
    some, lost, seen = changes.since(2, 2)
    assert (names(some), lost, seen) == (["2", "3"], 0, 4)
    some, lost, seen = changes.since(seen, 10)
    assert (names(some), lost, seen) == (["4"], 0, 5)
    assert changes.since(seen, 10) == ([], 0, 5)


def test_who_is_late_hears_how_much_is_lost() -> None:
    changes = noted(KEPT_MAX + 100)
    some, lost, seen = changes.since(40, 10)
    assert (names(some)[0], lost, seen) == ("100", 60, 110)
    everything, lost, seen = changes.since(seen, KEPT_MAX)
    assert (len(everything), lost, seen) == (KEPT_MAX - 10, 0, KEPT_MAX + 100)
