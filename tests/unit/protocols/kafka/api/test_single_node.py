"""What operators ask of a cluster, answered by one node."""

import pytest

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    alter_partition_reassignments,
    alter_replica_log_dirs,
    create_topics,
    describe_client_quotas,
    describe_log_dirs,
    describe_producers,
    describe_quorum,
    elect_leaders,
    list_partition_reassignments,
    produce,
)
from anymq.storage import records
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    client.ask(create_topics.CreateTopicsRequest([create_topics.CreatableTopic("orders", 2, 1)]))
    batch = records.build([Record(b"x")], producer_id=7, producer_epoch=2, base_sequence=0)
    data = [produce.PartitionProduceData(0, batch)]
    topics = [produce.TopicProduceData("orders", partition_data=data)]
    client.ask(produce.ProduceRequest(None, -1, 1000, topics), 9)
    return client


def test_how_much_disk_each_partition_takes(client: KafkaDialog) -> None:
    (directory,) = client.ask(describe_log_dirs.DescribeLogDirsRequest()).results
    sizes = {one.partition_index: one.partition_size for one in directory.topics[0].partitions}
    assert directory.log_dir
    assert sizes.keys() == {0, 1}
    assert sizes[0] > sizes[1] == 0


def test_only_the_partitions_asked_for(client: KafkaDialog) -> None:
    wanted = [
        describe_log_dirs.DescribableLogDirTopic("orders", [1, 9]),
        describe_log_dirs.DescribableLogDirTopic("nothing", [0]),
    ]
    (directory,) = client.ask(describe_log_dirs.DescribeLogDirsRequest(wanted)).results
    said = [
        (topic.name, [p.partition_index for p in topic.partitions]) for topic in directory.topics
    ]
    assert said == [("orders", [1])]


def test_everything_is_where_it_can_be(client: KafkaDialog) -> None:
    schema = alter_replica_log_dirs
    (directory,) = client.ask(describe_log_dirs.DescribeLogDirsRequest()).results
    topics = [schema.AlterReplicaLogDirTopic("orders", [0, 9])]
    dirs = [
        schema.AlterReplicaLogDir(directory.log_dir, topics),
        schema.AlterReplicaLogDir("/elsewhere", [schema.AlterReplicaLogDirTopic("orders", [1])]),
    ]
    (topic,) = client.ask(schema.AlterReplicaLogDirsRequest(dirs)).results
    assert [(one.partition_index, one.error_code) for one in topic.partitions] == [
        (0, 0),
        (9, UNKNOWN),
        (1, ErrorCode.LOG_DIR_NOT_FOUND),
    ]


def test_no_election_is_needed(client: KafkaDialog) -> None:
    wanted = [elect_leaders.TopicPartitions("orders", [0, 9])]
    (topic,) = client.ask(elect_leaders.ElectLeadersRequest(0, wanted)).replica_election_results
    assert [(one.partition_id, one.error_code) for one in topic.partition_result] == [
        (0, ErrorCode.ELECTION_NOT_NEEDED),
        (9, UNKNOWN),
    ]
    assert client.ask(elect_leaders.ElectLeadersRequest(0, None)).replica_election_results == []
    assert client.ask(elect_leaders.ElectLeadersRequest(5, wanted)).error_code == 42


def test_a_partition_may_move_to_where_it_is(client: KafkaDialog) -> None:
    schema = alter_partition_reassignments
    partitions = [
        schema.ReassignablePartition(0, [0]),
        schema.ReassignablePartition(1, [1]),
        schema.ReassignablePartition(0, None),
        schema.ReassignablePartition(9, [0]),
    ]
    topics = [schema.ReassignableTopic("orders", partitions)]
    answer = client.ask(schema.AlterPartitionReassignmentsRequest(topics=topics))
    assert answer.error_code == 0
    assert [one.error_code for one in answer.responses[0].partitions] == [
        0,
        ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
        ErrorCode.NO_REASSIGNMENT_IN_PROGRESS,
        UNKNOWN,
    ]


def test_nothing_is_on_its_way(client: KafkaDialog) -> None:
    answer = client.ask(list_partition_reassignments.ListPartitionReassignmentsRequest())
    assert (answer.error_code, answer.topics) == (0, [])


def test_who_has_written(client: KafkaDialog) -> None:
    wanted = [
        describe_producers.TopicRequest("orders", [0, 1, 9]),
        describe_producers.TopicRequest("a/b", [0]),
    ]
    orders, bad = client.ask(describe_producers.DescribeProducersRequest(wanted)).topics
    (producer,) = orders.partitions[0].active_producers
    assert (producer.producer_id, producer.producer_epoch, producer.last_sequence) == (7, 2, 0)
    assert orders.partitions[1].active_producers == []
    assert orders.partitions[2].error_code == UNKNOWN
    assert bad.partitions[0].error_code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_there_are_no_quotas(client: KafkaDialog) -> None:
    answer = client.ask(describe_client_quotas.DescribeClientQuotasRequest())
    assert (answer.error_code, answer.entries) == (0, [])


def test_a_quorum_of_one(client: KafkaDialog) -> None:
    schema = describe_quorum
    wanted = [schema.TopicData("__cluster_metadata", [schema.PartitionData(0)])]
    answer = client.ask(schema.DescribeQuorumRequest(wanted))
    (partition,) = answer.topics[0].partitions
    assert (answer.error_code, partition.leader_id) == (0, 0)
    assert [one.replica_id for one in partition.current_voters] == [0]
    other = client.ask(schema.DescribeQuorumRequest([schema.TopicData("orders")]))
    assert other.error_code == UNKNOWN
