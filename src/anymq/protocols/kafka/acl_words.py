"""How Kafka numbers what ACLs speak of."""

from anymq.core.rights.operations import Kind, Operation

ANY = 1  # in a filter: whatever it is
DENY, ALLOW = 2, 3
MATCH, LITERAL, PREFIXED = 2, 3, 4  # MATCH: in a filter, every rule that is about this name

KIND_NUMBERS: dict[Kind, int] = {
    Kind.TOPIC: 2,
    Kind.GROUP: 3,
    Kind.CLUSTER: 4,
    Kind.TRANSACTIONAL_ID: 5,
}
OPERATION_NUMBERS: dict[Operation, int] = {
    Operation.ALL: 2,
    Operation.READ: 3,
    Operation.WRITE: 4,
    Operation.CREATE: 5,
    Operation.DELETE: 6,
    Operation.ALTER: 7,
    Operation.DESCRIBE: 8,
    Operation.CLUSTER_ACTION: 9,
    Operation.DESCRIBE_CONFIGS: 10,
    Operation.ALTER_CONFIGS: 11,
    Operation.IDEMPOTENT_WRITE: 12,
}
KINDS = {number: kind for kind, number in KIND_NUMBERS.items()}
OPERATIONS = {number: operation for operation, number in OPERATION_NUMBERS.items()}
