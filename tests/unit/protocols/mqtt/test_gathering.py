"""Many packets at a time: the same comes of them as of each by itself."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocols.mqtt.talk import DAY_S, messages, payloads, subscribed

from anymq.protocols.mqtt import session
from anymq.protocols.mqtt.codec import (
    V5,
    V311,
    Packet,
    Pingreq,
    Puback,
    Publish,
    Pubrec,
    Pubrel,
    Wish,
    encode,
)
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.testing.mqtt import MqttDialog, MqttRoom

VERSIONS = [V311, V5]
SPOILT = [
    b"\x32\x05\x00\x01a\x00\x00",  # number 0
    b"\x30\x03\x00\x05a",  # the topic is longer than the packet
    b"\x30\x05\x00\x03a\0b",  # U+0000
    b"\x30\x04\x00\x02\xff\xfe",  # no UTF-8
    b"\x30\x05\x00\x03a/#",  # a wildcard
    b"\x30\x02\x00\x00",  # no topic
    b"\x38\x03\x00\x01a",  # a duplicate of QoS 0
    b"\x30\xff\xff\xff\xff\x01",  # an endless length
    b"\x40\x02\x00\x00",
]


def publishes(version: int) -> st.SearchStrategy[Packet]:
    """Return messages, most of them simple ones."""
    properties: st.SearchStrategy[dict[int, object]] = st.just({})
    if version == V5:
        some = st.sampled_from([{}, {}, {P.USER_PROPERTY: [("a", "b")]}, {P.TOPIC_ALIAS: 1}])
        properties = some  # type: ignore[assignment]
    return st.builds(
        Publish,
        st.sampled_from(["a", "a", "a", "b/c", "$queue/there", "ä" * 40]),
        st.sampled_from([b"", b"x", b"y" * 100, b"z" * 200, b"w" * 20_000]),
        st.just(0),
        st.just(0),
        st.integers(0, 9).map(lambda n: n == 0),
        st.just(False),
        properties,
    )


def told(version: int) -> st.SearchStrategy[bytes]:
    """Return what a client may say."""

    def with_qos(packets: Sequence[Packet], kinds: Sequence[int]) -> bytes:
        data = []
        for number, (packet, qos) in enumerate(zip(packets, kinds, strict=False), 1):
            if isinstance(packet, Publish):
                again = packet.topic, packet.payload, qos, qos and number, packet.retain, False
                packet = Publish(*again, packet.properties)
            data.append(encode(packet, version))
        return b"".join(data)

    others = st.sampled_from([Pingreq(), Puback(7), Pubrec(9), Pubrel(3)])
    packets = st.lists(
        st.one_of(publishes(version), publishes(version), publishes(version), others), max_size=30
    )
    kinds = st.lists(st.sampled_from([0, 0, 1, 1, 1, 2]), min_size=30, max_size=30)
    return st.builds(with_qos, packets, kinds)


def heard(version: int, pieces: Sequence[bytes]) -> list[list[Packet]]:
    """Say this; return what the publisher heard, and two subscribers."""
    room = MqttRoom()
    readers = [room.connect("kept", version, expiry_s=DAY_S), room.connect("fleeting", version)]
    for reader in readers:
        subscribed(reader, Wish("#", 1))
    writer = room.connect("writer", version)
    for piece in pieces:
        writer.feed(piece)
    room.settle(writer, *readers)
    return [one.packets() for one in (writer, *readers)]


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_as_if_each_came_alone(version: int, data: st.DataObject) -> None:
    """Whatever it is, and wherever it is cut."""
    said = data.draw(told(version)) + data.draw(st.sampled_from([b"", *SPOILT]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=4)))
    pieces = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    together = heard(version, pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "GATHERED", frozenset())
        alone = heard(version, pieces)
    assert together == alone


def run_of(count: int, topic: str = "a", qos: int = 1, version: int = V5) -> bytes:
    """Return messages one after another."""
    packets = [Publish(topic, b"%d" % i, qos, qos and 1 + i) for i in range(count)]
    return b"".join(encode(one, version) for one in packets)


def reasons(client: MqttDialog) -> list[int]:
    """Return how messages were answered; they were, in their order."""
    packets = client.packets()
    assert all(isinstance(one, Puback) for one in packets), packets
    answers = [one for one in packets if isinstance(one, Puback)]
    assert [one.packet_id for one in answers] == list(range(1, 1 + len(answers)))
    return [one.code for one in answers]


def test_nobody_gets_them() -> None:
    """And each answer says so."""
    writer = MqttRoom().connect("writer") >> run_of(3)
    assert reasons(writer) == [Reason.NO_SUBSCRIBERS] * 3


def test_a_queue_that_is_full_refuses_some_of_them() -> None:
    """Those that it has are safe; who speaks MQTT 5 hears which."""
    room = MqttRoom()
    vhost = room.broker.vhosts["/"]
    vhost.declare_queue("q", arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    vhost.bind("amq.topic", "q", "a")
    writer = room.connect("writer") >> run_of(4)
    assert reasons(writer) == [0, 0, Reason.QUOTA, Reason.QUOTA]
    older = room.connect("older", V311) >> run_of(4, version=V311)
    assert older.session.closed


def test_rights_that_change_in_between() -> None:
    """What is known of a topic is known no more."""
    room = MqttRoom()
    reader = room.connect("reader")
    subscribed(reader, Wish("a", 0))
    writer = room.connect("writer") >> run_of(2, qos=0)
    room.broker.users.set_topic_permissions("guest", "/", "amq.topic", "^b$", ".*")
    writer >> run_of(2)
    assert payloads(reader) == [b"0", b"1"]
    assert reasons(writer) == [Reason.NOT_AUTHORIZED] * 2


def test_who_has_much_under_way_is_read_no_further() -> None:
    """However much comes at once: as many answers are owed as may be."""
    room = MqttRoom(MqttSettings(in_flight_max=10))
    reader, writer = room.connect("kept", V311, clean=False), room.connect("writer", V311)
    subscribed(reader, Wish("a", 1))
    room.disk_waits = True
    writer.feed(run_of(25, version=V311))
    assert not writer.session.reading
    assert len(payloads(reader)) == 10
    room.disk_waits = False
    room.settle(writer)
    assert reasons(writer) == [0] * 25


def test_no_more_than_a_client_may_have_under_way() -> None:
    """The others come as it confirms, in their order."""
    room = MqttRoom()
    reader = room.connect("reader", properties={P.RECEIVE_MAXIMUM: 3})
    subscribed(reader, Wish("a", 1))
    room.connect("writer") >> run_of(8)
    seen: list[bytes] = []
    while came := messages(reader):
        assert len(came) <= 3
        seen += [one.payload for one in came]
        reader >> b"".join(encode(Puback(one.packet_id), V5) for one in came)
    assert seen == [b"%d" % i for i in range(8)]


def test_no_number_is_used_twice_at_a_time() -> None:
    """Also when all of them were used once, and one of the first was never confirmed."""
    room = MqttRoom()
    reader, writer = room.connect("reader"), room.connect("writer")
    subscribed(reader, Wish("a", 1))
    writer >> run_of(1)
    [first] = messages(reader)
    used: set[int] = set()
    for _ in range(100):
        writer >> run_of(500)
        numbers = [one.packet_id for one in messages(reader)]
        assert len(set(numbers)) == 500
        assert first.packet_id not in numbers
        used.update(numbers)
        reader >> b"".join(encode(Puback(number), V5) for number in numbers)
    assert len(used) == 49_150


def test_what_is_confirmed_twice_or_was_never_sent() -> None:
    """Is no news."""
    room = MqttRoom()
    reader = room.connect("reader", expiry_s=DAY_S)
    subscribed(reader, Wish("a", 1))
    room.connect("writer") >> run_of(2)
    one, two = messages(reader)
    acks = [Puback(one.packet_id), Puback(one.packet_id), Puback(4711), Puback(two.packet_id)]
    reader >> b"".join(encode(ack, V5) for ack in acks)
    assert reader.packets() == []
    assert room.broker.vhosts["/"].queues["mqtt-subscription-reader"].unacked == 0


def test_a_run_that_is_larger_than_a_client_takes() -> None:
    """It gets those that it can take."""
    room = MqttRoom()
    reader = room.connect("reader", properties={P.MAXIMUM_PACKET: 30})
    subscribed(reader, Wish("a", 0))
    packets = [Publish("a", b"x" * size) for size in (3, 100, 4)]
    room.connect("writer") >> b"".join(encode(one, V5) for one in packets)
    assert payloads(reader) == [b"xxx", b"xxxx"]


def test_a_large_packet_in_many_pieces() -> None:
    """Nothing happens before it is all there."""
    room = MqttRoom()
    reader = room.connect("reader")
    subscribed(reader, Wish("a", 0))
    writer = room.connect("writer")
    data = encode(Publish("a", b"x" * 100_000), V5) + encode(Publish("a", b"y"), V5)
    for at in range(0, len(data), 999):
        assert reader.packets() == []
        writer.feed(data[at : at + 999])
    assert payloads(reader) == [b"x" * 100_000, b"y"]


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_came_before_nonsense_counts(spoilt: bytes) -> None:
    """The nonsense ends the connection, if it is any."""
    room = MqttRoom()
    reader = room.connect("reader", V311)
    subscribed(reader, Wish("#", 0))
    room.connect("writer", V311) >> run_of(3, qos=0, version=V311) + spoilt
    assert payloads(reader) == [b"0", b"1", b"2"]
