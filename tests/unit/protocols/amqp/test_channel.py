"""The conversations of a channel, as clients have them."""

from collections.abc import Callable

import pytest
from tests.unit.protocols.amqp.dialog import (
    Client,
    World,
    after_reconnect,
    out,
    passive,
    waiting,
)

from anymq.core.message import Properties
from anymq.protocols.amqp import channel, consuming, transactions
from anymq.protocols.amqp.fields import Int64
from anymq.protocols.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicRecoverAsync,
    BasicRecoverOk,
    BasicReject,
    ChannelClose,
    ChannelCloseOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionClose,
    Method,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    TxSelect,
    TxSelectOk,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def one(world: World) -> Client:
    return world.client()


@pytest.fixture
def other(world: World) -> Client:
    return world.client()


# -- publish and consume


def test_hello_world(one: Client, other: Client) -> None:
    one.declare("hello")
    other.consume("hello")
    one.publish("hello", b"Hello World!")
    came = other.content()
    assert came.method == BasicDeliver("c", 1, False, "", "hello")
    assert came.body == b"Hello World!"


def test_what_waits_comes_in_order(one: Client) -> None:
    one.declare().publish("q", *(b"%d" % n for n in range(500))).consume()
    assert one.delivered() == [b"%d" % n for n in range(500)]


def test_properties_are_those_that_came(one: Client) -> None:
    said = Properties(content_type="text/plain", headers={"a": 1}, message_id="7", timestamp=9)
    one.declare().consume().publish("q", b"x", properties=said)
    assert one.content().said == said


def test_messages_of_one_read_keep_their_order_whatever_they_are(one: Client) -> None:
    one.declare().consume(no_ack=True)
    kinds = [Properties(), Properties(priority=3), Properties(delivery_mode=2)]
    for n in range(30):
        one.publish("q", b"%d" % n, properties=kinds[n % 3])
    assert one.delivered() == [b"%d" % n for n in range(30)]


@pytest.mark.parametrize("size", [0, 1, 131_064, 131_065, 1_000_000])
def test_bodies_of_any_size(one: Client, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    one.declare().consume().publish("q", body[:size])
    assert one.content().body == body[:size]


def test_get(one: Client) -> None:
    one.declare().publish("q", b"one", b"two")
    one >> BasicGet("q", no_ack=False)
    came = one.content()
    assert (came.method, came.body) == (BasicGetOk(1, False, "", "q", 1), b"one")
    one >> BasicGet("q", no_ack=True)
    assert one.content().method == BasicGetOk(2, False, "", "q", 0)
    one >> BasicGet("q", no_ack=True) << BasicGetEmpty()
    one >> BasicAck(1, False) >> passive("q") << QueueDeclareOk("q", 0, 0)


def test_tags_are_made_where_none_is_given(one: Client) -> None:
    one.declare()
    one >> BasicConsume("q", "", False, True, False, False, {})
    answer = one.hear()
    assert isinstance(answer, BasicConsumeOk)
    assert answer.consumer_tag.startswith("amq.ctag-")


def test_nobody_hears_of_a_consume_without_wait(one: Client) -> None:
    one.declare().publish("q", b"x")
    one >> BasicConsume("q", "c", False, True, False, True, {})
    assert one.delivered() == [b"x"]


def test_cancel(one: Client) -> None:
    one.declare().consume().publish("q", b"1")
    assert one.delivered() == [b"1"]
    one >> BasicCancel("c", nowait=False) << BasicCancelOk("c")
    one.publish("q", b"2")
    assert one.silent
    one >> BasicAck(1, False)  # what it has it may still answer
    one >> passive("q") << QueueDeclareOk("q", 1, 0)
    one >> BasicCancel("nobody", nowait=False) << BasicCancelOk("nobody")


def test_a_deleted_queue_cancels_its_consumers(one: Client, other: Client) -> None:
    other.declare().consume()
    one >> QueueDelete("q", False, False, False) << QueueDeleteOk(0)
    other << BasicCancel("c", nowait=True)


def test_a_tag_in_use_ends_the_connection(one: Client) -> None:
    one.declare().consume()
    one >> BasicConsume("q", "c", False, False, False, False, {})
    close = one.hear()
    assert isinstance(close, ConnectionClose)
    assert (close.reply_code, close.reply_text) == (
        530,
        "NOT_ALLOWED - attempt to reuse consumer tag 'c'",
    )


def test_exclusive_consumers(one: Client, other: Client) -> None:
    one.declare()
    one >> BasicConsume("q", "c", False, False, True, False, {}) << BasicConsumeOk("c")
    other >> BasicConsume("q", "c", False, False, False, False, {})
    close = other.closed()
    assert (close.reply_code, close.reply_text) == (
        403,
        "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
    )
    assert (close.class_id, close.method_id) == (60, 20)


# -- acknowledgements


def test_acks(world: World, one: Client) -> None:
    out(one) >> BasicAck(2, False) >> BasicAck(4, False)
    assert after_reconnect(world, one) == [b"0", b"2", b"4"]


def test_acks_up_to_a_tag(world: World, one: Client) -> None:
    out(one) >> BasicAck(3, True)
    assert after_reconnect(world, one) == [b"3", b"4"]


def test_acks_of_all(world: World, one: Client) -> None:
    out(one) >> BasicAck(0, True)
    assert after_reconnect(world, one) == []


def test_what_came_back_is_redelivered(world: World, one: Client) -> None:
    out(one, 1).hang_up()
    assert world.client().consume().content().method.redelivered


@pytest.mark.parametrize(
    "say",
    [
        lambda tag: BasicAck(tag, False),
        lambda tag: BasicAck(tag, True),
        lambda tag: BasicNack(tag, False, True),
        lambda tag: BasicNack(tag, True, True),
        lambda tag: BasicReject(tag, True),
    ],
)
@pytest.mark.parametrize("tag", [3, 9])
def test_unknown_tags(world: World, one: Client, say: Callable[[int], Method], tag: int) -> None:
    out(one) >> BasicAck(3, False) >> say(tag)
    close = one.closed()
    assert (close.reply_code, close.reply_text) == (
        406,
        f"PRECONDITION_FAILED - unknown delivery tag {tag}",
    )
    assert close.class_id << 16 | close.method_id == say(tag).KEY
    assert after_reconnect(world, one) == [b"0", b"1", b"3", b"4"]


def test_acks_of_auto_acked_messages_are_unknown(one: Client) -> None:
    one.declare().publish("q", b"x").consume(no_ack=True)
    assert one.delivered() == [b"x"]
    one >> BasicAck(1, False)
    assert one.closed().reply_text == "PRECONDITION_FAILED - unknown delivery tag 1"


def test_reject_puts_back_where_it_was(one: Client) -> None:
    one.declare().prefetch(1).publish("q", b"1", b"2").consume()
    assert one.content().body == b"1"
    one >> BasicReject(1, True)
    again = one.content()
    assert (again.body, again.method.redelivered, again.method.delivery_tag) == (b"1", True, 2)


def test_reject_without_requeue_drops(one: Client) -> None:
    out(one, 2) >> BasicReject(1, False) >> BasicNack(2, False, False)
    assert (waiting(one), one.silent) == (0, True)


def test_nack_of_several(world: World, one: Client) -> None:
    out(one) >> BasicCancel("c", False) << BasicCancelOk("c")
    one >> BasicNack(3, True, True)
    assert waiting(one) == 3


def test_recover(one: Client) -> None:
    out(one, 2) >> BasicRecover(True)
    one << BasicRecoverOk()
    assert one.delivered() == [b"0", b"1"]
    one >> BasicRecoverAsync(True)
    assert one.delivered() == [b"0", b"1"]


def test_closing_a_channel_gives_back(one: Client) -> None:
    out(one) >> ChannelClose(200, "bye", 0, 0) << ChannelCloseOk()
    assert waiting(one.open(1)) == 5


# -- prefetch


def test_prefetch_is_per_consumer(one: Client) -> None:
    one.declare().prefetch(2).publish("q", *(b"%d" % n for n in range(9)))
    one.consume(tag="a")
    assert one.delivered() == [b"0", b"1"]
    one.consume(tag="b")
    assert one.delivered() == [b"2", b"3"]
    one >> BasicAck(1, False)
    came = one.content()
    assert (came.method.consumer_tag, came.body) == ("a", b"4")
    one >> BasicAck(0, True)
    assert sorted(one.delivered()) == [b"5", b"6", b"7", b"8"]


def test_prefetch_of_the_whole_channel(one: Client) -> None:
    one.declare().prefetch(3, shared=True).publish("q", *(b"%d" % n for n in range(9)))
    one.consume(tag="a")
    assert one.delivered() == [b"0", b"1", b"2"]
    one.consume(tag="b")
    one >> BasicAck(2, True)
    assert sorted(one.delivered()) == [b"3", b"4"]
    one >> BasicQos(0, 5, True)
    one << BasicQosOk()
    assert sorted(one.delivered()) == [b"5", b"6"]
    one.prefetch(0, shared=True)
    assert sorted(one.delivered()) == [b"7", b"8"]


def test_auto_ack_knows_no_prefetch(one: Client) -> None:
    one.declare().prefetch(1).publish("q", b"1", b"2", b"3").consume(no_ack=True)
    assert one.delivered() == [b"1", b"2", b"3"]


def test_who_does_not_take_what_it_is_owed_gets_no_more(world: World, one: Client) -> None:
    """A consumer that hangs must not fill our memory."""
    body = bytes(100_000)
    one.declare().consume(no_ack=True)
    other = world.client()
    world.clients.remove(other)
    taken, one._take = one._take, lambda: False  # type: ignore[method-assign]  # it hangs
    for _ in range(100):
        other.publish("q", body)
    world.broker.turn.run()
    owed = one.outbox.size
    assert owed < 3_000_000
    one._take = taken  # type: ignore[method-assign]
    one.turn()
    assert len(one.delivered()) == 100


def test_who_has_the_most_that_may_be_out_goes_on_after_an_answer(
    one: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (consuming, channel):
        monkeypatch.setattr(module, "UNACKED_MAX", 5)
    one.declare().consume()
    one.publish("q", *(b"%d" % n for n in range(8)))
    assert len(one.delivered()) == 5
    one >> BasicAck(5, multiple=True)
    assert len(one.delivered()) == 3


def test_nobody_gets_more_than_may_be_out(one: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "UNACKED_MAX", 1)
    one.declare().publish("q", b"1", b"2")
    one >> BasicGet("q", no_ack=False)
    assert one.content().body == b"1"
    one >> BasicGet("q", no_ack=False)
    closed = one.hear()
    assert isinstance(closed, ChannelClose)
    assert closed.reply_code == 506


def test_a_transaction_of_empty_messages_has_a_limit(
    one: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "BYTES_MAX", 1000)
    one.declare()
    one >> TxSelect()
    one << TxSelectOk()
    one.publish("q", b"", b"", b"", b"", b"")
    assert isinstance(one.hear(), ChannelClose)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-delay": Int64(2**63 - 1)},
        {"x-deliver-at": "9999999999999999999"},
    ],
)
def test_what_comes_after_the_end_of_time_harms_nobody(
    one: Client, headers: dict[str, object]
) -> None:
    one.declare().publish("q", b"later", properties=Properties(headers=headers))
    one.publish("q", b"now")
    one >> BasicGet("q", no_ack=True)
    assert one.content().body == b"now"


def test_what_was_in_a_queue_that_was_deleted_is_confirmed(one: Client) -> None:
    """As in RabbitMQ: to publish it again would help nobody."""
    one.declare(durable=True)
    one >> ConfirmSelect(nowait=False)
    one << ConfirmSelectOk()
    one.publish("q", b"a", properties=Properties(delivery_mode=2))
    one >> QueueDelete("q", if_unused=False, if_empty=False, nowait=False)
    assert {type(one.hear()), type(one.hear())} == {BasicAck, QueueDeleteOk}
