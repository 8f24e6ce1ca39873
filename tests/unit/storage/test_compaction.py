"""Compaction: what a reader of a compacted log may rely on."""

import errno
import struct
from collections.abc import Sequence
from dataclasses import replace

import crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anymq.storage.batch import CONTROL, HAS_DELETE_HORIZON, TRANSACTIONAL, check, read_header
from anymq.storage.compaction import PRODUCER_EXPIRATION_MS, Compactor
from anymq.storage.compression import Compression
from anymq.storage.disk import Disk
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Record, build, iterate
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

DAY = 86_400_000
NOW = 20_000 * DAY
CONFIG = LogConfig(compact=True, min_cleanable_dirty_ratio=0.0)


class Compacted:
    """A compacted log, driven by hand: each `write` is a batch, each `roll` seals a segment."""

    def __init__(self, config: LogConfig = CONFIG, *, keys_max: int = 1000) -> None:
        self.files = SimFiles()
        self.store = LogStore.open(self.files, disk_free_min=0)
        self.log: Log = self.store.create(20, config)
        self.compactor = Compactor(self.disk, keys_max=keys_max)

    @property
    def disk(self) -> Disk:
        return self.store._disk

    def append(self, batch: bytes) -> int:
        offset = self.log.append(batch, check(batch), 0)
        commit = self.store.begin_commit()
        assert commit is not None
        commit.run()
        commit.done()
        return offset

    def write(self, *pairs: tuple[str | None, str | None], now: int = NOW, **fields: int) -> int:
        records = [
            Record(v.encode() if v is not None else None, k.encode() if k is not None else None,
                   (), now)
            for k, v in pairs
        ]  # fmt: skip
        compression = Compression(fields.pop("compression", 0))
        return self.append(build(records, compression=compression, **fields))

    def roll(self) -> None:
        active = self.log.active
        active.sealed = self.log.roll() is not active

    def compact(self, now: int = NOW, *, pieces_max: int = 1000) -> int:
        """Do all that is due; return how many pieces of work that was."""
        for count in range(pieces_max):
            work = self.compactor.work(self.log, now)
            if work is None:
                return count
            work.run()
            work.done()
        raise AssertionError("compaction does not end")

    def batches(self) -> list[bytes]:
        found, offset = [], self.log.start
        while (part := self.log.read(offset, 1 << 20)) is not None:
            data = part.read()
            while data:
                size = read_header(data).size
                found.append(data[:size])
                data = data[size:]
            offset = read_header(found[-1]).next_offset
        return found

    def records(self) -> list[Record]:
        return [record for batch in self.batches() for record in iterate(batch)]

    def pairs(self) -> list[tuple[int, str | None, str | None]]:
        """What is there: (offset, key, value)."""
        return [
            (r.offset, r.key.decode() if r.key is not None else None,
             r.value.decode() if r.value is not None else None)
            for r in self.records()
        ]  # fmt: skip


def test_only_the_latest_of_each_key_stays_where_it_was() -> None:
    log = Compacted()
    log.write(("a", "1"), ("b", "1"), ("a", "2"))
    log.write(("c", "1"))
    log.roll()
    log.write(("a", "3"))
    log.roll()
    log.write(("c", "9"))
    log.compact()
    assert log.pairs() == [(1, "b", "1"), (3, "c", "1"), (4, "a", "3"), (5, "c", "9")]
    first = read_header(log.batches()[0])
    assert (first.base_offset, first.last_offset_delta, first.record_count) == (0, 2, 1)
    assert log.compact() == 0, "nothing is dirty any more"


def test_the_active_segment_is_never_touched() -> None:
    log = Compacted()
    log.write(("a", "1"), ("a", "2"))
    assert log.compact() == 0
    assert log.pairs() == [(0, "a", "1"), (1, "a", "2")]


def test_reading_goes_on_while_files_are_exchanged() -> None:
    """A fetch begun before the exchange, or between its two halves, sees whole old batches."""
    log = Compacted()
    log.write(("a", "1"))
    log.write(("b", "1"))
    log.write(("a", "2"))
    log.roll()
    before = log.log.read(0, 1 << 20)
    assert before is not None
    old = before.read()
    learning = log.compactor.work(log.log, NOW)
    assert learning is not None
    learning.run()
    learning.done()
    cleaning = log.compactor.work(log.log, NOW)
    assert cleaning is not None
    cleaning.run()
    log.disk.handles.clear()
    between = log.log.read(0, 1 << 20)
    assert between is not None
    assert between.read() == old
    cleaning.done()
    assert before.read() == old
    assert log.pairs() == [(1, "b", "1"), (2, "a", "2")]


def test_an_offset_in_a_gap_leads_to_the_next_record() -> None:
    log = Compacted()
    for value in "123":
        log.write(("a", value))
    log.write(("b", "1"))
    log.roll()
    log.compact()
    assert [read_header(batch).base_offset for batch in log.batches()] == [2, 3]
    part = log.log.read(1, 1 << 20)
    assert part is not None
    assert read_header(part.read()).base_offset == 2


def test_a_segment_with_nothing_left_is_deleted_but_not_the_first() -> None:
    log = Compacted()
    for value in "123":
        log.write(("a", value))
        log.roll()
    log.write(("a", "4"))
    log.roll()
    log.compact()
    assert log.pairs() == [(3, "a", "4")]
    assert (log.log.start, log.log.end) == (0, 4)
    names = [name for name in log.files.list("logs/20") if name.endswith(".log")]
    assert names == [f"{base:020d}.log" for base in (0, 3, 4)]


def test_after_a_restart_it_goes_on_where_it_was() -> None:
    """The first file may be empty, and so may be the last: each stays what it is."""
    log = Compacted()
    log.write(("a", "1"))
    log.roll()
    log.write(("a", "2"))
    log.roll()
    log.compact()
    for value in "345":
        log.store.close()
        log.store = LogStore.open(log.files, disk_free_min=0)
        log.log = log.store.open_log(20, CONFIG)
        log.compactor = Compactor(log.disk)
        log.write(("a", value), ("b", value))
        log.roll()
        log.compact()
        files = log.files.killed()
        again = LogStore.open(files, disk_free_min=0).open_log(20, CONFIG)
        assert again.end == log.log.end
    assert log.pairs() == [(6, "a", "5"), (7, "b", "5")]


def test_a_tombstone_stays_for_its_time_and_then_goes() -> None:
    """Its time begins with the first cleaning that sees it; Kafka notes it in the batch."""
    log = Compacted()
    log.write(("a", "1"), ("b", "1"))
    log.write(("a", None), ("b", "2"), now=NOW - 5000)
    log.roll()
    log.compact(NOW)
    assert log.pairs() == [(2, "a", None), (3, "b", "2")]
    header = read_header(log.batches()[0])
    assert header.attributes & HAS_DELETE_HORIZON
    assert header.base_timestamp == NOW + DAY
    assert [r.timestamp for r in log.records()] == [NOW - 5000, NOW - 5000]
    log.write(("c", "1"))
    log.roll()
    log.compact(NOW + DAY - 1)
    assert (2, "a", None) in log.pairs()
    log.write(("d", "1"))
    log.roll()
    log.compact(NOW + DAY)
    assert log.pairs() == [(3, "b", "2"), (4, "c", "1"), (5, "d", "1")]
    assert next(r.timestamp for r in log.records()) == NOW - 5000


def test_a_tombstone_in_the_active_segment_deletes_nothing_yet() -> None:
    log = Compacted()
    log.write(("a", "1"))
    log.roll()
    log.write(("a", None))
    log.compact()
    assert log.pairs() == [(0, "a", "1"), (1, "a", None)]


def test_compression_and_headers_survive() -> None:
    log = Compacted()
    records = [
        Record(b"v%d" % n, b"k%d" % (n % 3), ((b"h", b"%d" % n), (b"h", None)), NOW + n)
        for n in range(9)
    ]
    for compression in Compression:
        log.append(build(records, compression=compression))
    log.roll()
    log.compact()
    (batch,) = log.batches()
    assert check(batch).compression == Compression.ZSTD
    expected = [record._replace(offset=36 + n) for n, record in enumerate(records)][6:]
    assert list(iterate(batch)) == expected
    assert check(batch).max_timestamp == NOW + 8


def test_keyless_records_go() -> None:
    """They can only be there from before the topic became a compacted one; Kafka drops them."""
    log = Compacted()
    log.write((None, "1"), ("a", "1"))
    log.roll()
    log.compact()
    assert log.pairs() == [(1, "a", "1")]


def test_the_last_sequence_of_a_producer_stays_as_an_empty_batch() -> None:
    """After a restart the producer may go on where it was; after a day nobody asks any more."""
    log = Compacted()
    log.write(("a", "1"), producer_id=7, producer_epoch=1, base_sequence=0)
    log.write(("a", "2"), producer_id=7, producer_epoch=1, base_sequence=1)
    log.write(("a", "3"))
    log.roll()
    log.compact()
    assert log.pairs() == [(2, "a", "3")]
    empty = check(log.batches()[0])
    assert (empty.base_offset, empty.record_count, empty.last_offset_delta) == (1, 0, 0)
    assert (empty.producer_id, empty.producer_epoch, empty.base_sequence) == (7, 1, 1)
    log.write(("b", "1"), now=NOW + 10)
    log.roll()
    log.compact(NOW + 10)
    assert len(log.batches()) == 3, "still there"
    log.write(("b", "2"))
    log.roll()
    log.compact(NOW + PRODUCER_EXPIRATION_MS + 1)
    assert [read_header(batch).producer_id for batch in log.batches()] == [-1, -1]


def marker(log: Compacted, *, commit: bool, producer_id: int) -> None:
    key = b"\0\0" + (b"\0\1" if commit else b"\0\0")
    batch = build(
        [Record(bytes(6), key, (), NOW)],
        attributes=CONTROL | TRANSACTIONAL,
        producer_id=producer_id,
        producer_epoch=0,
    )
    log.append(batch)


def test_what_was_aborted_never_supersedes() -> None:
    log = Compacted()
    log.write(("a", "1"))
    log.write(("a", "no"), attributes=TRANSACTIONAL, producer_id=7, producer_epoch=0)
    log.write(("b", "1"))
    log.write(("b", "2"), attributes=TRANSACTIONAL, producer_id=8, producer_epoch=0)
    marker(log, commit=False, producer_id=7)
    marker(log, commit=True, producer_id=8)
    log.roll()
    log.compact()
    data = [p for p in log.pairs() if not (p[1] or "").startswith("\0")]
    assert data == [(0, "a", "1"), (3, "b", "2")]


def test_an_open_transaction_stops_the_cleaning_before_it() -> None:
    log = Compacted()
    log.write(("a", "1"))
    log.write(("a", "2"))
    log.write(("a", "3"), attributes=TRANSACTIONAL, producer_id=7, producer_epoch=0)
    log.write(("a", "4"))
    log.roll()
    log.compact()
    assert log.pairs() == [(2, "a", "3"), (3, "a", "4")]
    assert log.compact() == 0, "does not try again and again"
    marker(log, commit=True, producer_id=7)
    log.roll()
    log.compact()
    assert [p for p in log.pairs() if p[1] == "a"] == [(3, "a", "4")]


def test_dirty_ratio() -> None:
    log = Compacted(replace(CONFIG, min_cleanable_dirty_ratio=0.5))
    log.write(("a", "x" * 1000), ("b", "x" * 1000))
    log.roll()
    assert log.compact() > 0
    log.write(("a", "y" * 1000))
    log.roll()
    assert log.compact() == 0, "a third is not more than half"
    log.write(("b", "y" * 1200))
    log.roll()
    assert log.compact() > 0


def test_min_lag_lets_readers_see_every_change_for_a_while() -> None:
    log = Compacted(replace(CONFIG, min_compaction_lag_ms=1000))
    log.write(("a", "1"), now=NOW - 2000)
    log.roll()
    log.write(("a", "2"), now=NOW - 500)
    log.roll()
    log.write(("a", "3"), now=NOW - 3000)
    log.roll()
    log.compact(NOW)
    assert [value for _, _, value in log.pairs()] == ["1", "2", "3"]
    log.compact(NOW + 600)
    assert [value for _, _, value in log.pairs()] == ["3"]


def test_max_lag_beats_the_dirty_ratio() -> None:
    log = Compacted(replace(CONFIG, min_cleanable_dirty_ratio=0.99, max_compaction_lag_ms=DAY))
    log.write(("b", "x" * 1000))
    log.roll()
    log.compact(NOW)
    log.write(("a", "1"), ("a", "2"))
    log.roll()
    assert log.compact(NOW) == 0
    assert log.compact(NOW + DAY + 1) > 0


def test_with_little_memory_it_takes_more_rounds() -> None:
    log = Compacted(keys_max=3)
    for value in "12":
        for key in "abcdefghij":
            log.write((key, value))
        log.roll()
    assert log.compact() > 6
    assert log.pairs() == [(10 + at, key, "2") for at, key in enumerate("abcdefghij")]


def test_many_segments_take_several_pieces_of_work() -> None:
    log = Compacted()
    for number in range(80):
        log.write(("a", str(number)), (f"k{number}", ""))
        log.roll()
    assert log.compact() == 6
    assert [p for p in log.pairs() if p[1] == "a"] == [(158, "a", "79")]
    assert len(log.pairs()) == 81


def test_how_far_it_got_is_known_after_a_restart() -> None:
    log = Compacted()
    log.write(("a", "1"), ("a", "2"))
    log.roll()
    log.compact()
    assert Compactor(log.disk).work(log.log, NOW) is None
    log.files.put("logs/20/cleaned", b"nonsense")
    assert Compactor(log.disk).work(log.log, NOW) is not None


def test_a_long_key_is_told_from_others_by_its_digest() -> None:
    log = Compacted()
    long = "k" * 500
    log.write((long, "1"), (long + "x", "1"), (long, "2"))
    log.roll()
    log.compact()
    assert log.pairs() == [(1, long + "x", "1"), (2, long, "2")]


def test_a_batch_nobody_can_read_stays() -> None:
    """Its checksum is right: a client made it so, and may know what to do with it."""
    log = Compacted()
    odd = bytearray(build([Record(b"1", b"a", (), NOW)]))
    odd[61] = 0x7F
    struct.pack_into(">I", odd, 17, crc32c.crc32c(odd[21:]))
    log.append(bytes(odd))
    log.write(("a", "2"))
    log.roll()
    log.compact()
    assert [read_header(batch).base_offset for batch in log.batches()] == [0, 1]


@pytest.mark.parametrize("skip", range(3))
@pytest.mark.parametrize("op", ["pwritev", "sync", "rename", "sync_dir", "unlink", "open"])
def test_a_failing_disk_leaves_the_log_readable(op: str, skip: int) -> None:
    """Uncompacted is harmless; a reader never gets bytes of one file by the places of another."""
    log = Compacted()
    for value in "1234":
        log.write(("a", value), ("b", value), (f"c{value}", value))
        log.roll()
    log.write(("a", "5"))
    fault = log.files.fault(
        op, errno.EIO, skip=skip, when=lambda path: "logs/20" in path and ".index.tmp" not in path
    )
    log.compact()
    assert fault.hits == 1
    assert log.store.reports or op == "open"
    log.disk.handles.clear()
    found = {(key, value) for _, key, value in log.pairs()}
    assert found >= {("a", "5"), ("b", "4"), ("c1", "1"), ("c2", "2"), ("c3", "3")}
    assert log.write(("z", "1")) == 13


def test_damage_is_repaired_before_it_is_copied() -> None:
    """A wrong offset, which no checksum covers, must not become the only copy."""
    log = Compacted()
    for value in "123":
        log.write(("a", value), (f"b{value}", value))
    log.roll()
    path = log.log.segments[0].path
    data = bytearray(log.files.content(path))
    data[7] ^= 8
    log.files.put(path, bytes(data))
    learning = log.compactor.work(log.log, NOW)
    assert learning is not None
    learning.run()
    learning.done()
    assert log.log.damaged == [log.log.segments[0]]
    for now in range(1, 9):
        for work in log.store.maintenance(NOW + now):
            work.run()
            work.done()
    assert log.pairs() == [(3, "b2", "2"), (4, "a", "3"), (5, "b3", "3")]
    assert "quarantine" in log.store.reports[0]


def test_a_full_disk_is_tried_again_later() -> None:
    log = Compacted()
    log.write(("a", "1"), ("a", "2"))
    log.roll()
    log.files.fault("pwritev", errno.ENOSPC, when=lambda path: path.endswith(".cleaned"))
    learning = log.compactor.work(log.log, NOW)
    assert learning is not None
    learning.run()
    learning.done()
    cleaning = log.compactor.work(log.log, NOW)
    assert cleaning is not None
    cleaning.run()
    cleaning.done()
    assert log.pairs() == [(0, "a", "1"), (1, "a", "2")]
    assert log.compact() > 0
    assert log.pairs() == [(1, "a", "2")]


Step = tuple[str, Sequence[tuple[str, str | None]]]
pairs = st.tuples(st.sampled_from("abcdef"), st.none() | st.sampled_from("xyz"))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(pairs, min_size=1, max_size=5)),
        st.tuples(st.sampled_from(["roll", "compact"]), st.just(())),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps, st.integers(1, 8), st.sampled_from(Compression))
def test_whoever_reads_it_all_ends_with_the_same_table(
    plan: list[Step], keys_max: int, compression: Compression
) -> None:
    """The promise of a compacted log, for any load, in any number of rounds."""
    log = Compacted(replace(CONFIG, delete_retention_ms=10), keys_max=keys_max)
    written: list[tuple[int, str, str | None]] = []
    now = NOW
    for verb, batch in plan:
        now += 7
        if verb == "write":
            base = log.write(*batch, now=now, compression=compression)
            written += [(base + at, key, value) for at, (key, value) in enumerate(batch)]
        elif verb == "roll":
            log.roll()
        else:
            log.compact(now)
        found = log.pairs()
        assert set(found) <= set(written), "nothing is made up"
        assert found == sorted(found), "order stays"
        table = {key: value for _, key, value in written if value is not None}
        assert _table(found) == _table(written), table
        active = log.log.active.base
        assert [p for p in found if p[0] >= active] == [p for p in written if p[0] >= active]


def _table(found: Sequence[tuple[int, str | None, str | None]]) -> dict[str | None, str]:
    table: dict[str | None, str] = {}
    for _, key, value in found:
        table.pop(key, None)
        if value is not None:
            table[key] = value
    return table


@pytest.mark.parametrize("after", range(12))
def test_a_stop_interrupts_it_anywhere(after: int) -> None:
    """It may have minutes to go, and whoever stops us waits for seconds."""
    log = Compacted()
    for i in range(4):
        log.write(("a", str(i)), (f"key {i}", "1"))
        log.roll()
    log.write(("a", "newest"))
    batches = 0

    def pause() -> None:
        nonlocal batches
        batches += 1
        log.disk.stopping = batches > after

    log.compactor.pause = pause
    log.compact()
    keys = {key: value for _, key, value in log.pairs()}
    assert keys == {"a": "newest"} | {f"key {i}": "1" for i in range(4)}
    log.store.close()
    log.store = LogStore.open(log.files, disk_free_min=0)
    log.log = log.store.open_log(20, CONFIG)
    assert {key: value for _, key, value in log.pairs()} == keys
    assert log.store.reports == []
    assert not [path for path in log.files.paths() if path.endswith(".cleaned")]


def test_rounds_on_many_logs_share_the_room_for_keys() -> None:
    """Each key takes memory, and hundreds of logs may be due at once."""
    room = Compacted(keys_max=64_000)
    logs = [room.log, *(room.store.create(21 + i, CONFIG) for i in range(20))]
    for room.log in logs:
        room.write(("a", "1"))
        room.roll()
        room.write(("b", "1"))
    works = [room.compactor.work(log, NOW) for log in logs]
    states = room.compactor._states.values()
    given = [state.round.keys_max for state in states if state.round is not None]
    assert given[:3] == [64_000, 32_000, 16_000]
    assert sum(given) <= 2 * 64_000
    while any(works):
        for work in filter(None, works):
            work.run()
            work.done()
        works = [room.compactor.work(log, NOW) for log in logs]
    for room.log in logs:
        assert room.compact() == 0, "its turn never came"


def test_a_log_that_is_not_compacted_any_more_takes_no_room() -> None:
    log = Compacted()
    log.write(("a", "1"))
    log.roll()
    log.write(("a", "2"))
    log.compact(pieces_max=1000)
    log.log.config = replace(CONFIG, compact=False)
    assert log.compact() == 0
    assert not log.compactor._states


def test_a_piece_of_work_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is slow waits for it: retention, too, which makes room on the disk."""
    log = Compacted()
    for i in range(9):
        log.write(("a", str(i)))
        log.roll()
    log.write(("b", "1"))
    monkeypatch.setattr("anymq.storage.compaction.PIECE_BYTES", 3 * log.log.segments[0].size)
    assert log.compact() == 6
    assert [key for _, key, _ in log.pairs()] == ["a", "b"]
