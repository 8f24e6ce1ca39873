"""A queue is a topic with one queue: RocketMQ's producers fill it for workers of any protocol."""

import json

import pytest

from anymq.core.message import Message
from anymq.core.queues.queue import Queue
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import Batched, write_batch
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.broker.vhosts["/"].declare_queue("jobs", durable=True)
    room.settle()
    return room


@pytest.fixture
def client(room: RocketMqRoom) -> RocketMqDialog:
    return room.client()


def waiting(room: RocketMqRoom) -> list[Message]:
    """Return what workers find."""
    queue = room.broker.vhosts["/"].queues["jobs"]
    assert isinstance(queue, Queue)
    return [delivery.message for delivery in queue.browse(0, 10)]


def test_a_message_is_put_into_it(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """And no topic is made beside it."""
    answer = client.send("jobs", b"work", TAGS="red", KEYS="k", a="b")
    assert (answer.code, answer.ext["queueOffset"]) == (ResponseCode.SUCCESS, "-1")
    assert "jobs" not in room.broker.topics
    [message] = waiting(room)
    says = message.read()
    assert (message.body, message.envelope.routing_key) == (b"work", "jobs")
    assert (says.type, says.headers) == ("red", {"x-key": "k", "a": "b"})


def test_a_batch(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """Each of it is a message."""
    body = write_batch([Batched(0, b"%d" % n, b"") for n in range(3)])
    fields = {**send_fields("jobs", 0, {}), "m": True}
    answer = client.ask(RequestCode.SEND_BATCH_MESSAGE, fields, body)
    assert answer.code == ResponseCode.SUCCESS
    assert [message.body for message in waiting(room)] == [b"0", b"1", b"2"]


def test_its_route(client: RocketMqDialog) -> None:
    """One queue."""
    answer = client.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "jobs"})
    [queues] = json.loads(answer.body)["queueDatas"]
    assert (queues["readQueueNums"], queues["writeQueueNums"]) == (1, 1)


def test_nobody_pulls_from_it(client: RocketMqDialog) -> None:
    """It has no offsets to go by, and says what to do."""
    answer = client.pull("jobs")
    assert answer.code == ResponseCode.NO_PERMISSION
    assert "POP" in answer.remark


def test_a_full_queue_refuses(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """If that is what it does when it is full: the producer tries again, or elsewhere."""
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    room.broker.vhosts["/"].declare_queue("short", durable=True, arguments=arguments)
    room.settle()
    assert client.send("short").code == ResponseCode.SUCCESS
    assert client.send("short").code == ResponseCode.SYSTEM_BUSY


def test_what_only_topics_do(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """Is refused, not forgotten."""
    half = client.ask(RequestCode.SEND_MESSAGE_V2, {**send_fields("jobs", 0, {}), "f": 4}, b"x")
    assert half.code == ResponseCode.INVALID_PARAMETER
    assert waiting(room) == []
