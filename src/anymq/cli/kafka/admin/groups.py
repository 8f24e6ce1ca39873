"""Groups: list, describe with members and lag, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

from anymq.cli.kafka.admin.topics import refusal
from anymq.cli.kafka.assignment import decode_assignment
from anymq.cli.kafka.cluster import Cluster, Node, no_such, retrying
from anymq.cli.kafka.commits import committed
from anymq.cli.kafka.errors import RequestRefused, check
from anymq.cli.kafka.offsets import LATEST, Where, lookup
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    consumer_group_describe,
    delete_groups,
    describe_groups,
    list_groups,
)

CONSUMER_TYPES = ("consumer", "")  # "": a group that only commits


@dataclass(frozen=True, slots=True)
class GroupListing:
    """One line of a list."""

    id: str
    protocol: str
    state: str
    type: str


@dataclass(frozen=True, slots=True)
class Member:
    """Who reads."""

    id: str
    instance: str | None
    client: str
    host: str
    partitions: Sequence[Where]


@dataclass(frozen=True, slots=True)
class Group:
    """A group and its members."""

    id: str
    state: str
    assignor: str
    coordinator: Node
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class Row:
    """How far a group is in one partition, and who reads it; None: that is not known."""

    group: str
    topic: str
    partition: int
    offset: int | None
    end: int | None
    member: Member | None = None

    @property
    def lag(self) -> int | None:
        """How much there is still to read."""
        return None if self.offset is None or self.end is None else self.end - self.offset


def listing(
    cluster: Cluster, states: Sequence[str] = (), types: Sequence[str] = ()
) -> list[GroupListing]:
    """Return the consumer groups that all brokers know."""
    found = []
    for node_id in cluster.metadata([]).nodes:
        request = list_groups.ListGroupsRequest(list(states), list(types))
        answer = retrying(lambda: _list(cluster, request, node_id))  # noqa: B023  # called at once
        found += [
            GroupListing(each.group_id, each.protocol_type, each.group_state, each.group_type)
            for each in answer.groups
            if each.protocol_type in CONSUMER_TYPES and each.group_type.lower() != "share"
        ]
    return sorted(found, key=lambda each: each.id)


def _list(
    cluster: Cluster, request: list_groups.ListGroupsRequest, node_id: int
) -> list_groups.ListGroupsResponse:
    answer = cluster.ask(list_groups, request, node_id)
    check(answer.error_code)
    return answer


def describe(cluster: Cluster, name: str) -> Group:
    """Return one group, of either protocol; say which was meant when there is none."""
    coordinator = cluster.coordinator(name)
    group = _describe_new(cluster, coordinator, name)
    if group is None:
        group = retrying(lambda: _describe_classic(cluster, coordinator, name))
    if group.state == "Dead":
        raise no_such_group(cluster, name)
    return group


def no_such_group(cluster: Cluster, name: str) -> RequestRefused:
    """Say that there is none, and which was meant."""
    names = [each.id for each in listing(cluster)]
    return no_such("group", name, names, ErrorCode.GROUP_ID_NOT_FOUND)


def _describe_new(cluster: Cluster, coordinator: Node, name: str) -> Group | None:
    """Ask in the protocol of KIP-848; None when that is not what the group speaks."""
    if not cluster.connection(coordinator.id).knows(consumer_group_describe):
        return None
    request = consumer_group_describe.ConsumerGroupDescribeRequest([name])
    (answer,) = cluster.ask(consumer_group_describe, request, coordinator.id).groups
    if answer.error_code:
        return None
    members = [
        Member(
            each.member_id,
            each.instance_id,
            each.client_id,
            each.client_host,
            [
                (topic.topic_name, index)
                for topic in each.assignment.topic_partitions
                for index in topic.partitions
            ],
        )
        for each in answer.members
    ]
    return Group(name, answer.group_state, answer.assignor_name, coordinator, members)


def _describe_classic(cluster: Cluster, coordinator: Node, name: str) -> Group:
    request = describe_groups.DescribeGroupsRequest([name])
    (answer,) = cluster.ask(describe_groups, request, coordinator.id).groups
    if answer.error_code == ErrorCode.GROUP_ID_NOT_FOUND:
        raise no_such_group(cluster, name)
    check(answer.error_code, answer.error_message, f"group {name!r}")
    members = [
        Member(
            each.member_id,
            each.group_instance_id,
            each.client_id,
            each.client_host,
            decode_assignment(each.member_assignment),
        )
        for each in answer.members
    ]
    return Group(name, answer.group_state, answer.protocol_data, coordinator, members)


def rows(cluster: Cluster, group: Group) -> list[Row]:
    """Return how far the group is: what its members read, then what nobody reads."""
    offsets = committed(cluster, group.id)
    readers = {where: member for member in group.members for where in member.partitions}
    ends = _ends(cluster, sorted({*offsets, *readers}))
    members = sorted(group.members, key=lambda each: -len(each.partitions))
    read = [where for member in members for where in sorted(member.partitions)]
    unread = sorted(where for where in offsets if where not in readers)
    return [
        Row(group.id, *where, offsets.get(where), ends.get(where), readers.get(where))
        for where in [*read, *unread]
    ]


def _ends(cluster: Cluster, partitions: Sequence[Where]) -> dict[Where, int]:
    """Return the ends of those that are still there."""
    known = cluster.metadata(sorted({topic for topic, _ in partitions})).topics
    there = [where for where in partitions if where[0] in known]
    found, _errors = lookup(cluster, dict.fromkeys(there, LATEST))
    return found


def delete(cluster: Cluster, names: Sequence[str]) -> dict[str, RequestRefused | None]:
    """Delete groups; return for each why not, if so."""
    results: dict[str, RequestRefused | None] = {}
    for name in names:
        request = delete_groups.DeleteGroupsRequest([name])
        answer = cluster.ask(delete_groups, request, cluster.coordinator(name).id)
        for each in answer.results:
            results[each.group_id] = refusal(each.error_code, each.error_message)
    return results
