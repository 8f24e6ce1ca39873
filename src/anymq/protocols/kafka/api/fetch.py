"""Fetch: batches from an offset on, as they are on disk; waits for some when there are none."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from anymq.core.broker import Broker
from anymq.core.errors import NotFound
from anymq.core.streams.partition import Partition
from anymq.protocols.kafka import errors
from anymq.protocols.kafka.api import fetch_response
from anymq.protocols.kafka.api.fetch_response import PartitionAnswer, TopicAnswer
from anymq.protocols.kafka.api.fetch_sessions import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    NO_SESSION,
    FetchSession,
    Key,
    Wanted,
)
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import fetch as schema
from anymq.storage.errors import OffsetOutOfRange, StorageError

KEY = 1
VERSIONS = range(4, 19)
TOPIC_IDS = 13
SESSIONS = 7
WAIT_MS_MAX = 300_000
RESPONSE_BYTES_MAX = 55 * 1024 * 1024  # Kafka's fetch.max.bytes

READ_COMMITTED = 1


def handle(call: Call, request: schema.FetchRequest) -> None:
    """Answer now if there is enough, else when there is, or when the time is up."""
    session = _session_of(call, request)
    if isinstance(session, ErrorCode):
        pieces, size = fetch_response.encode([], call.version, error=session)
        call.reply_pieces(pieces, size)
        return
    fetch = _Fetch(call, request, session)
    fetch.start()


def _session_of(call: Call, request: schema.FetchRequest) -> FetchSession | ErrorCode:
    """Return the session that the request continues, opens, or does without."""
    sessions = call.session.kafka.fetch_sessions
    now = call.broker.clock.monotonic()
    wanted = _wanted(request, by_id=call.version >= TOPIC_IDS)
    if request.session_epoch in (INITIAL_EPOCH, FINAL_EPOCH) or call.version < SESSIONS:
        if request.session_id != NO_SESSION:
            sessions.close(request.session_id)
        keep = request.session_epoch == INITIAL_EPOCH and call.version >= SESSIONS
        session = (sessions.open(now) if keep else None) or FetchSession(NO_SESSION)
        session.change(wanted, ())
        return session
    found = sessions.use(request.session_id, request.session_epoch, now)
    if isinstance(found, FetchSession):
        found.change(wanted, _forgotten(request, by_id=call.version >= TOPIC_IDS))
    return found


def _wanted(request: schema.FetchRequest, *, by_id: bool) -> list[tuple[Key, Wanted]]:
    return [
        (
            (topic.topic_id if by_id else topic.topic, asked.partition),
            Wanted(asked.fetch_offset, asked.partition_max_bytes, asked.current_leader_epoch),
        )
        for topic in request.topics
        for asked in topic.partitions
    ]


def _forgotten(request: schema.FetchRequest, *, by_id: bool) -> list[Key]:
    return [
        (topic.topic_id if by_id else topic.topic, partition)
        for topic in request.forgotten_topics_data
        for partition in topic.partitions
    ]


class _Fetch:
    """One fetch on its way to its answer."""

    def __init__(self, call: Call, request: schema.FetchRequest, session: FetchSession) -> None:
        self._call = call
        self._session = session
        self._incremental = request.session_epoch > 0 and session.id != NO_SESSION
        self._bytes_min = request.min_bytes
        self._bytes_max = min(max(request.max_bytes, 0), RESPONSE_BYTES_MAX)
        self._wait_ms = min(request.max_wait_ms, WAIT_MS_MAX)
        self._committed_only = request.isolation_level == READ_COMMITTED
        self._watched: list[tuple[Partition, Callable[[], None]]] = []
        self._available: dict[Key, int] = {}

    def start(self) -> None:
        """Read; wait when that is too little."""
        answers = self._read()
        enough = self._wait_ms <= 0 or not self._session.partitions
        if (
            enough
            or any(said.error for _, said in answers)
            or self._size(answers) >= self._bytes_min
        ):
            self._answer(answers)
        else:
            self._wait(answers)

    def _wait(self, answers: list[tuple[Key, PartitionAnswer]]) -> None:
        due = self._call.broker.clock.monotonic() + self._wait_ms / 1000
        self._timer = self._call.broker.timers.at(due, self._finish)
        self._call.on_gone = self._stop_waiting
        for key, said in answers:
            self._available[key] = said.size
            partition = _partition(self._call.broker, key)
            waiter = partial(self._more_in, key, partition)
            partition.watch(waiter)
            self._watched.append((partition, waiter))

    def _more_in(self, key: Key, partition: Partition) -> None:
        wanted = self._session.partitions.get(key)
        if wanted is None or self._call.output is not None:
            return
        try:
            found = partition.read(wanted.offset, wanted.bytes_max, at_least_one=True)
        except StorageError:
            self._finish()
            return
        self._available[key] = found.size if found is not None else 0
        if sum(self._available.values()) >= self._bytes_min:
            self._finish()

    def _finish(self) -> None:
        self._stop_waiting()
        self._answer(self._read())

    def _stop_waiting(self) -> None:
        self._timer.cancel()
        for partition, waiter in self._watched:
            partition.unwatch(waiter)
        self._watched.clear()

    def _read(self) -> list[tuple[Key, PartitionAnswer]]:
        left = self._bytes_max
        answers = []
        empty = True
        for key, wanted in self._session.partitions.items():
            said = _read_partition(self._call.broker, key, wanted, left, empty)
            answers.append((key, said))
            left = max(0, left - said.size)
            empty = empty and said.size == 0
        return answers

    def _size(self, answers: list[tuple[Key, PartitionAnswer]]) -> int:
        return sum(said.size for _, said in answers)

    def _answer(self, answers: list[tuple[Key, PartitionAnswer]]) -> None:
        topics: dict[object, TopicAnswer] = {}
        for key, said in answers:
            if self._incremental and not self._is_news(key, said):
                continue
            self._told(key, said)
            topic = key[0]
            if topic not in topics:
                topics[topic] = _topic_answer(topic)
            topics[topic].partitions.append(said)
        pieces, size = fetch_response.encode(
            list(topics.values()),
            self._call.version,
            session_id=self._session.id,
            committed_only=self._committed_only,
        )
        self._call.reply_pieces(pieces, size)

    def _is_news(self, key: Key, said: PartitionAnswer) -> bool:
        wanted = self._session.partitions[key]
        return (
            said.size > 0
            or said.error is not ErrorCode.NONE
            or said.high_watermark != wanted.high_watermark_told
            or said.log_start != wanted.log_start_told
        )

    def _told(self, key: Key, said: PartitionAnswer) -> None:
        wanted = self._session.partitions[key]
        wanted.high_watermark_told = said.high_watermark
        wanted.log_start_told = said.log_start
        if said.error is not ErrorCode.NONE:
            # So that the next answer repeats it, and says so when it is over.
            wanted.high_watermark_told = -1
        if self._session.id != NO_SESSION and said.size:
            self._session.to_the_end(key)


def _topic_answer(topic: object) -> TopicAnswer:
    if isinstance(topic, UUID):
        return TopicAnswer("", topic, [])
    return TopicAnswer(str(topic), UUID(int=0), [])


def _partition(broker: Broker, key: Key) -> Partition:
    topic, index = key
    if isinstance(topic, UUID):
        return broker.topic_by_id(topic).partition(index)
    return broker.topic(str(topic)).partition(index)


def _read_partition(
    broker: Broker, key: Key, wanted: Wanted, left: int, empty: bool
) -> PartitionAnswer:
    try:
        partition = _partition(broker, key)
    except NotFound:
        unknown_id = isinstance(key[0], UUID)
        code = ErrorCode.UNKNOWN_TOPIC_ID if unknown_id else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return PartitionAnswer(key[1], code)
    said = PartitionAnswer(key[1], ErrorCode.NONE, partition.visible_end, partition.start)
    error = errors.epoch_error(wanted.leader_epoch, partition.leader_epoch)
    if error is not ErrorCode.NONE:
        return PartitionAnswer(key[1], error)
    try:
        # The first batch comes whole, however small the limits: else a reader would never get on.
        if left > 0 or empty:
            bytes_max = min(wanted.bytes_max, left)
            said.records = partition.read(wanted.offset, bytes_max, at_least_one=empty)
    except OffsetOutOfRange:
        said.error = ErrorCode.OFFSET_OUT_OF_RANGE
        said.high_watermark = said.log_start = -1
    except StorageError:
        said.error = ErrorCode.KAFKA_STORAGE_ERROR
    return said
