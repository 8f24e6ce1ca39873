"""Operations: what is done with topics, groups and the cluster, finer than three rights say it.

The words are those of Kafka's ACLs. Each stands for a right in a virtual host (by its patterns),
or for a tag: so a user may do the same by every protocol.
"""

from enum import StrEnum

from anymq.core.rights.permit import CONFIGURE, READ, WRITE


class Kind(StrEnum):
    """What things are."""

    TOPIC = "topic"
    GROUP = "group"
    CLUSTER = "cluster"
    TRANSACTIONAL_ID = "transactional-id"


class Operation(StrEnum):
    """What is done with them."""

    ALL = "all"
    READ = "read"
    WRITE = "write"
    CREATE = "create"
    DELETE = "delete"
    ALTER = "alter"
    DESCRIBE = "describe"
    CLUSTER_ACTION = "cluster-action"
    DESCRIBE_CONFIGS = "describe-configs"
    ALTER_CONFIGS = "alter-configs"
    IDEMPOTENT_WRITE = "idempotent-write"


# Which right in the virtual host it takes. Whoever may do anything may know that it is there.
_ANY = (CONFIGURE, WRITE, READ)
PERMISSIONS: dict[Operation, tuple[str, ...]] = {
    Operation.READ: (READ,),
    Operation.WRITE: (WRITE,),
    Operation.CREATE: (CONFIGURE,),
    Operation.DELETE: (CONFIGURE,),
    Operation.ALTER: (CONFIGURE,),
    Operation.ALTER_CONFIGS: (CONFIGURE,),
    Operation.DESCRIBE: _ANY,
    Operation.DESCRIBE_CONFIGS: _ANY,
}

# The other way round: what a right lets one do with a topic that is used as a queue.
OPERATIONS: dict[str, tuple[Operation, ...]] = {
    READ: (Operation.READ,),
    WRITE: (Operation.WRITE,),
    CONFIGURE: (
        Operation.CREATE,
        Operation.DELETE,
        Operation.ALTER,
        Operation.ALTER_CONFIGS,
    ),
}

# What an ACL that allows one of these allows, too.
IMPLIED_BY: dict[Operation, tuple[Operation, ...]] = {
    Operation.DESCRIBE: (
        Operation.READ,
        Operation.WRITE,
        Operation.DELETE,
        Operation.ALTER,
    ),
    Operation.DESCRIBE_CONFIGS: (Operation.ALTER_CONFIGS,),
}

# What a tag lets one do with the cluster. Topics are made by those who may configure them.
CLUSTER_BY_TAG: dict[str, frozenset[Operation]] = {
    "administrator": frozenset(Operation) - {Operation.ALL, Operation.CREATE},
    "monitoring": frozenset({Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS}),
}
