"""Messages lent by gRPC: acknowledged, wanted again, kept for longer, given up."""

import pytest

from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.grpc.definition import (
    ClientType,
    Code,
    FilterExpression,
    Message,
    MessageQueue,
    MessageType,
    Publishing,
    Resource,
    Settings,
    Status,
    Subscription,
    SubscriptionEntry,
    SystemProperties,
    duration_of,
)
from anymq.protocols.rocketmq.grpc.messages import (
    AckMessageEntry,
    AckMessageRequest,
    AckMessageResponse,
    ChangeInvisibleDurationRequest,
    ChangeInvisibleDurationResponse,
    EndTransactionRequest,
    ForwardMessageToDeadLetterQueueRequest,
    ReceiveMessageRequest,
    ReceiveMessageResponse,
    SendMessageRequest,
    SendMessageResponse,
    StatusResponse,
    TelemetryCommand,
)
from anymq.protocols.rocketmq.grpc.orphans import Half, half_of
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.testing.grpc import GrpcDialog, GrpcRoom, Heard

TOPIC, GROUP = Resource("", "t"), Resource("", "g")


def begun(*bodies: bytes) -> tuple[GrpcRoom, GrpcDialog]:
    """Return a room with messages in a topic of one queue."""
    room = GrpcRoom(RocketMqSettings(queues=1))
    room.make_topic("t")
    client = room.grpc_client()
    for number, body in enumerate(bodies):
        send(client, body, message_id=f"ID{number}")
    return room, client


def send(client: GrpcDialog, body: bytes, **said: object) -> SendMessageResponse:
    properties = SystemProperties(**{"message_id": "ID", **said})  # type: ignore[arg-type]
    request = SendMessageRequest([Message(TOPIC, {}, properties, body)])
    return client.call("SendMessage", request, SendMessageResponse)


def ask(client: GrpcDialog, wait_ms: int = 0, **said: object) -> Heard:
    wish = {"batch_size": 32, "invisible_duration": duration_of(30_000), **said}
    wish.setdefault("message_queue", MessageQueue(TOPIC, 0))
    request = ReceiveMessageRequest(GROUP, **wish)  # type: ignore[arg-type]
    request.long_polling_timeout = duration_of(wait_ms)
    return client.heard[client.start("ReceiveMessage", request)]


def lent(heard: Heard) -> list[Message]:
    """Return the messages of an answer, which begins with how it went and ends with when."""
    answers = heard.messages(ReceiveMessageResponse)
    assert answers[0].status is not None
    assert answers[-1].delivery_timestamp is not None
    return [one.message for one in answers if one.message is not None]


def handle(message: Message) -> str:
    said = message.system_properties
    assert said is not None
    assert said.receipt_handle is not None
    return said.receipt_handle


def attempt(message: Message) -> int | None:
    return message.system_properties.delivery_attempt if message.system_properties else None


def ack(client: GrpcDialog, *handles: str) -> list[Status | None]:
    entries = [AckMessageEntry("", one) for one in handles]
    request = AckMessageRequest(GROUP, TOPIC, entries)
    return [one.status for one in client.call("AckMessage", request, AckMessageResponse).entries]


def test_what_is_acknowledged_does_not_come_again() -> None:
    room, client = begun(b"one", b"two")
    messages = lent(ask(client))
    assert [one.body for one in messages] == [b"one", b"two"]
    assert [one.code for one in ack(client, *map(handle, messages)) if one] == [Code.OK] * 2
    room.let_pass(60)
    assert lent(ask(client)) == []


def test_what_nobody_says_anything_of_comes_again() -> None:
    room, client = begun(b"one")
    (first,) = lent(ask(client))
    assert lent(ask(client)) == []
    room.let_pass(31)
    (second,) = lent(ask(client))
    assert (attempt(first), attempt(second)) == (1, 2)


def test_a_handle_that_is_too_old_is_refused() -> None:
    """The message is another's by now."""
    room, client = begun(b"one")
    (first,) = lent(ask(client))
    room.let_pass(31)
    lent(ask(client))
    (status,) = ack(client, handle(first))
    assert status is not None
    assert status.code == Code.INVALID_RECEIPT_HANDLE


@pytest.mark.parametrize("text", ["", "x", "1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 x", "9" * 2000])
def test_what_is_no_handle_is_refused(text: str) -> None:
    _, client = begun()
    (status,) = ack(client, text)
    assert status is not None
    assert status.code in (Code.INVALID_RECEIPT_HANDLE, Code.BAD_REQUEST)


def test_a_message_is_wanted_again_sooner() -> None:
    room, client = begun(b"one")
    (first,) = lent(ask(client))
    request = ChangeInvisibleDurationRequest(GROUP, TOPIC, handle(first), duration_of(2000))
    changed = client.call("ChangeInvisibleDuration", request, ChangeInvisibleDurationResponse)
    assert changed.receipt_handle != handle(first)
    room.let_pass(3)
    (second,) = lent(ask(client))
    assert attempt(second) == 2


def test_the_new_handle_settles_it() -> None:
    room, client = begun(b"one")
    (first,) = lent(ask(client))
    request = ChangeInvisibleDurationRequest(GROUP, TOPIC, handle(first), duration_of(60_000))
    changed = client.call("ChangeInvisibleDuration", request, ChangeInvisibleDurationResponse)
    assert [one.code for one in ack(client, changed.receipt_handle) if one] == [Code.OK]
    room.let_pass(120)
    assert lent(ask(client)) == []


def test_a_long_poll_is_answered_when_something_comes() -> None:
    room, client = begun()
    heard = ask(client, wait_ms=10_000)
    assert not heard.ended
    send(room.grpc_client(client_id="c2"), b"now")
    client.listen()
    assert [one.body for one in lent(heard)] == [b"now"]


def test_or_when_the_time_is_up() -> None:
    room, client = begun()
    heard = ask(client, wait_ms=5_000)
    room.let_pass(6)
    client.listen()
    (status, _) = heard.messages(ReceiveMessageResponse)
    assert status.status is not None
    assert status.status.code == Code.MESSAGE_NOT_FOUND


def test_a_push_consumer_keeps_its_messages_while_it_is_there() -> None:
    """It does not say how long it needs, and may need long."""
    room, client = begun(b"one")
    (message,) = lent(ask(client, auto_renew=True, invisible_duration=None))
    room.let_pass(600)
    other = room.grpc_client(client_id="c2")
    assert lent(ask(other)) == []
    assert [one.code for one in ack(client, handle(message)) if one] == [Code.OK]
    (one,) = client.session.clients.values()
    assert len(one.renewals) == 0


def test_and_loses_them_when_it_leaves() -> None:
    room, client = begun(b"one")
    lent(ask(client, auto_renew=True, invisible_duration=None))
    client.hang_up()
    room.let_pass(61)
    assert len(lent(ask(room.grpc_client(client_id="c2")))) == 1


def test_filters_let_through_what_is_wanted() -> None:
    room, client = begun()
    for tag in ("a", "b"):
        send(client, tag.encode(), tag=tag, message_id=tag)
    wanted = FilterExpression(2, "TAGS = 'b'")
    assert [one.body for one in lent(ask(client, filter_expression=wanted))] == [b"b"]
    room.let_pass(1)


def test_a_filter_that_is_none_is_refused() -> None:
    _, client = begun(b"one")
    heard = ask(client, filter_expression=FilterExpression(2, "a >"))
    status = heard.messages(ReceiveMessageResponse)[0].status
    assert status is not None
    assert status.code == Code.ILLEGAL_FILTER_EXPRESSION


def test_what_nobody_can_deal_with_is_among_the_dead() -> None:
    room, client = begun(b"poison")
    (message,) = lent(ask(client))
    request = ForwardMessageToDeadLetterQueueRequest(GROUP, TOPIC, handle(message), "ID0")
    answer = client.call("ForwardMessageToDeadLetterQueue", request, StatusResponse)
    assert answer.status is not None
    assert answer.status.code == Code.OK
    room.let_pass(60)
    assert lent(ask(client)) == []
    assert room.broker.topic("%DLQ%g").partitions[0].visible_end == 1


def test_what_is_lent_by_grpc_is_acknowledged_by_remoting() -> None:
    """A handle is the same whichever way it goes."""
    room, client = begun(b"one")
    (message,) = lent(ask(client))
    text = handle(message)
    fields = {"consumerGroup": "g", "topic": "t", "queueId": 0, "offset": 0, "extraInfo": text}
    assert room.client().ask(RequestCode.ACK_MESSAGE, fields).code == 0
    room.let_pass(60)
    assert lent(ask(client)) == []


def test_an_ordered_group_gets_one_after_the_other() -> None:
    room, client = begun(b"one", b"two")
    config = b'{"groupName":"g","consumeMessageOrderly":true}'
    room.client().ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, config)
    entry = SubscriptionEntry(TOPIC, FilterExpression(1, "*"))
    stream = client.begin("Telemetry")
    said = Settings(client_type=ClientType.PUSH_CONSUMER, subscription=Subscription(GROUP, [entry]))
    client.say(stream, TelemetryCommand(settings=said))
    (told,) = client.heard[stream].messages(TelemetryCommand)
    assert told.settings is not None
    assert told.settings.subscription is not None
    assert told.settings.subscription.fifo
    (first,) = lent(ask(client, batch_size=1))
    assert lent(ask(client, batch_size=1)) == []
    ack(client, handle(first))
    assert [one.body for one in lent(ask(client, batch_size=1))] == [b"two"]


@pytest.mark.parametrize("queue", range(4))
def test_who_takes_in_order_need_not_know_which_queue(queue: int) -> None:
    """A SimpleConsumer goes around the queues: it would wait for long at those that are empty."""
    room = GrpcRoom(RocketMqSettings(queues=4))
    client = room.grpc_client()
    config = b'{"groupName":"g","consumeMessageOrderly":true}'
    room.client().ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, config)
    for body in (b"one", b"two"):
        send(client, body, message_group="m")
    at = MessageQueue(TOPIC, queue)
    (first,) = lent(ask(client, batch_size=1, message_queue=at))
    assert lent(ask(client, batch_size=1, message_queue=at)) == [], "one after the other"
    ack(client, handle(first))
    (second,) = lent(ask(client, batch_size=1, message_queue=at))
    assert (first.body, second.body) == (b"one", b"two")


# Transactions


def half(client: GrpcDialog) -> str:
    sent = send(client, b"half", message_type=MessageType.TRANSACTION)
    return sent.entries[0].transaction_id


@pytest.mark.parametrize(("resolution", "bodies"), [(1, [b"half"]), (2, [])])
def test_a_half_message_is_seen_when_it_is_committed(resolution: int, bodies: list[bytes]) -> None:
    room, client = begun()
    transaction_id = half(client)
    assert lent(ask(client)) == []
    request = EndTransactionRequest(TOPIC, "ID", transaction_id, resolution, 1)
    ended = client.call("EndTransaction", request, StatusResponse)
    assert ended.status is not None
    assert ended.status.code == Code.OK
    room.let_pass(1)
    assert [one.body for one in lent(ask(client))] == bodies


def test_any_producer_of_the_topic_is_asked() -> None:
    room, client = begun()
    other = room.grpc_client(client_id="c2")
    stream = other.begin("Telemetry")
    settings = Settings(client_type=ClientType.PRODUCER, publishing=Publishing([TOPIC]))
    other.say(stream, TelemetryCommand(settings=settings))
    other.heard[stream].messages(TelemetryCommand)
    transaction_id = half(client)
    client.hang_up()
    room.let_pass(40)
    other.listen()
    asked = other.heard[stream].messages(TelemetryCommand)[0].recover_orphaned_transaction_command
    assert asked is not None
    assert asked.transaction_id == transaction_id
    assert asked.message is not None
    assert (asked.message.body, asked.message.topic) == (b"half", TOPIC)


@pytest.mark.parametrize("text", ["x", "1-2", "zz-1-a", f"{1 << 64:x}-1-a", "-1-1-a"])
def test_ids_of_transactions_that_we_did_not_write(text: str) -> None:
    _, client = begun()
    request = EndTransactionRequest(TOPIC, "ID", text, 1, 1)
    answer = client.call("EndTransaction", request, StatusResponse)
    assert answer.status is not None
    assert answer.status.code == Code.INVALID_TRANSACTION_ID


def test_ids_of_transactions_are_read_as_they_are_written() -> None:
    one = Half(5, 7 << 40 | 5, "ID-with-lines")
    assert half_of(str(one)) == one
