"""The metadata journal after a crash: a state it had, not older than what was acknowledged."""

from dataclasses import replace
from functools import partial
from random import Random

import pytest

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 500 * EFFORT
CONFIG = replace(LOG_CONFIG, segment_bytes=1500, min_cleanable_dirty_ratio=0.2)
NOW = 1_700_000_000_000

State = dict[str, bytes]


class StoppedClock:
    def wall_ms(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Journal:
    """Random transactions, and every state they have led to."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.files = SimFiles()
        self.store = LogStore.open(self.files, disk_free_min=0)
        self.meta = EmbeddedStore(self.store.create(LOG_ID, CONFIG), StoppedClock())
        self.states: list[State] = [{}]
        self.acknowledged = 0
        self.now = NOW

    def put(self) -> None:
        keys = self.rng.sample(range(12), self.rng.choice((1, 1, 2, 5)))
        changes = {f"topics/{key}": self._value() for key in keys}
        state = {**self.states[-1], **changes}
        self.states.append({key: value for key, value in state.items() if value is not None})
        self.meta.put(changes, partial(self._durable, len(self.states) - 1))

    def _value(self) -> bytes | None:
        return self.rng.choice((None, self.rng.randbytes(self.rng.choice((10, 100, 600)))))

    def _durable(self, number: int, error: Exception | None) -> None:
        assert error is None
        self.acknowledged = number

    def run(self) -> None:
        for _ in range(100):
            self.put()
            if self.rng.random() < 0.5 and (commit := self.store.begin_commit()) is not None:
                commit.run()
                commit.done()
            if self.rng.random() < 0.2:
                self.now += self.rng.choice((1_000, 60_000))
                for work in self.store.maintenance(self.now):
                    work.run()
                    work.done()


def check(image: SimFiles, journal: Journal) -> None:
    for _ in range(2):
        store = LogStore.open(image, disk_free_min=0)
        found = EmbeddedStore(store.open_log(LOG_ID, CONFIG), StoppedClock()).load()
        assert found in journal.states[journal.acknowledged :], "a state that never was, or older"
        image = image.killed()


def crash_everywhere(seed: int, images_max: int) -> int:
    journal, rng = Journal(seed), Random(~seed)
    count = 0

    def crash(op: str, path: str) -> None:
        nonlocal count
        count += 1
        if count <= images_max:
            check(journal.files.crash(rng), journal)

    journal.files.on_syscall = crash
    journal.run()
    return min(count, images_max)


@pytest.mark.timeout(60 * EFFORT)
def test_definitions_survive_whole_or_not_at_all() -> None:
    """A topic that a client was told exists is there after the crash, with all its partitions."""
    run_loads("metadata", IMAGES, crash_everywhere)
