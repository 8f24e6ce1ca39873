"""What consumers ask, by every combination of rights: who may is answered, who may not is refused.

What a request needs stands here, in words. To read a topic and to be in a group are two rights.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import pytest
from tests.unit.protocols.rights import Person, everybody, needs

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.security.users import Users
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields

SECRET = "secret"
HANDLE = "0 1 30000 0 0 anymq 0 0"
POP = {
    "consumerGroup": "g",
    "topic": "t",
    "queueId": 0,
    "maxMsgNums": 1,
    "invisibleTime": 30_000,
    "pollTime": 0,
    "bornTime": 0,
    "initMode": 0,
}
ONE = {"consumerGroup": "g", "topic": "t", "queueId": 0, "offset": 0, "extraInfo": HANDLE}
LOCK = {"consumerGroup": "g", "clientId": "c", "mqSet": [{"topic": "t", "queueId": 0}]}
BATCH = {"acks": [{"c": "g", "t": "t", "r": "0", "so": 0, "q": 0, "pt": 1, "b": "AQ=="}]}
CONSUMER = {"groupName": "g", "subscriptionDataSet": [{"topic": "t"}]}
HEARTBEAT = {"clientID": "c", "consumerDataSet": [CONSUMER], "producerDataSet": []}
ASSIGNED = {"topic": "t", "consumerGroup": "g", "clientId": "c", "strategyName": "AVG"}
MODE = {"topic": "t", "consumerGroup": "g", "mode": "PULL"}
ASKED = {"consumerGroup": "g", "clientId": "c", "msgId": "00"}
RESET = {"group": "g", "topic": "t", "timestamp": 0, "isForce": True}


class Request(NamedTuple):
    """What is asked, and what it needs."""

    needs: str
    code: RequestCode
    ext: Mapping[str, object] = {}
    body: Mapping[str, Any] | None = None


REQUESTS = [
    Request("read g", RequestCode.HEART_BEAT, body=HEARTBEAT),
    Request("read g", RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": "g"}),
    Request("read g, read t", RequestCode.LOCK_BATCH_MQ, body=LOCK),
    Request("read g", RequestCode.UNLOCK_BATCH_MQ, body=LOCK),
    Request("read g, read t", RequestCode.POP_MESSAGE, POP),
    Request("read g, read t", RequestCode.PEEK_MESSAGE, POP),
    Request("read g, read t", RequestCode.NOTIFICATION, POP),
    Request("read g, read t", RequestCode.ACK_MESSAGE, ONE),
    Request("read g, read t", RequestCode.BATCH_ACK_MESSAGE, body=BATCH),
    Request(
        "read g, read t", RequestCode.CHANGE_MESSAGE_INVISIBLETIME, {**ONE, "invisibleTime": 1}
    ),
    Request("read g, read t", RequestCode.QUERY_ASSIGNMENT, body=ASSIGNED),
    Request("configure g, read t", RequestCode.SET_MESSAGE_REQUEST_MODE, body=MODE),
    Request("read g", RequestCode.CONSUME_MESSAGE_DIRECTLY, ASKED),
    Request("read g, read t", RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, RESET),
    Request("write t", RequestCode.SEND_REPLY_MESSAGE_V2, send_fields("t", 0, {"A": "b"})),
]
EVERYBODY = list(everybody(queues="^t", exchanges="^g"))


@cache
def full_room() -> RocketMqRoom:
    """Everybody is known here, by a password that signs."""
    users = Users({user.name: (SECRET,) for user in EVERYBODY})
    room = RocketMqRoom(RocketMqSettings(require_login=True), users=users)
    for user in EVERYBODY:
        room.broker.users.set_permissions(user.name, "/", *user.patterns)
    room.make_topic("t")
    return room


def asked(client: RocketMqDialog, user: Person, request: Request) -> int:
    ext = {name: _text(value) for name, value in request.ext.items()} | {"AccessKey": user.name}
    body = b"" if request.body is None else json.dumps(request.body).encode()
    content = "".join(ext[name] for name in sorted(ext)).encode() + body
    signature = b64encode(hmac.digest(SECRET.encode(), content, "sha1")).decode()
    return client.ask(request.code, {**ext, "Signature": signature}, body).code


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.code.name)
def test_who_may_and_who_may_not(request_: Request) -> None:
    room = full_room()
    wanted = needs(request_.needs)
    for user in EVERYBODY:
        client = room.client()
        code = asked(client, user, request_)
        may = user.has(wanted)
        assert (code != ResponseCode.NO_PERMISSION) is may, (user, code)
        client.hang_up()
        room.dialogs.clear()
