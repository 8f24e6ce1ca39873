"""The portable form: readable by Kafka's tools, and exact for whoever wrote it."""

from hypothesis import given
from hypothesis import strategies as st

from anymq.core.message import Envelope, Form, Message, Properties
from anymq.core.portable.opener import Opener
from anymq.core.portable.packer import Packer
from anymq.core.portable.record_form import RECORD_FORM
from anymq.protocols.amqp import fields
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.storage.records import Header, encode_headers, headers_of

FORMS: dict[int, Form] = {AMQP_FORM.number: AMQP_FORM, RECORD_FORM.number: RECORD_FORM}
NOW_MS = 1_700_000_000_123

# All that a header can be, with the exact types of AMQP.


def _ints(kind: type, low: int, high: int) -> st.SearchStrategy[object]:
    return st.integers(low, high).map(kind)


SCALARS = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30),
    st.binary(max_size=9).map(lambda raw: fields.LongBytes(b"\xff" + raw)),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(fields.Float32),
    st.integers(-(1 << 31), (1 << 31) - 1),
    _ints(fields.Int64, -(1 << 63), (1 << 63) - 1),
    _ints(fields.Int8, -128, 127),
    _ints(fields.UInt8, 0, 255),
    _ints(fields.Int16, -(1 << 15), (1 << 15) - 1),
    _ints(fields.UInt16, 0, (1 << 16) - 1),
    _ints(fields.UInt32, 0, (1 << 32) - 1),
    _ints(fields.Timestamp, 0, (1 << 64) - 1),
    st.builds(fields.Decimal, st.integers(0, 255), st.integers(0, (1 << 32) - 1)),
)
SHORT = st.text(max_size=60)
NAMES = st.text(max_size=40).filter(lambda name: len(name.encode()) <= 255) | st.sampled_from(
    ["x-key", "anymq", "content-type", "x-stream-filter-value"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
PROPERTIES = st.builds(
    Properties,
    headers=st.dictionaries(NAMES, VALUES, max_size=5),
    content_type=st.none() | SHORT,
    content_encoding=st.none() | SHORT,
    delivery_mode=st.none() | st.integers(0, 255),
    priority=st.none() | st.integers(0, 255),
    correlation_id=st.none() | SHORT,
    reply_to=st.none() | SHORT,
    expiration=st.none() | st.integers(0, 1 << 35).map(str),
    message_id=st.none() | SHORT,
    timestamp=st.none() | st.integers(0, (1 << 64) - 1),
    type=st.none() | SHORT,
    user_id=st.none() | SHORT,
    app_id=st.none() | SHORT,
    cluster_id=st.none() | SHORT,
)


def amqp(properties: Properties, exchange: str = "", key: str = "orders") -> Message:
    envelope = Envelope(exchange, key, AMQP_FORM)
    return Message(envelope, AMQP_FORM.write(properties), b"body", NOW_MS)


def there_and_back(message: Message, topic: str = "orders") -> Message:
    packed = Packer(topic).pack(message)
    return Opener(topic, FORMS).open(packed.key, message.body, packed.headers, message.timestamp_ms)


def headers(message: Message) -> dict[bytes, bytes | None]:
    return dict(headers_of(Packer("orders").pack(message).headers))


def opened(key: bytes | None, *written: Header, value: bytes | None = b"v") -> Message:
    return Opener("orders", FORMS).open(key, value, encode_headers(written), NOW_MS)


def same_place(one: Message, other: Message) -> bool:
    mine, its = one.envelope, other.envelope
    return (mine.exchange, mine.routing_key, mine.form) == (
        its.exchange,
        its.routing_key,
        its.form,
    )


@given(PROPERTIES, SHORT, SHORT)
def test_what_amqp_wrote_amqp_reads_byte_by_byte(
    properties: Properties, exchange: str, key: str
) -> None:
    """Whatever combination of properties and types of headers: a topic in between changes none."""
    message = amqp(properties, exchange, key)
    back = there_and_back(message)
    assert back[1:] == message[1:]
    assert same_place(back, message)


@given(PROPERTIES)
def test_kafka_tools_see_plain_headers(properties: Properties) -> None:
    seen = headers_of(Packer("orders").pack(amqp(properties)).headers)
    assert seen[0][0] == b"anymq"
    assert [name for name, _ in seen].count(b"anymq") == 1
    if properties.content_type is not None:
        assert (b"content-type", properties.content_type.encode()) in seen


def test_headers_are_text_for_kafka() -> None:
    """`kafka-console-consumer --property print.headers=true` shows what a person can read."""
    seen = headers(
        amqp(
            Properties(
                headers={
                    "n": 5,
                    "t": fields.Timestamp(7),
                    "yes": True,
                    "table": {"a": [1, "b", b"c"]},
                    "raw": b"\xff",
                    "none": None,
                },
                correlation_id="42",
                priority=7,
                expiration="1000",
            )
        )
    )
    assert seen.pop(b"anymq") is not None
    assert seen == {
        b"n": b"5",
        b"t": b"7",
        b"yes": b"true",
        b"table": b'{"a":[1,"b","c"]}',
        b"raw": b"\xff",
        b"none": None,
        b"correlation-id": b"42",
        b"priority": b"7",
        b"expires-at": str(NOW_MS + 1000).encode(),
    }


def test_the_key_is_the_routing_key_but_on_the_default_exchange() -> None:
    """There it is the topic's name for all of them, and all would go to one partition."""
    packer = Packer("orders")
    assert packer.pack(amqp(Properties(), "events", "eu.created")).key == b"eu.created"
    assert packer.pack(amqp(Properties())).key is None
    assert packer.pack(amqp(Properties(headers={"x-key": "7"}))).key == b"7"


def test_most_messages_cost_a_look_and_no_more() -> None:
    packer, properties = Packer("orders"), Properties(content_type="text/plain")
    assert packer.pack(amqp(properties)) is packer.pack(amqp(properties))


def test_a_message_that_expires_is_not_taken_for_another_one() -> None:
    packer, properties = Packer("orders"), Properties(expiration="10")
    first = packer.pack(amqp(properties))
    later = packer.pack(amqp(properties)._replace(timestamp_ms=NOW_MS + 5))
    assert dict(headers_of(first.headers))[b"expires-at"] == str(NOW_MS + 10).encode()
    assert dict(headers_of(later.headers))[b"expires-at"] == str(NOW_MS + 15).encode()


def test_a_record_of_a_kafka_client_is_a_message() -> None:
    message = opened(
        b"customer-7",
        (b"content-type", b"application/json"),
        (b"correlation-id", b"c"),
        (b"priority", b"9"),
        (b"expires-at", str(NOW_MS + 500).encode()),
        (b"tenant", b"blue"),
        (b"raw", b"\xff"),
        (b"nothing", None),
    )
    assert (message.envelope.exchange, message.envelope.routing_key) == ("", "customer-7")
    assert message.body == b"v"
    assert message.read() == Properties(
        headers={"tenant": "blue", "raw": b"\xff", "nothing": None},
        content_type="application/json",
        correlation_id="c",
        priority=9,
        expiration="500",
        delivery_mode=2,
        timestamp=NOW_MS // 1000,
    )


def test_a_record_without_a_key_comes_by_the_name_of_the_topic() -> None:
    assert opened(None).envelope.routing_key == "orders"


def test_a_key_that_no_routing_key_can_be_is_a_header() -> None:
    for key, shown in ((b"\xff\x00", b"\xff\x00"), (b"k" * 256, "k" * 256)):
        message = opened(key)
        assert message.envelope.routing_key == "orders"
        assert message.read().headers == {"x-key": shown}
        assert Packer("orders").pack(message).key == key


def test_a_tombstone_has_no_body() -> None:
    assert opened(b"k", value=None).body == b""


def test_a_header_that_comes_again_is_a_list() -> None:
    message = opened(None, (b"a", b"1"), (b"b", b"x"), (b"a", b"2"))
    assert message.read().headers == {"a": ["1", "2"], "b": "x"}
    assert RECORD_FORM.read(RECORD_FORM.write(message.read())) == message.read()


def test_a_list_of_plain_values_is_a_header_that_comes_again() -> None:
    """So a record with such headers is the same after a client of AMQP handed it on."""
    packed = Packer("orders").pack(
        amqp(Properties(headers={"a": ["1", b"\xff", None], "b": ["1"]}))
    )
    written = list(headers_of(packed.headers))[1:]
    assert written == [(b"a", b"1"), (b"a", b"\xff"), (b"a", None), (b"b", b'["1"]')]
    read = opened(None, *written).read().headers
    assert read == {"a": ["1", b"\xff", None], "b": '["1"]'}


def test_a_decimal_is_what_people_write() -> None:
    values = {
        "a": fields.Decimal(2, 1205),
        "b": fields.Decimal(3, 5),
        "c": [fields.Decimal(0, 7), 1],
        "d": fields.Decimal(2, (1 << 32) - 5),
    }
    seen = headers(amqp(Properties(headers=values)))
    assert seen.pop(b"anymq")
    assert seen == {b"a": b"12.05", b"b": b"0.005", b"c": b'["7",1]', b"d": b"-0.05"}


def test_all_that_a_publisher_said_comes_back_without_the_reserved_header() -> None:
    """A Kafka client that writes the headers it read, but not ours."""
    said = Properties(
        headers={"tenant": "blue", "tags": ["a", "b"]},
        content_type="text/plain",
        content_encoding="gzip",
        delivery_mode=2,
        priority=7,
        correlation_id="c",
        reply_to="answers",
        expiration="60000",
        message_id="m",
        timestamp=1_600_000_000,
        type="t",
        app_id="a",
    )
    packed = Packer("orders").pack(amqp(said))
    assert opened(None, *headers_of(packed.headers)[1:]).read() == said


def test_a_timestamp_in_another_unit_is_a_header() -> None:
    for value in (b"1700000000123", b"2024-01-01", b"-5", b"007"):
        read = opened(None, (b"timestamp", value)).read()
        assert (read.timestamp, read.headers) == (NOW_MS // 1000, {"timestamp": value.decode()})


def test_who_changes_the_headers_on_the_way_is_believed() -> None:
    """A stream processor hands on what it does not know, the reserved header too."""
    packed = Packer("orders").pack(amqp(Properties(content_type="a", message_id="1"), "ex", "rk"))
    written = [
        (name, b"b" if name == b"content-type" else value)
        for name, value in headers_of(packed.headers)
    ]
    message = opened(packed.key, *written, (b"traceparent", b"00-1"))
    said = message.read()
    assert (said.content_type, said.message_id) == ("b", "1")
    assert said.headers == {"traceparent": "00-1"}
    assert (message.envelope.exchange, message.envelope.routing_key) == ("ex", "rk")


def test_the_order_of_headers_does_not_matter() -> None:
    """Somebody puts his own tools' header first, and takes it away again."""
    properties = Properties(content_type="a", headers={"n": 5})
    packed = Packer("orders").pack(amqp(properties))
    reserved, *others = headers_of(packed.headers)
    assert opened(packed.key, *others, reserved).read() == properties


@given(st.binary(max_size=40), st.binary(max_size=10))
def test_a_reserved_header_that_is_not_ours_harms_nobody(content: bytes, key: bytes) -> None:
    for lie in (content, b"\x01\x07\x01" + content, b"\x01\x05\x01\x00\x00\x00\x00" + content):
        message = opened(key, (b"anymq", lie))
        message.read()
        assert message.traits is not None


def test_many_headers_do_not_confuse() -> None:
    properties = Properties(headers={f"h{number}": number for number in range(100)})
    message = amqp(properties)
    assert there_and_back(message)[1:] == message[1:]


def test_a_form_of_a_newer_version_is_read_as_what_kafka_would_see() -> None:
    packed = Packer("orders").pack(amqp(Properties(content_type="a", headers={"n": 5})))
    message = Opener("orders", {}).open(packed.key, b"v", packed.headers, NOW_MS)
    assert message.read().headers == {"n": "5"}
    assert message.read().content_type == "a"


def test_a_key_that_is_no_text_is_no_routing_key() -> None:
    """Some tool has given the record another key: AMQP's consumers must be able to read it."""
    packed = Packer("orders").pack(amqp(Properties(), "amq.topic", "k"))
    for key in (b"\xff\xfe", b"k" * 256, None):
        message = Opener("orders", FORMS).open(key, b"v", packed.headers, NOW_MS)
        assert message.envelope.routing_key == "orders"


def test_a_reserved_header_with_names_that_nobody_can_have_is_not_ours() -> None:
    for exchange in ("\udcff", "x" * 256):
        written = Packer("orders").pack(amqp(Properties(), exchange, "k")).headers
        message = Opener("orders", FORMS).open(b"k", b"v", written, NOW_MS)
        assert message.envelope.exchange == ""
