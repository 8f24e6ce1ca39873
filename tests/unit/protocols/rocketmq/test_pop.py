"""POP over the wire: what a 5.x consumer, or Apache's proxy for it, says and hears."""

import base64
import json
from typing import Any

import pytest
from tests.unit.core.vhosts.conversations import publish

from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import Stored, read_messages, read_properties
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom

GROUP, TOPIC = "G", "T"
INVISIBLE_MS = 10_000


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic(TOPIC, 2)
    return room


@pytest.fixture
def client(room: RocketMqRoom) -> RocketMqDialog:
    return room.client()


def fields(topic: str = TOPIC, **more: Any) -> dict[str, object]:
    return {
        "consumerGroup": GROUP,
        "topic": topic,
        "queueId": -1,
        "maxMsgNums": 32,
        "invisibleTime": INVISIBLE_MS,
        "pollTime": 0,
        "bornTime": 0,
        "initMode": 0,
        "expType": "TAG",
        "exp": "*",
        "order": False,
        **more,
    }


def pop(client: RocketMqDialog, topic: str = TOPIC, **more: Any) -> tuple[list[Stored], Frame]:
    answer = client.ask(RequestCode.POP_MESSAGE, fields(topic, **more))
    if answer.code != ResponseCode.SUCCESS:
        assert answer.code == ResponseCode.POLLING_TIMEOUT, answer
        return [], answer
    return list(read_messages(answer.body)), answer


def handles(answer: Frame) -> dict[tuple[int, int], str]:
    """Return the handle of each message, made as Java's client makes it."""
    ext = answer.ext
    firsts = dict(part.rsplit(" ", 1) for part in ext["startOffsetInfo"].split(";"))
    found = {}
    for part in ext["msgOffsetInfo"].split(";"):
        kind, queue, offsets = part.split(" ")
        for offset in offsets.split(","):
            found[int(queue), int(offset)] = " ".join(
                (
                    *(firsts[f"{kind} {queue}"], ext["popTime"], ext["invisibleTime"]),
                    *(ext["reviveQid"], kind, "anymq", queue, offset),
                )
            )
    return found


def ack(client: RocketMqDialog, place: tuple[int, int], handle: str, **more: Any) -> int:
    said = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": place[0], "offset": place[1]}
    return client.ask(RequestCode.ACK_MESSAGE, {**said, "extraInfo": handle, **more}).code


def bodies(messages: list[Stored]) -> set[bytes]:
    return {one.body for one in messages}


@pytest.mark.parametrize("clean", [False, True])
def test_a_group_that_is_forgotten_begins_anew(
    room: RocketMqRoom, client: RocketMqDialog, clean: bool
) -> None:
    """With `cleanOffset`, as administrators' tools say it; else only its settings go."""
    client.send(TOPIC, b"m")
    assert bodies(pop(client)[0]) == {b"m"}
    gone = {"groupName": GROUP, "cleanOffset": clean}
    assert client.ask(RequestCode.DELETE_SUBSCRIPTIONGROUP, gone).code == ResponseCode.SUCCESS
    assert (GROUP in room.broker.shares) is not clean
    assert bodies(pop(client)[0]) == ({b"m"} if clean else set())


def test_of_all_queues(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """What is acked is done with; what is not comes again, and says so."""
    for queue in (0, 1):
        client.send(TOPIC, b"m%d" % queue, queue)
    messages, answer = pop(client)
    assert bodies(messages) == {b"m0", b"m1"}
    assert all(one.reconsumed == 0 for one in messages)
    its = handles(answer)
    assert its.keys() == {(one.queue, one.offset) for one in messages} == {(0, 0), (1, 0)}
    assert pop(client)[0] == []
    assert ack(client, (0, 0), its[0, 0]) == ResponseCode.SUCCESS
    room.let_pass(INVISIBLE_MS / 1000)
    (again,), _ = pop(client)
    assert (again.body, again.reconsumed) == (b"m1", 1)
    assert ack(client, (1, 0), its[1, 0]) == ResponseCode.NO_MESSAGE


def test_of_one_queue(client: RocketMqDialog) -> None:
    for queue in (0, 1):
        client.send(TOPIC, b"m%d" % queue, queue)
    assert bodies(pop(client, queueId=1)[0]) == {b"m1"}
    assert pop(client, queueId=1)[0] == []
    answer = client.ask(RequestCode.POP_MESSAGE, fields(queueId=2))
    assert answer.code == ResponseCode.INVALID_PARAMETER


def test_who_asks_waits(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """One message, two who wait: one of them gets it, and the other waits on."""
    other, producer = room.client(), room.client()
    mine = client.say(RequestCode.POP_MESSAGE, fields(pollTime=5_000))
    others = other.say(RequestCode.POP_MESSAGE, fields(pollTime=5_000))
    assert client.answer(mine) is None
    producer.send(TOPIC, b"one")
    room.settle()
    answers = [client.answer(mine), other.answer(others)]
    (found,) = [one for one in answers if one is not None]
    assert found.code == ResponseCode.SUCCESS
    room.let_pass(5)
    late = [client.answer(mine), other.answer(others)]
    (nothing,) = [one for one in late if one is not None]
    assert nothing.code == ResponseCode.POLLING_TIMEOUT


def test_who_waits_gets_what_comes_back(room: RocketMqRoom, client: RocketMqDialog) -> None:
    client.send(TOPIC, b"one")
    pop(client)
    opaque = client.say(RequestCode.POP_MESSAGE, fields(pollTime=20_000))
    room.let_pass(INVISIBLE_MS / 1000)
    answer = client.answer(opaque)
    assert answer is not None
    (again,) = read_messages(answer.body)
    assert again.reconsumed == 1


def test_a_topic_that_is_deleted_keeps_nobody_waiting(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    opaque = client.say(RequestCode.POP_MESSAGE, fields(pollTime=15_000))
    room.broker.delete_topic(TOPIC)
    room.settle()
    answer = client.answer(opaque)
    assert answer is not None
    assert answer.code == ResponseCode.TOPIC_NOT_EXIST


def test_by_tag(client: RocketMqDialog) -> None:
    """What the group does not want is done with, and what is more than asked for waits."""
    for index in range(9):
        client.send(TOPIC, b"%d" % index, TAGS="red" if index % 3 == 0 else "blue")
    assert bodies(pop(client, exp="red || green", maxMsgNums=2)[0]) == {b"0", b"3"}
    assert bodies(pop(client, exp="red || green", maxMsgNums=2)[0]) == {b"6"}
    assert pop(client)[0] == []


def test_by_a_condition(client: RocketMqDialog) -> None:
    for index in range(4):
        client.send(TOPIC, b"%d" % index, a=str(index))
    assert bodies(pop(client, expType="SQL92", exp="a BETWEEN 1 AND 2")[0]) == {b"1", b"2"}
    answer = client.ask(RequestCode.POP_MESSAGE, fields(expType="SQL92", exp="a >"))
    assert answer.code == ResponseCode.SUBSCRIPTION_PARSE_FAILED


def test_for_longer_or_at_once(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """A consumer that failed says when it wants to try again."""
    client.send(TOPIC, b"one")
    _, answer = pop(client)
    handle = handles(answer)[0, 0]
    said = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "offset": 0}
    change = {**said, "extraInfo": handle, "invisibleTime": 30_000}
    changed = client.ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, change)
    assert changed.code == ResponseCode.SUCCESS
    assert changed.ext["invisibleTime"] == "30000"
    assert ack(client, (0, 0), handle) == ResponseCode.NO_MESSAGE
    room.let_pass(20)
    assert pop(client)[0] == []
    newer = f"0 {changed.ext['popTime']} 30000 0 0 anymq 0 0"
    at_once = {**said, "extraInfo": newer, "invisibleTime": 0}
    assert client.ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, at_once).code == 0
    room.let_pass(0.001)
    (again,), _ = pop(client)
    assert again.reconsumed == 1
    answer = client.ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, at_once)
    assert answer.code == ResponseCode.NO_MESSAGE


def test_in_order(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """Nothing of a queue while somebody has something of it; then what was not acked first."""
    for index in range(4):
        client.send(TOPIC, b"%d" % index)
    words: dict[str, Any] = {"order": True, "queueId": 0, "maxMsgNums": 2}
    messages, answer = pop(client, **words)
    assert [one.body for one in messages] == [b"0", b"1"]
    assert answer.ext["reviveQid"] == "999"
    its = handles(answer)
    waits = client.say(RequestCode.POP_MESSAGE, fields(**words, pollTime=60_000))
    assert ack(client, (0, 0), its[0, 0]) == ResponseCode.SUCCESS
    assert client.answer(waits) is None
    room.let_pass(INVISIBLE_MS / 1000)
    again = client.answer(waits)
    assert again is not None
    assert [one.body for one in read_messages(again.body)] == [b"1", b"2"]
    assert again.ext["orderCountInfo"] == "0 qo0%1 1"
    waits = client.say(RequestCode.POP_MESSAGE, fields(**words, pollTime=60_000))
    for place, handle in handles(again).items():
        assert ack(client, place, handle) == ResponseCode.SUCCESS
    room.settle()
    last = client.answer(waits)
    assert last is not None
    assert [one.body for one in read_messages(last.body)] == [b"3"]


def test_many_acks_at_once(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """A set of bits, as Java writes it."""
    for index in range(10):
        client.send(TOPIC, b"%d" % index)
    _, answer = pop(client)
    bits = base64.b64encode(bytes([0b1111_0111, 0b10])).decode()
    one = {"c": GROUP, "t": TOPIC, "r": "0", "so": 0, "q": 0, "rq": 0, "it": INVISIBLE_MS}
    said = {"brokerName": "anymq", "acks": [{**one, "pt": int(answer.ext["popTime"]), "b": bits}]}
    acked = client.ask(RequestCode.BATCH_ACK_MESSAGE, body=json.dumps(said).encode())
    assert acked.code == ResponseCode.SUCCESS
    room.let_pass(INVISIBLE_MS / 1000)
    assert bodies(pop(client)[0]) == {b"3", b"8"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"acks":3}', b'{"acks":[{"b":"!"}]}', b'{"acks":[[]]}']
)
def test_acks_that_are_none(client: RocketMqDialog, body: bytes) -> None:
    assert client.ask(RequestCode.BATCH_ACK_MESSAGE, body=body).code != ResponseCode.SUCCESS


def test_an_ack_of_who_never_popped_changes_nothing(client: RocketMqDialog) -> None:
    """It must not make a group that begins behind what waits."""
    client.send(TOPIC, b"one")
    handle = "0 1700000000000 60000 0 0 anymq 0 0"
    assert ack(client, (0, 0), handle) == ResponseCode.NO_MESSAGE
    assert bodies(pop(client)[0]) == {b"one"}


def test_who_fails_too_often_gives_up(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """As many retries as the group may have; then it is a dead letter, which nobody lost."""
    settings = room.rocketmq.group_settings
    settings.put(GROUP, type(settings.of(GROUP))(retry_max_times=2), lambda _: None)
    room.settle()
    client.send(TOPIC, b"bad", KEYS="k1")
    for times in range(3):
        (message,), _ = pop(client)
        assert message.reconsumed == times
        room.let_pass(INVISIBLE_MS / 1000)
    assert pop(client)[0] == []
    (letter,) = client.pulled(f"%DLQ%{GROUP}")
    said = read_properties(letter.properties)
    assert (letter.body, said["KEYS"], said["RETRY_TOPIC"]) == (b"bad", "k1", TOPIC)
    assert len(said["ORIGIN_MESSAGE_ID"]) == 32


def test_notification_and_peek(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """Who only wants to know takes nothing."""
    look = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": -1, "pollTime": 15_000}
    opaque = client.say(RequestCode.NOTIFICATION, {**look, "bornTime": 0})
    room.client().send(TOPIC, b"one")
    room.settle()
    answer = client.answer(opaque)
    assert answer is not None
    assert answer.ext["hasMsg"] == "true"
    for _ in range(2):
        peeked = client.ask(RequestCode.PEEK_MESSAGE, {**look, "maxMsgNums": 5})
        assert bodies(list(read_messages(peeked.body))) == {b"one"}
    pop(client)
    peeked = client.ask(RequestCode.PEEK_MESSAGE, {**look, "maxMsgNums": 5})
    assert peeked.code == ResponseCode.PULL_NOT_FOUND
    opaque = client.say(RequestCode.NOTIFICATION, {**look, "bornTime": 0, "pollTime": 1000})
    room.let_pass(1)
    answer = client.answer(opaque)
    assert answer is not None
    assert answer.ext["hasMsg"] == "false"


def test_a_queue_of_amqp(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """A worker of another kind beside those that there are: each message goes to one of them."""
    vhost = room.broker.vhosts["/"]
    vhost.declare_queue("jobs", durable=True)
    room.settle()
    publish(vhost, "", "jobs", b"work", message_id="m-1")
    room.settle()
    (message,), answer = pop(client, "jobs")
    assert (message.body, message.topic, message.queue) == (b"work", "jobs", 0)
    assert read_properties(message.properties)["UNIQ_KEY"] == "m-1"
    ((place, handle),) = handles(answer).items()
    assert ack(client, place, handle, topic="jobs") == ResponseCode.SUCCESS
    assert room.broker.vhosts["/"].queue("jobs").ready == 0
    opaque = client.say(RequestCode.POP_MESSAGE, fields("jobs", pollTime=15_000))
    publish(vhost, "", "jobs", b"more")
    room.settle()
    found = client.answer(opaque)
    assert found is not None
    assert bodies(list(read_messages(found.body))) == {b"more"}
    refused = client.ask(RequestCode.POP_MESSAGE, fields("jobs", exp="red"))
    assert refused.code == ResponseCode.SUBSCRIPTION_PARSE_FAILED


def test_where_a_group_that_pulled_goes_on(client: RocketMqDialog) -> None:
    """A group that changes from one way to the other neither loses nor repeats."""
    for index in range(4):
        client.send(TOPIC, b"%d" % index)
    said = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "commitOffset": 3}
    client.ask(RequestCode.UPDATE_CONSUMER_OFFSET, said)
    assert bodies(pop(client)[0]) == {b"3"}


@pytest.mark.parametrize("field", ["consumerGroup", "topic", "invisibleTime"])
def test_what_is_missing_is_refused(client: RocketMqDialog, field: str) -> None:
    said = fields()
    del said[field]
    assert client.ask(RequestCode.POP_MESSAGE, said).code == ResponseCode.INVALID_PARAMETER
