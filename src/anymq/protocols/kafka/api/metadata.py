"""Metadata: which topics there are and who leads them: always we."""

from functools import partial
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
NOT_ASKED_FOR_RIGHTS = -(2**31)
NO_ID = UUID(int=0)


def handle(call: Call, request: schema.MetadataRequest) -> None:
    """Answer; topics that are made on the way are waited for."""
    answer = _Answer(call)
    # In version 0 an empty list means all; later it means none, and null means all.
    if request.topics is None or (call.version == 0 and not request.topics):
        for topic in call.broker.topics.values():
            answer.add(_describe(topic))
    else:
        may_create = request.allow_auto_topic_creation or call.version < 4
        for wanted in request.topics:
            answer.add_wanted(wanted, may_create=may_create)
    answer.one_less()


class _Answer:
    """The response, waiting for the topics that are being made."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._open = 1
        self._topics: list[schema.MetadataResponseTopic] = []

    def add(self, topic: schema.MetadataResponseTopic) -> None:
        self._topics.append(topic)

    def add_wanted(self, wanted: schema.MetadataRequestTopic, *, may_create: bool) -> None:
        """Describe what was asked for, by its name or its id."""
        broker = self._call.broker
        try:
            if wanted.name is None or (self._call.version >= TOPIC_IDS and wanted.topic_id != NO_ID):
                self.add(_describe(broker.topic_by_id(wanted.topic_id)))
            elif wanted.name not in broker.topics and may_create and broker.auto_create_topics:
                self._create(wanted.name)
            else:
                self.add(_describe(broker.topic(wanted.name)))
        except NotFound:
            self.add(_unknown(wanted))
        except Refused as error:
            self.add(_failed(wanted.name, errors.code_of(error)))

    def _create(self, name: str) -> None:
        self._open += 1
        self._call.broker.auto_create_topic(name, then=partial(self._created, name))

    def _created(self, name: str, error: Exception | None) -> None:
        if error is None:
            self.add(_describe(self._call.broker.topic(name)))
        else:
            self.add(_failed(name, errors.code_of(error)))
        self.one_less()

    def one_less(self) -> None:
        """Send the answer when nothing is waited for."""
        self._open -= 1
        if self._open == 0:
            self._call.reply(self._response())

    def _response(self) -> schema.MetadataResponse:
        broker = self._call.broker
        host, port = self._call.session.advertised
        return schema.MetadataResponse(
            brokers=[
                schema.MetadataResponseBroker(
                    node_id=broker.node_id, host=host, port=port, rack=broker.rack
                )
            ],
            cluster_id=broker.cluster_id,
            controller_id=broker.node_id,
            topics=self._topics,
        )


def _describe(topic: Topic) -> schema.MetadataResponseTopic:
    return schema.MetadataResponseTopic(
        error_code=ErrorCode.NONE,
        name=topic.name,
        topic_id=topic.id,
        is_internal=False,
        partitions=[
            schema.MetadataResponsePartition(
                error_code=ErrorCode.NONE,
                partition_index=partition.index,
                leader_id=topic.node_id,
                leader_epoch=partition.leader_epoch,
                replica_nodes=[topic.node_id],
                isr_nodes=[topic.node_id],
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
