"""What a partition adds to the log it appends to: `python benchmarks/micro/append.py`."""

import secrets
from collections.abc import Callable
from time import perf_counter

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.core.broker import Broker
from anymq.core.timers import Timers
from anymq.net.clock import SystemClock
from anymq.storage.batch import BatchHeader, check
from anymq.storage.errors import StorageError
from anymq.storage.records import Record, build
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

TURN = 100  # appends between two commits
TURNS = 200
NOW_MS = 1_700_000_000_000


def nobody(_error: StorageError | None) -> None:
    """Wait for nothing."""


def batches(producer_id: int) -> list[tuple[bytes, BatchHeader]]:
    """Return batches of ten records of 100 bytes, as one producer sends them."""
    records = [Record(bytes(100), timestamp=NOW_MS)] * 10
    made = []
    for number in range(TURN * TURNS):
        epoch, sequence = (0, 10 * number) if producer_id >= 0 else (-1, -1)
        batch = build(
            records, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence
        )
        made.append((batch, check(batch)))
    return made


def microseconds_each(
    store: LogStore,
    made: list[tuple[bytes, BatchHeader]],
    append: Callable[[bytes, BatchHeader], object],
) -> float:
    """Return the best turn, per append; commits are not counted."""
    best = float("inf")
    for turn in range(TURNS):
        part = made[turn * TURN : (turn + 1) * TURN]
        start = perf_counter()
        for batch, header in part:
            append(batch, header)
        best = min(best, perf_counter() - start)
        commit = store.begin_commit()
        assert commit is not None
        commit.run()
        commit.done()
    return best / TURN * 1e6


def main() -> None:
    """Print the microseconds of one append."""
    store, clock = LogStore.open(SimFiles(), disk_free_min=0), SystemClock()
    broker = Broker(
        store=store,
        definitions=EmbeddedStore(store.open_log(LOG_ID, LOG_CONFIG), clock),
        clock=clock,
        timers=Timers(),
        random=secrets.token_bytes,
    )
    plain, idempotent, bare = broker.create_topic("t", 3).partitions

    def append_to_log(batch: bytes, header: BatchHeader) -> None:
        offset = bare.log.append(batch, header, 0)
        bare.log.when_durable(offset + header.last_offset_delta, nobody)

    made = batches(-1)
    print("µs per append")
    print(f"log alone             {microseconds_each(store, made, append_to_log):5.2f}")
    for name, partition, sent in (
        ("partition", plain, made),
        ("partition, idempotent", idempotent, batches(1)),
    ):
        cost = microseconds_each(
            store, sent, lambda b, h, p=partition: p.append(b, h, NOW_MS, nobody)
        )  # type: ignore[misc]
        print(f"{name:22}{cost:5.2f}")


if __name__ == "__main__":
    main()
