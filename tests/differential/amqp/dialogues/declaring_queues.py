"""queue.declare, delete, purge: what is answered, and every way to be refused."""

from tests.differential.amqp.fields import Typed
from tests.differential.amqp.talk import Talk


def declared_twice_alike(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True)
    ch("queue.declare", queue="q", durable=True)
    ch("queue.declare", queue="q", passive=True)


def counts_in_the_answer(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("confirm.select")
    for body in "abc":
        ch.publish(body, "q")
    ch.confirms(3)
    ch("basic.consume", queue="q", consumer_tag="c", no_ack=False)
    ch.take(3)
    ch("queue.declare", queue="q")
    ch("basic.ack", delivery_tag=3, multiple=True)
    ch("basic.cancel", consumer_tag="c")
    ch("queue.declare", queue="q")


def passive_of_what_is_not_there(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="nope", passive=True)


def durable_again_as_transient(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True)
    ch("queue.declare", queue="q", durable=False)


def auto_delete_again_without(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True, auto_delete=True)
    ch("queue.declare", queue="q", durable=True)


def exclusive_again_without(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True, exclusive=True)
    ch("queue.declare", queue="q", durable=True)


def without_arguments_again_with_a_number(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.declare", queue="q", arguments={"x-max-length": 5})


def with_a_number_again_without(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-max-length": 5})
    ch("queue.declare", queue="q")


def with_another_number(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-message-ttl": 5000})
    ch("queue.declare", queue="q", arguments={"x-message-ttl": 6000})


def the_same_number_of_another_type(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-message-ttl": Typed("I", 5000)})
    ch("queue.declare", queue="q", arguments={"x-message-ttl": Typed("l", 5000)})
    ch("queue.declare", queue="q", arguments={"x-message-ttl": Typed("s", 5000)})


def with_another_text(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-dead-letter-exchange": "one"})
    ch("queue.declare", queue="q", arguments={"x-dead-letter-exchange": "two"})


def again_with_another_overflow(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-overflow": "drop-head"})
    ch("queue.declare", queue="q", arguments={"x-overflow": "reject-publish"})


def again_with_single_active_consumer(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-single-active-consumer": True})
    ch("queue.declare", queue="q", arguments={"x-single-active-consumer": False})


def again_as_another_type_of_queue(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True)
    ch("queue.declare", queue="q", durable=True, arguments={"x-queue-type": "quorum"})


def again_with_the_default_type_said(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", durable=True)
    ch("queue.declare", queue="q", durable=True, arguments={"x-queue-type": "classic"})


def unknown_arguments_are_kept_out_of_it(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-whatever": "yes", "plain": 1})
    ch("queue.declare", queue="q", arguments={"x-whatever": "no"})
    ch("queue.declare", queue="q")


def every_type_of_field_in_the_arguments(talk: Talk) -> None:
    ch = talk.channel()
    arguments = {
        "a-bool": True,
        "a-byte": Typed("b", -5),
        "an-octet": Typed("B", 200),
        "a-short": Typed("s", -500),
        "a-word": Typed("u", 50000),
        "an-int": Typed("I", -70000),
        "an-uint": Typed("i", 3000000000),
        "a-long": Typed("l", 1 << 40),
        "a-float": Typed("f", 0.5),
        "a-double": 0.25,
        "a-decimal": Typed("D", (2, 1234)),
        "a-time": Typed("T", 1000000000),
        "a-text": "text",
        "bytes": b"\x00\x01",
        "nothing": None,
        "a-table": {"x": 1},
        "an-array": [1, "two", False],
    }
    ch("queue.declare", queue="q", arguments=arguments)
    ch("queue.declare", queue="q", passive=True)


def negative_time_to_live(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-message-ttl": -1})


def time_to_live_as_text(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-message-ttl": "60000"})


def time_to_live_as_a_float(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-message-ttl": 1.5})


def time_to_live_too_large(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-message-ttl": 1 << 40})


def expires_of_zero(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-expires": 0})


def expires_negative(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-expires": -5})


def expires_as_text(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-expires": "soon"})


def negative_length(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-max-length": -1})


def length_as_text(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-max-length": "10"})


def negative_length_in_bytes(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-max-length-bytes": -1})


def unknown_overflow(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-overflow": "explode"})


def overflow_that_is_no_text(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-overflow": 5})


def priority_of_zero(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-max-priority": 0})


def priority_of_256(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-max-priority": 256})


def priority_negative(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-max-priority": -1})


def priority_as_text(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-max-priority": "high"})


def dead_letter_key_without_exchange(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-dead-letter-routing-key": "k"})


def dead_letter_exchange_that_is_no_text(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-dead-letter-exchange": 5})


def dead_letter_key_that_is_no_text(talk: Talk) -> None:
    arguments = {"x-dead-letter-exchange": "x", "x-dead-letter-routing-key": 5}
    talk.channel()("queue.declare", queue="q", arguments=arguments)


def unknown_dead_letter_strategy(talk: Talk) -> None:
    arguments = {"x-queue-type": "quorum", "x-dead-letter-strategy": "perhaps"}
    talk.channel()("queue.declare", queue="q", durable=True, arguments=arguments)


def unknown_type_of_queue(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", durable=True, arguments={"x-queue-type": "pile"})


def type_of_queue_that_is_no_text(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", durable=True, arguments={"x-queue-type": 1})


def single_active_that_is_no_bool(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-single-active-consumer": "yes"})


def lazy_mode(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-queue-mode": "lazy"})


def unknown_mode(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-queue-mode": "quick"})


def version_two(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="q", arguments={"x-queue-version": 2})


def reserved_name(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="amq.mine")


def reserved_name_passive(talk: Talk) -> None:
    talk.channel()("queue.declare", queue="amq.mine", passive=True)


def name_by_the_server(talk: Talk) -> None:
    ch = talk.channel()
    name = ch("queue.declare", exclusive=True)["queue"]
    ch("queue.declare", queue=name, passive=True)
    ch("queue.declare")  # the last one declared is meant


def last_declared_is_meant_by_no_name(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.bind", exchange="amq.direct", routing_key="k")
    ch("basic.consume", consumer_tag="c", no_ack=True)
    ch.publish("one", "k", "amq.direct")
    ch.take()
    ch("queue.purge")
    ch("queue.delete")
    ch.take()


def no_name_and_none_declared(talk: Talk) -> None:
    talk.channel()("queue.purge")


def no_name_to_bind_and_none_declared(talk: Talk) -> None:
    talk.channel()("queue.bind", exchange="amq.direct", routing_key="k")


def no_name_to_consume_and_none_declared(talk: Talk) -> None:
    talk.channel()("basic.consume", consumer_tag="c")


def longest_name(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="n" * 255)


def name_with_an_end_of_line(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="two\nlines")
    ch.publish("x", "two\nlines", mandatory=True)
    ch.take()
    ch("queue.declare", queue="twolines", passive=True)


def name_in_other_letters(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="Käse/今/%2f")
    ch.publish("x", "Käse/今/%2f")
    ch("basic.consume", queue="Käse/今/%2f", consumer_tag="Käse", no_ack=True)
    ch.take()


def declare_without_waiting(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", nowait=True)
    ch("queue.declare", queue="q", passive=True)


def declare_without_waiting_refused(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", nowait=True)
    ch("queue.declare", queue="q", durable=True, nowait=True)
    ch.take()


def exclusive_of_another_connection(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", exclusive=True)
    other = talk.connection()
    other.channel()("queue.declare", queue="q", exclusive=True)
    other.channel()("queue.declare", queue="q", passive=True)
    other.channel()("basic.consume", queue="q", consumer_tag="c")
    other.channel()("basic.get", queue="q")
    other.channel()("queue.bind", queue="q", exchange="amq.direct", routing_key="k")
    other.channel()("queue.unbind", queue="q", exchange="amq.direct", routing_key="k")
    other.channel()("queue.purge", queue="q")
    other.channel()("queue.delete", queue="q")


def exclusive_goes_with_its_connection(talk: Talk) -> None:
    owner = talk.connection()
    owner.channel()("queue.declare", queue="q", exclusive=True, durable=True)
    ch = talk.connection().channel()
    ch.publish("others may publish", "q")
    owner.abort()
    ch.gone("q")


def exclusive_stays_when_its_channel_goes(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", exclusive=True)
    ch("channel.close")
    again = talk.channel()
    again("queue.declare", queue="q", exclusive=True)


def delete_says_how_many_were_in_it(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("confirm.select")
    ch.publish("a", "q")
    ch.publish("b", "q")
    ch.confirms(2)
    ch("queue.delete", queue="q")
    ch("queue.declare", queue="q", passive=True)


def delete_what_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.delete", queue="nope")
    ch("queue.delete", queue="nope", if_empty=True, if_unused=True)


def delete_only_if_empty(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("confirm.select")
    ch.publish("a", "q")
    ch.confirms(1)
    talk.channel()("queue.delete", queue="q", if_empty=True)
    ch("queue.purge", queue="q")
    ch("queue.delete", queue="q", if_empty=True)


def delete_only_if_unused(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("basic.consume", queue="q", consumer_tag="c")
    talk.channel()("queue.delete", queue="q", if_unused=True)
    ch("basic.cancel", consumer_tag="c")
    ch("queue.delete", queue="q", if_unused=True)


def purge_leaves_what_is_out(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("confirm.select")
    for body in "abc":
        ch.publish(body, "q")
    ch.confirms(3)
    ch("basic.get", queue="q")
    ch("queue.purge", queue="q")
    ch("basic.reject", delivery_tag=1, requeue=True)
    ch.count("q", 1)
    ch("basic.get", queue="q")


def purge_what_is_not_there(talk: Talk) -> None:
    talk.channel()("queue.purge", queue="nope")


def auto_delete_goes_with_its_last_consumer(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", auto_delete=True)
    ch("basic.consume", queue="q", consumer_tag="one")
    ch("basic.consume", queue="q", consumer_tag="two")
    ch("basic.cancel", consumer_tag="one")
    ch("queue.declare", queue="q", auto_delete=True)
    ch("basic.cancel", consumer_tag="two")
    ch.gone("q")


def auto_delete_goes_with_the_channel(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", auto_delete=True)
    ch("basic.consume", queue="q", consumer_tag="one")
    ch("channel.close")
    talk.channel().gone("q")


def auto_delete_stays_while_nobody_ever_consumed(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", auto_delete=True)
    ch("basic.get", queue="q")
    ch("channel.close")
    talk.channel()("queue.declare", queue="q", passive=True)


def a_queue_expires_unused(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-expires": 100})
    ch.gone("q")


def a_queue_does_not_expire_while_it_is_consumed(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q", arguments={"x-expires": 50})
    ch("basic.consume", queue="q", consumer_tag="c")
    ch.quiet()
    ch("queue.declare", queue="q", passive=True)
