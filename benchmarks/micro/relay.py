"""What it costs that topics have an address: `python benchmarks/micro/relay.py`.

A batch of a hundred records of 100 bytes is appended while nobody listens at the topic's address,
then with queues there; beside it, what it would cost if topics had none.
"""

import secrets
from time import perf_counter

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.core.broker import Broker
from anymq.core.routing.records import VhostRecord
from anymq.core.timers import Timers
from anymq.net.clock import SystemClock
from anymq.storage.batch import check
from anymq.storage.compression import Compression
from anymq.storage.records import Record, build
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

TURN, TURNS = 20, 50
RECORDS = 100


def new_broker() -> tuple[LogStore, Broker]:
    """Return a broker with the topic `t`, and its store."""
    store = LogStore.open(SimFiles(), disk_free_min=0)
    clock = SystemClock()
    broker = Broker(
        store=store,
        definitions=EmbeddedStore(store.open_log(LOG_ID, LOG_CONFIG), clock),
        clock=clock,
        timers=Timers(),
        random=secrets.token_bytes,
    )
    broker.create_topic("t", 1)
    return store, broker


def microseconds_each(store: LogStore, broker: Broker, batch: bytes) -> float:
    """Return the best turn, per batch, up to where the queues have it; commits are not counted."""
    partition, header = broker.topic("t").partition(0), check(batch)
    best = float("inf")
    for _ in range(TURNS):
        start = perf_counter()
        for _ in range(TURN):
            partition.append(batch, header, 1_700_000_000_000, None)
        broker.turn.run()
        best = min(best, perf_counter() - start)
        while (commit := store.begin_commit()) is not None:
            commit.run()
            commit.done()
        for queue in broker.vhost("/").queues.values():
            if queue.kind != "stream":
                queue.purge()
        broker.turn.run()
    return best / TURN * 1e6


def main() -> None:
    """Print the microseconds of one batch."""
    records = [
        Record(bytes(100), b"key", timestamp=1_700_000_000_000 + number)
        for number in range(RECORDS)
    ]
    headed = [one._replace(headers=((b"content-type", b"text/plain"),)) for one in records]
    batches = {
        "": build(records),
        ", lz4": build(records, compression=Compression.LZ4),
        ", headers": build(headed),
    }
    print(f"µs per batch of {RECORDS} records")
    store, broker = new_broker()
    broker.put_vhost("/", VhostRecord(topic_addresses=False))
    print(f"topics have no address        {microseconds_each(store, broker, batches['']):8.2f}")
    store, broker = new_broker()
    print(f"nobody listens                {microseconds_each(store, broker, batches['']):8.2f}")
    vhost = broker.vhost("/")
    for count in (1, 10, 100):
        for number in range(count):
            vhost.declare_queue(f"q{number}", arguments={"x-max-length": 10_000})
            vhost.bind("amq.topic", f"q{number}", "#")
        for name, batch in batches.items():
            what = f"queues that listen: {count}{name}"
            print(f"{what:29} {microseconds_each(store, broker, batch):8.2f}")


if __name__ == "__main__":
    main()
