"""Retained messages: for who subscribes later."""

import pytest
from tests.unit.protocols.mqtt.talk import killed, messages, payloads, subscribed

from anymq.protocols.mqtt.codec import V311, Puback, Publish, Suback, Subscribe, Wish
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.testing.mqtt import MqttDialog, MqttRoom


def retaining(*topics: str, settings: MqttSettings | None = None) -> MqttRoom:
    """Return a room in which something is retained for each of these topics."""
    room = MqttRoom(settings)
    writer = room.connect("w")
    for topic in topics:
        writer >> Publish(topic, topic.encode(), 1, 1, retain=True)
    return room


def found(client: MqttDialog, wanted: str) -> list[str]:
    """Subscribe; return the topics of what was retained."""
    client >> Subscribe(1, [Wish(wanted, 0)])
    suback, *others = client.packets()
    assert isinstance(suback, Suback)
    assert all(isinstance(one, Publish) and one.retain for one in others)
    return sorted(one.topic for one in others if isinstance(one, Publish))


@pytest.mark.parametrize(
    ("wanted", "topics"),
    [
        ("a/b", ["a/b"]),
        ("a/+", ["a/", "a/b"]),
        ("a/#", ["a", "a/", "a/b", "a/b/c"]),
        ("#", ["/x", "a", "a/", "a/b", "a/b/c"]),
        ("+/+", ["/x", "a/", "a/b"]),
        ("+/b/#", ["a/b", "a/b/c"]),
        ("$own/#", ["$own/x"]),
        ("b", []),
    ],
)
def test_found_by_any_filter(wanted: str, topics: list[str]) -> None:
    """Also after a kill."""
    room = retaining("a", "a/", "a/b", "a/b/c", "/x", "$own/x")
    assert found(room.connect("r"), wanted) == topics
    assert found(killed(room).connect("r"), wanted) == topics


def test_an_empty_message_takes_it_away() -> None:
    """For good. Who is subscribed gets it as any other."""
    room = retaining("a", "b")
    reader = room.connect("r")
    assert found(reader, "a") == ["a"]
    room.connect("w") >> Publish("a", b"", retain=True)
    assert [(one.payload, one.retain) for one in messages(reader)] == [(b"", False)]
    assert found(room.connect("other"), "#") == ["b"]
    assert found(killed(room).connect("other"), "#") == ["b"]


def test_the_last_one_counts() -> None:
    """There is one for each topic."""
    room = retaining("a")
    room.connect("w") >> Publish("a", b"newer", retain=True)
    reader = room.connect("r")
    reader >> Subscribe(1, [Wish("#", 0)])
    assert [one.payload for one in reader.packets()[1:] if isinstance(one, Publish)] == [b"newer"]


def test_a_client_says_when_it_wants_them() -> None:
    """Always, when the subscription is new, never."""
    room = retaining("a")
    client = room.connect("r")
    for handling, count in ((2, 0), (1, 0), (0, 1)):
        client >> Subscribe(1, [Wish("a", 0, retain_handling=handling)])
        assert len(client.packets()) == 1 + count
    other = room.connect("s")
    other >> Subscribe(1, [Wish("a", 0, retain_handling=1)])
    assert len(other.packets()) == 2


def test_retained_as_published() -> None:
    """Who wants to see it sees the flag of the publisher, others do not."""
    room = MqttRoom()
    plain, bridge = room.connect("plain"), room.connect("bridge")
    subscribed(plain, Wish("a", 0))
    subscribed(bridge, Wish("a", 0, retain_as_published=True))
    room.connect("w") >> Publish("a", b"x", retain=True)
    assert [one.retain for one in messages(plain)] == [False]
    assert [one.retain for one in messages(bridge)] == [True]


def test_shared_subscriptions_get_none() -> None:
    """As MQTT has it."""
    assert found(retaining("a").connect("r"), "$share/g/a") == []


def test_a_retained_message_expires() -> None:
    """Then it is forgotten."""
    room = MqttRoom()
    expiring: dict[int, int] = {P.MESSAGE_EXPIRY: 10}
    room.connect("w") >> Publish("a", b"x", retain=True, properties=expiring)
    room.let_pass(4)
    client = room.connect("r")
    client >> Subscribe(1, [Wish("a", 0)])
    message = client.packets()[1]
    assert isinstance(message, Publish)
    assert message.properties[P.MESSAGE_EXPIRY] == 6
    room.let_pass(7)
    assert found(room.connect("s"), "a") == []
    assert list(room.mqtt.kept.retained()) == []


def test_there_is_a_limit() -> None:
    """Another for the same topic is none more."""
    room = retaining("a", settings=MqttSettings(retained_max=1, retained_bytes_max=100))
    client = room.connect("w")
    client >> Publish("b", b"x", 1, 1, retain=True)
    assert isinstance(refusal := client.only(), Puback)
    assert refusal.code == Reason.QUOTA
    client >> Publish("a", b"x" * 200, 1, 1, retain=True)
    assert isinstance(refusal := client.only(), Puback)
    assert refusal.code == Reason.QUOTA
    client >> Publish("a", b"", 1, 1, retain=True) >> Publish("b", b"x", 1, 2, retain=True)
    assert found(room.connect("r"), "#") == ["b"]


def test_many_come_little_by_little() -> None:
    """And all of them, in any quality."""
    topics = [f"t/{number}" for number in range(2500)]
    room = retaining(*topics)
    client = room.connect("r", V311)
    subscribed(client, *[Wish("none", 0)])
    client >> Subscribe(1, [Wish("t/#", 1)])
    count = 0
    while packets := client.packets():
        for one in packets:
            if isinstance(one, Publish):
                count += 1
                client >> Puback(one.packet_id)
    assert count == 2500
    assert payloads(client) == []
