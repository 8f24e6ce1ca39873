"""What records that come later cost, as RocketMQ delays them: a whole broker, a real disk.

    python -m benchmarks.micro.late [thousands [level]]

Figures of one run on two cores that others used (CPU seconds of this process, 1,000,000 messages of
100 bytes, due at random moments of a day, four queues) are in docs/how-to/delay-messages.md.
"""

import gc
import os
import sys
import tempfile
from random import Random
from time import perf_counter, process_time

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.core.broker import Broker
from anymq.core.queues.late import LateRecord
from anymq.core.timers import Timers
from anymq.protocols.rocketmq.convert import record_of
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM, Said
from anymq.protocols.rocketmq.layout import write_properties
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore

START = 1_700_000_000_000
DAY_MS = 86_400_000
TOPIC, QUEUES = "orders", 4


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.ms = START

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""
        return self.ms

    def monotonic(self) -> float:
        """Return seconds."""
        return self.ms / 1000


class Life:
    """A broker from a start to an end."""

    def __init__(self, directory: str, now_ms: int = START) -> None:
        self.clock, self.timers = Clock(), Timers()
        self.clock.ms = now_ms
        self.store = LogStore.open(OsFiles(directory), disk_free_min=0)
        journal = self.store.open_log(LOG_ID, LOG_CONFIG)
        self.broker = Broker(
            store=self.store,
            definitions=self.store.read_whole(journal, lambda: EmbeddedStore(journal, self.clock)),
            clock=self.clock,
            timers=self.timers,
            random=os.urandom,
            forms=[ROCKETMQ_FORM],
        )

    def turn(self) -> None:
        """End a turn."""
        self.timers.run(self.clock.monotonic())
        self.broker.turn.run()
        work = self.store.begin_commit()
        if work is not None:
            work.run()
            work.done()

    def maintain(self) -> None:
        """Do what is done once a second."""
        self.broker.maintenance(self.clock.ms)

    @property
    def arrived(self) -> int:
        """How many are in the topic."""
        return sum(one.visible_end for one in self.broker.topic(TOPIC).partitions)


def rss_mb() -> float:
    """Return what we have in memory."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def add(life: Life, count: int, *, mixed: bool) -> None:
    """Delay so many."""
    rng, body = Random(1), bytes(100)
    before, started = rss_mb(), process_time()
    for number in range(count):
        properties = {"UNIQ_KEY": f"{number:032X}", "WAIT": "true", "TAGS": "tag", "DELAY": "3"}
        key, headers = record_of(Said(write_properties(properties), born_ms=START))
        due = START + (rng.randrange(DAY_MS) if mixed else DAY_MS * number // count)
        late = LateRecord(TOPIC, number % QUEUES, key, body, headers, START, due)
        life.broker.delays.add_record(late, None)
        if number % 100 == 0:
            life.turn()
        if number % 100_000 == 0:
            life.maintain()
    life.turn()
    life.maintain()
    took = process_time() - started
    more = rss_mb() - before
    print(f"added {count}: {took / count * 1e6:.1f} µs of CPU each, {more:.0f} MB more in memory")


def start(directory: str, what: str, now_ms: int = START) -> Life:
    """Start, and say how long it took."""
    wall, cpu = perf_counter(), process_time()
    life = Life(directory, now_ms)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    print(f"start after {what}: {wall:.2f} s, {cpu:.2f} s CPU; {life.broker.delayed_count} wait")
    return life


def arrive(life: Life) -> None:
    """Let a tenth be due at once."""
    there, started, most = life.arrived, process_time(), 0.0
    now_ms = life.clock.ms
    while (first := life.broker.delays.page(1)) and first[0].due_ms <= now_ms:
        life.turn()
        life.clock.ms += 1
        most = max(most, rss_mb()) if life.clock.ms % 500 == 0 else most
    took = process_time() - started
    count = life.arrived - there
    print(f"arrived {count}: {took / max(count, 1) * 1e6:.1f} µs of CPU each, RSS {most:.0f} MB")


def main() -> None:
    """Print all figures."""
    count = int(sys.argv[1]) * 1000 if len(sys.argv) > 1 else 1_000_000
    mixed = "level" not in sys.argv  # those of one level are due in the order in which they came
    with tempfile.TemporaryDirectory() as directory:
        life = Life(directory)
        life.broker.create_topic(TOPIC, QUEUES)
        life.turn()
        print(f"RSS before: {rss_mb():.0f} MB")
        add(life, count, mixed=mixed)
        life.store._lock.close()
        life = start(directory, "a kill")
        life.broker.close()
        life.store.close()
        life = start(directory, "a clean end", START + DAY_MS // 10)
        arrive(life)
        life.broker.close()
        life.store.close()


if __name__ == "__main__":
    main()
