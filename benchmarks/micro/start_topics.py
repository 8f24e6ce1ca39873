"""How long a start with many topics takes: `python benchmarks/micro/start_topics.py`."""

import secrets
import sys
from tempfile import TemporaryDirectory
from time import perf_counter

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.core.broker import Broker
from anymq.core.timers import Timers
from anymq.net.clock import SystemClock
from anymq.storage.batch import check
from anymq.storage.os_files import OsFiles
from anymq.storage.records import Record, build
from anymq.storage.store import LogStore

TOPICS = 10_000


def start(directory: str) -> tuple[LogStore, Broker]:
    """Do what the server does, without its sockets."""
    store, clock = LogStore.open(OsFiles(directory)), SystemClock()
    definitions = EmbeddedStore(store.open_log(LOG_ID, LOG_CONFIG), clock)
    broker = Broker(
        store=store,
        definitions=definitions,
        clock=clock,
        timers=Timers(),
        random=secrets.token_bytes,
    )
    return store, broker


def commit(store: LogStore) -> None:
    """Write what is to be written."""
    while (work := store.begin_commit()) is not None:
        work.run()
        work.done()


def fill(directory: str, count: int) -> None:
    """Make the topics, half of them with a record."""
    store, broker = start(directory)
    batch = build([Record(b"x" * 100)])
    for number in range(count):
        topic = broker.create_topic(f"topic-{number}", 1, {"retention.ms": "86400000"})
        if number % 2:
            topic.partition(0).append(batch, check(batch), 0, None)
    commit(store)
    store.close()


def timed(name: str, directory: str) -> LogStore:
    """Start once; print how long that took."""
    begin = perf_counter()
    store, broker = start(directory)
    print(f"{name:20} {perf_counter() - begin:6.3f} s, {len(broker.topics)} topics")
    commit(store)
    return store


def main() -> None:
    """Print the seconds of a start after a clean stop, and after a kill."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TOPICS
    with TemporaryDirectory() as directory:
        fill(directory, count)
        timed("after a clean stop", directory).close()
        store = timed("again", directory)
        store._lock.close()  # as the end of the process does: nothing is tidied up
        timed("after a kill", directory).close()


if __name__ == "__main__":
    main()
