"""EmbeddedStore: the metadata store of a single node, in a compacted log like any other.

A transaction is one record batch: after a crash it is there as a whole or not at all. A record's
key is the path, its value the value; without a value the path is deleted. The offset of a record is
its revision: offsets only grow, and compaction keeps them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from typing_extensions import override

from anymq.cluster.meta.store import ABSENT, CompareFailed, Entry, Lease, MetadataStore, Watcher
from anymq.config.units import MIB
from anymq.core.catalog import DefinitionStore
from anymq.core.clock import Clock
from anymq.storage import batch as batches
from anymq.storage import records
from anymq.storage.errors import StorageError
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Header, Record

LOG_ID = 1
LOG_CONFIG = LogConfig(
    segment_bytes=4 * MIB,
    delete=False,
    compact=True,
    # Nobody reads behind: who starts reads everything, so nothing deleted need be remembered.
    delete_retention_ms=0,
)
READ_BYTES = 1 * MIB  # at once, while loading

_LEASED: Sequence[Header] = [(b"lease", None)]

Then = Callable[[Exception | None], None]
Changes = Mapping[str, bytes | None]


class EmbeddedStore(MetadataStore, DefinitionStore):
    """Everything is in memory; the log is read once, at the start.

    A change is seen at once by `get`, as it is by those who put it: on one node nobody else could
    have been first. When the log fails to keep it, it is undone.
    """

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._durable: dict[str, Entry] = {}
        self._watchers: list[tuple[str, Watcher]] = []
        for record in _read(log):
            self._replay(record)
        self._entries = dict(self._durable)

    @override
    def get(self, key: str) -> Entry | None:
        return self._entries.get(key)

    @override
    def range(self, prefix: str) -> Mapping[str, Entry]:
        return {key: entry for key, entry in self._entries.items() if key.startswith(prefix)}

    @override
    def txn(
        self,
        compare: Mapping[str, int],
        changes: Changes,
        then: Then,
        lease: Lease | None = None,
    ) -> None:
        for key, revision in compare.items():
            entry = self._entries.get(key)
            if revision != (ABSENT if entry is None else entry.revision):
                then(CompareFailed(key))
                return
        if lease is not None:
            assert isinstance(lease, EmbeddedLease)
            lease.keys.update(changes)
        if changes:
            self._write(changes, then, _LEASED if lease is not None else ())
        else:
            then(None)

    @override
    def watch(self, prefix: str, watcher: Watcher) -> Callable[[], None]:
        entry = (prefix, watcher)
        self._watchers.append(entry)
        return partial(self._watchers.remove, entry)

    @override
    def lease(self, ttl_s: float) -> Lease:
        return EmbeddedLease(self)

    @override
    def load(self) -> Mapping[str, bytes]:
        return {key: entry.value for key, entry in self._entries.items()}

    @override
    def value(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    @override
    def put(self, changes: Changes, then: Then) -> None:
        self.txn({}, changes, then)

    def _write(self, changes: Changes, then: Then, headers: Sequence[Header]) -> None:
        now_ms = self._clock.wall_ms()
        batch = records.build(
            [
                Record(value, key.encode(), headers, timestamp=now_ms)
                for key, value in changes.items()
            ]
        )
        try:
            base = self._log.append(batch, batches.read_header(batch), 0)
        except StorageError as error:
            then(error)
            return
        entries = _numbered(changes, base)
        self._show(entries)
        self._log.when_durable(base + len(changes) - 1, partial(self._settle, entries, then))

    def _settle(
        self, entries: Mapping[str, Entry | None], then: Then, error: Exception | None
    ) -> None:
        if error is None:
            _update(self._durable, entries)
        else:
            self._show({key: self._durable.get(key) for key in entries})
        then(error)

    def _show(self, entries: Mapping[str, Entry | None]) -> None:
        changed = {key: one for key, one in entries.items() if self._entries.get(key) != one}
        _update(self._entries, entries)
        for prefix, watcher in tuple(self._watchers):
            for key, entry in changed.items():
                if key.startswith(prefix):
                    watcher(key, entry)

    def _replay(self, record: Record) -> None:
        assert record.key is not None  # we wrote it
        value = record.value
        # What was leased ended with the process that held it: the last one of this store.
        gone = value is None or record.headers
        entry = None if gone or value is None else Entry(value, record.offset)
        _update(self._durable, {record.key.decode(): entry})


class EmbeddedLease:
    """Ends when it is revoked, or with this process: nobody else could hold it."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.keys: set[str] = set()
        self._store = store

    def keep_alive(self) -> None:
        """As long as we live, it does."""

    def revoke(self) -> None:
        """Delete its keys."""
        changes: dict[str, bytes | None] = dict.fromkeys(self.keys)
        self.keys.clear()
        self._store.txn({}, changes, lambda error: None)


def _read(log: Log) -> Iterator[Record]:
    """Read every record of a log, batch by batch."""
    offset = log.start
    while (found := log.read(offset, READ_BYTES)) is not None:
        data, position = memoryview(found.read()), 0
        while len(data) - position >= batches.HEADER_BYTES:
            header = batches.read_header(data, position)
            if header.size > len(data) - position:
                break  # cut by the limit: the next read begins with it
            yield from records.iterate(data[position : position + header.size])
            position += header.size
            offset = header.next_offset


def _numbered(changes: Changes, base: int) -> dict[str, Entry | None]:
    return {
        key: None if value is None else Entry(value, base + delta)
        for delta, (key, value) in enumerate(changes.items())
    }


def _update(entries: dict[str, Entry], changes: Mapping[str, Entry | None]) -> None:
    for key, entry in changes.items():
        if entry is None:
            entries.pop(key, None)
        else:
            entries[key] = entry
