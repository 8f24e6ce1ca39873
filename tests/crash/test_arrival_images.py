"""Crash images of late records: what was confirmed is in its partition once, whenever we die."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from typing_extensions import override

from anymq.core.queues.late import LateRecord
from anymq.testing.simfs import UNLIMITED, SimFiles
from tests.crash.dying import Dying
from tests.crash.seeds import EFFORT, run_loads
from tests.unit.core.world import NOW_MS, Restart, World, do, read

IMAGES = 240 * EFFORT
PARTS = 2
KILLED_SHARE = 0.5
TOPIC = "orders"
LONG_MS = 10**9


class LateWorld(World):
    """A broker whose late records come to a topic of two partitions."""

    def __init__(self, files: SimFiles | None = None, now_ms: int = NOW_MS) -> None:
        super().__init__()
        if files is not None:
            self.files = files
            self.clock.now_ms = now_ms
            self.store, self.broker = self._start()

    def turn(self) -> None:
        self.timers.run(self.clock.monotonic())
        self.broker.turn.run()

    def everything(self) -> "Counter[bytes | None]":
        """Let all of it come; return how often each is there."""
        for _ in range(4):
            self.clock.now_ms += LONG_MS
            self.turn()
            self.commit()
        assert self.broker.delayed_count == 0
        partitions = self.broker.topic(TOPIC).partitions if TOPIC in self.broker.topics else ()
        return Counter(one.value for each in partitions for one in read(each, each.start))


class LateLoad:
    """Records that are to come later, come, and are cut short by restarts and a full disk."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.world = LateWorld()
        self.world.broker.create_topic(TOPIC, 2)
        self.world.commit()
        self.number = 0
        self.confirmed: set[bytes] = set()
        self._small_notes()

    def run(self, operations: int = 120) -> None:
        actions: list[Callable[[], None]] = [
            *([self.add] * 40),
            *([self.pass_time] * 25),
            *([self.commit] * 25),
            *([self.maintain] * 3),
            *([self.fill_the_disk] * 2),
            self.restart,
        ]
        for _ in range(operations):
            self.rng.choice(actions)()

    def add(self) -> None:
        late, value = self.record()

        def then(error: Exception | None) -> None:
            if error is None:
                self.confirmed.add(value)

        self.world.broker.delays.add_record(late, then)

    def record(self) -> tuple[LateRecord, bytes]:
        """Return one, and its value."""
        self.number += 1
        value = b"%d " % self.number + self.rng.randbytes(self.rng.choice((5, 300)))
        now = self.world.clock.now_ms
        due = now + self.rng.choice((0, 10, 1000, 60_000))
        return LateRecord(TOPIC, self.rng.randrange(2), None, value, b"\0", now, due), value

    def pass_time(self) -> None:
        """A second or so later; each second all is synced."""
        self.world.write()
        if (sync := self.world.store.begin_sync()) is not None:
            do(sync)
        self.world.clock.now_ms += self.rng.choice((1, 10, 500, 5000))
        self.world.turn()

    def commit(self) -> None:
        """The disk writes, and we go on meanwhile, or hear of it at once."""
        commit = self.world.store.begin_commit()
        if commit is not None:
            commit.run()
            if self.rng.random() < 0.3:
                self.world.clock.now_ms += 10
                self.world.turn()
            do(_Done(commit.done))

    def maintain(self) -> None:
        self.world.commit()
        self.world.maintain()

    def fill_the_disk(self) -> None:
        """A partition cannot write what it has: its places are noted, and go to others."""
        self.world.lose(path=f"logs/{self.rng.choice(self._partition_ids())}/")

    def restart(self) -> None:
        self.world.commit()
        hook, self.world.files.on_syscall = self.world.files.on_syscall, None
        self.world.restart(Restart.CLEAN)
        self.world.files.on_syscall = hook
        self._small_notes()

    def _partition_ids(self) -> list[int]:
        return [one.log.id for one in self.world.broker.topic(TOPIC).partitions]

    def _small_notes(self) -> None:
        self.world.broker._messaging.arrivals._notes_bytes_max = 300


class BatchedLoad(LateLoad):
    """The same, when several come in one turn: they are kept as one batch."""

    @override
    def add(self) -> None:
        late = [self.record() for _ in range(self.rng.randrange(1, 9))]

        def then(error: Exception | None) -> None:
            if error is None:
                self.confirmed.update(value for _, value in late)

        self.world.broker.delays.add_records([one for one, _ in late], then)


class _Done:
    """Work that is done already: others are to hear of it."""

    def __init__(self, done: Callable[[], None]) -> None:
        self.done = done

    def run(self) -> None:
        """Nothing is left to do."""


def check_image(load: LateLoad, image: SimFiles) -> None:
    image.capacity = UNLIMITED
    confirmed = set(load.confirmed)
    found = LateWorld(image, load.world.clock.now_ms).everything()
    doubles = [value for value, count in found.items() if count > 1]
    assert not doubles, f"twice: {doubles}"
    lost = confirmed - set(found)
    assert not lost, f"confirmed, and lost: {lost}"


def crash_everywhere(seed: int, images_max: int, kind: type[LateLoad] = LateLoad) -> int:
    load = kind(seed)

    def look(image: SimFiles, _: Random, __: bool) -> None:
        check_image(load, image)

    dying = Dying(load.world.files, seed, images_max, look, killed=KILLED_SHARE)
    load.run()
    return dying.end()


@pytest.mark.timeout(60 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_crash_loses_a_late_record_or_brings_it_twice(part: int) -> None:
    """Who delays a payment reminder has the answer, and nobody wants two."""
    run_loads(f"arrival images {part}", IMAGES // PARTS, crash_everywhere)


@pytest.mark.timeout(60 * EFFORT)
def test_no_crash_loses_one_of_a_batch_or_brings_it_twice() -> None:
    """So are those kept that came in one turn."""
    crash = partial(crash_everywhere, kind=BatchedLoad)
    run_loads("batched arrival images", IMAGES // PARTS, crash)
