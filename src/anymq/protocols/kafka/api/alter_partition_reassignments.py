"""AlterPartitionReassignments: on a single node, everything is where it can be."""

from anymq.core.broker import Broker
from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors, placement
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import alter_partition_reassignments as schema

KEY = 45
VERSIONS = range(2)


def handle(call: Call, request: schema.AlterPartitionReassignmentsRequest) -> None:
    """Answer for each partition: it may go where it is, and there is nothing to cancel."""
    denied = authorization.cluster_error(call, Operation.ALTER)
    if denied:
        response = schema.AlterPartitionReassignmentsResponse()
        errors.refuse(response, denied, "Cluster authorization failed.")
        call.reply(response)
        return
    responses = [
        schema.ReassignableTopicResponse(
            topic.name, [_answer(call.broker, topic.name, wanted) for wanted in topic.partitions]
        )
        for topic in request.topics
    ]
    call.reply(
        schema.AlterPartitionReassignmentsResponse(
            allow_replication_factor_change=request.allow_replication_factor_change,
            responses=responses,
        )
    )


def _answer(
    broker: Broker, name: str, wanted: schema.ReassignablePartition
) -> schema.ReassignablePartitionResponse:
    entry = schema.ReassignablePartitionResponse(wanted.partition_index)
    try:
        broker.topic(name).partition(wanted.partition_index)
        if wanted.replicas is None:
            why = "No partition reassignment is in progress."
            errors.refuse(entry, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, why)
        else:
            placement.check_replicas(wanted.replicas, broker.node_id)
    except Refused as error:
        errors.explain(entry, error)
    return entry
