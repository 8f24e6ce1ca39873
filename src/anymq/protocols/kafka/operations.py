"""What a client may do with a thing, as the bit fields that admin clients ask for."""

from anymq.core.rights.access import Access
from anymq.core.rights.acls import CLUSTER_NAME
from anymq.core.rights.operations import Kind, Operation
from anymq.protocols.kafka.acl_words import OPERATION_NUMBERS

NOT_ASKED = -(2**31)

_CONFIGS = (Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS)

_OF_KIND: dict[Kind, tuple[Operation, ...]] = {
    Kind.TOPIC: (
        Operation.READ,
        Operation.WRITE,
        Operation.CREATE,
        Operation.DELETE,
        Operation.ALTER,
        Operation.DESCRIBE,
        *_CONFIGS,
    ),
    Kind.GROUP: (Operation.READ, Operation.DELETE, Operation.DESCRIBE, *_CONFIGS),
    Kind.CLUSTER: (
        Operation.CREATE,
        Operation.ALTER,
        Operation.DESCRIBE,
        Operation.CLUSTER_ACTION,
        Operation.IDEMPOTENT_WRITE,
        *_CONFIGS,
    ),
}


def on_topic(access: Access, name: str, *, asked: bool = True) -> int:
    """Return what may be done with a topic, if that was asked."""
    return _bits(access, Kind.TOPIC, name) if asked else NOT_ASKED


def on_group(access: Access, name: str, *, asked: bool = True) -> int:
    """Return what may be done with a group, if that was asked."""
    return _bits(access, Kind.GROUP, name) if asked else NOT_ASKED


def on_cluster(access: Access, *, asked: bool = True) -> int:
    """Return what may be done with the cluster, if that was asked."""
    return _bits(access, Kind.CLUSTER, CLUSTER_NAME) if asked else NOT_ASKED


def _bits(access: Access, kind: Kind, name: str) -> int:
    return sum(
        1 << OPERATION_NUMBERS[each] for each in _OF_KIND[kind] if access.may(each, kind, name)
    )
