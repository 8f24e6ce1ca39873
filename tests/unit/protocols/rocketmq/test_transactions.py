"""Transactional messages, as producers of RocketMQ have them."""

from dataclasses import replace

import pytest

from anymq.core.transactions import halves
from anymq.protocols.rocketmq import layout
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import COMMIT, PREPARED, ROLLBACK, Stored, read_messages
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields

UNKNOWN = 0
TOPIC, GROUP = "transfers", "bank-a"
HEARTBEAT = (
    b'{"clientID":"10.0.0.1@1","producerDataSet":[{"groupName":"bank-a"}],"consumerDataSet":[]}'
)


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic(TOPIC, 4)
    return room


def prepare(
    client: RocketMqDialog,
    name: str = "t1",
    *,
    queue: int = 2,
    sys_flag: int = PREPARED,
    **more: str,
) -> Frame:
    """Send a half message."""
    said = {"TRAN_MSG": "true", "PGROUP": GROUP, "UNIQ_KEY": name, "TAGS": "A", **more}
    fields = {**send_fields(TOPIC, queue, said), "a": GROUP, "f": sys_flag}
    return client.ask(RequestCode.SEND_MESSAGE_V2, fields, b"10 from 1 to 2")


def end_fields(sent: Frame, outcome: int, **more: object) -> dict[str, object]:
    """Return what a client says to end it, made of the answer as clients do."""
    place = layout.read_message_id(sent.ext["msgId"])
    assert place is not None
    return {
        "producerGroup": GROUP,
        "tranStateTableOffset": sent.ext["queueOffset"],
        "commitLogOffset": place[1],
        "commitOrRollback": outcome,
        "fromTransactionCheck": False,
        "msgId": sent.ext["transactionId"],
        "transactionId": sent.ext["transactionId"],
        **more,
    }


def end(client: RocketMqDialog, sent: Frame, outcome: int, **more: object) -> Frame:
    return client.ask(RequestCode.END_TRANSACTION, end_fields(sent, outcome, **more))


def live(room: RocketMqRoom) -> RocketMqDialog:
    """Return a producer that can be asked."""
    client = room.client()
    client.ask(RequestCode.HEART_BEAT, {}, HEARTBEAT)
    return client


def test_a_half_message_is_safe_and_nobody_sees_it(room: RocketMqRoom) -> None:
    client = room.client()
    sent = prepare(client)
    assert (sent.code, sent.ext["transactionId"], sent.ext["queueId"]) == (
        *(ResponseCode.SUCCESS, "t1", "2"),
    )
    assert all(one.visible_end == 0 for one in room.broker.topic(TOPIC).partitions)
    assert client.pull(TOPIC, queue=2).code != ResponseCode.SUCCESS
    assert set(room.broker.topics) == {TOPIC}


def test_a_committed_message_is_as_it_was_sent(room: RocketMqRoom) -> None:
    client = room.client()
    sent = prepare(client, KEYS="k", color="red")
    assert end(client, sent, COMMIT).code == ResponseCode.SUCCESS
    (found,) = client.pulled(TOPIC, queue=2)
    assert found.body == b"10 from 1 to 2"
    properties = layout.read_properties(found.properties)
    assert properties == {
        "PGROUP": GROUP,
        "UNIQ_KEY": "t1",
        "TAGS": "A",
        "KEYS": "k",
        "color": "red",
    }
    assert found.sys_flag & layout.TRANSACTION_MASK == COMMIT
    assert layout.place_of(found.prepared_offset) == (halves.LOG_ID, int(sent.ext["queueOffset"]))


def test_a_message_that_was_rolled_back_is_nowhere(room: RocketMqRoom) -> None:
    client = room.client()
    sent = prepare(client)
    assert end(client, sent, ROLLBACK).code == ResponseCode.SUCCESS
    assert all(one.visible_end == 0 for one in room.broker.topic(TOPIC).partitions)
    assert end(client, sent, COMMIT).code == ResponseCode.SYSTEM_ERROR


def test_clients_end_transactions_without_awaiting_an_answer(room: RocketMqRoom) -> None:
    client = room.client()
    sent = prepare(client)
    opaque = client.say(RequestCode.END_TRANSACTION, end_fields(sent, COMMIT), oneway=True)
    assert client.answer(opaque) is None
    assert len(client.pulled(TOPIC, queue=2)) == 1


def test_a_client_that_sets_no_flag_is_understood_by_its_property(room: RocketMqRoom) -> None:
    """The broker of RocketMQ 5 looks at the property, clients before 4.6.1 set but that."""
    client = room.client()
    sent = prepare(client, sys_flag=0)
    assert len(room.rocketmq.transactions) == 1
    end(client, sent, COMMIT)
    assert len(client.pulled(TOPIC, queue=2)) == 1


def test_who_says_nothing_is_asked_with_the_whole_message(room: RocketMqRoom) -> None:
    client = live(room)
    sent = prepare(client, color="red")
    room.let_pass(5)
    assert client.told() == []
    room.let_pass(2)
    (asked,) = client.told()
    assert asked.code == RequestCode.CHECK_TRANSACTION_STATE
    assert asked.ext["tranStateTableOffset"] == sent.ext["queueOffset"]
    assert asked.ext["transactionId"] == asked.ext["msgId"] == "t1"
    assert asked.ext["offsetMsgId"] == sent.ext["msgId"]
    message = only(asked)
    assert (message.topic, message.queue, message.body) == (TOPIC, 2, b"10 from 1 to 2")
    said = layout.read_properties(message.properties)
    assert (said["PGROUP"], said["UNIQ_KEY"], said["color"]) == (GROUP, "t1", "red")


def only(asked: Frame) -> Stored:
    (message,) = read_messages(asked.body)
    return message


@pytest.mark.parametrize(("outcome", "there"), [(COMMIT, 1), (ROLLBACK, 0)])
def test_its_answer_decides(room: RocketMqRoom, outcome: int, there: int) -> None:
    client = live(room)
    prepare(client)
    room.let_pass(7)
    (asked,) = client.told()
    said = {name: asked.ext[name] for name in ("tranStateTableOffset", "commitLogOffset")}
    answer = client.ask(
        RequestCode.END_TRANSACTION,
        {**said, "producerGroup": GROUP, "commitOrRollback": outcome, "fromTransactionCheck": True},
    )
    assert answer.code == ResponseCode.SUCCESS
    assert room.broker.topic(TOPIC).partitions[2].visible_end == there
    room.let_pass(60)
    assert client.told() == []


def test_who_does_not_know_yet_is_asked_again(room: RocketMqRoom) -> None:
    client = live(room)
    sent = prepare(client)
    assert end(client, sent, UNKNOWN).code == ResponseCode.SUCCESS
    room.let_pass(7)
    assert len(client.told()) == 1
    end(client, sent, UNKNOWN, fromTransactionCheck=True)
    room.let_pass(31)
    assert len(client.told()) == 1


def test_anybody_of_the_group_may_be_asked(room: RocketMqRoom) -> None:
    """Who sent it may be dead: another instance of the bank knows the same database."""
    sender = live(room)
    prepare(sender)
    sender.hang_up()
    other = live(room)
    room.let_pass(7)
    assert len(other.told()) == 1


def test_who_is_in_another_group_is_not_asked(room: RocketMqRoom) -> None:
    other = room.client()
    other.ask(RequestCode.HEART_BEAT, {}, HEARTBEAT.replace(b"bank-a", b"bank-b"))
    prepare(room.client())
    room.let_pass(60)
    assert other.told() == []


def test_who_comes_back_is_asked_at_once(room: RocketMqRoom) -> None:
    prepare(room.client())
    room.let_pass(10)
    client = live(room)
    room.let_pass(1)
    assert len(client.told()) == 1


def test_a_message_of_which_nobody_knows_goes_where_an_operator_finds_it(
    room: RocketMqRoom,
) -> None:
    transactions = room.rocketmq.transactions
    transactions.settings = replace(transactions.settings, checks_max=2)
    client = live(room)
    prepare(client)
    room.let_pass(120)
    assert len(client.told()) == 2
    assert len(transactions) == 0
    (found,) = client.pulled("TRANS_CHECK_MAX_TIME_TOPIC")
    assert found.body == b"10 from 1 to 2"
    assert room.broker.topic(TOPIC).partitions[2].visible_end == 0


def test_who_needs_longer_says_so_and_is_not_heard_after_that(room: RocketMqRoom) -> None:
    """As RocketMQ answers: 604, until it was asked."""
    client = live(room)
    sent = prepare(client, CHECK_IMMUNITY_TIME_IN_SECONDS="20")
    room.let_pass(19)
    assert client.told() == []
    room.let_pass(2)
    assert len(client.told()) == 1
    assert end(client, sent, COMMIT).code == ResponseCode.ILLEGAL_OPERATION
    assert end(client, sent, COMMIT, fromTransactionCheck=True).code == ResponseCode.SUCCESS


@pytest.mark.parametrize(
    ("changed", "remark"),
    [
        ({"producerGroup": "bank-b"}, "The producer group wrong"),
        ({"tranStateTableOffset": 7}, "The transaction state table offset wrong"),
        ({"commitLogOffset": 7}, "Find prepared transaction message failed"),
        ({"commitLogOffset": halves.LOG_ID << 40 | 99}, "Find prepared transaction message failed"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    room: RocketMqRoom, changed: dict[str, object], remark: str
) -> None:
    client = room.client()
    sent = prepare(client)
    answer = end(client, sent, COMMIT, **changed)
    assert (answer.code, answer.remark) == (ResponseCode.SYSTEM_ERROR, remark)
    assert len(room.rocketmq.transactions) == 1


def test_a_batch_cannot_be_transactional(room: RocketMqRoom) -> None:
    said = {"TRAN_MSG": "true", "PGROUP": GROUP}
    fields = {**send_fields(TOPIC, 0, said), "f": PREPARED, "m": True}
    body = layout.write_batch([layout.Batched(0, b"x", layout.write_properties(said))])
    answer = room.client().ask(RequestCode.SEND_BATCH_MESSAGE, fields, body)
    assert answer.code == ResponseCode.MESSAGE_ILLEGAL


def test_there_is_a_limit_to_what_may_be_open(room: RocketMqRoom) -> None:
    transactions = room.rocketmq.transactions
    transactions.settings = replace(transactions.settings, open_max=1)
    client = room.client()
    prepare(client)
    assert prepare(client, "t2").code == ResponseCode.SERVICE_NOT_AVAILABLE


def test_who_listens_to_the_topic_by_another_protocol_gets_it_when_it_is_committed(
    room: RocketMqRoom,
) -> None:
    vhost = room.broker.vhost("/")
    queue = vhost.declare_queue("audit")
    vhost.bind("amq.topic", "audit", TOPIC)
    client = room.client()
    sent = prepare(client)
    room.settle()
    assert queue.ready == 0
    end(client, sent, COMMIT)
    assert queue.ready == 1


def test_a_delay_begins_when_it_is_committed(room: RocketMqRoom) -> None:
    """As with RocketMQ: until then nobody knows whether it comes at all."""
    client = room.client()
    sent = prepare(client, DELAY="2")  # 5 s
    room.let_pass(4)
    assert end(client, sent, COMMIT).code == ResponseCode.SUCCESS
    room.let_pass(4)
    assert room.broker.topic(TOPIC).partitions[2].visible_end == 0
    room.let_pass(2)
    (found,) = client.pulled(TOPIC, queue=2)
    assert layout.property_of(found.properties, b"UNIQ_KEY") == b"t1"


def test_a_delay_that_is_too_long_is_refused_at_once(room: RocketMqRoom) -> None:
    sent = prepare(room.client(), TIMER_DELAY_SEC="99999999")
    assert sent.code == ResponseCode.MESSAGE_ILLEGAL
    assert len(room.rocketmq.transactions) == 0
