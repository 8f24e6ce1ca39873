"""Which queues get a message: each type of exchange, chains of them, what is left over."""

from typing import Any

from tests.differential.amqp.fields import Typed
from tests.differential.amqp.talk import Channel, Talk


def _bound(talk: Talk, exchange: str, **bindings: Any) -> Channel:
    """A channel, and queues of these names, each bound with a key or with arguments."""
    ch = talk.channel()
    for queue, with_what in bindings.items():
        ch("queue.declare", queue=queue)
        how = (
            {"arguments": with_what} if isinstance(with_what, dict) else {"routing_key": with_what}
        )
        ch("queue.bind", queue=queue, exchange=exchange, **how)
    ch("confirm.select")
    return ch


def _where(ch: Channel, exchange: str, *keys: str, queues: str, **properties: Any) -> None:
    """Publish with each key, then look into each queue."""
    for key in keys:
        ch.publish(key, key, exchange, **properties)
    ch.confirms(len(keys))
    _look(ch, queues)


def _look(ch: Channel, queues: str) -> None:
    for queue in queues.split():
        while "delivery_tag" in ch("basic.get", queue=queue, no_ack=True):
            pass


def default_exchange_by_name_of_queue(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="a")
    ch("queue.declare", queue="b")
    ch("confirm.select")
    _where(ch, "", "a", "b", "c", queues="a b")


def direct_by_key(talk: Talk) -> None:
    ch = _bound(talk, "amq.direct", a="red", b="red", c="blue")
    _where(ch, "amq.direct", "red", "blue", "green", "Red", "", queues="a b c")


def direct_with_the_empty_key(talk: Talk) -> None:
    ch = _bound(talk, "amq.direct", a="")
    _where(ch, "amq.direct", "", "x", queues="a")


def fanout_ignores_the_key(talk: Talk) -> None:
    ch = _bound(talk, "amq.fanout", a="x", b="")
    _where(ch, "amq.fanout", "any", "", queues="a b")


def two_bindings_one_message(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", a="x.*")
    ch("queue.bind", queue="a", exchange="amq.topic", routing_key="x.y")
    ch("queue.bind", queue="a", exchange="amq.topic", routing_key="#")
    _where(ch, "amq.topic", "x.y", queues="a")


def topic_words(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", exact="a.b.c", star="a.*.c", stars="*.*.*", first="*.b.c")
    keys = ("a.b.c", "a.x.c", "a.c", "x.b.c", "a.b.c.d", "a..c", "..", "")
    _where(ch, "amq.topic", *keys, queues="exact star stars first")


def topic_any_number_of_words(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", all="#", head="a.#", tail="#.z", middle="a.#.z", two="#.b.#")
    keys = ("", "a", "z", "a.z", "a.b.z", "b", "a.b", "b.c", "a.b.c.d.z", "a..z", ".")
    _where(ch, "amq.topic", *keys, queues="all head tail middle two")


def topic_mixed_wildcards(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", one="*.#", two="#.*", three="*.#.*", four="#.#", five="*")
    keys = ("", "a", "a.b", "a.b.c", ".")
    _where(ch, "amq.topic", *keys, queues="one two three four five")


def topic_wildcards_inside_words_are_letters(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", a="a*.b", b="a.b#", c="a.*")
    _where(ch, "amq.topic", "ax.b", "a*.b", "a.b#", "a.bcd", queues="a b c")


def topic_wildcards_in_the_key_are_letters(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", a="a.*", b="a.#", c="a.b")
    _where(ch, "amq.topic", "a.*", "a.#", "*.b", queues="a b c")


def topic_after_unbind(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", a="a.#", b="a.*")
    ch("queue.unbind", queue="a", exchange="amq.topic", routing_key="a.#")
    _where(ch, "amq.topic", "a.b", queues="a b")
    ch("queue.unbind", queue="b", exchange="amq.topic", routing_key="a.#")
    _where(ch, "amq.topic", "a.b", queues="a b")


def headers_all(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", q={"x-match": "all", "a": 1, "b": "two"})
    for headers in (
        {"a": 1, "b": "two"},
        {"a": 1},
        {"a": 1, "b": "two", "c": 3},
        {"a": 2, "b": "two"},
    ):
        ch.publish("m", "k", "amq.headers", headers=headers)
    ch.confirms(4)
    _look(ch, "q")


def headers_any(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", q={"x-match": "any", "a": 1, "b": "two"})
    for headers in ({"a": 1}, {"b": "two", "a": 9}, {"a": 9}, {"c": 1}):
        ch.publish("m", "k", "amq.headers", headers=headers)
    ch.confirms(4)
    _look(ch, "q")


def headers_without_x_match_are_all(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", q={"a": 1, "b": 2})
    for headers in ({"a": 1, "b": 2}, {"a": 1}):
        ch.publish("m", "k", "amq.headers", headers=headers)
    ch.confirms(2)
    _look(ch, "q")


def headers_look_at_types(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", q={"x-match": "all", "a": 1})
    values = (1, Typed("l", 1), Typed("b", 1), Typed("s", 1), "1", True, 1.0, Typed("f", 1.0))
    for value in values:
        ch.publish("m", "k", "amq.headers", headers={"a": value})
    ch.confirms(len(values))
    _look(ch, "q")


def headers_texts_and_bytes(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", q={"x-match": "all", "a": "x"})
    for value in ("x", b"x", "X"):
        ch.publish("m", "k", "amq.headers", headers={"a": value})
    ch.confirms(3)
    _look(ch, "q")


def headers_void_means_that_it_is_there(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", q={"x-match": "all", "a": None})
    for headers in ({"a": 1}, {"a": "x"}, {"a": None}, {"b": 1}):
        ch.publish("m", "k", "amq.headers", headers=headers)
    ch.confirms(4)
    _look(ch, "q")


def headers_of_tables_and_lists(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", q={"x-match": "all", "a": {"b": 1}, "c": [1, 2]})
    published: list[dict[str, Any]] = [
        {"a": {"b": 1}, "c": [1, 2]},
        {"a": {"b": 1}, "c": [2, 1]},
        {"a": {}, "c": []},
    ]
    for headers in published:
        ch.publish("m", "k", "amq.headers", headers=headers)
    ch.confirms(3)
    _look(ch, "q")


def headers_that_begin_with_x(talk: Talk) -> None:
    arguments = {"x-match": "all", "a": 1, "x-b": 2}
    ch = _bound(talk, "amq.headers", plain=arguments, withx={**arguments, "x-match": "all-with-x"})
    ch("queue.declare", queue="anyx")
    ch(
        "queue.bind",
        queue="anyx",
        exchange="amq.headers",
        arguments={**arguments, "x-match": "any-with-x"},
    )
    for headers in ({"a": 1}, {"a": 1, "x-b": 2}, {"x-b": 2}):
        ch.publish("m", "k", "amq.headers", headers=headers)
    ch.confirms(3)
    _look(ch, "plain withx anyx")


def headers_and_a_binding_of_nothing(talk: Talk) -> None:
    ch = _bound(talk, "amq.headers", all={"x-match": "all"}, any={"x-match": "any"}, none={})
    ch.publish("m", "k", "amq.headers", headers={"a": 1})
    ch.publish("m", "k", "amq.headers")
    ch.confirms(2)
    _look(ch, "all any none")


def headers_with_an_unknown_match(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="amq.headers", arguments={"x-match": "some", "a": 1})


def headers_with_a_match_that_is_no_text(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="amq.headers", arguments={"x-match": 1, "a": 1})


def exchange_to_exchange(talk: Talk) -> None:
    ch = _bound(talk, "amq.fanout", q="")
    ch("exchange.bind", destination="amq.fanout", source="amq.direct", routing_key="k")
    _where(ch, "amq.direct", "k", "other", queues="q")
    ch("exchange.unbind", destination="amq.fanout", source="amq.direct", routing_key="k")
    _where(ch, "amq.direct", "k", queues="q")


def exchanges_in_a_circle(talk: Talk) -> None:
    ch = talk.channel()
    for name in ("one", "two", "three"):
        ch("exchange.declare", exchange=name, type="fanout")
        ch("queue.declare", queue=f"q-{name}")
        ch("queue.bind", queue=f"q-{name}", exchange=name)
    ch("exchange.bind", destination="two", source="one")
    ch("exchange.bind", destination="three", source="two")
    ch("exchange.bind", destination="one", source="three")
    ch("confirm.select")
    _where(ch, "two", "k", queues="q-one q-two q-three")


def one_queue_by_two_ways_gets_it_once(talk: Talk) -> None:
    ch = _bound(talk, "amq.fanout", q="")
    ch("queue.bind", queue="q", exchange="amq.direct", routing_key="k")
    ch("exchange.bind", destination="amq.fanout", source="amq.direct", routing_key="k")
    _where(ch, "amq.direct", "k", queues="q")


def deleted_exchange_takes_its_bindings_with_it(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="fanout")
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="x")
    ch("exchange.bind", destination="x", source="amq.direct", routing_key="k")
    ch("exchange.delete", exchange="x")
    ch("exchange.declare", exchange="x", type="fanout")
    ch("confirm.select")
    _where(ch, "amq.direct", "k", queues="q")
    ch.publish("m", "k", "x", mandatory=True)
    ch.take(2)


def alternate_exchange_gets_what_nobody_wanted(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="other", type="fanout")
    ch("exchange.declare", exchange="x", type="direct", arguments={"alternate-exchange": "other"})
    for queue in ("wanted", "unwanted"):
        ch("queue.declare", queue=queue)
    ch("queue.bind", queue="wanted", exchange="x", routing_key="k")
    ch("queue.bind", queue="unwanted", exchange="other")
    ch("confirm.select")
    _where(ch, "x", "k", "z", queues="wanted unwanted")


def alternates_of_alternates(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="one", type="direct", arguments={"alternate-exchange": "two"})
    ch("exchange.declare", exchange="two", type="direct", arguments={"alternate-exchange": "one"})
    ch("queue.declare", queue="q")
    ch("queue.bind", queue="q", exchange="two", routing_key="k")
    ch("confirm.select")
    _where(ch, "one", "k", queues="q")
    ch.publish("nobody", "z", "one", mandatory=True)
    ch.take(2)


def alternate_that_is_not_there(talk: Talk) -> None:
    ch = talk.channel()
    ch("exchange.declare", exchange="x", type="direct", arguments={"alternate-exchange": "nope"})
    ch("confirm.select")
    ch.publish("nobody", "z", "x", mandatory=True)
    ch.take(2)


def carbon_copies(talk: Talk) -> None:
    ch = talk.channel()
    for queue in ("to", "cc", "bcc"):
        ch("queue.declare", queue=queue)
    ch("confirm.select")
    ch.publish("m", "to", headers={"CC": ["cc"], "BCC": ["bcc"], "other": 1})
    ch.confirms(1)
    _look(ch, "to cc bcc")


def carbon_copies_by_an_exchange(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", a="x.*", b="y.#")
    ch.publish("m", "x.1", "amq.topic", headers={"CC": ["y.1", "x.2"]})
    ch.publish("m", "z", "amq.topic", headers={"BCC": ["y.1"]})
    ch.confirms(2)
    _look(ch, "a b")


def carbon_copies_that_are_no_list(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("m", "q", headers={"CC": "text"})
    ch.take()


def carbon_copies_to_what_is_no_text(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("m", "q", headers={"CC": [5]})
    ch.quiet()


def hidden_copies_that_are_no_list(talk: Talk) -> None:
    ch = talk.channel()
    ch("queue.declare", queue="q")
    ch.publish("m", "q", headers={"BCC": 5})
    ch.take()


def longest_routing_key(talk: Talk) -> None:
    ch = _bound(talk, "amq.topic", q="#")
    _where(ch, "amq.topic", "k" * 255, "." * 255, queues="q")
