"""Crash images of delayed messages: what was confirmed comes, what was cancelled does not."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

import pytest

from anymq.core.message import Message
from anymq.core.queues import journal as journals
from anymq.core.queues.delays import LOG_CONFIG, LOG_ID, Delays
from anymq.core.queues.journal import Journal
from anymq.core.timers import Timer, Timers
from anymq.storage.store import LogStore
from anymq.testing.simfs import UNLIMITED, SimFiles
from tests.crash.dying import Dying
from tests.crash.model import NOW
from tests.crash.queue_model import ENVELOPE, FORM, number_of
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 1000 * EFFORT
PARTS = 2
KILLED_SHARE = 0.4
CONFIG = replace(LOG_CONFIG, segment_bytes=2000, index_interval_bytes=512)

Then = Callable[[Exception | None], None]


@dataclass(slots=True)
class Life:
    """Delays from a start to an end; what is released is noted and answered later."""

    store: LogStore
    now: int
    released: list[int] = field(default_factory=list)
    answers: list[tuple[int, Then]] = field(default_factory=list)
    delays: Delays = field(init=False)
    journal: Journal = field(init=False)
    timers: Timers = field(default_factory=Timers)
    changed: bool = False

    def __post_init__(self) -> None:
        self.journal = Journal(self.store.open_log(journals.LOG_ID, journals.LOG_CONFIG))
        self.journal.restore()
        self.delays = Delays(
            self.store.open_log(LOG_ID, CONFIG),
            self.journal.settlement(LOG_ID),
            {1: FORM},
            clock=self,
            changed=self._on_change,
            release=self._release,
        )
        self.delays.restore()

    def now_ms(self) -> int:
        return self.now

    def at(self, due_ms: int, callback: Callable[[], None]) -> Timer:
        return self.timers.at(due_ms, callback)

    def _on_change(self, delays: Delays) -> None:
        self.changed = True

    def _release(self, vhost_name: str, message: Message, then: Then) -> None:
        assert vhost_name == "/"
        number = number_of(message.body)
        self.released.append(number)
        self.answers.append((number, then))

    def commit(self) -> None:
        if (work := self.store.begin_commit()) is not None:
            work.run()
            work.done()

    def turn(self) -> None:
        self.timers.run(self.now)
        while self.changed:
            self.changed = False
            self.changed = self.delays.pump() or self.changed
            self.delays.flush()
        self.journal.flush()
        self.commit()

    def everything(self) -> list[int]:
        """Let all of it come."""
        self.now += 10**9
        self.turn()
        return self.released


class DelayLoad:
    """Messages that are added, cancelled and released, with maintenance and restarts."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.files = SimFiles()
        self.life = Life(LogStore.open(self.files, disk_free_min=0), NOW)
        self.number = 0
        self.due: dict[int, int] = {}
        self.confirmed: set[int] = set()
        self.done: set[int] = set()  # cancelled, or safe where it went
        self.kept_done: set[int] = set()  # and that survives our death

    def run(self, operations: int = 150) -> None:
        actions = (
            [self.add] * 30
            + [self.turn] * 25
            + [self.answer] * 10
            + [self.cancel] * 4
            + [self.wait] * 4
            + [self.maintain] * 8
            + [self.restart]
        )
        for _ in range(operations):
            self.rng.choice(actions)()

    def add(self) -> None:
        self.number += 1
        number, life = self.number, self.life
        body = b"%d." % number + self.rng.randbytes(self.rng.choice((5, 50, 300)))
        due = life.now + self.rng.choice((0, 10, 1000, 1000, 60_000, 10**6))
        self.due[number] = due

        def then(error: Exception | None) -> None:
            assert error is None
            self.confirmed.add(number)

        life.delays.add("/", Message(ENVELOPE, b"properties", body, life.now), due, then)

    def turn(self) -> None:
        self.life.now += self.rng.choice((0, 1, 10, 500))
        self.life.turn()

    def answer(self) -> None:
        """The queues have some of what was released."""
        answers, self.life.answers = self.life.answers, []
        for number, then in answers:
            if self.rng.random() < 0.8:
                self.done.add(number)
                then(None)
            else:
                self.life.answers.append((number, then))

    def cancel(self) -> None:
        waiting = self.life.delays.page(5)
        if waiting:
            one = self.rng.choice(waiting)
            if self.life.delays.cancel(one.id):
                self.done.add(number_of(one.message.body))

    def wait(self) -> None:
        done = set(self.done)

        def then(error: Exception | None) -> None:
            assert error is None
            self.kept_done.update(done)

        self.life.journal.when_written(then)

    def maintain(self) -> None:
        self.life.now += self.rng.choice((1000, 600_000))
        for work in self.life.store.maintenance(self.life.now):
            work.run()
            if self.rng.random() < 0.3:
                self.life.turn()
            work.done()

    def restart(self) -> None:
        self.life.turn()
        self.life.store.close()
        self.kept_done = set(self.done)
        self.life = Life(LogStore.open(self.files, disk_free_min=0), self.life.now)


def check_image(load: DelayLoad, image: SimFiles, rng: Random, *, power_cut: bool) -> None:
    image.capacity = UNLIMITED
    life = Life(LogStore.open(image, disk_free_min=0), load.life.now)
    count = len(life.delays)
    found = life.everything()
    # What was done and is not kept as such may be gone already: that is noticed in time.
    assert len(found) == len(set(found)) <= count, f"{count} wait, these come: {found}"
    assert len(life.delays) == len(life.answers)
    order = [(load.due[number], number) for number in found]
    assert order == sorted(order), "not in order"
    lost = load.confirmed - load.done - set(found)
    assert not lost, f"confirmed, and lost: {sorted(lost)}"
    back = set() if power_cut else load.kept_done.intersection(found)
    assert not back, f"done, and back: {sorted(back)}"
    again = Life(LogStore.open(image.crash(rng), disk_free_min=0), load.life.now)
    assert again.everything() == found, "recovering twice"
    _go_on(again)


def _go_on(life: Life) -> None:
    """What is answered is done, what is new comes, after the next start as well."""
    released = len(life.released)
    for number, then in life.answers[::2]:
        life.released.remove(number)
        then(None)
    message = Message(ENVELOPE, b"", b"999999.", life.now)
    life.delays.add("/", message, life.now, partial(_must_be_kept))
    life.journal.flush()
    life.commit()
    life.store.close()
    after = Life(LogStore.open(life.store._disk.files, disk_free_min=0), life.now)
    assert after.everything() == [*life.released, 999999], f"of {released} other ones"


def _must_be_kept(error: Exception | None) -> None:
    assert error is None


def crash_everywhere(seed: int, images_max: int) -> int:
    load = DelayLoad(seed)

    def look(image: SimFiles, rng: Random, power_cut: bool) -> None:
        check_image(load, image, rng, power_cut=power_cut)

    dying = Dying(load.files, seed, images_max, look, killed=KILLED_SHARE)
    load.run()
    return dying.end()


@pytest.mark.timeout(60 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_crash_loses_a_delayed_message_or_repeats_one_that_is_done(part: int) -> None:
    """Who delays a message for a day and has the confirm may be gone by then."""
    run_loads(f"delay images {part}", IMAGES // PARTS, crash_everywhere)
