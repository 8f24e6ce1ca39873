"""Pending: a response that waits for several things, but not longer than the client does."""

from collections.abc import Callable
from functools import partial
from typing import Any

from anymq.core.catalog import Then
from anymq.core.errors import Refused
from anymq.core.timers import Timer
from anymq.protocols.kafka import errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.storage.errors import StorageError

_TIMED_OUT = "The request timed out; it may be done yet."


class Pending:
    """Each entry of the response is there at once, or when the disk has it.

    A client that gives no time (0) wants no answer before it is done either: in practice that is
    at once.
    """

    def __init__(self, call: Call, response: Any, timeout_ms: int = 0) -> None:
        self._call = call
        self._response = response
        self._timeout_ms = timeout_ms
        self._open: dict[int, errors.Entry] = {}
        self._asked = False
        self._timer: Timer | None = None

    def entry(self, entry: errors.Entry) -> Then:
        """Wait for this entry too; return what is to be called when it is done."""
        self._open[id(entry)] = entry
        return partial(self._done, entry)

    def ask(self, entry: errors.Entry, action: Callable[[Then], object]) -> None:
        """Do this for the entry: refused at once, or done when the disk has it."""
        then = self.entry(entry)
        try:
            action(then)
        except (Refused, StorageError) as error:
            then(error)

    def all_asked(self) -> None:
        """Everything was asked for: send the answer when the last of it is there."""
        self._asked = True
        if not self._open:
            self._reply()
        elif self._timeout_ms > 0:
            broker = self._call.broker
            due = broker.clock.monotonic() + self._timeout_ms / 1000
            self._timer = broker.timers.at(due, self._time_up)

    def _done(self, entry: errors.Entry, error: Exception | None) -> None:
        if self._open.pop(id(entry), None) is None:
            return  # its time was up
        if error is not None:
            errors.explain(entry, error)
        if self._asked and not self._open:
            self._reply()

    def _time_up(self) -> None:
        for entry in self._open.values():
            errors.refuse(entry, ErrorCode.REQUEST_TIMED_OUT, _TIMED_OUT)
        self._open.clear()
        self._reply()

    def _reply(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._call.reply(self._response)
