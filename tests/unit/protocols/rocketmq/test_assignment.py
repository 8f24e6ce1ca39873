"""Who reads which queues, where clients ask us (Java 5.x with `clientRebalance` off)."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.protocols.rocketmq.test_membership import GROUP, TOPIC, come

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.kept import GroupSettings
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom

MEMBERS = ["10.1.0.1@1", "10.1.0.2@2", "10.2.0.1@3"]


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic(TOPIC, 4)
    return room


@pytest.fixture
def clients(room: RocketMqRoom) -> list[RocketMqDialog]:
    return [come(room, name, TOPIC) for name in MEMBERS]


def assigned(
    client: RocketMqDialog, name: str, strategy: str = "AVG", **more: Any
) -> list[tuple[int, str]] | None:
    said = {
        "topic": TOPIC,
        "consumerGroup": GROUP,
        "clientId": name,
        "strategyName": strategy,
        "messageModel": "CLUSTERING",
        **more,
    }
    answer = client.ask(RequestCode.QUERY_ASSIGNMENT, body=json.dumps(said).encode())
    assert answer.code == ResponseCode.SUCCESS
    found = json.loads(answer.body)["messageQueueAssignments"]
    if found is None:
        return None
    assert all(one["messageQueue"]["brokerName"] == "anymq" for one in found)
    return sorted((one["messageQueue"]["queueId"], one["mode"]) for one in found)


def of_all(client: RocketMqDialog, strategy: str = "AVG") -> list[list[int]]:
    return [[queue for queue, _ in assigned(client, name, strategy) or []] for name in MEMBERS]


def test_by_strategy(clients: list[RocketMqDialog]) -> None:
    """What the client asks for; one that nobody knows leaves it with what it has."""
    assert of_all(clients[0]) == [[0, 1], [2], [3]]
    assert of_all(clients[0], "AVG_BY_CIRCLE") == [[0, 3], [1], [2]]
    assert assigned(clients[0], MEMBERS[0], "LUCK") is None
    assert assigned(clients[0], "stranger") == []
    everything = assigned(clients[0], "stranger", messageModel="BROADCASTING")
    assert [queue for queue, _ in everything or []] == [0, 1, 2, 3]
    assert assigned(clients[0], MEMBERS[0], topic="nothing") is None


def test_an_administrator_chooses_for_the_group(
    room: RocketMqRoom, clients: list[RocketMqDialog]
) -> None:
    """Whatever its clients ask for; with rooms, those in ours come first."""
    rooms = (("10.1.*", "A"), ("10.2.*", "B"))
    room.rocketmq.follow(replace(room.rocketmq.settings, rooms=rooms, room="B"))
    attributes = {"allocation": "MACHINE_ROOM_NEARBY-AVG"}
    room.rocketmq.group_settings.put(GROUP, GroupSettings(attributes=attributes), lambda _: None)
    room.settle()
    assert of_all(clients[0]) == [[], [], [0, 1, 2, 3]]
    clients[2].hang_up()
    assert of_all(clients[0]) == [[0, 1], [2, 3], []], "nobody is left in B"


def test_by_configuration(room: RocketMqRoom, clients: list[RocketMqDialog]) -> None:
    """An administrator says whose each queue is."""
    attributes = {"allocation": "CONFIG", "allocation.queues": "10.1.0.1@1:0 2 3;10.2.0.1@3:1"}
    room.rocketmq.group_settings.put(GROUP, GroupSettings(attributes=attributes), lambda _: None)
    room.settle()
    assert of_all(clients[0]) == [[0, 2, 3], [], [1]]


def set_mode(client: RocketMqDialog, mode: str, share: int = 0, topic: str = TOPIC) -> int:
    said = {"topic": topic, "consumerGroup": GROUP, "mode": mode, "popShareQueueNum": share}
    body = json.dumps(said).encode()
    return client.ask(RequestCode.SET_MESSAGE_REQUEST_MODE, body=body).code


def test_by_pop(room: RocketMqRoom, clients: list[RocketMqDialog]) -> None:
    """Everyone pops all queues, or its own and those of the next ones; a restart keeps that."""
    client = clients[0]
    assert set_mode(client, "POP") == ResponseCode.SUCCESS
    assert assigned(client, MEMBERS[0]) == [(-1, "POP")]
    assert set_mode(client, "POP", 1) == ResponseCode.SUCCESS
    assert assigned(client, MEMBERS[0]) == [(0, "POP"), (1, "POP"), (2, "POP")]
    assert assigned(client, MEMBERS[2]) == [(0, "POP"), (1, "POP"), (3, "POP")]
    retry = assigned(client, MEMBERS[0], topic=f"%RETRY%{GROUP}")
    assert retry == [(0, "PULL")], "retries are always pulled"
    answer = client.ask(RequestCode.GET_ALL_MESSAGE_REQUEST_MODE)
    assert json.loads(answer.body)["messageRequestModeMap"][TOPIC][GROUP]["mode"] == "POP"
    assert set_mode(client, "PUSH") == ResponseCode.INVALID_PARAMETER
    assert set_mode(client, "POP", topic="nothing") == ResponseCode.TOPIC_NOT_EXIST
    assert set_mode(client, "POP", topic=f"%RETRY%{GROUP}") == ResponseCode.NO_PERMISSION
