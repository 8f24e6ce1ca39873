"""What has configs, as clients name it, and how they may be changed. The words are Kafka's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import IntEnum

from anymq.core.broker import Broker
from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation as Right
from anymq.core.streams.errors import InvalidConfig
from anymq.core.streams.topic_config import Change, Operation
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.errors import InvalidRequest


class ResourceType(IntEnum):
    """Kafka's numbers."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


Resource = tuple[int, str]  # type and name


def check_changes(resource: Resource, changes: Sequence[Change], times_named: int) -> None:
    """Refuse what makes no sense whatever the resource."""
    if times_named > 1:
        raise InvalidRequest("Each resource must appear at most once.")
    if any(times > 1 for times in Counter(change.name for change in changes).values()):
        raise InvalidRequest("Error due to duplicate config keys")
    nulls = [
        change.name
        for change in changes
        if change.value is None and change.operation is not Operation.DELETE
    ]
    if nulls:
        raise InvalidRequest(f"Null value not supported for : {', '.join(nulls)}")
    if resource[0] not in (ResourceType.TOPIC, ResourceType.BROKER, ResourceType.GROUP):
        raise InvalidRequest(f"Unknown resource type {resource[0]}")


def authorize(call: Call, operation: Right, resource: Resource) -> None:
    """Refuse, unless the client may do this to the configs: those of nodes are the cluster's."""
    kind, name = resource
    match kind:
        case ResourceType.TOPIC:
            authorization.topic(call, operation, name)
        case ResourceType.GROUP:
            authorization.group(call, operation, name)
        case _:
            authorization.cluster(call, operation)


def current(broker: Broker, resource: Resource) -> Mapping[str, str]:
    """Return what is set on the resource itself."""
    kind, name = resource
    if kind == ResourceType.TOPIC:
        return broker.topic(name).config.overrides
    if kind == ResourceType.GROUP:
        return broker.group_configs.of(name)
    _check_node(broker, name)
    return broker.config.for_node if name else broker.config.for_all


def change(
    broker: Broker, resource: Resource, changes: Sequence[Change], then: Then, *, check_only: bool
) -> None:
    """Change the configs of a topic or the broker, or only refuse what cannot be."""
    kind, name = resource
    if kind == ResourceType.TOPIC:
        _change_topic(broker, name, changes, then, check_only=check_only)
    elif kind == ResourceType.GROUP:
        _change_group(broker, name, changes, then, check_only=check_only)
    else:
        _check_node(broker, name)
        try:
            _change_broker(broker, changes, then, every_node=not name, check_only=check_only)
        except InvalidConfig as error:
            # So it is with Kafka: of a broker this is called an invalid request (KAFKA-13609).
            raise InvalidRequest(str(error)) from error


def operation_of(number: int) -> Operation:
    """Return what is to be done to a config."""
    try:
        return Operation(number)
    except ValueError:
        raise InvalidRequest(f"Unknown operations type {number}") from None


def _change_topic(
    broker: Broker, name: str, changes: Sequence[Change], then: Then, *, check_only: bool
) -> None:
    if check_only:
        broker.check_config_changes(name, changes)
        then(None)
    else:
        broker.change_topic_config(name, changes, then)


def _change_group(
    broker: Broker, name: str, changes: Sequence[Change], then: Then, *, check_only: bool
) -> None:
    """A group need not be there: who sets it up may come before its first member."""
    if not name:
        raise InvalidRequest("Default group resources are not allowed.")
    values = broker.group_configs.changed(name, changes)
    if check_only:
        then(None)
    else:
        broker.group_configs.put(name, values, then)


def _change_broker(
    broker: Broker, changes: Sequence[Change], then: Then, *, every_node: bool, check_only: bool
) -> None:
    if check_only:
        broker.check_broker_config(changes, every_node=every_node)
        then(None)
    else:
        broker.change_broker_config(changes, then, every_node=every_node)


def _check_node(broker: Broker, name: str) -> None:
    """Refuse a broker that is not this one; no name means all of them."""
    if not name:
        return
    try:
        node_id = int(name)
    except ValueError:
        raise InvalidRequest(f"Node id must be an integer, but it is: {name}") from None
    if node_id != broker.node_id:
        raise InvalidRequest(
            f"Unexpected broker id, expected {broker.node_id}, but received {name}"
        )
