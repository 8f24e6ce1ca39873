"""Routes: where the queues of a topic are. Always here."""

from collections.abc import Mapping

import msgspec

from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization, hosts, names
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import RocketMqError
from anymq.protocols.rocketmq.kept import INHERIT, READ, WRITE, TopicSettings
from anymq.protocols.rocketmq.queues import queue_named

MASTER = "0"
TEMPLATE = TopicSettings(perm=READ | WRITE | INHERIT)
ORDERED = "ORDER_TOPIC_CONFIG"  # the namespace where it is kept how many queues are in order
OF_CLUSTER, OF_BROKER = 16, 1  # how many queues RocketMQ says that these names have


def handle(call: Call) -> None:
    """Say who has the queues of a topic."""
    name = call.text("topic")
    if name == names.AUTO_CREATE:
        if not call.rocketmq.settings.auto_create:
            raise _unknown(name)
        queues, settings = call.rocketmq.settings.queues, TEMPLATE
    elif (told := _of_all_brokers(call, name)) is not None:
        queues, settings = told, TEMPLATE
    else:
        authorization.topic(call, Operation.DESCRIBE, name)
        if name.startswith(names.RETRY) and not call.rocketmq.making.is_there(name):
            _make_for_group(call, name)
            return
        queues = _queues(call, name)
        settings = call.rocketmq.topic_settings.of(name)
    said = route(call, queues, settings)
    order = call.rocketmq.key_values.of(ORDERED).table.get(name)
    call.answer(body=encode(said if order is None else {**said, "orderTopicConf": order}))


def _of_all_brokers(call: Call, name: str) -> int | None:
    """How many queues the cluster's or the broker's own name has; None: it is neither.

    Who makes a topic in a cluster asks for the route of the cluster's name, and goes there.
    """
    settings = call.rocketmq.settings
    if call.rocketmq.making.is_there(name):
        return None
    return {settings.cluster_name: OF_CLUSTER, settings.broker_name: OF_BROKER}.get(name)


def _queues(call: Call, name: str) -> int:
    """Return how many queues a topic has: a queue of ours is a topic with one."""
    if call.rocketmq.making.is_there(name):
        return len(call.broker.topic(name).partitions)
    if queue_named(call.broker, name) is None:
        raise _unknown(name)
    return 1


def _make_for_group(call: Call, name: str) -> None:
    """Make a retry topic for who asks for it: a consumer that begins, and asks but now and then."""
    call.later()

    def made(error: Exception | None) -> None:
        if error is not None:
            call.fail(error)
        else:
            call.answer(body=encode(route(call, 1, call.rocketmq.topic_settings.of(name))))

    call.rocketmq.making.make(name, 1, made)


def _unknown(name: str) -> RocketMqError:
    return RocketMqError(
        ResponseCode.TOPIC_NOT_EXIST,
        f"No topic route info in name server for the topic: {name}",
    )


def route(call: Call, queues: int, settings: TopicSettings) -> Mapping[str, object]:
    """Return the route of a topic with so many queues."""
    reads, writes = settings.queues(queues)
    return {
        "brokerDatas": [broker_data(call)],
        "filterServerTable": {},
        "queueDatas": [
            {
                "brokerName": call.rocketmq.settings.broker_name,
                "perm": settings.perm & ~(0 if call.rocketmq.routes_writable else WRITE),
                "readQueueNums": reads,
                "topicSysFlag": settings.topic_sys_flag,
                "writeQueueNums": writes,
            }
        ],
    }


def broker_data(call: Call) -> dict[str, object]:
    """Return how this client finds the broker."""
    settings = call.rocketmq.settings
    address = hosts.address_of(*hosts.advertised(call.rocketmq, call.client.peer))
    return {
        "brokerAddrs": {MASTER: address},
        "brokerName": settings.broker_name,
        "cluster": settings.cluster_name,
        "enableActingMaster": False,
    }


def encode(said: object) -> bytes:
    """Write JSON without a space: Go's client takes addresses apart by hand."""
    return msgspec.json.encode(said)


CODES = {RequestCode.GET_ROUTEINFO_BY_TOPIC: handle}
