"""Slow work is done elsewhere, in order, and a bug in it is not kept secret."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import uvloop
from tests.unit.net.room import LOOPS

from anymq.net.clock import Alarm
from anymq.net.disk import Disk
from anymq.net.rounds import Rounds
from anymq.storage.batch import check
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Record, build, iterate
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles


def run(kind: str, scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scene(), 10)

    factory = uvloop.new_event_loop if kind == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(bounded())


@dataclass
class Job:
    """Slow work that remembers where it ran."""

    threads: list[int] = field(default_factory=list)
    published: asyncio.Event = field(default_factory=asyncio.Event)
    bug_in_run: Exception | None = None
    bug_in_done: Exception | None = None
    blocks: bool = True
    size: int = 1 << 20

    def run(self) -> None:
        self.threads.append(threading.get_ident())
        if self.bug_in_run:
            raise self.bug_in_run

    def done(self) -> None:
        if self.bug_in_done:
            raise self.bug_in_done
        self.threads.append(threading.get_ident())
        self.published.set()


class Store:
    """Has one job after the other."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = list(jobs)

    def begin_commit(self) -> Job | None:
        return self.jobs.pop(0) if self.jobs else None

    def interrupt(self) -> None:
        pass


@pytest.fixture(params=LOOPS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_work_runs_in_a_thread_and_is_published_on_the_loop(kind: str) -> None:
    async def scene() -> None:
        disk, job = Disk(Rounds(asyncio.get_running_loop())), Job()
        disk.run_slowly(job)
        assert disk.busy
        await job.published.wait()
        await asyncio.sleep(0)
        assert not disk.busy
        disk.stop()
        ours = threading.get_ident()
        assert job.threads[0] != ours
        assert job.threads[1] == ours

    run(kind, scene)


def test_what_is_dirty_meanwhile_is_the_next_commit(kind: str) -> None:
    async def scene() -> None:
        disk, first, second = Disk(Rounds(asyncio.get_running_loop())), Job(), Job()
        disk.serve(Store(first, second))  # type: ignore[arg-type]
        disk.wake()
        disk.wake()  # at the end of this turn, once
        await first.published.wait()
        await second.published.wait()
        disk.stop()
        assert sum(disk.commit_seconds.counts) >= 1

    run(kind, scene)


def test_small_commits_on_a_quick_disk_need_no_thread(kind: str) -> None:
    """Whoever sends one message at a time waits for the sync, and not for two threads as well."""

    async def scene() -> None:
        disk = Disk(Rounds(asyncio.get_running_loop()), clock=lambda: 0.0)
        jobs = [Job(size=1000) for _ in range(100)]
        large = Job()
        disk.serve(Store(*jobs, large))  # type: ignore[arg-type]
        for job in [*jobs, large]:
            disk.wake()
            await job.published.wait()
        disk.stop()
        ours = threading.get_ident()
        assert jobs[0].threads[0] != ours  # nobody knew the disk yet
        assert jobs[-1].threads[0] == ours
        assert large.threads[0] != ours

    run(kind, scene)


@pytest.mark.parametrize("half", ["run", "done"])
@pytest.mark.parametrize("kind_of_work", ["commit", "slow"])
def test_a_bug_is_told_to_who_runs_the_server(kind: str, half: str, kind_of_work: str) -> None:
    """A thread that dies in silence would let every producer wait for ever."""

    async def scene() -> None:
        disk, bug = Disk(Rounds(asyncio.get_running_loop())), ValueError("a bug")
        job = Job(bug_in_run=bug) if half == "run" else Job(bug_in_done=bug)
        if kind_of_work == "slow":
            disk.run_slowly(job)
        else:
            disk.serve(Store(job))  # type: ignore[arg-type]
            disk.wake()
        with pytest.raises(ValueError, match="a bug"):
            await disk.failed
        disk.stop()

    run(kind, scene)


def test_a_bug_in_a_commit_without_a_thread_is_told_too(kind: str) -> None:
    async def scene() -> None:
        disk = Disk(Rounds(asyncio.get_running_loop()))
        disk.serve(Store(Job(blocks=False, bug_in_run=ValueError("a bug"))))  # type: ignore[arg-type]
        disk.wake()
        with pytest.raises(ValueError, match="a bug"):
            await disk.failed
        disk.stop()

    run(kind, scene)


def test_stop_finishes_what_was_submitted(kind: str) -> None:
    async def scene() -> None:
        disk, jobs = Disk(Rounds(asyncio.get_running_loop())), [Job() for _ in range(20)]
        for job in jobs:
            disk.run_slowly(job)
        disk.stop()
        disk.stop()
        assert all(job.threads for job in jobs)

    run(kind, scene)


def test_a_bug_in_one_timer_is_not_the_end_of_the_others(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        alarm, rang = Alarm(loop), asyncio.Event()

        def boom() -> None:
            raise ValueError("a bug")

        alarm.timers.at(0, boom)
        alarm.timers.at(0, boom)
        alarm.timers.at(0, rang.set)
        await rang.wait()
        alarm.stop()

    run(kind, scene)
    assert caplog.text.count("a timer failed") == 2


def test_what_ended_is_published_before_the_end(kind: str) -> None:
    """The store is closed after this: it must know what was done to its files."""

    async def scene() -> None:
        disk, slow, commit = Disk(Rounds(asyncio.get_running_loop())), Job(), Job()
        disk.serve(Store(commit, Job()))  # type: ignore[arg-type]
        disk.wake()
        await asyncio.sleep(0)
        disk.run_slowly(slow)
        assert disk.stop()
        assert slow.published.is_set()
        assert commit.published.is_set()
        await asyncio.sleep(0)  # and not again
        assert len(slow.threads) == len(commit.threads) == 2

    run(kind, scene)


def test_the_end_does_not_wait_for_ever(kind: str) -> None:
    """A disk that hangs, or work for minutes: it is as if we were killed, which is safe."""

    async def scene() -> None:
        disk, go_on = Disk(Rounds(asyncio.get_running_loop())), threading.Event()
        hangs, behind = Job(), Job()
        hangs.run = go_on.wait  # type: ignore[method-assign, assignment]
        disk.run_slowly(hangs)
        disk.run_slowly(behind)
        assert not disk.stop(0.01)
        go_on.set()
        assert not behind.threads

    run(kind, scene)


def test_after_a_bug_the_end_is_not_a_good_one(kind: str) -> None:
    """What a commit has left on the disk is not known: the next start has to look."""

    async def scene() -> None:
        disk = Disk(Rounds(asyncio.get_running_loop()))
        disk.serve(Store(Job(bug_in_run=ValueError("a bug"))))  # type: ignore[arg-type]
        disk.wake()
        await asyncio.wait([disk.failed])
        assert not disk.stop()

    run(kind, scene)


def test_a_bug_at_the_end_is_not_a_good_end_either(kind: str) -> None:
    async def scene() -> None:
        disk = Disk(Rounds(asyncio.get_running_loop()))
        disk.run_slowly(Job(bug_in_run=ValueError("a bug")))
        assert not disk.stop()

    run(kind, scene)


COMPACTED = LogConfig(compact=True, min_cleanable_dirty_ratio=0.0, segment_bytes=1000)


async def settled(disk: Disk) -> None:
    """Return when the slow work so far is published."""
    last = Job()
    disk.run_slowly(last)
    await last.published.wait()


def test_files_that_compaction_exchanged_at_the_end_are_known_at_the_next_start(kind: str) -> None:
    """What they were before is not what the checkpoint may say: it would look like damage."""
    files = SimFiles()

    async def scene() -> None:
        disk = Disk(Rounds(asyncio.get_running_loop()))
        store = LogStore.open(files, on_dirty=disk.wake, disk_free_min=0)
        disk.serve(store)
        await write_keys(store.create(20, COMPACTED))
        for minute in (1, 2, 3):  # seal, learn, clean
            await settled(disk)
            for work in store.maintenance(minute * 60_000):
                disk.run_slowly(work)
        cleaned, last = threading.Event(), Job()
        last.run = cleaned.set  # type: ignore[method-assign]
        disk.run_slowly(last)
        assert cleaned.wait(30)  # in the files; the loop has not heard of it
        assert disk.stop()
        store.close()

    run(kind, scene)
    store = LogStore.open(files, disk_free_min=0)
    keys = read_keys(store.open_log(20, COMPACTED))
    assert set(keys) == {b"0", b"1", b"2", b"once"}
    assert len(keys) < 100, "nothing was cleaned"
    assert store.reports == []


async def write_keys(log: Log) -> None:
    """Return when a hundred batches are durable."""
    durable = asyncio.Event()
    for i in range(100):
        batch = build([Record(b"value", b"once" if i == 50 else b"%d" % (i % 3))])
        log.append(batch, check(batch), 0)
    log.when_durable(log.end - 1, lambda _: durable.set())
    await durable.wait()


def read_keys(log: Log) -> list[bytes | None]:
    keys, offset = [], 0
    while (part := log.read(offset, 1)) is not None:
        batch = part.read()
        keys += [record.key for record in iterate(batch)]
        offset = check(batch).next_offset
    return keys
