"""QueryRoute, QueryAssignment: where a topic is, and what a consumer reads of it."""

import ipaddress
import json
from collections.abc import Callable

from anymq.core.rights.operations import Kind, Operation
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.grpc.call import GrpcCall
from anymq.protocols.rocketmq.grpc.checks import group_of, topic_of
from anymq.protocols.rocketmq.grpc.definition import (
    Address,
    AddressScheme,
    Assignment,
    Broker,
    Code,
    Endpoints,
    MessageQueue,
    MessageType,
    Permission,
    Resource,
)
from anymq.protocols.rocketmq.grpc.errors import OK, GrpcRefusal
from anymq.protocols.rocketmq.grpc.inner import Answer
from anymq.protocols.rocketmq.grpc.messages import (
    QueryAssignmentRequest,
    QueryAssignmentResponse,
    QueryRouteRequest,
    QueryRouteResponse,
)
from anymq.protocols.rocketmq.grpc.method import Method
from anymq.protocols.rocketmq.queues import queue_named

ANY_QUEUE = -1  # the broker chooses
ADDRESSES_MAX = 10
# Any topic takes any of these.
TYPES = (MessageType.NORMAL, MessageType.FIFO, MessageType.DELAY, MessageType.TRANSACTION)


def on_route(call: GrpcCall, request: QueryRouteRequest) -> None:
    """Say which queues a topic has."""
    topic = request.topic or Resource()

    def found(count: int) -> None:
        broker = broker_of(call, request.endpoints)
        queues = [
            MessageQueue(topic, index, Permission.READ_WRITE, broker, [int(one) for one in TYPES])
            for index in range(count)
        ]
        call.answer(QueryRouteResponse(OK, queues))

    _queues_of(call, topic, found)


def on_assignment(call: GrpcCall, request: QueryAssignmentRequest) -> None:
    """Say what a consumer reads: any queue; of groups that want order each queue by itself."""
    topic, group = request.topic or Resource(), group_of(request.group)
    broker = broker_of(call, request.endpoints)

    def found(count: int) -> None:
        in_order = call.grpc.is_ordered(group)
        wanted = range(count) if in_order else (ANY_QUEUE,)
        queues = [MessageQueue(topic, one, Permission.READ_WRITE, broker) for one in wanted]
        call.answer(QueryAssignmentResponse(OK, [Assignment(one) for one in queues]))

    _queues_of(call, topic, found)


def _queues_of(call: GrpcCall, topic: Resource, then: Callable[[int], None]) -> None:
    """Find out how many there are; make the topic, if it may be made by being asked for."""
    name = topic_of(topic)
    rocketmq = call.grpc.rocketmq
    making = rocketmq.making

    def routed(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
        else:
            queues = json.loads(answer.body)["queueDatas"]
            then(sum(one["readQueueNums"] for one in queues))

    def made(error: Exception | None) -> None:
        if error is not None:
            call.refuse(Code.INTERNAL_SERVER_ERROR, str(error))
        else:
            call.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": name}, routed)

    may_make = rocketmq.settings.auto_create and call.access.may(Operation.CREATE, Kind.TOPIC, name)
    is_there = making.is_there(name) or queue_named(rocketmq.broker, name) is not None
    if may_make and not is_there:
        making.make(name, rocketmq.settings.queues, made)
    else:
        made(None)


def broker_of(call: GrpcCall, asked: Endpoints | None) -> Broker:
    """Return where the broker is: as configured, else where the client says that it found us."""
    settings = call.grpc.rocketmq.settings
    if asked is None or not asked.addresses:
        raise GrpcRefusal(Code.BAD_REQUEST, "the endpoints are missing")
    if settings.advertised_host:
        host = settings.advertised_host
        port = settings.grpc_advertised_port or call.client.peer.local_port
        endpoints = Endpoints(_scheme_of(host), [Address(host, port)])
    else:
        endpoints = Endpoints(asked.scheme, asked.addresses[:ADDRESSES_MAX])
    return Broker(settings.broker_name, 0, endpoints)


def _scheme_of(host: str) -> AddressScheme:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return AddressScheme.DOMAIN_NAME
    return AddressScheme.IPV6 if version == 6 else AddressScheme.IPV4


METHODS = {
    "QueryRoute": Method(QueryRouteRequest, QueryRouteResponse, on_route),
    "QueryAssignment": Method(QueryAssignmentRequest, QueryAssignmentResponse, on_assignment),
}
