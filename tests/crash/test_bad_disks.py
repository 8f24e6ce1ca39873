"""A full disk, one that reports errors, no file descriptors, short writes: at random moments.

What was acknowledged survives a power cut at any later time; what was refused was refused with a
reason; readers go on.
"""

import errno
from random import Random

import pytest
from typing_extensions import override

from anymq.storage import doubt
from anymq.storage.errors import DiskFull, LogFailed, StorageError, TooManyFiles
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Record
from anymq.storage.store import LogStore
from anymq.storage.work import Work
from anymq.testing.simfs import SimFiles
from tests.crash.load import Load
from tests.crash.model import Promise, batches_of, check_image
from tests.crash.seeds import EFFORT, run_loads

LOADS = 150 * EFFORT
# Who cannot even note that a sync failed is beyond what is promised (durability.md).
UNHURT = ("LOCK", doubt.NOTE)
OPS = (
    "pwritev",
    "sync",
    "sync_all",
    "open",
    "rename",
    "sync_dir",
    "truncate",
    "unlink",
    "make_dir",
)


class BadDiskLoad(Load):
    """The same load; whatever the storage refuses is refused, everything else is kept."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.refusals: list[StorageError] = []

    @override
    def append(self) -> None:
        try:
            super().append()
        except StorageError as error:
            self.refusals.append(error)

    @override
    def commit_while_appending(self) -> None:
        self.append()
        self.commit()

    @override
    def replace_log(self) -> None:
        """Deleting is for another test."""

    @override
    def reopen(self) -> None:
        """A store with errors is not closed cleanly."""

    def read_all(self) -> None:
        """Readers go on, whatever became of the writers."""
        for promise in self.promises:
            log = self.store.logs[promise.log_id]
            found = [batch for _, batch in batches_of(log)]
            assert log.visible_end >= promise.visible
            assert found or promise.config.compact or is_done_with(promise, log)


def is_done_with(promise: Promise, log: Log) -> bool:
    """Is nothing to be found there, because all that was there is settled?"""
    return promise.settled.issuperset(range(log.start, log.visible_end))


def hurt(load: BadDiskLoad, rng: Random, number: int, op: str) -> None:
    load.files.fault(
        op,
        number,
        skip=rng.randrange(40),
        times=rng.choice((1, 1, 3)),
        short=rng.choice((None, 0, 1, 700)) if op == "pwritev" else None,
        when=lambda path: path not in UNHURT,
    )


def run_on_bad_disk(seed: int, number: int) -> int:
    rng, load = Random(~seed), BadDiskLoad(seed)
    load.run(40)
    for _ in range(4):
        hurt(load, rng, number, "open" if number == errno.EMFILE else rng.choice(OPS))
        load.run(25)
        for power_cut in (True, False):
            image = load.files.crash(rng) if power_cut else load.files.killed()
            check_image(image, load.promises, rng, power_cut=power_cut)
    load.files.faults.clear()
    load.read_all()
    return 1


@pytest.mark.timeout(60 * EFFORT)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EMFILE])
def test_an_error_never_costs_what_was_acknowledged(number: int) -> None:
    """Whatever fails, and whenever."""
    run_loads(f"bad disk {number}", LOADS // 3, lambda seed, _left: run_on_bad_disk(seed, number))


SEGMENT_BYTES = 4000


def small_store(**limits: int) -> tuple[SimFiles, LogStore, Promise, Log]:
    files = SimFiles(**limits)
    store = LogStore.open(files, disk_free_min=0)
    promise = Promise(20, LogConfig(segment_bytes=SEGMENT_BYTES))
    return files, store, promise, store.create(20, promise.config)


def do(work: Work | None) -> None:
    if work is not None:
        work.run()
        work.done()


def send(store: LogStore, promise: Promise, log: Log) -> None:
    promise.append(log, [Record(bytes(300))], 0)
    do(store.begin_commit())


def fill(store: LogStore, promise: Promise, log: Log) -> None:
    while not promise.errors:
        send(store, promise, log)


def test_a_full_disk_refuses_and_goes_on_when_there_is_space() -> None:
    files, store, promise, log = small_store(capacity=30_000)
    fill(store, promise, log)
    assert isinstance(promise.errors[-1], DiskFull)
    assert log.visible_end == promise.visible > 50
    with pytest.raises(DiskFull):
        promise.append(log, [Record(b"at once")], 0)
    assert sum(1 for _ in batches_of(log)) == promise.visible, "consumers go on"
    check_image(files.crash(Random(1)), [promise], Random(2), power_cut=True)
    files.capacity *= 2
    for work in store.maintenance(1):
        do(work)
    send(store, promise, log)
    assert log.visible_end == promise.visible == promise.end
    check_image(files.crash(Random(3)), [promise], Random(4), power_cut=True)


@pytest.mark.parametrize("op", ["pwritev", "sync", "sync_dir"])
def test_nothing_is_acknowledged_after_the_disk_reported_an_error(op: str) -> None:
    """fsyncgate: the next sync would say yes, and the data would not be there."""
    files, store, promise, log = small_store()
    for _ in range(5):
        send(store, promise, log)
    files.fault(op, errno.EIO, when=lambda path: "logs/20" in path)
    fill(store, promise, log)
    visible = promise.visible
    assert isinstance(promise.errors[-1], LogFailed)
    with pytest.raises(LogFailed):
        promise.append(log, [Record(b"no")], 0)
    do(store.begin_commit())
    assert promise.visible == visible
    assert sum(1 for _ in batches_of(log)) == visible, "consumers go on"
    for seed in range(20):
        check_image(files.crash(Random(seed)), [promise], Random(seed), power_cut=True)


@pytest.mark.parametrize("op", ["sync_dir", "sync", "unlink", "truncate"])
def test_what_is_taken_back_leaves_no_hole_when_that_fails_as_well(op: str) -> None:
    """A commit goes into three files: the end of the first one, and two new ones."""
    for seed in range(40):
        files, store, promise, log = small_store()
        while log.active.base == 0:
            send(store, promise, log)
        while log.active.size < SEGMENT_BYTES - 900:
            send(store, promise, log)
        files.fault("sync_dir", errno.EIO, when=lambda path: path == "logs/20")
        files.fault(op, errno.EIO, times=3, when=lambda path: path.startswith("logs/20"))
        promise.append(log, [Record(bytes(300))], 0)
        for _ in range(2):
            promise.append(log, [Record(bytes(3000))], 0)
        do(store.begin_commit())
        assert isinstance(promise.errors[-1], LogFailed)
        check_image(files.crash(Random(seed)), [promise], Random(seed), power_cut=True)


def test_no_file_descriptors_is_passing() -> None:
    files, store, promise, log = small_store()
    send(store, promise, log)
    files.handles_max = files.open_handles()
    store._disk.handles.clear()
    files.handles_max = files.open_handles()
    promise.append(log, [Record(bytes(300))], 0)
    do(store.begin_commit())
    assert isinstance(promise.errors[-1], TooManyFiles)
    files.handles_max += 2
    send(store, promise, log)
    assert log.visible_end == promise.visible == promise.end == 2


def test_a_log_in_trouble_leaves_the_others_alone() -> None:
    files = SimFiles()
    store = LogStore.open(files, disk_free_min=0)
    promises = [Promise(20 + n, LogConfig()) for n in range(3)]
    logs = [store.create(promise.log_id, promise.config) for promise in promises]
    files.fault("sync", errno.EIO, when=lambda path: "logs/21" in path)
    for promise, log in zip(promises, logs, strict=True):
        promise.append(log, [Record(b"x")], 0)
    do(store.begin_commit())
    assert [promise.visible for promise in promises] == [1, 0, 1]
    assert isinstance(promises[1].errors[0], LogFailed)
    send(store, promises[2], logs[2])
    assert promises[2].visible == 2


def test_where_an_emptied_log_ends_is_kept_though_what_comes_next_cannot_be_written() -> None:
    """Two segments that nobody has written yet, when all before them is deleted."""
    files, store, promise, log = small_store()
    for work in store.maintenance(1):  # the checkpoint, and no other one while this goes on
        do(work)
    send(store, promise, log)
    send(store, promise, log)
    log.delete_before(log.visible_end)
    promise.start = log.start
    log.roll()
    for _ in range(2):
        promise.append(log, [Record(bytes(SEGMENT_BYTES - 500))], 0)
    commit = store.begin_commit()
    works = list(store.maintenance(1))
    files.fault("open", errno.EIO, when=lambda path: path.startswith("logs/20/"))
    do(commit)
    files.faults.clear()
    assert isinstance(promise.errors[-1], LogFailed)
    for work in works:
        do(work)
    check_image(files.killed(), [promise], Random(1), power_cut=False)
    check_image(files.crash(Random(1)), [promise], Random(1), power_cut=True)
