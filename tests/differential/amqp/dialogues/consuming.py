"""basic.consume, cancel, get, qos: who gets which message, and when."""

from tests.differential.amqp.talk import Channel, Talk


def _filled(talk: Talk, *bodies: str, queue: str = "q", **declare: object) -> Channel:
    ch = talk.channel()
    ch("queue.declare", queue=queue, **declare)
    ch("confirm.select")
    for body in bodies:
        ch.publish(body, queue)
    ch.confirms(len(bodies))
    return ch


def tag_by_the_server(talk: Talk) -> None:
    ch = _filled(talk, "a")
    tag = ch("basic.consume", queue="q", no_ack=True)["consumer_tag"]
    ch.take()
    ch("basic.cancel", consumer_tag=tag)


def consume_without_waiting(talk: Talk) -> None:
    ch = _filled(talk, "a")
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True, nowait=True)
    ch.take()
    ch("basic.cancel", consumer_tag="c", nowait=True)
    ch.publish("b", "q")
    ch.confirms(1)
    ch.count("q", 1)


def consume_what_is_not_there(talk: Talk) -> None:
    talk.channel()("basic.consume", queue="nope", consumer_tag="c")


def the_same_tag_twice(talk: Talk) -> None:
    ch = _filled(talk)
    ch("basic.consume", queue="q", consumer_tag="c")
    ch("basic.consume", queue="q", consumer_tag="c")


def the_same_tag_on_another_channel(talk: Talk) -> None:
    ch = _filled(talk)
    ch("basic.consume", queue="q", consumer_tag="c")
    talk.channel()("basic.consume", queue="q", consumer_tag="c")


def cancel_what_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch("basic.cancel", consumer_tag="nope")


def cancelled_keeps_what_it_has(talk: Talk) -> None:
    ch = _filled(talk, "a", "b")
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take(2)
    ch("basic.cancel", consumer_tag="c")
    ch("queue.declare", queue="q", passive=True)
    ch("basic.ack", delivery_tag=1)
    ch("basic.reject", delivery_tag=2, requeue=True)
    ch.count("q", 1)
    ch("basic.get", queue="q")


def the_tag_is_free_after_cancel(talk: Talk) -> None:
    ch = _filled(talk)
    ch("basic.consume", queue="q", consumer_tag="c")
    ch("basic.cancel", consumer_tag="c")
    ch("basic.consume", queue="q", consumer_tag="c")


def deleted_queue_cancels_its_consumers(talk: Talk) -> None:
    ch = _filled(talk, "a")
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take()
    talk.channel()("queue.delete", queue="q")
    ch.take()
    ch("basic.ack", delivery_tag=1)
    ch("basic.get", queue="q")


def deleted_queue_is_silent_without_the_capability(talk: Talk) -> None:
    ch = talk.connection(capabilities={}).channel()
    ch("queue.declare", queue="q")
    ch("basic.consume", queue="q", consumer_tag="c")
    talk.channel()("queue.delete", queue="q")
    ch.quiet()


def exclusive_consumer_is_alone(talk: Talk) -> None:
    ch = _filled(talk)
    ch("basic.consume", queue="q", consumer_tag="c", exclusive=True)
    talk.channel()("basic.consume", queue="q", consumer_tag="d")
    ch("basic.cancel", consumer_tag="c")
    talk.channel()("basic.consume", queue="q", consumer_tag="e")


def exclusive_consumer_where_others_are(talk: Talk) -> None:
    ch = _filled(talk)
    ch("basic.consume", queue="q", consumer_tag="c")
    talk.channel()("basic.consume", queue="q", consumer_tag="d", exclusive=True)


def get_from_an_empty_queue(talk: Talk) -> None:
    ch = _filled(talk)
    ch("basic.get", queue="q")


def get_says_how_many_are_left(talk: Talk) -> None:
    ch = _filled(talk, "a", "b", "c")
    ch("basic.get", queue="q", no_ack=True)
    ch("basic.get", queue="q")
    ch("basic.get", queue="q")
    ch("basic.get", queue="q")
    ch("basic.ack", delivery_tag=3, multiple=True)


def get_from_what_is_not_there(talk: Talk) -> None:
    talk.channel()("basic.get", queue="nope")


def prefetch_of_one(talk: Talk) -> None:
    ch = _filled(talk, "a", "b", "c")
    ch("basic.qos", prefetch_count=1)
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take()
    ch.quiet()
    ch("basic.ack", delivery_tag=1)
    ch.take()
    ch("basic.ack", delivery_tag=2)
    ch.take()


def prefetch_does_not_count_without_acks(talk: Talk) -> None:
    ch = _filled(talk, "a", "b", "c")
    ch("basic.qos", prefetch_count=1)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take(3)


def prefetch_is_for_each_consumer_after_it(talk: Talk) -> None:
    ch = _filled(talk, "a", "b", "c", "d")
    ch("basic.qos", prefetch_count=1)
    ch("basic.consume", queue="q", consumer_tag="one")
    ch.take()
    ch("basic.qos", prefetch_count=2)
    ch("basic.consume", queue="q", consumer_tag="two")
    ch.take(2)
    ch.quiet()


def prefetch_does_not_hold_get_back(talk: Talk) -> None:
    ch = _filled(talk, "a", "b", "c")
    ch("basic.qos", prefetch_count=1)
    ch("basic.get", queue="q")
    ch("basic.get", queue="q")
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take()


def prefetch_in_bytes_is_not_there(talk: Talk) -> None:
    talk.channel()("basic.qos", prefetch_size=1000)


def prefetch_for_the_channel(talk: Talk) -> None:
    ch = _filled(talk, "a", "b", "c")
    ch("basic.qos", prefetch_count=2, **{"global": True})
    ch("basic.consume", queue="q", consumer_tag="one")
    ch.take(2)
    ch.quiet()


def reject_gives_the_next_credit(talk: Talk) -> None:
    ch = _filled(talk, "a", "b")
    ch("basic.qos", prefetch_count=1)
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take()
    ch("basic.reject", delivery_tag=1, requeue=False)
    ch.take()


def two_consumers_take_turns(talk: Talk) -> None:
    ch = _filled(talk)
    one, two = talk.channel(), talk.channel()
    one("basic.consume", queue="q", consumer_tag="one", no_ack=True)
    two("basic.consume", queue="q", consumer_tag="two", no_ack=True)
    for body in "abcd":
        ch.publish(body, "q")
        ch.confirms(1)
    one.take(2)
    two.take(2)


def higher_priority_first(talk: Talk) -> None:
    ch = _filled(talk)
    one, two = talk.channel(), talk.channel()
    one("basic.consume", queue="q", consumer_tag="low", arguments={"x-priority": -5})
    two("basic.qos", prefetch_count=2)
    two("basic.consume", queue="q", consumer_tag="high", arguments={"x-priority": 10})
    for body in "abc":
        ch.publish(body, "q")
        ch.confirms(1)
    two.take(2)
    one.take(1)
    two("basic.ack", delivery_tag=2, multiple=True)
    ch.publish("d", "q")
    ch.confirms(1)
    two.take(1)


def priority_of_a_consumer_must_be_a_number(talk: Talk) -> None:
    ch = _filled(talk)
    ch("basic.consume", queue="q", consumer_tag="c", arguments={"x-priority": "high"})


def single_active_consumer(talk: Talk) -> None:
    ch = _filled(talk, "a", arguments={"x-single-active-consumer": True})
    one, two = talk.channel(), talk.channel()
    one("basic.consume", queue="q", consumer_tag="one")
    two("basic.consume", queue="q", consumer_tag="two")
    one.take()
    two.quiet()
    one("basic.ack", delivery_tag=1)
    one("basic.cancel", consumer_tag="one")
    ch.publish("b", "q")
    ch.confirms(1)
    two.take()


def single_active_consumer_that_goes_gives_back(talk: Talk) -> None:
    _filled(talk, "a", "b", arguments={"x-single-active-consumer": True})
    one, two = talk.channel(), talk.channel()
    one("basic.consume", queue="q", consumer_tag="one")
    two("basic.consume", queue="q", consumer_tag="two")
    one.take(2)
    one("channel.close")
    two.take(2)


def single_active_consumer_and_exclusive(talk: Talk) -> None:
    ch = _filled(talk, arguments={"x-single-active-consumer": True})
    ch("basic.consume", queue="q", consumer_tag="c", exclusive=True)


def single_active_consumer_has_the_queue_alone_for_get_too(talk: Talk) -> None:
    ch = _filled(talk, "a", arguments={"x-single-active-consumer": True})
    ch("basic.get", queue="q")


def no_local_is_ignored(talk: Talk) -> None:
    ch = _filled(talk, "a")
    ch("basic.consume", queue="q", consumer_tag="c", no_local=True, no_ack=True)
    ch.take()


def unknown_arguments_of_a_consumer(talk: Talk) -> None:
    ch = _filled(talk, "a")
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True, arguments={"x-whatever": [1, {}]})
    ch.take()


def closed_channel_gives_back_what_it_had(talk: Talk) -> None:
    ch = _filled(talk, "a", "b", "c")
    other = talk.channel()
    other("basic.consume", queue="q", consumer_tag="c")
    other.take(3)
    other("basic.ack", delivery_tag=2)
    other("channel.close")
    ch.count("q", 2)
    ch("basic.get", queue="q", no_ack=True)
    ch("basic.get", queue="q", no_ack=True)


def lost_connection_gives_back_what_it_had(talk: Talk) -> None:
    ch = _filled(talk, "a", "b")
    other = talk.connection()
    consumer = other.channel()
    consumer("basic.consume", queue="q", consumer_tag="c")
    consumer.take(2)
    other.abort()
    ch.count("q", 2)
    ch("basic.get", queue="q", no_ack=True)


def delivery_tags_count_for_the_channel(talk: Talk) -> None:
    ch = _filled(talk, "a")
    ch("queue.declare", queue="r")
    ch.publish("b", "r")
    ch.confirms(1)
    ch("basic.consume", queue="q", consumer_tag="one")
    ch.take()
    ch("basic.consume", queue="r", consumer_tag="two")
    ch.take()
    talk.channel().publish("c", "q")
    ch.take()


def consumer_on_a_durable_and_a_transient_message(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True)
    ch.publish("kept", "q", delivery_mode=2)
    ch.publish("not kept", "q", delivery_mode=1)
    ch.publish("odd", "q", delivery_mode=7)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take(3)
