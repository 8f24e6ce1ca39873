"""Fetch: batches from an offset on, as they are on disk; waits for some when there are none."""

from functools import partial
from uuid import UUID

from anymq.core.errors import NotFound
from anymq.core.shares.queue_view import QueueView
from anymq.core.streams.naming import NAME_LENGTH_MAX
from anymq.core.streams.partition import Partition
from anymq.core.timers import Timer
from anymq.protocols.kafka.api import fetch_reading, fetch_response
from anymq.protocols.kafka.api.fetch_response import PartitionAnswer, TopicAnswer
from anymq.protocols.kafka.api.fetch_sessions import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    NO_SESSION,
    Asked,
    FetchSession,
    Key,
    Wanted,
)
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.primitives import NULL_UUID, MalformedFrame
from anymq.protocols.kafka.schema.generated import fetch as schema
from anymq.storage.errors import StorageError
from anymq.storage.files import FileRange

KEY = 1
VERSIONS = range(4, 19)
TOPIC_IDS = 13
WAIT_MS_MAX = 300_000
DELETED_MAX = 10_000  # partitions that a consumer has yet to notice are gone
# Who names so many partitions that it takes much memory does not wait with all that for long.
LARGE_BYTES = 1024 * 1024
LARGE_WAIT_MS_MAX = 1000

READ_COMMITTED = 1


def handle(call: Call, request: schema.FetchRequest) -> None:
    """Answer now if there is enough, else when there is, or when the time is up."""
    session = _session_of(call, request)
    if isinstance(session, ErrorCode):
        call.reply_pieces(*fetch_response.encode([], call.version, error=session))
    else:
        _Fetch(call, request, session).start()


def _session_of(call: Call, request: schema.FetchRequest) -> FetchSession | ErrorCode:
    """Return the session that the request continues, opens, or does without."""
    _check_size(call, request)
    sessions = call.session.kafka.fetch_sessions
    now = call.broker.clock.monotonic()
    by_id = call.version >= TOPIC_IDS
    asked = _asked(request, by_id=by_id)
    id, epoch = request.session_id, request.session_epoch
    if epoch not in (INITIAL_EPOCH, FINAL_EPOCH):
        forgotten = _forgotten(request, by_id=by_id)
        return sessions.go_on(id, epoch, asked, forgotten, now, by_id=by_id)
    if id != NO_SESSION:
        sessions.close(id)  # who begins anew does not come back to it
    if epoch == INITIAL_EPOCH:
        return sessions.open(asked, now, by_id=by_id)
    session = FetchSession(NO_SESSION, by_id)
    session.change(asked)
    return session


def _check_size(call: Call, request: schema.FetchRequest) -> None:
    """Refuse what no consumer asks for: each partition costs us time, and a session keeps it."""
    asked = sum(len(topic.partitions) for topic in request.topics)
    if asked > call.broker.partition_count + DELETED_MAX:
        raise MalformedFrame(f"Fetch of {asked} partitions, more than there are")
    if any(len(topic.topic) > NAME_LENGTH_MAX for topic in request.topics):
        raise MalformedFrame("Fetch of a topic whose name is too long for one")


def _asked(request: schema.FetchRequest, *, by_id: bool) -> Asked:
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
        self._bytes_max = min(
            max(request.max_bytes, 0), call.session.kafka.settings.fetch_bytes_max
        )
        self._bytes_min = min(request.min_bytes, self._bytes_max)
        self._wait_ms = min(
            request.max_wait_ms, WAIT_MS_MAX if call.size < LARGE_BYTES else LARGE_WAIT_MS_MAX
        )
        self._committed_only = request.isolation_level == READ_COMMITTED
        self._answers: list[tuple[Key, PartitionAnswer]] = []
        self._partitions: dict[Key, Partition | QueueView] = {}
        self._available: dict[Key, int] = {}  # while waiting: how much each would give now
        self._available_bytes = 0  # and all together
        self._watched: list[tuple[Partition | QueueView, partial[None]]] = []
        self._timer: Timer | None = None

    def start(self) -> None:
        """Read; wait when that is too little."""
        self._read()
        # What is not there at all is no reason to answer before the time: the others may get news.
        failed = any(said.error and key in self._partitions for key, said in self._answers)
        size = sum(said.size for _, said in self._answers)
        if failed or self._wait_ms <= 0 or not self._partitions or size >= self._bytes_min:
            self._answer()
        else:
            self._wait()

    def _read(self) -> None:
        broker, version = self._call.broker, self._call.version
        access = self._call.session.access
        left = self._bytes_max
        first = True
        self._answers.clear()
        self._partitions.clear()
        for key, wanted in self._session.partitions.items():
            said, partition = fetch_reading.read(
                broker, access, key, wanted, left, version, first=first
            )
            self._answers.append((key, said))
            if partition is not None:
                self._partitions[key] = partition
            if said.size:
                left = max(0, left - said.size)
                first = False

    def _wait(self) -> None:
        due = self._call.broker.clock.monotonic() + self._wait_ms / 1000
        self._timer = self._call.broker.timers.at(due, self._finish)
        self._call.on_gone = self._stop_waiting
        self._available = {key: said.size for key, said in self._answers}
        self._available_bytes = sum(self._available.values())
        for key, partition in self._partitions.items():
            waiter = partial(self._more_in, key, partition)
            partition.watch(waiter)
            self._watched.append((partition, waiter))

    def _more_in(self, key: Key, partition: Partition | QueueView) -> None:
        if self._timer is None:
            return  # the answer is on its way
        wanted = self._session.partitions.get(key)
        if wanted is None or self._is_gone(key, partition):
            self._finish()
            return
        try:
            found = fetch_reading.read_batches(partition, wanted, self._bytes_max, first=True)
        except StorageError:
            self._finish()
            return
        size = found.size if found is not None else 0
        self._available_bytes += size - self._available[key]
        self._available[key] = size
        if self._available_bytes >= self._bytes_min:
            self._finish()

    def _is_gone(self, key: Key, partition: Partition | QueueView) -> bool:
        """Was the topic deleted, or made anew under its name?"""
        try:
            topic = fetch_reading.find_topic(self._call.broker, key)
        except NotFound:
            return True
        return key[1] >= len(topic.partitions) or topic.partitions[key[1]] is not partition

    def _finish(self) -> None:
        self._stop_waiting()
        self._read()
        self._answer()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for partition, waiter in self._watched:
            partition.unwatch(waiter)
        self._watched.clear()

    def _answer(self) -> None:
        topics: dict[object, TopicAnswer] = {}
        for key, said in self._answers:
            if self._incremental and not self._is_news(key, said):
                continue
            self._told(key, said)
            if said.tap is not None and isinstance(said.records, FileRange):
                topic = self._partitions[key].topic_name
                said.tap.fetched(topic, said.index, said.records, self._call.session.who)
            name = key[0]
            if name not in topics:
                topics[name] = _topic_answer(name)
            topics[name].partitions.append(said)
        pieces, size = fetch_response.encode(
            list(topics.values()),
            self._call.version,
            session_id=self._session.id,
            committed_only=self._committed_only,
        )
        self._call.session.kafka.counters.bytes_out += size
        self._call.reply_pieces(pieces, size)

    def _is_news(self, key: Key, said: PartitionAnswer) -> bool:
        wanted = self._session.partitions.get(key)
        return (
            wanted is None
            or said.size > 0
            or said.error is not ErrorCode.NONE
            or said.high_watermark != wanted.high_watermark_told
            or said.log_start != wanted.log_start_told
        )

    def _told(self, key: Key, said: PartitionAnswer) -> None:
        wanted = self._session.partitions.get(key)
        if wanted is None:
            return
        failed = said.error is not ErrorCode.NONE
        # After an error -1: so that the client hears when it is over.
        wanted.high_watermark_told = -1 if failed else said.high_watermark
        wanted.log_start_told = said.log_start
        if self._session.id != NO_SESSION and said.size:
            self._session.to_the_end(key)


def _topic_answer(topic: object) -> TopicAnswer:
    if isinstance(topic, UUID):
        return TopicAnswer("", topic, [])
    return TopicAnswer(str(topic), NULL_UUID, [])
