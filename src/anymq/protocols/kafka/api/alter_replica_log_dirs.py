"""AlterReplicaLogDirs: there is one directory, and everything is in it already."""

from anymq.core.broker import Broker
from anymq.core.errors import NotFound
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.api.describe_log_dirs import directory_of
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import alter_replica_log_dirs as schema

KEY = 34
VERSIONS = range(1, 3)

Topic = schema.AlterReplicaLogDirTopicResult
Partition = schema.AlterReplicaLogDirPartitionResult


def handle(call: Call, request: schema.AlterReplicaLogDirsRequest) -> None:
    """Answer for each partition, whatever directory it was to go to."""
    denied = authorization.cluster_error(call, Operation.ALTER)
    answers: dict[str, Topic] = {}
    for directory in request.dirs:
        for topic in directory.topics:
            answer = answers.setdefault(topic.name, Topic(topic.name))
            answer.partitions.extend(
                Partition(index, denied or _code(call.broker, topic.name, index, directory.path))
                for index in topic.partitions
            )
    call.reply(schema.AlterReplicaLogDirsResponse(results=list(answers.values())))


def _code(broker: Broker, name: str, index: int, path: str) -> ErrorCode:
    if path != directory_of(broker):
        return ErrorCode.LOG_DIR_NOT_FOUND
    try:
        broker.topic(name).partition(index)
    except NotFound as error:
        return errors.code_of(error)
    return ErrorCode.NONE
