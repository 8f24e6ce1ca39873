"""Groups: every partition has one reader, whoever comes, leaves or dies; commits outlive them."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.conformance.kafka.clients import (
    ANSWER_SECONDS,
    Setting,
    consumer,
    flush,
    poll_until,
    produce,
    producer,
    take,
    values,
)
from tests.conformance.kafka.conftest import MakeTopic

STRATEGIES = ("range", "roundrobin", "cooperative-sticky")
# They hear of a change at once, and a busy machine does not make them look dead.
ALERT = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 200}


@dataclass(slots=True)
class Member:
    """A consumer that notes what its group gives it and takes away."""

    client: Consumer
    partitions: set[int] = field(default_factory=set)
    assigned: int = 0
    lost: int = 0

    def follow(self, topic: str) -> None:
        self.client.subscribe(
            [topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
        )

    def _assign(self, client: Consumer, given: list[TopicPartition]) -> None:
        self.assigned += 1
        self.partitions |= {each.partition for each in given}

    def _revoke(self, client: Consumer, taken: list[TopicPartition]) -> None:
        self.lost += len(taken)
        self.partitions -= {each.partition for each in taken}


class Group:
    """Members of one group on one topic."""

    def __init__(self, kafka: str, name: str, topic: str, stack: ExitStack) -> None:
        self._kafka, self._name, self._topic, self._stack = kafka, name, topic, stack
        self.members: list[Member] = []

    def join(self, **settings: Setting) -> Member:
        client = self._stack.enter_context(
            consumer(self._kafka, self._name, **{**ALERT, **settings})
        )
        member = Member(client)
        member.follow(self._topic)
        self.members.append(member)
        return member

    def leave(self, member: Member) -> None:
        self.members.remove(member)
        member.client.close()

    def settle(self, count: int, sizes: Sequence[int]) -> None:
        """Until all partitions are given, so many to each member."""
        clients = [member.client for member in self.members]
        poll_until(clients, lambda: self._shares() == sorted(sizes) and self._covers(count))

    def _shares(self) -> list[int]:
        return sorted(len(member.partitions) for member in self.members)

    def _covers(self, count: int) -> bool:
        given = [each for member in self.members for each in member.partitions]
        return sorted(given) == list(range(count))


@contextmanager
def group_on(kafka: str, name: str, topic: str) -> Iterator[Group]:
    with ExitStack() as stack:
        yield Group(kafka, name, topic, stack)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_members_share_the_partitions_as_they_come_and_go(
    kafka: str, make_topic: MakeTopic, name: str, strategy: str
) -> None:
    topic = make_topic(partitions=6)
    with group_on(kafka, name, topic) as group:
        first = group.join(partition_assignment_strategy=strategy)
        group.settle(6, [6])
        group.join(partition_assignment_strategy=strategy)
        group.settle(6, [3, 3])
        group.join(partition_assignment_strategy=strategy)
        group.settle(6, [2, 2, 2])
        group.leave(first)
        group.settle(6, [3, 3])


def test_a_cooperative_member_keeps_what_it_need_not_give(
    kafka: str, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic(partitions=4)
    with group_on(kafka, name, topic) as group:
        first = group.join(partition_assignment_strategy="cooperative-sticky")
        group.settle(4, [4])
        group.join(partition_assignment_strategy="cooperative-sticky")
        group.settle(4, [2, 2])
        assert first.lost == 2


MORTAL = """
import sys
from confluent_kafka import Consumer
client = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[2],
                   "session.timeout.ms": 1500, "heartbeat.interval.ms": 200})
client.subscribe([sys.argv[3]], on_assign=lambda _, given: print(len(given), flush=True))
while True:
    client.poll(0.1)
"""


def test_a_dead_members_partitions_go_to_the_living(
    kafka: str, make_topic: MakeTopic, name: str
) -> None:
    """It could not say goodbye: its silence speaks for it."""
    topic = make_topic(partitions=4)
    argv = [sys.executable, "-c", MORTAL, kafka, name, topic]
    with (
        group_on(kafka, name, topic) as group,
        subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as mortal,
    ):
        try:
            assert mortal.stdout is not None
            assert mortal.stdout.readline() == "4\n"
            group.join()
            poll_until([group.members[0].client], lambda: len(group.members[0].partitions) == 2)
        finally:
            mortal.kill()
        group.settle(4, [4])


def test_a_static_member_returns_without_disturbing_the_others(
    kafka: str, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic(partitions=4)
    patience = {"session.timeout.ms": 30_000}
    with group_on(kafka, name, topic) as group:
        first = group.join(group_instance_id="one", **patience)
        second = group.join(group_instance_id="two", **patience)
        group.settle(4, [2, 2])
        before, kept = first.assigned, first.partitions.copy()
        held = second.partitions.copy()
        group.leave(second)
        again = group.join(group_instance_id="two", **patience)
        poll_until([first.client, again.client], lambda: bool(again.partitions))
        assert (first.assigned, first.partitions) == (before, kept)
        assert again.partitions == held


def test_a_second_bearer_of_a_static_name_drives_out_the_first(
    kafka: str, topic: str, name: str
) -> None:
    with group_on(kafka, name, topic) as group:
        first = group.join(group_instance_id="one")
        group.settle(1, [1])
        usurper = Consumer(
            {"bootstrap.servers": kafka, "group.id": name, "group.instance.id": "one", **ALERT}
        )
        usurper.subscribe([topic])
        try:
            with pytest.raises((KafkaException, AssertionError)) as raised:
                poll_until([usurper, first.client], lambda: False)
        finally:
            usurper.close()
        error = raised.value.args[0]
        assert error.code() in (
            KafkaError._FENCED,
            KafkaError.FENCED_INSTANCE_ID,
            KafkaError._FATAL,
        )


def test_a_group_goes_on_where_it_committed(kafka: str, topic: str, name: str) -> None:
    produce(kafka, topic, [b"%d" % number for number in range(10)])
    for first in (0, 5):
        with consumer(kafka, name) as client:
            client.subscribe([topic])
            assert values(take(client, 5)) == [b"%d" % number for number in range(first, first + 5)]
            client.commit(offsets=[TopicPartition(topic, 0, first + 5)], asynchronous=False)


def test_what_was_not_committed_comes_again(kafka: str, topic: str, name: str) -> None:
    produce(kafka, topic, [b"again"])
    for _ in range(2):
        with consumer(kafka, name) as client:
            client.subscribe([topic])
            assert values(take(client, 1)) == [b"again"]


def test_leaving_commits_by_itself_where_so_configured(kafka: str, topic: str, name: str) -> None:
    produce(kafka, topic, [b"0", b"1"])
    with consumer(kafka, name, enable_auto_commit=True) as client:
        client.subscribe([topic])
        take(client, 2)
    with consumer(kafka, name) as client:
        (place,) = client.committed([TopicPartition(topic, 0)], ANSWER_SECONDS)
        assert place.offset == 2


def test_a_note_beside_a_commit_is_kept(kafka: str, topic: str, name: str) -> None:
    with consumer(kafka, name) as client:
        place = TopicPartition(topic, 0, 7, metadata="état: prêt")
        client.commit(offsets=[place], asynchronous=False)
        (found,) = client.committed([TopicPartition(topic, 0)], ANSWER_SECONDS)
        assert (found.offset, found.metadata) == (7, "état: prêt")


def test_too_long_a_note_is_refused(kafka: str, topic: str, name: str) -> None:
    with consumer(kafka, name) as client:
        place = TopicPartition(topic, 0, 7, metadata="x" * 5000)
        with pytest.raises(KafkaException) as raised:
            client.commit(offsets=[place], asynchronous=False)
        assert raised.value.args[0].code() == KafkaError.OFFSET_METADATA_TOO_LARGE


def test_a_group_nobody_knows_has_no_offsets_and_that_is_no_error(
    kafka: str, topic: str, name: str
) -> None:
    with consumer(kafka, name) as client:
        (place,) = client.committed([TopicPartition(topic, 0)], ANSWER_SECONDS)
        assert (place.error, place.offset) == (None, -1001)


def test_a_group_hears_of_new_partitions(
    kafka: str, admin: AdminClient, name: str, make_topic: MakeTopic
) -> None:
    topic = make_topic(partitions=1)
    with group_on(kafka, name, topic) as group:
        group.join(topic_metadata_refresh_interval_ms=200)
        group.settle(1, [1])
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result(ANSWER_SECONDS)
        group.settle(3, [3])


def test_a_group_follows_topics_by_pattern(kafka: str, name: str, make_topic: MakeTopic) -> None:
    topics = [make_topic(), make_topic()]
    sender = producer(kafka)
    for topic in topics:
        sender.produce(topic, topic)
    flush(sender)
    with consumer(kafka, name) as client:
        client.subscribe([f"^{name}-[0-9]+$"])
        assert sorted(values(take(client, 2)), key=str) == [topic.encode() for topic in topics]
