"""Queries: the message at a place, and those of a topic by key, unique id or tag."""

from collections.abc import Callable, Iterator, Mapping

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.core.timers import Timer
from anymq.protocols.rocketmq import authorization, layout
from anymq.protocols.rocketmq.call import INT_MAX, Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.convert import Pulled
from anymq.protocols.rocketmq.errors import NoTopic, RocketMqError
from anymq.protocols.rocketmq.finding import (
    ALL_MS,
    Search,
    Test,
    Wanted,
    by_key,
    by_property,
)

UNIQUE = "_UNIQUE_KEY_QUERY"  # a field beside the header's own
UNIQUE_COUNT_MAX, COUNT_MAX = 32, 256
SLICE_SECONDS = 0.002
REST_SECONDS = 0.002  # between two slices: others have their turns
QUERIES_MAX = 20  # at once, of all clients
_NOT_FOUND = "can not find message, maybe time range not correct"

_KINDS: Mapping[str, Callable[[bytes], Test]] = {
    "K": by_key,
    "U": lambda key: by_property(b"UNIQ_KEY", key),
    "T": lambda key: by_property(b"TAGS", key),
}


def by_id(call: Call) -> None:
    """Answer with the message at a physical offset, which is what offset ids say."""
    log_id, offset = layout.place_of(call.number("offset", at_least=0))
    partition = _partition(call, log_id)
    if partition is None or not partition.start <= offset < partition.visible_end:
        raise _nothing(call)
    authorization.topic(call, Operation.READ, partition.topic_name)
    rocketmq = call.rocketmq
    teller = rocketmq.teller(partition.topic_name, call.client.store_host)
    pulled = Pulled(teller, partition.index, log_id)
    reader = Reader(partition, offset, rocketmq.unpacked)
    reader.read(1, 1, lambda at, *record: at == offset and pulled.take(at, *record))
    if not pulled.parts:
        raise _nothing(call)
    call.answer(body=b"".join(pulled.parts))


def _partition(call: Call, log_id: int) -> Partition | None:
    """Return the queue with this log; newer clients say the topic, too."""
    topics = call.broker.topics
    named = topics.get(call.text("topic", ""))
    for topic in [named] if named is not None else []:
        for partition in topic.partitions:
            if partition.log.id == log_id:
                return partition
    every = (partition for topic in topics.values() for partition in topic.partitions)
    return next((one for one in every if one.log.id == log_id), None)


def _nothing(call: Call) -> Refused:
    said = call.text("offset")
    return RocketMqError(
        ResponseCode.SYSTEM_ERROR, f"can not find message by the offset, {said[:32]}"
    )


def by_key_of_topic(call: Call) -> None:
    """Look for messages; answer when they are found, or enough was looked through."""
    name = call.text("topic")
    authorization.topic(call, Operation.READ, name)
    topic = call.broker.topics.get(name)
    if topic is None:
        raise NoTopic(name)
    rocketmq = call.rocketmq
    if len(rocketmq.queries) >= QUERIES_MAX:
        raise RocketMqError(ResponseCode.SYSTEM_BUSY, f"{QUERIES_MAX} queries run already")
    teller = rocketmq.teller(name, call.client.store_host)
    bytes_max = rocketmq.settings.query_bytes_max
    search = Search(topic, teller, _wanted(call), call.now_ms(), bytes_max)
    _Query(call, search).start()


def _wanted(call: Call) -> Wanted:
    key = call.text("key").encode(errors="surrogateescape")
    is_unique = call.flag(UNIQUE) or call.text("indexType", "") == "U"
    kind = "U" if is_unique else call.text("indexType", "K")
    if not key or kind not in _KINDS:
        raise RocketMqError(ResponseCode.INVALID_PARAMETER, "a query needs a key of a known type")
    count = call.number("maxNum", UNIQUE_COUNT_MAX, at_least=0, at_most=INT_MAX)
    return Wanted(
        key=key,
        holds=_KINDS[kind](key),
        is_unique=is_unique,
        begin_ms=max(0, call.number("beginTimestamp", 0)),
        end_ms=min(ALL_MS, max(0, call.number("endTimestamp", ALL_MS))),
        most=UNIQUE_COUNT_MAX if is_unique else max(1, min(count, COUNT_MAX)),
    )


class _Query:
    """One search on its way to its answer, a slice at a time."""

    def __init__(self, call: Call, search: Search) -> None:
        self._call = call
        self._search = search
        self._pieces: Iterator[None] = search.pieces()
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin."""
        self._call.rocketmq.queries.add(self)
        self._call.later(self._stop)
        self._go_on()

    def _go_on(self) -> None:
        clock = self._call.broker.clock
        until = clock.monotonic() + SLICE_SECONDS
        for _ in self._pieces:
            now = clock.monotonic()
            if now >= until:
                self._timer = self._call.broker.timers.at(now + REST_SECONDS, self._go_on)
                return
        self._stop()
        self._answer()

    def _stop(self) -> None:
        self._call.rocketmq.queries.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _answer(self) -> None:
        found = self._search.newest
        newest = found[-1] if found else None
        ext = {
            "indexLastUpdateTimestamp": 0 if newest is None else newest.stored_ms,
            "indexLastUpdatePhyoffset": 0 if newest is None else newest.physical,
        }
        if newest is not None:
            self._call.answer(ext, b"".join([one.content for one in found]))
            return
        remark = _NOT_FOUND
        if self._search.exhausted:
            remark += f"; the newest {self._search.examined >> 20} MiB were looked through"
        self._call.refuse(ResponseCode.QUERY_NOT_FOUND, remark, ext)


CODES = {RequestCode.VIEW_MESSAGE_BY_ID: by_id, RequestCode.QUERY_MESSAGE: by_key_of_topic}
