"""What MQTT says, in the words of all protocols; and back."""

from typing import Any

import pytest

from anymq.core.message import Properties
from anymq.protocols.amqp.fields import Decimal
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.mqtt.form import MQTT_FORM, packed, sayable, unpacked
from anymq.protocols.mqtt.properties import P

FULL: dict[int, Any] = {
    P.PAYLOAD_FORMAT: 1,
    P.MESSAGE_EXPIRY: 60,
    P.CONTENT_TYPE: "text/plain",
    P.RESPONSE_TOPIC: "answers/to.me/1",
    P.CORRELATION_DATA: b"\xff\x001",
    P.USER_PROPERTY: [("a", "1"), ("b", "ü"), ("a", "2"), ("CC", "x")],
}
LONG = {
    P.CONTENT_TYPE: "t" * 300,
    P.RESPONSE_TOPIC: "r/" * 150,
    P.CORRELATION_DATA: b"\x01\xfe" * 200,
}


def normal(properties: dict[int, Any]) -> dict[int, Any]:
    """Bring user properties in an order: that between different names means nothing."""
    pairs = sorted(properties.get(P.USER_PROPERTY, []), key=lambda pair: str(pair[0]))
    return {**properties, **({P.USER_PROPERTY: pairs} if pairs else {})}


@pytest.mark.parametrize("said", [{}, FULL, LONG])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_there_and_back(said: dict[int, Any], qos: int) -> None:
    """As a dead letter goes, which is read and written again."""
    flags, _, properties = unpacked(MQTT_FORM.write(MQTT_FORM.read(packed(qos, "me", said))))
    assert flags == qos
    assert normal(dict(properties)) == normal(said)


@pytest.mark.parametrize("said", [{}, FULL, LONG])
def test_to_amqp_and_back(said: dict[int, Any]) -> None:
    """What a client of AMQP gets, and would send on."""
    theirs = AMQP_FORM.write(MQTT_FORM.read(packed(1, "me", said)))
    _, _, properties = unpacked(MQTT_FORM.write(AMQP_FORM.read(theirs)))
    assert normal(dict(properties)) == normal(said)


def test_what_amqp_gets() -> None:
    """In its own properties, where it has them."""
    read = MQTT_FORM.read(packed(2, "me", FULL))
    assert read.delivery_mode == 2
    assert read.expiration == "60000"
    assert read.content_type == "text/plain"
    assert read.reply_to == "/exchanges/amq.topic/answers.to%2Fme.1"
    assert read.headers["a"] == ["1", "2"]
    assert read.headers["x-mqtt-publish-qos"] == 2
    assert "CC" not in read.headers


def test_what_mqtt_gets() -> None:
    """Headers are user properties, as text; what MQTT has no place for, too."""
    said = sayable(
        Properties(
            headers={
                "n": 5,
                "t": {"a": [1, True]},
                "s": "x",
                "b": b"bytes",
                "nul": "\0",
                "raw": b"\xff\0",
                "price": Decimal(2, 1205),
                "all": ["1", "2"],
            },
            expiration="1500",
            reply_to="jobs",
            correlation_id="7",
            message_id="m",
            priority=3,
        )
    )
    assert said == {
        P.MESSAGE_EXPIRY: 2,
        P.RESPONSE_TOPIC: "$queue/jobs",
        P.CORRELATION_DATA: b"7",
        P.USER_PROPERTY: [
            ("message-id", "m"),
            ("priority", "3"),
            ("n", "5"),
            ("t", '{"a":[1,true]}'),
            ("s", "x"),
            ("b", "bytes"),
            ("nul", "AA=="),  # MQTT forbids it in texts
            ("raw", "/wA="),
            ("price", "12.05"),
            ("all", "1"),
            ("all", "2"),
        ],
    }


def test_what_mqtt_has_no_place_for_comes_back() -> None:
    """Its client hands on the user properties that it got."""
    said = Properties(
        priority=5,
        timestamp=1_700_000_000,
        message_id="m",
        type="t",
        app_id="a",
        content_encoding="gzip",
        headers={"n": "1"},
        delivery_mode=2,
    )
    told = packed(1, "me", sayable(said))
    back = MQTT_FORM.read(told)
    assert back == said.with_headers(**{"x-mqtt-publish-qos": 1})
    assert MQTT_FORM.traits(told).priority == 5


@pytest.mark.parametrize("value", ["07", "256", "-1", "+1", "high", "", "1" * 400])
def test_what_is_no_priority_is_a_header(value: str) -> None:
    """A device may call so what it likes."""
    told = packed(1, "me", {P.USER_PROPERTY: [("priority", value)]})
    read = MQTT_FORM.read(told)
    assert (read.priority, read.headers["priority"]) == (None, value)
    assert MQTT_FORM.traits(told).priority is None


def test_nobody_says_for_mqtt_who_wrote_it() -> None:
    """AMQP's user-id is checked by the broker: a user property of that name is but a header."""
    read = MQTT_FORM.read(packed(1, "me", {P.USER_PROPERTY: [("user-id", "admin")]}))
    assert (read.user_id, read.headers["user-id"]) == (None, "admin")


@pytest.mark.parametrize("name", ["CC", "BCC"])
@pytest.mark.parametrize("value", ['["elsewhere"]', "elsewhere"])
def test_no_user_property_sends_a_message_elsewhere(name: str, value: str) -> None:
    """Where CC says, a message goes without a question of rights: also if it looks like ours."""
    for said in (name, f"x-json:{name}"):
        read = MQTT_FORM.read(packed(1, "me", {P.USER_PROPERTY: [(said, value)]}))
        assert name not in read.headers


def test_correlation_data_that_is_no_text() -> None:
    """A header of bytes for others: clients of AMQP may break on a property that is no text."""
    read = MQTT_FORM.read(packed(1, "me", {P.CORRELATION_DATA: b"\xff\0"}))
    assert (read.correlation_id, read.headers["correlation-id"]) == (None, b"\xff\0")
    assert sayable(read) == {P.CORRELATION_DATA: b"\xff\0"}


def test_the_history_of_a_dead_letter_can_be_read_again() -> None:
    """Or it would go in circles for ever."""
    deaths = [{"queue": "q", "reason": "expired", "count": 1, "routing-keys": ["a"]}]
    read = MQTT_FORM.read(MQTT_FORM.write(Properties(headers={"x-death": deaths})))
    assert read.headers["x-death"] == deaths


def test_what_is_not_of_this_form() -> None:
    """It is told apart."""
    for data in (b"", b"\0", b"\0\0\5a", b"\0\0\0\1\x17"):
        with pytest.raises(ValueError, match=r"."):
            MQTT_FORM.traits(data)
