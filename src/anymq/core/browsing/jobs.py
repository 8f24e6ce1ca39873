"""Jobs: all of them, a little at a time: whoever consumes and publishes has the broker in between.

While nobody else has anything to do, jobs go on without a pause; else they rest for some times as
long as they worked, so that they take a part of a busy broker that nobody notices.
"""

from collections import deque
from collections.abc import Callable, Iterator

from anymq.config.units import MIB, MINUTE_MS
from anymq.core.browsing.job import Job, State, Step
from anymq.core.clock import Clock
from anymq.core.errors import Conflict
from anymq.core.queues.turn import Turn
from anymq.core.steady import Steady
from anymq.core.timers import Timer, Timers
from anymq.observability.log import Log as News

SLICE_SECONDS = 0.002
STEPS_MAX = 16  # in a slice
OTHERS_SECONDS = 0.0005  # of work of others between two slices: then somebody is at work
REST_FACTOR = 3
RETRY_SECONDS = 1.0  # when something cannot be read now
KEPT_MAX = 100
KEPT_BYTES_MAX = 64 * MIB  # of what they have found, all together; the newest is kept anyway
KEPT_MS = 60 * MINUTE_MS
RUNNING_MAX_OF_USER = 10
RUNNING_MAX = 50

news = News(__name__)


class Jobs:
    """Those that run, and those that have ended lately."""

    def __init__(self, clock: Clock, timers: Timers, steady: Steady, turn: Turn) -> None:
        self._clock = clock
        self._timers = timers
        self._steady = steady
        self._turn = turn
        self._by_id: dict[str, Job] = {}
        self._running: deque[Job] = deque()
        self._waiting: dict[Job, None] = {}
        self._timer: Timer | None = None
        # How much the broker's thread has worked at all. Time that passes says nothing: a busy
        # machine is no busy broker.
        self.worked: Callable[[], float] = lambda: 0.0
        self._worked_until = 0.0
        self._retry_at = 0.0
        self._count = 0

    def __iter__(self) -> Iterator[Job]:
        self._forget_old()
        return iter(self._by_id.values())

    def get(self, job_id: str) -> Job | None:
        """Return one, if it is there."""
        self._forget_old()
        return self._by_id.get(job_id)

    def begin(self, job: Job) -> str:
        """Have it done; return its id. Conflict: there are too many."""
        self._forget_old()
        running = [one for one in self._by_id.values() if one.running]
        of_user = sum(one.user == job.user for one in running)
        if of_user >= RUNNING_MAX_OF_USER or len(running) >= RUNNING_MAX:
            raise Conflict("too many jobs run: wait for one of them, or cancel it")
        self._count += 1
        job.id = str(self._count)
        self._by_id[job.id] = job
        self._running.append(job)
        self._go_on_in(0.0)
        return job.id

    def cancel(self, job: Job) -> None:
        """Stop one that runs, forget one that has ended."""
        if job.running:
            self._end(job, State.CANCELLED)
        else:
            self._by_id.pop(job.id, None)

    def changed(self, job: Job) -> None:
        """What a job has waited for has come."""
        if job in self._waiting:
            del self._waiting[job]
            self._running.append(job)
            self._go_on_in(0.0)

    def close(self) -> None:
        """The end is near: nothing more is begun."""
        for job in list(self._by_id.values()):
            job.end(State.CANCELLED)
        self._running.clear()
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    # Within

    def _go_on_in(self, seconds: float) -> None:
        due = self._clock.monotonic() + seconds
        if self._timer is not None and self._timer.pending:
            if self._timer.due <= due:
                return
            self._timer.cancel()
        self._timer = self._timers.at(due, self._slice)

    def _slice(self) -> None:
        """Work for a moment; then others have theirs."""
        began, worked = self._clock.monotonic(), self.worked()
        of_others = worked - self._worked_until
        if began >= self._retry_at:
            self._retry_at = began + RETRY_SECONDS
            self._running.extend(self._waiting)
            self._waiting.clear()
        for _ in range(STEPS_MAX):
            if not self._running or self._clock.monotonic() - began >= SLICE_SECONDS:
                break
            self._step(self._running.popleft())
        self._turn.run()  # what was sent is dealt, what was settled is written
        self._worked_until = self.worked()
        if self._running:
            rest = REST_FACTOR * (self._worked_until - worked)
            self._go_on_in(rest if of_others > OTHERS_SECONDS else 0.0)
        elif self._waiting:
            self._go_on_in(RETRY_SECONDS)

    def _step(self, job: Job) -> None:
        if not job.running:
            return
        try:
            step = job.step()
        except Exception as bug:
            news.exception("a job failed", id=job.id)
            job.fail(f"something is wrong here; the log says what: {type(bug).__name__}")
            step = Step.END
        if step is Step.GO_ON:
            self._running.append(job)
        elif step is Step.WAIT:
            self._waiting[job] = None
        else:
            job.ended_ms = self._steady.now_ms()

    def _end(self, job: Job, state: State) -> None:
        job.end(state)
        job.ended_ms = self._steady.now_ms()
        self._waiting.pop(job, None)

    def _forget_old(self) -> None:
        now_ms = self._steady.now_ms()
        ended = [one for one in self._by_id.values() if not one.running]
        size = 0
        for index, job in enumerate(reversed(ended)):
            size += 0 if job.results is None else job.results.size
            surplus = index >= KEPT_MAX or (index > 0 and size > KEPT_BYTES_MAX)
            if surplus or now_ms - (job.ended_ms or now_ms) > KEPT_MS:
                del self._by_id[job.id]
