"""The places for fetch sessions: who gets one, who keeps it, who does without."""

from random import Random

import pytest

from anymq.protocols.kafka.api.fetch_sessions import (
    EPOCH_MAX,
    EVICTABLE_AFTER_SECONDS,
    NO_SESSION,
    Asked,
    FetchSession,
    FetchSessions,
    Wanted,
)
from anymq.protocols.kafka.error_codes import ErrorCode


def asking(*partitions: int) -> Asked:
    return [(("orders", index), Wanted(0, 1000)) for index in partitions]


@pytest.fixture
def sessions() -> FetchSessions:
    return FetchSessions(Random(3).randbytes, sessions_max=2, partitions_max=5)


def opened(sessions: FetchSessions, *partitions: int, now: float = 0.0) -> int:
    return sessions.open(asking(*partitions), now, by_id=False).id


def go_on(
    sessions: FetchSessions, id: int, epoch: int, *partitions: int, now: float = 0.0
) -> FetchSession | ErrorCode:
    return sessions.go_on(id, epoch, asking(*partitions), (), now, by_id=False)


def test_no_two_have_the_same_id(sessions: FetchSessions) -> None:
    first, second = opened(sessions, 0), opened(sessions, 0)
    assert NO_SESSION not in (first, second)
    assert first != second


def test_when_all_places_are_in_use_one_does_without(sessions: FetchSessions) -> None:
    """It gets what it asked for, and asks for all of it again next time."""
    opened(sessions, 0)
    opened(sessions, 1)
    third = sessions.open(asking(2), 1.0, by_id=False)
    assert third.id == NO_SESSION
    assert list(third.partitions) == [("orders", 2)]


def test_who_has_not_come_for_long_gives_its_place_away(sessions: FetchSessions) -> None:
    first, second = opened(sessions, 0), opened(sessions, 1)
    later = EVICTABLE_AFTER_SECONDS + 1
    go_on(sessions, first, 1, now=later)
    third = opened(sessions, 2, now=later)
    assert third != NO_SESSION
    assert go_on(sessions, second, 1) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    assert isinstance(go_on(sessions, first, 2), FetchSession)


def test_too_many_partitions_are_not_kept(sessions: FetchSessions) -> None:
    assert opened(sessions, *range(6)) == NO_SESSION
    assert len(sessions) == 0


def test_a_session_that_grows_too_much_ends(sessions: FetchSessions) -> None:
    """This answer still has everything; the client hears that there is no session any more."""
    id = opened(sessions, 0)
    grown = go_on(sessions, id, 1, *range(1, 9))
    assert isinstance(grown, FetchSession)
    assert (grown.id, len(grown.partitions)) == (NO_SESSION, 9)
    assert go_on(sessions, id, 2) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_after_the_last_epoch_comes_the_first(sessions: FetchSessions) -> None:
    id = opened(sessions, 0)
    session = go_on(sessions, id, 1)
    assert isinstance(session, FetchSession)
    session.epoch = EPOCH_MAX
    assert isinstance(go_on(sessions, id, EPOCH_MAX), FetchSession)
    assert isinstance(go_on(sessions, id, 1), FetchSession)
