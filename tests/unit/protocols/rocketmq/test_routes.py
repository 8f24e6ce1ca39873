"""Routes: clients are sent to where they can find us, in JSON that every one of them reads."""

import json
from typing import Any

import pytest

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.session import Peer
from anymq.testing.rocketmq import PEER, RocketMqRoom


def route(room: RocketMqRoom, peer: Peer = PEER, topic: str = "t") -> dict[str, Any]:
    answer = room.client(peer).ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": topic})
    assert answer.code == ResponseCode.SUCCESS
    found: dict[str, Any] = json.loads(answer.body)
    return found


def address(room: RocketMqRoom, peer: Peer = PEER) -> str:
    [broker] = route(room, peer)["brokerDatas"]
    found: str = broker["brokerAddrs"]["0"]
    return found


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("t", 3)
    return room


def test_a_route_to_the_byte(room: RocketMqRoom) -> None:
    """Go's client takes addresses apart by hand: a space would be part of one."""
    answer = room.client().ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "t"})
    assert answer.body == (
        b'{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:10911"},"brokerName":"anymq",'
        b'"cluster":"DefaultCluster","enableActingMaster":false}],"filterServerTable":{},'
        b'"queueDatas":[{"brokerName":"anymq","perm":6,"readQueueNums":3,"topicSysFlag":0,'
        b'"writeQueueNums":3}]}'
    )


def test_no_such_topic(room: RocketMqRoom) -> None:
    answer = room.client().ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "nowhere"})
    assert answer.code == ResponseCode.TOPIC_NOT_EXIST
    assert answer.remark == "No topic route info in name server for the topic: nowhere"


def test_the_route_of_topics_that_are_not_there_yet(room: RocketMqRoom) -> None:
    """Producers send by it to what they have no route to; the topic is made by that."""
    [queues] = route(room, topic="TBW102")["queueDatas"]
    assert (queues["perm"], queues["writeQueueNums"]) == (7, 8)


@pytest.mark.parametrize(("name", "queues"), [("DefaultCluster", 16), ("anymq", 1)])
def test_the_route_of_the_cluster_and_of_the_broker(
    room: RocketMqRoom, name: str, queues: int
) -> None:
    """Where Java's `createTopic(cluster, topic, queues)` goes first, to find brokers."""
    said = route(room, topic=name)
    assert said["brokerDatas"] == route(room)["brokerDatas"]
    assert (said["queueDatas"][0]["perm"], said["queueDatas"][0]["writeQueueNums"]) == (7, queues)


def test_a_topic_of_the_name_of_the_cluster_is_a_topic(room: RocketMqRoom) -> None:
    room.make_topic("DefaultCluster", 3)
    [queues] = route(room, topic="DefaultCluster")["queueDatas"]
    assert (queues["perm"], queues["writeQueueNums"]) == (6, 3)


@pytest.mark.parametrize(
    ("settings", "peer", "found"),
    [
        ({}, Peer("192.0.2.7", 5000, "192.0.2.1", 10911), "192.0.2.1:10911"),
        ({}, Peer("2001:db8::7", 5000, "2001:db8::1", 10911), "[2001:db8::1]:10911"),
        ({}, Peer("192.0.2.7", 5000, "192.0.2.1", 9876), "192.0.2.1:20911"),
        ({}, Peer("192.0.2.7", 5000, "192.0.2.1", 9877, tls=True), "192.0.2.1:20912"),
        ({}, Peer("192.0.2.7", 5000, "192.0.2.1", 9876, tls=True), "192.0.2.1:20911"),
        ({"advertised_host": "mq.example"}, PEER, "mq.example:10911"),
        ({"advertised_host": "mq.example", "advertised_port": 99}, PEER, "mq.example:99"),
    ],
)
def test_where_clients_are_sent(
    room: RocketMqRoom, settings: dict[str, object], peer: Peer, found: str
) -> None:
    """Where they came, if nothing else is said; from the name server's door to the broker's."""
    room.rocketmq.settings = RocketMqSettings(**settings)  # type: ignore[arg-type]
    room.rocketmq.ports = {
        "rocketmq": 20911,
        "rocketmq_tls": 20912,
        "rocketmq_nameserver": 9876,
        "rocketmq_nameserver_tls": 9877,
    }
    assert address(room, peer) == found


def test_topics_are_listed(room: RocketMqRoom) -> None:
    answer = room.client().ask(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
    assert "t" in json.loads(answer.body)["topicList"]
