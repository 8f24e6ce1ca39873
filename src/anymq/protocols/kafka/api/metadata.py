"""Metadata: which topics there are, and that it is us who lead them."""

from uuid import UUID

from anymq.core.errors import NotFound, Refused
from anymq.core.streams.topic import Topic
from anymq.protocols.kafka import errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import metadata as schema

KEY = 3
VERSIONS = range(14)
TOPIC_IDS = 10
NO_ID = UUID(int=0)


def handle(call: Call, request: schema.MetadataRequest) -> None:
    """Describe what was asked for, or everything."""
    # In version 0 an empty list means all; later it means none, and null means all.
    if request.topics is None or (call.version == 0 and not request.topics):
        topics = [_describe(topic, call) for topic in call.broker.topics.values()]
    else:
        may_create = request.allow_auto_topic_creation or call.version < 4
        topics = [_find(call, wanted, may_create=may_create) for wanted in request.topics]
    host, port = call.session.advertised
    rack = call.session.kafka.settings.rack or None
    node_id = call.broker.node_id
    call.reply(
        schema.MetadataResponse(
            brokers=[
                schema.MetadataResponseBroker(node_id=node_id, host=host, port=port, rack=rack)
            ],
            cluster_id=call.broker.cluster_id,
            controller_id=node_id,
            topics=topics,
        )
    )


def _find(
    call: Call, wanted: schema.MetadataRequestTopic, *, may_create: bool
) -> schema.MetadataResponseTopic:
    """Describe a topic by its name or its id; make it, if that is wished and allowed."""
    broker = call.broker
    try:
        if wanted.name is None or (call.version >= TOPIC_IDS and wanted.topic_id != NO_ID):
            return _describe(broker.topic_by_id(wanted.topic_id), call)
        find = broker.auto_create_topic if may_create else broker.topic
        return _describe(find(wanted.name), call)
    except NotFound:
        return _unknown(wanted)
    except Refused as error:
        return _failed(wanted.name, errors.code_of(error))


def _describe(topic: Topic, call: Call) -> schema.MetadataResponseTopic:
    node_id = call.broker.node_id
    return schema.MetadataResponseTopic(
        error_code=ErrorCode.NONE,
        name=topic.name,
        topic_id=topic.id,
        is_internal=False,
        partitions=[
            schema.MetadataResponsePartition(
                error_code=ErrorCode.NONE,
                partition_index=partition.index,
                leader_id=node_id,
                leader_epoch=partition.leader_epoch,
                replica_nodes=[node_id],
                isr_nodes=[node_id],
                offline_replicas=[],
            )
            for partition in topic.partitions
        ],
    )


def _unknown(wanted: schema.MetadataRequestTopic) -> schema.MetadataResponseTopic:
    if wanted.name is None:
        entry = _failed(None, ErrorCode.UNKNOWN_TOPIC_ID)
        entry.topic_id = wanted.topic_id
        return entry
    return _failed(wanted.name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


def _failed(name: str | None, code: ErrorCode) -> schema.MetadataResponseTopic:
    return schema.MetadataResponseTopic(
        error_code=code, name=name, topic_id=NO_ID, is_internal=False, partitions=[]
    )
