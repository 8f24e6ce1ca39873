"""Delays: messages that come later. They wait in a log of their own; in memory is when and where.

A record's timestamp is the time when it is due. What was released is settled in the journal of all
lines, and thinning takes it out of the log. A restart reads the state that was kept when a segment
ended, and the records since.

Two kinds wait here: messages, which are published when they are due, and records, which then come
to their partitions (late.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from anymq.core.alarm import Alarm, Clock
from anymq.core.errors import Refused
from anymq.core.message import Form, Message
from anymq.core.queues import delayed, late, stored
from anymq.core.queues.delayed import Delayed
from anymq.core.queues.due import Due, Entry
from anymq.core.queues.late import LateRecord
from anymq.core.queues.settlement import Settlement
from anymq.core.queues.soon import Soon
from anymq.core.queues.witness import Witness
from anymq.core.streams.stream_names import stream_of
from anymq.observability.log import Log as News
from anymq.storage.batch import BatchHeader
from anymq.storage.errors import OffsetOutOfRange, StorageError
from anymq.storage.log import Log, LogConfig, Runs
from anymq.storage.log_config import MIB

LOG_ID = 4
# A restart reads what came after the last segment was full: a second at most.
LOG_CONFIG = LogConfig(
    delete=False, thinned=True, segment_bytes=16 * MIB, index_interval_bytes=1024
)

RELEASED_AT_ONCE = 500  # then others have their turn
# Where many are due, one after another: those of so long arrive in a few batches, not each alone.
TOGETHER_MS = 10
UNANSWERED_MAX = 10_000  # released, and not yet safe where they went
GATHERED_BYTES_MAX = 4 * MIB  # of records that are released together
ARRIVING_BYTES_MAX = 32 * MIB  # of records that are released, and not yet safe
RETRY_MS = 1000  # when the disk is full, or what is damaged is being put aside
REFUSED_PAUSE_MS_MAX = 600_000  # who is refused comes again: after ever longer pauses, to this one
TOLD_EVERY_MS = 60_000  # that messages are refused
PAGE_MAX = 1000
_STATE_VERSION = b"\1"
_RESTORE_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024
_READ_ONE_BYTES = 4096
_NEAR = 100  # positions: then one read brings the next ones, too

Then = Callable[[Exception | None], None]
Release = Callable[[str, Message, Then], None]
Arrived = Callable[[Sequence[int], Exception | None], None]
Arrive = Callable[[Sequence[tuple[int, LateRecord]], Arrived], None]

news = News(__name__)


class Waiting(NamedTuple):
    """What comes later: a message, or a record of a topic as a message."""

    id: str
    due_ms: int
    vhost_name: str
    message: Message
    topic: str | None = None
    partition: int = -1


class Delays:
    """All delayed messages. On the broker's thread only; it takes part in turns as queues do.

    `changed` is the turn's `add`. `release(vhost_name, message, then)` publishes now, `arrive`
    appends records to their partitions.
    """

    def __init__(
        self,
        log: Log,
        settlement: Settlement,
        forms: Mapping[int, Form],
        *,
        clock: Clock,
        changed: Callable[["Delays"], None],
        release: Release,
        arrive: Arrive | None = None,
        witness: Witness | None = None,
    ) -> None:
        self.scheduled = False  # of the turn
        self._log = log
        self._settlement = settlement
        self._clock = clock
        self._changed = changed
        self._release = release
        self._arrive = arrive
        self._witness = witness or Witness()
        self._forms = forms
        self._reader = delayed.Reader(forms)
        self._due = Due()
        self._unanswered: dict[int, int] = {}  # position: due
        self._gathered: list[tuple[int, LateRecord]] = []  # to arrive together
        self._gathered_bytes = 0
        self._arriving: dict[int, int] = {}  # position: bytes
        self._arriving_bytes = 0
        self._there: list[int] = []  # positions of those that arrived, and are not settled yet
        self._soon = Soon()
        self._near: dict[int, Delayed | LateRecord] = {}  # read with the last one
        self._last_read = -1
        self._alarm = Alarm(clock, self._on_time)
        self._pumping = False
        self._not_before = 0  # something went wrong
        self._together_at = 0  # those that are due until then are released together
        self._told_ms = 0  # when we said last that messages are refused
        log.state_source = self._state
        log.needed = self._needed
        log.needed_count = self._needed_count
        log.on_visible = self._on_visible
        log.on_rollback = self._on_rollback

    def restore(self) -> None:
        """Find out what waits. CorruptBatch, UnknownVersion; may then be called again."""
        log, settled = self._log, self._settlement.settled
        settled.add_range(0, log.start)
        if settled.end > log.end:  # the disk has lost records: their positions stay taken
            log.append(*stored.encode_gap(settled.end - log.end), 0)
        self._due, offset = self._saved()
        self._compare_with_settled(offset)
        offset = max(offset, log.start)
        while (found := log.read(offset, _RESTORE_BYTES)) is not None:
            for header, batch in delayed.batches(found.read()):
                for due, position in delayed.due_times(header, batch):
                    if position >= offset and position not in settled:
                        self._due.add(due, position)
                offset = header.next_offset
        self._arm()

    def _saved(self) -> tuple[Due, int]:
        """Return what waited when the state was kept, and the offset from which to read on."""
        saved = self._log.saved_state()
        if saved is None or saved[1][:1] not in (b"", _STATE_VERSION):
            return Due(), 0
        try:
            return Due.decode(saved[1][1:]), saved[0]
        except ValueError:
            return Due(), 0

    def _compare_with_settled(self, end: int) -> None:
        """What was settled since is done with, and so is what was then and is not written down."""
        settled = self._settlement.settled
        if end - settled.count(0, end) == len(self._due):
            return
        there = set()
        for due, position in list(self._due):
            if position in settled:
                self._due.remove(due, position)
            else:
                there.add(position)
        runs = settled.unsettled_runs(0, end)
        lost = [at for run in runs for at in range(*run) if at not in there]
        if lost:
            self._settlement.settle(lost, self._log.visible_end, 0)

    def __len__(self) -> int:
        return len(self._due) + len(self._unanswered)

    def add(self, vhost_name: str, message: Message, due_ms: int, then: Then | None) -> None:
        """Keep a message until it is due; `then` is called when it is safe, or cannot be."""
        if self._witness.watches and not self._witness.sends(self._log.id, self._log.end):
            if then is not None:
                then(None)
            return
        try:
            self._add(delayed.encode(vhost_name, message, due_ms), [due_ms], then)
        except StorageError as error:
            if then is not None:
                then(error)

    def add_record(self, record: LateRecord, then: Then | None) -> str:
        """Keep a record until it is due; return its id. `then`: it is safe. StorageError."""
        return id_of(record.due_ms, self.add_records([record], then))

    def add_records(self, records: Sequence[LateRecord], then: Then | None) -> int:
        """Keep records until they are due, as one batch; return the position of the first.

        `then`: they are safe. StorageError.
        """
        first = self._add(late.encode(records), [one.due_ms for one in records], then)
        self._soon.add(first, records, self._clock.now_ms())
        return first

    def _add(
        self, batch: tuple[bytes, BatchHeader], dues_ms: Sequence[int], then: Then | None
    ) -> int:
        first = self._log.append(*batch, 0)
        for position, due_ms in enumerate(dues_ms, first):
            self._due.add(due_ms, position)
        self._arm()
        if then is not None:
            self._log.when_durable(first + len(dues_ms) - 1, then)
        return first

    def page(self, count: int, *, after: str = "") -> list[Waiting]:
        """Return what comes next, or next after this id, by due time. StorageError."""
        entries = self._due.after(_entry(after)) if after else iter(self._due)
        visible = ((d, p) for d, p in entries if p < self._log.visible_end)
        found = []
        for due, position in islice(visible, min(count, PAGE_MAX)):
            there = self._read(position)
            if there is not None:
                found.append(self._waiting(due, position, there))
        return found

    def find(self, waiting_id: str) -> Waiting | None:
        """Return one, if it waits. ValueError: this is no id. StorageError."""
        due, position = _entry(waiting_id)
        if position >= self._log.visible_end or not self._due.holds(due, position):
            return None
        there = self._read(position)
        return None if there is None else self._waiting(due, position, there)

    def find_record(self, waiting_id: str) -> LateRecord | None:
        """Return a record, if it waits. ValueError: this is no id. StorageError."""
        due, position = _entry(waiting_id)
        if position >= self._log.visible_end or not self._due.holds(due, position):
            return None
        there = self._read(position)
        return there if isinstance(there, LateRecord) else None

    def _waiting(self, due: int, position: int, there: Delayed | LateRecord) -> Waiting:
        if isinstance(there, Delayed):
            return Waiting(id_of(due, position), due, there.vhost_name, there.message)
        vhost, _ = stream_of(there.topic)
        message = late.shown(there, self._forms)
        return Waiting(id_of(due, position), due, vhost, message, there.topic, there.partition)

    def hasten(self, waiting_id: str) -> bool:
        """Have one be due now; False when there is none, or it is on its way already."""
        due, position = _entry(waiting_id)
        if position >= self._log.visible_end or not self._due.remove(due, position):
            return False
        self._due.add(min(due, self._clock.now_ms()), position)
        self._changed(self)
        return True

    def cancel(self, waiting_id: str) -> bool:
        """Forget one; False when there is none, or it is on its way already."""
        try:
            due, position = _entry(waiting_id)
        except ValueError:
            return False
        if position >= self._log.visible_end or not self._due.remove(due, position):
            return False
        self._soon.take(position)
        self._settle([position])
        return True

    # Releasing: see Turn

    def pump(self) -> bool:
        """Release what is due, some of it; say whether there is more."""
        self._pumping = True
        try:
            self._settle_arrived()
            return self._release_due(self._clock.now_ms())
        finally:
            self._send_gathered()
            self._pumping = False

    def flush(self) -> None:
        """The turn is over: look again when the next one is due."""
        self._arm()

    def _release_due(self, now: int) -> bool:
        if now < self._earliest:
            return False
        count = min(RELEASED_AT_ONCE, UNANSWERED_MAX - len(self._unanswered))
        taken = self._due.take(now, self._log.visible_end, count)
        self._unanswered.update([(position, due) for due, position in taken])
        rest = iter(taken)
        try:
            for due, position in rest:
                if not self._release_one(position):
                    self._put_back([(due, position)])
                    return False  # an answer, or a timer, brings us back
        finally:
            self._put_back(rest)
        if 0 < len(taken) < count:  # all that were due
            self._together_at = now + TOGETHER_MS
        return len(taken) == RELEASED_AT_ONCE

    @property
    def _earliest(self) -> int:
        """Nothing is released before."""
        return max(self._not_before, self._together_at)

    def _put_back(self, entries: Iterable[Entry]) -> None:
        for due, position in entries:
            del self._unanswered[position]
            self._due.add(due, position)

    def _release_one(self, position: int) -> bool:
        if self._arriving_bytes >= ARRIVING_BYTES_MAX:
            return False
        try:
            there = self._read(position)
        except StorageError as error:
            self._wait(str(error))
            return False
        if there is None:  # damaged: the storage has said so
            del self._unanswered[position]
            self._settle([position])
        else:
            self._unanswered[position] = there.due_ms
            self._send(position, there)
        return True

    @property
    def _is_enough(self) -> bool:
        """Is so much on its way that the rest waits for answers?"""
        return len(self._unanswered) >= UNANSWERED_MAX or self._arriving_bytes >= ARRIVING_BYTES_MAX

    def _send(self, position: int, there: Delayed | LateRecord) -> None:
        if isinstance(there, Delayed):
            self._release(there.vhost_name, there.message, partial(self._released, position))
            return
        self._arriving[position] = size = there.size
        self._arriving_bytes += size
        self._gathered.append((position, there))
        self._gathered_bytes += size
        if self._gathered_bytes >= GATHERED_BYTES_MAX:
            self._send_gathered()

    def _send_gathered(self) -> None:
        """Let records arrive: those of one partition as a batch."""
        if self._gathered:
            gathered, self._gathered, self._gathered_bytes = self._gathered, [], 0
            assert self._arrive is not None
            self._arrive(gathered, self._arrived)

    def _arrived(self, positions: Sequence[int], error: Exception | None) -> None:
        self._arriving_bytes -= sum(map(self._arriving.pop, positions))
        if error is None:  # those of other partitions arrive in the same commit
            self._there += positions
            self._changed(self)
        else:
            for position in positions:
                self._released(position, error)

    def _settle_arrived(self) -> None:
        if self._there:
            there, self._there = sorted(self._there), []
            for position in there:
                del self._unanswered[position]
            self._settle(there)

    def _released(self, position: int, error: Exception | None) -> None:
        due = self._unanswered.pop(position)
        if error is None:
            self._settle([position])
        elif isinstance(error, Refused):
            self._put_off(due, position, str(error))
        else:
            self._due.add(due, position)
            self._wait(str(error))

    def _put_off(self, due: int, position: int, reason: str) -> None:
        """Where it goes it is not taken now; the others go their ways. Each pause is twice as long.

        It is due at its old time again after a restart.
        """
        now = self._clock.now_ms()
        self._due.add(now + min(max(now - due, RETRY_MS), REFUSED_PAUSE_MS_MAX), position)
        if now - self._told_ms >= TOLD_EVERY_MS:
            self._told_ms = now
            news.warning("delayed messages are refused, and wait on", reason=reason)
        self._arm()

    def _settle(self, positions: Sequence[int]) -> None:
        self._settlement.settle(positions, self._log.visible_end, 0)
        if not self._pumping:  # else the journal is written at the end of this turn
            self._changed(self)

    def _wait(self, reason: str) -> None:
        now = self._clock.now_ms()
        if now >= self._not_before:
            news.warning("delayed messages cannot be delivered now", reason=reason)
        self._not_before = now + RETRY_MS
        self._arm()

    def _arm(self) -> None:
        """Have a timer run when the next one is due."""
        first = self._due.first()
        if first is None or self._is_enough:
            return
        self._alarm.at(max(first[0], self._earliest))

    def _on_time(self) -> None:
        first = self._due.first()
        if first is None:
            return
        if max(first[0], self._earliest) > self._clock.now_ms():
            self._arm()  # the timer was for one that the disk, when it was written, brought before
        elif first[1] < self._log.visible_end:
            self._changed(self)

    def _on_visible(self) -> None:
        first = self._due.first()
        if first is not None and first[0] <= self._clock.now_ms():
            self._changed(self)

    def _on_rollback(self) -> None:
        """The disk did not take the last ones; their senders know."""
        end = self._log.end
        for due, position in [entry for entry in self._due if entry[1] >= end]:
            self._due.remove(due, position)
            self._soon.take(position)
        self._arm()  # the timer may have been for one of these

    # What the storage asks

    def _state(self) -> bytes:
        """Return everything that waits, as of the log's end."""
        for position, due in self._unanswered.items():
            self._due.add(due, position)
        content = _STATE_VERSION + self._due.encode() if self._due else b""
        for position, due in self._unanswered.items():
            self._due.remove(due, position)
        return content

    def _needed(self, first: int, end: int) -> Runs:
        return self._settlement.settled.unsettled_runs(first, end)

    def _needed_count(self, first: int, end: int) -> int:
        return end - first - self._settlement.settled.count(first, end)

    # Reading

    def _read(self, position: int) -> Delayed | LateRecord | None:
        """Return one; None when it is not there any more. StorageError."""
        there = self._soon.take(position) or self._near.pop(position, None)
        if there is not None:
            return there
        in_order = 0 < position - self._last_read < _NEAR
        self._last_read = position
        try:
            found = self._log.read(position, _READ_BYTES if in_order else _READ_ONE_BYTES)
        except OffsetOutOfRange:
            return None
        if found is None:
            return None
        # Due at other times than its neighbours: then they are not read in vain.
        there_are = self._reader.read(found.read(), position)
        self._near = dict(there_are if in_order else islice(there_are, 1))
        self._last_read = max(self._near, default=position)
        return self._near.pop(position, None)


def id_of(due: int, position: int) -> str:
    """Return the id by which one that waits is found."""
    return f"{due}-{position}"


def _entry(waiting_id: str) -> Entry:
    """Return what an id stands for. ValueError when it is none."""
    due, _, position = waiting_id.rpartition("-")
    return int(due), int(position)
