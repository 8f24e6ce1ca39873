"""Agenda: when something is to be done about which half message."""

from collections.abc import Callable

from anymq.core.alarm import Alarm, Clock
from anymq.core.queues.due import Due
from anymq.core.transactions.open import Open
from anymq.storage.log import Log


class Agenda:
    """`wake` is called when something is due, and the disk has it."""

    def __init__(self, log: Log, clock: Clock, wake: Callable[[], None]) -> None:
        self._log = log
        self._clock = clock
        self._wake = wake
        self._due = Due()
        self._alarm = Alarm(clock, self._on_time)
        self._not_before: int | None = None  # None: nothing is to be done at all yet
        log.on_visible = self._look

    def begin(self) -> None:
        """From now on."""
        self.pause(0)

    def pause(self, until_ms: int) -> None:
        """Do nothing before."""
        self._not_before = until_ms
        self.arm()

    def put(self, one: Open, due_ms: int) -> None:
        """Do something about it then."""
        self._due.remove(one.due_ms, one.position)
        one.due_ms = due_ms
        self._due.add(due_ms, one.position)
        self.arm()

    def drop(self, one: Open) -> None:
        """There is nothing to be done about it; harmless when there was nothing."""
        self._due.remove(one.due_ms, one.position)

    def first(self, now_ms: int) -> int | None:
        """Return the position of the one whose turn it is."""
        first = self._due.first()
        if first is None or self._not_before is None or self._not_before > now_ms:
            return None
        due, position = first
        return position if due <= now_ms and position < self._log.visible_end else None

    def arm(self) -> None:
        """Have a timer run when the next one is due."""
        first = self._due.first()
        if first is None or self._not_before is None:
            return
        self._alarm.at(max(first[0], self._not_before))

    def _on_time(self) -> None:
        """What the disk has not is looked at when it has."""
        self._look()
        first = self._due.first()
        if first is not None and first[0] > self._clock.now_ms():
            self.arm()

    def _look(self) -> None:
        if self.first(self._clock.now_ms()) is not None:
            self._wake()
