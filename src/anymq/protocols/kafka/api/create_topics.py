"""CreateTopics: make topics; each is answered when a restart would find it."""

from collections import Counter
from functools import partial

from anymq.core.catalog import Then
from anymq.core.errors import Conflict
from anymq.core.rights.operations import Operation
from anymq.core.streams import naming
from anymq.core.streams.errors import InvalidConfig, InvalidPartitions
from anymq.core.streams.topic import Topic
from anymq.core.streams.topic_config import TopicConfig
from anymq.core.streams.topic_configs import TOPIC_CONFIGS
from anymq.protocols.kafka import authorization, errors, placement
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.placement import InvalidAssignment
from anymq.protocols.kafka.primitives import NULL_UUID, MalformedFrame
from anymq.protocols.kafka.schema.generated import create_topics as schema

KEY = 19
VERSIONS = range(2, 8)
REPLICATION_FACTOR = 1

DEFAULT = -1
TOPICS_MAX = 10_000  # as in Kafka: each takes time, and nobody else is served meanwhile


def handle(call: Call, request: schema.CreateTopicsRequest) -> None:
    """Make each, or only say whether it could be made."""
    if len(request.topics) > TOPICS_MAX:
        raise MalformedFrame(f"{len(request.topics)} topics to make, {TOPICS_MAX} at a time")
    response = schema.CreateTopicsResponse()
    pending = Pending(call, response, request.timeout_ms)
    times_named = Counter(wanted.name for wanted in request.topics)
    create = _check if request.validate_only else _create
    for wanted in request.topics:
        times = times_named.pop(wanted.name, 0)
        if times == 0:
            continue  # answered where it was named first
        entry = schema.CreatableTopicResult(name=wanted.name)
        response.topics.append(entry)
        if times > 1:
            errors.refuse(entry, ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
        else:
            pending.ask(entry, partial(create, call, wanted, entry))
    pending.all_asked()


def _create(
    call: Call, wanted: schema.CreatableTopic, entry: schema.CreatableTopicResult, then: Then
) -> None:
    _authorize(call, wanted.name)
    partitions = _partitions(call, wanted)
    config = _config(wanted)
    naming.check_name(wanted.name)
    topic: Topic = call.broker.create_topic(
        wanted.name, partitions, config, partial(_created, entry, then)
    )
    if entry.error_code == ErrorCode.NONE:
        entry.topic_id = topic.id
        _describe(call, entry, len(topic.partitions), topic.config)


def _authorize(call: Call, name: str) -> None:
    """Who may make topics may make any; others those that they may configure."""
    if not call.session.access.may_cluster(Operation.CREATE):
        authorization.topic(call, Operation.CREATE, name)


def _created(entry: schema.CreatableTopicResult, then: Then, error: Exception | None) -> None:
    if error is not None:
        entry.topic_id = NULL_UUID
        entry.num_partitions = entry.replication_factor = -1
        entry.configs = None
    then(error)


def _check(
    call: Call, wanted: schema.CreatableTopic, entry: schema.CreatableTopicResult, then: Then
) -> None:
    broker = call.broker
    _authorize(call, wanted.name)
    partitions = _partitions(call, wanted)
    naming.check_name(wanted.name)
    overrides = broker.check_topic(wanted.name, partitions, _config(wanted))
    count = broker.default_partitions if partitions is None else partitions
    _describe(call, entry, count, TopicConfig(overrides, broker.config.topic_defaults))
    then(None)


def _partitions(call: Call, wanted: schema.CreatableTopic) -> int | None:
    """Return how many partitions; None: as many as the broker likes."""
    if wanted.name in call.broker.topics:
        # Before anything else: who asks for a topic that may be there wants to know this.
        raise Conflict(f"Topic '{wanted.name}' already exists.")
    if wanted.assignments:
        return _assigned(wanted, call.broker.node_id)
    lenient = call.session.kafka.settings.lenient_replication
    placement.check_factor(wanted.replication_factor, lenient=lenient)
    if wanted.num_partitions == 0 or wanted.num_partitions < DEFAULT:
        raise InvalidPartitions("Number of partitions was set to an invalid non-positive value.")
    return None if wanted.num_partitions == DEFAULT else wanted.num_partitions


def _assigned(wanted: schema.CreatableTopic, node_id: int) -> int:
    """Return how many partitions the client has given a place."""
    if wanted.replication_factor != DEFAULT:
        raise InvalidRequest(
            "A manual partition assignment was specified, but replication factor was not set to -1."
        )
    if wanted.num_partitions != DEFAULT:
        raise InvalidRequest(
            "A manual partition assignment was specified, but numPartitions was not set to -1."
        )
    seen: set[int] = set()
    for one in wanted.assignments:
        if one.partition_index in seen:
            raise InvalidAssignment(
                f"Found multiple manual partition assignments for partition {one.partition_index}"
            )
        placement.check_replicas(one.broker_ids, node_id)
        seen.add(one.partition_index)
    if seen != set(range(len(seen))):
        raise InvalidAssignment("partitions should be a consecutive 0-based integer sequence")
    return len(seen)


def _config(wanted: schema.CreatableTopic) -> dict[str, str | None]:
    nulls = [config.name for config in wanted.configs if config.value is None]
    if nulls:
        raise InvalidConfig(f"Null value not supported for topic configs: {','.join(nulls)}")
    return {config.name: config.value for config in wanted.configs}


def _describe(
    call: Call, entry: schema.CreatableTopicResult, partitions: int, config: TopicConfig
) -> None:
    if not authorization.may_topic(call, Operation.DESCRIBE_CONFIGS, entry.name):
        entry.topic_config_error_code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        return
    entry.num_partitions = partitions
    entry.replication_factor = REPLICATION_FACTOR
    entry.configs = [
        schema.CreatableTopicConfigs(
            name=name, value=config.value(name), config_source=config.source(name)
        )
        for name, declared in TOPIC_CONFIGS.items()
        if not declared.hidden
    ]
