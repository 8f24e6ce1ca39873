"""Cleaning: which records of a compacted log stay, batch by batch. The rules are Kafka's.

A record goes when a later one has its key. A tombstone (no value) stays for `delete_retention_ms`
after the first cleaning that saw it, so that readers who are behind learn of the deletion: that
first cleaning writes the time when it may go, the horizon, into the batch. What stays keeps its
offset, and its batch the producer's sequence numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter

from anymq.storage.batch import (
    COMPRESSION_MASK,
    CONTROL,
    HAS_DELETE_HORIZON,
    LOG_APPEND_TIME,
    TRANSACTIONAL,
    BatchHeader,
)
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Buffer
from anymq.storage.records import (
    Record,
    Slice,
    body_of,
    encode_record,
    is_tombstone,
    seal,
    slices,
    value_of,
)

# Keys to remember in one round, at some 200 bytes each. A log with more takes more rounds.
KEYS_MAX = 250_000

_NAME_BYTES = 16
_CONTROL_COMMIT = b"\0\1"
_TIME_DELTA = itemgetter(1)

_Keyed = list[tuple[bytes, int]]


def name_of(key: bytes) -> bytes:
    """Return what stands for a key in memory: itself or, when it is long, its digest."""
    return key if len(key) < _NAME_BYTES else blake2b(key, digest_size=_NAME_BYTES).digest()


class KeyMap:
    """The newest offset of each key from the dirty part of a log, as far as there is room.

    Transactions count from their commit on. What an open one wrote is not known yet, so everything
    from there on stays.
    """

    def __init__(self, start: int, keys_max: int = KEYS_MAX) -> None:
        self.newest: dict[bytes, int] = {}
        self.aborted: set[int] = set()  # base offsets of batches that never happened
        self.last_of_producer: dict[int, int] = {}  # the base offset of its last batch
        self._keys_max = keys_max
        self._keys_open = 0
        self._open: dict[int, list[tuple[int, _Keyed]]] = {}  # producer: (base offset, its keys)
        self._end = start

    @property
    def full(self) -> bool:
        """Is there no room for another batch?"""
        return len(self.newest) + self._keys_open >= self._keys_max

    @property
    def limit(self) -> int:
        """The offset before which everything is decided and known."""
        return min((batches[0][0] for batches in self._open.values()), default=self._end)

    def add(self, header: BatchHeader, batch: Buffer) -> None:
        """Learn the keys of the next batch."""
        self._end = header.next_offset
        if header.producer_id >= 0:
            self.last_of_producer[header.producer_id] = header.base_offset
        if header.attributes & CONTROL:
            self._decide(header, batch)
        elif header.attributes & TRANSACTIONAL:
            keyed = _keyed(header, batch)
            self._keys_open += len(keyed)
            self._open.setdefault(header.producer_id, []).append((header.base_offset, keyed))
        else:
            self.newest.update(_keyed(header, batch))

    def _decide(self, header: BatchHeader, batch: Buffer) -> None:
        """A producer's transaction ends here."""
        batches = self._open.pop(header.producer_id, [])
        committed = _commits(header, batch)
        for base_offset, keyed in batches:
            self._keys_open -= len(keyed)
            if committed:
                self._learn_late(keyed)
            else:
                self.aborted.add(base_offset)

    def _learn_late(self, keyed: _Keyed) -> None:
        for name, offset in keyed:
            if self.newest.get(name, -1) < offset:
                self.newest[name] = offset


def _keyed(header: BatchHeader, batch: Buffer) -> _Keyed:
    """Return the names and offsets of the keys; none of a batch that cannot be read: it stays."""
    base = header.base_offset
    try:
        found = slices(body_of(batch, header), header)
        return [(name_of(item[2]), base + item[0]) for item in found if item[2] is not None]
    except CorruptBatch:
        return []


def _commits(header: BatchHeader, batch: Buffer) -> bool:
    """Is this the marker of a commit? Its key is (version 2, type 2)."""
    try:
        key = next((item[2] for item in slices(body_of(batch, header), header)), None)
    except CorruptBatch:
        return False
    return key is not None and key[2:4] == _CONTROL_COMMIT


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Decides what stays of each batch."""

    keys: KeyMap
    limit: int  # batches from here on stay as they are
    now_ms: int
    delete_retention_ms: int
    producers_since: int  # last batches of producers not older than this stay, if only as headers

    def clean(self, header: BatchHeader, batch: Buffer) -> Buffer | None:
        """Return what stays: the batch itself, less of it, or None."""
        if header.base_offset >= self.limit or header.attributes & CONTROL:
            return batch
        if header.base_offset in self.keys.aborted:
            return self._emptied(header)
        try:
            body = body_of(batch, header)
            items = list(slices(body, header))
            kept, tombstones = self._kept(header, body, items)
        except CorruptBatch:  # its checksum is right: a client wrote this, let it read it
            return batch
        new_horizon = tombstones and not header.attributes & HAS_DELETE_HORIZON
        if not kept:
            return self._emptied(header, batch)
        if len(kept) == len(items) and not new_horizon:
            return batch
        return self._reduced(header, body, kept, new_horizon=new_horizon)

    def _kept(
        self, header: BatchHeader, body: bytes, items: Iterable[Slice]
    ) -> tuple[list[Slice], bool]:
        """Return the records that stay, and whether there are tombstones among them."""
        newest, base = self.keys.newest, header.base_offset
        has_horizon = header.attributes & HAS_DELETE_HORIZON
        expired = has_horizon and header.base_timestamp <= self.now_ms
        kept, tombstones, newest_of = [], False, newest.get
        for item in items:
            key = item[2]
            if key is None or newest_of(name_of(key), -1) > base + item[0]:
                continue
            if is_tombstone(body, item[4]):
                if expired:
                    continue
                tombstones = True
            kept.append(item)
        return kept, tombstones

    def _emptied(self, header: BatchHeader, batch: Buffer | None = None) -> Buffer | None:
        """Return only the header while it is the last we have of its producer's sequence."""
        newer = self.keys.last_of_producer.get(header.producer_id, -1) > header.base_offset
        if header.producer_id < 0 or newer or header.max_timestamp < self.producers_since:
            return None
        if header.record_count == 0 and batch is not None:
            return batch
        attributes = header.attributes & ~(COMPRESSION_MASK | HAS_DELETE_HORIZON)
        time = header.max_timestamp
        return seal(
            b"", header._replace(attributes=attributes, base_timestamp=time, record_count=0)
        )

    def _reduced(
        self, header: BatchHeader, body: bytes, kept: list[Slice], *, new_horizon: bool
    ) -> bytes:
        if new_horizon:
            return self._with_horizon(header, body, kept)
        return reduced(header, body, kept)

    def _with_horizon(self, header: BatchHeader, body: bytes, kept: list[Slice]) -> bytes:
        """Write when the tombstones may go in the place of the base timestamp, as Kafka does."""
        horizon = self.now_ms + self.delete_retention_ms
        shift = header.base_timestamp - horizon
        records = []
        for delta, time_delta, key, _start, value_start, end in kept:
            value, headers = value_of(body, value_start, end)
            records.append(encode_record(delta, time_delta + shift, Record(value, key, headers)))
        fields = _fields(header, kept)
        attributes = fields.attributes | HAS_DELETE_HORIZON
        return seal(
            b"".join(records), fields._replace(attributes=attributes, base_timestamp=horizon)
        )


def reduced(header: BatchHeader, body: bytes, kept: list[Slice]) -> bytes:
    """Return a batch of these records only, at the offsets they have."""
    return seal(b"".join([body[item[3] : item[5]] for item in kept]), _fields(header, kept))


def _fields(header: BatchHeader, kept: list[Slice]) -> BatchHeader:
    """Return the header of what stays: same offsets, same sequence, fewer records."""
    newest = header.max_timestamp
    if not header.attributes & LOG_APPEND_TIME:
        newest = header.base_timestamp + max(map(_TIME_DELTA, kept))
    return header._replace(record_count=len(kept), max_timestamp=newest)
