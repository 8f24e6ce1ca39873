"""tx.select, commit, rollback."""

from tests.differential.amqp.talk import Channel, Talk


def _channel(talk: Talk) -> Channel:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("tx.select")
    return ch


def published_on_commit(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "q")
    ch.publish("b", "q")
    ch("queue.declare", queue="q", passive=True)
    ch("tx.commit")
    ch("queue.declare", queue="q", passive=True)
    ch("basic.get", queue="q", no_ack=True)


def forgotten_on_rollback(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "q")
    ch("tx.rollback")
    ch("tx.commit")
    ch("queue.declare", queue="q", passive=True)


def forgotten_when_the_channel_closes(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "q")
    ch("channel.close")
    talk.channel()("queue.declare", queue="q", passive=True)


def returned_on_commit(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "nowhere", mandatory=True)
    ch.quiet()
    ch("tx.commit")
    ch.take()


def acks_on_commit(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "q")
    ch.publish("b", "q")
    ch("tx.commit")
    ch("basic.get", queue="q")
    ch("basic.get", queue="q")
    ch("basic.ack", delivery_tag=1)
    ch("tx.commit")
    ch("basic.ack", delivery_tag=2)
    ch("tx.rollback")
    ch("channel.close")
    other = talk.channel()
    other.count("q", 1)
    other("basic.get", queue="q")


def rolled_back_acks_may_be_said_again(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "q")
    ch("tx.commit")
    ch("basic.get", queue="q")
    ch("basic.ack", delivery_tag=1)
    ch("tx.rollback")
    ch("basic.ack", delivery_tag=1)
    ch("tx.commit")
    ch("channel.close")
    talk.channel()("queue.declare", queue="q", passive=True)


def rejections_on_commit(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "q")
    ch("tx.commit")
    ch("basic.get", queue="q")
    ch("basic.reject", delivery_tag=1, requeue=True)
    ch("queue.declare", queue="q", passive=True)
    ch("tx.commit")
    ch.count("q", 1)


def commit_without_select(talk: Talk) -> None:
    talk.channel()("tx.commit")


def rollback_without_select(talk: Talk) -> None:
    talk.channel()("tx.rollback")


def select_twice(talk: Talk) -> None:
    ch = _channel(talk)
    ch("tx.select")
    ch("tx.commit")


def confirms_in_a_transaction(talk: Talk) -> None:
    ch = _channel(talk)
    ch("confirm.select")


def a_transaction_with_confirms(talk: Talk) -> None:
    ch = talk.channel()
    ch("confirm.select")
    ch("tx.select")


def published_to_what_is_not_there(talk: Talk) -> None:
    ch = _channel(talk)
    ch.publish("a", "k", "nope")
    ch.take()


def unknown_tag_in_a_transaction(talk: Talk) -> None:
    ch = _channel(talk)
    ch("basic.ack", delivery_tag=5)
    ch.take()
