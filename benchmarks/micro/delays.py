"""A million delayed messages: `python benchmarks/micro/delays.py [thousands]`.

What one costs to keep, in time and memory; the restart with all of them after a clean end and after
a kill; and what it costs to release them. Bodies of 100 bytes, due at random within a day.
"""

import gc
import sys
import tempfile
from collections.abc import Callable
from random import Random
from time import perf_counter

from anymq.core.message import Envelope, Message, Properties, Traits
from anymq.core.queues import journal as journals
from anymq.core.queues.delays import LOG_CONFIG, LOG_ID, Delays
from anymq.core.queues.journal import Journal
from anymq.core.timers import Timer, Timers
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore

DAY_MS = 86_400_000
START = 1_700_000_000_000


class PlainForm:
    """A form whose properties say nothing."""

    number = 1

    def traits(self, properties: bytes) -> Traits:
        """Nothing."""
        return Traits()

    def read(self, properties: bytes) -> Properties:
        """Nothing."""
        return Properties()

    def write(self, properties: Properties) -> bytes:
        """Nothing."""
        return b""


FORM = PlainForm()


class Life:
    """From a start to an end, with a clock that is set."""

    def __init__(self, directory: str) -> None:
        self.now = START
        self.timers = Timers()
        self.store = LogStore.open(OsFiles(directory), disk_free_min=0)
        self.journal = Journal(self.store.open_log(journals.LOG_ID, journals.LOG_CONFIG))
        self.journal.restore()
        self.released = 0
        self.delays = Delays(
            self.store.open_log(LOG_ID, LOG_CONFIG),
            self.journal.settlement(LOG_ID),
            {1: FORM},
            clock=self,
            changed=lambda _: None,
            release=self.release,
        )
        self.delays.restore()

    def now_ms(self) -> int:
        """Return what was set."""
        return self.now

    def at(self, due_ms: int, callback: Callable[[], None]) -> Timer:
        """Never mind."""
        return self.timers.at(due_ms, callback)

    def release(
        self, vhost_name: str, message: Message, then: Callable[[Exception | None], None]
    ) -> None:
        """Publish."""
        self.released += 1
        then(None)

    def turn(self) -> None:
        """End a turn."""
        self.journal.flush()
        work = self.store.begin_commit()
        if work is not None:
            work.run()
            work.done()


def rss_mb() -> float:
    """Return what we have in memory."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def add(life: Life, count: int) -> None:
    """Delay them."""
    rng, envelope = Random(1), Envelope("exchange", "key", FORM)
    message = Message(envelope, b"properties", bytes(100), START)
    before, started = rss_mb(), perf_counter()
    for number in range(count):
        life.delays.add("/", message, START + rng.randrange(DAY_MS), None)
        if number % 100 == 0:
            life.turn()
    life.turn()
    took = perf_counter() - started
    each = (rss_mb() - before) * 1e6 / count
    print(f"added {count}: {took / count * 1e6:.1f} µs, {each:.0f} bytes of memory each")


def restart(directory: str, what: str) -> Life:
    """Start, and say how long it took."""
    started = perf_counter()
    life = Life(directory)
    print(f"start after {what}: {perf_counter() - started:.2f} s, {len(life.delays)} wait")
    return life


def main() -> None:
    """Print all figures."""
    count = int(sys.argv[1]) * 1000 if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as directory:
        life = Life(directory)
        add(life, count)
        for work in life.store.maintenance(START):
            work.run()
            work.done()
        life.store._lock.close()
        life = restart(directory, "a kill")
        life.store.close()
        life = restart(directory, "a clean end")
        life.now += DAY_MS
        started = perf_counter()
        while life.delays.pump():
            life.turn()
        took = perf_counter() - started
        print(f"released {life.released}: {took / max(life.released, 1) * 1e6:.1f} µs each")
        life.store.close()


if __name__ == "__main__":
    main()
