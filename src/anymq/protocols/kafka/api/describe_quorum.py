"""DescribeQuorum: who keeps the definitions: on a single node this one, alone."""

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import describe_quorum as schema

KEY = 55
VERSIONS = range(3)
TOPIC = "__cluster_metadata"  # what Kafka calls the log of its definitions
PARTITION = 0


def handle(call: Call, request: schema.DescribeQuorumRequest) -> None:
    """Answer with ourselves; epoch and offsets stay 0: our definitions are no log of Kafka's."""
    denied = authorization.cluster_error(call, Operation.DESCRIBE)
    if denied:
        response = schema.DescribeQuorumResponse()
        errors.refuse(response, denied, "Cluster authorization failed.")
        call.reply(response)
        return
    asked = [
        (topic.topic_name, one.partition_index)
        for topic in request.topics
        for one in topic.partitions
    ]
    if asked != [(TOPIC, PARTITION)]:
        response = schema.DescribeQuorumResponse()
        why = f"only partition {PARTITION} of {TOPIC} can be described"
        errors.refuse(response, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, why)
        call.reply(response)
        return
    host, port = call.session.advertised
    node_id = call.broker.node_id
    partition = schema.PartitionDataResult(
        partition_index=PARTITION,
        leader_id=node_id,
        current_voters=[schema.ReplicaState(node_id)],
    )
    nodes = [schema.Node(node_id, [schema.Listener("CONTROLLER", host, port)])]
    call.reply(
        schema.DescribeQuorumResponse(
            topics=[schema.TopicDataResult(TOPIC, [partition])], nodes=nodes
        )
    )
