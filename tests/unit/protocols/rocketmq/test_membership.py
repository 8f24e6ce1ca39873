"""Groups over the wire: heartbeats, lists, notices and locks, as each language says them."""

import json
from typing import Any

import pytest

from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom

GROUP, TOPIC = "G", "T"
JAVA = {
    "consumeType": "CONSUME_PASSIVELY",
    "messageModel": "CLUSTERING",
    "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
    "unitMode": False,
}
CPP = {"consumeType": 1, "messageModel": 1, "consumeFromWhere": 0}


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic(TOPIC, 4)
    return room


def consumes(
    name: str, *topics: str, group: str = GROUP, words: dict[str, Any] = JAVA, **more: Any
) -> bytes:
    subscriptions = [
        {"topic": topic, "subString": "*", "subVersion": 1, "tagsSet": [], "codeSet": []}
        for topic in topics
    ]
    consumer = {"groupName": group, "subscriptionDataSet": subscriptions, **words}
    said = {"clientID": name, "consumerDataSet": [consumer], "producerDataSet": [], **more}
    return json.dumps(said).encode()


def come(room: RocketMqRoom, name: str, *topics: str, **words: Any) -> RocketMqDialog:
    client = room.client()
    answer = client.ask(RequestCode.HEART_BEAT, body=consumes(name, *topics, **words))
    assert answer.code == ResponseCode.SUCCESS, answer
    return client


def notices(room: RocketMqRoom, client: RocketMqDialog) -> list[tuple[int, str]]:
    room.let_pass(0.001)
    return [(frame.code, frame.ext["consumerGroup"]) for frame in client.told()]


def listed(client: RocketMqDialog, group: str = GROUP) -> list[str]:
    answer = client.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": group})
    if answer.code != ResponseCode.SUCCESS:
        return []
    found: list[str] = json.loads(answer.body)["consumerIdList"]
    return found


@pytest.mark.parametrize("words", [JAVA, CPP], ids=["Java", "C++"])
def test_everyone_hears_the_same_list_and_of_every_change(
    room: RocketMqRoom, words: dict[str, Any]
) -> None:
    """Clients share queues among themselves: they must not disagree about who is there."""
    ada = come(room, "ada", TOPIC, words=words)
    notices(room, ada)
    bob = come(room, "bob", TOPIC, words=words)
    assert notices(room, ada) == [(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, GROUP)]
    assert listed(ada) == listed(bob) == ["ada", "bob"]
    bob.session.peer_gone()
    assert notices(room, ada) == [(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, GROUP)]
    assert listed(ada) == ["ada"]
    ada.ask(RequestCode.UNREGISTER_CLIENT, {"clientID": "ada", "consumerGroup": GROUP})
    assert listed(ada) == []


def test_a_group_makes_its_retry_topic(room: RocketMqRoom) -> None:
    """Consumers subscribe to it at once, before anything was retried."""
    come(room, "ada", TOPIC)
    assert f"%RETRY%{GROUP}" in room.broker.topics


def test_one_group_that_is_refused_keeps_nobody_out_of_the_others(room: RocketMqRoom) -> None:
    """A client says all its groups in one heartbeat."""
    client = room.client()
    said = json.loads(consumes("ada", TOPIC))
    said["consumerDataSet"] += json.loads(consumes("ada", TOPIC, group="no such name!"))[
        "consumerDataSet"
    ]
    answer = client.ask(RequestCode.HEART_BEAT, body=json.dumps(said).encode())
    assert answer.code == ResponseCode.INVALID_PARAMETER
    assert listed(client) == ["ada"]


def test_a_short_heartbeat_is_enough_while_we_know_the_rest(room: RocketMqRoom) -> None:
    """Java's clients of version 5 leave out what has not changed, if we let them; after a restart
    of ours they must say it again.
    """
    ada = come(room, "ada", TOPIC, heartbeatFingerprint=7)
    short = consumes("ada", heartbeatFingerprint=7, withoutSub=True)
    answer = ada.ask(RequestCode.HEART_BEAT, body=short)
    assert answer.ext["IS_SUPPORT_HEART_BEAT_V2"] == "true"
    assert answer.ext["IS_SUB_CHANGE"] == "false"
    assert room.rocketmq.clients.interest(GROUP, TOPIC) is not None
    stranger = room.client()
    answer = stranger.ask(RequestCode.HEART_BEAT, body=short)
    assert answer.ext["IS_SUB_CHANGE"] == "true"


def lock(client: RocketMqDialog, name: str, *queues: int, code: int = 41) -> list[int]:
    queue = {"topic": TOPIC, "brokerName": "anymq"}
    said = {
        "consumerGroup": GROUP,
        "clientId": name,
        "mqSet": [{**queue, "queueId": one} for one in queues],
    }
    answer: Frame = client.ask(code, body=json.dumps(said).encode())
    assert answer.code == ResponseCode.SUCCESS
    if not answer.body:
        return []
    locked = json.loads(answer.body)["lockOKMQSet"]
    assert all({**one, "queueId": 0} == {**queue, "queueId": 0} for one in locked)
    return sorted(one["queueId"] for one in locked)


def test_locks(room: RocketMqRoom) -> None:
    """Two consumers that both think a queue is theirs would mix its order up."""
    ada, bob = come(room, "ada", TOPIC), come(room, "bob", TOPIC)
    assert lock(ada, "ada", 0, 1) == [0, 1]
    assert lock(bob, "bob", 0, 1, 2, 99) == [2]
    lock(ada, "ada", 1, code=RequestCode.UNLOCK_BATCH_MQ)
    assert lock(bob, "bob", 1) == [1]
    ada.session.peer_gone()
    assert lock(bob, "bob", 0) == [], "it may still work on what it has"
    room.let_pass(60)
    assert lock(bob, "bob", 0) == [0]


@pytest.mark.parametrize("code", [34, 41, 42])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"clientID":1}', b"\xff" * 9, b"[" * 5000])
def test_nonsense_is_refused(room: RocketMqRoom, code: int, body: bytes) -> None:
    """And the connection goes on."""
    client = room.client()
    assert client.ask(code, body=body).code == ResponseCode.INVALID_PARAMETER
    assert listed(come(room, "ada", TOPIC)) == ["ada"]
