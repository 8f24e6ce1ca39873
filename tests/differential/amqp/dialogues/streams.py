"""Queues of the type stream, read with AMQP 0-9-1."""

from typing import Any

from tests.differential.amqp.fields import Typed
from tests.differential.amqp.talk import Channel, Talk

STREAM = {"x-queue-type": "stream"}


def _stream(talk: Talk, *bodies: str, **arguments: Any) -> Channel:
    ch = talk.channel()
    named = {"x-" + key.replace("_", "-"): value for key, value in arguments.items()}
    ch("queue.declare", queue="s", durable=True, arguments={**STREAM, **named})
    ch("confirm.select")
    for body in bodies:
        ch.publish(body, "s")
        ch.confirms(1)
    return ch


def _reader(talk: Talk, prefetch: int = 10) -> Channel:
    ch = talk.channel()
    ch("basic.qos", prefetch_count=prefetch)
    return ch


def read_from_the_first(talk: Talk) -> None:
    _stream(talk, "a", "b", "c")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
    ch.take(3)


def read_from_a_number(talk: Talk) -> None:
    _stream(talk, "a", "b", "c")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": 1})
    ch.take(2)


def read_what_is_next(talk: Talk) -> None:
    writer = _stream(talk, "a", "b")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "next"})
    ch.quiet()
    writer.publish("c", "s")
    writer.confirms(1)
    ch.take()


def next_is_what_nobody_says(talk: Talk) -> None:
    writer = _stream(talk, "a")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c")
    ch.quiet()
    writer.publish("b", "s")
    writer.confirms(1)
    ch.take()


def read_from_long_ago(talk: Talk) -> None:
    _stream(talk, "a", "b")
    ch = _reader(talk)
    where = {"x-stream-offset": Typed("T", 1000000000)}
    ch("basic.consume", queue="s", consumer_tag="c", arguments=where)
    ch.take(2)


def read_the_last_hour(talk: Talk) -> None:
    _stream(talk, "a", "b")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "1h"})
    ch.take(2)


def read_twice(talk: Talk) -> None:
    _stream(talk, "a", "b")
    for tag in ("one", "two"):
        ch = _reader(talk)
        ch("basic.consume", queue="s", consumer_tag=tag, arguments={"x-stream-offset": "first"})
        ch.take(2)
        ch("basic.ack", delivery_tag=2, multiple=True)
        ch("basic.cancel", consumer_tag=tag)


def credit_by_acks(talk: Talk) -> None:
    _stream(talk, "a", "b", "c")
    ch = _reader(talk, 1)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
    ch.take()
    ch.quiet()
    ch("basic.ack", delivery_tag=1)
    ch.take()


def nothing_is_put_back(talk: Talk) -> None:
    _stream(talk, "a", "b")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
    ch.take(2)
    ch("basic.nack", delivery_tag=1, requeue=True)
    ch("basic.reject", delivery_tag=2, requeue=False)
    ch.quiet()


def without_prefetch(talk: Talk) -> None:
    _stream(talk)
    ch = talk.channel()
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})


def without_acks(talk: Talk) -> None:
    _stream(talk)
    _reader(talk)("basic.consume", queue="s", consumer_tag="c", no_ack=True)


def get_is_not_there(talk: Talk) -> None:
    _stream(talk, "a")
    talk.channel()("basic.get", queue="s")


def unknown_place_to_begin(talk: Talk) -> None:
    _stream(talk)
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "somewhere"})


def place_to_begin_of_another_type(talk: Talk) -> None:
    _stream(talk)
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": True})


def beyond_the_end(talk: Talk) -> None:
    writer = _stream(talk, "a")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": 100})
    writer.publish("b", "s")
    writer.confirms(1)
    ch.quiet()


def must_be_durable(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="s", arguments=STREAM)


def must_not_be_exclusive(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="s", durable=True, exclusive=True, arguments=STREAM)


def must_not_be_auto_delete(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="s", durable=True, auto_delete=True, arguments=STREAM)


def must_have_a_name(talk: Talk) -> None:
    talk.channel()("queue.declare", durable=True, arguments=STREAM)


def age_in_units(talk: Talk) -> None:
    _stream(talk, max_age="7D")


def age_that_is_none(talk: Talk) -> None:
    arguments = {**STREAM, "x-max-age": "seven days"}
    talk.channel()("queue.declare", queue="s", durable=True, arguments=arguments)


def no_message_ttl(talk: Talk) -> None:
    arguments = {**STREAM, "x-message-ttl": 1000}
    talk.channel()("queue.declare", queue="s", durable=True, arguments=arguments)


def no_dead_letters(talk: Talk) -> None:
    arguments = {**STREAM, "x-dead-letter-exchange": ""}
    talk.channel()("queue.declare", queue="s", durable=True, arguments=arguments)


def no_purge(talk: Talk) -> None:
    ch = _stream(talk, "a")
    ch("queue.purge", queue="s")


def headers_and_properties(talk: Talk) -> None:
    ch = _stream(talk)
    headers = {"a": 1, "deep": {"b": [True, None]}, "wide": Typed("l", 5)}
    ch.publish(
        "m", "s", headers=headers, content_type="t", correlation_id="c", timestamp=1000000000
    )
    ch.publish("m", "s", delivery_mode=2, priority=3, message_id="id", reply_to="r", app_id="a")
    ch.confirms(2)
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
    ch.take(2)


def by_an_exchange(talk: Talk) -> None:
    ch = _stream(talk)
    ch("queue.bind", queue="s", exchange="amq.topic", routing_key="x.#")
    ch.publish("m", "x.y", "amq.topic")
    ch.confirms(1)
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
    ch.take()


def filtered(talk: Talk) -> None:
    ch = _stream(talk)
    for body, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        ch.publish(body, "s", headers={"x-stream-filter-value": colour})
        ch.confirms(1)
    ch = _reader(talk)
    arguments = {"x-stream-offset": "first", "x-stream-filter": "red"}
    ch("basic.consume", queue="s", consumer_tag="c", arguments=arguments)
    ch.take(2)


def deleted_while_it_is_read(talk: Talk) -> None:
    _stream(talk, "a")
    ch = _reader(talk)
    ch("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
    ch.take()
    talk.channel()("queue.delete", queue="s")
    ch.take()


def declared_again_otherwise(talk: Talk) -> None:
    _stream(talk, max_length_bytes=1000000)
    arguments = {**STREAM, "x-max-length-bytes": 2000000}
    talk.channel()("queue.declare", queue="s", durable=True, arguments=arguments)
