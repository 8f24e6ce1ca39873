"""Clients that go on while the server dies and returns, and note everything they see."""

import threading
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

from tests.crash.check_log import Final, Outcome, Place, Polled, Read, Sent

BURST = 20
WAITING_MAX = 500
BURST_SECONDS = 0.005
ANSWER_SECONDS = 60
POLL_SECONDS = 0.1
# Clients notice within a moment that the server is back, and do not tell of every attempt.
RECONNECT = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, "log_level": 0}


class Sender:
    """Sends to all partitions of a topic from a thread of its own until told to stop."""

    def __init__(self, name: str, kafka: str, topic: str, partitions: int, once: bool) -> None:
        self._name, self._topic, self._partitions = name, topic, partitions
        self._client = Producer(
            {
                "bootstrap.servers": kafka,
                "acks": "all",
                "enable.idempotence": once,
                # A sender that may repeat keeps its order only with one request under way.
                "max.in.flight": 5 if once else 1,
                "linger.ms": 1,
                "retry.backoff.ms": 20,
                "delivery.timeout.ms": ANSWER_SECONDS * 1000,
                **RECONNECT,
            }
        )
        self._numbers = count()
        self._waiting = 0
        self._answered = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.sent: list[Sent] = []
        self.acknowledged = 0

    def start(self) -> None:
        """Go."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; returns when every message has its answer."""
        self._stopping.set()
        self._thread.join(2 * ANSWER_SECONDS)
        assert not self._thread.is_alive(), f"{self._name} still waits for answers"

    def wait_for(self, acknowledgements: int) -> None:
        """Until so many more messages are acknowledged."""
        wanted = self.acknowledged + acknowledgements
        with self._answered:
            came = self._answered.wait_for(lambda: self.acknowledged >= wanted, ANSWER_SECONDS)
        assert came, f"{self._name}: no acknowledgement for {ANSWER_SECONDS} s"

    def _run(self) -> None:
        while not self._stopping.is_set():
            for _ in range(BURST if self._waiting < WAITING_MAX else 0):
                self._send(next(self._numbers))
            self._client.poll(BURST_SECONDS)
        self._client.flush(ANSWER_SECONDS)

    def _send(self, number: int) -> None:
        value = f"{self._name}:{number}"
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
        self.sent.append(Sent(self._name, place, value, number, outcome, offset))
        with self._answered:
            self.acknowledged += outcome is Outcome.OK
            self._answered.notify_all()


class Reader:
    """Follows a topic from a thread of its own and commits what it has read."""

    def __init__(self, name: str, kafka: str, topic: str, partitions: int) -> None:
        self._name, self._topic = name, topic
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
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.polls: list[Polled] = []
        self.committed: dict[int, int] = {}

    def start(self) -> None:
        """Go."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        self._thread.join(2 * ANSWER_SECONDS)

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

    def _run(self) -> None:
        while not self._stopping.is_set():
            read = by_partition(self._client.consume(200, POLL_SECONDS))
            for partition, messages in read.items():
                self.polls.append(Polled(self._name, (self._topic, partition), messages))
            if read:
                self._commit({partition: line[-1][0] + 1 for partition, line in read.items()})

    def _commit(self, ends: dict[int, int]) -> None:
        places = [TopicPartition(self._topic, each, end) for each, end in ends.items()]
        try:
            self._client.commit(offsets=places, asynchronous=False)
        except KafkaException:
            return  # the server is away: these are not promised
        self.committed |= ends


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
