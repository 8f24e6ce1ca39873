"""What calls say of topics and groups."""

from anymq.protocols.rocketmq import names
from anymq.protocols.rocketmq.errors import RocketMqError
from anymq.protocols.rocketmq.grpc.definition import Code, Resource
from anymq.protocols.rocketmq.grpc.errors import GrpcRefusal

MINE = "%"  # between a namespace and a name, as remoting clients write it


def topic_of(resource: Resource | None) -> str:
    """Return the topic's name; refuse one that no client may use."""
    name = _name_of(resource)
    try:
        names.check_topic(name)
    except RocketMqError as error:
        raise GrpcRefusal(Code.ILLEGAL_TOPIC, str(error)) from None
    if name in names.RESERVED:
        raise GrpcRefusal(Code.ILLEGAL_TOPIC, "cannot access system topic")
    return name


def group_of(resource: Resource | None) -> str:
    """Return the group's name."""
    name = _name_of(resource)
    try:
        names.check_group(name)
    except RocketMqError as error:
        raise GrpcRefusal(Code.ILLEGAL_CONSUMER_GROUP, str(error)) from None
    return name


def _name_of(resource: Resource | None) -> str:
    if resource is None:
        return ""
    namespace, name = resource.resource_namespace, resource.name
    return f"{namespace}{MINE}{name}" if namespace else name
