"""ListPartitionReassignments: on a single node nothing ever moves."""

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import list_partition_reassignments as schema

KEY = 46
VERSIONS = range(1)


def handle(call: Call, _: schema.ListPartitionReassignmentsRequest) -> None:
    """Answer that nothing is on its way."""
    response = schema.ListPartitionReassignmentsResponse()
    denied = authorization.cluster_error(call, Operation.DESCRIBE)
    if denied:
        errors.refuse(response, denied, "Cluster authorization failed.")
    call.reply(response)
