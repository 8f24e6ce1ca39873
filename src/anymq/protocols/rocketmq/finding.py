"""Finding: messages of a topic by key, unique id or tag, without an index.

The newest first, so much of a log at a time: a look for the key's bytes leaves out nearly every
batch, and only the others are taken apart (about 1 GB a second; sending costs nothing more). A
unique id says when it was made, in the month and time zone of its maker: there is looked first.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from anymq.config.units import KIB, MIB, MINUTE_MS
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import RATIO_MAX
from anymq.core.streams.topic import Topic
from anymq.observability.log import Log as News
from anymq.protocols.rocketmq.convert import Teller, lay_out, own_form
from anymq.protocols.rocketmq.form import fixed_bytes
from anymq.protocols.rocketmq.layout import physical_offset, property_of
from anymq.storage import records
from anymq.storage.batch import CONTROL, HEADER_BYTES, LOG_APPEND_TIME, BatchHeader, read_header
from anymq.storage.errors import CorruptBatch, StorageError

PIECE_BYTES = 256 * KIB  # read at once: well below a millisecond of work, when nothing is found
CHUNK = 20_000  # messages: so many are gone through forwards, before those in front of them
RESULT_BYTES_MAX = 8 * MIB
LOOKUPS_MAX = 2000  # of likely times, in all queues together
ALL_MS = 1 << 62  # no end of time
# The id's clock, and where it may have been: UTC first, then China, then all others.
_ZONES_MS = sorted(
    (quarter * 15 * MINUTE_MS for quarter in range(-48, 57)),
    key=lambda zone: (zone != 0, zone != 8 * 60 * MINUTE_MS, abs(zone)),
)
_EARLIER_MS, _LATER_MS = 5_000, 30_000  # of an id's time: clocks differ, and sends are repeated
_ID_IPV4, _ID_IPV6 = 32, 56  # letters of an id, by the address in it
_ID_TIME_AT = -12  # letters from the end: time 8, counter 4
MONTH_MS_MAX = 33 * 24 * 60 * MINUTE_MS
_OLD_CPP_MS = -25 * 60 * MINUTE_MS  # where C++ clients before 2.0 begin, and write it backwards

news = News(__name__)

Test = Callable[[bytes], bool]  # told the properties


class Wanted(NamedTuple):
    """What is looked for."""

    key: bytes
    holds: Test
    is_unique: bool = False
    begin_ms: int = 0
    end_ms: int = ALL_MS
    most: int = 32


class Found(NamedTuple):
    """One message, as clients read it."""

    stored_ms: int
    physical: int
    content: bytes


class Search:
    """One search through a topic, piece by piece."""

    def __init__(
        self, topic: Topic, teller: Teller, wanted: Wanted, now_ms: int, bytes_max: int
    ) -> None:
        self.examined = 0  # bytes
        self.found: dict[int, Found] = {}  # by physical offset
        self._size = 0
        self._topic = topic
        self._teller = teller
        self._wanted = wanted
        self._now_ms = now_ms
        self._bytes_max = bytes_max

    @property
    def exhausted(self) -> bool:
        """Was so much looked through that it was given up?"""
        return self.examined >= self._bytes_max

    @property
    def newest(self) -> list[Found]:
        """Return the newest of what was found, in their order."""
        found = sorted(self.found.values())
        return found[-self._wanted.most :]

    def pieces(self) -> Iterator[None]:
        """Look through another piece at each step."""
        for begin_ms, end_ms in self._spans():
            for partition in self._topic.partitions:
                yield from self._backwards(partition, begin_ms, end_ms)
            if self.exhausted or (self._wanted.is_unique and self.found):
                return

    def _spans(self) -> Iterator[tuple[int, int]]:
        wanted = self._wanted
        if wanted.is_unique:
            times = islice(
                likely_times(wanted.key, self._now_ms),
                LOOKUPS_MAX // len(self._topic.partitions),
            )
            for begin_ms, end_ms in times:
                if begin_ms <= wanted.end_ms and end_ms >= wanted.begin_ms:
                    yield max(begin_ms, wanted.begin_ms), min(end_ms, wanted.end_ms)
        yield wanted.begin_ms, wanted.end_ms

    def _backwards(self, partition: Partition, begin_ms: int, end_ms: int) -> Iterator[None]:
        try:
            first, last = _between(partition, begin_ms, end_ms)
            yield
            enough = len(self.found) + self._wanted.most
            while first < last and len(self.found) < enough and not self._is_full:
                low = max(first, last - CHUNK)
                yield from self._forwards(partition, low, last)
                last = low
        except (StorageError, CorruptBatch) as error:
            news.warning("a queue cannot be searched", topic=partition.topic_name, error=str(error))

    @property
    def _is_full(self) -> bool:
        return self.exhausted or self._size >= RESULT_BYTES_MAX

    def _forwards(self, partition: Partition, offset: int, end: int) -> Iterator[None]:
        while offset < end and not self._is_full:
            there = partition.read(offset, PIECE_BYTES)
            if there is None:
                return
            data = there.read()
            self.examined += len(data)
            offset = self._look(partition, data, offset, end)
            yield

    def _look(self, partition: Partition, data: bytes, first: int, end: int) -> int:
        """Look at whole batches; return the offset after them."""
        at, following = 0, end
        while at + HEADER_BYTES <= len(data):
            header = read_header(data, at)
            stop = at + header.size
            if stop > len(data) or header.base_offset >= end:
                break
            following = header.next_offset
            if not header.attributes & CONTROL and (
                header.compression or data.find(self._wanted.key, at, stop) >= 0
            ):
                self._open(partition, data[at:stop], header, range(first, end))
            at = stop
        return following

    def _open(
        self, partition: Partition, batch: bytes, header: BatchHeader, offsets: range
    ) -> None:
        body = records.body_of(batch, header, bytes_max=RATIO_MAX * max(len(batch), MIB))
        if self._wanted.key not in body:
            return
        appended = header.attributes & LOG_APPEND_TIME
        for delta, time_delta, key, start, value_start, stop in records.slices(body, header):
            offset = header.base_offset + delta
            if offset in offsets and body.find(self._wanted.key, start, stop) >= 0:
                value, headers = records.split_of(body, value_start, stop)
                time_ms = header.max_timestamp if appended else header.base_timestamp + time_delta
                self._meet(partition, offset, time_ms, (key, value, headers))

    def _meet(
        self,
        partition: Partition,
        offset: int,
        time_ms: int,
        record: tuple[bytes | None, bytes | None, bytes],
    ) -> None:
        key, value, headers = record
        wanted = self._wanted
        if not wanted.begin_ms <= time_ms <= wanted.end_ms:
            return
        form = own_form(headers) or self._teller.form(key, value, headers, time_ms)
        if wanted.holds(form[fixed_bytes(form) :]):
            physical = physical_offset(partition.log.id, offset)
            parts: list[bytes] = []
            place = partition.index, offset, physical, time_ms
            self._size += lay_out(parts, self._teller, form, place, value or b"")
            self.found[physical] = Found(time_ms, physical, b"".join(parts))


def by_key(key: bytes) -> Test:
    """Return what says whether one of a message's keys, or its unique id, is this one."""
    is_id = by_property(b"UNIQ_KEY", key)
    return lambda said: key in (property_of(said, b"KEYS") or b"").split(b" ") or is_id(said)


def by_property(name: bytes, value: bytes) -> Test:
    """Return what says whether a property has this value."""
    return lambda said: property_of(said, name) == value


def likely_times(unique_id: bytes, now_ms: int) -> Iterable[tuple[int, int]]:
    """Yield when a message with this id was probably sent, the likeliest first.

    Clients write the milliseconds since the month began, where they are.
    """
    if len(unique_id) not in (_ID_IPV4, _ID_IPV6):
        return
    try:
        time = bytes.fromhex(unique_id[_ID_TIME_AT : _ID_TIME_AT + 8].decode())
    except ValueError:
        return
    of_old_cpp = _OLD_CPP_MS + int.from_bytes(time, "little")
    for since_ms in (int.from_bytes(time, "big"), of_old_cpp):
        yield from _around(since_ms, now_ms)


def _around(since_ms: int, now_ms: int) -> Iterator[tuple[int, int]]:
    """Yield where so long after the beginning of a month was, in all time zones."""
    for month_ms in _months(now_ms):
        if since_ms < MONTH_MS_MAX and month_ms + since_ms <= now_ms + 15 * 60 * MINUTE_MS:
            for zone_ms in _ZONES_MS:
                sent_ms = month_ms + since_ms - zone_ms
                yield sent_ms - _EARLIER_MS, sent_ms + _LATER_MS
            return


def _months(now_ms: int) -> Sequence[int]:
    """Return when this month began, and the one before it, in UTC."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    this = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = (this.year - 1, 12) if this.month == 1 else (this.year, this.month - 1)
    return [int(one.timestamp() * 1000) for one in (this, this.replace(year=year, month=month))]


def _between(partition: Partition, begin_ms: int, end_ms: int) -> tuple[int, int]:
    """Return the offsets of what came in a time; the last one is not of it."""
    first, last = partition.start, partition.visible_end
    if begin_ms > 0:
        found = partition.log.offset_at(begin_ms)
        first = last if found is None else max(first, found[0])
    if end_ms < ALL_MS and first < last:
        found = partition.log.offset_at(end_ms + 1)
        last = last if found is None else min(last, found[0])
    return first, last
