"""Routes: where the queues of a topic are. Always here."""

from collections.abc import Mapping

import msgspec

from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization, hosts, names
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import RocketMqError

READ, WRITE, INHERIT = 4, 2, 1  # permissions
MASTER = "0"


def handle(call: Call) -> None:
    """Say who has the queues of a topic."""
    name = call.text("topic")
    if name == names.AUTO_CREATE:
        if not call.rocketmq.settings.auto_create:
            raise _unknown(name)
        queues, permission = call.rocketmq.settings.queues, READ | WRITE | INHERIT
    else:
        authorization.topic(call, Operation.DESCRIBE, name)
        if not call.rocketmq.making.is_there(name):
            raise _unknown(name)
        queues, permission = len(call.broker.topic(name).partitions), READ | WRITE
    call.answer(body=encode(route(call, queues, permission)))


def _unknown(name: str) -> RocketMqError:
    return RocketMqError(
        ResponseCode.TOPIC_NOT_EXIST,
        f"No topic route info in name server for the topic: {name}",
    )


def route(call: Call, queues: int, permission: int) -> Mapping[str, object]:
    """Return the route of a topic with so many queues."""
    settings = call.rocketmq.settings
    return {
        "brokerDatas": [broker_data(call)],
        "filterServerTable": {},
        "queueDatas": [
            {
                "brokerName": settings.broker_name,
                "perm": permission,
                "readQueueNums": queues,
                "topicSysFlag": 0,
                "writeQueueNums": queues,
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
