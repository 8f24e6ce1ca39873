"""exchange.declare, delete, bind: what is answered, and every way to be refused."""

from tests.differential.amqp.talk import Talk


def every_usual_type(talk: Talk) -> None:
    ch = talk.channel()
    for kind in ("direct", "fanout", "topic", "headers"):
        ch("exchange.declare", exchange=f"x-{kind}", type=kind, durable=True)
        ch("exchange.declare", exchange=f"x-{kind}", type=kind, durable=True)
        ch("exchange.declare", exchange=f"x-{kind}", passive=True)


def those_that_are_always_there(talk: Talk) -> None:
    ch = talk.channel()
    for name in ("direct", "fanout", "topic", "headers", "match"):
        ch("exchange.declare", exchange=f"amq.{name}", passive=True)
    ch("exchange.declare", exchange="amq.direct", type="direct", durable=True)
    ch("exchange.declare", exchange="amq.rabbitmq.trace", type="topic", durable=True, internal=True)


def unknown_type(talk: Talk) -> None:
    talk.channel()("exchange.declare", exchange="x", type="zzz")


def passive_of_what_is_not_there(talk: Talk) -> None:
    talk.channel()("exchange.declare", exchange="nope", type="direct", passive=True)


def passive_with_another_type(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="topic")
    ch("exchange.declare", exchange="x", type="direct", passive=True)


def again_of_another_type(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct")
    ch("exchange.declare", exchange="x", type="fanout")


def again_durable(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct")
    ch("exchange.declare", exchange="x", type="direct", durable=True)


def again_auto_delete(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct")
    ch("exchange.declare", exchange="x", type="direct", auto_delete=True)


def again_internal(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct")
    ch("exchange.declare", exchange="x", type="direct", internal=True)


def again_with_another_alternate(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct", arguments={"alternate-exchange": "a"})
    ch("exchange.declare", exchange="x", type="direct", arguments={"alternate-exchange": "b"})


def again_without_alternate(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct", arguments={"alternate-exchange": "a"})
    ch("exchange.declare", exchange="x", type="direct")


def alternate_that_is_no_text(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct", arguments={"alternate-exchange": 5})


def reserved_name(talk: Talk) -> None:
    talk.channel()("exchange.declare", exchange="amq.mine", type="direct")


def declare_the_default(talk: Talk) -> None:
    talk.channel()("exchange.declare", exchange="", type="direct")


def delete_the_default(talk: Talk) -> None:
    talk.channel()("exchange.delete", exchange="")


def delete_a_reserved_one(talk: Talk) -> None:
    talk.channel()("exchange.delete", exchange="amq.direct")


def bind_to_the_default(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="", routing_key="k")


def unbind_from_the_default(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.unbind", queue="q", exchange="", routing_key="q")


def delete_twice(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct")
    ch("exchange.delete", exchange="x")
    ch("exchange.delete", exchange="x")
    ch("exchange.delete", exchange="never", if_unused=True)


def delete_only_if_unused(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct")
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="x", routing_key="k")
    talk.channel()("exchange.delete", exchange="x", if_unused=True)
    ch("queue.unbind", queue="q", exchange="x", routing_key="k")
    ch("exchange.delete", exchange="x", if_unused=True)


def auto_delete_goes_with_its_last_binding(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct", auto_delete=True)
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="x", routing_key="1")
    ch("queue.bind", queue="q", exchange="x", routing_key="2")
    ch("queue.unbind", queue="q", exchange="x", routing_key="1")
    ch("exchange.declare", exchange="x", passive=True)
    ch("queue.unbind", queue="q", exchange="x", routing_key="2")
    ch("exchange.declare", exchange="x", passive=True)


def auto_delete_goes_with_its_last_queue(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="fanout", auto_delete=True)
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="x")
    ch("queue.delete", queue="q")
    ch("exchange.declare", exchange="x", passive=True)


def internal_takes_nothing_from_clients(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="fanout", internal=True)
    ch.publish("no", "k", "x")
    ch.take()


def publish_to_what_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch.publish("no", "k", "nope")
    ch.take()


def bind_what_is_not_there(talk: Talk) -> None:
    talk.channel()("queue.bind", queue="nope", exchange="amq.direct", routing_key="k")


def bind_to_what_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="nope", routing_key="k")


def unbind_what_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.unbind", queue="q", exchange="amq.direct", routing_key="never bound")
    ch("queue.unbind", queue="nope", exchange="amq.direct", routing_key="k")


def unbind_from_what_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.unbind", queue="q", exchange="nope", routing_key="k")


def exchanges_bound_that_are_not_there(talk: Talk) -> None:
    talk.channel()("exchange.bind", destination="nope", source="amq.direct", routing_key="k")
    talk.channel()("exchange.bind", destination="amq.direct", source="nope", routing_key="k")
    talk.channel()("exchange.unbind", destination="nope", source="amq.direct", routing_key="k")


def exchange_bound_to_the_default(talk: Talk) -> None:
    talk.channel()("exchange.bind", destination="", source="amq.direct", routing_key="k")
    talk.channel()("exchange.bind", destination="amq.direct", source="", routing_key="k")


def declare_without_waiting(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct", nowait=True)
    ch("queue.declare", queue="q", nowait=True)
    ch("queue.bind", queue="q", exchange="x", routing_key="k", nowait=True)
    ch.publish("x", "k", "x")
    ch.count("q", 1)
    ch("queue.purge", queue="q", nowait=True)
    ch("queue.delete", queue="q", nowait=True)
    ch("exchange.delete", exchange="x", nowait=True)
    ch("exchange.declare", exchange="x", passive=True)


def name_too_long_for_its_length(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x" * 255, type="direct")
    ch("exchange.declare", exchange="x" * 255, passive=True)


def consistent_hash_needs_weights(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="x-consistent-hash")
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="x", routing_key="heavy")


def consistent_hash_gives_each_message_to_one_queue(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="x-consistent-hash")
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="x", routing_key="1")
    for key in ("a", "b", "c"):
        ch.publish(key, key, "x", mandatory=True)
    ch.count("q", 3)
