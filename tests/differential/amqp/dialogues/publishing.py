"""basic.publish, return, confirms: what becomes of a message, and what it may hold."""

from typing import Any

from tests.differential.amqp.fields import Typed
from tests.differential.amqp.talk import Talk

EVERYTHING: dict[str, Any] = {
    "content_type": "text/plain",
    "content_encoding": "utf-8",
    "delivery_mode": 2,
    "priority": 3,
    "correlation_id": "corr",
    "reply_to": "reply",
    "expiration": "60000",
    "message_id": "id",
    "timestamp": 1000000000,
    "type": "kind",
    "user_id": "guest",
    "app_id": "app",
    "cluster_id": "cluster",
}


def all_properties_come_back(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("body", "q", headers={"h": "v"}, **EVERYTHING)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take()


def no_properties_stay_none(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("", "q")
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take()


def empty_properties_stay_empty(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("", "q", content_type="", correlation_id="", headers={}, priority=0, timestamp=0)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take()


def every_type_of_header_comes_back(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    headers = {
        "bool": True,
        "byte": Typed("b", -5),
        "octet": Typed("B", 200),
        "short": Typed("s", -500),
        "word": Typed("u", 50000),
        "int": Typed("I", -70000),
        "uint": Typed("i", 3000000000),
        "long": Typed("l", 1 << 40),
        "small-long": Typed("l", 7),
        "float": Typed("f", 0.5),
        "double": 0.25,
        "decimal": Typed("D", (2, 1234)),
        "time": Typed("T", 1000000000),
        "text": "Käse",
        "bytes": b"\x00\xff",
        "nothing": None,
        "table": {"deep": {"deeper": [1, {"x": "y"}]}},
        "list": [1, "two", False, None, []],
        "": "no name",
    }
    ch.publish("body", "q", headers=headers)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take()


def bodies_of_any_bytes(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.publish(bytes(range(256)), "q")
    ch.publish(b"\xce\x01\x00\x00", "q")
    ch.take(2)


def bodies_at_the_edges_of_frames(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    for size in (131063, 131064, 131065, 262128, 262129, 1 << 20):
        ch.publish(b"x" * size, "q")
        ch.take()


def small_frames(talk: Talk) -> None:
    connection = talk.connection(frame_max=8192)
    ch = connection.channel()
    ch("queue.declare", queue="q")
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.publish(b"x" * 100000, "q")
    ch.take()


def confirms_count_from_one(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("before", "q")
    ch("confirm.select")
    ch.publish("one", "q")
    ch.take()
    ch.publish("two", "q", delivery_mode=2)
    ch.take()


def confirms_of_many(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True)
    ch("confirm.select")
    for number in range(20):
        ch.publish(str(number), "q", delivery_mode=2)
    ch.confirms(20)
    ch("queue.declare", queue="q", passive=True)


def confirm_select_twice(talk: Talk) -> None:
    ch = talk.channel()
    ch("confirm.select")
    ch("confirm.select")
    ch("confirm.select", nowait=True)
    ch.publish("x", "nowhere")
    ch.take()


def nowhere_is_confirmed(talk: Talk) -> None:
    ch = talk.channel()
    ch("confirm.select")
    ch.publish("x", "nowhere")
    ch.take()


def mandatory_comes_back(talk: Talk) -> None:
    ch = talk.channel()
    ch.publish("x", "nowhere", mandatory=True, headers={"a": 1}, **EVERYTHING)
    ch.take()


def mandatory_comes_back_from_an_exchange(talk: Talk) -> None:
    ch = talk.channel()
    ch.publish("x", "k", "amq.fanout", mandatory=True)
    ch.take()


def mandatory_comes_back_before_its_confirm(talk: Talk) -> None:
    ch = talk.channel()
    ch("confirm.select")
    ch.publish("one", "nowhere", mandatory=True)
    ch.take(2)
    ch.publish("two", "nowhere", mandatory=True)
    ch.take(2)


def mandatory_that_arrives_is_not_returned(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("confirm.select")
    ch.publish("x", "q", mandatory=True)
    ch.take()
    ch.quiet()


def large_message_returned(talk: Talk) -> None:
    ch = talk.channel()
    ch.publish(b"z" * 300000, "nowhere", mandatory=True)
    ch.take()


def immediate_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", immediate=True)
    ch.take()


def user_id_must_be_true(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", user_id="somebody else")
    ch.take()


def expiration_that_is_no_number(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", expiration="soon")
    ch.take()


def expiration_negative(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", expiration="-1")
    ch.take()


def expiration_with_spaces(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", expiration=" 5")
    ch.take()


def expiration_of_a_float(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", expiration="1.5")
    ch.take()


def expiration_too_large(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", expiration="99999999999999")
    ch.take()


def expiration_empty(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("x", "q", expiration="")
    ch.take()


def after_an_error_the_channel_number_is_free(talk: Talk) -> None:
    connection = talk.connection()
    one = connection.channel(1)
    one("queue.declare", queue="nope", passive=True)
    again = connection.channel(1)
    again("queue.declare", queue="q")


def what_is_sent_to_a_closing_channel_is_dropped(talk: Talk) -> None:
    connection = talk.connection()
    one = connection.channel(1)
    one("queue.declare", queue="q")
    one.publish("x", "k", "nope")
    one.publish("lost", "q")
    one.publish("lost too", "q")
    one.take()
    again = connection.channel(1)
    again("queue.declare", queue="q", passive=True)


def access_request_is_answered(talk: Talk) -> None:
    ch = talk.channel()
    ch("access.request", realm="/data", active=True, read=True, write=True)


def flow_can_be_on_but_not_off(talk: Talk) -> None:
    ch = talk.channel()
    ch("channel.flow", active=True)
    ch("channel.flow", active=False)
