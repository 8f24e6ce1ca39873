"""Methods, field tables, properties: against another codec (pamqp), and any bytes at all."""

import datetime
import struct
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal as PythonDecimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import base, commands
from pamqp import body as pamqp_body
from pamqp import decode as pamqp_decode
from pamqp import encode as pamqp_encode
from pamqp import frame as pamqp_frame
from pamqp import header as pamqp_header

from anymq.core.message import Properties
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import content_frames, in_erlang, method_frame
from anymq.protocols.amqp.errors import ConnectionFault, shortened
from anymq.protocols.amqp.fields import (
    DEPTH_MAX,
    Decimal,
    Float32,
    Int8,
    Int16,
    Int64,
    LongBytes,
    MalformedFields,
    Timestamp,
    UInt8,
    UInt16,
    UInt32,
    check_table,
    decode_table,
    encode_table,
    encode_value,
)
from anymq.protocols.amqp.methods import METHODS, Method
from anymq.protocols.amqp.properties import (
    AMQP_FORM,
    REMEMBERED_MAX,
    InvalidExpiration,
    parse_expiration,
)

SHORT = st.text(max_size=60).filter(lambda text: len(text.encode()) < 256)
PLAIN_VALUES: dict[str, Any] = {
    "text": "grüße",
    "number": 5,
    "big": 1 << 40,
    "negative": -7,
    "yes": True,
    "no": False,
    "real": 2.5,
    "nothing": None,
    "list": [1, "two", [3.5, None], {"four": 4}],
    "table": {"a": {"b": {}}},
    "bytes": b"\0\xff",
}
EXACT_VALUES: dict[str, Any] = {
    **PLAIN_VALUES,
    "l": Int64(5),
    "b": Int8(-5),
    "B": UInt8(200),
    "s": Int16(-300),
    "u": UInt16(60_000),
    "i": UInt32(1 << 31),
    "f": Float32(1.5),
    "T": Timestamp(1 << 63),
    "D": Decimal(2, 314),
    "S": LongBytes(b"\xff\xfe"),
}

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 63), (1 << 63) - 1),
        st.floats(allow_nan=False),
        st.text(max_size=20),
        st.binary(max_size=20),
        st.integers(0, 255).map(UInt8),
        st.integers(0, (1 << 64) - 1).map(Timestamp),
        st.integers(-(1 << 63), (1 << 63) - 1).map(Int64),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(SHORT, inner, max_size=4)),
    max_leaves=12,
)
TABLES = st.dictionaries(SHORT, VALUES, max_size=5)


def typed(value: Any) -> Any:
    """A value with its types, for comparison: 5 and Int64(5) are equal otherwise."""
    if isinstance(value, dict):
        return {name: typed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    if type(value) is int and not -(1 << 31) <= value < 1 << 31:
        return Int64, value  # what it comes back as
    return type(value), value


def read(data: bytes) -> dict[str, Any]:
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    check_table(data, 4, len(data))
    return decode_table(data, 4, len(data))


# -- field tables


def test_what_came_is_what_goes() -> None:
    """A header's type means something to some receivers."""
    again = read(encode_table(EXACT_VALUES))
    assert typed(again) == typed(EXACT_VALUES)
    assert encode_table(again) == encode_table(EXACT_VALUES)


@given(TABLES)
def test_any_table_comes_back(table: dict[str, Any]) -> None:
    """Nested, empty, with any text."""
    assert typed(read(encode_table(table))) == typed(table)


def test_another_codec_reads_what_we_write() -> None:
    """pamqp, which several Python clients are built on."""
    _, theirs = pamqp_decode.field_table(encode_table(PLAIN_VALUES))
    expected = {**PLAIN_VALUES, "bytes": bytearray(b"\0\xff")}
    assert {**theirs, "bytes": theirs["bytes"]} == expected


def test_we_read_what_another_codec_writes() -> None:
    """Every type that it knows."""
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    values: dict[str, Any] = {
        "text": "x",
        "small": 5,
        "big": 1 << 40,
        "real": 2.5,
        "yes": True,
        "when": when,
        "price": PythonDecimal("3.14"),
        "list": [1, "a"],
        "table": {"a": 1},
        "nothing": None,
    }
    data = pamqp_encode.field_table(values)
    assert read(data) == {
        **values,
        "when": Timestamp(when.timestamp()),
        "price": Decimal(2, 314),
    }


def test_of_two_fields_with_one_name_the_first_counts() -> None:
    """As in RabbitMQ, which looks from the front."""
    fields = b"\x01aI\0\0\0\x01\x01aI\0\0\0\x02"
    assert decode_table(fields, 0, len(fields)) == {"a": 1}


def test_both_large_integers_are_signed() -> None:
    """`L` is unsigned in the specification, and signed in RabbitMQ."""
    fields = b"\x01aL" + b"\xff" * 8
    assert typed(decode_table(fields, 0, len(fields))) == {"a": (Int64, -1)}


@pytest.mark.parametrize(
    "fields",
    [
        b"\x05ab",
        b"\x01a",
        b"\x01aQ",
        b"\x01aI\0\0",
        b"\x01aS\0\0\0\x09abc",
        b"\x01aF\0\0\0\x05\x01aI\0\0",
        b"\x01aA\0\0\0\x01I",
        b"\x01aA\0\0\0\x09II",
        b"\x01ad\0",
        b"\x01aD\0\0",
        b"\x01ax\xff\xff\xff\xff",
    ],
)
def test_lengths_that_lie_are_noticed(fields: bytes) -> None:
    """By the quick look, and by the thorough one."""
    for look in (decode_table, check_table):
        with pytest.raises(MalformedFields):
            look(fields, 0, len(fields))


@pytest.mark.parametrize("kind", ["F", "A"])
def test_nesting_has_a_limit(kind: str) -> None:
    """Our stack is not theirs to use up."""

    def nested(depth: int) -> bytes:
        value = b""
        for _ in range(depth):
            name = b"\x01a" if kind == "F" else b""
            value = name + kind.encode() + len(value).to_bytes(4, "big") + value
        return b"\x01a" + value if kind == "A" else value

    assert decode_table(nested(DEPTH_MAX), 0, len(nested(DEPTH_MAX)))
    check_table(nested(DEPTH_MAX), 0, len(nested(DEPTH_MAX)))
    deep = nested(DEPTH_MAX + 1)
    for look in (decode_table, check_table):
        with pytest.raises(MalformedFields):
            look(deep, 0, len(deep))


@settings(max_examples=300)
@given(st.binary(max_size=40))
def test_the_quick_look_sees_what_the_thorough_one_sees(fields: bytes) -> None:
    """Properties are checked by the one, and read later by the other."""
    assert _is_refused(check_table, fields) == _is_refused(decode_table, fields)


def _is_refused(look: Any, fields: bytes) -> bool:
    try:
        look(fields, 0, len(fields))
    except MalformedFields:
        return True
    return False


@pytest.mark.parametrize("value", [1 << 70, "\ud800", object(), {"x" * 256: 1}, Int8(300)])
def test_what_has_no_bytes_is_refused(value: Any) -> None:
    """Rather than cut, or written as something else."""
    with pytest.raises(MalformedFields):
        encode_value(value)


# -- methods

BY_KIND: dict[str, st.SearchStrategy[Any]] = {
    "shortstr": SHORT,
    "longstr": st.binary(max_size=300),
    "bit": st.booleans(),
    "B": st.integers(0, 255),
    "H": st.integers(0, (1 << 16) - 1),
    "I": st.integers(0, (1 << 32) - 1),
    "Q": st.integers(0, (1 << 64) - 1),
    "table": TABLES,
}


@given(st.sampled_from(sorted(METHODS)), st.data())
def test_every_method_comes_back(key: int, data: st.DataObject) -> None:
    """With any values."""
    cls = METHODS[key]
    method = cls(*(data.draw(BY_KIND[kind]) for _, kind in cls.LAYOUT))
    payload = methods.encode(method)
    assert methods.decode(payload) == method
    with pytest.raises(ConnectionFault):
        methods.decode(payload + b"\0")
    if len(payload) > 4:
        with pytest.raises(ConnectionFault):
            methods.decode(payload[:-1])


THEIR_NAMES = {"type": "exchange_type"}


@pytest.mark.filterwarnings("ignore:This command is deprecated")
@pytest.mark.parametrize("key", sorted(commands.INDEX_MAPPING), ids=lambda key: METHODS[key].NAME)
def test_another_codec_understands_every_method(key: int) -> None:
    """The same fields at the same places."""
    cls = METHODS[key]
    values = [_example(kind, number) for number, (_, kind) in enumerate(cls.LAYOUT)]
    _, channel, theirs = pamqp_frame.unmarshal(method_frame(3, cls(*values)))
    assert channel == 3
    assert isinstance(theirs, base.Frame)
    assert theirs.index == key
    for (name, kind), value in zip(cls.LAYOUT, values, strict=True):
        expected = value.decode() if kind == "longstr" else value
        assert getattr(theirs, THEIR_NAMES.get(name, name)) == expected, name


def _example(kind: str, number: int) -> Any:
    return {
        "shortstr": f"text-{number}",
        "longstr": b"long",
        "bit": number % 2 == 0,
        "table": {"a": 1},
    }.get(kind, number + 1)


def test_no_method_is_missing() -> None:
    """Of all that pamqp knows."""
    theirs = set(commands.INDEX_MAPPING)
    assert theirs - set(METHODS) == set()


@settings(max_examples=300)
@given(st.sampled_from(sorted(METHODS)), st.binary(max_size=30))
def test_any_bytes_are_a_method_or_an_error(key: int, rest: bytes) -> None:
    """And nothing else."""
    with suppress(ConnectionFault):
        assert isinstance(methods.decode(struct.pack(">I", key) + rest), Method)


# -- properties

PROPERTIES = Properties(
    headers=EXACT_VALUES,
    content_type="application/json",
    content_encoding="utf-8",
    delivery_mode=2,
    priority=9,
    correlation_id="c",
    reply_to="r",
    expiration="60000",
    message_id="m",
    timestamp=1_700_000_000,
    type="t",
    user_id="u",
    app_id="a",
    cluster_id="k",
)


def test_properties_come_back() -> None:
    """All of them, and each alone, and none."""
    assert AMQP_FORM.read(AMQP_FORM.write(PROPERTIES)) == PROPERTIES
    for name in Properties.__dataclass_fields__:
        alone = Properties(**{name: getattr(PROPERTIES, name)})
        assert AMQP_FORM.read(AMQP_FORM.write(alone)) == alone
    assert AMQP_FORM.write(Properties()) == b"\0\0"


def test_another_codec_reads_our_properties() -> None:
    """In the same order, under the same flags."""
    data = AMQP_FORM.write(replace(PROPERTIES, headers={"a": 1}))
    frames = content_frames(1, data, b"body", 0)
    size, _, theirs = pamqp_frame.unmarshal(frames)
    assert isinstance(theirs, pamqp_header.ContentHeader)
    assert theirs.body_size == 4
    assert theirs.properties.headers == {"a": 1}
    assert theirs.properties.message_type == "t"
    assert theirs.properties.cluster_id == "k"
    assert theirs.properties.priority == 9
    _, _, body = pamqp_frame.unmarshal(frames[size:])
    assert isinstance(body, pamqp_body.ContentBody)
    assert body.value == b"body"


def test_text_that_is_not_utf8_comes_out_as_it_went_in() -> None:
    """Some put raw bytes into a correlation id."""
    data = b"\x04\0\x02\xff\xfe"
    assert AMQP_FORM.write(AMQP_FORM.read(data)) == data


def test_the_core_learns_what_it_must_know() -> None:
    """Without the rest being looked at twice."""
    headers = {"x-delay": 5000, "x-deliver-at": "1700000000000", "a": 1}
    properties = AMQP_FORM.write(
        Properties(
            headers=headers, delivery_mode=2, priority=7, expiration="60000", content_type="x"
        )
    )
    traits = AMQP_FORM.traits(properties)
    assert traits == (True, 7, 60_000, True, 5000, 1_700_000_000_000)
    assert AMQP_FORM.traits(properties) is traits
    assert AMQP_FORM.traits(b"\0\0") == (False, None, None, False, None, None)
    assert not AMQP_FORM.traits(b"\x30\0\0\0\0\0\x01").has_headers


@pytest.mark.parametrize("delay", [True, "soon", [5], 2.5, b"5", {}])
def test_a_delay_that_is_none_is_just_a_header(delay: Any) -> None:
    """Others may use the name."""
    properties = AMQP_FORM.write(Properties(headers={"x-delay": delay}))
    assert AMQP_FORM.traits(properties).delay_ms is None


def test_traits_are_remembered_within_limits() -> None:
    """Every message may have an id of its own."""
    for number in range(REMEMBERED_MAX + 10):
        AMQP_FORM.traits(AMQP_FORM.write(Properties(message_id=str(number))))
    assert len(AMQP_FORM._remembered) <= REMEMBERED_MAX


@pytest.mark.parametrize(
    "properties",
    [
        b"",
        b"\x80",
        b"\x80\0\x09abc",
        b"\0\0x",
        b"\x20\0\0\0\0\x03\x01aQ",
        b"\x20\0\0\0\0\x99",
        b"\x10\0",
        b"\0\x40\0\0",
    ],
)
def test_properties_that_are_none_are_noticed_before_they_are_kept(properties: bytes) -> None:
    """Else whoever reads them later would fail."""
    with pytest.raises(MalformedFields):
        AMQP_FORM.traits(properties)
    with pytest.raises(MalformedFields):
        AMQP_FORM.read(properties)


@settings(max_examples=500)
@given(st.binary(max_size=40))
def test_what_traits_accept_can_be_read(properties: bytes) -> None:
    """What is stored was looked at once, and can be read for ever."""
    try:
        AMQP_FORM.traits(properties)
    except InvalidExpiration:
        return
    except MalformedFields:
        with pytest.raises(MalformedFields):
            AMQP_FORM.read(properties)
        return
    AMQP_FORM.read(properties)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no_integer"),
        ("abc", "no_integer"),
        ("+", "no_integer"),
        ("10x", '{leftover_string,"x"}'),
        ("-1", "{value_negative,-1}"),
        ("999999999999999", "{value_too_large,999999999999999}"),
    ],
)
def test_expirations_are_refused_as_rabbitmq_refuses_them(text: str, why: str) -> None:
    """Word for word."""
    with pytest.raises(InvalidExpiration) as refused:
        parse_expiration(text)
    assert str(refused.value) == f"invalid expiration '{text}': {why}"


# -- words


def test_texts_fit_into_a_short_string() -> None:
    """Cut between two characters."""
    assert shortened("x" * 255) == "x" * 255
    cut = shortened("é" * 200)
    assert cut.endswith("é...")
    assert len(cut.encode()) <= 255


def test_bytes_look_as_erlang_prints_them() -> None:
    """They are part of RabbitMQ's error texts."""
    assert in_erlang(b"abc") == '<<"abc">>'
    assert in_erlang(b'a"b\\') == '<<"a\\"b\\\\">>'
    assert in_erlang(b"\x01\xff") == "<<1,255>>"
    assert in_erlang(b"") == "<<>>"
