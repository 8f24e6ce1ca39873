"""What an append and its commit cost: `python benchmarks/micro/log_append.py [directory]`.

One log, one 16 KiB batch a turn, with and without a sync; many small batches a turn; 1,000 logs a
turn, 4 KiB each, and what syncing some of them one by one costs against one syncfs; reading back.
"""

import sys
import tempfile
from time import perf_counter

from crc32c import crc32c

from anymq.storage import batch as batches
from anymq.storage import commit
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore

KIB = 1024


def make_batch(size: int) -> bytes:
    """Return a batch of so many bytes."""
    rest = bytes(19) + (b"\xff" * 14) + (1).to_bytes(4) + bytes(size - 58)
    return batches.prefix(0, size - 12, -1) + b"\2" + crc32c(rest).to_bytes(4) + rest


def turns(store: LogStore, logs: list[Log], size: int, count: int, each: int = 1) -> float:
    """Append `each` batches to all logs in each of `count` turns; return seconds a turn."""
    batch = make_batch(size)
    header = batches.check(batch)
    began = perf_counter()
    for _ in range(count):
        for log in logs:
            for _ in range(each):
                log.append(batch, header, 0)
        work = store.begin_commit()
        assert work is not None
        work.run()
        work.done()
    return (perf_counter() - began) / count


def show(name: str, seconds: float, size: int) -> None:
    """Print a line."""
    print(f"{name:42} {seconds * 1e6:10.1f} us {size / seconds / 1e6:8.0f} MB/s")


def bare_writes(files: OsFiles, size: int, count: int) -> float:
    """The same system call without us."""
    file = files.open("bare", create=True)
    batch, position = make_batch(size), 0
    began = perf_counter()
    for _ in range(count):
        file.pwritev([batch[:16], memoryview(batch)[16:]], position)
        position += size
    return (perf_counter() - began) / count


def reads(log: Log, size: int) -> float:
    """Read from the start to the end in pieces; return seconds for each."""
    offset, count = log.start, 0
    began = perf_counter()
    while log.read(offset, size) is not None:
        offset += max(size // (16 * KIB), 1)
        count += 1
        if offset >= log.visible_end:
            break
    return (perf_counter() - began) / count


def thousand(store: LogStore, first_id: int, sync_each_max: int, count: int) -> float:
    """Commit `count` logs a turn, synced one by one or at once."""
    commit.SYNC_EACH_MAX = sync_each_max
    logs = [store.create(first_id + i, LogConfig()) for i in range(count)]
    turns(store, logs, 4 * KIB, 1)
    return turns(store, logs, 4 * KIB, 3)


def main() -> None:
    """Measure everything."""
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as directory:
        files = OsFiles(directory)
        store = LogStore.open(files, disk_free_min=0, handles_max=4000)
        relaxed, strict = LogConfig(durability=Durability.OS), LogConfig()
        one, small, synced = (
            store.create(i, c) for i, c in ((20, relaxed), (21, relaxed), (22, strict))
        )
        # First, while nothing else is waiting to be written: a sync writes that too.
        show("16 KiB a turn, commit", turns(store, [synced], 16 * KIB, 300), 16 * KIB)
        sync_steps(store)
        show("16 KiB: one write, without us", bare_writes(files, 16 * KIB, 20_000), 16 * KIB)
        show("16 KiB a turn, os", turns(store, [one], 16 * KIB, 20_000), 16 * KIB)
        show("100 x 200 B a turn, os", turns(store, [small], 200, 1000, each=100), 20_000)
        show("read: 1 MiB pieces", reads(one, KIB * KIB), KIB * KIB)
        show("read: 16 KiB pieces", reads(one, 16 * KIB), 16 * KIB)
        logs = [store.create(1000 + i, relaxed) for i in range(1000)]
        turns(store, logs, 4 * KIB, 1)
        show("1,000 logs x 4 KiB a turn, os", turns(store, logs, 4 * KIB, 20), 4096 * KIB)
        store.close()


def sync_steps(store: LogStore) -> None:
    """From how many logs on is one syncfs cheaper?"""
    for step, count in enumerate((1, 2, 4, 8, 16, 64, 1000)):
        base = 10_000 * (step + 1)
        each = thousand(store, base, 10**9, count)
        at_once = thousand(store, base + 5000, 0, count)
        size = count * 4 * KIB
        show(f"{count} logs x 4 KiB, commit, one by one", each, size)
        show(f"{count} logs x 4 KiB, commit, syncfs", at_once, size)


if __name__ == "__main__":
    main()
