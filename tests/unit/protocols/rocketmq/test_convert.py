"""RocketMQ's messages in topics: the same bytes come back, and others can read them."""

from zlib import crc32

import pytest

from anymq.core.message import Envelope, Message, Properties
from anymq.core.portable.opener import Opener
from anymq.core.portable.packer import Packer
from anymq.core.portable.record_form import RECORD_FORM
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.rocketmq import convert, layout
from anymq.protocols.rocketmq.convert import Passes, Pulled, Teller, batch_of, form_of, record_of
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM, Said, packed, unpacked
from anymq.protocols.rocketmq.layout import Stored, read_messages, write_properties
from anymq.storage import records
from anymq.storage.batch import BatchHeader

FORMS = {form.number: form for form in (RECORD_FORM, AMQP_FORM, ROCKETMQ_FORM)}
BORN = layout.packed_host(bytes((10, 0, 0, 7)), 51234)
BORN_V6 = layout.packed_host(bytes(range(16)), 51234)
STORE = layout.packed_host(bytes((127, 0, 0, 1)), 10911)
STORE_V6 = layout.packed_host(bytes(15) + b"\1", 10911)
NOW_MS = 1_700_000_000_123

PROPERTIES = write_properties(
    {"UNIQ_KEY": "7F0000010A9F", "WAIT": "true", "TAGS": "red", "KEYS": "order-1", "a": "Grüße"}
)
SAID = Said(PROPERTIES, 3, 0x101, NOW_MS - 5, BORN, 2, 99)


def pulled(
    batch: bytes, name: str = "T", host: bytes = STORE, passes: Passes | None = None
) -> list[Stored]:
    """Read a batch as a pull does."""
    teller = Teller(name, name, host, FORMS)
    pull = Pulled(teller, 4, 17, passes)
    for record in records.iterate(batch):
        headers = records.encode_headers(record.headers)
        pull.take(record.offset + 100, record.timestamp, record.key, record.value, headers)
    answer = b"".join(pull.parts)
    assert pull.size == len(answer)
    return list(read_messages(answer))


@pytest.mark.parametrize("host", [STORE, STORE_V6])
@pytest.mark.parametrize("born", [BORN, BORN_V6])
@pytest.mark.parametrize("name", ["T", "t" * 127, "t" * 128, "t" * 255])
@pytest.mark.parametrize("body", [b"", b"hello", bytes(range(256)) * 20])
def test_what_was_sent_is_pulled(host: bytes, born: bytes, name: str, body: bytes) -> None:
    """Every number and every byte of it; where it lies comes from us."""
    said = SAID._replace(born_host=born)
    [message] = pulled(batch_of([(said, body)], NOW_MS), name, host)
    flags = 0x101 | (0x10 if born is BORN_V6 else 0) | (0x20 if host is STORE_V6 else 0)
    assert message == Stored(
        *(name, 4, 100, 17 << 40 | 100, 3, flags, NOW_MS - 5, born, NOW_MS, host, 2, 99),
        *(body, PROPERTIES, crc32(body) & 0x7FFF_FFFF),
    )


def test_a_message_that_says_nothing() -> None:
    """No properties at all."""
    [message] = pulled(batch_of([(Said(b""), b"x")], NOW_MS))
    assert (message.properties, message.body, message.sys_flag) == (b"", b"x", 0)


def test_what_comes_again_is_written_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is remembered for that has a limit."""
    monkeypatch.setattr(convert, "WRITTEN_MAX", 3)
    texts = {"KEYS": "k", "TAGS": "t", "WAIT": "true", "UNIQ_KEY": "u", "CC": "c", "long": "x" * 99}
    texts |= {f"name{number}": "value" for number in range(9)}
    told = SAID._replace(properties=write_properties(texts))
    once = batch_of([(told, b"")], NOW_MS)
    assert batch_of([(told, b"")], NOW_MS) == once
    assert len(convert._WRITTEN) <= 3
    *_, record = records.iterate(once)
    plain = {name: value for name, value in record.headers if name != b"anymq"}
    assert plain.keys() >= {b"name0", b"name8", b"long", b"x-rocketmq-CC"}
    assert b"WAIT" not in plain
    assert record.key == b"k"


def test_many_messages() -> None:
    """One answer, one after the other, each at its offset."""
    sent = [(SAID._replace(flag=n), b"%d" % n) for n in range(100)]
    messages = pulled(batch_of(sent, NOW_MS))
    assert [(m.offset, m.flag, m.body) for m in messages] == [
        (100 + n, n, b"%d" % n) for n in range(100)
    ]


def test_those_that_do_not_pass_are_left_out() -> None:
    """A filter is asked with what the message says."""
    sent = [(Said(write_properties({"TAGS": tag})), tag.encode()) for tag in ("a", "b", "a")]

    def passes(form: bytes) -> bool:
        return layout.property_of(unpacked(form).properties, b"TAGS") == b"a"

    assert [m.offset for m in pulled(batch_of(sent, NOW_MS), passes=passes)] == [100, 102]


def test_kafka_reads_it() -> None:
    """The key is a key, what the user says are headers, what is between clients and us is not."""
    [record] = records.iterate(batch_of([(SAID, b"hello")], NOW_MS))
    assert (record.key, record.value, record.timestamp) == (b"order-1", b"hello", NOW_MS)
    (name, _), *plain = record.headers
    assert name == b"anymq"
    assert dict(plain) == {
        b"message-id": b"7F0000010A9F",
        b"type": b"red",
        b"KEYS": b"order-1",
        b"a": "Grüße".encode(),
        b"content-encoding": b"lz4",
    }


def test_what_was_changed_on_the_way_is_read_as_it_is_now() -> None:
    """A stream processor adds a header: RocketMQ's clients see it."""
    [record] = records.iterate(batch_of([(SAID, b"hello")], NOW_MS))
    changed = record._replace(headers=(*record.headers, (b"trace", b"1")))
    [message] = pulled(records.build([changed]))
    properties = layout.read_properties(message.properties)
    assert (properties["trace"], properties["a"], properties["TAGS"]) == ("1", "Grüße", "red")
    assert message.body == b"hello"


def test_a_kafka_record_is_pulled() -> None:
    """Its key is KEYS, its headers are properties, its time is when it was born."""
    headers = ((b"a", b"b"), (b"bytes", b"\xff\0"), (b"none", None), (b"type", b"red"))
    [message] = pulled(records.build([records.Record(b"v", b"k1", headers, NOW_MS)]))
    assert layout.read_properties(message.properties) == {
        "KEYS": "k1",
        "a": "b",
        "bytes": "/wA=",
        "TAGS": "red",
    }
    assert (message.born_ms, message.stored_ms) == (NOW_MS, NOW_MS)


def test_amqps_message_in_a_topic_is_pulled() -> None:
    """Properties that RocketMQ knows are its own, the others are shown."""
    said = Properties(
        headers={"n": 5, "table": {"a": 1}, "CC": ["x"]},
        message_id="m1",
        correlation_id="c1",
        type="red",
        content_type="text/plain",
        expiration="1000",
    )
    message = Message(Envelope("", "T", AMQP_FORM), AMQP_FORM.write(said), b"v", NOW_MS)
    key, headers = Packer("T").pack(message)
    made = records.encode_with_headers(0, 0, key, b"v", headers)
    fields = BatchHeader(*(0, 0, 0, 2, 0, 0, 0, NOW_MS, NOW_MS, -1, -1, -1, 1))
    [stored] = pulled(records.seal(made, fields))
    assert layout.read_properties(stored.properties) == {
        "UNIQ_KEY": "m1",
        "CORRELATION_ID": "c1",
        "TAGS": "red",
        "content-type": "text/plain",
        "expires-at": str(NOW_MS + 1000),
        "n": "5",
        "table": '{"a":1}',
        "CC": '["x"]',
    }
    assert form_of(message) == packed(Said(stored.properties, born_ms=NOW_MS))


def test_amqp_reads_it() -> None:
    """Out of a topic, as an opener does it for every other protocol."""
    key, headers = record_of(SAID)
    message = Opener("T", FORMS).open(key, b"hello", headers, NOW_MS)
    assert message.envelope.form is ROCKETMQ_FORM
    assert message.properties == packed(SAID)
    says = message.read()
    assert (says.message_id, says.type, says.content_encoding) == ("7F0000010A9F", "red", "lz4")
    assert says.headers["x-key"] == "order-1"
    assert says.headers["a"] == "Grüße"
    assert says.timestamp == NOW_MS // 1000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"a": "b", "x-key": "k"},
        {"KEYS": "k1 k2", "x-key": "shard"},
        {"n": 5, "t": {"a": [1, None, True]}, "odd": "a\1b\2", "x-rocketmq-CC": "x"},
        {"x-rocketmq-flag": 3, "x-rocketmq-sys-flag": 0x101, "x-rocketmq-reconsume-times": 2},
    ],
)
def test_the_form_reads_what_it_writes(headers: dict[str, object]) -> None:
    """What dead-lettering adds to a message comes back with its types."""
    says = Properties(
        headers=headers, message_id="m", type="t", priority=3, timestamp=1_700_000_000
    )
    read = ROCKETMQ_FORM.read(ROCKETMQ_FORM.write(says))
    assert read.headers == headers
    assert (read.message_id, read.type, read.priority) == ("m", "t", 3)
    assert ROCKETMQ_FORM.write(read) == ROCKETMQ_FORM.write(says)


def test_it_expires_when_it_says() -> None:
    """Counted from when it was born, as the same clock says both."""
    said = Said(write_properties({"expires-at": str(NOW_MS + 5000), "priority": "7"}), 0, 0, NOW_MS)
    assert ROCKETMQ_FORM.traits(packed(said)).expiration_ms == 5000
    assert ROCKETMQ_FORM.traits(packed(said)).priority == 7
    says = ROCKETMQ_FORM.read(packed(said))
    assert ROCKETMQ_FORM.read(ROCKETMQ_FORM.write(says.with_headers(a="b"))).expiration == "5000"


def test_users_may_say_what_is_a_property_elsewhere() -> None:
    """By the names that Kafka's clients use, unless RocketMQ's own names say it."""
    said = write_properties({"correlation-id": "c", "reply-to": "q", "type": "t", "TAGS": "red"})
    says = ROCKETMQ_FORM.read(packed(Said(said)))
    assert (says.correlation_id, says.reply_to, says.type) == ("c", "q", "red")
    assert says.headers == {"type": "t"}


def test_what_is_not_of_the_form() -> None:
    """Anybody can write a header of that name."""
    for size in range(36):
        with pytest.raises(ValueError, match="not what RocketMQ says"):
            ROCKETMQ_FORM.traits(bytes(size))


def test_a_body_that_says_too_much_is_cut_at_a_property() -> None:
    """Clients read the length of the properties as a signed short."""
    many = {f"name-{n}": "x" * 100 for n in range(400)}
    message = pulled(batch_of([(Said(write_properties(many)), b"")], NOW_MS))[0]
    properties = layout.read_properties(message.properties)
    assert len(message.properties) <= 32767
    assert properties.items() <= many.items()
    assert len(properties) > 290


def test_how_it_lies_on_the_disk() -> None:
    """For ever: another form would need another number."""
    key, headers = record_of(SAID)
    assert key == b"order-1"
    assert headers.hex() == (
        "0c0a616e796d71d601010505981ed132"
        "00000003000001010000018bcfe568760a0000070000c82200000002"
        "0000000000000063"
        "554e49515f4b45590137463030303030313041394602574149540174727565025441475301726564024b455953"
        "016f726465722d310261014772c3bcc39f6502"
        "146d6573736167652d69641837463030303030313041394608747970650672656408"
        "4b4559530e6f726465722d3102610e4772c3bcc39f6520636f6e74656e742d656e636f64696e67066c7a34"
    )
