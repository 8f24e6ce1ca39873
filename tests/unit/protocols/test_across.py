"""Whatever one protocol wrote, every other sends something of it that its clients can read."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.test_portable import PROPERTIES

from anymq.core.message import Envelope, Form, Message, Properties
from anymq.core.portable.opener import Opener
from anymq.core.portable.packer import Packer
from anymq.core.portable.record_form import RECORD_FORM, TIME, sized_key
from anymq.protocols.across import KINDS, ROWS, Protocol
from anymq.protocols.amqp.foreign import properties_of
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.mqtt import codec as mqtt
from anymq.protocols.mqtt.form import MQTT_FORM, packed, sayable
from anymq.protocols.mqtt.properties import P
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM, Said
from anymq.protocols.rocketmq.form import packed as rocketmq_packed
from anymq.protocols.rocketmq.form import sayable as rocketmq_sayable
from anymq.protocols.rocketmq.layout import (
    PROPERTIES_BYTES_MAX,
    packed_host,
    read_properties,
    write_properties,
)
from anymq.protocols.stomp import codec as stomp
from anymq.protocols.stomp import form as stomp_form
from anymq.protocols.stomp.form import STOMP_FORM
from anymq.storage.records import encode_headers

NOW_MS = 1_700_000_000_123
FORMS: Mapping[int, Form] = {
    form.number: form for form in (AMQP_FORM, RECORD_FORM, MQTT_FORM, STOMP_FORM, ROCKETMQ_FORM)
}
# What clients of each send, that may be anything.
NAMES = st.text(max_size=20) | st.sampled_from(
    [
        *("content-type", "priority", "timestamp", "correlation-id", "reply-to", "expires-at"),
        *("x-key", "anymq", "CC", "BCC", "x-json:a", "x-mqtt-CC", "x-mqtt-payload-format"),
        "persistent",
    ]
)
TEXTS = st.text(max_size=300) | st.sampled_from(["", "0", "7", "-1", "/queue/a", "[1]", "9" * 30])
MQTT_TEXTS = TEXTS.map(lambda text: text.replace("\0", ""))
MQTT_NAMES = NAMES.map(lambda name: name.replace("\0", ""))
RECORD_HEADERS = st.lists(
    st.tuples(
        NAMES.map(str.encode) | st.binary(max_size=5),
        st.none() | TEXTS.map(str.encode) | st.binary(max_size=20),
    ),
    max_size=6,
)


def told_to_all(message: Message) -> None:
    """Have each protocol say it, and a client of each read that."""
    AMQP_FORM.traits(properties_of(message))
    AMQP_FORM.read(properties_of(message))
    said = message.read()
    publish = mqtt.Publish("a", b"", 1, 1, False, False, sayable(said))
    data = mqtt.encode(publish, mqtt.V5)
    frame = mqtt.frame_at(data, 0, 1 << 28)
    assert frame is not None
    for version in (stomp.V10, stomp.V11, stomp.V12):
        lines = stomp_form.sayable(said)
        read(stomp.encode("MESSAGE", lines, b"body", version), version)
    told = rocketmq_sayable(said, NOW_MS)
    assert len(told) <= PROPERTIES_BYTES_MAX
    assert write_properties(read_properties(told)) == told
    ROCKETMQ_FORM.read(ROCKETMQ_FORM.write(said))
    packed_up = Packer("t").pack(message)
    opened = Opener("t", FORMS).open(packed_up.key, b"", packed_up.headers, message.timestamp_ms)
    assert opened.properties == message.properties


def read(frame: bytes, version: str) -> None:
    """Read a frame as strictly as we do."""
    assert frame.count(b"\0") == 1, "a NUL ends a frame"
    head, _, _ = frame.partition(b"\n\n")
    for line in head.split(b"\n")[1:]:
        name, colon, value = line.decode().partition(":")
        assert colon
        if version != stomp.V10:
            stomp.unescaped(name, version)
            stomp.unescaped(value, version)


@given(PROPERTIES)
def test_what_amqp_wrote(properties: Properties) -> None:
    envelope = Envelope("amq.topic", "a", AMQP_FORM)
    told_to_all(Message(envelope, AMQP_FORM.write(properties), b"body", NOW_MS))


@given(st.none() | st.binary(max_size=20), RECORD_HEADERS)
def test_what_kafka_wrote(key: bytes | None, headers: list[tuple[bytes, bytes | None]]) -> None:
    written = TIME.pack(NOW_MS) + sized_key(key) + encode_headers(headers)
    message = Message(Envelope("amq.topic", "a", RECORD_FORM), written, b"body", NOW_MS)
    AMQP_FORM.read(properties_of(message))
    sayable(message.read())
    for version in (stomp.V10, stomp.V11, stomp.V12):
        read(stomp.encode("MESSAGE", stomp_form.sayable(message.read()), b"", version), version)
    RECORD_FORM.read(RECORD_FORM.write(message.read()))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            P.CONTENT_TYPE: MQTT_TEXTS,
            P.RESPONSE_TOPIC: MQTT_TEXTS,
            P.CORRELATION_DATA: st.binary(max_size=300),
            P.MESSAGE_EXPIRY: st.integers(0, (1 << 32) - 1),
            P.PAYLOAD_FORMAT: st.integers(0, 1),
            P.USER_PROPERTY: st.lists(st.tuples(MQTT_NAMES, MQTT_TEXTS), max_size=6),
        },
    ),
    st.integers(0, 2),
)
def test_what_mqtt_wrote(said: dict[int, Any], qos: int) -> None:
    envelope = Envelope("amq.topic", "a", MQTT_FORM)
    told_to_all(Message(envelope, packed(qos, "me", said), b"body", NOW_MS))


@given(st.lists(st.tuples(NAMES, TEXTS), max_size=6))
def test_what_stomp_wrote(lines: list[tuple[str, str]]) -> None:
    envelope = Envelope("amq.topic", "a", STOMP_FORM)
    told_to_all(Message(envelope, stomp_form.packed(lines), b"body", NOW_MS))


@given(
    st.lists(st.tuples(NAMES | st.sampled_from(["KEYS", "TAGS", "UNIQ_KEY", "CC"]), TEXTS)),
    st.integers(0, (1 << 31) - 1),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([4, 16]),
)
def test_what_rocketmq_wrote(
    pairs: list[tuple[str, str]], sys_flag: int, born_ms: int, ip_bytes: int
) -> None:
    host = packed_host(bytes(ip_bytes), 1)
    said = rocketmq_packed(Said(write_properties(pairs), 0, sys_flag, born_ms, host))
    told_to_all(Message(Envelope("amq.topic", "a", ROCKETMQ_FORM), said, b"body", NOW_MS))


@given(st.binary(max_size=120))
def test_what_is_called_rocketmqs(said: bytes) -> None:
    """Anybody can write a record with a header of that name: it counts, or it does not."""
    try:
        ROCKETMQ_FORM.traits(said)
    except ValueError:
        return
    told_to_all(Message(Envelope("amq.topic", "a", ROCKETMQ_FORM), said, b"body", NOW_MS))


def test_the_table_is_whole() -> None:
    """Everything has a sample, and somebody who writes and somebody who reads it."""
    for row in ROWS:
        assert row.samples
        assert len(row.cells) >= 2
    for kind in KINDS:
        assert kind.writers
        assert set(kind.seen) == set(Protocol)
