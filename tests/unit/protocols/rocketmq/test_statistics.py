"""What administrators ask about a minute, an hour and a day."""

import json
from typing import Any

import pytest

from anymq.protocols.rocketmq import statistics
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom

STATISTICS = RequestCode.VIEW_BROKER_STATS_DATA


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("t", 2)
    return room


@pytest.fixture
def client(room: RocketMqRoom) -> RocketMqDialog:
    return room.client()


def asked(client: RocketMqDialog, name: str, key: str) -> list[tuple[int, float]]:
    """Messages and messages a second of the last minute, hour and day."""
    answer = client.ask(STATISTICS, {"statsName": name, "statsKey": key})
    assert answer.code == ResponseCode.SUCCESS, answer
    said: dict[str, Any] = json.loads(answer.body)
    spans = [said[f"stats{span}"] for span in ("Minute", "Hour", "Day")]
    assert all(one.keys() == {"sum", "tps", "avgpt"} for one in spans)
    return [(one["sum"], one["tps"]) for one in spans]


def send(client: RocketMqDialog, count: int) -> None:
    for n in range(count):
        assert client.send("t", b"hello", n % 2).code == ResponseCode.SUCCESS


def test_what_came_to_a_topic(room: RocketMqRoom, client: RocketMqDialog) -> None:
    send(client, 3)
    assert asked(client, "TOPIC_PUT_NUMS", "t") == [(0, 0.0)] * 3, "we look from now on"
    send(client, 5)
    room.let_pass(10)
    assert asked(client, "TOPIC_PUT_NUMS", "t") == [(5, 0.5)] * 3
    room.let_pass(50)
    send(client, 1)
    assert [count for count, _ in asked(client, "TOPIC_PUT_NUMS", "t")] == [6, 6, 6]
    room.let_pass(60)
    assert [count for count, _ in asked(client, "TOPIC_PUT_NUMS", "t")] == [1, 6, 6]
    room.let_pass(4300)
    client = room.client()  # the other one was silent for too long
    send(client, 2)
    minute, hour, day = asked(client, "TOPIC_PUT_NUMS", "t")
    assert [minute[0], hour[0], day[0]] == [2, 2, 8]


def test_how_much_a_group_has_read(room: RocketMqRoom, client: RocketMqDialog) -> None:
    send(client, 10)
    absent = client.ask(STATISTICS, {"statsName": "GROUP_GET_NUMS", "statsKey": "t@G"})
    assert (absent.code, absent.remark) == (
        ResponseCode.SYSTEM_ERROR,
        "The stats <GROUP_GET_NUMS> <t@G> not exist",
    )
    said = {"consumerGroup": "G", "topic": "t"}
    client.ask(RequestCode.UPDATE_CONSUMER_OFFSET, {**said, "queueId": 0, "commitOffset": 1})
    assert asked(client, "GROUP_GET_NUMS", "t@G") == [(0, 0.0)] * 3
    client.ask(RequestCode.UPDATE_CONSUMER_OFFSET, {**said, "queueId": 0, "commitOffset": 5})
    client.ask(RequestCode.UPDATE_CONSUMER_OFFSET, {**said, "queueId": 1, "commitOffset": 4})
    room.let_pass(20)
    assert asked(client, "GROUP_GET_NUMS", "t@G") == [(8, 0.4)] * 3


def test_what_came_to_the_broker(room: RocketMqRoom, client: RocketMqDialog) -> None:
    asked(client, "BROKER_PUT_NUMS", "DefaultCluster")
    asked(client, "BROKER_GET_NUMS", "DefaultCluster")
    send(client, 4)
    assert len(client.pulled("t")) == 2
    assert asked(client, "BROKER_PUT_NUMS", "DefaultCluster")[0][0] == 4
    assert asked(client, "BROKER_GET_NUMS", "DefaultCluster")[0][0] == 2


@pytest.mark.parametrize(
    ("name", "key"),
    [("TOPIC_PUT_NUMS", "nowhere"), ("GROUP_GET_NUMS", "nowhere@G"), ("SPAM", "t")],
)
def test_what_there_is_not(client: RocketMqDialog, name: str, key: str) -> None:
    answer = client.ask(STATISTICS, {"statsName": name, "statsKey": key})
    assert answer.code == ResponseCode.SYSTEM_ERROR
    assert answer.remark == f"The stats <{name}> <{key}> not exist"


def test_a_topic_that_goes_and_comes_again(room: RocketMqRoom, client: RocketMqDialog) -> None:
    send(client, 3)
    asked(client, "TOPIC_PUT_NUMS", "t")
    room.broker.delete_topic("t")
    room.let_pass(30)
    assert client.ask(STATISTICS, {"statsName": "TOPIC_PUT_NUMS", "statsKey": "t"}).code
    room.make_topic("t", 2)
    asked(client, "TOPIC_PUT_NUMS", "t")
    send(client, 1)
    assert asked(client, "TOPIC_PUT_NUMS", "t")[0][0] == 1


def test_nobody_makes_us_look_at_very_many_or_for_ever(
    room: RocketMqRoom, client: RocketMqDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "KEPT_MAX", 2)
    for number in range(3):
        asked(client, "BROKER_PUT_NUMS", f"cluster {number}")
    assert len(room.rocketmq.statistics) == 2
    room.let_pass(86_400 + 20)
    assert len(room.rocketmq.statistics) == 0
