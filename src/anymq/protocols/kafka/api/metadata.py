"""Metadata: which topics there are and who leads them: always we."""

from functools import partial

from anymq.core.errors import NotFound, Refused
from anymq.core.streams import naming
from anymq.core.streams.topic import Topic
from anymq.protocols.kafka import errors, operations
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.primitives import NULL_UUID, MalformedFrame
from anymq.protocols.kafka.schema.generated import metadata as schema

KEY = 3
VERSIONS = range(14)
NEW_MAX = 10_000  # topics a client may ask for that are not there: each costs us time
NONE_MEANS_ALL = 0  # the version in which an empty list is no list
MAY_NOT_CREATE = 4
TOPIC_IDS = 12  # the schema has them from 10 on, the broker takes them from here on


def handle(call: Call, request: schema.MetadataRequest) -> None:
    """Answer; topics that are made on the way are waited for."""
    answer = _Answer(call, request)
    if request.topics is None or (call.version == NONE_MEANS_ALL and not request.topics):
        for topic in call.broker.topics.values():
            answer.add(_describe(topic))
    elif len(request.topics) > len(call.broker.topics) + NEW_MAX:
        raise MalformedFrame(f"Metadata of {len(request.topics)} topics, more than there are")
    else:
        for topic_id, name in dict.fromkeys((one.topic_id, one.name) for one in request.topics):
            answer.add_wanted(schema.MetadataRequestTopic(topic_id, name))
    answer.one_less()


class _Answer:
    """The response, waiting for the topics that are being made."""

    def __init__(self, call: Call, request: schema.MetadataRequest) -> None:
        self._call = call
        self._request = request
        self._may_create = request.allow_auto_topic_creation or call.version < MAY_NOT_CREATE
        self._open = 1
        self._topics: list[schema.MetadataResponseTopic] = []

    def add(self, topic: schema.MetadataResponseTopic) -> None:
        """Put this into the response."""
        self._topics.append(topic)

    def add_wanted(self, wanted: schema.MetadataRequestTopic) -> None:
        """Describe what was asked for, by its name or its id."""
        try:
            if wanted.name is None or wanted.topic_id != NULL_UUID:
                self.add(_describe(self._by_id(wanted)))
            elif wanted.name in self._call.broker.topics or not self._creates(wanted.name):
                self.add(_describe(self._call.broker.topic(wanted.name)))
            else:
                self._create(wanted.name)
        except Refused as error:
            self.add(_failed(wanted, errors.code_of(error)))

    def _by_id(self, wanted: schema.MetadataRequestTopic) -> Topic:
        if self._call.version < TOPIC_IDS:
            wanted.name = wanted.name or ""  # before 12 it cannot be left out of the answer
            raise InvalidRequest("topic ids come with version 12")
        return self._call.broker.topic_by_id(wanted.topic_id)

    def _creates(self, name: str) -> bool:
        naming.check_name(name)
        return self._may_create and self._call.broker.auto_create_topics

    def _create(self, name: str) -> None:
        self._open += 1
        try:
            self._call.broker.auto_create_topic(name, then=partial(self._created, name))
        except Refused:
            self._open -= 1
            raise

    def _created(self, name: str, error: Exception | None) -> None:
        wanted = schema.MetadataRequestTopic(name=name)
        if error is not None:
            self.add(_failed(wanted, errors.code_of(error)))
        else:
            try:
                self.add(_describe(self._call.broker.topic(name)))
            except NotFound:  # deleted already
                self.add(_failed(wanted, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
        self.one_less()

    def one_less(self) -> None:
        """Send the answer when nothing is waited for."""
        self._open -= 1
        if self._open == 0:
            self._call.reply(self._response())

    def _response(self) -> schema.MetadataResponse:
        session, broker, request = self._call.session, self._call.broker, self._request
        host, port = session.advertised
        rack = session.kafka.settings.rack or None
        if request.include_topic_authorized_operations:
            for topic in self._topics:
                topic.topic_authorized_operations = operations.TOPIC
        return schema.MetadataResponse(
            brokers=[schema.MetadataResponseBroker(broker.node_id, host, port, rack)],
            cluster_id=broker.cluster_id,
            controller_id=broker.node_id,
            topics=self._topics,
            cluster_authorized_operations=operations.if_asked(
                request.include_cluster_authorized_operations, operations.CLUSTER
            ),
        )


def _describe(topic: Topic) -> schema.MetadataResponseTopic:
    return schema.MetadataResponseTopic(
        name=topic.name,
        topic_id=topic.id,
        partitions=[
            schema.MetadataResponsePartition(
                partition_index=partition.index,
                leader_id=topic.node_id,
                leader_epoch=partition.leader_epoch,
                replica_nodes=[topic.node_id],
                isr_nodes=[topic.node_id],
            )
            for partition in topic.partitions
        ],
    )


def _failed(wanted: schema.MetadataRequestTopic, code: ErrorCode) -> schema.MetadataResponseTopic:
    return schema.MetadataResponseTopic(error_code=code, name=wanted.name, topic_id=wanted.topic_id)
