"""One name, two kinds of members: RocketMQ's clients and Kafka's consumers, never both at once."""

import pytest
from tests.unit.core.streams.group_room import GROUP, Room

from anymq.core.errors import Conflict
from anymq.core.streams.clients import Client, Joining
from anymq.core.streams.group_calls import GroupError, NewOffset, State


class Line:
    """A connection that is told nothing here."""

    def members_changed(self, group: str) -> None: ...


def client(room: Room) -> Client:
    client = Client(id="ada@1", channel=Line())
    room.groups.clients.consume(client, Joining(group=GROUP))
    return client


@pytest.fixture
def room() -> Room:
    return Room()


FIVE = NewOffset("orders", 0, 5)
DAY = 86_400


def test_kafkas_consumers_keep_clients_out(room: Room) -> None:
    """Both would read everything, and write over each other's offsets."""
    (ada,) = room.stable("ada")
    with pytest.raises(Conflict, match="Kafka's consumers"):
        client(room)
    ada.leaves()
    client(room)
    assert room.groups.clients.ids(GROUP) == ["ada@1"]


def test_clients_keep_kafkas_consumers_out(room: Room) -> None:
    mine = client(room)
    bob = room.member("bob").joins()
    assert bob.error is GroupError.INCONSISTENT_PROTOCOL
    room.groups.clients.closed(mine.channel)
    room.stable("bob")


def test_each_kind_goes_on_where_the_other_stopped(room: Room) -> None:
    """The offsets are the group's, whoever is in it."""
    mine = client(room)
    told = room.commit([FIVE])
    room.log.commit()
    assert (told.count, told.error) == (1, None)
    room.groups.clients.closed(mine.channel)
    (bob,) = room.stable("bob")
    room.log.commit()
    assert room.keeps() == {("orders", 0): 5}
    assert room.commit([FIVE]).error is GroupError.UNKNOWN_MEMBER
    bob.leaves()


def test_administrators_see_that_it_has_members(room: Room) -> None:
    """So their tools do not set its offsets or delete it under its hands."""
    mine = client(room)
    assert GROUP in room.groups
    assert room.groups.names() == {GROUP}
    described = room.groups.describe(GROUP)
    assert (described.state, described.protocol_type) == (State.STABLE, "rocketmq")
    assert [one.protocol_type for one in room.groups.list()] == ["rocketmq"]
    assert room.groups.count_by_state()[State.STABLE] == 1
    told: list[GroupError | None] = []
    room.groups.delete(GROUP, told.append)
    room.log.commit()
    assert told == [GroupError.NON_EMPTY]
    room.groups.clients.closed(mine.channel)
    room.log.commit()
    room.groups.delete(GROUP, told.append)
    room.log.commit()
    assert told == [GroupError.NON_EMPTY, None]
    assert GROUP not in room.groups


def test_offsets_live_while_clients_do_and_some_days_more(room: Room) -> None:
    """A topic where nothing happens for a month must not be read anew after that."""
    mine = client(room)
    room.commit([FIVE])
    room.log.commit()
    for _ in range(30):
        room.clock.seconds += DAY
        room.groups.clients.consume(mine, Joining(group=GROUP))
        room.groups.maintenance(room.clock.wall_ms())
        room.log.commit()
    assert room.keeps() == {("orders", 0): 5}
    room.groups.clients.closed(mine.channel)
    room.log.commit()
    room.clock.seconds += 6 * DAY
    room.groups.maintenance(room.clock.wall_ms())
    room.log.commit()
    assert room.keeps() == {("orders", 0): 5}
    room.clock.seconds += 2 * DAY
    room.groups.maintenance(room.clock.wall_ms())
    room.log.commit()
    assert room.keeps() == {}
