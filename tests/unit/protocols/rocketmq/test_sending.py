"""Sending: every form of it, what is refused, and that what comes together is written together."""

import pytest

from anymq.protocols.rocketmq import layout
from anymq.protocols.rocketmq.codec import encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import Batched, physical_offset, read_message_id, write_batch
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.testing.rocketmq import PEER, RocketMqRoom, send_fields

LONG = {
    "producerGroup": "PG",
    "topic": "t",
    "defaultTopic": "TBW102",
    "defaultTopicQueueNums": 4,
    "queueId": 1,
    "sysFlag": 0,
    "bornTimestamp": 1_700_000_000_000,
    "flag": 7,
    "properties": "KEYS\x01k\x02",
    "reconsumeTimes": 0,
    "unitMode": "false",
}


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("t", 2)
    return room


def test_a_message_is_read_as_it_was_sent(room: RocketMqRoom) -> None:
    client = room.client()
    answer = client.ask(RequestCode.SEND_MESSAGE, LONG, b"\0body\xff")
    assert (answer.code, answer.ext["queueId"], answer.ext["queueOffset"]) == (0, "1", "0")
    [message] = client.pulled("t", queue=1)
    assert (message.body, message.flag, message.queue) == (b"\0body\xff", 7, 1)
    assert message.properties == b"KEYS\x01k\x02"
    assert message.born_ms == 1_700_000_000_000
    assert message.born_host == layout.packed_host(bytes((127, 0, 0, 1)), PEER.port)


def test_the_id_says_where_it_is(room: RocketMqRoom) -> None:
    client = room.client()
    client.send("t", b"first")
    answer = client.send("t", b"second", UNIQ_KEY="0A")
    found = read_message_id(answer.ext["msgId"])
    log_id = room.broker.topic("t").partition(0).log.id
    host = layout.packed_host(bytes((127, 0, 0, 1)), PEER.local_port)
    assert found == (host, physical_offset(log_id, 1))
    assert answer.ext["transactionId"] == "0A"


def test_a_batch_is_in_one_place(room: RocketMqRoom) -> None:
    """Java sends it by a code of its own, with short names."""
    client = room.client()
    client.send("t", b"before")
    body = write_batch([Batched(0, b"one", b"TAGS\x01a\x02"), Batched(5, b"two", b"")])
    answer = client.ask(
        RequestCode.SEND_BATCH_MESSAGE, {**send_fields("t", 0, {}), "m": "true"}, body
    )
    assert answer.ext["queueOffset"] == "1"
    assert answer.ext["msgId"].count(",") == 1
    came = client.pulled("t", 1)
    assert [(one.body, one.flag, one.properties) for one in came] == [
        (b"one", 0, b"TAGS\x01a\x02"),
        (b"two", 5, b""),
    ]


def test_a_batch_of_the_cpp_client(room: RocketMqRoom) -> None:
    """It has the code of a single message, and says `batch` by a number."""
    client = room.client()
    body = write_batch([Batched(0, b"one", b""), Batched(0, b"two", b"")])
    answer = client.ask(RequestCode.SEND_MESSAGE, {**LONG, "batch": "1"}, body)
    assert answer.code == ResponseCode.SUCCESS
    assert [one.body for one in client.pulled("t", queue=1)] == [b"one", b"two"]


@pytest.mark.parametrize("body", [b"", b"\0", b"x" * 40, write_batch([Batched(0, b"", b"")])[:-1]])
def test_a_batch_that_is_none(room: RocketMqRoom, body: bytes) -> None:
    client = room.client()
    answer = client.ask(
        RequestCode.SEND_BATCH_MESSAGE, {**send_fields("t", 0, {}), "m": "true"}, body
    )
    assert answer.code == ResponseCode.MESSAGE_ILLEGAL


def test_the_flags_that_are_the_brokers_are_not_the_clients(room: RocketMqRoom) -> None:
    """How long addresses are in what is kept: a lie there would shift all that follows."""
    client = room.client()
    client.ask(RequestCode.SEND_MESSAGE, {**LONG, "sysFlag": 0x30 | 1}, b"x")
    [message] = client.pulled("t", queue=1)
    assert message.sys_flag == 1


def test_a_topic_is_made_by_who_sends_to_it(room: RocketMqRoom) -> None:
    client = room.client()
    assert client.send("new", queue=3).code == ResponseCode.SUCCESS
    assert len(room.broker.topic("new").partitions) == 4


def test_a_topic_is_there_before_its_first_message_is_answered(room: RocketMqRoom) -> None:
    """After a restart there must be a topic to find the message in."""
    client = room.client()
    room.disk_waits = True
    opaque = client.say(RequestCode.SEND_MESSAGE_V2, send_fields("new", 0, {}), b"x")
    assert not room.rocketmq.making.is_there("new")
    assert client.answer(opaque) is None
    room.disk_waits = False
    room.settle()
    assert client.answer(opaque) is not None


def test_no_topic_is_made_where_that_is_off() -> None:
    room = RocketMqRoom(RocketMqSettings(auto_create=False))
    client = room.client()
    assert client.send("new").code == ResponseCode.TOPIC_NOT_EXIST
    route = client.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "TBW102"})
    assert route.code == ResponseCode.TOPIC_NOT_EXIST


@pytest.mark.parametrize("topic", ["", "a b", "a/b", "ä", "x" * 128, "a\0b"])
def test_names_that_no_topic_has(room: RocketMqRoom, topic: str) -> None:
    assert room.client().send(topic).code == ResponseCode.INVALID_PARAMETER


@pytest.mark.parametrize("topic", ["%RETRY%G", "%DLQ%G", "NS%orders", "a|b", "x" * 127])
def test_names_that_kafka_has_not(room: RocketMqRoom, topic: str) -> None:
    client = room.client()
    assert client.send(topic, b"x").code == ResponseCode.SUCCESS
    assert [one.topic for one in client.pulled(topic)] == [topic]


@pytest.mark.parametrize("topic", ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "TBW102"])
def test_where_nobody_sends(room: RocketMqRoom, topic: str) -> None:
    assert room.client().send(topic).code == ResponseCode.NO_PERMISSION


def test_a_queue_that_is_not_there(room: RocketMqRoom) -> None:
    assert room.client().send("t", queue=2).code == ResponseCode.INVALID_PARAMETER


def test_who_names_no_queue_gets_one_after_the_other(room: RocketMqRoom) -> None:
    client = room.client()
    queues = {client.send("t", queue=-1).ext["queueId"] for _ in range(4)}
    assert queues == {"0", "1"}


def test_what_is_too_big_is_no_message() -> None:
    room = RocketMqRoom(RocketMqSettings(message_bytes_max=1000))
    client = room.client()
    assert client.send("t", bytes(1000)).code == ResponseCode.SUCCESS
    assert client.send("t", bytes(1001)).code == ResponseCode.MESSAGE_ILLEGAL
    assert client.send("t", b"x", a="y" * 32_767).code == ResponseCode.MESSAGE_ILLEGAL


def test_a_topic_takes_what_rocketmq_takes(room: RocketMqRoom) -> None:
    """Four megabytes, though Kafka's producers may write no more than one by default."""
    client = room.client()
    assert client.send("big", bytes(4 << 20)).code == ResponseCode.SUCCESS
    assert len(client.pulled("big")[0].body) == 4 << 20


@pytest.mark.parametrize("missing", ["b"])
def test_a_field_that_is_missing(room: RocketMqRoom, missing: str) -> None:
    fields = send_fields("t", 0, {})
    del fields[missing]
    answer = room.client().ask(RequestCode.SEND_MESSAGE_V2, fields, b"x")
    assert (answer.code, answer.remark) == (
        ResponseCode.INVALID_PARAMETER,
        f"the field {missing} is missing",
    )


def test_what_comes_together_is_one_batch(room: RocketMqRoom) -> None:
    """Of whoever: each has the place of its own message."""
    clients = [room.client() for _ in range(3)]
    said = encode(RequestCode.SEND_MESSAGE_V2, 1, 0, send_fields("t", 0, {}), b"x")
    for client in clients:
        client.feed(said)
    room.settle(*clients)
    offsets = [client.frames()[0].ext["queueOffset"] for client in clients]
    assert sorted(offsets) == ["0", "1", "2"]
    headers = room.broker.topic("t").partition(0).log.headers(0)
    assert [header.record_count for header in headers] == [3]


def test_messages_stay_in_the_order_of_their_sender(room: RocketMqRoom) -> None:
    client = room.client()
    fields = send_fields("t", 0, {})
    for number in range(10):
        client.feed(encode(RequestCode.SEND_MESSAGE_V2, -1, 0, fields, b"%d" % number))
    room.settle(client)
    assert [one.body for one in client.pulled("t")] == [b"%d" % number for number in range(10)]
