"""A store in a directory, driven by hand: `turn` is what the broker does at the end of each."""

from pathlib import Path

from tests.unit.storage.batches import make_batch, with_header

from anymq.storage.errors import StorageError
from anymq.storage.files import Files
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore
from anymq.storage.work import Work

SMALL = LogConfig(segment_bytes=1000, index_interval_bytes=200, durability=Durability.OS)


def open_store(where: Path | Files) -> LogStore:
    files = OsFiles(where) if isinstance(where, Path) else where
    return LogStore.open(files, disk_free_min=0)


def do(*works: Work | None) -> None:
    for work in works:
        if work is not None:
            work.run()
            work.done()


def turn(store: LogStore) -> None:
    do(store.begin_commit())


def tick(store: LogStore, now_ms: int = 1_000_000) -> None:
    do(*store.maintenance(now_ms))


def kill(store: LogStore) -> None:
    """End as by kill -9: what was written is in the page cache, nothing is tidied up."""
    store._lock.close()


def append(log: Log, payload: bytes = b"payload", count: int = 1, timestamp: int = 1000) -> int:
    batch, header = with_header(make_batch(payload, count=count, timestamp=timestamp))
    return log.append(batch, header, 0)


def write(store: LogStore, log: Log, payload: bytes = b"payload", timestamp: int = 1000) -> int:
    """Append a batch and commit it; return its offset."""
    offset = append(log, payload, timestamp=timestamp)
    turn(store)
    return offset


def fill(store: LogStore, log: Log, batches: int, size: int = 100) -> list[int]:
    """Append batches of about `size` bytes, a turn each; return their offsets."""
    return [
        write(store, log, b"%06d" % log.end + bytes(size - 67), timestamp=1000 + i)
        for i in range(batches)
    ]


def read_all(
    log: Log, offset: int | None = None, bytes_max: int = 10_000
) -> list[tuple[int, bytes]]:
    """Read to the end as a consumer does; return (base offset, payload) of every batch."""
    offset = log.start if offset is None else offset
    found: list[tuple[int, bytes]] = []
    while (piece := log.read(offset, bytes_max)) is not None:
        data = piece.read()
        assert len(data) == piece.size
        for base, next_offset, payload in whole_batches(data):
            found.append((base, payload))
            offset = next_offset
    return found


def whole_batches(data: bytes) -> list[tuple[int, int, bytes]]:
    found, position = [], 0
    while position + 12 <= len(data):
        size = int.from_bytes(data[position + 8 : position + 12]) + 12
        if position + size > len(data):
            break
        _, header = with_header(data[position : position + size])
        found.append(
            (header.base_offset, header.next_offset, data[position + 61 : position + size])
        )
        position += size
    return found


def outcome(log: Log, offset: int) -> list[StorageError | None]:
    """Return a list that gets what becomes of the record at `offset`."""
    told: list[StorageError | None] = []
    log.when_durable(offset, told.append)
    return told
