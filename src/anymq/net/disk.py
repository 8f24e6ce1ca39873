"""Disk: runs what blocks in helper threads, and publishes it on the loop.

Group commit without a timer: what was appended in one round of the loop is one commit; what arrives
while it runs is the next one.
"""

import time
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread

from typing_extensions import override

from anymq.net.rounds import Rounds
from anymq.observability.log import Log
from anymq.observability.metrics import Histogram
from anymq.storage.store import LogStore
from anymq.storage.work import Work

log = Log("anymq.disk")

HERE_SECONDS_MAX = 0.004
APART_SECONDS = 1.0
# A small commit on a disk that syncs about as fast as a thread is woken twice is not worth waking
# one for: `./dev bench amqp --only "window 1, disk"` doubles.
QUICK_SYNC_SECONDS = 0.0005
SMALL_COMMIT_BYTES = 64 * 1024
STALLED_SECONDS = 10.0  # how long such a disk is not trusted after it was slow
STOP_SECONDS = 5.0  # for what is under way when we stop

Job = tuple[Work, Callable[[], None]]


class Helper:
    """One thread that runs work in order and hands each back to the loop.

    Work never raises: what cannot be done, it keeps and tells in `done`. When it raises all the
    same, that is a bug, and nobody knows what is on the disk: `on_bug` is told, on the loop.
    """

    def __init__(
        self, loop: AbstractEventLoop, name: str, on_bug: Callable[[BaseException], None]
    ) -> None:
        self._loop = loop
        self._on_bug = on_bug
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._ended: deque[Job] = deque()  # run, and not published yet
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work, then: Callable[[], None]) -> None:
        """Run `work`; then, on the loop, publish it and call `then`."""
        self._queue.put((work, then))

    def stop(self, seconds: float) -> bool:
        """Finish what was submitted, publish it here and now, and end the thread.

        False: it takes longer. What is not begun by then never is; what is, goes on without us.
        """
        self._queue.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._forget_the_rest()
            return False
        while self._ended:
            self._publish()
        return True

    def _forget_the_rest(self) -> None:
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put(None)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                job[0].run()
            except BaseException as bug:
                job = (_Bug(bug), job[1])
            self._ended.append(job)
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(self._publish)

    def _publish(self) -> None:
        if not self._ended:
            return  # `stop` was quicker
        work, then = self._ended.popleft()
        try:
            work.done()
            then()
        except BaseException as bug:
            self._on_bug(bug)


class _Bug(Work):
    """What comes of work that raised."""

    def __init__(self, bug: BaseException) -> None:
        self._bug = bug

    @override
    def run(self) -> None:
        """It has run."""

    @override
    def done(self) -> None:
        raise self._bug


class Disk:
    """Drives a LogStore: commits, interval syncs, and slow work beside them."""

    def __init__(self, rounds: Rounds, clock: Callable[[], float] = time.monotonic) -> None:
        loop = rounds.loop
        self.commit_seconds = Histogram()
        self.failed: Future[None] = loop.create_future()  # gets the exception when there is a bug
        self._commit_began = 0.0
        self._apart_until = 0.0
        self._usual_seconds = 1.0  # that a small commit takes with its sync, lately
        self._small = False  # is the commit under way such a one?
        self._rounds = rounds
        self._clock = clock
        self._store: LogStore | None = None
        self._commits = Helper(loop, "anymq-commit", self._fail)
        self._slow = Helper(loop, "anymq-maintenance", self._fail)
        self._scheduled = False
        self._committing = False
        self._syncing = False
        self._slow_pending = 0
        self._stopped = self._broken = False

    def serve(self, store: LogStore) -> None:
        """Drive this store from now on."""
        self._store = store

    def wake(self) -> None:
        """Something is to be committed: at the end of this round."""
        if not self._scheduled and not self._committing:
            self._scheduled = True
            self._rounds.commit(self._commit)

    def sync_interval(self) -> None:
        """Sync what the interval mode has written so far."""
        assert self._store is not None
        if not self._syncing and (work := self._store.begin_sync()) is not None:
            self._syncing = True
            self._commits.submit(work, self._synced)

    @property
    def busy(self) -> bool:
        """Is slow work still under way?"""
        return self._slow_pending > 0

    def run_slowly(self, work: Work) -> None:
        """Run work that nobody waits for."""
        self._slow_pending += 1
        self._slow.submit(work, self._slow_done)

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End the threads; what was submitted is finished first. Harmless when they ended.

        False: it could not be finished in time, or there was a bug. Then the store is to be left
        as it is, as if we had been killed: the next start looks at everything.
        """
        self._stopped = True
        if self._store is not None:
            self._store.interrupt()
        until = time.monotonic() + seconds
        ended = [
            helper.stop(max(until - time.monotonic(), 0.1))
            for helper in (self._commits, self._slow)
        ]
        self.failed.cancel()
        return all(ended) and not self._broken

    def _commit(self) -> None:
        self._scheduled = False
        try:
            self._begin_commit()
        except Exception as bug:
            self._fail(bug)

    def _begin_commit(self) -> None:
        assert self._store is not None
        if self._committing or self._stopped:  # once stopped, the store itself writes the rest
            return
        if (work := self._store.begin_commit()) is None:
            return
        self._commit_began = self._clock()
        self._small = work.blocks and work.size <= SMALL_COMMIT_BYTES
        quick = not work.blocks or (self._small and self._usual_seconds < QUICK_SYNC_SECONDS)
        if quick and self._commit_began >= self._apart_until:
            self._run_here(work)
        else:
            self._committing = self._rounds.helped = True
            self._commits.submit(work, self._committed)

    def _run_here(self, work: Work) -> None:
        """Write to the page cache at once: it takes less than to wake the helper.

        Unless the kernel makes who writes wait, because too much is on its way to a slow disk: then
        the helper waits in our place for a while, and everybody else is served.
        """
        work.run()
        seconds = self._clock() - self._commit_began
        if seconds > HERE_SECONDS_MAX:
            apart = STALLED_SECONDS if self._small else APART_SECONDS
            self._apart_until = self._commit_began + seconds + apart
        self._note(seconds)
        work.done()

    def _note(self, seconds: float) -> None:
        self.commit_seconds.observe(seconds)
        if self._small:
            self._usual_seconds += (seconds - self._usual_seconds) / 8

    def _committed(self) -> None:
        self._committing = self._rounds.helped = False
        self._note(self._clock() - self._commit_began)
        self._begin_commit()

    def _synced(self) -> None:
        self._syncing = False

    def _slow_done(self) -> None:
        self._slow_pending -= 1

    def _fail(self, bug: BaseException) -> None:
        """Nothing more can be promised: whoever runs us is to stop, and recover at the restart."""
        log.error("the disk work failed: a bug, and the end", reason=repr(bug))
        self._broken = True
        if not self.failed.done():
            self.failed.set_exception(bug)
