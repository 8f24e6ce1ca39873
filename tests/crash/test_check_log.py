"""A checker that finds nothing is worth something only if it finds what is there."""

from dataclasses import replace

import pytest

from tests.crash.check_log import Anomaly, Final, History, Outcome, Polled, Read, Sent, check

PLACE = ("topic", 0)
COUNT = 40


def sent() -> list[Sent]:
    return [Sent("s", PLACE, f"v{n}", n, Outcome.OK, n) for n in range(COUNT)]


def stored() -> list[Read]:
    return [(n, f"v{n}") for n in range(COUNT)]


def kinds(sends: list[Sent], polled: list[Read], final: list[Read]) -> set[str]:
    history = History(sends, [Polled("r", PLACE, polled)], [Final(PLACE, final)])
    return {anomaly.kind for anomaly in check(history, once={"topic"})}


def test_a_sound_history_has_no_anomaly() -> None:
    assert kinds(sent(), stored()[:20], stored()) == set()


def test_an_unanswered_message_may_be_there_or_not() -> None:
    unknown = Sent("s", PLACE, "maybe", COUNT, Outcome.UNKNOWN)
    assert kinds([*sent(), unknown], [], stored()) == set()
    assert kinds([*sent(), unknown], [], [*stored(), (COUNT, "maybe")]) == set()


def test_an_unanswered_message_that_was_read_must_stay() -> None:
    unknown = Sent("s", PLACE, "maybe", COUNT, Outcome.UNKNOWN)
    assert kinds([*sent(), unknown], [(COUNT, "maybe")], stored()) == {"lost-read-write"}


@pytest.mark.parametrize(
    ("final", "wrong"),
    [
        (stored()[:-1], {"lost-write"}),
        ([*stored(), (COUNT, "ghost")], {"phantom"}),
        ([*stored(), (COUNT, "v0")], {"duplicate"}),
        ([(0, "v1"), (1, "v0"), *stored()[2:]], {"inconsistent-offsets", "duplicate"}),
        ([*stored()[:5], *stored()[6:], stored()[5]], {"final-order"}),
    ],
)
def test_what_is_wrong_in_the_log_is_found(final: list[Read], wrong: set[str]) -> None:
    assert kinds(sent(), [], final) == wrong


def test_a_refused_message_must_not_appear() -> None:
    sends = sent()
    sends[3] = replace(sends[3], outcome=Outcome.FAILED, offset=None)
    assert kinds(sends, [], stored()) == {"aborted-read"}


def test_a_reader_must_not_go_backwards() -> None:
    assert kinds(sent(), [(3, "v3"), (2, "v2")], stored()) == {"nonmonotonic-poll"}


def test_the_order_of_a_sender_is_the_order_of_its_offsets() -> None:
    sends = [Sent("s", PLACE, "b", 2, Outcome.OK, 0), Sent("s", PLACE, "a", 1, Outcome.OK, 1)]
    history = History(sends, [], [Final(PLACE, [(0, "b"), (1, "a")])])
    assert check(history) == [Anomaly("nonmonotonic-send", PLACE, ("s", 2, 1, 0))]


def test_a_repeated_value_is_fine_where_senders_may_repeat() -> None:
    history = History(sent(), [], [Final(PLACE, [*stored(), (COUNT, "v0")])])
    assert check(history) == []
