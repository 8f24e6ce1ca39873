"""The same two deeds, write and read, by clients that share no code with each other."""

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as AioTopicPartition
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as PyTopicPartition

from tests.conformance.kafka import clients
from tests.conformance.kafka.clients import ANSWER_SECONDS, produce

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
Writer = Callable[[str, str, Sequence[bytes], str], None]
Reader = Callable[[str, str, int], list[bytes | None]]


def librdkafka_writes(kafka: str, topic: str, sent: Sequence[bytes], compression: str) -> None:
    """confluent-kafka."""
    produce(kafka, topic, sent, compression_type=compression, linger_ms=20)


def kafka_python_writes(kafka: str, topic: str, sent: Sequence[bytes], compression: str) -> None:
    """kafka-python."""
    client = KafkaProducer(
        bootstrap_servers=kafka,
        compression_type=None if compression == "none" else compression,
        linger_ms=20,
    )
    try:
        receipts = [client.send(topic, value, partition=0) for value in sent]
        for receipt in receipts:
            receipt.get(ANSWER_SECONDS)
    finally:
        client.close()


def aiokafka_writes(kafka: str, topic: str, sent: Sequence[bytes], compression: str) -> None:
    """aiokafka."""

    async def write() -> None:
        codec = None if compression == "none" else compression
        async with AIOKafkaProducer(
            bootstrap_servers=kafka, compression_type=codec, linger_ms=20
        ) as client:
            receipts = [await client.send(topic, value, partition=0) for value in sent]
            await asyncio.wait_for(asyncio.gather(*receipts), ANSWER_SECONDS)

    asyncio.run(write())


def librdkafka_reads(kafka: str, topic: str, count: int) -> list[bytes | None]:
    """confluent-kafka."""
    return clients.values(clients.read(kafka, topic, count))


def kafka_python_reads(kafka: str, topic: str, count: int) -> list[bytes | None]:
    """kafka-python."""
    client = KafkaConsumer(
        bootstrap_servers=kafka,
        auto_offset_reset="earliest",
        consumer_timeout_ms=int(ANSWER_SECONDS * 1000),
    )
    try:
        client.assign([PyTopicPartition(topic, 0)])
        return [next(client).value for _ in range(count)]
    finally:
        client.close()


def aiokafka_reads(kafka: str, topic: str, count: int) -> list[bytes | None]:
    """aiokafka."""

    async def read() -> list[bytes | None]:
        client = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
        client.assign([AioTopicPartition(topic, 0)])
        async with client:
            return [
                (await asyncio.wait_for(client.getone(), ANSWER_SECONDS)).value
                for _ in range(count)
            ]

    return asyncio.run(read())


WRITERS: dict[str, Writer] = {
    "librdkafka": librdkafka_writes,
    "kafka-python": kafka_python_writes,
    "aiokafka": aiokafka_writes,
}
READERS: dict[str, Reader] = {
    "librdkafka": librdkafka_reads,
    "kafka-python": kafka_python_reads,
    "aiokafka": aiokafka_reads,
}
