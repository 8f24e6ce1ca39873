"""May this client do this? Asked by every request, answered by the one model of rights."""

from typing import TYPE_CHECKING

from anymq.core.rights.operations import Kind, Operation
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.errors import (
    ClusterUnauthorized,
    GroupUnauthorized,
    TopicUnauthorized,
    TransactionUnauthorized,
    Unauthorized,
)

if TYPE_CHECKING:
    from anymq.protocols.kafka.call import Call

_REFUSALS: dict[Kind, tuple[type[Unauthorized], str]] = {
    Kind.TOPIC: (TopicUnauthorized, "Topic authorization failed."),
    Kind.GROUP: (GroupUnauthorized, "Group authorization failed."),
    Kind.CLUSTER: (ClusterUnauthorized, "Cluster authorization failed."),
    Kind.TRANSACTIONAL_ID: (TransactionUnauthorized, "Transactional Id authorization failed."),
}


def require(call: "Call", operation: Operation, kind: Kind, name: str) -> None:
    """Refuse, unless the client may do this."""
    if not call.session.access.may(operation, kind, name):
        refusal, text = _REFUSALS[kind]
        raise refusal(text)


def topic(call: "Call", operation: Operation, name: str) -> None:
    """Refuse, unless the client may do this to a topic."""
    require(call, operation, Kind.TOPIC, name)


def group(call: "Call", operation: Operation, name: str) -> None:
    """Refuse, unless the client may do this to a group."""
    require(call, operation, Kind.GROUP, name)


def cluster(call: "Call", operation: Operation) -> None:
    """Refuse, unless the client may do this to the cluster."""
    if not call.session.access.may_cluster(operation):
        refusal, text = _REFUSALS[Kind.CLUSTER]
        raise refusal(text)


def may_topic(call: "Call", operation: Operation, name: str) -> bool:
    """May the client do this to a topic?"""
    return call.session.access.may(operation, Kind.TOPIC, name)


def may_group(call: "Call", operation: Operation, name: str) -> bool:
    """May the client do this to a group?"""
    return call.session.access.may(operation, Kind.GROUP, name)


def cluster_error(call: "Call", operation: Operation) -> ErrorCode:
    """Return what is wrong with doing this to the cluster."""
    may = call.session.access.may_cluster(operation)
    return ErrorCode.NONE if may else ErrorCode.CLUSTER_AUTHORIZATION_FAILED


def group_error(call: "Call", operation: Operation, name: str) -> ErrorCode:
    """Return what is wrong with doing this to a group."""
    may = may_group(call, operation, name)
    return ErrorCode.NONE if may else ErrorCode.GROUP_AUTHORIZATION_FAILED
