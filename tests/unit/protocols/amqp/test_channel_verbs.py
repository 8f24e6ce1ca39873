"""What a channel promises about publishing, and what it declares; and what it refuses."""

import pytest
from tests.unit.protocols.amqp.dialog import (
    PERSISTENT,
    Client,
    World,
    after_reconnect,
    out,
    passive,
    waiting,
)

from anymq.core.message import Properties
from anymq.protocols.amqp.methods import (
    AccessRequest,
    AccessRequestOk,
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicGet,
    BasicNack,
    BasicQos,
    BasicRecover,
    BasicRecoverAsync,
    BasicReturn,
    ChannelFlow,
    ChannelFlowOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionClose,
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
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


# -- confirms


def test_confirms(one: Client) -> None:
    one.declare()
    one >> ConfirmSelect(False) << ConfirmSelectOk()
    one.publish("q", b"1") << BasicAck(1, False)
    one.publish("q", b"2", b"3", b"4") << BasicAck(4, True)
    one.publish("nobody's", b"5") << BasicAck(5, False)


def test_a_confirm_waits_for_the_disk(world: World, one: Client) -> None:
    """Who has the confirm may forget the message."""
    one.declare(durable=True)
    one >> ConfirmSelect(False) << ConfirmSelectOk()
    world.settle()
    one.publish("q", b"1", properties=PERSISTENT)
    assert one.frames() == []
    one << BasicAck(1, False)


def test_what_goes_nowhere_comes_back_before_it_is_confirmed(one: Client) -> None:
    one >> ConfirmSelect(False) << ConfirmSelectOk()
    one.publish("nowhere", b"1", mandatory=True)
    came = one.content()
    assert came.method == BasicReturn(312, "NO_ROUTE", "", "nowhere")
    assert came.body == b"1"
    one << BasicAck(1, False)


def test_a_full_queue_says_no_to_each(one: Client) -> None:
    one.declare(max_length=2, overflow="reject-publish")
    one >> ConfirmSelect(False) << ConfirmSelectOk()
    one.publish("q", b"1", b"2", b"3", b"4")
    one << BasicAck(2, True) << BasicNack(4, True, True)
    assert waiting(one) == 2


def test_confirms_of_several_queues_wait_for_all(one: Client) -> None:
    one.declare("a", durable=True).declare("b")
    for queue in ("a", "b"):
        one >> QueueBind(queue, "amq.fanout", "", False, {}) << QueueBindOk()
    one >> ConfirmSelect(False) << ConfirmSelectOk()
    one.publish("", b"1", exchange="amq.fanout", properties=PERSISTENT)
    assert one.frames() == []
    one << BasicAck(1, False)
    assert (waiting(one, "a"), waiting(one, "b")) == (1, 1)


# -- what publishing refuses


def test_unknown_exchange(one: Client) -> None:
    one.publish("k", b"x", exchange="nope")
    close = one.closed()
    assert (close.reply_code, close.reply_text) == (
        404,
        "NOT_FOUND - no exchange 'nope' in vhost '/'",
    )
    assert (close.class_id, close.method_id) == (60, 40)


def test_what_came_before_an_error_counts(one: Client) -> None:
    one.declare().publish("q", b"1", b"2").publish("k", b"x", exchange="nope")
    one.closed()
    assert waiting(one) == 2


def test_internal_exchange(one: Client) -> None:
    one.publish("k", b"x", exchange="amq.rabbitmq.trace")
    assert one.closed().reply_text == (
        "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'"
    )


def test_somebody_elses_user_id(one: Client) -> None:
    one.declare().publish("q", b"1", properties=Properties(user_id="guest"))
    one.publish("q", b"2", properties=Properties(user_id="ada"))
    close = one.closed()
    assert (close.reply_code, close.reply_text) == (
        406,
        "PRECONDITION_FAILED - user_id property set to 'ada' but authenticated user was 'guest'",
    )
    assert waiting(one) == 1


def test_invalid_expiration(one: Client) -> None:
    one.publish("q", b"1", properties=Properties(expiration="soon"))
    close = one.closed()
    assert (close.reply_code, close.reply_text) == (
        406,
        "PRECONDITION_FAILED - invalid expiration 'soon': no_integer",
    )


def test_immediate(one: Client) -> None:
    payload = b"\0\x3c\0\x28\0\0\0\1q\x02"
    frame = b"\1\0\1" + len(payload).to_bytes(4, "big") + payload + b"\xce"
    one >> frame + b"\2\0\1\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\0\0\0\xce"
    close = one.hear()
    assert isinstance(close, ConnectionClose)
    assert (close.reply_code, close.reply_text) == (540, "NOT_IMPLEMENTED - immediate=true")


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (BasicQos(1, 1, False), 540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)"),
        (BasicRecover(False), 540, "NOT_IMPLEMENTED - requeue=false"),
        (BasicRecoverAsync(False), 540, "NOT_IMPLEMENTED - requeue=false"),
        (ChannelFlow(False), 540, "NOT_IMPLEMENTED - active=false"),
        (BasicConsumeOk("c"), 503, "COMMAND_INVALID - unimplemented method"),
    ],
)
def test_what_nobody_does(one: Client, method: Method, code: int, text: str) -> None:
    one >> method
    close = one.hear()
    assert isinstance(close, ConnectionClose)
    assert (close.reply_code, close.reply_text) == (code, text)
    assert close.class_id << 16 | close.method_id == method.KEY


def test_small_things(one: Client) -> None:
    one >> ChannelFlow(True) << ChannelFlowOk(True)
    one >> AccessRequest() << AccessRequestOk(1)


# -- declaring


def test_server_named_queues(one: Client) -> None:
    one >> QueueDeclare("", False, False, True, False, False, {})
    answer = one.hear()
    assert isinstance(answer, QueueDeclareOk)
    assert answer.queue.startswith("amq.gen-")
    one.publish(answer.queue, b"x")
    one >> BasicGet("", no_ack=True)  # the last declared
    assert one.content().body == b"x"
    one >> QueueDeclare("", False, False, True, False, False, {"x-name-prefix": "mine"})
    named = one.hear()
    assert isinstance(named, QueueDeclareOk)
    assert named.queue.startswith("mine-")


def test_the_last_declared_queue_is_meant_by_an_empty_name(one: Client) -> None:
    one.declare("mine")
    one >> QueueBind("", "amq.direct", "", False, {}) << QueueBindOk()
    one.publish("mine", b"x", exchange="amq.direct")
    one >> QueuePurge("", False) << QueuePurgeOk(1)
    one >> QueueUnbind("", "amq.direct", "", {}) << QueueUnbindOk()
    one >> QueueDelete("", False, False, False) << QueueDeleteOk(0)


def test_there_is_no_last_declared_queue(one: Client) -> None:
    one >> BasicGet("", no_ack=True)
    close = one.closed()
    assert (close.reply_code, close.reply_text) == (
        404,
        "NOT_FOUND - no previously declared queue",
    )


def test_missing_queue(one: Client) -> None:
    for method in (passive("nope"), BasicGet("nope", True), QueuePurge("nope", False)):
        one >> method
        close = one.closed()
        assert (close.reply_code, close.reply_text) == (
            404,
            "NOT_FOUND - no queue 'nope' in vhost '/'",
        )


def test_another_ones_exclusive_queue(one: Client, other: Client) -> None:
    one >> QueueDeclare("mine", False, False, True, False, False, {})
    one << QueueDeclareOk("mine", 0, 0)
    text = (
        "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. "
        "It could be originally declared on another connection or the exclusive property value "
        "does not match that of the original declaration."
    )
    for method in (
        passive("mine"),
        QueueDeclare("mine", False, False, False, False, False, {}),
        BasicGet("mine", True),
        QueuePurge("mine", False),
        QueueDelete("mine", False, False, False),
        BasicConsume("mine", "c", False, True, False, False, {}),
        QueueBind("mine", "amq.direct", "", False, {}),
    ):
        other >> method
        close = other.closed()
        assert (close.reply_code, close.reply_text) == (405, text)
    one.hang_up()
    other >> passive("mine")
    assert other.closed().reply_code == 404


def test_a_declaration_waits_for_the_disk_and_what_follows_for_it(
    world: World, one: Client
) -> None:
    """Who has the answer relies on the queue after a restart."""
    world.settle()
    one >> QueueDeclare("q", False, True, False, False, False, {})
    one >> BasicConsume("q", "c", False, False, False, False, {})
    assert one.frames() == []
    one << QueueDeclareOk("q", 0, 0) << BasicConsumeOk("c")


def test_exchanges(one: Client) -> None:
    logs = ExchangeDeclare("logs", "topic", False, True, False, False, False, {})
    one >> logs << ExchangeDeclareOk()
    one >> logs << ExchangeDeclareOk()
    one.declare("a").declare("b")
    one >> QueueBind("a", "logs", "*.error", False, {}) << QueueBindOk()
    one >> ExchangeDeclare("all", "fanout", False, False, False, False, False, {})
    one << ExchangeDeclareOk()
    one >> ExchangeBind("all", "logs", "#", False, {}) << ExchangeBindOk()
    one >> QueueBind("b", "all", "", False, {}) << QueueBindOk()
    one.publish("disk.error", b"1", exchange="logs").publish("disk.info", b"2", exchange="logs")
    assert (waiting(one, "a"), waiting(one, "b")) == (1, 2)
    one >> ExchangeUnbind("all", "logs", "#", False, {}) << ExchangeUnbindOk()
    one >> ExchangeDelete("logs", False, False) << ExchangeDeleteOk()
    one >> ExchangeDelete("logs", False, False) << ExchangeDeleteOk()
    one >> ExchangeDeclare("logs", "", True, False, False, False, False, {})
    assert one.closed().reply_text == "NOT_FOUND - no exchange 'logs' in vhost '/'"


def test_delete_if(one: Client) -> None:
    one.declare().publish("q", b"x")
    one >> QueueDelete("q", False, True, False)
    assert one.closed().reply_text == "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty"
    one.consume(no_ack=True)
    assert one.delivered() == [b"x"]
    one >> QueueDelete("q", True, False, False)
    assert one.closed().reply_text == "PRECONDITION_FAILED - queue 'q' in vhost '/' in use"
    one >> QueueDelete("q", True, True, False) << QueueDeleteOk(0)


def test_without_wait_nothing_is_answered(one: Client) -> None:
    one >> QueueDeclare("q", False, True, False, False, True, {})
    one >> ExchangeDeclare("x", "fanout", False, True, False, False, True, {})
    one >> QueueBind("q", "x", "", True, {})
    one >> ConfirmSelect(True)
    one >> QueuePurge("q", True)
    assert one.silent
    one.publish("", b"1", exchange="x", properties=PERSISTENT) << BasicAck(1, False)
    assert waiting(one) == 1


# -- transactions


def test_commit(world: World, one: Client, other: Client) -> None:
    one.declare(durable=True)
    one >> TxSelect() << TxSelectOk()
    one.publish("q", b"1", b"2", properties=PERSISTENT)
    assert waiting(other) == 0
    one >> TxCommit()
    assert one.frames() == []  # the disk comes first
    one << TxCommitOk()
    assert waiting(other) == 2


def test_rollback(one: Client, other: Client) -> None:
    one.declare().publish("q", b"0").consume()
    assert one.delivered() == [b"0"]
    one >> TxSelect() << TxSelectOk()
    one.publish("q", b"1") >> BasicAck(1, False)
    one >> TxRollback() << TxRollbackOk()
    assert one.silent
    one >> BasicAck(1, False) >> TxCommit() << TxCommitOk()
    assert waiting(other) == 0
    one >> BasicAck(1, False)
    assert one.closed().reply_text == "PRECONDITION_FAILED - unknown delivery tag 1"


def test_acks_count_at_the_commit(world: World, one: Client) -> None:
    out(one, 3) >> TxSelect() << TxSelectOk()
    one >> BasicAck(1, False) >> BasicNack(2, False, False)
    assert world.broker.vhosts["/"].queues["q"].unacked == 3
    one >> TxCommit() << TxCommitOk()
    assert after_reconnect(world, one) == [b"2"]


def test_what_is_not_committed_is_nothing(world: World, one: Client, other: Client) -> None:
    out(one, 1) >> TxSelect() << TxSelectOk()
    one.publish("q", b"x") >> BasicAck(1, False)
    one.hang_up()
    assert other.consume().delivered() == [b"0"]


def test_modes_do_not_mix(one: Client) -> None:
    for first, second, text in (
        (TxSelect(), ConfirmSelect(False), "cannot switch from tx to confirm mode"),
        (ConfirmSelect(False), TxSelect(), "cannot switch from confirm to tx mode"),
        (TxCommit(), None, "channel is not transactional"),
        (TxRollback(), None, "channel is not transactional"),
    ):
        one >> first
        if second is not None:
            one.hear()
            one >> second
        close = one.closed()
        assert (close.reply_code, close.reply_text) == (406, f"PRECONDITION_FAILED - {text}")


def test_an_exchange_must_be_there_when_it_is_published_to(one: Client) -> None:
    one >> TxSelect() << TxSelectOk()
    one.publish("k", b"x", exchange="nope")
    assert one.closed().reply_code == 404


# -- direct reply-to

REPLY_TO = "amq.rabbitmq.reply-to"


def test_direct_reply(one: Client, other: Client) -> None:
    other.declare("rpc").consume("rpc", no_ack=True)
    one.consume(REPLY_TO, no_ack=True)
    one.publish("rpc", b"question", properties=Properties(reply_to=REPLY_TO, correlation_id="7"))
    question = other.content()
    name = question.said.reply_to
    assert name is not None
    assert name.startswith(REPLY_TO + ".")
    assert question.said.correlation_id == "7"
    other >> passive(name) << QueueDeclareOk(name, 0, 1)
    other.publish(name, b"answer", properties=Properties(correlation_id="7"))
    answer = one.content()
    assert answer.method == BasicDeliver("c", 1, False, "", name)
    assert (answer.body, answer.said.correlation_id) == (b"answer", "7")


def test_nobody_waits_for_the_answer_any_more(one: Client, other: Client) -> None:
    other.declare("rpc").consume("rpc", no_ack=True)
    one.consume(REPLY_TO, no_ack=True)
    one.publish("rpc", b"question", properties=Properties(reply_to=REPLY_TO))
    name = other.content().said.reply_to
    assert name is not None
    one >> BasicCancel("c", False) << BasicCancelOk("c")
    other.publish(name, b"answer", mandatory=True)
    assert isinstance(other.content().method, BasicReturn)
    other >> passive(name)
    assert other.closed().reply_code == 404


def test_what_direct_reply_refuses(one: Client) -> None:
    one >> BasicConsume(REPLY_TO, "c", False, False, False, False, {})
    assert one.closed().reply_text == "PRECONDITION_FAILED - reply consumer cannot acknowledge"
    one.publish("q", b"x", properties=Properties(reply_to=REPLY_TO))
    assert one.closed().reply_text == "PRECONDITION_FAILED - fast reply consumer does not exist"
    one.consume(REPLY_TO, no_ack=True)
    one >> BasicConsume(REPLY_TO, "d", False, True, False, False, {})
    assert one.closed().reply_text == "PRECONDITION_FAILED - reply consumer already set"
