"""What queues must hold after a crash: what was confirmed, not what was acknowledged, in order.

Plain bookkeeping beside real lines, so that a bug of theirs cannot hide in it. A message is known
by its number; its body says it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from anymq.core.message import Envelope, Message, Properties, Run, Traits
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.line import Line
from anymq.core.queues.lines import DURABLE_LOG, Lines
from anymq.core.queues.memory import Memory
from anymq.storage.store import LogStore
from anymq.testing.simfs import UNLIMITED, SimFiles

CONFIG = replace(DURABLE_LOG, segment_bytes=3000, index_interval_bytes=512)
LINE_BYTES = 4000  # little memory: most is read from the log again


class PlainForm:
    """A form whose properties say nothing."""

    number = 1

    def traits(self, properties: bytes) -> Traits:
        return Traits()

    def read(self, properties: bytes) -> Properties:
        return Properties()

    def write(self, properties: Properties) -> bytes:
        return b""


FORM = PlainForm()
ENVELOPE = Envelope("exchange", "key", FORM)


def run_of(bodies: Iterable[bytes], *, persistent: bool) -> Run:
    messages = [Message(ENVELOPE, b"properties", body, 1000) for body in bodies]
    return Run(messages, persistent=persistent)


def number_of(body: bytes) -> int:
    return int(body.split(b".", 1)[0])


@dataclass(slots=True)
class Kept:
    """What was so at some time, and will be after a crash."""

    acked: set[int] = field(default_factory=set)
    delivered: set[int] = field(default_factory=set)
    returns: dict[int, int] = field(default_factory=dict)

    def copy(self) -> "Kept":
        return Kept(set(self.acked), set(self.delivered), dict(self.returns))


@dataclass(slots=True)
class QueuePromise:
    """One line: all that was ever pushed, and what became of it."""

    log_id: int
    bodies: dict[int, bytes] = field(default_factory=dict)  # in the order of their numbers
    confirmed: set[int] = field(default_factory=set)
    now: Kept = field(default_factory=Kept)
    written: Kept = field(default_factory=Kept)  # survives our death
    synced: Kept = field(default_factory=Kept)  # and a power cut
    out: dict[int, int] = field(default_factory=dict)  # position: number
    deleted: bool = False

    def push(self, line: Line, bodies: Sequence[bytes], *, persistent: bool) -> None:
        numbers = [number_of(body) for body in bodies]
        self.bodies.update(zip(numbers, bodies, strict=True))

        def then(error: Exception | None) -> None:
            if error is None and persistent:
                self.confirmed.update(numbers)

        line.push(run_of(bodies, persistent=persistent), then)

    def take(self, line: Line, count: int, *, settled: bool) -> None:
        deliveries = line.take(count, 100_000, settled=settled)
        for one in deliveries:
            number = number_of(one.message.body)
            assert number not in self.now.acked, f"{number} was acknowledged, and came again"
            assert number not in self.out.values(), f"{number} is out, and came again"
            assert one.message.body == self.bodies[number], f"wrong body of {number}"
            self.now.delivered.add(number)
            if settled:
                self.now.acked.add(number)
            else:
                self.out[one.position] = number

    def settle(self, line: Line, positions: Sequence[int]) -> None:
        line.settle(positions)
        self.now.acked.update(self.out.pop(position) for position in positions)

    def give_back(self, line: Line, positions: Sequence[int]) -> None:
        line.give_back(positions)
        for position in positions:
            number = self.out.pop(position)
            self.now.returns[number] = self.now.returns.get(number, 0) + 1

    def purge(self, line: Line) -> None:
        line.purge()
        self.now.acked.update(self.bodies.keys() - self.out.values())

    def stopped(self) -> None:
        """After a clean end everything is kept, and nobody has anything any more."""
        self.out.clear()
        self.written, self.synced = self.now.copy(), self.now.copy()


def open_lines(store: LogStore) -> Lines:
    return Lines(store, {1: FORM}, memory=Memory(line_bytes=LINE_BYTES))


def drain(line: Line) -> list[Delivery]:
    """Take all there is, as a consumer who never acknowledges."""
    found: list[Delivery] = []
    while some := line.take(7, 2000):
        found += some
    assert line.ready == 0, f"{line.ready} are said to be ready, and do not come"
    return found


def check_line(promise: QueuePromise, found: Sequence[Delivery], *, power_cut: bool) -> None:
    """Nothing lost, nothing back, nothing made up, in order."""
    numbers = [number_of(one.message.body) for one in found]
    assert numbers == sorted(set(numbers)), f"not in order, or twice: {numbers}"
    for one, number in zip(found, numbers, strict=True):
        assert promise.bodies.get(number) == one.message.body, f"wrong body of {number}"
    lost = promise.confirmed - promise.now.acked - set(numbers)
    assert not lost, f"confirmed, not acknowledged, lost: {sorted(lost)}"
    kept = promise.synced if power_cut else promise.written
    back = kept.acked.intersection(numbers)
    assert not back, f"acknowledged, and back: {sorted(back)}"
    for one, number in zip(found, numbers, strict=True):
        assert one.redelivered or number not in kept.delivered, f"{number} was delivered before"
        assert one.returns >= kept.returns.get(number, 0), f"{number} was given back more often"


def check_queues(
    image: SimFiles, promises: list[QueuePromise], rng: Random, power_cut: bool
) -> None:
    """Recover, drain, crash again, recover again, and go on."""
    image.capacity = UNLIMITED
    living = [promise for promise in promises if not promise.deleted]
    store = LogStore.open(image, disk_free_min=0)
    found = _drained(open_lines(store), living)
    for promise in living:
        try:
            check_line(promise, found[promise.log_id], power_cut=power_cut)
        except AssertionError as error:
            raise AssertionError(f"line {promise.log_id}: {error}") from error
    lost = [text for text in store.reports if "lost" in text]  # torn tails may be put aside
    assert not lost, lost
    again = LogStore.open(image.crash(rng), disk_free_min=0)
    lines = open_lines(again)
    twice = _drained(lines, living)
    for log_id, deliveries in found.items():
        bodies = [one.message.body for one in deliveries]
        assert [one.message.body for one in twice[log_id]] == bodies, "recovering twice"
    _go_on(again, lines, twice)


def _drained(lines: Lines, living: list[QueuePromise]) -> dict[int, list[Delivery]]:
    return {one.log_id: drain(lines.line(one.log_id, config=CONFIG)) for one in living}


def _go_on(store: LogStore, lines: Lines, found: dict[int, list[Delivery]]) -> None:
    """Publish to every line: it is there after the next start, after what was there already."""
    for log_id, deliveries in found.items():
        line = lines._lines[log_id]
        line.push(run_of([b"and on"], persistent=True))
        line.settle([one.position for one in deliveries[::2]])
        line.flush()
    lines.flush()
    commit = store.begin_commit()
    assert commit is not None
    commit.run()
    commit.done()
    lines.close()
    store.close()
    store = LogStore.open(store._disk.files, disk_free_min=0)
    lines = open_lines(store)
    for log_id, deliveries in found.items():
        bodies = [one.message.body for one in drain(lines.line(log_id, config=CONFIG))]
        expected = [*(one.message.body for one in deliveries[1::2]), b"and on"]
        assert bodies == expected, f"line {log_id} is another one after going on"
