"""What a log must hold after a crash, whatever the disk did.

`Promise` is told what was appended and what was acknowledged; the checks compare it with a
recovered store. All this is plain bookkeeping, so that a bug of the storage cannot hide in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from anymq.storage.batch import BatchHeader, check, prefix, read_header
from anymq.storage.errors import StorageError
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.records import Record, build, iterate
from anymq.storage.store import LogStore
from anymq.testing.simfs import UNLIMITED, SimFiles

NOW = 1_700_000_000_000

Row = tuple[int, bytes | None, bytes | None]  # offset, key, value


@dataclass(slots=True)
class Promise:
    """One log: everything that was ever appended, and what of it we told somebody about."""

    log_id: int
    config: LogConfig
    batches: dict[int, list[bytes]] = field(default_factory=dict)  # what may be at this offset
    rows: list[Row] = field(default_factory=list)
    end: int = 0  # of what was appended and not refused
    attempted: int = 0  # nothing was ever appended beyond
    synced: int = 0  # promised to survive a power cut
    visible: int = 0  # promised to survive our death
    start: int = 0  # may have been deleted below, by retention or on demand
    deleted: bool = False  # asked to be: there, or not, or a part of it
    refused: bool = False  # since the last success: it may be there after a crash, or not
    errors: list[StorageError] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)  # need not be there any more: a thinned log

    def append(self, log: Log, records: list[Record], epoch: int) -> None:
        """Append to the log, and expect to find it again."""
        batch = build(records)
        header = check(batch)
        offset = log.append(batch, header, epoch)
        assert offset == self.end, f"got offset {offset}, not {self.end}"
        whole = prefix(offset, header.length, epoch) + batch[16:]
        self.batches.setdefault(offset, []).append(whole)
        self.rows += [(offset + at, r.key, r.value) for at, r in enumerate(records)]
        self.end = header.next_offset + offset
        self.attempted = max(self.attempted, self.end)
        log.on_rollback = lambda: self._rolled_back(log)
        log.when_durable(self.end - 1, self._note(offset, whole))

    def _note(self, offset: int, whole: bytes) -> "Then":
        return Then(self, offset, whole)

    def _rolled_back(self, log: Log) -> None:
        """What is not acknowledged is gone, and new records get its offsets; or none do."""
        assert log.end == self.visible, "nothing acknowledged is rolled back"
        self.refused = True
        self.end = self.visible
        del self.rows[self.end :]

    def needed(self, first: int, end: int) -> list[tuple[int, int]]:
        """What a queue says to the upkeep of its log."""
        return [(at, at + 1) for at in range(first, end) if at not in self.settled]

    def epoch_at(self, offset: int) -> int:
        """Which epoch the batch was written in that holds this offset."""
        base = max(base for base in self.batches if base <= offset)
        return read_header(self.batches[base][-1]).leader_epoch

    def all_synced(self) -> None:
        """The store was closed, or synced in interval mode."""
        self.synced = self.visible


@dataclass(slots=True)
class Then:
    """Waits for one batch to be durable."""

    promise: Promise
    offset: int
    whole: bytes
    called: bool = False

    def __call__(self, error: StorageError | None) -> None:
        assert not self.called, "told twice"
        self.called = True
        promise = self.promise
        if error is not None:
            promise.errors.append(error)
            return
        promise.refused = False
        promise.batches[self.offset] = [self.whole]
        promise.visible = read_header(self.whole).next_offset
        if promise.config.durability is Durability.COMMIT:
            promise.synced = promise.visible


def make_records(rng: Random, number: int, *, keyed: bool) -> list[Record]:
    """Make some records that nobody can mix up with others."""
    size = rng.choice((5, 20, 100, 300, 700, 2000))
    return [
        Record(
            None
            if keyed and rng.random() < 0.2
            else b"%d.%d." % (number, at) + rng.randbytes(size),
            b"key-%d" % rng.randrange(8) if keyed else None,
            (),
            NOW + number,
        )
        for at in range(rng.choice((1, 1, 2, 5)))
    ]


def batches_of(log: Log, *, bytes_max: int = 1 << 18) -> Iterator[tuple[BatchHeader, bytes]]:
    """Read everything that is there."""
    offset = log.start
    while (part := log.read(offset, bytes_max)) is not None:
        data = part.read()
        position = 0
        while position + 61 <= len(data):
            header = read_header(data, position)
            if position + header.size > len(data):
                break
            yield header, data[position : position + header.size]
            position += header.size
            offset = header.next_offset
        assert position, "a read brings at least one whole batch"


Found = dict[int, list[bytes]]


def contents(store: LogStore, promises: list[Promise]) -> Found:
    """Open all logs and read all there is."""
    found = {}
    for promise in promises:
        log = store.open_log(promise.log_id, promise.config)
        found[promise.log_id] = [batch for _, batch in batches_of(log)]
    return found


def check_log(promise: Promise, log: Log, found: list[bytes], promised: int) -> None:
    """A prefix with everything promised, no wrong byte, nothing that nobody sent."""
    assert log.end == log.visible_end
    assert promised <= log.end, f"ends at {log.end}, {promised} was promised"
    assert log.end <= promise.attempted, f"ends at {log.end}, nothing was sent there"
    gaps = promise.config.durability is not Durability.COMMIT
    all_unpromised = gaps and promised <= promise.start
    assert log.start <= promise.start or all_unpromised, (
        f"starts at {log.start}, not {promise.start}"
    )
    if promise.config.compact:
        _check_table(promise, log, found)
    elif promise.config.thinned:
        _check_settled(promise, log, found, promised)
    else:
        _check_prefix(promise, log, found, promised, gaps=gaps)


def _check_prefix(
    promise: Promise, log: Log, found: list[bytes], promised: int, *, gaps: bool
) -> None:
    """Each batch as it was sent, one after another.

    Of what was not promised (interval and os mode) a power cut may also leave holes.
    """
    expected = log.start
    for batch in found:
        header = read_header(batch)
        offset = header.base_offset
        assert batch in promise.batches.get(offset, ()), f"wrong bytes at {offset}"
        hole_allowed = offset <= promise.start or (gaps and expected >= promised)
        assert offset <= expected or hole_allowed, f"a hole before {offset}"
        assert header.next_offset > expected, f"offset {offset} comes again"
        expected = header.next_offset
    assert expected == log.end or (gaps and expected >= promised), f"{expected}..{log.end} missing"


def _check_settled(promise: Promise, log: Log, found: list[bytes], promised: int) -> None:
    """Every row was sent so, in order, and all that was promised and is not settled is there."""
    rows = [(r.offset, r.key, r.value) for batch in found for r in iterate(batch)]
    assert all(a[0] < b[0] for a, b in pairwise(rows)), "out of order"
    if not promise.refused:
        sent = promise.rows[: log.end]
        assert all(sent[row[0]] == row for row in rows), "a row that nobody sent"
    needed = {at for at in range(promise.start, promised) if at not in promise.settled}
    lost = needed - {row[0] for row in rows}
    assert not lost, f"{promised} was promised, {sorted(lost)} are lost"


def _check_table(promise: Promise, log: Log, found: list[bytes]) -> None:
    """Every row was sent so, in order, and whoever reads it all gets the newest of each key."""
    rows = [(r.offset, r.key, r.value) for batch in found for r in iterate(batch)]
    assert all(a[0] < b[0] for a, b in pairwise(rows)), "out of order"
    if promise.refused:
        return
    sent = promise.rows[: log.end]
    assert all(sent[row[0]] == row for row in rows), "a row that nobody sent"
    assert _table(rows) == _table(sent), "not the newest of each key"


def table_of(found: list[bytes]) -> dict[bytes | None, bytes]:
    """What a reader of these batches ends up with: the newest value of each key."""
    return _table([(r.offset, r.key, r.value) for batch in found for r in iterate(batch)])


def _table(rows: list[Row]) -> dict[bytes | None, bytes]:
    newest = {key: value for _, key, value in rows}
    return {key: value for key, value in newest.items() if value is not None}


def check_store(store: LogStore, promises: list[Promise], found: Found, *, power_cut: bool) -> None:
    """Check all logs but those that were being deleted."""
    for promise in promises:
        if not promise.deleted:
            promised = promise.synced if power_cut else promise.visible
            log = store.logs[promise.log_id]
            try:
                check_log(promise, log, found[promise.log_id], promised)
            except AssertionError as error:
                raise AssertionError(f"log {promise.log_id}: {error}") from error


def check_image(image: SimFiles, promises: list[Promise], rng: Random, *, power_cut: bool) -> None:
    """Recover, check, crash again, recover again, and go on."""
    image.capacity = UNLIMITED
    store = LogStore.open(image, disk_free_min=0)
    found = contents(store, promises)
    check_store(store, promises, found, power_cut=power_cut)
    ends = {log_id: (log.start, log.end) for log_id, log in store.logs.items()}
    again = LogStore.open(image.crash(rng), disk_free_min=0)
    assert contents(again, promises) == found, "recovering twice is not recovering once"
    assert {log_id: (log.start, log.end) for log_id, log in again.logs.items()} == ends
    _go_on(again)


def _go_on(store: LogStore) -> None:
    """Append to every log; it is found where it should be."""
    batch = build([Record(b"and on", b"key-on", (), NOW)])
    offsets = {log.id: log.append(batch, check(batch), 9) for log in store.logs.values()}
    commit = store.begin_commit()
    if commit is not None:
        commit.run()
        commit.done()
    for log in store.logs.values():
        part = log.read(offsets[log.id], 1 << 16)
        assert part is not None
        assert part.read()[16:] == batch[16:]
        assert log.visible_end == offsets[log.id] + 1
