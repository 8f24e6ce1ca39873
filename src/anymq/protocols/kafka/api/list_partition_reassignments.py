"""ListPartitionReassignments: on a single node nothing ever moves."""

from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import list_partition_reassignments as schema

KEY = 46
VERSIONS = range(1)


def handle(call: Call, _: schema.ListPartitionReassignmentsRequest) -> None:
    """Answer that nothing is on its way."""
    call.reply(schema.ListPartitionReassignmentsResponse())
