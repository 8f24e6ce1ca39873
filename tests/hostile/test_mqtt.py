"""MQTT clients who lie about lengths, send without end, take nothing, or ask for very much."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from anymq.protocols.mqtt.codec import (
    V5,
    V311,
    Connect,
    Kind,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Wish,
    encode,
)
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.reader import text, varint
from tests.hostile.guests import Crowd
from tests.hostile.mqtt import MqttClient, unharmed
from tests.hostile.room import KIB, MIB, Broker, running, wait_until
from tests.peers.process import free_ports

pytestmark = pytest.mark.xdist_group("hostile-mqtt")

LIMIT = 64 * MIB
QUEUES = 64 * MIB + 8 * MIB  # what all queues together keep in memory
UNSENT = 8 * MIB
LARGE = 16 * MIB - 100  # the biggest payload, about
NOISE = 32 * MIB  # read buffers, arenas that Python does not give back, what the neighbour takes
CONNECT = encode(Connect(V5, "slow"), V5)
PUBLISH = bytes((Kind.PUBLISH << 4,))
CONNECT_FIRST = bytes((Kind.CONNECT << 4,))


class Crowded(Crowd[MqttClient]):
    """The broker and those who come."""

    def __init__(self, broker: Broker, port: int) -> None:
        super().__init__(broker)
        self.port = port

    def come(self, *, small: bool = False, version: int = V5) -> MqttClient:
        """Somebody who has said nothing."""
        return self.take(MqttClient(self.port, small=small, version=version))

    def enter(self, name: str = "", *, small: bool = False, clean: bool = True) -> MqttClient:
        """Somebody who is in."""
        return self.come(small=small, version=V311).log_in(name, clean=clean)


@pytest.fixture(scope="module")
def crowded() -> Iterator[Crowded]:
    """A broker of little memory and patience."""
    [port] = free_ports(1)
    settings = {
        "mqtt.port": port,
        "mqtt.retained_bytes_max": 8 * MIB,
        "limits.memory_bytes_max": LIMIT,
        "limits.unsent_bytes_max": UNSENT,
        "limits.unwritten_bytes_max": 8 * MIB,
        "limits.login_timeout_ms": 3000,
        "storage.segment_bytes": 32 * MIB,
    }
    with running(settings) as broker:
        with unharmed(broker, port):  # so that what it takes is taken
            pass
        yield Crowded(broker, port)


@pytest.fixture
def room(crowded: Crowded) -> Iterator[Crowded]:
    yield crowded
    crowded.all_go()


def promise(size: int) -> bytes:
    """A PUBLISH with a payload of that size, without it."""
    topic = text("q")
    return PUBLISH + varint(len(topic) + 1 + size) + topic + b"\0"


# Lengths


def test_a_promise_costs_nothing(room: Crowded) -> None:
    """Three hundred payloads of sixteen megabytes, which would be five gigabytes."""
    before = room.broker.rss
    with unharmed(room.broker, room.port):
        for _ in range(300):
            room.enter().send(promise(LARGE) + bytes(KIB))
        wait_until(lambda: room.connections > 300)
    assert room.broker.rss - before < 300 * 20 * KIB + NOISE


@pytest.mark.parametrize(
    "data",
    [
        promise(LARGE + KIB),
        PUBLISH + b"\xff\xff\xff\x7f",
        PUBLISH + b"\xff\xff\xff\xff\x01",
        PUBLISH + b"\x05\xff\xffabc",
        PUBLISH + b"\x04\0\1a\x7f",
        PUBLISH + b"\x07\0\1a\xff\xff\xff\xff",
        bytes((Kind.SUBSCRIBE << 4 | 2,)) + b"\x05\0\1\0\xff\xff",
        bytes((Kind.SUBSCRIBE << 4 | 2,)) + b"\x03\0\1\0",
        bytes((Kind.PUBACK << 4,)) + b"\x01\0",
        b"\0\0",
    ],
    ids=[
        "too large",
        "largest",
        "five bytes",
        "topic",
        "properties",
        "length of properties",
        "filter",
        "no filter",
        "no number",
        "no type",
    ],
)
def test_a_length_that_lies(room: Crowded, data: bytes) -> None:
    client = room.come().log_in()
    client.send(data)
    assert client.ends() in (Reason.MALFORMED, Reason.PROTOCOL_ERROR, Reason.PACKET_TOO_LARGE)


@pytest.mark.parametrize(
    "data",
    [
        CONNECT_FIRST + varint(10 * MIB) + text("MQTT") + bytes(KIB),
        CONNECT_FIRST + b"\x0c" + text("MQTT") + b"\x05\x02\0\0\0\xff",
        CONNECT_FIRST + b"\x06\xff\xffMQTT",
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        PUBLISH + b"\x04\0\1aa",
    ],
    ids=["large", "name", "protocol", "http", "tls", "no greeting"],
)
def test_what_is_no_greeting_is_hung_up_on(room: Crowded, data: bytes) -> None:
    client = room.come()
    client.send(data)
    client.ends()


def test_half_a_payload_costs_half_a_payload(room: Crowded) -> None:
    before = room.broker.rss
    with unharmed(room.broker, room.port):
        for _ in range(4):
            room.enter().send_some(promise(LARGE) + bytes(10 * MIB))
    assert room.broker.rss - before < 40 * MIB * 1.1 + NOISE
    room.all_go()
    wait_until(lambda: room.broker.rss - before < NOISE)


def test_all_together_stay_below_the_limit(room: Crowded) -> None:
    """Eight begin payloads that are together far above it. They wait; nobody gets an error."""
    before, sent = room.broker.rss, 0
    with unharmed(room.broker, room.port):
        for _ in range(8):
            sent += room.enter().send_some(promise(LARGE) + bytes(LARGE - 1))
        assert room.broker.rss - before < (LIMIT + LARGE) * 1.1 + NOISE
    assert sent < 8 * (LARGE - MIB)


# What has no end


def test_who_says_nothing_is_hung_up_on(room: Crowded) -> None:
    """Also who says it very slowly."""
    silent, slow = room.come(), room.come()
    for byte in CONNECT[:-1]:
        slow.send(bytes((byte,)))
    with unharmed(room.broker, room.port):
        assert (silent.ends(), slow.ends()) == (0, 0)


def test_a_crowd_of_slow_ones(room: Crowded) -> None:
    """Two thousand who begin to greet: newcomers are served, and the slow ones go."""
    with unharmed(room.broker, room.port):
        for _ in range(2000):
            room.come().send(CONNECT[:-1])
        wait_until(lambda: room.connections < 100)


def test_pings_without_end_whose_answers_nobody_reads(room: Crowded) -> None:
    before, client = room.broker.rss, room.enter(small=True)
    pings = encode(Pingreq(), V311) * (16 * MIB)
    with unharmed(room.broker, room.port):
        sent = client.send_some(pings)
    assert sent < len(pings)
    assert room.broker.rss - before < 3 * UNSENT + NOISE


def test_subscriptions_whose_answers_nobody_reads(room: Crowded) -> None:
    before, client = room.broker.rss, room.enter(small=True)
    some = encode(Subscribe(1, [Wish(f"a/{number}", 1) for number in range(1000)]), V311) * 2000
    with unharmed(room.broker, room.port):
        sent = client.send_some(some)
    assert sent < len(some)
    assert room.broker.rss - before < 3 * UNSENT + NOISE


@pytest.mark.parametrize("qos", [0, 1])
def test_a_publisher_that_never_stops(room: Crowded, qos: int) -> None:
    """More than memory holds, as fast as it goes, and who wants it is not there."""
    absent = room.enter(f"absent-{qos}", clean=False)
    absent.subscribe("flood", 1)
    absent.abort()
    before, client, highest, count = room.broker.rss, room.enter(), 0, 1500
    with unharmed(room.broker, room.port):
        for number in range(1, count + 1):
            client.say(Publish("flood", bytes(100 * KIB), qos, number * qos))
            if not number % 10:
                highest = max(highest, room.broker.rss)
            if qos and not number % 100:
                assert [client.await_one(Puback).packet_id for _ in range(100)][-1] == number
        client.say(Pingreq())
        client.await_one(Pingresp)
    assert highest - before < QUEUES + NOISE
    back = room.enter(f"absent-{qos}", clean=False)
    if qos:
        for _ in range(count):
            message = back.await_one(Publish)
            assert len(message.payload) == 100 * KIB
            back.say(Puback(message.packet_id))
    room.enter(f"absent-{qos}").abort()  # and with it, the session is gone


# Who takes nothing


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("clean", [True, False], ids=["clean", "kept"])
def test_consumers_that_never_read(room: Crowded, qos: int, clean: bool) -> None:
    """Each is owed a little; the rest is in their queues, and those know the disk."""
    names = [f"deaf-{number}" for number in range(20)]
    for name in names:
        room.enter(name, small=True, clean=clean).subscribe("much", qos)
    before, writer, highest = room.broker.rss, room.enter(), 0
    with unharmed(room.broker, room.port):
        for number in range(1, 65):
            writer.say(Publish("much", bytes(MIB), qos, number * qos))
            if qos:
                writer.await_one(Puback)
            highest = max(highest, room.broker.rss)
        writer.say(Pingreq())
        writer.await_one(Pingresp)
    room.all_go()
    for name in names:
        room.enter(name).abort()
    assert highest - before < 20 * 2 * MIB + QUEUES + NOISE


# Who asks for much


def test_filters_without_end(room: Crowded) -> None:
    """As many as a session may have, and no more."""
    before, client = room.broker.rss, room.enter()
    codes: list[int] = []
    with unharmed(room.broker, room.port):
        for first in range(0, 11_000, 1000):
            wishes = [Wish(f"+/{number}/#") for number in range(first, first + 1000)]
            client.say(Subscribe(1, wishes))
            codes += client.await_one(Suback).codes
    assert codes == [0] * 10_000 + [0x80] * 1000
    assert room.broker.rss - before < NOISE


@pytest.mark.parametrize(
    "filter_",
    ["/" * 65_535, "+/" * 32_000 + "#", "a/+/" * 16_000 + "#"],
    ids=["empty", "wild", "mixed"],
)
def test_filters_that_are_deep(room: Crowded, filter_: str) -> None:
    """Each of their words is a place to be made, and to be walked to."""
    client, writer = room.enter(), room.enter()
    with unharmed(room.broker, room.port), suppress(ConnectionError):
        client.say(Subscribe(1, [Wish(filter_)]))
        for _ in range(20):
            writer.say(Publish("a/b/" * 16_000 + "c", b"x"))
        writer.say(Pingreq())
        writer.await_one(Pingresp)


def test_retained_without_end(room: Crowded) -> None:
    """They are in memory: as many as there may be, and others are refused."""
    before, client = room.broker.rss, room.come().log_in()
    codes = []
    with unharmed(room.broker, room.port):
        for number in range(1, 101):
            client.say(Publish(f"retained/{number}", bytes(MIB), 1, number, retain=True))
            codes.append(client.await_one(Puback).code)
        assert room.broker.rss - before < 2 * 8 * MIB + NOISE
        for number in range(1, 101):
            client.say(Publish(f"retained/{number}", b"", 1, number, retain=True))
            client.await_one(Puback)
    taken = codes.index(Reason.QUOTA)
    assert 0 < taken <= 8
    assert codes[taken:] == [Reason.QUOTA] * (100 - taken)


def test_a_crowd_that_vanishes(room: Crowded) -> None:
    """In the middle of everything; what they held is there for others."""
    keeper = room.enter("keeper", clean=False)
    keeper.subscribe("held", 1)
    keeper.abort()
    writer = room.enter()
    for number in range(1, 11):
        writer.say(Publish("held", b"%d" % number, 1, number))
        writer.await_one(Puback)
    with unharmed(room.broker, room.port):
        for _ in range(200):
            client = room.enter("keeper", clean=False)
            client.send(promise(MIB) + bytes(KIB))
            client.abort()
    reader = room.enter("keeper", clean=False)
    bodies = [reader.await_one(Publish).payload for _ in range(10)]
    assert bodies == [b"%d" % number for number in range(1, 11)]
