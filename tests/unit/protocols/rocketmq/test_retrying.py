"""What RocketMQ's consumers send back comes again, later each time; at last it is a dead letter."""

from typing import Any

import pytest
from tests.unit.core.world import append, make_batch

from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.kept import GroupSettings
from anymq.protocols.rocketmq.layout import Stored, read_properties
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields

T, G = "orders", "billing"
RETRY, DLQ = f"%RETRY%{G}", f"%DLQ%{G}"
PAUSES = [10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200]


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic(T, 2)
    return room


@pytest.fixture
def client(room: RocketMqRoom) -> RocketMqDialog:
    return room.client()


def messages(client: RocketMqDialog, topic: str) -> list[Stored]:
    known = client.room.broker.topics.get(topic)
    if known is None or known.partitions[0].visible_end == 0:
        return []
    return client.room.client().pulled(topic, group=G)  # the first one may have left meanwhile


def sent(client: RocketMqDialog, **properties: str) -> Stored:
    """Send a message, and receive it."""
    client.send(T, b"body", 0, **properties)
    return messages(client, T)[-1]


def send_back(client: RocketMqDialog, message: Stored, level: int = 0, **more: Any) -> Frame:
    return client.room.client().ask(
        RequestCode.CONSUMER_SEND_MSG_BACK,
        {
            "offset": message.physical_offset,
            "group": G,
            "delayLevel": level,
            "originMsgId": "",
            "originTopic": T,
            "unitMode": False,
            **more,
        },
    )


def test_it_comes_again_later_each_time_and_then_is_a_dead_letter(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    """Sixteen times, by the levels from 3 on: four hours and 46 minutes all together."""
    message = sent(client, KEYS="k", UNIQ_KEY="U1")
    for times, pause in enumerate(PAUSES):
        assert send_back(client, message).code == ResponseCode.SUCCESS
        room.let_pass(pause - 2)
        assert len(messages(client, RETRY)) == times
        room.let_pass(4)
        message = messages(client, RETRY)[-1]
        assert (message.body, message.reconsumed) == (b"body", times + 1)
    assert send_back(client, message).code == ResponseCode.SUCCESS
    (dead,) = messages(client, DLQ)
    assert (dead.body, dead.reconsumed) == (b"body", 17)
    said = read_properties(dead.properties)
    assert (said["RETRY_TOPIC"], said["KEYS"], said["UNIQ_KEY"]) == (T, "k", "U1")
    assert len(messages(client, RETRY)) == len(PAUSES)


def test_it_says_where_it_comes_from(room: RocketMqRoom, client: RocketMqDialog) -> None:
    first = client.send(T, b"body", 0)
    message = messages(client, T)[0]
    for level in ("3", "4"):
        send_back(client, message)
        room.let_pass(60)
        message = messages(client, RETRY)[-1]
        said = read_properties(message.properties)
        assert (said["RETRY_TOPIC"], said["REAL_TOPIC"]) == (T, RETRY)
        assert (said["ORIGIN_MESSAGE_ID"], said["DELAY"]) == (first.ext["msgId"], level)


def test_a_consumer_may_say_how_long(room: RocketMqRoom, client: RocketMqDialog) -> None:
    send_back(client, sent(client), 1)
    room.let_pass(2)
    assert len(messages(client, RETRY)) == 1


def test_a_consumer_may_give_it_up(client: RocketMqDialog) -> None:
    send_back(client, sent(client), -1)
    assert [one.body for one in messages(client, DLQ)] == [b"body"]


def test_a_consumer_says_how_often(client: RocketMqDialog) -> None:
    send_back(client, sent(client), maxReconsumeTimes=0)
    assert len(messages(client, DLQ)) == 1


def test_a_group_says_how_often(room: RocketMqRoom, client: RocketMqDialog) -> None:
    room.rocketmq.group_settings.put(G, GroupSettings(retry_max_times=1), lambda _: None)
    room.settle()
    send_back(client, sent(client), 1, maxReconsumeTimes=-1)
    room.let_pass(2)
    (again,) = messages(client, RETRY)
    send_back(client, again, 1)
    assert len(messages(client, DLQ)) == 1


def test_a_group_without_retries_loses_what_it_sends_back(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    room.rocketmq.group_settings.put(G, GroupSettings(retry_queue_nums=0), lambda _: None)
    room.settle()
    assert send_back(client, sent(client), 1).code == ResponseCode.SUCCESS
    room.let_pass(10)
    assert messages(client, RETRY) == messages(client, DLQ) == []


def test_what_is_not_there_cannot_come_again(client: RocketMqDialog) -> None:
    message = sent(client)
    for place in (message.physical_offset + 1, 999 << 40, 1):
        answer = send_back(client, message._replace(physical_offset=place))
        assert answer.code == ResponseCode.SYSTEM_ERROR
        assert answer.remark == f"look message by offset failed, {place}"


def test_what_a_timer_brought_comes_again_by_level(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    client.send(T, b"body", 0, TIMER_DELAY_SEC="5")
    room.let_pass(6)
    send_back(client, messages(client, T)[0])
    room.let_pass(12)
    assert len(messages(client, RETRY)) == 1


def test_what_kafka_wrote_comes_again_too(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """A consumer of RocketMQ need not know who wrote a message."""

    append(room.broker.topic(T).partition(0), make_batch(b"body"))
    room.settle()
    send_back(client, messages(client, T)[0], 1)
    room.let_pass(2)
    (again,) = messages(client, RETRY)
    assert (again.body, again.reconsumed) == (b"body", 1)


def test_consumers_that_send_it_themselves_get_the_same(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    """As Java's do when the other request fails, and always when they consume in order."""

    def send(times: int) -> Frame:
        fields = send_fields(RETRY, 0, {"DELAY": "3", "RETRY_TOPIC": T})
        fields |= {"j": times, "l": 2}
        return client.ask(RequestCode.SEND_MESSAGE_V2, fields, b"%d" % times)

    for times in (1, 2, 3):
        assert send(times).code == ResponseCode.SUCCESS
    room.let_pass(12)
    assert [one.body for one in messages(client, RETRY)] == [b"1", b"2"]
    (dead,) = messages(client, DLQ)
    assert dead.body == b"3"
    assert "DELAY" not in read_properties(dead.properties)


def test_what_consumers_in_order_give_up_is_a_dead_letter_at_once(client: RocketMqDialog) -> None:
    """They hold locks on their queues, and have tried by themselves."""
    queues = f'[{{"topic":"{T}","brokerName":"anymq","queueId":0}}]'
    locked = f'{{"consumerGroup":"{G}","clientId":"c","mqSet":{queues}}}'
    client.ask(RequestCode.LOCK_BATCH_MQ, {}, locked.encode())
    fields = send_fields(RETRY, 0, {"DELAY": "3", "RETRY_TOPIC": T}) | {"j": 1, "l": 16}
    client.ask(RequestCode.SEND_MESSAGE_V2, fields, b"job")
    assert [one.body for one in messages(client, DLQ)] == [b"job"]


def limit(room: RocketMqRoom, *, write: str = "^$", read: str = "^$") -> None:
    """Let those who have not logged in do only this."""
    room.broker.users.put("ANONYMOUS")
    room.broker.users.set_permissions("ANONYMOUS", "/", "^$", write, read)
    room.settle()


def test_a_group_cannot_have_messages_sent_to_itself_that_it_may_not_read(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    """The request names a place; whoever counts up finds all that there is."""
    message = sent(client)
    limit(room, read=f"^{G}$")
    assert send_back(client, message).code == ResponseCode.NO_PERMISSION
    limit(room, read=f"^{T}$")
    assert send_back(client, message).code == ResponseCode.NO_PERMISSION
    limit(room, read=f"^({T}|{G})$")
    assert send_back(client, message).code == ResponseCode.SUCCESS


def test_who_may_read_as_a_group_has_its_retry_topic(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    send_back(client, sent(client), 1)
    room.let_pass(2)
    limit(room, read=f"^{G}$")
    assert len(client.pulled(RETRY, group=G)) == 1
    assert client.send(RETRY, b"again").code == ResponseCode.SUCCESS
    limit(room, read="^other$")
    assert client.pull(RETRY, group="other").code == ResponseCode.NO_PERMISSION
    assert client.send(RETRY, b"again").code == ResponseCode.NO_PERMISSION
