"""Metrics by the names that Kafka's have: those of its JMX exporter, and those of kafka-exporter.

Only those that mean something here. A broker that is alone has every partition, and no replica
that is behind.
"""

from collections.abc import Callable, Iterator

from anymq.core.broker import Broker
from anymq.core.streams.partition import Partition
from anymq.management.api.numbers import lags
from anymq.observability.metrics import Metric, Registry, Sample, counter, gauge
from anymq.protocols.kafka.session import Kafka

MESSAGES_IN = counter(
    "kafka_server_brokertopicmetrics_messagesin_total", "Records that Kafka's clients wrote."
)
BYTES_IN = counter("kafka_server_brokertopicmetrics_bytesin_total", "How large they were.")
BYTES_OUT = counter(
    "kafka_server_brokertopicmetrics_bytesout_total", "What Kafka's clients fetched, in bytes."
)
FAILED_PRODUCES = counter(
    "kafka_server_brokertopicmetrics_failedproducerequests_total", "Batches that were refused."
)
PARTITION_COUNT = gauge("kafka_server_replicamanager_partitioncount", "Partitions here.")
LEADER_COUNT = gauge("kafka_server_replicamanager_leadercount", "Of those, led: all.")
UNDER_REPLICATED = gauge(
    "kafka_server_replicamanager_underreplicatedpartitions", "Always 0: there is one replica."
)
OFFLINE = gauge(
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "Partitions that take no more writes until a restart: their disk had an error.",
)
CONTROLLERS = gauge("kafka_controller_kafkacontroller_activecontrollercount", "Always 1.")
REQUESTS = counter("kafka_network_requestmetrics_requests_total", "Requests received.", "request")
CONNECTIONS = gauge("kafka_server_socket_server_metrics_connection_count", "Kafka connections.")

BROKERS = gauge("kafka_brokers", "Always 1.")
GROUP_MEMBERS = gauge("kafka_consumergroup_members", "Members of a group.", "consumergroup")
GROUP_LAG_SUM = gauge(
    "kafka_consumergroup_lag_sum",
    "How far a group is behind in all partitions of a topic.",
    "consumergroup",
    "topic",
)

GROUP_LABELS = ("consumergroup", "topic", "partition")
TOPIC_LABELS = ("topic", "partition")
GROUP_LAG = Metric(
    "kafka_consumergroup_lag", "How far a group is behind in a partition.", "gauge", GROUP_LABELS
)
GROUP_OFFSET = Metric(
    "kafka_consumergroup_current_offset",
    "Where a group will go on in a partition.",
    "gauge",
    GROUP_LABELS,
)
TOPIC_PARTITIONS = Metric("kafka_topic_partitions", "Partitions of a topic.", "gauge", ("topic",))
OF_PARTITION: tuple[tuple[Metric, Callable[[Partition], int]], ...] = (
    (
        Metric("kafka_topic_partition_current_offset", "Its end.", "gauge", TOPIC_LABELS),
        lambda one: one.visible_end,
    ),
    (
        Metric("kafka_topic_partition_oldest_offset", "Its first.", "gauge", TOPIC_LABELS),
        lambda one: one.start,
    ),
    (
        Metric("kafka_log_log_size", "Bytes on the disk.", "gauge", TOPIC_LABELS),
        lambda one: one.log.size_bytes(),
    ),
)


GROUP_METRICS = (GROUP_LAG, GROUP_OFFSET)
TOPIC_METRICS = (TOPIC_PARTITIONS, *(metric for metric, _ in OF_PARTITION))


def watch_as_kafka(registry: Registry, broker: Broker, kafka: Kafka) -> None:
    """Tell the registry where every number comes from."""
    counts = kafka.counters
    registry.read_number(MESSAGES_IN, lambda: counts.records_in)
    registry.read_number(BYTES_IN, lambda: counts.bytes_in)
    registry.read_number(BYTES_OUT, lambda: counts.bytes_out)
    registry.read_number(FAILED_PRODUCES, lambda: counts.produce_failures)
    registry.read_number(PARTITION_COUNT, lambda: broker.partition_count)
    registry.read_number(LEADER_COUNT, lambda: broker.partition_count)
    registry.read_number(UNDER_REPLICATED, lambda: 0)
    registry.read_number(
        OFFLINE, lambda: sum(one.log.failed is not None for one in partitions(broker))
    )
    registry.read_number(CONTROLLERS, lambda: 1)
    registry.read(REQUESTS, lambda: [(api, n) for (_, api), n in counts.by_kind().items()])
    registry.read_number(CONNECTIONS, lambda: len(kafka.sessions))
    registry.read_number(BROKERS, lambda: 1)
    registry.read(GROUP_MEMBERS, lambda: _members(broker))
    registry.read(GROUP_LAG_SUM, lambda: _lag_sums(broker))


def watch_groups(registry: Registry, broker: Broker) -> None:
    """The same for each partition that a group reads."""
    registry.read(GROUP_LAG, lambda: _lags(broker))
    registry.read(GROUP_OFFSET, lambda: _offsets(broker))


def watch_topics(registry: Registry, broker: Broker) -> None:
    """The same for each partition."""
    registry.read(
        TOPIC_PARTITIONS,
        lambda: ((name, len(one.partitions)) for name, one in list(broker.topics.items())),
    )
    for metric, number in OF_PARTITION:
        registry.read(metric, _by_partition(broker, number))


def partitions(broker: Broker) -> list[Partition]:
    """Return those of this moment: while they are gone through, there may be others."""
    return [partition for topic in broker.topics.values() for partition in topic.partitions]


def _by_partition(
    broker: Broker, number: Callable[[Partition], int]
) -> Callable[[], Iterator[Sample]]:
    return lambda: ((one.topic_name, one.index, number(one)) for one in partitions(broker))


def _members(broker: Broker) -> Iterator[Sample]:
    for group in sorted(broker.groups.names()):
        yield group, len(broker.groups.describe(group).members)


def _lag_sums(broker: Broker) -> Iterator[Sample]:
    for group in sorted(broker.groups.names()):
        sums: dict[str, int] = {}
        for one in lags(broker, group):
            sums[one.topic] = sums.get(one.topic, 0) + (one.lag or 0)
        for topic, lag in sums.items():
            yield group, topic, lag


def _lags(broker: Broker) -> Iterator[Sample]:
    for group in sorted(broker.groups.names()):
        for one in lags(broker, group):
            if one.lag is not None:
                yield group, one.topic, one.partition, one.lag


def _offsets(broker: Broker) -> Iterator[Sample]:
    for group in sorted(broker.groups.names()):
        for one in lags(broker, group):
            yield group, one.topic, one.partition, one.committed
