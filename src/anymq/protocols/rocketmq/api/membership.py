"""Who is in which group: heartbeats, goodbyes, and who asks."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from anymq.core.rights.operations import Operation
from anymq.core.streams.clients import Client, How, Interest, Joining, Model
from anymq.protocols.rocketmq import authorization, names
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import REFUSALS, BadRequest
from anymq.protocols.rocketmq.filters import ALL, TAG

CLIENT_ID_MAX = 255
# C++ sends the numbers of its enumerations.
_HOW = {"CONSUME_ACTIVELY": How.PULL, "0": How.PULL, "CONSUME_POP": How.POP, "2": How.POP}
_MODEL = {"BROADCASTING": Model.BROADCASTING, "0": Model.BROADCASTING}


class _Subscription(msgspec.Struct, rename="camel"):
    topic: str
    sub_string: str | None = ALL
    sub_version: int = 0
    expression_type: str | None = TAG
    tags_set: list[str] | None = None
    code_set: list[int] | None = None
    class_filter_mode: Any = False


class _Consumer(msgspec.Struct, rename="camel"):
    group_name: str
    subscription_data_set: list[_Subscription] = []
    consume_type: Any = ""
    message_model: Any = ""
    consume_from_where: Any = ""


class _Producer(msgspec.Struct, rename="camel"):
    group_name: str


class _Heartbeat(msgspec.Struct):
    client_id: str = msgspec.field(name="clientID")
    consumers: list[_Consumer] = msgspec.field(default_factory=list, name="consumerDataSet")
    producers: list[_Producer] = msgspec.field(default_factory=list, name="producerDataSet")
    fingerprint: int = msgspec.field(default=0, name="heartbeatFingerprint")
    without_subscriptions: bool = msgspec.field(default=False, name="withoutSub")


_heartbeat = msgspec.json.Decoder(_Heartbeat, strict=False)


def heartbeat(call: Call) -> None:
    """A client lives, and says what it produces and consumes.

    One group that it may not be in does not keep it out of the others.
    """
    said = _read(call.body)
    client = _client(call, said)
    tasks: list[Callable[[], None]] = [
        partial(_produces, call, client, one) for one in said.producers
    ]
    tasks += [partial(_consumes, call, client, one, said) for one in said.consumers]
    refused = [error for task in tasks if (error := _refusal_of(task)) is not None]
    if refused:
        call.fail(refused[0])
    else:
        unknown = said.without_subscriptions and _is_unknown(call, said)
        call.answer({"IS_SUPPORT_HEART_BEAT_V2": True, "IS_SUB_CHANGE": unknown})


def _read(body: bytes) -> _Heartbeat:
    try:
        return _heartbeat.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BadRequest(f"a heartbeat that cannot be read: {error}") from None


def _client(call: Call, said: _Heartbeat) -> Client:
    session = call.client
    session.client_id = said.client_id[:CLIENT_ID_MAX]
    return Client(
        id=session.client_id,
        channel=session,
        language=session.language,
        version=session.version,
        address=f"{session.peer.host}:{session.peer.port}",
        user=session.user,
    )


def _refusal_of(task: Callable[[], None]) -> Exception | None:
    try:
        task()
    except REFUSALS as error:
        return error
    return None


def _produces(call: Call, client: Client, producer: _Producer) -> None:
    names.check_group(producer.group_name)
    call.rocketmq.clients.produce(client, producer.group_name)
    call.rocketmq.transactions.on_producer(producer.group_name)


def _consumes(call: Call, client: Client, consumer: _Consumer, said: _Heartbeat) -> None:
    group = consumer.group_name
    names.check_group(group)
    authorization.group(call, Operation.READ, group)
    joining = Joining(
        group=group,
        interests=None if said.without_subscriptions else _interests(consumer),
        how=_HOW.get(str(consumer.consume_type), How.PUSH),
        model=_MODEL.get(str(consumer.message_model), Model.CLUSTERING),
        start=str(consumer.consume_from_where or ""),
    )
    call.rocketmq.clients.consume(client, joining)
    retry = names.retry_topic(group)
    if retry not in call.broker.topics and joining.model is Model.CLUSTERING:
        call.rocketmq.making.make(retry, 1, _nobody)


def _interests(consumer: _Consumer) -> Sequence[Interest]:
    return [
        Interest(
            topic=one.topic,
            expression=one.sub_string or ALL,
            kind=one.expression_type or TAG,
            tags=tuple(one.tags_set or ()),
            version=one.sub_version,
            hashes=tuple(one.code_set or ()),
            class_filter=str(one.class_filter_mode).lower() in ("true", "1"),
        )
        for one in consumer.subscription_data_set
    ]


def _is_unknown(call: Call, said: _Heartbeat) -> bool:
    """Does a client leave out what we do not know? It says it all again when it hears that."""
    for consumer in said.consumers:
        group = call.rocketmq.clients.consumers.get(consumer.group_name)
        member = group.members.get(call.client) if group is not None else None
        if member is None or not member.interests:
            return True
    return False


def _nobody(_: Exception | None) -> None:
    """Nobody waits for it: its route is asked for until it is there."""


def goodbye(call: Call) -> None:
    """A client leaves its groups."""
    producer, consumer = call.text("producerGroup", ""), call.text("consumerGroup", "")
    call.rocketmq.clients.leave(call.client, producer=producer, consumer=consumer)
    call.answer()


def consumers(call: Call) -> None:
    """Say who is in a group: the same to all of them, who share its queues by that."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.READ, group)
    ids = call.rocketmq.clients.ids(group)
    if ids:
        call.answer(body=msgspec.json.encode({"consumerIdList": ids}))
    else:
        call.refuse(ResponseCode.SYSTEM_ERROR, f"no consumer for this group, {group}")


CODES = {
    RequestCode.HEART_BEAT: heartbeat,
    RequestCode.UNREGISTER_CLIENT: goodbye,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: consumers,
}
