"""MQTT as an end of a shovel: what ends it, what it acknowledges, and what goes round."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.errors import Invalid
from anymq.core.message import Envelope, Message, Properties
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.mqtt.codec import (
    V5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    decode,
    encode,
    frame_at,
)
from anymq.protocols.mqtt.form import MQTT_FORM, packed
from anymq.protocols.mqtt.properties import P
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.definition import Definition, parse
from anymq.shovels.ends import Arrival, MakeSession
from anymq.shovels.mqtt.client import MqttClient
from anymq.shovels.mqtt.dest import MqttDest
from anymq.shovels.mqtt.end import Means, MqttEnd
from anymq.shovels.mqtt.source import MqttSource
from anymq.shovels.mqtt.way import STEPS_MAX, WAY, Renaming
from anymq.shovels.uris import Address

PEER = Peer("127.0.0.1", 1883, "127.0.0.1", 50_000)
OURS = "our-cluster"
THERE = "mqtt://u:p@there:1884"


class Link:
    def close(self) -> None:
        pass


class Other:
    """The other broker, and the shovel that works with the end: both written down."""

    def __init__(self, version: int = V5) -> None:
        self.version = version
        self.told: list[Any] = []
        self.arrivals: list[Arrival] = []
        self.tried: list[Address] = []
        self.soon: list[Callable[[], None]] = []
        self.answers: list[Exception | None] = []
        self.outbox = Outbox(lambda: None)
        self.client: MqttClient
        self.means = Means(self._connect, self.soon.append, lambda: 5000, "anymq-x", OURS, 1 << 20)

    def _connect(self, address: Address, make: MakeSession, failed: Callable[[str], None]) -> Link:
        self.tried.append(address)
        made = make(self.outbox, PEER)
        assert isinstance(made, MqttClient)
        self.client = made
        return Link()

    def says(self, *packets: Packet) -> None:
        for packet in packets:
            self.client.receive(memoryview(encode(packet, self.version)))

    def hears(self) -> list[Packet]:
        data = b"".join(bytes(one) for one in self.outbox.take() if not hasattr(one, "file"))
        found, at = [], 0
        while (frame := frame_at(data, at, 1 << 28)) is not None:
            found.append(decode(data, frame, self.version))
            at = frame.end
        return found

    # The shovel

    def source_ready(self, remaining: int | None) -> None:
        self.told.append("source ready")

    def dest_ready(self) -> None:
        self.told.append("dest ready")

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        self.arrivals += arrivals

    def dest_changed(self) -> None:
        self.told.append("changed")

    def failed(self, why: str) -> None:
        self.told.append(why)


def definition(**said: Any) -> Definition:
    mqtt = "src" if "src_topic" in said else "dest"
    other = {"src": {"dest-queue": "q"}, "dest": {"src-queue": "q"}}[mqtt]
    keys = {key.replace("_", "-"): value for key, value in said.items()}
    protocols = {"src-protocol": "local", "dest-protocol": "local", f"{mqtt}-protocol": "mqtt"}
    return parse("s", {f"{mqtt}-uri": THERE, **protocols, **other, **keys})


def source(other: Other, **said: Any) -> MqttSource:
    end = MqttSource(other.means, definition(src_topic="a/#", **said), other)
    end.open()
    other.says(Connack(False, 0), Suback(1, [1]))
    end.pause(False)
    return end


def dest(other: Other, promises: dict[int, Any] | None = None, **said: Any) -> MqttDest:
    end = MqttDest(other.means, definition(**said), other)
    end.open()
    other.says(Connack(False, 0, promises or {}))
    other.hears()
    return end


def message(topic_key: str, body: bytes = b"m", **said: Any) -> Message:
    return Message(
        Envelope("amq.topic", topic_key, AMQP_FORM), AMQP_FORM.write(Properties(**said)), body, 5000
    )


# What can be said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"src_topic": ""}, "Must specify 'src-topic'"),
        ({"src_topic": "a/#/b"}, "a wildcard is a level of its own"),
        ({"src_topic": ["a", 1]}, "a filter of MQTT, or a list"),
        ({"src_topic": "a", "src_qos": 3}, "should be 0, 1 or 2"),
        ({"src_topic": "a", "src_add_prefix": "+/"}, "wildcards"),
        ({"src_topic": "a", "src_uri": "mqtt://h?version=6"}, "version must be one of"),
        ({"src_topic": "a", "src_uri": "amqp://h"}, "the scheme must be mqtt or mqtts"),
        ({"src_topic": "a", "src_uri": "mqtt://h/x"}, "has no path"),
        ({"src_topic": "a", "src_queue": "q"}, "src-queue"),
        ({"dest_topic": "a/+"}, "wildcards"),
        ({"dest_retain": "yes"}, "should be boolean"),
    ],
)
def test_what_makes_no_sense(said: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=re.escape(why)):
        definition(**said)


# The client


def test_it_says_who_it_is() -> None:
    other = Other()
    source(other, src_prefetch_count=7)
    connect, subscribe = other.hears()
    assert isinstance(connect, Connect)
    assert (connect.user, connect.password, connect.clean) == ("u", b"p", False)
    assert connect.client_id == "anymq-x-in"
    assert connect.properties[P.RECEIVE_MAXIMUM] == 7
    assert isinstance(subscribe, Subscribe)
    [wish] = subscribe.wishes
    assert (wish.filter, wish.qos, wish.no_local, wish.retain_as_published) == (
        "a/#",
        1,
        True,
        True,
    )
    assert other.told == ["source ready"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Connack(False, 0x86), "not let in: bad login"),
        (Connack(False, 0x87, {P.REASON_STRING: "go away"}), "not authorized: go away"),
        (Connack(False, 0x84), "?version=3.1.1"),
        (Disconnect(0x8B), "shutting down"),
        (Pubcomp(1), "not MQTT"),
    ],
)
def test_what_ends_it(answer: Packet, why: str) -> None:
    """In words that help, and never with the password."""
    other = Other()
    MqttDest(other.means, definition(), other).open()
    other.says(answer)
    assert other.client.closed
    other.client.peer_gone()
    assert why in other.told[-1]
    assert ":p@" not in other.told[-1]


def test_the_next_uri_is_tried_where_one_does_not_work() -> None:
    other = Other()
    MqttDest(other.means, definition(dest_uri=["mqtt://one", "mqtts://two"]), other).open()
    other.client.peer_gone()
    assert [(one.host, one.port) for one in other.tried] == [("one", 1883), ("two", 8883)]
    other.client.peer_gone()
    assert other.told == ["mqtts://two: the broker hung up"]


def test_silence() -> None:
    """It says that it is there; a broker that does not is left."""
    other = Other()
    dest(other)
    other.client.tick(100.0)
    other.client.tick(131.0)
    assert other.hears() == [Pingreq()]
    other.client.tick(189.0)
    assert not other.client.closed
    other.client.tick(191.0)
    assert other.client.closed


def test_a_paused_client_is_not_hasty() -> None:
    """Who does not listen hears no answer."""
    other = Other()
    end = source(other)
    other.client.tick(100.0)
    end.pause(True)
    other.client.tick(500.0)
    assert not other.client.closed
    assert not other.client.reading


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_packets_or_its_end(data: bytes, step: int) -> None:
    other = Other()
    source(other)
    for at in range(0, len(data), step):
        if not other.client.closed:
            other.client.receive(memoryview(data[at : at + step]))


def test_a_length_that_lies_costs_nothing() -> None:
    other = Other()
    source(other)
    other.client.receive(memoryview(b"\x30\xff\xff\xff\x7f"))
    assert other.client.closed


# The source


def test_acknowledged_in_the_order_in_which_they_came() -> None:
    """Whatever is safe first: MQTT wants it so."""
    other = Other()
    end = source(other)
    other.hears()
    other.says(*(Publish("a/b", b"%d" % n, qos, n + 1) for n, qos in enumerate((1, 2, 1))))
    first, second, third = (one.token for one in other.arrivals)
    end.ack([third, second])
    assert other.hears() == []
    end.ack([first])
    assert other.hears() == [Puback(1), Pubrec(2), Puback(3)]
    other.says(Pubrel(2))
    assert other.hears() == [Pubcomp(2)]


def test_what_comes_is_a_message_of_mqtt() -> None:
    other = Other()
    source(other, src_strip_prefix="a/", src_add_prefix="from/")
    said: dict[int, Any] = {
        P.CONTENT_TYPE: "text/plain",
        P.USER_PROPERTY: [("k", "v")],
        P.MESSAGE_EXPIRY: 60,
    }
    other.says(Publish("a/b.c", b"x", 1, 1, True, False, said))
    [(_, found)] = other.arrivals
    assert (found.envelope.exchange, found.envelope.routing_key) == ("amq.topic", "from.b/c")
    properties = found.read()
    assert (properties.content_type, properties.expiration) == ("text/plain", "60000")
    assert properties.headers["k"] == "v"
    assert properties.headers[WAY] == "there:1884"


@pytest.mark.parametrize(
    ("topic", "way"),
    [("a/b", [OURS]), ("a/b", ["x", OURS]), ("a/b", ["x"] * STEPS_MAX), ("$SYS/uptime", [])],
)
def test_what_is_not_for_us_is_acknowledged(topic: str, way: list[str]) -> None:
    """Or it would come for ever."""
    other = Other()
    source(other)
    other.hears()
    other.says(
        Publish(topic, b"x", 1, 1, properties={P.USER_PROPERTY: [(WAY, one) for one in way]})
    )
    assert other.arrivals == []
    assert other.hears() == [Puback(1)]


def test_a_refused_subscription() -> None:
    other = Other()
    MqttSource(other.means, definition(src_topic="a"), other).open()
    other.says(Connack(False, 0), Suback(1, [0x87]))
    assert "the subscription was refused: not authorized" in other.told[-1]


# The destination


def test_confirmed_when_the_other_says_so() -> None:
    other = Other()
    answers = other.answers
    end = dest(other, dest_qos=1)
    end.send(message("a.b", content_type="text/plain"), answers.append)
    [publish] = other.hears()
    assert isinstance(publish, Publish)
    assert (publish.topic, publish.qos, publish.properties[P.CONTENT_TYPE]) == (
        "a/b",
        1,
        "text/plain",
    )
    assert publish.properties[P.USER_PROPERTY] == [(WAY, OURS)]
    assert answers == []
    other.says(Puback(publish.packet_id))
    assert answers == [None]


def test_qos_2() -> None:
    """Safe from PUBREC on; the number is free after PUBCOMP."""
    other = Other()
    answers = other.answers
    end = dest(other, dest_qos=2)
    end.send(message("a"), answers.append)
    other.says(Pubrec(1))
    assert answers == [None]
    assert isinstance(other.hears()[-1], Pubrel)
    end.send(message("a"), None)
    [publish] = other.hears()
    assert isinstance(publish, Publish)
    assert publish.packet_id == 2
    other.says(Pubcomp(1))


@pytest.mark.parametrize("answer", [Puback(1, 0x97), Pubrec(1, 0x87)])
def test_refused(answer: Packet) -> None:
    other = Other()
    answers = other.answers
    end = dest(other, dest_qos=1 if isinstance(answer, Puback) else 2)
    end.send(message("a"), answers.append)
    other.says(answer)
    assert len(answers) == 1
    assert answers[0] is not None
    assert end.room


def test_what_cannot_be_said_is_refused_later() -> None:
    """Who sends is never answered within his call."""
    other = Other()
    answers = other.answers
    end = dest(other, {P.MAXIMUM_PACKET: 100})
    end.send(message("a.#.b"), answers.append)
    end.send(message("a", b"x" * 200), answers.append)
    assert answers == []
    for act in other.soon:
        act()
    assert [str(one) for one in answers] == [
        "no topic of MQTT can be called so",
        "it is larger than the destination takes",
    ]


def test_what_came_from_there_does_not_go_back() -> None:
    other = Other()
    answers = other.answers
    end = dest(other)
    end.send(message("a", headers={WAY: ["elsewhere:1883", "there:1884"]}), answers.append)
    assert other.hears() == []
    other.soon[0]()
    assert answers == [None]


def test_only_as_many_as_the_other_wants() -> None:
    other = Other()
    end = dest(other, {P.RECEIVE_MAXIMUM: 2})
    end.send(message("a"), None)
    assert end.room
    end.send(message("a"), None)
    assert not end.room
    other.says(Puback(1))
    assert other.told[-1] == "changed"
    assert end.room


def test_prefixes_and_one_topic_for_all() -> None:
    other = Other()
    end = dest(other, dest_strip_prefix="a/", dest_add_prefix="site/1/")
    end.send(message("a.b"), None)
    end.send(message("c"), None)
    assert [one.topic for one in other.hears() if isinstance(one, Publish)] == [
        "site/1/b",
        "site/1/c",
    ]
    other = Other()
    dest(other, dest_topic="all").send(message("a.b"), None)
    assert [one.topic for one in other.hears() if isinstance(one, Publish)] == ["all"]


@pytest.mark.parametrize(("said", "retain"), [({}, True), ({"dest_retain": False}, False)])
def test_retained_as_it_was_published(said: dict[str, Any], retain: bool) -> None:
    other = Other()
    end = dest(other, **said)
    kept = Message(Envelope("amq.topic", "a", MQTT_FORM), packed(1 | 4, "c", {}), b"x", 5000)
    end.send(kept, None)
    [publish] = other.hears()
    assert isinstance(publish, Publish)
    assert publish.retain is retain


def test_time_that_was_waited_is_gone() -> None:
    other = Other()
    end = dest(other)
    old = message("a", expiration="10000")._replace(timestamp_ms=1000)
    end.send(old, None)
    [publish] = other.hears()
    assert isinstance(publish, Publish)
    assert publish.properties[P.MESSAGE_EXPIRY] == 6


def test_renaming() -> None:
    assert Renaming("a/", "b/").of("a/c") == "b/c"
    assert Renaming("a/", "b/").of("x/a/c") == "b/x/a/c"
    assert Renaming().of("a") == "a"


def test_no_end_of_both_sides_is_called_the_same() -> None:
    """A client of the same name would end the other."""
    assert MqttSource.side != MqttDest.side != MqttEnd.side
