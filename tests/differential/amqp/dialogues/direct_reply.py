"""amq.rabbitmq.reply-to: answers without a queue."""

from tests.differential.amqp.talk import Channel, Talk

REPLY_TO = "amq.rabbitmq.reply-to"


def _asker(talk: Talk) -> Channel:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("basic.consume", queue=REPLY_TO, consumer_tag="answers", no_ack=True)
    return ch


def asked_and_answered(talk: Talk) -> None:
    asker = _asker(talk)
    asker.publish("question", "q", reply_to=REPLY_TO, correlation_id="1")
    server = talk.connection().channel()
    server("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    (question,) = server.take()
    address = (question.properties or {})["reply_to"]
    server.publish("answer", address, correlation_id="1", headers={"a": 1})
    asker.take()


def must_not_want_acks(talk: Talk) -> None:
    ch = talk.channel()
    ch("basic.consume", queue=REPLY_TO, consumer_tag="c")


def only_one_for_each_channel(talk: Talk) -> None:
    ch = _asker(talk)
    ch("basic.consume", queue=REPLY_TO, consumer_tag="again", no_ack=True)


def asked_without_a_consumer(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("question", "q", reply_to=REPLY_TO)
    ch.take()


def passive_declare_of_the_name(talk: Talk) -> None:
    talk.channel()("queue.declare", queue=REPLY_TO, passive=True)


def passive_declare_of_an_address(talk: Talk) -> None:
    asker = _asker(talk)
    asker.publish("question", "q", reply_to=REPLY_TO)
    server = talk.channel()
    server("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    (question,) = server.take()
    server("queue.declare", queue=(question.properties or {})["reply_to"], passive=True)


def answer_to_somebody_who_left(talk: Talk) -> None:
    asker = _asker(talk)
    asker.publish("question", "q", reply_to=REPLY_TO)
    server = talk.connection().channel()
    server("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    (question,) = server.take()
    asker("channel.close")
    server("confirm.select")
    server.publish("answer", (question.properties or {})["reply_to"], mandatory=True)
    server.take()


def answer_to_an_address_that_never_was(talk: Talk) -> None:
    ch = talk.channel()
    ch.publish("answer", f"{REPLY_TO}.nonsense", mandatory=True)
    ch.take()


def consume_again_after_cancel(talk: Talk) -> None:
    ch = _asker(talk)
    ch("basic.cancel", consumer_tag="answers")
    ch("basic.consume", queue=REPLY_TO, consumer_tag="again", no_ack=True)
