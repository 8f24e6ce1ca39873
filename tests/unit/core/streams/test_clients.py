"""Who is in RocketMQ's groups: all members get the same list, and hear when it changes."""

import pytest
from tests.unit.core.world import TestClock

from anymq.core.errors import Conflict
from anymq.core.streams.clients import (
    Client,
    Clients,
    How,
    Interest,
    Joining,
    Limits,
    Model,
)
from anymq.core.streams.errors import PolicyViolation
from anymq.core.timers import Timers

GROUP = "readers"


class Line:
    """A client's connection: what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def members_changed(self, group: str) -> None:
        self.told.append(group)


class Room:
    """Clients, and a clock that moves when told."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.clock, self.timers = TestClock(), Timers()
        self.clients = Clients(self.clock, self.timers, limits)
        self.lines: dict[str, Line] = {}

    def client(self, name: str) -> Client:
        line = self.lines.setdefault(name, Line())
        return Client(id=f"{name}@1", channel=line, language="JAVA")

    def consumes(self, name: str, *topics: str, group: str = GROUP, version: int = 1) -> None:
        interests = [Interest(topic, version=version) for topic in topics]
        self.clients.consume(self.client(name), Joining(group=group, interests=interests))
        self.turn()

    def turn(self) -> None:
        self.timers.run(self.clock.monotonic())

    def told(self) -> dict[str, int]:
        """Return how often each was told since this was asked last."""
        found = {name: len(line.told) for name, line in self.lines.items() if line.told}
        for line in self.lines.values():
            line.told.clear()
        return found


@pytest.fixture
def room() -> Room:
    return Room()


def test_everybody_hears_of_who_comes(room: Room) -> None:
    """Without being told, clients would share anew only every 20 seconds."""
    room.consumes("ada", "T")
    room.consumes("bob", "T")
    assert room.told() == {"ada": 2, "bob": 1}
    assert room.clients.ids(GROUP) == ["ada@1", "bob@1"]


def test_a_heartbeat_that_says_nothing_new_tells_nobody(room: Room) -> None:
    room.consumes("ada", "T")
    room.told()
    room.consumes("ada", "T", version=2)
    assert room.told() == {}


def test_another_topic_is_a_change(room: Room) -> None:
    """Who subscribes to more, or less, has others to share with."""
    room.consumes("ada", "T")
    room.consumes("bob", "T")
    room.told()
    room.consumes("ada", "T", "U")
    assert room.told() == {"ada": 1, "bob": 1}
    room.consumes("ada", "U")
    assert room.told() == {"ada": 1, "bob": 1}


def test_many_who_come_at_once_are_one_change(room: Room) -> None:
    """A hundred members that start together must not be told ten thousand times."""
    for n in range(100):
        room.clients.consume(room.client(f"c{n}"), Joining(group=GROUP))
    room.turn()
    assert set(room.told().values()) == {1}


def test_who_leaves_or_is_gone_is_not_listed(room: Room) -> None:
    for name in ("ada", "bob", "eve"):
        room.consumes(name, "T")
    room.told()
    room.clients.leave(room.lines["ada"], consumer=GROUP)
    room.clients.closed(room.lines["eve"])
    room.turn()
    assert room.clients.ids(GROUP) == ["bob@1"]
    assert room.told() == {"bob": 1}
    room.clients.closed(room.lines["bob"])
    room.turn()
    assert GROUP not in room.clients
    assert room.clients.ids(GROUP) == []


def test_who_is_silent_goes(room: Room) -> None:
    """A client behind a dead network has queues that nobody reads."""
    room.consumes("ada", "T")
    room.clock.now_ms += 100_000
    room.consumes("bob", "T")
    room.clock.now_ms += 30_000
    room.told()
    room.clients.maintenance()
    room.turn()
    assert room.clients.ids(GROUP) == ["bob@1"]
    assert room.told() == {"bob": 1}


def test_the_same_client_by_another_connection_is_listed_once(room: Room) -> None:
    """It connected anew, and we do not know yet that the old connection is gone."""
    room.consumes("ada", "T")
    again = Client(id="ada@1", channel=Line())
    room.clock.now_ms += 1000
    room.clients.consume(again, Joining(group=GROUP, interests=[Interest("T")]))
    assert room.clients.ids(GROUP) == ["ada@1"]
    assert room.clients.consumers[GROUP].channel_of("ada@1") is again.channel
    room.clients.closed(room.lines["ada"])
    assert room.clients.ids(GROUP) == ["ada@1"]


def test_broadcasting_members_share_nothing(room: Room) -> None:
    """Everyone reads everything, so nobody needs to hear of the others."""
    for name in ("ada", "bob"):
        room.clients.consume(room.client(name), Joining(group=GROUP, model=Model.BROADCASTING))
    room.turn()
    assert room.told() == {}
    assert room.clients.ids(GROUP) == ["ada@1", "bob@1"]


def test_the_newest_interest_holds(room: Room) -> None:
    """Members of one group should say the same; while they change it, the newest one is right."""
    old = Interest("T", "red", tags=("red",), version=1)
    new = Interest("T", "blue", tags=("blue",), version=2)
    room.clients.consume(room.client("ada"), Joining(group=GROUP, interests=[new]))
    room.clients.consume(room.client("bob"), Joining(group=GROUP, interests=[old]))
    assert room.clients.interest(GROUP, "T") == new
    room.clients.consume(room.client("ada"), Joining(group=GROUP, interests=[old]))
    assert room.clients.interest(GROUP, "T") == new, "an old heartbeat came late"
    assert room.clients.interest(GROUP, "U") is None
    assert room.clients.interest("others", "T") is None


def test_a_heartbeat_without_subscriptions_keeps_them(room: Room) -> None:
    """Clients of version 5 send them only when they change."""
    room.consumes("ada", "T")
    room.clients.consume(room.client("ada"), Joining(group=GROUP, interests=None, how=How.POP))
    assert room.clients.consumers[GROUP].interests().keys() == {"T"}


def test_producers_are_asked_about_transactions(room: Room) -> None:
    """Any of the group will do; the one heard last comes first."""
    room.clients.produce(room.client("ada"), "P")
    room.clock.now_ms += 1
    room.clients.produce(room.client("bob"), "P")
    assert [one.id for one in room.clients.producers_of("P")] == ["bob@1", "ada@1"]
    assert room.clients.producer("ada@1") == room.client("ada")
    room.clients.closed(room.lines["ada"])
    assert [one.id for one in room.clients.producers_of("P")] == ["bob@1"]
    assert room.clients.producer("ada@1") is None
    assert room.clients.producers_of("nobody") == []


def test_a_producer_of_two_groups_is_found_until_it_leaves_both(room: Room) -> None:
    for group in ("P", "Q"):
        room.clients.produce(room.client("ada"), group)
    room.clients.leave(room.lines["ada"], producer="P")
    assert room.clients.producer("ada@1") is not None
    room.clients.leave(room.lines["ada"], producer="Q")
    assert room.clients.producer("ada@1") is None


def test_members_of_another_kind_keep_the_name(room: Room) -> None:
    """Both would read everything and write over each other's offsets."""
    room.clients.refusal = lambda group: f"Kafka's consumers are in {group}"
    with pytest.raises(Conflict, match="Kafka's consumers"):
        room.clients.consume(room.client("ada"), Joining(group=GROUP))
    assert GROUP not in room.clients


def test_limits() -> None:
    """As many groups, members and topics as there may be, and not one more."""
    room = Room(Limits(groups_max=1, members_max=2, interests_max=2))
    room.consumes("ada", "T")
    room.consumes("bob", "T")
    with pytest.raises(PolicyViolation):
        room.consumes("eve", "T")
    with pytest.raises(PolicyViolation):
        room.consumes("ada", "T", group="other")
    with pytest.raises(PolicyViolation):
        room.consumes("ada", "T", "U", "V")
    room.consumes("ada", "T", "U")
    with pytest.raises(PolicyViolation):
        room.consumes("ada", "T" * 100_000)
    room.clients.produce(room.client("ada"), "P")
    with pytest.raises(PolicyViolation):
        room.clients.produce(room.client("ada"), "Q")
    room.clients.closed(room.lines["ada"])
    room.clients.closed(room.lines["bob"])
    assert not room.clients.consumers
    assert not room.clients.producers


def test_one_connection_is_not_in_every_group() -> None:
    """Each costs memory, and a client that means well is in a few."""
    room = Room(Limits(groups_of_channel_max=2))
    room.consumes("ada", "T")
    room.clients.produce(room.client("ada"), "P")
    with pytest.raises(PolicyViolation):
        room.consumes("ada", "T", group="other")
    room.consumes("ada", "T", "U")
