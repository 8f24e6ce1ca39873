"""Leaving: complete messages of QoS 2, whose numbers stay on the disk a little longer.

A number says that the client has the message. It may go once a restart would not find the message
in the client's queue any more, so when it is synced that the message is settled there: some time
later. After a restart we ask again about those that are left; the client says that it is done.
"""

from anymq.core.queues.progress import Progress
from anymq.protocols.mqtt.kept import InFlight, Kept, Place

AT_ONCE = 100


class Leaving:
    """Those of one client, as long as it is connected."""

    __slots__ = ("_in_flight", "_kept", "_mark", "_marked", "_place", "_progress", "_since")

    def __init__(self, place: Place, in_flight: InFlight, kept: Kept, progress: Progress) -> None:
        self._place = place
        self._in_flight = in_flight
        self._kept = kept
        self._progress = progress
        self._since: list[int] = []
        self._marked: list[int] = []
        self._mark = 0

    def add(self, number: int) -> None:
        """The client has all of this."""
        self._since.append(number)
        if self._marked and self._progress.safe_to >= self._mark:
            self._let_go()
        if not self._marked and len(self._since) >= AT_ONCE:
            self._marked, self._since = self._since, []
            self._mark = self._progress.mark()

    def _let_go(self) -> None:
        gone, self._marked = self._marked, []

        def forgotten(error: Exception | None) -> None:
            if error is None:
                for number in gone:
                    self._in_flight.written.pop(number, None)
                    self._in_flight.complete.pop(number, None)

        self._kept.forget_arrived(self._place, gone, forgotten)
