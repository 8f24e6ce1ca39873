"""Every request of Kafka by every right: what a client asks, and which right it takes.

Topics begin with t, groups with g; a user may do something to all names, to those of one kind, or
to none. So it is seen which right an operation asks for, and on what.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from anymq.core.broker import Broker
from anymq.core.shares.group import Heartbeat
from anymq.core.streams.group_calls import CommitRequest, NewOffset
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.primitives import NULL_UUID
from anymq.protocols.kafka.schema.generated import (
    alter_configs,
    alter_partition_reassignments,
    alter_replica_log_dirs,
    alter_share_group_offsets,
    alter_user_scram_credentials,
    create_acls,
    create_partitions,
    create_topics,
    delete_acls,
    delete_groups,
    delete_records,
    delete_share_group_offsets,
    delete_topics,
    describe_acls,
    describe_client_quotas,
    describe_cluster,
    describe_configs,
    describe_groups,
    describe_log_dirs,
    describe_producers,
    describe_quorum,
    describe_share_group_offsets,
    describe_topic_partitions,
    describe_user_scram_credentials,
    elect_leaders,
    fetch,
    find_coordinator,
    heartbeat,
    incremental_alter_configs,
    init_producer_id,
    join_group,
    leave_group,
    list_config_resources,
    list_groups,
    list_offsets,
    list_partition_reassignments,
    metadata,
    offset_commit,
    offset_delete,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    share_acknowledge,
    share_fetch,
    share_group_describe,
    share_group_heartbeat,
    sync_group,
)
from anymq.storage import records
from anymq.storage.records import Record

PATTERNS = {"-": "", "t": "^t", "g": "^g", "*": ".*"}
BATCH = records.build([Record(b"a")])
TOPIC, GROUP, BROKER = 2, 32, 4  # resources that have configs
UNAUTHORIZED = {
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}


class User(NamedTuple):
    """By what a user may do to which names, and its tag."""

    configure: str = "-"
    write: str = "-"
    read: str = "-"
    tag: str = ""

    @property
    def name(self) -> str:
        rights = f"{self.configure}{self.write}{self.read}".translate({42: "a", 45: "n"})
        return f"{rights}-{self.tag}" if self.tag else rights

    def may(self, right: str, name: str) -> bool:
        """The model, said once more and otherwise: by first letters."""
        rights = ("configure", "write", "read") if right == "any" else (right,)
        return any(getattr(self, one) in ("*", name[0]) for one in rights)


def users() -> Iterator[User]:
    yield User()
    yield User("*", "*", "*")
    for right in ("configure", "write", "read"):
        for names in "tg*":
            yield User(**{right: names})
        yield User("*", "*", "*")._replace(**{right: "-"})
    for tag in ("administrator", "monitoring", "policymaker", "management", "impersonator"):
        yield User(tag=tag)


Needs = Callable[[User], bool]


def right(what: str, *names: str) -> Needs:
    """It takes this right on all of these names."""
    return lambda user: all(user.may(what, name) for name in names)


def tags(*needed: str) -> Needs:
    """It takes one of these tags."""
    return lambda user: user.tag in needed


def both(*needs: Needs) -> Needs:
    return lambda user: all(one(user) for one in needs)


def either(*needs: Needs) -> Needs:
    return lambda user: any(one(user) for one in needs)


def everybody(_: User) -> bool:
    return True


ADMINISTRATORS = tags("administrator")
WATCHERS = tags("administrator", "monitoring")
SOMEHOW = either(right("any", "t"), right("any", "g"))


class Asked(NamedTuple):
    """What a request is made of."""

    version: int
    broker: Broker

    @property
    def topic_id(self) -> Any:
        return self.broker.topic("t").id

    def by_id(self, since: int) -> tuple[str, Any]:
        """Name and id of the topic: versions know one of them."""
        return ("t", NULL_UUID) if self.version < since else ("", self.topic_id)


def unauthorized(response: Any) -> bool:
    """Is there any error of rights in an answer?"""
    return not UNAUTHORIZED.isdisjoint(codes(response))


def codes(response: Any) -> Iterator[int]:
    """Yield every error in an answer, wherever it is."""
    if isinstance(response, list):
        for one in response:
            yield from codes(one)
    elif isinstance(response, msgspec.Struct):
        for field in response.__struct_fields__:
            value = getattr(response, field)
            if field.endswith("error_code"):
                yield value
            else:
                yield from codes(value)


def done(response: Any) -> bool:
    return not unauthorized(response)


class Operation(NamedTuple):
    """A request, who may have it done, and how that is seen."""

    ask: Callable[[Asked], Any]
    needs: Needs
    seen: Callable[[Any], bool] = done
    versions: Sequence[int] | None = None  # None: all there are
    lists: bool = False  # whatever topics there are


def _metadata(
    *names: str, ids: Sequence[Any] = (), create: bool = False
) -> metadata.MetadataRequest:
    named = [metadata.MetadataRequestTopic(NULL_UUID, name) for name in names]
    topics = named + [metadata.MetadataRequestTopic(id, None) for id in ids]
    return metadata.MetadataRequest(topics or None, allow_auto_topic_creation=create)


def _produce(asked: Asked) -> Any:
    name, topic_id = asked.by_id(13)
    data = [produce.TopicProduceData(name, topic_id, [produce.PartitionProduceData(0, BATCH)])]
    return produce.ProduceRequest(None, -1, 1000, data)


def _fetch(asked: Asked) -> Any:
    name, topic_id = asked.by_id(13)
    wanted = [fetch.FetchPartition(0, partition_max_bytes=1000)]
    return fetch.FetchRequest(topics=[fetch.FetchTopic(name, topic_id, wanted)])


def _commit(asked: Asked) -> Any:
    name, topic_id = asked.by_id(10)
    wanted = [offset_commit.OffsetCommitRequestPartition(0, 1)]
    topics = [offset_commit.OffsetCommitRequestTopic(name, topic_id, wanted)]
    return offset_commit.OffsetCommitRequest("g", topics=topics)


def _committed(asked: Asked) -> Any:
    if asked.version < 8:
        old = [offset_fetch.OffsetFetchRequestTopic("t", [0])]
        return offset_fetch.OffsetFetchRequest("g", old)
    name, topic_id = asked.by_id(10)
    topics = [offset_fetch.OffsetFetchRequestTopics(name, topic_id, [0])]
    return offset_fetch.OffsetFetchRequest(
        groups=[offset_fetch.OffsetFetchRequestGroup("g", topics=topics)]
    )


def _all_committed(asked: Asked) -> Any:
    if asked.version < 8:
        return offset_fetch.OffsetFetchRequest("g", None)
    return offset_fetch.OffsetFetchRequest(groups=[offset_fetch.OffsetFetchRequestGroup("g")])


def _coordinator(asked: Asked) -> Any:
    if asked.version < 4:
        return find_coordinator.FindCoordinatorRequest("g")
    return find_coordinator.FindCoordinatorRequest(coordinator_keys=["g"])


def _join(_: Asked) -> Any:
    protocols = [join_group.JoinGroupRequestProtocol("range", b"")]
    return join_group.JoinGroupRequest("g", 10_000, 10_000, "", None, "consumer", protocols)


def _leave(asked: Asked) -> Any:
    if asked.version < 3:
        return leave_group.LeaveGroupRequest("g", "nobody")
    return leave_group.LeaveGroupRequest("g", members=[leave_group.MemberIdentity("nobody")])


def _delete_topic(asked: Asked) -> Any:
    if asked.version < 6:
        return delete_topics.DeleteTopicsRequest(topic_names=["t"], timeout_ms=1000)
    return delete_topics.DeleteTopicsRequest([delete_topics.DeleteTopicState("t")], timeout_ms=1000)


def _delete_topic_by_id(asked: Asked) -> Any:
    states = [delete_topics.DeleteTopicState(None, asked.topic_id)]
    return delete_topics.DeleteTopicsRequest(states, timeout_ms=1000)


def _reassign(_: Asked) -> Any:
    wanted = [alter_partition_reassignments.ReassignablePartition(0, [1])]
    topics = [alter_partition_reassignments.ReassignableTopic("t", wanted)]
    return alter_partition_reassignments.AlterPartitionReassignmentsRequest(1000, True, topics)


def _log_dirs(_: Asked) -> Any:
    topics = [alter_replica_log_dirs.AlterReplicaLogDirTopic("t", [0])]
    return alter_replica_log_dirs.AlterReplicaLogDirsRequest(
        [alter_replica_log_dirs.AlterReplicaLogDir("data", topics)]
    )


def _describe_configs(kind: int, name: str) -> Callable[[Asked], Any]:
    wanted = [describe_configs.DescribeConfigsResource(kind, name)]
    return lambda _: describe_configs.DescribeConfigsRequest(wanted)


def _alter_configs(kind: int, name: str, config: str) -> Callable[[Asked], Any]:
    configs = [alter_configs.AlterableConfig(config, "77777")]
    wanted = [alter_configs.AlterConfigsResource(kind, name, configs)]
    return lambda _: alter_configs.AlterConfigsRequest(wanted)


def _change_configs(kind: int, name: str, config: str) -> Callable[[Asked], Any]:
    configs = [incremental_alter_configs.AlterableConfig(config, 0, "77777")]
    wanted = [incremental_alter_configs.AlterConfigsResource(kind, name, configs)]
    return lambda _: incremental_alter_configs.IncrementalAlterConfigsRequest(wanted)


def _new_user(_: Asked) -> Any:
    new = alter_user_scram_credentials.ScramCredentialUpsertion("new", 1, 4096, b"s", b"p" * 32)
    return alter_user_scram_credentials.AlterUserScramCredentialsRequest(upsertions=[new])


def _no_user(_: Asked) -> Any:
    old = alter_user_scram_credentials.ScramCredentialDeletion("there", 1)
    return alter_user_scram_credentials.AlterUserScramCredentialsRequest([old])


def _share_fetch(asked: Asked) -> Any:
    wanted = [share_fetch.FetchPartition(0)]
    return share_fetch.ShareFetchRequest(
        "gs", "me", 0, max_records=1, topics=[share_fetch.FetchTopic(asked.topic_id, wanted)]
    )


def _share_offsets(_: Asked) -> Any:
    topic = describe_share_group_offsets.DescribeShareGroupOffsetsRequestTopic("t", [0])
    group = describe_share_group_offsets.DescribeShareGroupOffsetsRequestGroup("gs", [topic])
    return describe_share_group_offsets.DescribeShareGroupOffsetsRequest([group])


def _move_share_group(_: Asked) -> Any:
    where = [alter_share_group_offsets.AlterShareGroupOffsetsRequestPartition(0, 1)]
    topic = alter_share_group_offsets.AlterShareGroupOffsetsRequestTopic("t", where)
    return alter_share_group_offsets.AlterShareGroupOffsetsRequest("gs", [topic])


def _names(response: Any) -> list[str]:
    """Return the topics that were made, and are described."""
    return [topic.name for topic in response.topics if not topic.error_code]


RULE = create_acls.AclCreation(2, "t", 3, "User:nnn", "*", 3, 3)
ANY_RULE = (1, None, 1, None, None, 1, 1)
MAKE = [create_topics.CreatableTopic("tnew", 1, 1)]

OPERATIONS: dict[str, Operation] = {
    "Produce": Operation(_produce, right("write", "t")),
    "Fetch": Operation(_fetch, right("read", "t")),
    "ListOffsets": Operation(
        lambda _: list_offsets.ListOffsetsRequest(
            topics=[
                list_offsets.ListOffsetsTopic("t", [list_offsets.ListOffsetsPartition(0, -1, -1)])
            ]
        ),
        right("any", "t"),
    ),
    "Metadata": Operation(lambda _: _metadata("t"), right("any", "t")),
    "Metadata, by id": Operation(
        lambda asked: _metadata(ids=[asked.topic_id]), right("any", "t"), versions=[12, 13]
    ),
    "Metadata, all": Operation(
        lambda asked: metadata.MetadataRequest([] if asked.version == 0 else None),
        right("any", "t"),
        lambda response: _names(response) == ["t"],
        lists=True,
    ),
    "Metadata, missing": Operation(lambda _: _metadata("tno"), right("any", "t"), versions=[4, 13]),
    "Metadata, creating": Operation(
        lambda _: _metadata("tnew", create=True),
        right("configure", "t"),
        lambda response: _names(response) == ["tnew"],
    ),
    "OffsetCommit": Operation(_commit, right("read", "g", "t")),
    "OffsetFetch": Operation(_committed, both(right("any", "g"), right("any", "t"))),
    "OffsetFetch, all": Operation(
        _all_committed,
        both(right("any", "g"), right("any", "t")),
        lambda response: bool(
            [one.name or one.topic_id for one in response.topics]
            or [one for group in response.groups for one in group.topics]
        ),
        versions=range(2, 11),
    ),
    "FindCoordinator": Operation(_coordinator, right("any", "g")),
    "JoinGroup": Operation(_join, right("read", "g")),
    "Heartbeat": Operation(
        lambda _: heartbeat.HeartbeatRequest("g", 1, "nobody"), right("read", "g")
    ),
    "LeaveGroup": Operation(_leave, right("read", "g")),
    "SyncGroup": Operation(
        lambda _: sync_group.SyncGroupRequest("g", 1, "nobody", None, "consumer", "range"),
        right("read", "g"),
    ),
    "DescribeGroups": Operation(
        lambda _: describe_groups.DescribeGroupsRequest(["g"]), right("any", "g")
    ),
    "ListGroups": Operation(
        lambda _: list_groups.ListGroupsRequest(),
        either(right("any", "g"), WATCHERS),
        lambda response: "g" in [one.group_id for one in response.groups],
    ),
    "CreateTopics": Operation(
        lambda _: create_topics.CreateTopicsRequest(MAKE, 1000), right("configure", "t")
    ),
    "CreateTopics, trying": Operation(
        lambda _: create_topics.CreateTopicsRequest(MAKE, 1000, True), right("configure", "t")
    ),
    "CreateTopics, there": Operation(
        lambda _: create_topics.CreateTopicsRequest([create_topics.CreatableTopic("t", 1, 1)]),
        right("configure", "t"),
    ),
    "DeleteTopics": Operation(_delete_topic, right("configure", "t")),
    "DeleteTopics, by id": Operation(_delete_topic_by_id, right("configure", "t"), versions=[6]),
    "DeleteRecords": Operation(
        lambda _: delete_records.DeleteRecordsRequest(
            [delete_records.DeleteRecordsTopic("t", [delete_records.DeleteRecordsPartition(0, 1)])],
            1000,
        ),
        right("configure", "t"),
    ),
    "InitProducerId": Operation(
        lambda _: init_producer_id.InitProducerIdRequest(None, 1000),
        either(lambda user: user.write != "-", ADMINISTRATORS),
    ),
    "OffsetForLeaderEpoch": Operation(
        lambda _: offset_for_leader_epoch.OffsetForLeaderEpochRequest(
            topics=[
                offset_for_leader_epoch.OffsetForLeaderTopic(
                    "t", [offset_for_leader_epoch.OffsetForLeaderPartition(0, -1, 0)]
                )
            ]
        ),
        right("any", "t"),
    ),
    "DescribeAcls": Operation(
        lambda _: describe_acls.DescribeAclsRequest(*ANY_RULE), ADMINISTRATORS
    ),
    "CreateAcls": Operation(lambda _: create_acls.CreateAclsRequest([RULE]), ADMINISTRATORS),
    "DeleteAcls": Operation(
        lambda _: delete_acls.DeleteAclsRequest([delete_acls.DeleteAclsFilter(*ANY_RULE)]),
        ADMINISTRATORS,
    ),
    "DescribeConfigs": Operation(_describe_configs(TOPIC, "t"), right("any", "t")),
    "DeleteGroups, share": Operation(
        lambda _: delete_groups.DeleteGroupsRequest(["gs"]), right("configure", "g")
    ),
    "ShareGroupHeartbeat": Operation(
        lambda _: share_group_heartbeat.ShareGroupHeartbeatRequest(
            "gs", "me", 0, subscribed_topic_names=["t"]
        ),
        both(right("read", "g"), right("any", "t")),
    ),
    "ShareGroupDescribe": Operation(
        lambda _: share_group_describe.ShareGroupDescribeRequest(["gs"]), right("any", "g")
    ),
    "ShareFetch": Operation(_share_fetch, right("read", "g", "t")),
    # What it settles was fetched before; that it takes the right to read is in test_shares.
    "ShareAcknowledge": Operation(
        lambda _: share_acknowledge.ShareAcknowledgeRequest("gs", "me", 1), right("read", "g")
    ),
    "DescribeShareGroupOffsets": Operation(
        lambda _: describe_share_group_offsets.DescribeShareGroupOffsetsRequest(
            [
                describe_share_group_offsets.DescribeShareGroupOffsetsRequestGroup(
                    "gs", [describe_share_group_offsets.DescribeShareGroupOffsetsRequestTopic("t")]
                )
            ]
        ),
        right("any", "g"),
    ),
    "DescribeShareGroupOffsets, of a partition": Operation(
        _share_offsets, both(right("any", "g"), right("any", "t"))
    ),
    "AlterShareGroupOffsets": Operation(_move_share_group, right("read", "g", "t")),
    "DeleteShareGroupOffsets": Operation(
        lambda _: delete_share_group_offsets.DeleteShareGroupOffsetsRequest(
            "gs", [delete_share_group_offsets.DeleteShareGroupOffsetsRequestTopic("t")]
        ),
        both(right("configure", "g"), right("read", "t")),
    ),
    "IncrementalAlterConfigs, group": Operation(
        _change_configs(GROUP, "gs", "share.record.lock.duration.ms"), right("configure", "g")
    ),
    "DescribeConfigs, group": Operation(_describe_configs(GROUP, "g"), right("any", "g")),
    "DescribeConfigs, broker": Operation(_describe_configs(BROKER, ""), WATCHERS),
    "AlterConfigs": Operation(_alter_configs(TOPIC, "t", "retention.ms"), right("configure", "t")),
    "AlterConfigs, broker": Operation(
        _alter_configs(BROKER, "", "log.retention.ms"), ADMINISTRATORS
    ),
    "IncrementalAlterConfigs": Operation(
        _change_configs(TOPIC, "t", "retention.ms"), right("configure", "t")
    ),
    "IncrementalAlterConfigs, broker": Operation(
        _change_configs(BROKER, "", "log.retention.ms"), ADMINISTRATORS
    ),
    "AlterReplicaLogDirs": Operation(_log_dirs, ADMINISTRATORS),
    "DescribeLogDirs": Operation(
        lambda _: describe_log_dirs.DescribeLogDirsRequest(),
        WATCHERS,
        lambda response: bool(response.results),
    ),
    "CreatePartitions": Operation(
        lambda _: create_partitions.CreatePartitionsRequest(
            [create_partitions.CreatePartitionsTopic("t", 3)], 1000
        ),
        right("configure", "t"),
    ),
    "DeleteGroups": Operation(
        lambda _: delete_groups.DeleteGroupsRequest(["g"]), right("configure", "g")
    ),
    "ElectLeaders": Operation(
        lambda _: elect_leaders.ElectLeadersRequest(
            0, [elect_leaders.TopicPartitions("t", [0])], 1000
        ),
        ADMINISTRATORS,
        versions=[1, 2],  # before, an answer has no place for this error
    ),
    "AlterPartitionReassignments": Operation(_reassign, ADMINISTRATORS),
    "ListPartitionReassignments": Operation(
        lambda _: list_partition_reassignments.ListPartitionReassignmentsRequest(1000), WATCHERS
    ),
    "OffsetDelete": Operation(
        lambda _: offset_delete.OffsetDeleteRequest(
            "g",
            [
                offset_delete.OffsetDeleteRequestTopic(
                    "t", [offset_delete.OffsetDeleteRequestPartition(0)]
                )
            ],
        ),
        both(right("configure", "g"), right("read", "t")),
    ),
    "DescribeClientQuotas": Operation(
        lambda _: describe_client_quotas.DescribeClientQuotasRequest(), WATCHERS
    ),
    "DescribeUserScramCredentials": Operation(
        lambda _: describe_user_scram_credentials.DescribeUserScramCredentialsRequest(),
        ADMINISTRATORS,
    ),
    "AlterUserScramCredentials": Operation(_new_user, ADMINISTRATORS),
    "AlterUserScramCredentials, deleting": Operation(_no_user, ADMINISTRATORS),
    "DescribeQuorum": Operation(
        lambda _: describe_quorum.DescribeQuorumRequest(
            [describe_quorum.TopicData("__cluster_metadata", [describe_quorum.PartitionData(0)])]
        ),
        WATCHERS,
    ),
    "DescribeCluster": Operation(lambda _: describe_cluster.DescribeClusterRequest(), everybody),
    "DescribeProducers": Operation(
        lambda _: describe_producers.DescribeProducersRequest(
            [describe_producers.TopicRequest("t", [0])]
        ),
        right("read", "t"),
    ),
    "ListConfigResources": Operation(
        lambda _: list_config_resources.ListConfigResourcesRequest(), WATCHERS
    ),
    "DescribeTopicPartitions": Operation(
        lambda _: describe_topic_partitions.DescribeTopicPartitionsRequest(
            [describe_topic_partitions.TopicRequest("t")]
        ),
        right("any", "t"),
    ),
    "DescribeTopicPartitions, all": Operation(
        lambda _: describe_topic_partitions.DescribeTopicPartitionsRequest(),
        right("any", "t"),
        lambda response: _names(response) == ["t"],
        lists=True,
    ),
}


def furnish(broker: Broker) -> None:
    """Make what there is before each operation: a topic, what a group has read of it, a user."""
    broker.create_topic("t", 1)
    offsets = [NewOffset("t", 0, 0, -1, "")]
    broker.groups.commit(CommitRequest(group="g", offsets=offsets), lambda _: None)
    broker.shares.beat("gs", Heartbeat(member_id="gone", epoch=0, topics=["t"]))
    broker.shares.leave("gs", "gone")


def state(broker: Broker) -> Any:
    """Return all that an operation could change."""
    offsets: list[Any] = []
    broker.groups.committed("g", offsets.append)
    accounts = broker.users
    return (
        {
            name: (
                topic.id,
                dict(topic.config.overrides),
                [(p.start, p.log.end) for p in topic.partitions],
            )
            for name, topic in broker.topics.items()
        },
        [{name: dict(parts) for name, parts in one.items()} for one in offsets],
        [(one.name, one.state, one.members) for one in [broker.groups.describe("g")]],
        [(one, broker.shares.state(one)) for one in sorted(broker.shares.names())],
        [broker.shares.progress(one) for one in broker.shares.names()],
        dict(broker.group_configs.of("gs")),
        dict(broker.config.for_all),
        list(accounts.acls),
        list(accounts),
        [accounts.proofs(name) for name in ("there", "new")],
    )
