"""Requests by who has all the rights they need, and by who lacks any one of them.

What a request needs stands here, in words. Those of POP, transactions and replies are tested where
they are.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import pytest
from tests.unit.protocols.rights import RIGHTS, Need, needs

from anymq.core.rights.access import Access
from anymq.protocols.rocketmq import login
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode as Code
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.session import RocketMqSession
from anymq.testing.rocketmq import RocketMqRoom, pull_fields, send_fields

WHERE = {"topic": "t", "queueId": 0}
GROUP = {"consumerGroup": "g", "group": "g", "groupName": "g"}
BOTH = {**WHERE, **GROUP}
HEARTBEAT = {"clientID": "c", "consumerDataSet": [{"groupName": "g"}], "producerDataSet": []}
LONG_SEND = {**WHERE, "producerGroup": "p", "bornTimestamp": 1, "properties": ""}
LOCK = {"consumerGroup": "g", "clientId": "c", "mqSet": []}
TOPIC_CONFIG = {
    "topic": "new",
    "defaultTopic": "TBW102",
    "readQueueNums": 1,
    "writeQueueNums": 1,
    "perm": 6,
    "topicFilterType": "SINGLE_TAG",
    "topicSysFlag": 0,
    "order": "false",
}


class Request(NamedTuple):
    """What is asked, and what it needs: "any t" is whatever right on t."""

    needs: str
    ext: Mapping[str, object] = {}
    body: object = b""


REQUESTS: Mapping[Code, Request] = {
    Code.SEND_MESSAGE: Request("write t", LONG_SEND, b"x"),
    Code.SEND_MESSAGE_V2: Request("write t", send_fields("t", 0, {}), b"x"),
    Code.SEND_BATCH_MESSAGE: Request("write t", send_fields("t", 0, {}), b"x"),
    Code.PULL_MESSAGE: Request("read t, read g", pull_fields("t", 0, 0, "g")),
    Code.LITE_PULL_MESSAGE: Request("read t, read g", pull_fields("t", 0, 0, "g")),
    Code.GET_ROUTEINFO_BY_TOPIC: Request("any t", WHERE),
    Code.GET_MAX_OFFSET: Request("any t", WHERE),
    Code.GET_MIN_OFFSET: Request("any t", WHERE),
    Code.SEARCH_OFFSET_BY_TIMESTAMP: Request("any t", {**WHERE, "timestamp": 1}),
    Code.GET_EARLIEST_MSG_STORETIME: Request("any t", WHERE),
    Code.QUERY_CONSUMER_OFFSET: Request("read t, read g", BOTH),
    Code.UPDATE_CONSUMER_OFFSET: Request("read t, read g", {**BOTH, "commitOffset": 0}),
    Code.HEART_BEAT: Request("read g", {}, HEARTBEAT),
    Code.GET_CONSUMER_LIST_BY_GROUP: Request("read g", GROUP),
    Code.LOCK_BATCH_MQ: Request("read g", {}, LOCK),
    Code.UNLOCK_BATCH_MQ: Request("read g", {}, LOCK),
    Code.UPDATE_AND_CREATE_TOPIC: Request("configure new", TOPIC_CONFIG),
    Code.DELETE_TOPIC_IN_BROKER: Request("configure t", WHERE),
    Code.DELETE_TOPIC_IN_NAMESRV: Request("configure t", WHERE),
    Code.GET_TOPIC_CONFIG: Request("any t", WHERE),
    Code.GET_TOPIC_STATS_INFO: Request("any t", WHERE),
    Code.GET_CONSUMER_CONNECTION_LIST: Request("any g", GROUP),
    Code.DELETE_SUBSCRIPTIONGROUP: Request("configure g", GROUP),
    Code.GET_SUBSCRIPTIONGROUP_CONFIG: Request("any g", GROUP),
    Code.GET_CONSUME_STATS: Request("any g", GROUP),
}
# These show everybody what he may know, or say no by what they name: no right is asked first.
FOR_EVERYBODY = {
    Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: Request(""),
    Code.GET_ALL_TOPIC_CONFIG: Request(""),
    Code.UNREGISTER_CLIENT: Request("", {"clientID": "c", **GROUP}),
}
ADMINISTRATORS = {
    Code.UPDATE_BROKER_CONFIG: Request("", {}, b"a=b"),
    Code.AUTH_CREATE_USER: Request("", {"username": "u"}, {"username": "u", "password": "p"}),
    Code.AUTH_DELETE_USER: Request("", {"username": "u"}),
}
MONITORING = {
    Code.GET_BROKER_CONFIG: Request(""),
    Code.GET_BROKER_RUNTIME_INFO: Request(""),
    Code.AUTH_LIST_USER: Request(""),
    Code.AUTH_LIST_ACL: Request(""),
}


def people(asked: str) -> Iterator[tuple[str, str, bool]]:
    """Yield rights, and whether who has just these may."""
    if asked.startswith("any "):
        name = asked.removeprefix("any ")
        for right in RIGHTS:
            yield f"{right} {name}", right, True
            yield f"{right} other", right, False
        return
    every = needs(asked)
    yield asked, "all", True
    for missing in every:
        others = [one for one in every if one != missing]
        others += [Need(right, missing.name) for right in RIGHTS if right != missing.right]
        yield ", ".join(f"{one.right} {one.name}" for one in others), f"no {missing.right}", False


@cache
def full_room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("t")
    return room


def let_in(room: RocketMqRoom, name: str, rights: str, tags: Sequence[str] = ()) -> None:
    """Let there be a user with these rights."""
    patterns = {
        right: [one.name for one in needs(rights) if one.right == right] for right in RIGHTS
    }
    room.broker.users.put(name, password="", tags=tags)
    configure, write, read = (
        f"^({'|'.join(names)})$" if names else "" for names in patterns.values()
    )
    room.broker.users.set_permissions(name, "/", configure, write, read)
    room.settle()


def denied(
    room: RocketMqRoom, monkeypatch: pytest.MonkeyPatch, user: str, code: int, request: Request
) -> bool:
    """Ask as this user: was it refused?"""

    def access_of(client: RocketMqSession, _: Frame) -> Access:
        return Access(room.broker.users, user, client.peer.host)

    monkeypatch.setattr(login, "access_of", access_of)
    body = request.body if isinstance(request.body, bytes) else json.dumps(request.body).encode()
    client = room.client()
    answer = client.ask(code, request.ext, body)
    client.hang_up()
    room.dialogs.clear()
    if "t" not in room.broker.topics:
        room.make_topic("t")
    return answer.code == ResponseCode.NO_PERMISSION


@pytest.mark.parametrize("code", REQUESTS, ids=lambda code: code.name)
def test_who_may_and_who_may_not(monkeypatch: pytest.MonkeyPatch, code: Code) -> None:
    room, request = full_room(), REQUESTS[code]
    for rights, name, may in people(request.needs):
        user = f"{code.name}-{name}-{may}"
        let_in(room, user, rights)
        assert denied(room, monkeypatch, user, code, request) is not may, (rights, may)


@pytest.mark.parametrize("code", FOR_EVERYBODY, ids=lambda code: code.name)
def test_what_everybody_may(monkeypatch: pytest.MonkeyPatch, code: Code) -> None:
    room = full_room()
    let_in(room, "nobody", "")
    assert not denied(room, monkeypatch, "nobody", code, FOR_EVERYBODY[code])


@pytest.mark.parametrize("code", [*ADMINISTRATORS, *MONITORING], ids=lambda code: code.name)
def test_what_tags_let_do(monkeypatch: pytest.MonkeyPatch, code: Code) -> None:
    room = full_room()
    request = ADMINISTRATORS.get(code) or MONITORING[code]
    let_in(room, "everything", "configure t, write t, read t, configure g, write g, read g")
    let_in(room, "watcher", "", ["monitoring"])
    let_in(room, "chief", "", ["administrator"])
    assert denied(room, monkeypatch, "everything", code, request)
    assert denied(room, monkeypatch, "watcher", code, request) is (code in ADMINISTRATORS)
    assert not denied(room, monkeypatch, "chief", code, request)


def test_who_may_not_make_a_topic_sends_to_none(monkeypatch: pytest.MonkeyPatch) -> None:
    room = RocketMqRoom()
    request = Request("", send_fields("new", 0, {}), b"x")
    let_in(room, "writer", "write new")
    let_in(room, "maker", "write new, configure new")
    assert denied(room, monkeypatch, "writer", Code.SEND_MESSAGE_V2, request)
    assert not denied(room, monkeypatch, "maker", Code.SEND_MESSAGE_V2, request)


def test_topics_of_others_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    room = RocketMqRoom()
    room.make_topic("mine")
    room.make_topic("yours")
    let_in(room, "ann", "read mine")

    def access_of(client: RocketMqSession, _: Frame) -> Access:
        return Access(room.broker.users, "ann", client.peer.host)

    monkeypatch.setattr(login, "access_of", access_of)
    answer = room.client().ask(Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
    assert json.loads(answer.body)["topicList"] == ["mine"]
