"""Groups of clients that implement the protocol for themselves, also mixed in one group."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import ConsumerRebalanceListener
from kafka import KafkaAdminClient, KafkaConsumer

from tests.conformance.kafka.clients import (
    ANSWER_SECONDS,
    consumer,
    flush,
    poll_until,
    producer,
)
from tests.conformance.kafka.conftest import MakeTopic

QUICK = {"session_timeout_ms": 3000, "heartbeat_interval_ms": 300}


def fill(kafka: str, topic: str, partitions: Sequence[int]) -> None:
    sender = producer(kafka)
    for partition in partitions:
        sender.produce(topic, b"%d" % partition, partition=partition)
    flush(sender)


def python_member(kafka: str, group: str, topic: str) -> KafkaConsumer:
    return KafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **QUICK,
    )


def test_kafka_python_reads_commits_and_goes_on(
    kafka: str, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic(partitions=2)
    for _ in range(2):
        fill(kafka, topic, range(2))
        client = python_member(kafka, name, topic)
        try:
            seen = python_take(client, 2)
            client.commit()
        finally:
            client.close()
        assert sorted(seen) == [b"0", b"1"]


def python_take(client: KafkaConsumer, count: int) -> list[bytes]:
    seen: list[bytes] = []
    deadline = time.monotonic() + ANSWER_SECONDS
    while len(seen) < count:
        assert time.monotonic() < deadline, f"{len(seen)} of {count} messages came"
        for records in client.poll(timeout_ms=200).values():
            seen += [each.value for each in records]
    return seen


def test_two_libraries_share_one_group(kafka: str, make_topic: MakeTopic, name: str) -> None:
    """Both say `range`; what is inside the assignment only they understand."""
    topic = make_topic(partitions=4)
    fill(kafka, topic, range(4))
    theirs = python_member(kafka, name, topic)
    try:
        with consumer(
            kafka, name, session_timeout_ms=3000, partition_assignment_strategy="range"
        ) as ours:
            ours.subscribe([topic])

            def shared() -> bool:
                theirs.poll(timeout_ms=50)
                return len(theirs.assignment()) == 2 and len(ours.assignment()) == 2

            poll_until([ours], shared)
    finally:
        theirs.close()


class Noted(ConsumerRebalanceListener):  # type: ignore[misc]
    """Wakes whoever waits when the share is as wanted."""

    def __init__(self) -> None:
        self.sizes: asyncio.Queue[int] = asyncio.Queue()

    def on_partitions_revoked(self, revoked: object) -> None:
        """Nothing to save."""

    def on_partitions_assigned(self, assigned: set[object]) -> None:
        self.sizes.put_nowait(len(assigned))


def test_aiokafka_members_share_and_take_over(kafka: str, make_topic: MakeTopic, name: str) -> None:
    topic = make_topic(partitions=4)

    async def member() -> tuple[AIOKafkaConsumer, Noted]:
        client = AIOKafkaConsumer(
            bootstrap_servers=kafka, group_id=name, enable_auto_commit=False, **QUICK
        )
        noted = Noted()
        client.subscribe([topic], listener=noted)
        await client.start()
        return client, noted

    async def becomes(noted: Noted, size: int) -> None:
        while await asyncio.wait_for(noted.sizes.get(), ANSWER_SECONDS) != size:
            pass

    async def conversation() -> None:
        first, first_noted = await member()
        await becomes(first_noted, 4)
        second, second_noted = await member()
        await becomes(first_noted, 2)
        await becomes(second_noted, 2)
        await first.stop()
        await becomes(second_noted, 4)
        await second.stop()

    asyncio.run(conversation())


def test_aiokafka_idempotent_producer_and_seek(kafka: str, topic: str) -> None:
    async def conversation() -> list[bytes]:
        async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True) as sender:
            for number in range(10):
                await sender.send_and_wait(topic, b"%d" % number, partition=0)
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=kafka, auto_offset_reset="earliest"
        ) as client:
            (place,) = client.assignment()
            client.seek(place, 7)
            return [
                (await asyncio.wait_for(client.getone(), ANSWER_SECONDS)).value for _ in range(3)
            ]

    assert asyncio.run(conversation()) == [b"7", b"8", b"9"]


def test_kafka_python_administrates(kafka: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1}})
        assert name in admin.list_topics()
        admin.delete_topics([name])
    finally:
        admin.close()
