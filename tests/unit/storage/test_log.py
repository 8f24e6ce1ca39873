"""What the owner of a log may rely on."""

import pytest
from tests.unit.storage.batches import make_batch, with_header
from tests.unit.storage.stores import (
    SMALL,
    append,
    do,
    fill,
    open_store,
    outcome,
    read_all,
    tick,
    turn,
    write,
)

from anymq.storage.batch import read_header
from anymq.storage.errors import LogDeleted, OffsetOutOfRange
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.records import Record, build
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles


@pytest.fixture
def files() -> SimFiles:
    return SimFiles()


@pytest.fixture
def store(files: SimFiles) -> LogStore:
    return open_store(files)


@pytest.fixture
def log(store: LogStore) -> Log:
    return store.create(20, SMALL)


def test_offsets_count_records(log: Log) -> None:
    assert [append(log, count=count) for count in (3, 1, 2)] == [0, 3, 4]
    assert (log.start, log.end, log.visible_end) == (0, 6, 0)


def test_nothing_is_seen_before_its_commit(store: LogStore, log: Log) -> None:
    told = outcome(log, append(log))
    assert log.read(0, 1000) is None
    work = store.begin_commit()
    assert work is not None
    work.run()
    assert told == []
    assert log.read(0, 1000) is None
    work.done()
    assert told == [None]
    assert len(read_all(log)) == 1
    assert outcome(log, 0) == [None], "at once when it is there already"


def test_who_watches_is_told_when_more_is_visible(store: LogStore, log: Log) -> None:
    seen: list[int] = []
    log.on_visible = lambda: seen.append(log.visible_end)
    append(log)
    append(log)
    turn(store)
    write(store, log)
    assert seen == [2, 3]


def test_appended_while_a_commit_runs_is_the_next_one(store: LogStore, log: Log) -> None:
    append(log, b"first")
    work = store.begin_commit()
    second = outcome(log, append(log, b"second"))
    do(work)
    assert (log.visible_end, second) == (1, [])
    turn(store)
    assert second == [None]
    assert store.begin_commit() is None


def test_the_driver_is_told_once_a_turn(files: SimFiles) -> None:
    woken: list[int] = []
    store = LogStore.open(files, on_dirty=lambda: woken.append(1), disk_free_min=0)
    logs = [store.create(20 + i, SMALL) for i in range(3)]
    for one in [*logs, *logs]:
        append(one)
    assert len(woken) == 1
    turn(store)
    append(logs[0])
    assert len(woken) == 2


def test_prefix_is_ours_the_rest_as_it_came(store: LogStore, log: Log) -> None:
    append(log, b"before")
    batch, header = with_header(make_batch(b"x" * 50, count=4))
    log.append(batch, header, 7)
    turn(store)
    part = log.read(1, 1000)
    assert part is not None
    data = part.read()
    assert (read_header(data).base_offset, read_header(data).leader_epoch) == (1, 7)
    assert data[16:] == batch[16:]


class TestReading:
    """A fetch gets whole batches from the one that holds its offset."""

    def test_from_inside_a_batch(self, store: LogStore, log: Log) -> None:
        append(log, count=5)
        append(log, count=5)
        turn(store)
        for offset, base in ((0, 0), (4, 0), (5, 5), (9, 5)):
            part = log.read(offset, 10_000)
            assert part is not None
            assert read_header(part.read()).base_offset == base
        assert log.read(10, 1000) is None

    def test_out_of_range(self, store: LogStore, log: Log) -> None:
        fill(store, log, 3)
        for offset in (-1, 4):
            with pytest.raises(OffsetOutOfRange):
                log.read(offset, 1000)

    def test_the_first_batch_is_whole_if_one_is_wanted(self, store: LogStore, log: Log) -> None:
        fill(store, log, 3, size=100)
        size = len(make_batch(bytes(39)))
        part, small = log.read(1, 10), log.read(1, 10, at_least_one=False)
        assert part is not None
        assert small is not None
        assert (part.size, small.size) == (size, 10)

    def test_every_offset_over_many_segments(self, store: LogStore, log: Log) -> None:
        fill(store, log, 60)
        assert len(log.segments) > 5
        for offset in range(60):
            part = log.read(offset, 1)
            assert part is not None
            assert read_header(part.read()).base_offset == offset
        assert [base for base, _ in read_all(log, 17, 250)] == list(range(17, 60))

    def test_headers(self, store: LogStore, log: Log) -> None:
        fill(store, log, 20)
        found, offset = [], 3
        while headers := log.headers(offset):
            found += [header.base_offset for header in headers]
            offset = headers[-1].next_offset
        assert found == list(range(3, 20))

    def test_readers_outlive_the_cache_of_open_files(self, files: SimFiles) -> None:
        store = LogStore.open(files, disk_free_min=0, handles_max=2)
        logs = [store.create(20 + i, SMALL) for i in range(10)]
        for one in logs:
            write(store, one, b"%d" % one.id)
        parts = [one.read(0, 1000) for one in logs]
        for one, part in zip(logs, parts, strict=True):
            assert part is not None
            assert part.read().endswith(b"%d" % one.id)
        del parts, part
        assert files.open_handles() <= 3


class TestTime:
    """ListOffsets by timestamp."""

    def test_first_record_since(self, store: LogStore) -> None:
        log = store.create(21, SMALL)
        for times in ([10, 30, 20], [50, 40], [60]):
            batch = build([Record(b"v", timestamp=time) for time in times])
            log.append(*with_header(batch), 0)
            turn(store)
        found = {at: log.offset_at(at) for at in (0, 10, 11, 31, 45, 51, 60, 61)}
        assert found == {
            0: (0, 10), 10: (0, 10), 11: (1, 30), 31: (3, 50), 45: (3, 50), 51: (5, 60),
            60: (5, 60), 61: None,
        }  # fmt: skip
        assert log.newest_timestamp() == (5, 60)

    def test_over_many_segments(self, store: LogStore, log: Log) -> None:
        fill(store, log, 60)  # at 1000, 1001, …; what is inside is not readable as records
        assert [log.offset_at(1000 + i) for i in range(60)] == [(i, 1000 + i) for i in range(60)]

    def test_only_what_is_visible(self, store: LogStore, log: Log) -> None:
        assert log.newest_timestamp() is None
        write(store, log, timestamp=5)
        append(log, timestamp=9)
        assert log.newest_timestamp() == (0, 5)
        assert log.offset_at(6) is None

    def test_not_below_the_start(self, store: LogStore, log: Log) -> None:
        fill(store, log, 10)
        log.delete_before(5)
        assert log.offset_at(0) == (5, 1005)


class TestSegments:
    """Files of a bounded size, with state kept between them."""

    def test_a_segment_ends_before_it_is_too_big(self, store: LogStore, log: Log) -> None:
        fill(store, log, 30)
        assert all(segment.size <= SMALL.segment_bytes for segment in log.segments)
        assert log.size_bytes() == sum(segment.size for segment in log.segments)

    def test_a_batch_bigger_than_a_segment_has_its_own(self, store: LogStore, log: Log) -> None:
        write(store, log)
        write(store, log, bytes(5000))
        write(store, log)
        assert [segment.base for segment in log.segments] == [0, 1, 2]

    def test_rolls_when_old(self, store: LogStore) -> None:
        log = store.create(21, LogConfig(segment_ms=1000))
        tick(store, 10_000)
        write(store, log)
        tick(store, 10_999)
        assert len(log.segments) == 1
        tick(store, 11_000)
        assert len(log.segments) == 2
        tick(store, 20_000)
        assert len(log.segments) == 2, "an empty one does not age"

    def test_sealed_at_the_next_tick(self, files: SimFiles, store: LogStore, log: Log) -> None:
        log.state_source = lambda: b"state at %d" % log.end
        fill(store, log, 12)
        tick(store)
        sealed = log.segments[0]
        assert sealed.sealed
        assert sealed.index_path in files.paths()
        assert log.durable.end == sealed.end
        assert log.saved_state() == (sealed.end, b"state at %d" % sealed.end)

    def test_not_sealed_before_it_is_written(self, store: LogStore, log: Log) -> None:
        for _ in range(12):
            append(log, bytes(60))
        tick(store)
        assert not log.segments[0].sealed
        turn(store)
        tick(store)
        assert log.segments[0].sealed

    def test_only_the_last_states_are_kept(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        log.state_source = lambda: b"state"
        fill(store, log, 60)
        tick(store)
        assert len([path for path in files.paths() if path.endswith(".state")]) == 2

    def test_few_indexes_in_memory(self, store: LogStore, log: Log) -> None:
        fill(store, log, 800)
        tick(store)
        tick(store)
        assert len(log.segments) > 70
        loaded = [segment for segment in log.segments if segment.index is not None]
        assert len(loaded) <= 66
        assert [base for base, _ in read_all(log)] == list(range(800))


class TestDeletion:
    """DeleteRecords and DeleteTopics."""

    def test_start_inside_a_segment(self, store: LogStore, log: Log) -> None:
        fill(store, log, 5)
        log.delete_before(3)
        assert log.start == 3
        with pytest.raises(OffsetOutOfRange):
            log.read(2, 1000)
        assert [base for base, _ in read_all(log)] == [3, 4]
        log.delete_before(1)
        assert log.start == 3, "never back"
        with pytest.raises(OffsetOutOfRange):
            log.delete_before(6)

    def test_a_deleted_log(self, files: SimFiles, store: LogStore, log: Log) -> None:
        write(store, log)
        told = outcome(log, append(log))
        work = store.delete(20)
        assert isinstance(told[0], LogDeleted)
        with pytest.raises(LogDeleted):
            append(log)
        do(work)
        assert not [path for path in files.paths() if path.startswith("logs/")]
        do(store.delete(20))

    def test_deleted_while_its_first_commit_runs(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        append(log)
        commit = store.begin_commit()
        do(store.delete(20))
        do(commit)
        tick(store)
        assert not [path for path in files.paths() if path.startswith("logs/")]


def test_leader_epochs(store: LogStore, log: Log) -> None:
    for epoch in (0, 0, 2, 2, 5):
        log.append(*with_header(make_batch()), epoch)
    turn(store)
    assert [log.epoch_end(epoch) for epoch in (0, 1, 2, 5, 9)] == [
        (0, 2), (0, 2), (2, 4), (5, 5), (5, 5),
    ]  # fmt: skip


def test_durability_may_change(store: LogStore) -> None:
    log = store.create(21, LogConfig(durability=Durability.OS))
    write(store, log)
    assert log.durable.end == 0
    log.config = LogConfig()
    write(store, log)
    assert log.durable.end == 2
