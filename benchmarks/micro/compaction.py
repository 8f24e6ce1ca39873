"""How fast a log is compacted, and in how much memory: `python benchmarks/micro/compaction.py`."""

import resource
import tempfile
import time
from pathlib import Path
from random import Random

from anymq.storage.batch import check
from anymq.storage.log import LogConfig
from anymq.storage.os_files import OsFiles
from anymq.storage.records import Record, build
from anymq.storage.store import LogStore

RECORDS = 1_000_000
KEYS = 200_000
PER_BATCH = 100
CONFIG = LogConfig(segment_bytes=16 * 1024 * 1024, compact=True)


def rss_mb() -> float:
    """Return the most memory we ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(store: LogStore) -> None:
    """Write records of 100 B with random keys."""
    log, rng = store.create(20, CONFIG), Random(1)
    for _ in range(RECORDS // PER_BATCH):
        keys = [b"key-%d" % rng.randrange(KEYS) for _ in range(PER_BATCH)]
        batch = build([Record(bytes(100), key, (), 1) for key in keys])
        log.append(batch, check(batch), 0)
        commit = store.begin_commit()
        if commit is not None:
            commit.run()
            commit.done()
    log.roll()


def main() -> None:
    """Print seconds, MB/s and memory."""
    with tempfile.TemporaryDirectory() as folder:
        store = LogStore.open(OsFiles(Path(folder)))
        fill(store)
        log = store.logs[20]
        before, memory, start = log.size_bytes(), rss_mb(), time.perf_counter()
        for tick in range(1, 20):
            for work in store.maintenance(tick * 1000):
                work.run()
                work.done()
        seconds = time.perf_counter() - start
        print(
            f"{before / 1e6:.0f} MB became {log.size_bytes() / 1e6:.0f} MB in {seconds:.1f} s: "
            f"{before / 1e6 / seconds:.0f} MB/s, {RECORDS / seconds / 1e3:.0f} k records/s, "
            f"{rss_mb() - memory:.0f} MB more memory for {KEYS} keys"
        )


if __name__ == "__main__":
    main()
