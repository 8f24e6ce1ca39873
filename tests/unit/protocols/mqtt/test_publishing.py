"""What clients publish: safe when it is answered, once where that is promised."""

import errno

import pytest
from tests.unit.protocols.mqtt.talk import DAY_S, killed, messages, payloads, subscribed

from anymq.core.errors import NotFound
from anymq.protocols.mqtt.codec import (
    V5,
    V31,
    V311,
    Connect,
    Disconnect,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Wish,
)
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P, Props
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.testing.mqtt import MqttRoom
from anymq.testing.simfs import SimFiles


@pytest.mark.parametrize("version", [V31, V311, V5])
def test_every_quality_reaches_who_subscribed(version: int) -> None:
    """The whole way, in every version."""
    room = MqttRoom()
    reader, writer = room.connect("reader", version), room.connect("writer", version)
    subscribed(reader, Wish("a/+", 2))
    writer >> Publish("a/1", b"zero") >> Publish("a/2", b"one", 1, 1)
    assert writer.only() == Puback(1)
    writer >> Publish("a/3", b"two", 2, 2)
    assert writer.only() == Pubrec(2)
    writer >> Pubrel(2)
    assert writer.only() == Pubcomp(2)
    zero, one, two = messages(reader)
    assert [zero.qos, one.qos, two.qos] == [0, 1, 2]
    assert [zero.payload, one.payload, two.payload] == [b"zero", b"one", b"two"]
    reader >> Puback(one.packet_id) >> Pubrec(two.packet_id)
    assert reader.only() == Pubrel(two.packet_id)
    reader >> Pubcomp(two.packet_id)
    assert reader.packets() == []


def test_the_answer_waits_for_the_disk() -> None:
    """Whoever has a PUBACK may forget the message."""
    room = MqttRoom()
    reader = room.connect("reader", expiry_s=DAY_S)
    subscribed(reader, Wish("a", 1))
    writer = room.connect("writer")
    room.disk_waits = True
    writer >> Publish("a", b"x", 1, 1)
    assert writer.packets() == []
    room.disk_waits = False
    room.settle()
    assert writer.only() == Puback(1)


def test_what_was_answered_survives_a_kill() -> None:
    """In the mailbox of somebody who is away."""
    room = MqttRoom()
    reader = room.connect("reader", expiry_s=DAY_S)
    subscribed(reader, Wish("a", 1))
    reader.hang_up()
    writer = room.connect("writer")
    writer >> Publish("a", b"x", 1, 1)
    assert writer.only() == Puback(1)
    again = killed(room).connect("reader", clean=False, expiry_s=DAY_S)
    assert again.connack is not None
    assert again.connack.session_present
    assert [one.payload for one in again.early if isinstance(one, Publish)] == [b"x"]


def test_a_duplicate_of_quality_2_is_published_once() -> None:
    """Also when its PUBREC got lost, with the connection and with the broker."""
    room = MqttRoom()
    reader = room.connect("reader", expiry_s=DAY_S)
    subscribed(reader, Wish("a", 0))
    writer = room.connect("writer", clean=False, expiry_s=DAY_S)
    writer >> Publish("a", b"x", 2, 9)
    assert payloads(reader) == [b"x"]
    room = killed(room)
    reader = room.connect("reader")
    subscribed(reader, Wish("a", 0))
    writer = room.connect("writer", clean=False, expiry_s=DAY_S)
    writer >> Publish("a", b"x", 2, 9, dup=True)
    assert writer.only() == Pubrec(9)
    assert payloads(reader) == []
    writer >> Pubrel(9)
    assert writer.only() == Pubcomp(9)
    writer >> Publish("a", b"another", 2, 9)
    assert payloads(reader) == [b"another"]


def test_a_number_is_free_when_the_disk_knows() -> None:
    """Found by the simulation: its next message was taken for a duplicate after a restart."""
    files = SimFiles()
    room = MqttRoom(files=files)
    writer = room.connect("writer", V311, clean=False)
    writer >> Publish("a", b"x", 2, 9)
    assert writer.only() == Pubrec(9)
    files.fault("pwritev", errno.ENOSPC, when=lambda path: path.startswith("logs/5/"), times=1)
    writer >> Pubrel(9)  # which ends the connection: before MQTT 5 nobody can say no
    writer = room.connect("writer", V311, clean=False)
    room.disk_waits = True
    writer >> Pubrel(9)
    again = room.connect("writer", V311, clean=False)  # it asks once more, while that is written
    again >> Pubrel(9)
    assert again.packets() == []
    room.disk_waits = False
    room.settle()
    assert again.only() == Pubcomp(9)


def test_nobody_is_there() -> None:
    """MQTT 5 can say so."""
    client = MqttRoom().connect("c")
    client >> Publish("a", b"x", 1, 1)
    assert client.only() == Puback(1, Reason.NO_SUBSCRIBERS)


def test_answers_come_in_the_order_of_the_messages() -> None:
    """Though the first waits for the disk, and the second for nothing."""
    room = MqttRoom()
    subscribed(room.connect("r", expiry_s=DAY_S), Wish("a", 1))
    client = room.connect("c")
    room.disk_waits = True
    client >> Publish("a", b"x", 1, 1) >> Publish("nobody", b"x", 1, 2)
    assert client.packets() == []
    room.disk_waits = False
    room.settle()
    assert client.packets() == [Puback(1), Puback(2, Reason.NO_SUBSCRIBERS)]


def test_a_topic_alias_stands_for_the_topic() -> None:
    """Once it was said; one that was not, or is too large, ends the connection."""
    room = MqttRoom(MqttSettings(topic_aliases_max=2))
    reader, writer = room.connect("r"), room.connect("w")
    subscribed(reader, Wish("a/b", 0))
    writer >> Publish("a/b", b"1", properties={P.TOPIC_ALIAS: 2})
    writer >> Publish("", b"2", properties={P.TOPIC_ALIAS: 2})
    assert [(one.topic, one.payload) for one in messages(reader)] == [("a/b", b"1"), ("a/b", b"2")]
    writer >> Publish("", b"3", properties={P.TOPIC_ALIAS: 3})
    assert isinstance(gone := writer.only(), Disconnect)
    assert gone.code == Reason.BAD_ALIAS


def test_more_at_once_than_was_agreed_on() -> None:
    """Messages of QoS 2 that are not released count."""
    room = MqttRoom(MqttSettings(in_flight_max=2))
    client = room.connect("c")
    client >> Publish("a", b"", 2, 1) >> Publish("a", b"", 2, 2)
    client.packets()
    client >> Publish("a", b"", 2, 3)
    assert isinstance(gone := client.only(), Disconnect)
    assert gone.code == Reason.TOO_MANY_AT_ONCE


def test_who_floods_waits() -> None:
    """Before MQTT 5 there is no limit to agree on: it is read no further."""
    room = MqttRoom(MqttSettings(in_flight_max=2))
    subscribed(room.connect("r", expiry_s=DAY_S), Wish("a", 1))
    client = room.connect("c", V311)
    room.disk_waits = True
    for number in range(1, 6):
        client >> Publish("a", b"x", 1, number)
    assert not client.session.reading
    room.disk_waits = False
    room.settle()
    assert client.packets() == [Puback(number) for number in range(1, 6)]
    assert client.session.reading


@pytest.mark.parametrize("topic", ["a/+", "#", "", "$SYS/x", "$share/g/a"])
def test_what_cannot_be_published_to(topic: str) -> None:
    """It ends the connection, or is refused; nothing is published."""
    room = MqttRoom()
    client = room.connect("c", V311)
    client >> Publish(topic, b"x", 1, 1)
    assert client.session.closed
    assert client.packets() == []


def test_a_queue_by_its_name() -> None:
    """`$queue/Q` is what AMQP's default exchange is."""
    room = MqttRoom()
    queue = room.broker.vhosts["/"].declare_queue("jobs/1", durable=True)
    client = room.connect("c")
    client >> Publish("$queue/jobs/1", b"x", 1, 1)
    assert client.only() == Puback(1)
    assert queue.ready == 1
    with pytest.raises(NotFound):
        room.broker.vhosts["/"].queue("jobs")


def test_a_packet_that_is_too_large() -> None:
    """It is refused when it is announced."""
    client = MqttRoom(MqttSettings(packet_bytes_max=1024)).connect("c")
    client >> bytes.fromhex("30 81 08")
    assert isinstance(gone := client.only(), Disconnect)
    assert gone.code == Reason.PACKET_TOO_LARGE


def test_a_second_connect() -> None:
    """It is a mistake of the protocol."""
    room = MqttRoom()
    client = room.connect("c")
    client >> Connect(V5, "c")
    assert isinstance(gone := client.only(), Disconnect)
    assert gone.code == Reason.PROTOCOL_ERROR
    client >> Publish("a", b"nobody listens")
    room.let_pass(3)
    assert client.session.closed


def test_publishers_wait_while_the_broker_is_short_of_something() -> None:
    """The disk is full, say: the others notice nothing."""
    room = MqttRoom()
    client = room.connect("c")
    client >> Publish("a", b"x", 0)
    room.broker.flow.set("disk", True)
    assert not client.session.reading
    assert room.connect("quiet").session.reading
    room.broker.flow.set("disk", False)
    assert client.session.reading


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_delays(qos: int) -> None:
    """By user property, as AMQP's clients do it by header; it is confirmed at once."""
    room = MqttRoom()
    reader = room.connect("r")
    subscribed(reader, Wish("t", qos))
    later: Props = {P.USER_PROPERTY: [("x-delay", "5000"), ("a", "b")]}
    writer = room.connect("w", expiry_s=DAY_S)
    writer >> Publish("t", b"late", qos, qos and 1, properties=later)
    assert (not qos) == (writer.packets() == [])
    room.let_pass(4)
    assert messages(reader) == []
    room.let_pass(2)
    [one] = messages(reader)
    assert (one.payload, one.qos) == (b"late", qos)
    assert one.properties[P.USER_PROPERTY] == [("x-delay", "-5000"), ("a", "b")]


def test_a_time_to_be_delivered_at() -> None:
    """In milliseconds; what is no number, or past, is no delay."""
    room = MqttRoom()
    reader = room.connect("r")
    subscribed(reader, Wish("t", 1))
    writer = room.connect("w")
    for value in (str(room.broker.now_ms() + 3000), "soon", "-5", "1" * 30, "5"):
        said: Props = {P.USER_PROPERTY: [("x-deliver-at", value)]}
        writer >> Publish("t", value.encode(), 0, properties=said)
    assert [one.payload for one in messages(reader)] == [b"soon", b"-5", b"1" * 30, b"5"]
    room.let_pass(4)
    assert len(messages(reader)) == 1
