"""Topics: list, describe, create, delete, grow; and deleting records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from anymq.cli.kafka.cluster import Cluster, PartitionInfo, TopicInfo
from anymq.cli.kafka.connection import Connection
from anymq.cli.kafka.errors import RequestRefused, check, error_code, error_text
from anymq.cli.kafka.offsets import Where, by_leader
from anymq.protocols.kafka.schema.generated import (
    create_partitions,
    create_topics,
    delete_records,
    delete_topics,
    describe_topic_partitions,
)

TIMEOUT_MS = 30_000
BROKER_DECIDES = -1


def describe(cluster: Cluster, names: Sequence[str]) -> list[TopicInfo]:
    """Return these topics, in order; with eligible leaders where the broker tells."""
    found = cluster.topics(names)
    topics = [found[name] for name in names]
    if names and cluster.any_connection().knows(describe_topic_partitions):
        eligible = _eligible(cluster.any_connection(), names)
        return [_with_eligible(topic, eligible.get(topic.name, {})) for topic in topics]
    return topics


Eligible = dict[int, describe_topic_partitions.DescribeTopicPartitionsResponsePartition]


def _eligible(connection: Connection, names: Sequence[str]) -> dict[str, Eligible]:
    """Ask page by page."""
    found: dict[str, Eligible] = {name: {} for name in names}
    wanted = [describe_topic_partitions.TopicRequest(name) for name in sorted(names)]
    cursor: describe_topic_partitions.Cursor | None = None
    while True:
        request = describe_topic_partitions.DescribeTopicPartitionsRequest(wanted, 2000, cursor)
        answer = connection.call(describe_topic_partitions, request)
        for topic in answer.topics:
            found.setdefault(topic.name or "", {}).update(
                {each.partition_index: each for each in topic.partitions}
            )
        cursor = answer.next_cursor
        if cursor is None:
            return found
        wanted = [each for each in wanted if each.name >= cursor.topic_name]


def _with_eligible(topic: TopicInfo, eligible: Eligible) -> TopicInfo:
    def complete(partition: PartitionInfo) -> PartitionInfo:
        told = eligible.get(partition.index)
        if told is None:
            return partition
        return replace(
            partition, eligible=told.eligible_leader_replicas, last_eligible=told.last_known_elr
        )

    return replace(topic, partitions=[complete(each) for each in topic.partitions])


def create(
    cluster: Cluster,
    name: str,
    *,
    partitions: int = BROKER_DECIDES,
    replication: int = BROKER_DECIDES,
    assignment: Mapping[int, Sequence[int]] | None = None,
    configs: Mapping[str, str] | None = None,
) -> None:
    """Make a topic; RequestRefused says why not."""
    topic = create_topics.CreatableTopic(
        name,
        BROKER_DECIDES if assignment else partitions,
        BROKER_DECIDES if assignment else replication,
        [
            create_topics.CreatableReplicaAssignment(index, list(brokers))
            for index, brokers in (assignment or {}).items()
        ],
        [create_topics.CreatableTopicConfig(*each) for each in (configs or {}).items()],
    )
    request = create_topics.CreateTopicsRequest([topic], TIMEOUT_MS)
    for each in cluster.ask_controller(create_topics, request).topics:
        check(each.error_code, each.error_message)


def delete(cluster: Cluster, names: Sequence[str]) -> dict[str, RequestRefused | None]:
    """Delete topics; return for each why not, if so."""
    states = [delete_topics.DeleteTopicState(name) for name in names]
    request = delete_topics.DeleteTopicsRequest(states, list(names), TIMEOUT_MS)
    answer = cluster.ask_controller(delete_topics, request)
    return {
        each.name or "": refusal(each.error_code, each.error_message) for each in answer.responses
    }


def grow(
    cluster: Cluster,
    totals: Mapping[str, int],
    assignments: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> None:
    """Give topics more partitions."""
    topics = [
        create_partitions.CreatePartitionsTopic(
            name, total, _brokers((assignments or {}).get(name))
        )
        for name, total in totals.items()
    ]
    request = create_partitions.CreatePartitionsRequest(topics, TIMEOUT_MS)
    for each in cluster.ask_controller(create_partitions, request).results:
        check(each.error_code, each.error_message)


def _brokers(
    assignment: Sequence[Sequence[int]] | None,
) -> list[create_partitions.CreatePartitionsAssignment] | None:
    if not assignment:
        return None
    return [create_partitions.CreatePartitionsAssignment(list(each)) for each in assignment]


def delete_before(
    cluster: Cluster, offsets: Mapping[Where, int]
) -> dict[Where, int | RequestRefused]:
    """Delete records before these offsets; return where each partition starts now."""
    results: dict[Where, int | RequestRefused] = {}
    for leader, group in by_leader(cluster, offsets).items():
        topics: dict[str, list[delete_records.DeleteRecordsPartition]] = {}
        for topic, index in group:
            wanted = delete_records.DeleteRecordsPartition(index, offsets[topic, index])
            topics.setdefault(topic, []).append(wanted)
        request = delete_records.DeleteRecordsRequest(
            [delete_records.DeleteRecordsTopic(*each) for each in topics.items()], TIMEOUT_MS
        )
        for topic_result in cluster.ask(delete_records, request, leader).topics:
            for each in topic_result.partitions:
                where = (topic_result.name, each.partition_index)
                results[where] = refusal(each.error_code) or each.low_watermark
    return results


def refusal(number: int, message: str | None = None) -> RequestRefused | None:
    """Return the error that a code stands for, None if it is none."""
    return RequestRefused(error_code(number), error_text(number, message)) if number else None
