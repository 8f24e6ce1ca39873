"""Producers and consumers of Kafka, at one topic of one partition."""

import sys
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any

from typing_extensions import override

from anymq.protocols.kafka.codec import (
    FrameAssembler,
    RequestHeader,
    decode_response_header,
    encode_request_header,
    frame,
    response_header_is_flexible,
)
from anymq.protocols.kafka.schema.generated import (
    create_topics,
    delete_topics,
    fetch,
    init_producer_id,
    join_group,
    leave_group,
    offset_commit,
    produce,
    sync_group,
)
from anymq.storage import records
from anymq.storage.batch import LENGTH_END
from anymq.storage.records import Record
from tests.crash.check_log import Outcome, Polled, Sent
from tests.simulation.actor import Actor, Place
from tests.simulation.node import TOPIC
from tests.simulation.world import World

PLACE = (TOPIC, 0)
FRAME_BYTES_MAX = 1 << 24
VERSIONS = {
    produce.KEY: 9,
    fetch.KEY: 12,
    init_producer_id.KEY: 4,
    join_group.KEY: 9,
    sync_group.KEY: 5,
    offset_commit.KEY: 8,
    leave_group.KEY: 5,
    create_topics.KEY: 6,
    delete_topics.KEY: 5,
}  # the newest with names of topics
RETRIABLE = {3, 5, 6, 7, 56}  # unknown topic, no leader, not the leader, timed out, storage
DUPLICATE = 46
OUT_OF_RANGE = 1
OUT_OF_ORDER = 45
Hears = Callable[[Any], None]


class KafkaActor(Actor):
    """A connection on which answers come in the order of the requests."""

    protocol = "kafka"

    @override
    def greet(self) -> None:
        self._frames = FrameAssembler(FRAME_BYTES_MAX, 0)
        self._asked: deque[tuple[ModuleType, Hears]] = deque()
        self.begin()

    def begin(self) -> None:
        """We are in."""

    def ask(self, request: Any, hears: Hears) -> None:
        """Send a request."""
        schema = sys.modules[type(request).__module__]
        version = VERSIONS[schema.KEY]
        self._asked.append((schema, hears))
        header = RequestHeader(schema.KEY, version, 7, self.name)
        head = encode_request_header(header, version >= schema.FLEXIBLE)
        assert self.link is not None
        self.link.say(bytes(frame(head, schema.encode_request(request, version))))

    @override
    def listen(self) -> None:
        data, self.heard = self.heard, b""
        for one, _ in self._frames.feed(memoryview(data)):
            schema, hears = self._asked.popleft()
            version, answer = VERSIONS[schema.KEY], bytes(one)
            tags = response_header_is_flexible(schema.KEY, version >= schema.FLEXIBLE)
            _, at = decode_response_header(answer, tags)
            hears(schema.decode_response(answer, at, version))
            if self.link is None:
                return

    def hang_up(self) -> None:
        """Begin anew with another connection."""
        if self.link is not None:
            self.link.cut()


class KafkaProducer(KafkaActor):
    """Idempotent: it sends again what was not answered, and each must be there once, in order."""

    def __init__(self, world: World, place: Place, name: str, count: int) -> None:
        self._left = count
        self._number = self._sequence = 0
        self._id = self._epoch = -1
        self._under_way: list[tuple[int, list[Sent]]] = []  # with the sequence of the first
        self.sent: dict[str, Sent] = {}
        self._window = world.rng.choice((1, 2, 5))
        super().__init__(world, place, name)

    @property
    @override
    def done(self) -> bool:
        return not (self._left or self._under_way)

    @override
    def begin(self) -> None:
        if self._id < 0:
            wish = init_producer_id.InitProducerIdRequest(transaction_timeout_ms=1000)
            self.ask(wish, self._on_id)
        else:
            for sequence, batch in self._under_way:
                self._send(sequence, batch)
            self._go_on()

    def _on_id(self, answer: init_producer_id.InitProducerIdResponse) -> None:
        if answer.error_code:
            self.hang_up()
            return
        self._id, self._epoch = answer.producer_id, answer.producer_epoch
        self._go_on()

    def _go_on(self) -> None:
        if self._left and len(self._under_way) < self._window:
            batch = []
            for _ in range(min(self._left, self.world.rng.choice((1, 1, 3, 8)))):
                self._left -= 1
                self._number += 1
                value = f"{self.name}:{self._number}"
                one = Sent(self.name, PLACE, value, self._number, Outcome.UNKNOWN)
                self.sent[value] = one
                batch.append(one)
            self._under_way.append((self._sequence, batch))
            self._send(self._sequence, batch)
            self._sequence += len(batch)
        if self._left:
            self.later(self.world.between(0.001, 0.2), self._go_on)

    def _send(self, sequence: int, batch: list[Sent]) -> None:
        data = records.build(
            [Record(one.value.encode(), timestamp=self.world.wall_ms()) for one in batch],
            producer_id=self._id,
            producer_epoch=self._epoch,
            base_sequence=sequence,
        )
        part = produce.PartitionProduceData(0, data)
        topic = produce.TopicProduceData(name=TOPIC, partition_data=[part])
        wish = produce.ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic])
        self.ask(wish, lambda answer: self._on_answer(sequence, answer))

    def _on_answer(self, sequence: int, answer: produce.ProduceResponse) -> None:
        [part] = answer.responses[0].partition_responses
        if part.error_code in RETRIABLE:
            self.hang_up()  # and send all of it again, in order
            return
        assert part.error_code != OUT_OF_ORDER, f"{self.name}: lost what was acknowledged"
        assert part.error_code in (0, DUPLICATE), (self.name, part)
        first, batch = self._under_way.pop(0)
        assert first == sequence
        for offset, one in enumerate(batch, part.base_offset):
            known = None if part.error_code else offset
            self.sent[one.value] = Sent(
                one.sender, one.place, one.value, one.number, Outcome.OK, known
            )


class KafkaConsumer(KafkaActor):
    """Reads from the start to the end, and waits there."""

    def __init__(self, world: World, place: Place, name: str) -> None:
        self.at = 0
        self.polls: list[Polled] = []
        self._bytes = world.rng.choice((1, 300, 2000))
        super().__init__(world, place, name)

    @override
    def begin(self) -> None:
        part = fetch.FetchPartition(0, fetch_offset=self.at, partition_max_bytes=self._bytes)
        topic = fetch.FetchTopic(topic=TOPIC, partitions=[part])
        wait = self.world.rng.choice((0, 100, 500))
        wish = fetch.FetchRequest(max_wait_ms=wait, min_bytes=1, topics=[topic])
        self.ask(wish, self._on_answer)

    def _on_answer(self, answer: fetch.FetchResponse) -> None:
        for topic in answer.responses:
            for part in topic.partitions:
                assert part.error_code != OUT_OF_RANGE, f"{self.name}: lost what was read before"
                assert part.error_code in {0, *RETRIABLE}, (self.name, part)
                self._read(bytes(part.records or b""))
        self.later(self.world.between(0.001, 0.05), self.begin)

    def _read(self, data: bytes) -> None:
        found: list[tuple[int, str]] = []
        while len(data) > LENGTH_END:
            size = LENGTH_END + int.from_bytes(data[8:12], "big")
            if len(data) < size:
                break
            base = int.from_bytes(data[:8], "big")
            for delta, record in enumerate(records.iterate(data[:size])):
                if base + delta >= self.at:
                    found.append((base + delta, (record.value or b"").decode()))
            data = data[size:]
        if found:
            self.at = found[-1][0] + 1
            self.polls.append(Polled(self.name, PLACE, found))
