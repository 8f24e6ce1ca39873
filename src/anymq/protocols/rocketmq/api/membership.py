"""Who is in which group: heartbeats, goodbyes, and who asks."""

from typing import Any

import msgspec

from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization, names
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest
from anymq.protocols.rocketmq.filters import ALL, TAG
from anymq.protocols.rocketmq.subscriptions import Subscription


class _Subscription(msgspec.Struct, rename="camel"):
    topic: str
    sub_string: str | None = ALL
    sub_version: int = 0
    expression_type: str | None = TAG


class _Consumer(msgspec.Struct, rename="camel"):
    group_name: str
    subscription_data_set: list[_Subscription] = []
    message_model: Any = ""


class _Producer(msgspec.Struct, rename="camel"):
    group_name: str


class _Heartbeat(msgspec.Struct, rename={"client_id": "clientID"}):
    client_id: str
    consumers: list[_Consumer] = msgspec.field(default_factory=list, name="consumerDataSet")
    producers: list[_Producer] = msgspec.field(default_factory=list, name="producerDataSet")


_heartbeat = msgspec.json.Decoder(_Heartbeat, strict=False)


def heartbeat(call: Call) -> None:
    """A client lives, and says what it produces and consumes."""
    try:
        said = _heartbeat.decode(call.body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BadRequest(f"a heartbeat that cannot be read: {error}") from None
    client, members = call.client, call.rocketmq.members
    client.client_id = said.client_id[:255]
    for producer in said.producers:
        names.check_group(producer.group_name)
        members.produces(client, producer.group_name)
    for consumer in said.consumers:
        _consumes(call, consumer)
    call.answer()


def _consumes(call: Call, consumer: _Consumer) -> None:
    group = consumer.group_name
    names.check_group(group)
    authorization.group(call, Operation.READ, group)
    retry = names.retry_topic(group)
    if retry not in call.broker.topics:
        call.rocketmq.making.make(retry, 1, _nobody)
    subscriptions = [
        Subscription(one.topic, one.sub_string or ALL, one.expression_type or TAG, one.sub_version)
        for one in consumer.subscription_data_set
    ]
    call.rocketmq.members.consumes(call.client, group, subscriptions)


def _nobody(_: Exception | None) -> None:
    """Nobody waits for it: its route is asked for until it is there."""


def goodbye(call: Call) -> None:
    """A client leaves its groups."""
    producer, consumer = call.text("producerGroup", ""), call.text("consumerGroup", "")
    call.rocketmq.members.leaves(call.client, producer, consumer)
    call.answer()


def consumers(call: Call) -> None:
    """Say who is in a group: the same to all of them, who share its queues by that."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.READ, group)
    found = call.rocketmq.members.consumers.get(group)
    if found is None:
        call.refuse(ResponseCode.SYSTEM_ERROR, f"no consumer for this group, {group}")
        return
    ids = sorted(set(found.clients.values()))
    call.answer(body=msgspec.json.encode({"consumerIdList": ids}))


CODES = {
    RequestCode.HEART_BEAT: heartbeat,
    RequestCode.UNREGISTER_CLIENT: goodbye,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: consumers,
}
