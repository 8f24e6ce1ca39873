"""What MQTT says, in the words of all protocols; and back."""

from typing import Any

import pytest

from anymq.core.message import Properties
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
            headers={"n": 5, "t": {"a": [1, True]}, "s": "x", "b": b"bytes", "nul": "\0"},
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
            ("n", "5"),
            ("t", '{"a":[1,true]}'),
            ("s", "x"),
            ("b", "bytes"),
            ("priority", "3"),
            ("message-id", "m"),
        ],
    }


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
