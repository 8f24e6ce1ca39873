"""Kafka clients that go on while the server dies and returns, and note everything they see."""

import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic
from typing_extensions import override

from tests.crash.check_log import Final, History, Outcome, Place, Polled, Read, Sent, judged
from tests.crash.worker import ANSWER_SECONDS, Busy, Load

BURST = 20
WAITING_MAX = 500
BURST_SECONDS = 0.005
POLL_SECONDS = 0.1
PARTITIONS = 3
ONCE, PLAIN = "once", "plain"
# Clients notice within a moment that the server is back, and do not tell of every attempt.
RECONNECT = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, "log_level": 0}


class Sender(Busy):
    """Sends to all partitions of a topic."""

    def __init__(self, name: str, kafka: str, topic: str, partitions: int, once: bool) -> None:
        super().__init__(name)
        self._topic, self._partitions = topic, partitions
        self._client = Producer(
            {
                "bootstrap.servers": kafka,
                "acks": "all",
                "enable.idempotence": once,
                # A sender that may repeat keeps its order only with one request under way.
                "max.in.flight": 5 if once else 1,
                "linger.ms": 1,
                "retry.backoff.ms": 20,
                "delivery.timeout.ms": int(ANSWER_SECONDS * 1000),
                **RECONNECT,
            }
        )
        self._numbers = count()
        self._waiting = 0
        self.sent: list[Sent] = []

    @override
    def work(self) -> None:
        """At the end, every message has its answer."""
        while not self.stopping.is_set():
            for _ in range(BURST if self._waiting < WAITING_MAX else 0):
                self._send(next(self._numbers))
            self._client.poll(BURST_SECONDS)
        self._client.flush(ANSWER_SECONDS)

    def _send(self, number: int) -> None:
        value = f"{self.name}:{number}"
        partition = number % self._partitions
        self._waiting += 1

        def answered(error: KafkaError | None, message: Message) -> None:
            self._note((self._topic, partition), value, number, error, message)

        self._client.produce(self._topic, value, partition=partition, on_delivery=answered)

    def _note(
        self, place: Place, value: str, number: int, error: KafkaError | None, message: Message
    ) -> None:
        outcome = Outcome.UNKNOWN if error else Outcome.OK
        offset = None if error else message.offset()
        self._waiting -= 1
        self.sent.append(Sent(self.name, place, value, number, outcome, offset))
        self.progressed(outcome is Outcome.OK)


class Reader(Busy):
    """Follows a topic and commits what it has read."""

    def __init__(self, name: str, kafka: str, topic: str, partitions: int) -> None:
        super().__init__(name)
        self._topic = topic
        self._client = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": name,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                **RECONNECT,
            }
        )
        self._client.assign([TopicPartition(topic, each, 0) for each in range(partitions)])
        self.polls: list[Polled] = []
        self.committed: dict[int, int] = {}

    def lost_commits(self) -> dict[int, tuple[int, int]]:
        """Partitions whose committed offset is behind what was acknowledged: (told, found)."""
        asked = [TopicPartition(self._topic, partition) for partition in self.committed]
        found = self._client.committed(asked, ANSWER_SECONDS)
        self._client.close()
        return {
            each.partition: (self.committed[each.partition], each.offset)
            for each in found
            if each.offset < self.committed[each.partition]
        }

    @override
    def work(self) -> None:
        """Read on."""
        while not self.stopping.is_set():
            read = by_partition(self._client.consume(200, POLL_SECONDS))
            for partition, messages in read.items():
                self.polls.append(Polled(self.name, (self._topic, partition), messages))
                self.progressed(len(messages))
            if read:
                self._commit({partition: line[-1][0] + 1 for partition, line in read.items()})

    def _commit(self, ends: dict[int, int]) -> None:
        places = [TopicPartition(self._topic, each, end) for each, end in ends.items()]
        try:
            self._client.commit(offsets=places, asynchronous=False)
        except KafkaException:
            return  # the server is away: these are not promised
        self.committed |= ends


class KafkaLoad(Load):
    """Senders and readers of a topic whose senders are idempotent, and of one of others."""

    ration = 500

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        admin = AdminClient({"bootstrap.servers": kafka})
        topics = [NewTopic(name, PARTITIONS, 1) for name in (ONCE, PLAIN)]
        for made in admin.create_topics(topics).values():
            made.result(ANSWER_SECONDS)
        self.publishers: Sequence[Sender] = [
            Sender("idempotent-1", kafka, ONCE, PARTITIONS, once=True),
            Sender("idempotent-2", kafka, ONCE, PARTITIONS, once=True),
            Sender("plain-1", kafka, PLAIN, PARTITIONS, once=False),
        ]
        self.consumers: Sequence[Reader] = [
            Reader(f"reader-{each}", kafka, each, PARTITIONS) for each in (ONCE, PLAIN)
        ]
        self._newcomers: list[Sender] = []

    @override
    def newcomer(self, cycle: int) -> None:
        """Idempotent: its producer id must be a new one."""
        sender = Sender(f"newcomer-{cycle}", self._kafka, ONCE, PARTITIONS, once=True)
        self._newcomers.append(sender)
        sender.start()
        sender.wait_for(1)
        sender.stop()

    @override
    def judge(self, *, settled_stays: bool) -> str:
        senders = [*self.publishers, *self._newcomers]
        sent = [each for sender in senders for each in sender.sent]
        polls = [each for reader in self.consumers for each in reader.polls]
        topics = (ONCE, PLAIN)
        finals = [each for topic in topics for each in read_all(self._kafka, topic, PARTITIONS)]
        summary = judged(History(sent, polls, finals), once={ONCE})
        assert [reader.lost_commits() for reader in self.consumers] == [{}, {}]
        return summary


def by_partition(messages: Sequence[Message]) -> dict[int, list[Read]]:
    """Offsets and values, leaving out what is only news of the connection."""
    read = defaultdict(list)
    for message in messages:
        if message.error() is None:
            value = (message.value() or b"").decode()
            read[message.partition() or 0].append((message.offset() or 0, value))
    return dict(read)


def read_all(kafka: str, topic: str, partitions: int) -> list[Final]:
    """Every partition from its start to its end."""
    client = Consumer(
        {"bootstrap.servers": kafka, "group.id": "final", "auto.offset.reset": "error"}
    )
    try:
        return [_read_partition(client, topic, partition) for partition in range(partitions)]
    finally:
        client.close()


def _read_partition(client: Consumer, topic: str, partition: int) -> Final:
    place = TopicPartition(topic, partition, OFFSET_BEGINNING)
    _, end = client.get_watermark_offsets(place, ANSWER_SECONDS)
    client.assign([place])
    messages: list[Read] = []
    deadline = time.monotonic() + ANSWER_SECONDS
    while not messages or messages[-1][0] < end - 1:
        assert time.monotonic() < deadline, f"{topic}/{partition}: {len(messages)} of {end} came"
        if end == 0:
            break
        messages += by_partition(client.consume(1000, POLL_SECONDS)).get(partition, [])
    return Final((topic, partition), messages)
