"""ElectLeaders: never needed on a single node: it leads all there is."""

from anymq.core.broker import Broker
from anymq.core.errors import NotFound
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import elect_leaders as schema

KEY = 43
VERSIONS = range(3)

PREFERRED = 0
UNCLEAN = 1


def handle(call: Call, request: schema.ElectLeadersRequest) -> None:
    """Answer for each partition; who asks for all of them hears of none, as from Kafka."""
    denied = authorization.cluster_error(call, Operation.ALTER)
    if denied:
        call.reply(schema.ElectLeadersResponse(error_code=denied))
        return
    if request.election_type not in (PREFERRED, UNCLEAN):
        call.reply(schema.ElectLeadersResponse(error_code=ErrorCode.INVALID_REQUEST))
        return
    results = [
        schema.ReplicaElectionResult(
            topic.topic, [_answer(call.broker, topic.topic, index) for index in topic.partitions]
        )
        for topic in request.topic_partitions or ()
    ]
    call.reply(schema.ElectLeadersResponse(replica_election_results=results))


def _answer(broker: Broker, name: str, index: int) -> schema.PartitionResult:
    entry = schema.PartitionResult(index)
    try:
        broker.topic(name).partition(index)
    except NotFound as error:
        errors.explain(entry, error)
    else:
        why = "Leader election not needed for topic partition."
        errors.refuse(entry, ErrorCode.ELECTION_NOT_NEEDED, why)
    return entry
