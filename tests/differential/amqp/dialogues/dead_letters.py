"""Dead letters and times to live: what goes where, and what it then says of its life."""

from typing import Any

from tests.differential.amqp.talk import Channel, Talk


def _with_grave(talk: Talk, **arguments: Any) -> Channel:
    """A queue `q` whose dead letters go to the queue `grave`; the channel confirms."""
    ch = talk.channel()
    ch("queue.declare", queue="grave")
    how = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "grave", **arguments}
    ch("queue.declare", queue="q", arguments={k: v for k, v in how.items() if v is not None})
    ch("confirm.select")
    return ch


def _bury(ch: Channel, count: int = 1) -> None:
    ch.count("grave", count)
    ch("basic.consume", queue="grave", consumer_tag="grave", no_ack=True)
    ch.take(count)


def rejected(talk: Talk) -> None:
    ch = _with_grave(talk)
    ch.publish("a", "q", headers={"mine": 1}, correlation_id="c")
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1, requeue=False)
    _bury(ch)


def nacked_in_order(talk: Talk) -> None:
    ch = _with_grave(talk)
    for body in "abc":
        ch.publish(body, "q")
    ch.confirms(3)
    for _ in range(3):
        ch("basic.get", queue="q")
    ch("basic.nack", delivery_tag=3, multiple=True, requeue=False)
    _bury(ch, 3)


def expired_in_the_queue(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-message-ttl": 30})
    ch.publish("a", "q", headers={"mine": 1})
    ch.confirms(1)
    _bury(ch)


def expired_by_its_own_time(talk: Talk) -> None:
    ch = _with_grave(talk)
    ch.publish("a", "q", expiration="30", headers={"mine": 1})
    ch.confirms(1)
    _bury(ch)


def the_shorter_time_counts(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-message-ttl": 60000})
    ch.publish("a", "q", expiration="20")
    ch.confirms(1)
    _bury(ch)


def expired_behind_one_that_lives(talk: Talk) -> None:
    ch = _with_grave(talk)
    ch.publish("lives", "q", expiration="60000")
    ch.publish("short", "q", expiration="10")
    ch.confirms(2)
    ch("basic.consume", queue="grave", consumer_tag="grave", no_ack=True)
    ch.quiet()
    ch("basic.get", queue="q")
    ch.take()


def time_to_live_of_nothing_without_consumer(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-message-ttl": 0})
    ch.publish("a", "q")
    ch.confirms(1)
    _bury(ch)


def expiration_of_zero_with_a_consumer(talk: Talk) -> None:
    ch = _with_grave(talk)
    other = talk.channel()
    other("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.publish("a", "q", expiration="0")
    ch.confirms(1)
    other.take()


def expired_without_dead_letters_is_gone(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-message-ttl": 20})
    ch("confirm.select")
    ch.publish("a", "q")
    ch.confirms(1)
    ch.count("q", 0)


def what_is_out_does_not_expire(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-message-ttl": 40})
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.consume", queue="grave", consumer_tag="grave", no_ack=True)
    ch.quiet()
    ch("basic.reject", delivery_tag=1, requeue=True)
    ch.take()


def pushed_out_at_the_head(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-max-length": 2})
    for body in "abcd":
        ch.publish(body, "q", headers={"n": body})
        ch.confirms(1)
    _bury(ch, 2)


def rejected_while_publishing(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-max-length": 1, "x-overflow": "reject-publish-dlx"})
    for body in "ab":
        ch.publish(body, "q")
        ch.confirms(1)
    _bury(ch)


def rejected_while_publishing_without_dead_letters(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    for body in "ab":
        ch.publish(body, "q")
        ch.confirms(1)
    ch("basic.consume", queue="grave", consumer_tag="grave", no_ack=True)
    ch.quiet()


def its_own_key_where_no_other_is_said(talk: Talk) -> None:
    ch = _with_grave(
        talk, **{"x-dead-letter-exchange": "amq.direct", "x-dead-letter-routing-key": None}
    )
    ch("queue.bind", queue="grave", exchange="amq.direct", routing_key="q")
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1)
    _bury(ch)


def keys_and_copies_of_the_original(talk: Talk) -> None:
    ch = _with_grave(
        talk, **{"x-dead-letter-exchange": "amq.topic", "x-dead-letter-routing-key": None}
    )
    ch("queue.bind", queue="q", exchange="amq.direct", routing_key="one")
    ch("queue.bind", queue="grave", exchange="amq.topic", routing_key="#")
    ch.publish("a", "one", "amq.direct", headers={"CC": ["two"], "BCC": ["three"]})
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1)
    _bury(ch)


def copies_go_when_the_key_is_said(talk: Talk) -> None:
    ch = _with_grave(talk)
    ch("queue.declare", queue="two")
    ch.publish("a", "q", headers={"CC": ["nowhere"]})
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1)
    _bury(ch)


def exchange_of_dead_letters_is_not_there(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-dead-letter-exchange": "nope"})
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1)
    ch.count("q", 0)


def dies_twice_in_one_queue(talk: Talk) -> None:
    ch = _with_grave(talk)
    ch(
        "queue.declare",
        queue="back",
        arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"},
    )
    ch("queue.delete", queue="grave")
    ch(
        "queue.declare",
        queue="grave",
        arguments={
            "x-message-ttl": 1,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "q",
        },
    )
    ch.publish("a", "q")
    ch.confirms(1)
    other = talk.channel()
    other("basic.consume", queue="q", consumer_tag="c")
    for tag in (1, 2, 3):
        other.take()
        other("basic.reject", delivery_tag=tag, requeue=False)
    other.take()


def dies_for_different_reasons(talk: Talk) -> None:
    ch = talk.channel()
    to = {"x-dead-letter-exchange": ""}
    ch(
        "queue.declare",
        queue="a",
        arguments={**to, "x-message-ttl": 1, "x-dead-letter-routing-key": "b"},
    )
    ch("queue.declare", queue="b", arguments={**to, "x-dead-letter-routing-key": "c"})
    ch(
        "queue.declare",
        queue="c",
        arguments={**to, "x-max-length": 0, "x-dead-letter-routing-key": "d"},
    )
    ch("queue.declare", queue="d")
    ch("basic.consume", queue="b", consumer_tag="b")
    ch("basic.consume", queue="d", consumer_tag="d", no_ack=True)
    ch.publish("m", "a")
    ch.take()
    ch("basic.reject", delivery_tag=1)
    ch.take()


def a_circle_without_a_rejection_ends(talk: Talk) -> None:
    ch = talk.channel()
    arguments = {"x-message-ttl": 5, "x-dead-letter-exchange": ""}
    ch("queue.declare", queue="q", arguments=arguments)
    ch("confirm.select")
    ch.publish("m", "q")
    ch.confirms(1)
    ch.count("q", 0)


def a_circle_of_two_by_expiry_ends(talk: Talk) -> None:
    ch = talk.channel()
    arguments = {"x-message-ttl": 5, "x-dead-letter-exchange": ""}
    ch("queue.declare", queue="a", arguments={**arguments, "x-dead-letter-routing-key": "b"})
    ch("queue.declare", queue="b", arguments={**arguments, "x-dead-letter-routing-key": "a"})
    ch("confirm.select")
    ch.publish("m", "a")
    ch.confirms(1)
    ch.count("b", 0)
    ch.count("a", 0)


def history_that_a_client_made_up(talk: Talk) -> None:
    ch = _with_grave(talk)
    death = {"count": 7, "reason": "rejected", "queue": "q", "exchange": "", "routing-keys": ["q"]}
    ch.publish("m", "q", headers={"x-death": [death], "x-first-death-queue": "mine"})
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1)
    _bury(ch)


def history_published_again_by_a_client(talk: Talk) -> None:
    ch = _with_grave(talk)
    ch("basic.consume", queue="grave", consumer_tag="grave", no_ack=True)
    ch.publish("m", "q")
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=2 - 1)
    (dead,) = ch.take()
    ch.publish("m", "q", **(dead.properties or {}))
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=3)
    ch.take()


def deleted_and_purged_is_not_dead(talk: Talk) -> None:
    ch = _with_grave(talk)
    ch.publish("a", "q")
    ch.confirms(1)
    ch("queue.purge", queue="q")
    ch.publish("b", "q")
    ch.confirms(1)
    ch("queue.delete", queue="q")
    ch("basic.consume", queue="grave", consumer_tag="grave", no_ack=True)
    ch.quiet()


def dead_letters_by_fanout_to_many(talk: Talk) -> None:
    ch = _with_grave(talk, **{"x-dead-letter-exchange": "amq.fanout"})
    ch("queue.declare", queue="grave2")
    for queue in ("grave", "grave2"):
        ch("queue.bind", queue=queue, exchange="amq.fanout")
    ch.publish("a", "q", expiration="5")
    ch.confirms(1)
    _bury(ch)
    ch.count("grave2", 1)
    ch("basic.get", queue="grave2", no_ack=True)


def all_properties_survive(talk: Talk) -> None:
    ch = _with_grave(talk)
    properties: dict[str, Any] = {
        "content_type": "text/plain",
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "priority": 3,
        "correlation_id": "corr",
        "reply_to": "reply",
        "expiration": "20",
        "message_id": "id",
        "timestamp": 1000000000,
        "type": "kind",
        "user_id": "guest",
        "app_id": "app",
    }
    ch.publish("a", "q", headers={"h": "v"}, **properties)
    ch.confirms(1)
    _bury(ch)
