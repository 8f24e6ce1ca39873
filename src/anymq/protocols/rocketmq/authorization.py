"""May this client do this? Asked by every request, answered by the one model of rights."""

from anymq.core.rights.operations import Kind, Operation
from anymq.protocols.rocketmq import names
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.errors import Denied


def topic(call: Call, operation: Operation, name: str) -> None:
    """Refuse, unless the client may do this to a topic."""
    if not may_topic(call, operation, name):
        raise Denied(f"No permission: {operation} on the topic {name}")


def may_topic(call: Call, operation: Operation, name: str) -> bool:
    """May the client do this to a topic?

    Those for second tries and dead letters are their group's: who reads in it writes there, too.
    """
    if names.is_of_group(name):
        group_name = name.removeprefix(names.RETRY).removeprefix(names.DLQ)
        operation = Operation.READ if operation is Operation.WRITE else operation
        return call.access.may(operation, Kind.GROUP, group_name)
    return call.access.may(operation, Kind.TOPIC, name)


def group(call: Call, operation: Operation, name: str) -> None:
    """Refuse, unless the client may do this to a group."""
    if not call.access.may(operation, Kind.GROUP, name):
        raise Denied(f"No permission: {operation} on the group {name}")


def may_group(call: Call, operation: Operation, name: str) -> bool:
    """May the client do this to a group?"""
    return call.access.may(operation, Kind.GROUP, name)


def cluster(call: Call, operation: Operation) -> None:
    """Refuse, unless the client may do this to the broker."""
    if not call.access.may_cluster(operation):
        raise Denied(f"No permission: {operation} on the cluster")
