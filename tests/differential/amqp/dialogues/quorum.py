"""Queues of the type quorum, on one node."""

from typing import Any

from tests.differential.amqp.talk import Channel, Talk


def _queue(talk: Talk, name: str = "q", **arguments: Any) -> Channel:
    ch = talk.channel()
    named = {"x-" + key.replace("_", "-"): value for key, value in arguments.items()}
    ch("queue.declare", queue=name, durable=True, arguments={"x-queue-type": "quorum", **named})
    ch("confirm.select")
    return ch


def declared_published_consumed(talk: Talk) -> None:
    ch = _queue(talk)
    for body in "abc":
        ch.publish(body, "q", delivery_mode=2)
    ch.confirms(3)
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take(3)
    ch("basic.ack", delivery_tag=3, multiple=True)
    ch("queue.declare", queue="q", durable=True, arguments={"x-queue-type": "quorum"})
    ch("queue.delete", queue="q")
    ch.take()


def must_be_durable(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-queue-type": "quorum"})


def must_not_be_exclusive(talk: Talk) -> None:
    arguments = {"x-queue-type": "quorum"}
    talk.channel()("queue.declare", queue="q", durable=True, exclusive=True, arguments=arguments)


def must_have_a_name(talk: Talk) -> None:
    talk.channel()("queue.declare", durable=True, arguments={"x-queue-type": "quorum"})


def may_be_auto_delete(talk: Talk) -> None:
    arguments = {"x-queue-type": "quorum"}
    talk.channel()("queue.declare", queue="q", durable=True, auto_delete=True, arguments=arguments)


def takes_no_priorities(talk: Talk) -> None:
    arguments = {"x-queue-type": "quorum", "x-max-priority": 5}
    talk.channel()("queue.declare", queue="q", durable=True, arguments=arguments)


def takes_no_lazy_mode(talk: Talk) -> None:
    arguments = {"x-queue-type": "quorum", "x-queue-mode": "lazy"}
    talk.channel()("queue.declare", queue="q", durable=True, arguments=arguments)


def delivery_limit_must_be_a_number(talk: Talk) -> None:
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": "three"}
    talk.channel()("queue.declare", queue="q", durable=True, arguments=arguments)


def classic_takes_no_delivery_limit(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-delivery-limit": 3})


def rejected_to_the_queue_again(talk: Talk) -> None:
    ch = _queue(talk)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.consume", queue="q", consumer_tag="c")
    for tag in (1, 2, 3):
        ch.take()
        ch("basic.reject", delivery_tag=tag, requeue=True)
    ch.take()


def nacked_to_the_queue_again(talk: Talk) -> None:
    ch = _queue(talk)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.consume", queue="q", consumer_tag="c")
    for tag in (1, 2):
        ch.take()
        ch("basic.nack", delivery_tag=tag, requeue=True)
    ch.take()


def given_back_by_a_channel_that_closed(talk: Talk) -> None:
    ch = _queue(talk)
    ch.publish("a", "q")
    ch.confirms(1)
    one = talk.channel()
    one("basic.consume", queue="q", consumer_tag="c")
    one.take()
    one("channel.close")
    ch.count("q", 1)
    ch("basic.get", queue="q")


def given_back_by_a_connection_that_was_lost(talk: Talk) -> None:
    ch = _queue(talk)
    ch.publish("a", "q")
    ch.confirms(1)
    other = talk.connection()
    one = other.channel()
    one("basic.consume", queue="q", consumer_tag="c")
    one.take()
    other.abort()
    ch.count("q", 1)
    ch("basic.get", queue="q")


def delivery_limit_drops(talk: Talk) -> None:
    ch = _queue(talk, delivery_limit=2)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.consume", queue="q", consumer_tag="c")
    for tag in (1, 2, 3):
        ch.take()
        ch("basic.reject", delivery_tag=tag, requeue=True)
    ch.quiet()
    ch.count("q", 0)


def delivery_limit_dead_letters(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="grave")
    to = {"dead_letter_exchange": "", "dead_letter_routing_key": "grave"}
    ch = _queue(talk, delivery_limit=1, **to)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.consume", queue="q", consumer_tag="c")
    for tag in (1, 2):
        ch.take()
        ch("basic.reject", delivery_tag=tag, requeue=True)
    ch("basic.consume", queue="grave", consumer_tag="g", no_ack=True)
    ch.take()


def delivery_limit_of_zero(talk: Talk) -> None:
    ch = _queue(talk, delivery_limit=0)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take()
    ch("basic.reject", delivery_tag=1, requeue=True)
    ch.quiet()


def default_delivery_limit(talk: Talk) -> None:
    ch = _queue(talk)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.consume", queue="q", consumer_tag="c")
    for tag in range(1, 22):
        ch.take()
        ch("basic.reject", delivery_tag=tag, requeue=True)
    ch.quiet()


def dead_letters_with_their_history(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="grave")
    ch = _queue(talk, dead_letter_exchange="", dead_letter_routing_key="grave")
    ch.publish("a", "q", headers={"mine": 1}, delivery_mode=2)
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1, requeue=False)
    ch.count("grave", 1)  # while it is under way, RabbitMQ says now this, now that of redelivered
    ch("basic.consume", queue="grave", consumer_tag="g", no_ack=True)
    ch.take()


def dead_letters_at_least_once(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="grave", durable=True)
    more = {"dead_letter_strategy": "at-least-once", "overflow": "reject-publish"}
    ch = _queue(talk, dead_letter_exchange="", dead_letter_routing_key="grave", **more)
    ch.publish("a", "q", delivery_mode=2)
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1, requeue=False)
    ch("basic.consume", queue="grave", consumer_tag="g", no_ack=True)
    ch.take()


def expired_to_its_dead_letters(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="grave")
    ch = _queue(talk, dead_letter_exchange="", dead_letter_routing_key="grave", message_ttl=20)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.consume", queue="grave", consumer_tag="g", no_ack=True)
    ch.take()


def length_drops_at_the_head(talk: Talk) -> None:
    ch = _queue(talk, max_length=2)
    for body in "abc":
        ch.publish(body, "q")
        ch.confirms(1)
    ch.count("q", 2)
    ch("basic.get", queue="q", no_ack=True)


def length_rejects(talk: Talk) -> None:
    ch = _queue(talk, max_length=1, overflow="reject-publish")
    for body in "ab":
        ch.publish(body, "q")
        ch.confirms(1)


def overflow_to_dead_letters_while_publishing_is_not_there(talk: Talk) -> None:
    arguments = {"x-queue-type": "quorum", "x-overflow": "reject-publish-dlx"}
    talk.channel()("queue.declare", queue="q", durable=True, arguments=arguments)


def priorities_of_messages(talk: Talk) -> None:
    ch = _queue(talk)
    for priority in (0, 9, None, 4, 5, 31, 200):
        properties: dict[str, Any] = {} if priority is None else {"priority": priority}
        ch.publish(f"p{priority}", "q", **properties)
    ch.confirms(7)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take(7)


def single_active_consumer(talk: Talk) -> None:
    ch = _queue(talk, single_active_consumer=True)
    one, two = talk.channel(), talk.channel()
    one("basic.consume", queue="q", consumer_tag="one")
    two("basic.consume", queue="q", consumer_tag="two")
    ch.publish("a", "q")
    ch.confirms(1)
    one.take()
    one("basic.ack", delivery_tag=1)
    one("basic.cancel", consumer_tag="one")
    ch.publish("b", "q")
    ch.confirms(1)
    two.take()


def single_active_consumer_by_priority(talk: Talk) -> None:
    ch = _queue(talk, single_active_consumer=True)
    one, two = talk.channel(), talk.channel()
    one("basic.consume", queue="q", consumer_tag="low", arguments={"x-priority": 1})
    two("basic.consume", queue="q", consumer_tag="high", arguments={"x-priority": 5})
    ch.publish("a", "q")
    ch.confirms(1)
    two.take()


def exclusive_consumer(talk: Talk) -> None:
    ch = _queue(talk)
    ch("basic.consume", queue="q", consumer_tag="c", exclusive=True)
    talk.channel()("basic.consume", queue="q", consumer_tag="d")


def qos_for_the_channel(talk: Talk) -> None:
    ch = _queue(talk)
    ch("basic.qos", prefetch_count=1, **{"global": True})
    ch("basic.consume", queue="q", consumer_tag="c")


def purge_and_delete_conditions(talk: Talk) -> None:
    ch = _queue(talk)
    ch.publish("a", "q")
    ch.confirms(1)
    talk.channel()("queue.delete", queue="q", if_empty=True)
    ch("queue.purge", queue="q")
    ch("queue.delete", queue="q")
