"""basic.ack, nack, reject, recover: what is settled, what comes back, and where to."""

from tests.differential.amqp.talk import Channel, Talk


def _taken(talk: Talk, bodies: str = "abc", **declare: object) -> Channel:
    """A channel that holds these messages of the queue q."""
    ch = talk.channel()
    ch("queue.declare", queue="q", **declare)
    ch("confirm.select")
    for body in bodies:
        ch.publish(body, "q")
    ch.confirms(len(bodies))
    holder = talk.channel()
    holder("basic.consume", queue="q", consumer_tag="c")
    holder.take(len(bodies))
    holder("basic.cancel", consumer_tag="c")
    return holder


def _rest(ch: Channel, messages: int) -> None:
    ch.count("q", messages)
    for _ in range(messages):
        ch("basic.get", queue="q", no_ack=True)


def ack_one(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=2)
    ch("channel.close")
    _rest(talk.channel(), 2)


def ack_up_to(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=2, multiple=True)
    ch("channel.close")
    _rest(talk.channel(), 1)


def ack_all_by_zero(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=0, multiple=True)
    ch("channel.close")
    _rest(talk.channel(), 0)


def ack_zero_alone(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=0)
    ch.take()


def ack_what_was_never_delivered(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=99)
    ch.take()


def ack_up_to_what_was_never_delivered(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=99, multiple=True)
    ch.take()


def ack_twice(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=1)
    ch("basic.ack", delivery_tag=1)
    ch.take()


def ack_up_to_twice(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.ack", delivery_tag=2, multiple=True)
    ch("basic.ack", delivery_tag=2, multiple=True)
    ch.take()


def ack_all_of_nothing(talk: Talk) -> None:
    ch = talk.channel()
    ch("basic.ack", delivery_tag=0, multiple=True)
    ch("basic.qos", prefetch_count=1)


def ack_one_of_nothing(talk: Talk) -> None:
    ch = talk.channel()
    ch("basic.ack", delivery_tag=1)
    ch.take()


def ack_what_needs_none(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("a", "q")
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    ch.take()
    ch("basic.ack", delivery_tag=1)
    ch.take()


def ack_of_another_channel(talk: Talk) -> None:
    _taken(talk)
    other = talk.channel()
    other("basic.ack", delivery_tag=1)
    other.take()


def reject_drops(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.reject", delivery_tag=2, requeue=False)
    ch("channel.close")
    _rest(talk.channel(), 2)


def reject_puts_back_to_its_place(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.reject", delivery_tag=3, requeue=True)
    ch("basic.reject", delivery_tag=1, requeue=True)
    ch("basic.reject", delivery_tag=2, requeue=True)
    _rest(ch, 3)


def reject_unknown(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.reject", delivery_tag=9, requeue=True)
    ch.take()


def nack_up_to(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.nack", delivery_tag=2, multiple=True, requeue=True)
    _rest(ch, 2)


def nack_all_by_zero(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.nack", delivery_tag=0, multiple=True, requeue=True)
    _rest(ch, 3)


def nack_drops(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.nack", delivery_tag=3, multiple=True, requeue=False)
    _rest(ch, 0)


def nack_unknown(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.nack", delivery_tag=9, requeue=True)
    ch.take()


def put_back_before_what_waits(talk: Talk) -> None:
    ch = _taken(talk, "ab")
    ch("confirm.select")
    ch.publish("c", "q")
    ch.confirms(1)
    ch("basic.nack", delivery_tag=2, requeue=True)
    ch.count("q", 2)
    ch("basic.nack", delivery_tag=1, requeue=True)
    _rest(ch, 3)


def put_back_comes_to_a_consumer_again(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("a", "q")
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take()
    ch("basic.reject", delivery_tag=1, requeue=True)
    ch.take()
    ch("basic.nack", delivery_tag=2, requeue=True)
    ch.take()
    ch("basic.ack", delivery_tag=3)


def recover_requeues(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.recover", requeue=True)
    _rest(ch, 3)


def recover_to_its_own_consumer(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("a", "q")
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.take()
    ch("basic.recover", requeue=True)
    ch.take()


def recover_without_requeue_is_not_there(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.recover", requeue=False)


def recover_of_nothing(talk: Talk) -> None:
    talk.channel()("basic.recover", requeue=True)


def recover_without_an_answer(talk: Talk) -> None:
    ch = _taken(talk)
    ch("basic.recover-async", requeue=True)
    _rest(ch, 3)


def redelivered_only_what_was_out(talk: Talk) -> None:
    ch = _taken(talk, "a")
    ch("confirm.select")
    ch.publish("b", "q")
    ch.confirms(1)
    ch("channel.close")
    _rest(talk.channel(), 2)


def got_and_put_back(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("confirm.select")
    ch.publish("a", "q")
    ch.confirms(1)
    ch("basic.get", queue="q")
    ch("basic.nack", delivery_tag=1, requeue=True)
    ch.count("q", 1)
    ch("basic.get", queue="q")


def settled_after_the_queue_is_gone(talk: Talk) -> None:
    ch = _taken(talk)
    ch("queue.delete", queue="q")
    ch("basic.ack", delivery_tag=1)
    ch("basic.nack", delivery_tag=2, requeue=True)
    ch("basic.ack", delivery_tag=0, multiple=True)
    ch("basic.qos", prefetch_count=1)
