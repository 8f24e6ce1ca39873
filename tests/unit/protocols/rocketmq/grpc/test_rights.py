"""Every call by every combination of rights: who may is answered, who may not is refused.

What a call needs stands here, in words: the same as its request by remoting. A call that is missing
here fails a test.
"""

import hmac
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import pytest
from tests.unit.protocols.rights import Person, everybody, needs

from anymq.protocols.rocketmq.grpc.api import registry
from anymq.protocols.rocketmq.grpc.definition import (
    Address,
    Code,
    Endpoints,
    FilterExpression,
    Message,
    MessageQueue,
    Resource,
    Settings,
    Subscription,
    SubscriptionEntry,
    SystemProperties,
    duration_of,
)
from anymq.protocols.rocketmq.grpc.http2 import GrpcStatus
from anymq.protocols.rocketmq.grpc.messages import (
    AckMessageEntry,
    AckMessageRequest,
    ChangeInvisibleDurationRequest,
    ForwardMessageToDeadLetterQueueRequest,
    GetOffsetRequest,
    PullMessageRequest,
    QueryAssignmentRequest,
    QueryOffsetRequest,
    QueryRouteRequest,
    QueryRouteResponse,
    ReceiveMessageRequest,
    SendMessageRequest,
    TelemetryCommand,
    UpdateOffsetRequest,
)
from anymq.protocols.rocketmq.grpc.method import SERVICE
from anymq.protocols.rocketmq.grpc.protobuf import Proto
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.security.users import Users
from anymq.testing.grpc import GrpcDialog, GrpcRoom

SECRET, NOW = "secret", "20260101T000000Z"
TOPIC, GROUP, NEW = Resource("", "t"), Resource("", "g"), Resource("", "tnew")
READERS = Resource("", "gread")  # a group that is lent messages has no offsets to say
QUEUE, HERE = MessageQueue(TOPIC, 0), Endpoints(1, [Address("127.0.0.1", 8081)])
HANDLE = "0 1 30000 0 0 anymq 0 0 5"
ENTRY = SubscriptionEntry(TOPIC, FilterExpression(1, "*"))
CONSUMES = TelemetryCommand(
    settings=Settings(client_type=2, subscription=Subscription(GROUP, [ENTRY]))
)


def message(topic: Resource) -> Message:
    return Message(topic, {}, SystemProperties(message_id="ID1"), b"hello")


class Operation(NamedTuple):
    """What is called, and what it needs."""

    needs: str
    call: str
    request: Proto


OPERATIONS: Mapping[str, Operation] = {
    "send": Operation("write t", "SendMessage", SendMessageRequest([message(TOPIC)])),
    "send to a new topic": Operation(
        "configure tnew, write tnew", "SendMessage", SendMessageRequest([message(NEW)])
    ),
    "receive": Operation(
        "read t, read g",
        "ReceiveMessage",
        ReceiveMessageRequest(GROUP, QUEUE, None, 1, duration_of(30_000), False, duration_of(0)),
    ),
    "ack": Operation(
        "read t, read g",
        "AckMessage",
        AckMessageRequest(GROUP, TOPIC, [AckMessageEntry("", HANDLE)]),
    ),
    "change": Operation(
        "read t, read g",
        "ChangeInvisibleDuration",
        ChangeInvisibleDurationRequest(GROUP, TOPIC, HANDLE, duration_of(1000)),
    ),
    "pull": Operation(
        "read t, read g",
        "PullMessage",
        PullMessageRequest(READERS, QUEUE, 0, 1, None, duration_of(0)),
    ),
    "update offset": Operation(
        "read t, read g", "UpdateOffset", UpdateOffsetRequest(READERS, QUEUE, 0)
    ),
    "get offset": Operation("read t, read g", "GetOffset", GetOffsetRequest(READERS, QUEUE)),
    "telemetry": Operation("read g", "Telemetry", CONSUMES),
}
# Whoever may do anything with a topic may know where it is.
SEEN = {
    "route": ("QueryRoute", QueryRouteRequest(TOPIC, HERE)),
    "assignment": ("QueryAssignment", QueryAssignmentRequest(TOPIC, GROUP, HERE)),
    "query offset": ("QueryOffset", QueryOffsetRequest(QUEUE, 0)),
}
# They only speak of what the client said before, or ask for the same as others here; dead letters,
# transactions and recalls are tried where they are.
ELSEWHERE = {
    *("Heartbeat", "NotifyClientTermination", "EndTransaction", "RecallMessage"),
    "ForwardMessageToDeadLetterQueue",
}
EVERYBODY = list(everybody(queues="^t", exchanges="^g"))
# What is answered after the rights were looked at.
ALLOWED = {Code.OK, Code.MESSAGE_NOT_FOUND, Code.INVALID_RECEIPT_HANDLE, Code.OFFSET_NOT_FOUND}


def test_no_call_is_forgotten() -> None:
    tried = {one.call for one in OPERATIONS.values()} | {call for call, _ in SEEN.values()}
    assert {f"/{SERVICE}/{name}" for name in tried | ELSEWHERE} == set(registry.load())


@cache
def full_room() -> GrpcRoom:
    """Everybody is known here, by a password that signs."""
    users = Users({user.name: (SECRET,) for user in EVERYBODY})
    room = GrpcRoom(RocketMqSettings(require_login=True, queues=1), users=users)
    for user in EVERYBODY:
        room.broker.users.set_permissions(user.name, "/", *user.patterns)
    room.make_topic("t")
    return room


def signed(user: str, secret: str = SECRET) -> dict[str, str]:
    signature = hmac.digest(secret.encode(), NOW.encode(), "sha1").hex()
    said = f"MQv2-HMAC-SHA1 Credential={user}, SignedHeaders=x-mq-date-time, Signature={signature}"
    return {"authorization": said, "x_mq_date_time": NOW}


def code_of(client: GrpcDialog, name: str, request: Proto, **metadata: str) -> int:
    """Call, and return what became of it."""
    stream = client.begin(name, **metadata)
    client.say(stream, request, last=name != "Telemetry")
    heard, method = client.heard[stream], registry.load()[f"/{SERVICE}/{name}"]
    answers: list[Any] = heard.messages(method.answer)
    if name == "Telemetry":
        return Code.FORBIDDEN if heard.status == GrpcStatus.INVALID_ARGUMENT else Code.OK
    assert heard.ended
    return int(answers[0].status.code)


def tried(user: Person, name: str, request: Proto) -> int:
    room = full_room()
    if "tnew" in room.broker.topics:
        room.broker.delete_topic("tnew")
        room.settle()
    client = room.grpc_client()
    code = code_of(client, name, request, **signed(user.name))
    client.hang_up()
    room.dialogs.clear()
    return code


@pytest.mark.parametrize("name", OPERATIONS)
def test_who_may_and_who_may_not(name: str) -> None:
    operation = OPERATIONS[name]
    asked = needs(operation.needs)
    for user in EVERYBODY:
        code = tried(user, operation.call, operation.request)
        if user.has(asked):
            assert code in ALLOWED, (user, Code(code))
        else:
            assert code in (Code.FORBIDDEN, Code.TOPIC_NOT_FOUND), (user, Code(code))


@pytest.mark.parametrize("name", SEEN)
def test_who_may_know_of_a_topic(name: str) -> None:
    for user in EVERYBODY:
        code = tried(user, *SEEN[name])
        may = any(user.has(needs(f"{right} t")) for right in ("configure", "write", "read"))
        assert (code == Code.OK) is may, (user, Code(code))


def test_what_is_dead_is_dead_for_those_who_may_read_it() -> None:
    """And by the rights to where it goes, which the group has."""
    request = ForwardMessageToDeadLetterQueueRequest(GROUP, TOPIC, HANDLE, "ID1")
    for user in EVERYBODY:
        if not user.has(needs("read g")):
            code = tried(user, "ForwardMessageToDeadLetterQueue", request)
            assert code != Code.OK, user


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        signed("nobody"),
        signed(EVERYBODY[0].name, "wrong"),
        {**signed(EVERYBODY[0].name), "x_mq_date_time": "20270101T000000Z"},
        {"authorization": f"Bearer {EVERYBODY[0].name}"},
        {"authorization": "MQv2-HMAC-SHA1 Credential=all-all-all, Signature=zz"},
    ],
    ids=["unsigned", "unknown", "wrong secret", "another time", "another way", "no signature"],
)
def test_who_does_not_prove_who_he_is_is_refused(metadata: dict[str, str]) -> None:
    client = full_room().grpc_client()
    answer = client.call(
        "QueryRoute", QueryRouteRequest(TOPIC, HERE), QueryRouteResponse, **metadata
    )
    assert answer.status is not None
    assert answer.status.code == Code.UNAUTHORIZED
