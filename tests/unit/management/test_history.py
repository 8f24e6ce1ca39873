"""Numbers over time: every few seconds at first, ever more coarsely later."""

from anymq.management.history import LEVELS, History, Series, Span

DAY_S = 86_400


class Thing:
    """Something with numbers."""


def grown(seconds: int, step_s: int = 5) -> Series:
    """A number that grows by one each second, and one that stays."""
    series = Series(("grows", "stays"))
    for at in range(0, seconds + 1, step_s):
        series.note(at * 1000, (at, 7))
    return series


def test_the_newest_come_first() -> None:
    samples = grown(60).samples("grows", Span(20_000, 5_000), 60_000)
    assert samples == [(60_000, 60), (55_000, 55), (50_000, 50), (45_000, 45), (40_000, 40)]


def test_samples_are_as_far_apart_as_is_asked() -> None:
    samples = grown(600).samples("grows", Span(300_000, 60_000), 600_000)
    assert [number for _, number in samples] == [600, 540, 480, 420, 360, 300]


def test_a_day_is_there_in_the_end_more_coarsely() -> None:
    samples = grown(DAY_S).samples("grows", Span(DAY_S * 1000, 5_000), DAY_S * 1000)
    assert len(samples) in range(140, 146)
    assert samples[0][0] - samples[1][0] == 600_000
    assert samples[-1][1] <= 1200


def test_what_is_kept_is_bounded() -> None:
    series = grown(2 * DAY_S)
    for step_ms, most in LEVELS:
        found = series.samples("stays", Span(step_ms * most, step_ms), 2 * DAY_S * 1000)
        assert len(found) in range(most - 1, most + 2)


def test_it_may_be_noted_more_often_than_samples_are_kept() -> None:
    assert grown(60, step_s=1).samples("grows", Span(10_000, 1_000), 60_000) == [
        (60_000, 60),
        (55_000, 55),
        (50_000, 50),
    ]


def test_the_rate_between_the_last_two() -> None:
    series = Series(("one",))
    assert series.rate("one") == 0
    series.note(0, (0,))
    assert series.rate("one") == 0
    series.note(5_000, (50,))
    assert series.rate("one") == 10


def test_who_is_asked_for_stays_and_who_is_gone_is_forgotten() -> None:
    history, things = History(2), [Thing() for _ in range(3)]
    for each in things[:2]:
        history.begin(each, ("one",))
    history.want(things[0], ("one",))
    history.want(things[2], ("one",))
    assert [history.of(each) is not None for each in things] == [True, False, True]
    del things[:]
    assert len(history) == 0
