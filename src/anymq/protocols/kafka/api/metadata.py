"""Metadata: which topics there are and who leads them: always we."""

from functools import partial

from anymq.core.broker import Broker
from anymq.core.catalog import Then
from anymq.core.errors import NotFound, Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.places import Spot
from anymq.core.streams import naming
from anymq.core.streams.topic import Topic
from anymq.protocols.kafka import authorization, errors, operations
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.primitives import NULL_UUID, MalformedFrame
from anymq.protocols.kafka.schema.generated import metadata as schema

KEY = 3
VERSIONS = range(14)
NEW_MAX = 10_000  # topics a client may ask for that are not there: each costs us time
NONE_MEANS_ALL = 0  # the version in which an empty list is no list
MAY_NOT_CREATE = 4
TOPIC_IDS = 12  # the schema has them from 10 on, brokers take them from here on
# By one request: nobody else is served meanwhile. Clients ask again for those that are not there.
CREATED_MAX = 500

Entry = schema.MetadataResponseTopic


def handle(call: Call, request: schema.MetadataRequest) -> None:
    """Answer; topics that are made on the way are waited for."""
    rights_asked = request.include_topic_authorized_operations
    response = _about_us(call, request)
    pending = Pending(call, response)
    if request.topics is None or (call.version == NONE_MEANS_ALL and not request.topics):
        for topic in call.broker.topics.values():
            if authorization.may_topic(call, Operation.DESCRIBE, topic.name):
                response.topics.append(_describe(Entry(), topic))
    elif len(request.topics) > len(call.broker.topics) + NEW_MAX:
        raise MalformedFrame(f"Metadata of {len(request.topics)} topics, more than there are")
    else:
        may_create = request.allow_auto_topic_creation or call.version < MAY_NOT_CREATE
        room = len(call.broker.topics) + CREATED_MAX
        for topic_id, name in dict.fromkeys((one.topic_id, one.name) for one in request.topics):
            entry = Entry(name=name, topic_id=topic_id)
            response.topics.append(entry)
            has_room = len(call.broker.topics) < room
            _answer(call, entry, pending, may_create=may_create and has_room)
    for entry in response.topics:
        known = rights_asked and entry.name is not None
        entry.topic_authorized_operations = operations.on_topic(
            call.session.access, entry.name or "", asked=known
        )
    pending.all_asked()


def _about_us(call: Call, request: schema.MetadataRequest) -> schema.MetadataResponse:
    session, broker = call.session, call.broker
    host, port = session.advertised
    rack = session.kafka.settings.rack or None
    return schema.MetadataResponse(
        brokers=[schema.MetadataResponseBroker(broker.node_id, host, port, rack)],
        cluster_id=broker.cluster_id,
        controller_id=broker.node_id,
        cluster_authorized_operations=operations.on_cluster(
            session.access, asked=request.include_cluster_authorized_operations
        ),
    )


def _answer(call: Call, entry: Entry, pending: Pending, *, may_create: bool) -> None:
    """Describe what was asked for, by its name or its id."""
    broker, name = call.broker, entry.name
    try:
        if name is None or entry.topic_id != NULL_UUID:
            spot = _by_id(call, entry)
            authorization.topic(call, Operation.DESCRIBE, spot.name)
            if spot.topic is not None:
                _describe(entry, spot.topic)
            else:
                _describe_queue(entry, broker, spot)
            return
        authorization.topic(call, Operation.DESCRIBE, name)
        if (queue := _queue(broker, name)) is not None:
            _describe_queue(entry, broker, queue)
        elif name in broker.topics or not _creates(broker, name, may_create):
            _describe(entry, broker.topic(name))
        else:
            if not call.session.access.may_cluster(Operation.CREATE):
                authorization.topic(call, Operation.CREATE, name)
            pending.ask(entry, partial(_create, broker, entry, name))
    except Refused as error:
        errors.explain(entry, error)


def _queue(broker: Broker, name: str) -> Spot | None:
    """Return the queue of this name, unless a topic has it: it is a topic of one partition."""
    return None if name in broker.topics else broker.shares.spots.find(name)


def _by_id(call: Call, entry: Entry) -> Spot:
    if call.version < TOPIC_IDS:
        entry.name = entry.name or ""  # before 12 it cannot be left out of the answer
        raise InvalidRequest("topic ids come with version 12")
    return call.broker.shares.spots.find_id(entry.topic_id)


def _creates(broker: Broker, name: str, may_create: bool) -> bool:
    naming.check_name(name)
    return may_create and broker.auto_create_topics


def _create(broker: Broker, entry: Entry, name: str, then: Then) -> None:
    def created(error: Exception | None) -> None:
        topic = broker.topics.get(name)
        if error is None and topic is not None:
            _describe(entry, topic)
        elif error is None:
            error = NotFound(f"topic {name!r} is deleted already")
        then(error)

    broker.auto_create_topic(name, created)


def _describe(entry: Entry, topic: Topic) -> Entry:
    entry.name, entry.topic_id = topic.name, topic.id
    node_id = topic.node_id
    entry.partitions = [
        schema.MetadataResponsePartition(
            partition_index=partition.index,
            leader_id=node_id,
            leader_epoch=partition.leader_epoch,
            replica_nodes=[node_id],
            isr_nodes=[node_id],
        )
        for partition in topic.partitions
    ]
    return entry


def _describe_queue(entry: Entry, broker: Broker, spot: Spot) -> None:
    node = broker.node_id
    entry.name, entry.topic_id = spot.name, spot.id
    entry.partitions = [
        schema.MetadataResponsePartition(
            partition_index=0,
            leader_id=node,
            leader_epoch=0,
            replica_nodes=[node],
            isr_nodes=[node],
        )
    ]
