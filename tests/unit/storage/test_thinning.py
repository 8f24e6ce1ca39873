"""Thinning: what a queue has settled goes, wherever it is, and nothing else does."""

import errno
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anymq.storage import thinning
from anymq.storage.batch import check, read_header
from anymq.storage.compression import Compression
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Record, build, iterate
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

NOW = 1_700_000_000_000
CONFIG = LogConfig(thinned=True, index_interval_bytes=256)


class Thinned:
    """A queue's log, driven by hand: each `write` is a batch, each `tick` a second's upkeep."""

    def __init__(self, config: LogConfig = CONFIG) -> None:
        self.config = config
        self.files = SimFiles()
        self.settled: set[int] = set()
        self.now = NOW
        self.store = LogStore.open(self.files, disk_free_min=0)
        self.log = self._own(self.store.create(20, config))

    def _own(self, log: Log) -> Log:
        log.needed = self.needed
        return log

    def needed(self, first: int, end: int) -> Sequence[tuple[int, int]]:
        return [(at, at + 1) for at in range(first, end) if at not in self.settled]

    def write(self, count: int = 1, size: int = 10, compression: int = 0) -> None:
        records = [Record(b"%d" % (self.log.end + at) + bytes(size), timestamp=self.now)
                   for at in range(count)]  # fmt: skip
        batch = build(records, compression=Compression(compression))
        self.log.append(batch, check(batch), 0)
        self.commit()

    def commit(self) -> None:
        commit = self.store.begin_commit()
        assert commit is not None
        commit.run()
        commit.done()

    def segments(self, count: int, each: int = 10) -> None:
        """Write some segments of `each` messages; the active one is empty then."""
        for _ in range(count):
            self.write(each)
            self.log.roll()
        self.tick()

    def settle(self, *positions: Iterable[int]) -> None:
        self.settled.update(*positions)

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.now += 1000
            for work in self.store.maintenance(self.now):
                work.run()
                work.done()

    def offsets(self) -> list[int]:
        found: list[int] = []
        offset = self.log.start
        while (part := self.log.read(offset, 1 << 20)) is not None:
            data = part.read()
            while data:
                size = read_header(data).size
                found += [record.offset for record in iterate(data[:size])]
                offset, data = read_header(data).next_offset, data[size:]
        return found

    def restart(self, *, killed: bool = False) -> None:
        if killed:
            self.files = self.files.killed()
        else:
            self.store.close()
        self.store = LogStore.open(self.files, disk_free_min=0)
        self.log = self._own(self.store.open_log(20, self.config))

    def file_names(self) -> list[int]:
        names = self.files.list("logs/20")
        return [int(name[:20]) for name in sorted(names) if name.endswith(".log")]


def test_what_is_all_settled_goes_from_the_front() -> None:
    queue = Thinned()
    queue.segments(3)
    queue.settle(range(20))
    queue.tick()
    assert (queue.log.start, queue.offsets()) == (20, list(range(20, 30)))
    assert queue.file_names() == [20]


def test_a_stuck_message_does_not_pin_the_disk() -> None:
    """One consumer that never acknowledges costs one message, not all that came after it."""
    queue = Thinned()
    queue.segments(4)
    queue.settle(set(range(40)) - {3})
    queue.tick(2)
    assert queue.offsets() == [3]
    assert queue.file_names() == [0, 40]
    assert queue.log.size_bytes() < 200


def test_what_is_mostly_settled_shrinks_and_keeps_its_offsets() -> None:
    queue = Thinned()
    queue.segments(2)
    before = queue.log.size_bytes()
    queue.settle({0, 1, 2, 3, 5, 6, 8})
    queue.tick()
    assert queue.offsets() == [4, 7, 9, *range(10, 20)]
    assert queue.log.size_bytes() < before * 0.8
    (first, _) = queue.log.segments[0], queue.log.segments[1]
    assert (first.base, first.end) == (0, 10)


def test_it_is_not_rewritten_for_a_little() -> None:
    """Each rewriting copies what stays: only when that is less than what goes."""
    queue = Thinned()
    queue.segments(1)
    queue.settle(range(4))
    size = queue.log.size_bytes()
    queue.tick(3)
    assert queue.log.size_bytes() == size
    queue.settle({4})
    queue.tick()
    assert queue.offsets() == [5, 6, 7, 8, 9]
    asked = _rewritten(queue)
    queue.settle({5, 6})
    queue.tick()
    assert queue.offsets() == [5, 6, 7, 8, 9], "two of five are not half"
    queue.settle({7})
    queue.tick()
    assert queue.offsets() == [8, 9]
    assert _rewritten(queue) == asked + 1


def _rewritten(queue: Thinned) -> int:
    """Count what is renamed from now on."""
    counted: list[int] = queue.__dict__.setdefault("renames", [])
    if not counted:
        counted.append(0)

        def count(op: str, path: str) -> None:
            counted[0] += op == "rename" and path.endswith(".cleaned")

        queue.files.on_syscall = count
    return counted[0]


def test_after_a_restart_what_was_rewritten_is_read_once_more_and_left_alone() -> None:
    queue = Thinned()
    queue.segments(2)
    queue.settle({0, 1, 2, 3, 4, 5})
    queue.tick()
    queue.restart()
    before = _rewritten(queue)
    queue.tick(3)
    assert _rewritten(queue) == before
    assert queue.log.segments[0].kept == 4


def test_the_active_segment_goes_when_it_is_worth_it() -> None:
    queue = Thinned(LogConfig(segment_bytes=8000, thinned=True))
    queue.write(10, size=100)
    queue.settle(range(10))
    queue.tick(2)
    assert queue.file_names() == [0], "a kilobyte is not worth a file"
    queue.write(10, size=100)
    queue.settle(range(20))
    queue.tick(2)
    assert queue.log.start == 20
    assert queue.file_names() == [20]
    queue.restart(killed=True)
    assert (queue.log.start, queue.log.end) == (20, 20)
    queue.write()
    assert queue.offsets() == [20]


def test_after_some_minutes_less_is_worth_it() -> None:
    queue = Thinned()
    queue.write(10, size=10_000)
    queue.settle(range(9))
    queue.tick(290)
    assert queue.log.active.base == 0
    queue.tick(20)
    assert queue.offsets() == [9]
    assert queue.log.size_bytes() < 11_000


def test_when_the_disk_is_full_anything_is_worth_it() -> None:
    queue = Thinned()
    queue.write(10)
    queue.settle({0, 5})
    queue.log.roll()
    queue.write(10)
    queue.settle(range(10, 19))
    queue.tick()
    assert len(queue.offsets()) == 20
    queue.store._disk.space.full = True
    queue.store._disk.space.check = lambda: None  # type: ignore[method-assign]
    queue.tick(3)
    assert queue.offsets() == [1, 2, 3, 4, 6, 7, 8, 9, 19]


def test_a_log_without_an_owner_stays_as_it_is() -> None:
    queue = Thinned()
    queue.segments(2)
    queue.log.needed = None
    queue.settle(range(20))
    queue.tick(3)
    assert len(queue.offsets()) == 20


def test_the_count_is_asked_when_there_is_one() -> None:
    """The runs of a much broken set are many; that nothing is to be done, its size tells."""
    queue = Thinned()
    queue.segments(3)
    asked: list[tuple[int, int]] = []

    def needed(first: int, end: int) -> Sequence[tuple[int, int]]:
        asked.append((first, end))
        return queue.needed(first, end)

    queue.log.needed = needed
    queue.log.needed_count = lambda first, end: len(queue.needed(first, end))
    queue.settle(range(10, 18))
    queue.tick(3)
    assert asked == [(10, 20)]
    assert queue.offsets() == [*range(10), 18, 19, *range(20, 30)]


@pytest.mark.parametrize("compression", Compression)
def test_within_a_batch_of_any_compression(compression: Compression) -> None:
    queue = Thinned()
    queue.write(20, compression=compression)
    queue.log.roll()
    queue.tick()
    queue.settle(set(range(20)) - {2, 11})
    queue.tick()
    assert queue.offsets() == [2, 11]


def test_recovery_does_not_call_it_lost() -> None:
    queue = Thinned()
    queue.segments(5)
    queue.store.checkpoint().run()
    queue.settle(range(5), range(10, 20), range(30, 36))
    queue.tick(2)
    queue.restart(killed=True)
    assert queue.store.reports == []
    assert queue.offsets() == [*range(5, 10), *range(20, 30), *range(36, 50)]
    assert queue.log.end == 50


def test_damage_in_what_stays_is_repaired_first() -> None:
    queue = Thinned()
    for _ in range(4):
        queue.write(3)
    queue.log.roll()
    queue.tick()
    path = queue.log.segments[0].path
    data = bytearray(queue.files.content(path))
    data[100] ^= 1
    queue.files.put(path, bytes(data))
    queue.settle(set(range(12)) - {1, 7})
    queue.tick(4)
    assert "quarantine" in queue.files.paths()[-1] or queue.store.reports
    assert queue.offsets() == [7]


@pytest.mark.parametrize("skip", range(3))
@pytest.mark.parametrize("op", ["pwritev", "sync", "rename", "sync_dir", "unlink", "open"])
def test_a_failing_disk_loses_nothing(op: str, skip: int) -> None:
    queue = Thinned()
    queue.segments(4)
    queue.settle({0, 1, 2, 3, 4, 5}, range(10, 20), range(20, 27))
    queue.files.fault(
        op, errno.EIO, skip=skip, when=lambda path: "logs/20" in path and ".index.tmp" not in path
    )
    queue.tick(3)
    queue.store._disk.handles.clear()
    needed = {*range(6, 10), *range(27, 40)}
    assert needed <= set(queue.offsets())
    queue.restart(killed=True)
    assert needed <= set(queue.offsets())


def test_no_space_is_tried_again() -> None:
    queue = Thinned()
    queue.segments(2)
    queue.settle(range(2, 10))
    queue.files.fault("pwritev", errno.ENOSPC, when=lambda path: path.endswith(".cleaned"))
    queue.tick()
    assert len(queue.offsets()) == 20
    queue.tick()
    assert len(queue.offsets()) == 12
    assert queue.store.reports == []


def test_many_segments_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "SEGMENTS_LOOKED_AT", 4)
    queue = Thinned()
    queue.segments(20, each=4)
    queue.settle(range(1, 80))
    queue.tick(7)
    assert queue.offsets() == [0]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 6), st.integers(0, 3)),
        st.tuples(st.just("settle"), st.integers(0, 60), st.integers(1, 20)),
        st.tuples(st.sampled_from(["roll", "tick", "restart", "kill"]), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_nothing_needed_ever_goes(plan: list[tuple[str, int, int]]) -> None:
    """For any load: what is not settled is there, in order; what is settled goes in the end."""
    queue = Thinned()
    for verb, a, b in plan:
        if verb == "write":
            queue.write(a, compression=0 if b else 4)
        elif verb == "settle":
            queue.settle(range(a, min(a + b, queue.log.end)))
        elif verb == "roll" and queue.log.active.size:
            queue.log.roll()
        elif verb == "tick":
            queue.tick()
        elif verb in ("restart", "kill"):
            queue.restart(killed=verb == "kill")
        found = queue.offsets()
        assert found == sorted(set(found))
        assert set(range(queue.log.end)) - queue.settled <= set(found)
    end = queue.log.end
    if queue.log.active.size:
        queue.log.roll()
    queue.tick(3)
    for segment in queue.log.segments[:-1]:
        there = [at for at in queue.offsets() if segment.base <= at < segment.end]
        assert 2 * len(queue.settled.intersection(there)) <= len(there)
    assert queue.log.end == end
    assert queue.store.reports == []


@pytest.mark.parametrize("killed", [False, True])
def test_the_state_of_the_owner_stays_when_all_goes(killed: bool) -> None:
    """It may count what was ever there: no record can tell that again."""
    queue = Thinned(LogConfig(segment_bytes=4000, thinned=True))
    queue.log.state_source = lambda: b"ever: %d" % queue.log.end
    queue.write(10, size=200)
    queue.settle(range(10))
    queue.tick(2)
    assert (queue.log.start, queue.file_names()) == (10, [10])
    queue.restart(killed=killed)
    assert queue.log.saved_state() == (10, b"ever: 10")
