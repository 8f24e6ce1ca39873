"""Deeds: what a job does with the messages that it finds."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from typing_extensions import override

from anymq.config.units import MIB
from anymq.core.browsing.source import Source, Stored
from anymq.core.browsing.targets import Target
from anymq.core.errors import Refused
from anymq.core.message import Message

IN_FLIGHT_MAX = 1000  # sent, and not yet safe there
IN_FLIGHT_BYTES_MAX = 4 * MIB
FAILED_MAX = 100  # one after another, and nothing that went well: then more of it is no use

Edit = Callable[[Message], Message]
Changed = Callable[[], None]


class Tally:
    """What became of them so far."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self.skipped = 0  # not ready any more
        self.error: str | None = None  # the first


class Deed(Protocol):
    """What is done with them."""

    def room(self, pending: Sequence[Stored]) -> int:
        """Return how many of these may be handed over now."""

    def take(self, stored: Sequence[Stored]) -> None:
        """Do it with these."""

    @property
    def busy(self) -> bool:
        """Is something still under way?"""

    @property
    def hopeless(self) -> bool:
        """Has nothing gone well for long?"""


class Deleting(Deed):
    """They are settled."""

    busy = False
    hopeless = False

    def __init__(self, source: Source, tally: Tally) -> None:
        self._source = source
        self._tally = tally

    @override
    def room(self, pending: Sequence[Stored]) -> int:
        return len(pending)

    @override
    def take(self, stored: Sequence[Stored]) -> None:
        claimed = self._source.claim(stored)
        self._source.settle(claimed)
        self._tally.done += len(claimed)
        self._tally.skipped += len(stored) - len(claimed)


class Sending(Deed):
    """They go elsewhere. What is to leave its place leaves it when it is safe in the other.

    It is claimed meanwhile, so no consumer gets it here; and it is here again if it cannot go.
    """

    def __init__(
        self,
        source: Source,
        tally: Tally,
        target: Target,
        *,
        edit: Edit | None,
        keep: bool,
        changed: Changed,
    ) -> None:
        self._source = source
        self._tally = tally
        self._target = target
        self._edit = edit
        self._keep = keep or not source.consumed
        self._changed = changed
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._failed_lately = 0

    @property
    @override
    def busy(self) -> bool:
        return self._in_flight > 0

    @property
    @override
    def hopeless(self) -> bool:
        return self._failed_lately >= FAILED_MAX

    @override
    def room(self, pending: Sequence[Stored]) -> int:
        left, count = IN_FLIGHT_BYTES_MAX - self._in_flight_bytes, 0
        for _, message in pending[: IN_FLIGHT_MAX - self._in_flight]:
            if left <= 0:
                break
            left -= len(message.body)
            count += 1
        return count

    @override
    def take(self, stored: Sequence[Stored]) -> None:
        claimed = set(() if self._keep else self._source.claim(stored))
        for position, message in stored:
            if self._keep or position in claimed:
                self._send(position, message)
            else:
                self._tally.skipped += 1

    def _send(self, position: int, message: Message) -> None:
        self._in_flight += 1
        self._in_flight_bytes += len(message.body)
        then = partial(self._answered, position, len(message.body))
        try:
            edited = message if self._edit is None else self._edit(message)
            self._target.send(edited, then)
        except Refused as error:
            then(error)

    def _answered(self, position: int, size: int, error: Exception | None) -> None:
        self._in_flight -= 1
        self._in_flight_bytes -= size
        if error is None:
            self._tally.done += 1
            self._failed_lately = 0
            if not self._keep:
                self._source.settle([position])
        else:
            self._tally.failed += 1
            self._tally.error = self._tally.error or str(error)
            self._failed_lately += 1
            if not self._keep:
                self._source.give_back([position])
        self._changed()
