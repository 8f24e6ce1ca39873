"""What clients get: by which filters, how surely, and how often."""

import errno

import pytest
from tests.unit.protocols.mqtt.talk import DAY_S, killed, messages, payloads, subscribed

from anymq.protocols.mqtt.codec import (
    V5,
    V311,
    Disconnect,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Wish,
)
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.mqtt.subscribing import FAILURE
from anymq.testing.mqtt import MqttDialog, MqttRoom
from anymq.testing.simfs import SimFiles


def publish(room: MqttRoom, topic: str, payload: bytes, qos: int = 0, **said: object) -> None:
    """Let somebody publish, and go."""
    client = room.connect("somebody")
    client >> Publish(topic, payload, qos, 1 if qos else 0, **said)  # type: ignore[arg-type]
    client >> Pubrel(1) >> Disconnect()


def early(client: MqttDialog) -> list[Publish]:
    """Return the messages that came right behind CONNACK."""
    return [one for one in client.early if isinstance(one, Publish)]


@pytest.mark.parametrize(
    ("wanted", "topics"),
    [
        ("a/b", ["a/b"]),
        ("a/+", ["a/b", "a/"]),
        ("+/b", ["a/b", "/b"]),
        ("a/#", ["a", "a/b", "a/b/c", "a/"]),
        ("#", ["a", "a/b", "a/b/c", "a/", "/b", "a.b/c*"]),
        ("+", ["a"]),
        ("a.b/+", ["a.b/c*"]),
        ("a.b/c*", ["a.b/c*"]),
        ("$own/#", ["$own/x"]),
        ("*/b", []),
    ],
)
def test_filters(wanted: str, topics: list[str]) -> None:
    """As the specification has it; `.` and `*`, which mean something to AMQP, mean nothing."""
    room = MqttRoom()
    reader = room.connect("r")
    subscribed(reader, Wish(wanted, 0))
    for topic in ("a", "a/b", "a/b/c", "a/", "/b", "$own/x", "a.b/c*"):
        publish(room, topic, b"")
    assert [one.topic for one in messages(reader)] == topics


@pytest.mark.parametrize("wanted", ["", "a/#/b", "a#", "+a", "$share/g", "$share//a", "$queue/q"])
def test_filters_that_are_no_good(wanted: str) -> None:
    """Each is refused by itself."""
    client = MqttRoom().connect("c")
    client >> Subscribe(1, [Wish(wanted, 1), Wish("fine", 1)])
    assert client.only() == Suback(1, [Reason.BAD_FILTER, 1])


def test_several_filters_one_message() -> None:
    """With the best quality of those that match, and all their identifiers."""
    room = MqttRoom()
    client = room.connect("c")
    subscribed(client, Wish("a/#", 0), properties={P.SUBSCRIPTION_ID: [7]})
    subscribed(client, Wish("a/+", 1), properties={P.SUBSCRIPTION_ID: [3]})
    publish(room, "a/b", b"x", 2)
    (message,) = messages(client)
    assert message.qos == 1
    assert message.properties[P.SUBSCRIPTION_ID] == [3, 7]


def test_a_message_keeps_its_number_until_it_is_confirmed() -> None:
    """After a lost connection, and after a lost broker: only so can a client tell duplicates."""
    room = MqttRoom()
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish("a", 2))
    publish(room, "a", b"1", 1)
    publish(room, "a", b"2", 2)
    first, second = messages(client)
    client.hang_up()
    client = room.connect("c", clean=False, expiry_s=DAY_S)
    again = early(client)
    assert [(one.packet_id, one.payload, one.dup) for one in again] == [
        (first.packet_id, b"1", True),
        (second.packet_id, b"2", True),
    ]
    client = killed(room).connect("c", clean=False, expiry_s=DAY_S)
    assert [(one.packet_id, one.payload) for one in early(client)] == [
        (first.packet_id, b"1"),
        (second.packet_id, b"2"),
    ]


def test_what_a_client_has_received_is_never_sent_again() -> None:
    """QoS 2, from its PUBREC on, whatever happens; its release is."""
    room = MqttRoom()
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish("a", 2))
    publish(room, "a", b"x", 2)
    (message,) = messages(client)
    client >> Pubrec(message.packet_id)
    assert client.only() == Pubrel(message.packet_id)
    for lost in (room, killed(room)):
        for client_ in list(lost.dialogs):
            client_.hang_up()
        client = lost.connect("c", clean=False, expiry_s=DAY_S)
        assert client.early == [Pubrel(message.packet_id)]
    client >> Pubcomp(message.packet_id)
    client.hang_up()
    assert lost.connect("c", clean=False).early == []


def test_more_than_may_be_under_way_are_not_sent_again() -> None:
    """After a kill they are released first, and then there is room: the queue has them still."""
    room = MqttRoom(MqttSettings(in_flight_max=3))
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish("a", 2))
    for number in range(5):
        publish(room, "a", b"%d" % number, 2)
        (message,) = messages(client)
        client >> Pubrec(message.packet_id)
        assert client.only() == Pubrel(message.packet_id)
        client >> Pubcomp(message.packet_id)
    client = killed(room).connect("c", clean=False, expiry_s=DAY_S)
    releases = [packet for packet in client.early if isinstance(packet, Pubrel)]
    assert client.early == releases
    for release in releases:
        client >> Pubcomp(release.packet_id)
    assert messages(client) == []


def test_a_release_waits_for_the_disk() -> None:
    """Else, after a crash, the message would be sent to somebody who has forgotten its number."""
    room = MqttRoom()
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish("a", 2))
    publish(room, "a", b"x", 2)
    (message,) = messages(client)
    room.disk_waits = True
    client >> Pubrec(message.packet_id)
    assert client.packets() == []
    room.disk_waits = False
    room.settle()
    assert client.only() == Pubrel(message.packet_id)


def test_no_more_at_once_than_the_client_wants() -> None:
    """Its Receive Maximum."""
    room = MqttRoom()
    client = room.connect("c", properties={P.RECEIVE_MAXIMUM: 2})
    subscribed(client, Wish("a", 1))
    for number in range(5):
        publish(room, "a", b"%d" % number, 1)
    first, second = messages(client)
    client >> Puback(second.packet_id)
    assert payloads(client) == [b"2"]
    client >> Puback(first.packet_id)
    assert payloads(client) == [b"3"]


def test_nothing_larger_than_the_client_takes() -> None:
    """It is as if it were not for this client; what comes after it comes."""
    room = MqttRoom()
    client = room.connect("c", properties={P.MAXIMUM_PACKET: 100})
    subscribed(client, Wish("a", 1))
    publish(room, "a", b"x" * 200, 1)
    publish(room, "a", b"small", 1)
    assert payloads(client) == [b"small"]
    assert room.mqtt.counters.dropped == 1


def test_a_client_may_get_topics_by_number() -> None:
    """As many as it knows."""
    room = MqttRoom()
    client = room.connect("c", properties={P.TOPIC_ALIAS_MAXIMUM: 1})
    subscribed(client, Wish("#", 0))
    for topic in ("a", "b", "a"):
        publish(room, topic, b"")
    found = [(one.topic, one.properties.get(P.TOPIC_ALIAS)) for one in messages(client)]
    assert found == [("a", 1), ("b", None), ("", 1)]


def test_what_a_client_publishes_itself() -> None:
    """It may say that it does not want that."""
    room = MqttRoom()
    client = room.connect("c")
    subscribed(client, Wish("a", 0, no_local=True))
    client >> Publish("a", b"mine")
    publish(room, "a", b"another's")
    assert payloads(client) == [b"another's"]


def test_unsubscribed() -> None:
    """There is no more, and MQTT 5 says whether there was."""
    room = MqttRoom()
    client = room.connect("c")
    subscribed(client, Wish("a", 0), Wish("b", 0))
    client >> Unsubscribe(2, ["a", "never"])
    assert client.only() == Unsuback(2, [Reason.SUCCESS, Reason.NO_SUBSCRIPTION])
    publish(room, "a", b"a")
    publish(room, "b", b"b")
    assert payloads(client) == [b"b"]


def test_a_shared_subscription_gives_each_message_to_one() -> None:
    """And to another, when that one dies with it."""
    room = MqttRoom()
    one, other, alone = room.connect("1"), room.connect("2"), room.connect("3")
    for client in (one, other):
        subscribed(client, Wish("$share/g/a/#", 1))
    subscribed(alone, Wish("a/#", 0))
    for number in range(10):
        publish(room, "a/b", b"%d" % number, 1)
    had, others = messages(one), payloads(other)
    assert len(had) == 5
    assert sorted([*(each.payload for each in had), *others]) == sorted(payloads(alone))
    one >> Puback(had[0].packet_id)
    one.hang_up()
    assert payloads(other) == [each.payload for each in had[1:]]


def test_the_queue_of_a_shared_subscription_goes_with_its_last_member() -> None:
    """Nobody would ever empty it."""
    room = MqttRoom()
    one, other = room.connect("1"), room.connect("2", V311)
    for client in (one, other):
        subscribed(client, Wish("$share/g/a", 1))
    assert list(room.broker.vhosts["/"].queues) == ["mqtt-share-g/a"]
    one >> Disconnect()
    other >> Unsubscribe(2, ["$share/g/a"])
    assert list(room.broker.vhosts["/"].queues) == []


def test_a_queue_that_somebody_deletes() -> None:
    """The client is told to come again; then it has its subscriptions."""
    room = MqttRoom()
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish("a", 1))
    room.broker.vhosts["/"].delete_queue("mqtt-subscription-c")
    assert isinstance(gone := client.only(), Disconnect)
    assert gone.code == Reason.ADMINISTRATIVE
    client = room.connect("c", clean=False, expiry_s=DAY_S)
    publish(room, "a", b"x")
    assert payloads(client) == [b"x"]


def test_a_mailbox_has_a_limit() -> None:
    """The oldest go."""
    room = MqttRoom(MqttSettings(mailbox_messages_max=2))
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish("a", 1))
    client.hang_up()
    for number in range(5):
        publish(room, "a", b"%d" % number, 1)
    client = room.connect("c", clean=False)
    assert [one.payload for one in early(client)] == [b"3", b"4"]


def test_too_many_subscriptions() -> None:
    """One more is refused."""
    client = MqttRoom(MqttSettings(subscriptions_max=1)).connect("c", V5)
    client >> Subscribe(1, [Wish("a"), Wish("b")])
    assert client.only() == Suback(1, [0, Reason.QUOTA])


def test_a_message_that_expires() -> None:
    """Who comes in time is told how long it has; who comes late gets nothing."""
    room = MqttRoom()
    for name in ("early", "late"):
        client = room.connect(name, expiry_s=DAY_S)
        subscribed(client, Wish("a", 1))
        client.hang_up()
    publish(room, "a", b"x", 1, properties={P.MESSAGE_EXPIRY: 10})
    room.let_pass(4)
    (message,) = early(room.connect("early", clean=False))
    assert message.properties[P.MESSAGE_EXPIRY] == 6
    room.let_pass(7)
    assert early(room.connect("late", clean=False)) == []


def test_a_subscription_whose_queue_the_disk_refuses_is_refused() -> None:
    """Who hears that all is well counts on what comes from then on."""
    files = SimFiles()
    room = MqttRoom(files=files)
    client = room.connect("sensor", clean=False, expiry_s=DAY_S)
    files.fault("pwritev", errno.ENOSPC, when=lambda path: path.startswith("logs/1/"), times=3)
    client >> Subscribe(1, [Wish("a", 1)])
    answer = client.only()
    assert isinstance(answer, Suback)
    assert answer.codes[0] >= FAILURE
    files.faults.clear()
    client >> Subscribe(2, [Wish("a", 1)])
    assert client.only() == Suback(2, [1])
