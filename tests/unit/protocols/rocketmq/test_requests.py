"""What clients ask of each other through us: replies, resets, what administrators want to know."""

import json
from typing import Any

import pytest
from tests.unit.protocols.rocketmq.test_membership import GROUP, TOPIC, come

from anymq.protocols.rocketmq.codec import Frame, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import read_messages, read_properties
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic(TOPIC, 2)
    return room


def asked(room: RocketMqRoom, client: RocketMqDialog, code: int) -> Frame:
    """Return what a client was asked or told by us; there is one of this kind."""
    room.settle()
    (frame,) = [one for one in client.told() if one.code == code]
    return frame


def answers(
    room: RocketMqRoom, client: RocketMqDialog, frame: Frame, code: int = 0, body: bytes = b""
) -> None:
    client.feed(encode(code, frame.opaque, 1, {}, body, remark="so"))
    room.settle()


def produces(room: RocketMqRoom, name: str) -> RocketMqDialog:
    client = room.client()
    said = {"clientID": name, "producerDataSet": [{"groupName": "P"}], "consumerDataSet": []}
    assert client.ask(RequestCode.HEART_BEAT, body=json.dumps(said).encode()).code == 0
    return client


def test_request_and_reply(room: RocketMqRoom) -> None:
    """The answer goes straight to who asked; who replies hears whether it arrived."""
    ada, bob = produces(room, "ada"), room.client()
    ada.send(TOPIC, b"2+2?", CORRELATION_ID="c1", REPLY_TO_CLIENT="ada", TTL="3000")
    (message,) = bob.pulled(TOPIC)
    said = read_properties(message.properties)
    assert said["CLUSTER"] == "DefaultCluster", "Java's consumers ask for that"
    reply = {"CORRELATION_ID": "c1", "REPLY_TO_CLIENT": "ada", "MSG_TYPE": "reply"}
    fields = send_fields("DefaultCluster_REPLY_TOPIC", 0, reply)
    opaque = bob.say(RequestCode.SEND_REPLY_MESSAGE_V2, fields, b"4")
    assert bob.answer(opaque) is None, "it waits for ada"
    pushed = asked(room, ada, RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT)
    assert pushed.body == b"4"
    assert read_properties(pushed.ext["properties"].encode())["CORRELATION_ID"] == "c1"
    answers(room, ada, pushed)
    answer = bob.answer(opaque)
    assert answer is not None
    assert (answer.code, answer.ext["msgId"]) == (ResponseCode.SUCCESS, "0")


def test_a_reply_to_nobody(room: RocketMqRoom) -> None:
    """Who asked is gone, or said nothing, or goes before it answers."""
    ada, bob = produces(room, "ada"), room.client()
    for properties in ({"REPLY_TO_CLIENT": "eve"}, {"A": "b"}):
        fields = send_fields("DefaultCluster_REPLY_TOPIC", 0, properties)
        answer = bob.ask(RequestCode.SEND_REPLY_MESSAGE_V2, fields, b"4")
        assert answer.code == ResponseCode.SYSTEM_ERROR
    fields = send_fields("DefaultCluster_REPLY_TOPIC", 0, {"REPLY_TO_CLIENT": "ada"})
    opaque = bob.say(RequestCode.SEND_REPLY_MESSAGE_V2, fields, b"4")
    ada.hang_up()
    answered = bob.answer(opaque)
    assert answered is not None
    assert answered.code == ResponseCode.SYSTEM_ERROR


def reset(client: RocketMqDialog, **fields: Any) -> Frame:
    said = {"topic": TOPIC, "group": GROUP, "timestamp": 0, "isForce": True, **fields}
    return client.ask(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, said)


def offset_of(client: RocketMqDialog, queue: int = 0) -> int:
    said = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": queue}
    return int(client.ask(RequestCode.QUERY_CONSUMER_OFFSET, said).ext["offset"])


def commit(client: RocketMqDialog, offset: int, queue: int = 0) -> None:
    said = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": queue, "commitOffset": offset}
    assert client.ask(RequestCode.UPDATE_CONSUMER_OFFSET, said).code == 0


def test_reset(room: RocketMqRoom) -> None:
    """Kept, and told to the members, who would say again where they are."""
    ada, admin = come(room, "ada", TOPIC), room.client()
    for _ in range(5):
        admin.send(TOPIC, b"x")
    commit(ada, 4)
    ada.told()
    answer = reset(admin)
    table = b'{"brokerName":"anymq","queueId":0,"topic":"T"}:0'
    assert answer.code == ResponseCode.SUCCESS
    assert table in answer.body
    told = asked(room, ada, RequestCode.RESET_CONSUMER_CLIENT_OFFSET)
    assert (told.ext["topic"], told.ext["group"]) == (TOPIC, GROUP)
    assert table in told.body
    assert offset_of(admin) == 0


def test_reset_to_an_offset_to_a_time_and_not_further_on(room: RocketMqRoom) -> None:
    admin = room.client()
    for _ in range(5):
        admin.send(TOPIC, b"x")
        room.let_pass(1)
    assert reset(admin, queueId=0, offset=3).code == ResponseCode.SUCCESS
    assert offset_of(admin) == 3
    assert reset(admin, queueId=0, offset=9).code == ResponseCode.INVALID_PARAMETER
    reset(admin, timestamp=-1, isForce=False)
    assert offset_of(admin) == 3
    reset(admin, timestamp=-1)
    assert offset_of(admin) == 5
    assert reset(admin, topic="nothing").code == ResponseCode.TOPIC_NOT_EXIST


def test_reset_of_a_group_that_pops(room: RocketMqRoom) -> None:
    """It gets again what it has had."""
    admin = room.client()
    admin.send(TOPIC, b"x")
    said = {
        "consumerGroup": GROUP,
        "topic": TOPIC,
        "queueId": 0,
        "maxMsgNums": 9,
        "invisibleTime": 60_000,
        "pollTime": 0,
        "bornTime": 0,
        "initMode": 0,
    }
    popped = admin.ask(RequestCode.POP_MESSAGE, said)
    handle = f"0 {popped.ext['popTime']} 60000 0 0 anymq 0 0"
    ack = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "offset": 0, "extraInfo": handle}
    assert admin.ask(RequestCode.ACK_MESSAGE, ack).code == 0
    assert admin.ask(RequestCode.POP_MESSAGE, said).code == ResponseCode.POLLING_TIMEOUT
    assert reset(admin).code == ResponseCode.SUCCESS
    (again,) = read_messages(admin.ask(RequestCode.POP_MESSAGE, said).body)
    assert again.body == b"x"


@pytest.mark.parametrize("code", [307, 309])
def test_what_only_the_consumer_knows(room: RocketMqRoom, code: int) -> None:
    """It is asked, and its answer handed on as it is."""
    ada, admin = come(room, "ada", TOPIC), room.client()
    sent = admin.send(TOPIC, b"try me")
    said = {"consumerGroup": GROUP, "clientId": "ada", "msgId": sent.ext["msgId"]}
    opaque = admin.say(code, said)
    frame = asked(room, ada, code)
    assert frame.ext["consumerGroup"] == GROUP
    if code == RequestCode.CONSUME_MESSAGE_DIRECTLY:
        assert [one.body for one in read_messages(frame.body)] == [b"try me"]
    answers(room, ada, frame, body=b'{"a":1}')
    answer = admin.answer(opaque)
    assert answer is not None
    assert (answer.code, answer.body, answer.remark) == (0, b'{"a":1}', "so")
    missing = admin.ask(code, {**said, "clientId": "eve"})
    assert missing.code == ResponseCode.SYSTEM_ERROR
    assert "not online" in missing.remark


def test_where_consumers_say_they_are(room: RocketMqRoom) -> None:
    """Keys of these tables are objects, which is no JSON; they are put together as they are."""
    ada, bob, admin = come(room, "ada", TOPIC), come(room, "bob", TOPIC), room.client()
    said = {"topic": TOPIC, "group": GROUP}
    opaque = admin.say(RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, said)
    table = b'{{"brokerName":"anymq","queueId":0,"topic":"T"}:7}'
    body = b'{"consumerTable":{},"messageQueueTable":%s}' % table
    answers(room, ada, asked(room, ada, RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT), body=body)
    assert admin.answer(opaque) is None
    bob.hang_up()
    answer = admin.answer(opaque)
    assert answer is not None
    assert answer.body == b'{"consumerTable":{"ada":%s},"messageQueueTable":{}}' % table
    nobody = admin.ask(
        RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, {"topic": TOPIC, "group": "none"}
    )
    assert nobody.code == ResponseCode.SYSTEM_ERROR
